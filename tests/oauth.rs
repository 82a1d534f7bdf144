//! Logging in with access tokens: where they come from, how long they are kept, and what becomes of a refusal.
//!
//! The mail server does as it is told, over real TLS under an authority of its own; the token endpoint is an HTTP
//! server on a loopback port. `oauth/real.rs` does it against Postfix and Dovecot, when the environment names them.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail like tests")]

#[path = "smtp/fake.rs"]
#[expect(dead_code, reason = "shared with tests/smtp.rs, which uses the rest of it")]
mod fake;
#[path = "oauth/program.rs"]
mod on_the_command_line;
#[expect(dead_code, reason = "shared with tests/commands.rs, which uses the rest of it")]
mod program;
#[path = "oauth/real.rs"]
mod real;
#[path = "oauth/world.rs"]
mod world;

use std::{
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use fake::{Do, Fake, mail, polite};
use lapsewatch::{
    config::{Auth, Credential, OAuth, Tls, TokenSource},
    domain::delivery::{Decision, Step},
    mail::{Mailer, SendError, smtp::SmtpMailer},
};
use tokio::time::timeout;
use wiremock::{MockServer, ResponseTemplate};
use world::{CLIENT, SECRET, World, challenging, challenging_and, form, logs, refusing, server, tokens};

const JO: &str = "jo.doe@anyshire.example";

#[track_caller]
fn check(error: &SendError, step: Option<Step>, decision: Decision, words: &str) {
    assert_eq!((error.step(), error.decision()), (step, decision), "{error}");
    assert!(error.to_string().contains(words), "{error}");
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains(SECRET) && !shown.contains("hunter2"), "a secret is in {shown}");
}

#[tokio::test]
async fn one_token_serves_every_log_in_until_it_ends() {
    let world = World::new(server(&["hunter2-1"]).await, tokens(3600).await);
    let mailer = world.mailer(|_| ());
    mailer.probe().await.unwrap();
    let mut session = mailer.session();
    session.send(&mail(JO)).await.unwrap();
    session.send(&mail("two@anyshire.example")).await.unwrap();
    session.close().await;
    assert_eq!(world.smtp.heard().len(), 2, "a connection for the probe and one for the session");
    let asked = world.endpoint.received_requests().await.unwrap();
    assert_eq!(asked.len(), 1);
    let sent = form(&asked[0]);
    assert_eq!(sent["grant_type"], "client_credentials");
    assert_eq!(sent["client_id"], CLIENT);
    assert_eq!(sent["scope"], "https://outlook.office365.com/.default");
    assert_eq!(sent["client_secret"], SECRET);
    assert_eq!(sent.len(), 4);
}

