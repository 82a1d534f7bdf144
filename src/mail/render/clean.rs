//! Cells of an export are hostile: here they become harmless words.
//!
//! Everything a text shows of somebody else's data goes through this file, once when a view is built (one line, no
//! invisible characters, nothing that a mail program makes a link of) and once when a content file is filled in
//! ([`protect`], so that the Markdown parser sees letters only).

/// Longest name of a person, a practice or a town.
const LONGEST_NAME: usize = 60;
/// What names of exports end with: no mail program makes a link of them.
const EXPORT_ENDINGS: [&str; 6] = ["csv", "json", "txt", "tsv", "xls", "xlsx"];
/// Longest address shown.
const LONGEST_ADDRESS: usize = 100;
/// ASCII punctuation travels through the Markdown parser this far up, in the private use area.
const SHIFT: u32 = 0xE000;

/// Hides punctuation from the Markdown parser: no value can open a link, a table cell or a heading.
#[must_use]
pub fn protect(text: &str) -> String {
    let shift = |c: char| if c.is_ascii_punctuation() { char::from_u32(SHIFT + u32::from(c)) } else { None };
    text.chars().map(|c| shift(c).unwrap_or(c)).collect()
}

/// Undoes [`protect`].
#[must_use]
pub fn reveal(text: &str) -> String {
    text.chars().map(revealed).collect()
}

fn revealed(c: char) -> char {
    let shifted = u32::from(c).checked_sub(SHIFT).and_then(char::from_u32);
    shifted.filter(char::is_ascii_punctuation).unwrap_or(c)
}

/// One line of at most `longest` characters, without control, invisible and direction characters.
#[must_use]
pub fn line(text: &str, longest: usize) -> String {
    let visible: String = text.chars().take(longest * 8 + 64).filter_map(visible).collect();
    let words: Vec<&str> = visible.split_whitespace().collect();
    shorten(&words.join(" "), longest)
}

fn visible(c: char) -> Option<char> {
    match c {
        c if c.is_whitespace() || c.is_control() => Some(' '),
        c if is_invisible(c) => None,
        c => Some(c),
    }
}

/// Soft hyphens, joiners, marks of direction, annotation and variation, tags, and what [`protect`] uses.
const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}'
        | '\u{E000}'..='\u{F8FF}' | '\u{E0000}'..='\u{10FFFF}')
}

/// `text`, cut to `longest` characters with a mark where it was cut.
#[must_use]
pub fn shorten(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    let kept: String = text.chars().take(longest.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end_matches(|c: char| !c.is_alphanumeric()))
}

/// The name of a person; `None` when there is none, or when it could be taken for a link or an address.
#[must_use]
pub fn name(text: Option<&str>) -> Option<String> {
    let name = line(text?, LONGEST_NAME);
    (is_words(&name) && !name.contains(['/', ':'])).then(|| unlinked(&name))
}

/// The name of a practice or a town; `None` as for [`name`], but slashes and colons are usual here.
#[must_use]
pub fn place(text: &str) -> Option<String> {
    let place = line(text, LONGEST_NAME);
    (is_words(&place) && !place.contains("//")).then(|| unlinked(&place))
}

fn is_words(text: &str) -> bool {
    let lower = text.to_lowercase();
    let link = lower.contains("http") || lower.contains("www") || lower.contains("mailto");
    text.chars().any(char::is_alphabetic) && !link && !text.contains(['<', '>', '@'])
}

/// A space after every full stop inside a word: mail programs make links of `evil.example`, not of `evil. example`.
fn unlinked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        out.push(c);
        if c == '.' && rest.peek().is_some_and(|next| next.is_alphanumeric()) {
            out.push(' ');
        }
    }
    out
}

/// Sentences that quote somebody else's file or server: nothing in them is taken for a link.
#[must_use]
pub fn sentences(text: &str, longest: usize) -> String {
    let words: Vec<_> = line(text, longest).split(' ').map(word).collect();
    shorten(&words.join(" "), longest)
}

/// The name of a file, which ends like one: `report.csv`, but `evil. example`.
#[must_use]
pub fn file(text: &str, longest: usize) -> String {
    let name = sentences(text, longest);
    if name.is_empty() { "a file".to_owned() } else { name }
}

