//! What one cell means: blanks, yes or no, addresses, names.
//!
//! Cells hold what strangers typed and end up in emails, so what a mail client could turn into a link, or what
//! changes the direction of text, does not get past here.
use crate::domain::subject::{Address, MobileState};

/// Longest text kept of a name or a word, in characters.
const TEXT_CAP: usize = 256;
/// Longest address, in bytes.
const ADDRESS_CAP: usize = 254;
/// How much of a bad cell a reason quotes, in characters.
const QUOTE_CAP: usize = 40;
/// Fewer hexadecimal digits than this are no hash.
const FEWEST_HASH_DIGITS: usize = 16;
/// What marks the user name of a guest.
const GUEST: &[u8] = b"#EXT#";
/// Words that mean "nothing", any case.
const BLANKS: [&str; 4] = ["null", "n/a", "-", "never"];

/// The trimmed text of a cell; `None` when it is blank.
pub(super) fn text(cell: &str) -> Option<&str> {
    let text = unforced(trim(cell));
    let is_blank = text.is_empty()
        || is_type_name(text)
        || is_error(text)
        || BLANKS.iter().any(|word| text.eq_ignore_ascii_case(word));
    (!is_blank).then_some(text)
}

/// `text` without the blanks around it, which nearly no cell has.
fn trim(text: &str) -> &str {
    let is_bare = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_graphic);
    if is_bare(text.as_bytes().first()) && is_bare(text.as_bytes().last()) { text } else { text.trim() }
}

/// The text without what keeps a spreadsheet from reckoning with it: `="0123"`, `'+44`.
fn unforced(text: &str) -> &str {
    let formula = || text.strip_prefix("=\"")?.strip_suffix('"');
    let apostrophe = || text.strip_prefix('\'').filter(|rest| rest.starts_with(['=', '+', '-', '@']));
    formula().or_else(apostrophe).map_or(text, str::trim)
}

/// A .NET type name that stands where PowerShell could not print a list.
pub(super) fn is_type_name(text: &str) -> bool {
    text.starts_with("System.") || text.starts_with("Microsoft.Exchange.")
}

/// What a spreadsheet shows where it could not reckon: `#N/A`, `#REF!`, `#NAME?`, `Err:502`.
pub(super) fn is_error(text: &str) -> bool {
    let is_shouted = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || matches!(byte, b'/' | b'_');
    let shouted = || text.strip_prefix('#').and_then(|rest| rest.strip_suffix(['!', '?']));
    matches!(text.as_bytes().first(), Some(b'#' | b'E'))
        && (text == "#N/A"
            || shouted().is_some_and(|word| !word.is_empty() && word.bytes().all(is_shouted))
            || text
                .strip_prefix("Err:")
                .is_some_and(|code| code.len() == 3 && code.bytes().all(|b| b.is_ascii_digit())))
}

/// What stands for the name of somebody who was deleted and whose rights were not.
pub(super) fn is_sid(text: &str) -> bool {
    text.starts_with("S-1-5-21-")
}

/// Yes or no in any of its spellings.
pub(super) fn flag(text: &str) -> Option<bool> {
    let is_any = |words: [&str; 4]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    is_any(["true", "yes", "1", "enabled"])
        .then_some(true)
        .or(is_any(["false", "no", "0", "disabled"]).then_some(false))
}

/// The start of a cell for a reason, in quotes and fit for a terminal.
pub(super) fn quote(text: &str) -> String {
    format!("\"{}\"", excerpt(text))
}

/// The same without the quotes.
pub(super) fn excerpt(text: &str) -> String {
    let clean: String = text.chars().filter(|c| !is_control(*c)).take(QUOTE_CAP).collect();
    let more = if text.chars().count() > QUOTE_CAP { "…" } else { "" };
    format!("{clean}{more}")
}

/// Whether `text` is what a report of Microsoft 365 shows in place of a name when names are concealed: a hash in
/// hexadecimal digits, whose length depends on the report, or one in the shape of a GUID.
pub(super) fn is_concealed(text: &str) -> bool {
    let is_hash = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
    let digits = text.bytes().filter(u8::is_ascii_hexdigit).count();
    digits >= FEWEST_HASH_DIGITS && text.bytes().all(is_hash)
}

/// Whether `text` is the user name of another organisation's guest: `kit_example.org#EXT#@tenant.onmicrosoft.com`.
pub(super) fn is_guest(text: &str) -> bool {
    text.contains('#') && text.as_bytes().windows(GUEST.len()).any(|part| part.eq_ignore_ascii_case(GUEST))
}

/// The address in `text`, or what is wrong with it.
///
/// Invisible characters around it come along when an address is copied from a chat, and nobody can see them.
pub(super) fn address(text: &str) -> Result<Address, String> {
    let address = Address::new(text.trim_matches(|c: char| is_control(c) || c.is_whitespace()));
    match address_fault(address.as_str()) {
        Some(fault) => Err(format!("{} is no email address: {fault}", quote(text))),
        None => Ok(address),
    }
}

