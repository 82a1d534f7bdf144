//! What a token endpoint's answer means (RFC 6749, sections 5.1 and 5.2, and Microsoft's AADSTS codes).
//!
//! Pure. Of a refusal only the code and the first sentence of Microsoft's own description are kept: the rest of an
//! answer is never shown, as nobody knows what is in it.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::{Fresh, is_token};
use crate::domain::delivery::Decision;

/// The longest sentence kept, in characters.
const LONGEST_SENTENCE: usize = 200;

/// Errors of the endpoint that pass by themselves.
const PASSING: [&str; 3] = ["temporarily_unavailable", "server_error", "slow_down"];

/// What to do about Microsoft's commonest refusals, by code.
const ADVICE: [(&str, &str); 9] = [
    ("AADSTS7000215", "put the secret's value, not its ID, into mail.oauth.client_secret_file"),
    ("AADSTS7000222", "the client secret has expired: make a new one and put it into mail.oauth.client_secret_file"),
    ("AADSTS700016", "check mail.oauth.client_id and tenant: the application is not in that directory"),
    ("AADSTS700027", "register the certificate of mail.oauth.certificate_file with the application"),
    ("AADSTS700024", "this machine's clock is wrong"),
    ("AADSTS90002", "check mail.oauth.tenant: there is no such directory"),
    ("AADSTS900023", "check mail.oauth.tenant: there is no such directory"),
    ("AADSTS70011", "check mail.oauth.scope; for Exchange Online it is https://outlook.office365.com/.default"),
    ("AADSTS1002012", "check mail.oauth.scope; for Exchange Online it is https://outlook.office365.com/.default"),
];

/// For every other refusal.
const GENERAL_ADVICE: &str = "check tenant, client_id, scope and the secret or certificate in mail.oauth";

#[derive(Deserialize)]
struct Granted {
    access_token: SecretString,
    token_type: Option<String>,
    expires_in: Option<Seconds>,
}

/// A number, or one in quotes, as older endpoints write it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(u64),
    Text(String),
}

#[derive(Deserialize)]
struct Denied {
    error: String,
    error_description: Option<String>,
}

/// The token in an answer, or why there is none and what that decides.
pub(super) fn read(status: u16, body: &[u8]) -> Result<Fresh, (Decision, String)> {
    match status {
        200 => granted(body),
        300..=399 => {
            let why = format!("it sent us elsewhere (HTTP {status}), where no secret goes: check mail.oauth.token_url");
            Err((Decision::SenderWide, why))
        }
        400..=499 if !matches!(status, 408 | 429) => Err(denied(status, body)),
        429 => Err((Decision::TransportDown, "it is asked too often (HTTP 429)".to_owned())),
        _ => Err((Decision::TransportDown, format!("it cannot answer just now (HTTP {status})"))),
    }
}

fn granted(body: &[u8]) -> Result<Fresh, (Decision, String)> {
    let nonsense = |what: &str| (Decision::TransportDown, format!("its answer {what}; check mail.oauth.token_url"));
    let granted: Granted = serde_json::from_slice(body).map_err(|_| nonsense("is not that of a token endpoint"))?;
    if granted.token_type.is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
        return Err(nonsense("is a token of another kind than Bearer"));
    }
    if !is_token(granted.access_token.expose_secret()) {
        return Err(nonsense("holds no access token that could be used"));
    }
    let seconds = granted.expires_in.and_then(|life| match life {
        Seconds::Number(seconds) => Some(seconds),
        Seconds::Text(text) => text.trim().parse().ok(),
    });
    Ok(Fresh { token: granted.access_token, life: seconds.map(Duration::from_secs) })
}

fn denied(status: u16, body: &[u8]) -> (Decision, String) {
    let Some(denied) = serde_json::from_slice::<Denied>(body).ok().filter(|denied| is_code(&denied.error)) else {
        return (Decision::SenderWide, format!("it refused us (HTTP {status}): check mail.oauth.token_url"));
    };
    let sentence = denied.error_description.as_deref().and_then(first_sentence);
    let reason = sentence.as_deref().map_or_else(String::new, |sentence| format!(", {sentence}"));
    if PASSING.contains(&denied.error.as_str()) {
        return (
            Decision::TransportDown,
            format!("it cannot answer just now (HTTP {status}, {}{reason})", denied.error),
        );
    }
    let why = format!("it refused us (HTTP {status}, {}{reason}): {}", denied.error, advice(sentence.as_deref()));
    (Decision::SenderWide, why)
}

/// `invalid_client`
fn is_code(word: &str) -> bool {
    !word.is_empty() && word.len() <= 40 && word.chars().all(|c| c.is_ascii_lowercase() || c == '_')
}