#[tokio::test]
async fn a_certificate_takes_the_place_of_the_secret() {
    let world = World::new(server(&["hunter2-1"]).await, tokens(3600).await);
    let mailer = world.mailer(|settings| settings.credential = world.certificate());
    mailer.probe().await.unwrap();
    let sent = form(&world.endpoint.received_requests().await.unwrap()[0]);
    assert_eq!(sent["client_assertion_type"], "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    assert!(!sent.contains_key("client_secret"));
    let claims = sent["client_assertion"].split('.').nth(1).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    assert_eq!((claims["aud"].as_str(), claims["sub"].as_str()), (Some(world.token_url().as_str()), Some(CLIENT)));
}

#[tokio::test]
async fn a_token_that_ended_early_is_replaced_once_and_the_message_goes() {
    for smtp in [server(&["hunter2-2"]).await, challenging(&["hunter2-2"]).await] {
        let world = World::new(smtp, tokens(3600).await);
        let mut session = world.mailer(|_| ()).session();
        session.send(&mail(JO)).await.unwrap();
        session.close().await;
        assert_eq!(world.asked().await, 2);
        let heard = world.smtp.heard();
        assert_eq!(heard.len(), 2, "a connection for each log-in");
        assert_eq!(heard[0].iter().filter(|line| line.starts_with("AUTH")).count(), 1);
    }
}

#[tokio::test]
async fn a_refused_token_is_refused_twice_and_then_stops_the_batch() {
    let world = World::new(server(&[]).await, tokens(3600).await);
    let error = world.mailer(|_| ()).session().send(&mail(JO)).await.unwrap_err();
    let words = format!(
        "localhost:{} refused the access token for reminders@anyshire.example (535 5.7.3 Authentication unsuccessful): \
         check mail.smtp.username, the scope of the token, that the application may send as this mailbox, and that the \
         mailbox allows SMTP",
        world.smtp.port
    );
    check(&error, Some(Step::Auth), Decision::SenderWide, &words);
    assert_eq!((world.asked().await, world.smtp.heard().len()), (2, 2), "no loop");
    assert_eq!(error.outcome().as_str(), "deferred", "nobody is rejected");
}

#[tokio::test]
async fn a_challenge_is_answered_with_nothing_and_its_status_is_told() {
    let world = World::new(challenging(&[]).await, tokens(3600).await);
    let error = world.mailer(|_| ()).probe().await.unwrap_err();
    let words = r#"(535 5.7.3 Authentication unsuccessful, {"status":"401","schemes":"bearer","scope":"mail"})"#;
    check(&error, Some(Step::Auth), Decision::SenderWide, words);
    for connection in world.smtp.heard() {
        assert_eq!(connection.last().unwrap(), "", "{connection:?}");
    }
    assert_eq!(world.asked().await, 2);
}

#[tokio::test]
async fn a_server_that_hangs_up_after_its_challenge_has_refused_and_one_that_puts_us_off_has_not() {
    let closing = World::new(challenging_and(Do::Close, &[]).await, tokens(3600).await);
    let words = r#"(334 {"status":"401","schemes":"bearer","scope":"mail"}): check mail.smtp.username"#;
    let error = closing.mailer(|_| ()).probe().await.unwrap_err();
    check(&error, Some(Step::Auth), Decision::SenderWide, words);
    let reply = "454 4.7.0 Temporary authentication failure";
    let busy = World::new(challenging_and(Do::Say(reply), &[]).await, tokens(3600).await);
    check(&busy.mailer(|_| ()).probe().await.unwrap_err(), Some(Step::Auth), Decision::TransportDown, reply);
    assert_eq!((closing.asked().await, busy.asked().await), (2, 1));
}

#[tokio::test]
async fn a_log_in_that_the_server_sends_back_is_not_shown() {
    let sent_back = "dXNlcj1yZW1pbmRlcnNAYW55c2hpcmUuZXhhbXBsZQFhdXRoPUJlYXJlciBodW50ZXIyLTEBAQ==";
    let reply = format!("535 5.7.8 I do not like {sent_back} at all").leak();
    let world = World::new(refusing(reply).await, tokens(3600).await);
    let error = world.mailer(|_| ()).probe().await.unwrap_err();
    check(&error, Some(Step::Auth), Decision::SenderWide, "(535 5.7.8 I do not like … at all)");
    assert!(world.smtp.heard()[0].contains(&format!("AUTH XOAUTH2 {sent_back}")), "it was ours");
}

#[tokio::test]
async fn a_refusal_that_no_token_can_mend_asks_for_none() {
    let reply = "550 5.7.30 Basic authentication is not supported for Client Submission";
    let world = World::new(refusing(reply).await, tokens(3600).await);
    check(&world.mailer(|_| ()).probe().await.unwrap_err(), Some(Step::Auth), Decision::SenderWide, reply);
    let busy = World::new(refusing("454 4.7.0 Temporary authentication failure").await, tokens(3600).await);
    check(&busy.mailer(|_| ()).probe().await.unwrap_err(), Some(Step::Auth), Decision::TransportDown, "454 4.7.0");
    assert_eq!((world.asked().await, busy.asked().await), (1, 1));
}

#[tokio::test]
async fn connections_that_log_in_together_share_one_request_and_one_refresh() {
    let world = World::new(server(&["hunter2-2"]).await, tokens(3600).await);
    let mailer = world.mailer(|_| ());
    let together: Vec<_> = (0..8)
        .map(|_| {
            let mut session = mailer.session();
            tokio::spawn(async move { session.send(&mail(JO)).await.unwrap() })
        })
        .collect();
    for one in together {
        one.await.unwrap();
    }
    assert_eq!(world.asked().await, 2);
}

#[tokio::test]
async fn connections_that_are_refused_together_share_one_refresh_too() {
    let world = World::new(server(&[]).await, tokens(3600).await);
    let mailer = world.mailer(|_| ());
    let together: Vec<_> = (0..8)
        .map(|_| {
            let mut session = mailer.session();
            tokio::spawn(async move { session.send(&mail(JO)).await.unwrap_err() })
        })
        .collect();
    for one in together {
        check(&one.await.unwrap(), Some(Step::Auth), Decision::SenderWide, "refused the access token");
    }
    assert_eq!(world.asked().await, 2);
}

#[tokio::test]
async fn a_server_that_is_not_trusted_never_sees_a_token() {
    let other = Fake::start_tls("localhost", true, |_, line| polite(line)).await;
    let starttls = |script: fn(&str) -> Do| Fake::start_tls("localhost", false, move |_, line| script(line));
    let stripped = starttls(|line| match line.split(' ').next() {
        Some("EHLO") => Do::Say("250-fake\r\n250 AUTH XOAUTH2"),
        _ => polite(line),
    });
    let injected = starttls(|line| match line {
        "STARTTLS" => Do::StartTls { sneak: "250-fake\r\n250 AUTH XOAUTH2\r\n235 2.7.0 Welcome\r\n" },
        _ => polite(line),
    });
    let refused = starttls(|line| if line == "STARTTLS" { Do::Say("454 4.7.0 No TLS today") } else { polite(line) });
    let named_otherwise = Fake::start_tls("mail.far.example", false, |_, line| polite(line));
    for (smtp, decision, words) in [
        (stripped.await, Decision::SenderWide, "it does not offer STARTTLS"),
        (injected.await, Decision::SenderWide, "cannot be trusted"),
        (refused.await, Decision::TransportDown, "refused STARTTLS (454 4.7.0 No TLS today)"),
        (named_otherwise.await, Decision::SenderWide, "its certificate is not for localhost"),
    ] {
        let world = World::new(smtp, tokens(3600).await);
        check(&world.mailer(|_| ()).probe().await.unwrap_err(), Some(Step::Tls), decision, words);
        assert!(world.smtp.heard().concat().iter().all(|line| !line.starts_with("AUTH")));
    }
    let world = World::new(server(&["hunter2-1"]).await, tokens(3600).await);
    let settings = lapsewatch::config::Smtp { ca_file: Some(other.ca_file()), ..world.settings(|_| ()) };
    let error = SmtpMailer::new(&settings).unwrap().probe().await.unwrap_err();
    check(&error, Some(Step::Tls), Decision::SenderWide, "mail.smtp.ca_file");
    let settings = lapsewatch::config::Smtp { tls: Tls::None, ..world.settings(|_| ()) };
    check(&SmtpMailer::new(&settings).unwrap_err(), None, Decision::SenderWide, "access tokens need mail.smtp.tls");
}

#[tokio::test]
async fn a_server_without_xoauth2_is_told_no_token() {
    let smtp = Fake::start_tls("localhost", false, |_, line| match line.split(' ').next() {
        Some("EHLO") => Do::Say("250-fake\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN"),
        _ => polite(line),
    });
    let world = World::new(smtp.await, tokens(3600).await);
    let error = world.mailer(|_| ()).probe().await.unwrap_err();
    check(&error, None, Decision::SenderWide, "does not offer the log-in \"XOAUTH2\"");
}

/// Who waits in vain is in a hurry, nobody else: on a busy machine a second is short.
fn for_words(smtp: Fake, words: &str) -> Fake {
    if words.contains("within 1 s") { smtp.in_a_hurry() } else { smtp }
}

/// What the endpoint answers, and what that decides and says; the mail server is never spoken to.
async fn no_token(answer: ResponseTemplate, decision: Decision, words: &str) {
    let endpoint = MockServer::start().await;
    wiremock::Mock::given(wiremock::matchers::any()).respond_with(answer).mount(&endpoint).await;
    let world = World::new(for_words(server(&["hunter2-1"]).await, words), endpoint);
    let error = world.mailer(|_| ()).session().send(&mail(JO)).await.unwrap_err();
    check(&error, None, decision, words);
    assert!(error.to_string().starts_with("no access token from 127.0.0.1: "), "{error}");
    assert_eq!((world.asked().await, world.smtp.heard().len()), (1, 0), "{error}");
}

#[tokio::test]
async fn a_refusal_of_the_endpoint_is_told_without_its_secrets() {
    let body = format!(
        r#"{{"error":"invalid_client","error_description":"AADSTS7000222: The provided client secret keys for app '8f1' are expired. You sent {SECRET}. Trace ID: 0a"}}"#
    );
    let words = "it refused us (HTTP 401, invalid_client, AADSTS7000222: The provided client secret keys for app '8f1' \
                 are expired): the client secret has expired: make a new one";
    no_token(ResponseTemplate::new(401).set_body_raw(body, "application/json"), Decision::SenderWide, words).await;
    let body = format!(r#"{{"error":"invalid_client","error_description":"{SECRET}"}}"#);
    let words = "it refused us (HTTP 400, invalid_client): check tenant, client_id";
    no_token(ResponseTemplate::new(400).set_body_raw(body, "application/json"), Decision::SenderWide, words).await;
    let body = format!(r#"{{"error":"invalid_client","error_description":"AADSTS1: No {SECRET}. No"}}"#);
    let words = "(HTTP 400, invalid_client, AADSTS1: No …)";
    no_token(ResponseTemplate::new(400).set_body_raw(body, "application/json"), Decision::SenderWide, words).await;
}

#[tokio::test]
async fn an_answer_that_is_none_brings_the_transport_down() {
    let down = Decision::TransportDown;
    no_token(ResponseTemplate::new(200).set_body_string("<html>hunter2"), down, "not that of a token endpoint").await;
    no_token(ResponseTemplate::new(200).set_body_string("x".repeat(5_000_000)), down, "its answer has no end").await;
    no_token(ResponseTemplate::new(502), down, "it cannot answer just now (HTTP 502)").await;
    let late = ResponseTemplate::new(200).set_delay(Duration::from_secs(20));
    no_token(late, down, "it gave no answer within 1 s").await;
}

#[tokio::test]
async fn an_answer_that_stops_half_way_is_waited_for_no_longer_than_the_limit() {
    for (ending, words) in [
        (Do::Say("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"), "it gave no answer within 1 s"),
        (Do::SayAndClose("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"), "it cannot be reached ("),
    ] {
        let half = Fake::start(answering(ending)).await;
        let world = World::new(for_words(server(&["hunter2-1"]).await, words), tokens(3600).await);
        let mailer = world.mailer(|settings| settings.token_url = format!("http://127.0.0.1:{}/token", half.port));
        let error = timeout(Duration::from_secs(10), mailer.probe()).await.unwrap().unwrap_err();
        check(&error, None, Decision::TransportDown, words);
    }
}

#[tokio::test]
async fn secrets_follow_no_redirect() {
    let elsewhere = tokens(3600).await;
    let redirect = ResponseTemplate::new(307).insert_header("location", format!("{}/token", elsewhere.uri()));
    no_token(redirect, Decision::SenderWide, "it sent us elsewhere (HTTP 307)").await;
    assert_eq!(elsewhere.received_requests().await.unwrap().len(), 0);
}

#[tokio::test]
async fn an_endpoint_that_is_asked_too_often_is_left_alone_for_as_long_as_it_says() {
    for status in [429, 503] {
        let endpoint = MockServer::start().await;
        let answer = ResponseTemplate::new(status).insert_header("retry-after", "120");
        wiremock::Mock::given(wiremock::matchers::any()).respond_with(answer).mount(&endpoint).await;
        let world = World::new(server(&["hunter2-1"]).await, endpoint);
        let mailer = world.mailer(|_| ());
        for _ in 0..3 {
            let error = mailer.session().send(&mail(JO)).await.unwrap_err();
            check(&error, None, Decision::TransportDown, &format!("(HTTP {status}) and asks us to wait 120 s"));
        }
        assert_eq!(world.asked().await, 1);
    }
}

#[tokio::test]
async fn an_endpoint_that_is_not_there_brings_the_transport_down() {
    let world = World::new(server(&["hunter2-1"]).await, tokens(3600).await);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mailer = world.mailer(|settings| settings.token_url = format!("http://{free}/token"));
    let error = mailer.probe().await.unwrap_err();
    check(
        &error,
        None,
        Decision::TransportDown,
        "it cannot be reached (Connection refused (os error 111)): check that",
    );
}

/// The script of an endpoint by hand: it does so when the form's header has ended, and says nothing before.
fn answering(ending: Do) -> impl Fn(usize, &str) -> Do {
    let begun = AtomicBool::new(false);
    move |_, line| if line.is_empty() && begun.fetch_or(true, SeqCst) { ending.clone() } else { Do::Split(&[]) }
}

/// An endpoint that speaks HTTP over TLS.
async fn encrypted(name: &str) -> Fake {
    let body = r#"{"access_token":"hunter2-1","expires_in":3600}"#;
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    Fake::start_tls(name, true, answering(Do::Say(answer.leak()))).await
}

#[tokio::test]
async fn an_endpoint_is_trusted_by_the_authority_that_the_settings_name_and_by_no_other() {
    let ask = async |endpoint: &Fake, ca_file: &Fake| {
        let world = World::new(server(&["hunter2-1"]).await, tokens(3600).await);
        let mailer = world.mailer(|settings| {
            settings.token_url = format!("https://localhost:{}/token", endpoint.port);
            settings.ca_file = Some(ca_file.ca_file());
        });
        mailer.probe().await
    };
    let (here, far) = (encrypted("localhost").await, encrypted("login.far.example").await);
    ask(&here, &here).await.unwrap();
    let unknown = ask(&encrypted("localhost").await, &here).await.unwrap_err();
    check(&unknown, None, Decision::SenderWide, "it cannot be trusted: its certificate comes from an authority");
    check(&unknown, None, Decision::SenderWide, "name the right one in mail.oauth.ca_file");
    let named_otherwise = ask(&far, &far).await.unwrap_err();
    let words = "its certificate is not for localhost; mail.oauth.token_url must be a name in the certificate";
    check(&named_otherwise, None, Decision::SenderWide, words);
    assert!(far.heard().concat().is_empty(), "not a word");
}

#[tokio::test]
async fn a_proxy_is_used_when_the_settings_name_it() {
    let world = World::new(server(&["hunter2-1"]).await, tokens(3600).await);
    let proxy = world.endpoint.uri();
    let mailer = world.mailer(|settings| {
        (settings.token_url, settings.proxy) = ("http://login.far.example/token".into(), Some(proxy));
    });
    mailer.probe().await.unwrap();
    let asked = world.endpoint.received_requests().await.unwrap();
    assert_eq!(asked[0].headers["host"], "login.far.example");
}

#[tokio::test]
async fn a_secret_that_is_open_to_everybody_or_missing_is_refused_before_asking() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new(server(&["hunter2-1"]).await, tokens(3600).await);
    let why = |settings: OAuth| {
        let settings =
            lapsewatch::config::Smtp { tokens: Some(TokenSource::Endpoint(settings)), ..world.settings(|_| ()) };
        SmtpMailer::new(&settings).unwrap_err().to_string()
    };
    let missing = lapsewatch::config::SecretFile::Path("/nowhere/secret".into());
    let mut settings = world.oauth();
    settings.credential = Credential::Secret { file: missing, expires_on: None };
    assert!(why(settings).starts_with("mail.oauth.client_secret_file /nowhere/secret: No such file"));
    let settings = OAuth { ca_file: Some("/nowhere/ca.pem".into()), ..world.oauth() };
    assert!(why(settings).starts_with("mail.oauth.ca_file /nowhere/ca.pem: "));
    std::fs::set_permissions(world.secret_file(), std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(why(world.oauth()).contains("chmod 600"));
    let none = lapsewatch::config::Smtp { tokens: None, ..world.settings(|_| ()) };
    assert!(SmtpMailer::new(&none).unwrap_err().to_string().contains("mail.smtp.token_command"));
}

#[tokio::test]
async fn a_command_gives_the_token_and_is_asked_again_after_a_refusal() {
    let world = World::new(server(&["hunter2-2"]).await, tokens(3600).await);
    let count = world.secret_file().with_file_name("count");
    let script = "echo x >>\"$0\"; printf 'hunter2-%d\\n' \"$(wc -l <\"$0\")\"";
    let words = ["/bin/sh", "-c", script, &count.display().to_string()].map(str::to_owned).to_vec();
    let mailer = world.commanded(words);
    assert!(mailer.describe().ends_with(", STARTTLS, access token from mail.smtp.token_command /bin/sh"));
    mailer.probe().await.unwrap();
    mailer.probe().await.unwrap();
    assert_eq!(std::fs::read_to_string(count).unwrap(), "x\nx\n");
}

#[tokio::test]
async fn a_command_that_fails_ends_it_before_the_server_is_spoken_to() {
    for (script, decision, words) in [
        ("echo 'no ticket' >&2; exit 1", Decision::SenderWide, "it ended with code 1 and said: no ticket"),
        ("exec sleep 60", Decision::TransportDown, "it did not end within 1 s and was killed"),
        ("true", Decision::SenderWide, "it printed nothing"),
    ] {
        let world = World::new(for_words(server(&["hunter2-1"]).await, words), tokens(3600).await);
        let mailer = world.commanded(["/bin/sh", "-c", script].map(str::to_owned).to_vec());
        let error = timeout(Duration::from_secs(10), mailer.probe()).await.unwrap().unwrap_err();
        check(&error, None, decision, words);
        assert!(world.smtp.heard().is_empty());
    }
}

#[tokio::test]
async fn no_log_and_nothing_shown_holds_a_secret_at_any_level() {
    let logs = logs();
    let world = World::new(challenging(&["hunter2-2", "hunter2-4"]).await, tokens(3600).await);
    for credential in [world.oauth().credential, world.certificate()] {
        let mailer = world.mailer(|settings| settings.credential = credential);
        mailer.session().send(&mail(JO)).await.unwrap();
        let shown = format!("{mailer:?} {} {:?}", mailer.describe(), world.settings(|_| ()));
        assert!(!shown.contains(SECRET) && !shown.contains("hunter2"), "{shown}");
    }
    let refused = World::new(server(&[]).await, tokens(3600).await);
    refused.mailer(|_| ()).probe().await.unwrap_err();
    let mut everything = vec![SECRET.to_owned(), "hunter2".to_owned(), "client_assertion".to_owned()];
    for line in [world.smtp.heard(), refused.smtp.heard()].concat().concat() {
        everything.extend(line.strip_prefix("AUTH XOAUTH2 ").map(str::to_owned));
    }
    let logs = logs.text();
    assert!(logs.contains("TRACE") && logs.contains("hyper"), "the libraries were listened to:\n{logs}");
    for secret in everything {
        assert!(!logs.contains(&secret), "{secret} is in the log");
    }
    assert_eq!(world.settings(|_| ()).auth, Auth::Xoauth2);
}