fn address_fault(text: &str) -> Option<&'static str> {
    let is_usual = |byte: u8| byte.is_ascii_alphanumeric() || b"@.-_'+".contains(&byte);
    let forbidden = |c: char| c.is_whitespace() || "<>()[],;:\"\\".contains(c);
    let is_typeset = |c: char| matches!(c, '\u{2010}'..='\u{201F}' | '\u{2026}' | '\u{2212}');
    let is_usual = text.bytes().all(is_usual);
    let dots_are_inside = |domain: &str| domain.contains('.') && domain.split('.').all(|label| !label.is_empty());
    match text.split_once('@') {
        _ if text.len() > ADDRESS_CAP => Some("it is longer than 254 characters"),
        _ if !is_usual && is_invisible_in(text) => Some("there are invisible characters in it; type it anew"),
        _ if !is_usual && text.contains(is_typeset) => {
            Some("it holds a curly quote or a long dash, as word processors write them; type it anew")
        }
        _ if !is_usual && text.matches('@').count() > 1 && text.contains([',', ';', ' ', '\n']) => {
            Some("there are several; give each a row of its own")
        }
        _ if !is_usual && text.contains(forbidden) => {
            Some("it holds a blank, a bracket or another character no address has")
        }
        None if is_concealed(text) => Some("it is a concealed user name"),
        _ if is_guest(text) => Some("it is the user name of another organisation's guest"),
        None => Some("it has no @"),
        Some((_, domain)) if domain.contains('@') => Some("it has more than one @"),
        Some(("", _)) => Some("there is nothing before the @"),
        Some((_, domain)) if !dots_are_inside(domain) => Some("what follows the @ is no domain"),
        Some(_) => None,
    }
}

/// A word as it may be stored: no control characters, and not longer than anybody's name.
pub(super) fn word(text: &str) -> Option<String> {
    if text.len() <= TEXT_CAP && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        let short = trim(text);
        return (!short.is_empty()).then(|| short.to_owned());
    }
    let clean: String = text.chars().filter(|c| !is_control(*c)).collect();
    let short: String = clean.trim().chars().take(TEXT_CAP).collect();
    let short = short.trim_end();
    (!short.is_empty()).then(|| short.to_owned())
}

/// Whether `text` is surely fit to be a name, as nearly all are: the quick answer to what [`name`] decides.
pub(super) fn is_plain_name(text: &str) -> bool {
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'/' | b':' | b'<' | b'>' | b'@');
    let invites = |pair: &[u8]| matches!(pair, [b'h' | b'H', b't' | b'T'] | [b'w' | b'W', b'w' | b'W']);
    text.as_bytes().iter().all(is_plain) && !text.as_bytes().windows(2).any(invites)
}

/// A person's or a mailbox's name; `None` when a mail client could make a link of it.
pub(super) fn name(text: &str) -> Option<String> {
    let is_fit = |name: &str| !name.contains(['/', ':', '<', '>', '@']) && !invites_a_link(name);
    word(text)
        .filter(|name| is_plain_name(name) || is_fit(name))
        .filter(|name| !is_concealed(name) && !is_formula(name))
}

/// An organisation's or a place's name, which may hold a slash or a colon.
pub(super) fn place(text: &str) -> Option<String> {
    let is_fit = |name: &str| !name.contains("//") && !name.contains(['<', '>', '@']) && !invites_a_link(name);
    word(text).filter(|name| is_plain_name(name) || is_fit(name))
}

/// Whether a spreadsheet would reckon with the text: nobody is called `=1+3`.
fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+'])
}

fn invites_a_link(text: &str) -> bool {
    let lower = text.to_lowercase();
    lower.contains("http") || lower.contains("www")
}

/// The state a canonical file names.
pub(super) fn mobile_state(text: &str) -> Option<MobileState> {
    [MobileState::WellFormed, MobileState::Malformed, MobileState::Hidden]
        .into_iter()
        .find(|state| state.as_str().eq_ignore_ascii_case(text))
}

/// Whether there is a character in `text` that nobody can see.
pub(super) fn is_invisible_in(text: &str) -> bool {
    text.contains(is_control)
}