/// One word that could be taken for a link, apart. Reply codes, addresses and names of export files stay whole.
fn word(word: &str) -> String {
    let lower = word.to_lowercase();
    let word = word.replace("//", "/ /");
    let ends_like_a_file = EXPORT_ENDINGS.iter().any(|ending| {
        let bare = lower.trim_end_matches(|c: char| !c.is_alphanumeric());
        bare.strip_suffix(ending).is_some_and(|name| name.ends_with('.') && !name.contains('/'))
    });
    let is_dotted_word = lower.split('.').skip(1).any(|part| part.starts_with(char::is_alphabetic));
    if is_dotted_word && !ends_like_a_file && !word.contains('@') { unlinked(&word) } else { word }
}

/// An address, of the characters that addresses are made of.
#[must_use]
pub fn address(text: &str) -> String {
    let kept: String = line(text, LONGEST_ADDRESS).chars().filter(|c| is_of_an_address(*c)).collect();
    if kept.is_empty() { "an unknown address".to_owned() } else { kept }
}

fn is_of_an_address(c: char) -> bool {
    c.is_alphanumeric() || "._%+-'@&…".contains(c)
}

/// An ODS code: letters and digits.
#[must_use]
pub fn code(text: &str) -> String {
    let kept: String = text.chars().filter(char::is_ascii_alphanumeric).take(12).collect();
    if kept.is_empty() { "unknown".to_owned() } else { kept }
}

/// `S.S.` for Sam Sample, or for `sam.sample1@nhs.net` when the name is not known.
#[must_use]
pub fn initials(name: Option<&str>, address: &str) -> String {
    let local = address.split('@').next().unwrap_or_default();
    let words = name.unwrap_or(local).split(|c: char| !c.is_alphabetic());
    let letters = words.filter_map(|word| word.chars().next()).flat_map(char::to_uppercase).take(3);
    let initials: String = letters.flat_map(|letter| [letter, '.']).collect();
    if initials.is_empty() { "A colleague".to_owned() } else { initials }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_be_a_link_or_an_address_is_no_name() {
        for hostile in ["http://x.example", "a@b.example", "<b>x</b>", "www x", "a/b", "12345", "", "x: y"] {
            assert_eq!(name(Some(hostile)), None, "{hostile}");
        }
        assert_eq!(name(Some("Sam\r\nBcc Sample")).as_deref(), Some("Sam Bcc Sample"));
        assert_eq!(name(Some("evil.example J.Smith")).as_deref(), Some("evil. example J. Smith"));
        assert_eq!(name(Some("a\u{202E}bc\u{200B}d")).as_deref(), Some("abcd"));
        assert_eq!(name(Some(&"x".repeat(10_000))).map(|name| name.chars().count()), Some(LONGEST_NAME));
    }

    #[test]
    fn quoted_sentences_hold_no_link_and_keep_what_is_none() {
        let table = [
            (
                "\"2026-11-20 Mailbox Report.csv\" (Portal) is cut off.",
                "\"2026-11-20 Mailbox Report.csv\" (Portal) is cut off.",
            ),
            ("550 5.1.1 No such user sam@nhs.net", "550 5.1.1 No such user sam@nhs.net"),
            ("see https://evil.example/x.csv now", "see https:/ /evil. example/x. csv now"),
            ("www.evil.example", "www. evil. example"),
            ("a\u{202E}b\r\nc", "ab c"),
        ];
        for (text, expected) in table {
            assert_eq!(sentences(text, 200), expected);
        }
        assert_eq!(sentences(&"word ".repeat(100), 20).chars().count(), 20);
        assert_eq!(file("\u{200B}", 20), "a file");
    }

    #[test]
    fn punctuation_is_hidden_and_comes_back() {
        let text = r"[a](b) `c` | <d> \e * _f_ # 1. é";
        let hidden = protect(text);
        assert!(!hidden.contains(|c: char| c.is_ascii_punctuation()));
        assert_eq!(reveal(&hidden), text);
    }

    #[test]
    fn initials_come_from_the_name_or_the_address() {
        assert_eq!(initials(Some("Sam Sample"), "x@y"), "S.S.");
        assert_eq!(initials(None, "jo.specimen3@nhs.net"), "J.S.");
        assert_eq!(initials(Some("Dr Anna-Maria de la Cruz"), "x@y"), "D.A.M.");
        assert_eq!(initials(None, "123@nhs.net"), "A colleague");
    }

    #[test]
    fn addresses_and_codes_keep_their_own_characters_only() {
        assert_eq!(address("<script>a@b.example"), "scripta@b.example");
        assert_eq!(address("\u{202E}"), "an unknown address");
        assert_eq!(code("tp1ab|x"), "tp1abx");
        assert_eq!(shorten("Christopher Placeholder", 13), "Christopher…");
    }
}