/// `AADSTS7000215: Invalid client secret provided`; nothing for a description that is not Microsoft's.
fn first_sentence(description: &str) -> Option<String> {
    let code = code_of(description)?;
    let line = description.lines().next()?;
    let sentence = line.split_once(". ").map_or(line, |(sentence, _)| sentence).trim_end_matches('.');
    let plain = sentence.chars().filter(|c| !c.is_control()).take(LONGEST_SENTENCE).collect();
    Some(plain).filter(|plain: &String| plain.starts_with(code))
}

/// `AADSTS7000215`
fn code_of(description: &str) -> Option<&str> {
    let digits = description.strip_prefix("AADSTS")?;
    let length = digits.find(|c: char| !c.is_ascii_digit()).filter(|length| *length > 0)?;
    description.get(.."AADSTS".len() + length)
}

fn advice(sentence: Option<&str>) -> &'static str {
    let code = sentence.and_then(code_of);
    let known = ADVICE.iter().find(|(known, _)| Some(*known) == code);
    known.map_or(GENERAL_ADVICE, |(_, advice)| advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, body: &str) -> (Decision, String) {
        read(status, body.as_bytes()).unwrap_err()
    }

    #[test]
    fn a_token_is_taken_with_its_life_in_either_spelling() {
        for (body, life) in [
            (
                r#"{"token_type":"Bearer","expires_in":3599,"ext_expires_in":3599,"access_token":"ey.J0-_=","x":[]}"#,
                Some(3599),
            ),
            (r#"{"token_type":"bearer","expires_in":"3599","access_token":"ey.J0-_="}"#, Some(3599)),
            (r#"{"access_token":"ey.J0-_="}"#, None),
        ] {
            let fresh = read(200, body.as_bytes()).unwrap();
            assert_eq!(fresh.token.expose_secret(), "ey.J0-_=");
            assert_eq!(fresh.life, life.map(Duration::from_secs));
        }
    }

    #[test]
    fn an_answer_that_is_no_token_is_nonsense_and_never_shown() {
        let long = format!(r#"{{"access_token":"{}"}}"#, "x".repeat(9000));
        for body in [
            "",
            "<html>hunter2</html>",
            "[]",
            r#"{"access_token":""}"#,
            r#"{"access_token":"hunter2\u0001auth=x"}"#,
            r#"{"access_token":"hunter2","token_type":"mac"}"#,
            r#"{"access_token":5}"#,
            &long,
        ] {
            let (decision, why) = refusal(200, body);
            assert_eq!(decision, Decision::TransportDown, "{why}");
            assert!(why.contains("mail.oauth.token_url") && !why.contains("hunter2"), "{why}");
        }
    }

    #[test]
    fn of_a_refusal_the_code_and_microsofts_first_sentence_are_kept() {
        let body = r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '8f1'. Trace ID: 0a Correlation ID: 0b Timestamp: 2026-11-20 08:00:00Z","error_codes":[7000215],"trace_id":"0a"}"#;
        let (decision, why) = refusal(401, body);
        assert_eq!(decision, Decision::SenderWide);
        assert_eq!(
            why,
            "it refused us (HTTP 401, invalid_client, AADSTS7000215: Invalid client secret provided): put the secret's \
             value, not its ID, into mail.oauth.client_secret_file"
        );
    }

    #[test]
    fn a_description_that_is_not_microsofts_is_left_out() {
        for body in [
            r#"{"error":"invalid_client","error_description":"we do not know hunter2"}"#,
            r#"{"error":"invalid_client","error_description":"AADSTS: hunter2"}"#,
            r#"{"error":"invalid_client"}"#,
            "hunter2",
            r#"{"error":"no code but hunter2"}"#,
        ] {
            let (decision, why) = refusal(400, body);
            assert_eq!(decision, Decision::SenderWide, "{why}");
            assert!(why.starts_with("it refused us (HTTP 400") && !why.contains("hunter2"), "{why}");
        }
    }

    #[test]
    fn what_passes_by_itself_is_no_refusal() {
        let passing = r#"{"error":"temporarily_unavailable","error_description":"AADSTS90033: A transient error has occurred. Please try again."}"#;
        for (status, body) in [(429, ""), (500, ""), (503, "<html>"), (408, ""), (400, passing), (204, "")] {
            let (decision, why) = refusal(status, body);
            assert_eq!(decision, Decision::TransportDown, "{why}");
            assert!(why.contains(&status.to_string()), "{why}");
        }
        let (decision, why) = refusal(302, "");
        assert_eq!(decision, Decision::SenderWide);
        assert!(why.contains("mail.oauth.token_url"), "{why}");
    }
}