/// Control characters, and the invisible ones that format or redirect text.
const fn is_control(c: char) -> bool {
    matches!(c,
        '\0'..='\u{1F}' | '\u{7F}'..='\u{9F}' | '\u{AD}' | '\u{61C}' | '\u{180E}'
        | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_are_blank_in_every_spelling() {
        for cell in
            ["", "  ", "NULL", "null", "N/A", "-", "Never", "System.Collections.ArrayList", "Microsoft.Exchange.Data.X"]
        {
            assert_eq!(text(cell), None, "{cell}");
        }
        assert_eq!(text(" Systems "), Some("Systems"));
    }

    #[test]
    fn what_keeps_a_spreadsheet_from_reckoning_is_no_part_of_the_text() {
        for (cell, inner) in [("=\"00123\"", "00123"), (" ='x'", "='x'"), ("'+44 7700", "+44 7700"), ("'Ada", "'Ada")] {
            assert_eq!(text(cell), Some(inner), "{cell}");
        }
        for cell in ["=\"\"", "'-", "=\" \""] {
            assert_eq!(text(cell), None, "{cell}");
        }
        assert_eq!(text("=\""), Some("=\""));
    }

    #[test]
    fn an_error_of_a_spreadsheet_is_blank_and_known_as_one() {
        for cell in ["#N/A", "#REF!", " #NAME?", "#DIV/0!", "#GETTING_DATA!", "Err:502"] {
            assert!(is_error(cell.trim()) && text(cell).is_none(), "{cell}");
        }
        for cell in ["#TYPE", "#", "#!", "#1", "#Ada!", "########", "Err:5", "Error", "EXAMPLE!", "#N/A, Ada"] {
            assert!(!is_error(cell), "{cell}");
        }
    }

    #[test]
    fn yes_and_no_have_many_spellings() {
        assert!(["True", "YES", "1", "Enabled"].iter().all(|word| flag(word) == Some(true)));
        assert!(["false", "No", "0", "disabled"].iter().all(|word| flag(word) == Some(false)));
        assert_eq!(flag("perhaps"), None);
    }

    #[test]
    fn only_what_looks_like_an_address_is_one() {
        assert_eq!(address("SMTP:Ada.O'Dell@NHS.net").map(|a| a.to_string()), Ok("ada.o'dell@nhs.net".into()));
        assert_eq!(address("\u{200B}Ada@nhs.net\u{A0}\u{FEFF} ").map(|a| a.to_string()), Ok("ada@nhs.net".into()));
        assert!(address("a\u{200B}da@nhs.net").is_err_and(|why| why.contains("invisible")));
        assert!(address("o\u{2019}dell@nhs.net").is_err_and(|why| why.contains("curly quote")));
        let long = format!("{}@nhs.net", "a".repeat(250));
        for text in [
            "ada",
            "@nhs.net",
            "a@b@nhs.net",
            "ada@nhs",
            "ada@.net",
            "a da@nhs.net",
            "<a@nhs.net>",
            "a\u{202E}@nhs.net",
            &long,
        ] {
            assert!(address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_concealed_name_is_a_hash_of_any_length() {
        for text in [
            "E5A2B1C0D4F36789",
            "e5a2b1c0d4f36789e5a2b1c0d4f36789",
            "E5A2B1C0D4F36789E5A2B1C0D4F36789E5A2B1C0",
            "7c1e0000-0000-4000-8000-000000000001",
        ] {
            assert!(is_concealed(text), "{text}");
        }
        for text in ["ada", "decade", "E5A2B1C0", "E5A2B1C0D4F36789@nhs.net", "----------------"] {
            assert!(!is_concealed(text), "{text}");
        }
    }

    #[test]
    fn a_guest_is_known_by_the_mark_in_the_user_name() {
        assert!(is_guest("kit_example.org#ext#@tenant.onmicrosoft.com") && !is_guest("kit#hill@nhs.net"));
        assert!(address("kit_example.org#EXT#@tenant.onmicrosoft.com").is_err());
    }

    #[test]
    fn names_lose_what_is_invisible_and_are_dropped_when_they_invite_a_link() {
        assert_eq!(name(" EXAMPLE,\u{202E} Ada\t"), Some("EXAMPLE, Ada".into()));
        assert_eq!(name(&"x".repeat(300)).map(|name| name.len()), Some(256));
        let concealed = "E5A2B1C0D4F36789E5A2B1C0D4F36789";
        for bad in ["see http x", "WWW.example", "a/b", "a:b", "<b>", "a@b", "=1+3", "+44", concealed] {
            assert_eq!(name(bad), None, "{bad}");
        }
        assert_eq!(place("EASTHAM / LOWICK: DENTAL"), Some("EASTHAM / LOWICK: DENTAL".into()));
        assert_eq!(place("ftp://x"), None);
    }

    #[test]
    fn the_quick_answer_about_a_name_never_lets_a_bad_one_past() {
        for bad in ["see http x", "WwW.example", "a/b", "a:b", "<b>", "a@b", "Zo\u{EB}", "a\tb"] {
            assert!(!is_plain_name(bad), "{bad}");
        }
        assert!(is_plain_name("O'HILL, Kit (LOWICK DENTAL & CO.)"));
    }

    #[test]
    fn a_quoted_cell_is_short_and_clean() {
        assert_eq!(quote("a\u{1b}[31m"), "\"a[31m\"");
        assert_eq!(quote(&"x".repeat(99)).chars().count(), QUOTE_CAP + 3);
    }
}
