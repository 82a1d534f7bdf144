//! Takes addresses out of text that somebody wrote around them: servers' words, reports, reasons.

use std::collections::BTreeSet;

use super::subject::Address;

/// The text with `word` in place of each of the addresses, in whatever case; `None` when none is in it. An address that
/// is only a part of another one stays.
#[must_use]
pub fn scrub(text: &str, addresses: &BTreeSet<Address>, word: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let mut scrubbed = String::new();
    let mut done = 0;
    for (at, _) in text.char_indices() {
        let found = addresses.iter().filter(|address| at >= done && stands_at(&lower, at, address.as_str()));
        if let Some(address) = found.max_by_key(|address| address.as_str().len()) {
            scrubbed.push_str(text.get(done..at).unwrap_or_default());
            scrubbed.push_str(word);
            done = at + address.as_str().len();
        }
    }
    scrubbed.push_str(text.get(done..).unwrap_or_default());
    (done > 0).then_some(scrubbed)
}

fn stands_at(text: &str, at: usize, address: &str) -> bool {
    let Some((before, rest)) = text.split_at_checked(at) else { return false };
    let Some(after) = rest.strip_prefix(address).filter(|_| !address.is_empty()) else { return false };
    let goes_on = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_');
    let begins_earlier = before.ends_with(|letter: char| goes_on(letter) || matches!(letter, '.' | '+'));
    let ends_later =
        after.starts_with(goes_on) || after.strip_prefix('.').is_some_and(|more| more.starts_with(goes_on));
    !begins_earlier && !ends_later
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_goes_in_any_case_and_only_whole() {
        let addresses = BTreeSet::from(["ann@nhs.net", "ann@nhs.net.example"].map(Address::new));
        let table = [
            ("550 <Ann@NHS.net>: unknown", Some("550 <x>: unknown")),
            ("ann@nhs.net", Some("x")),
            ("'ann@nhs.net', smtp:ann@nhs.net.", Some("'x', smtp:x.")),
            ("ann@nhs.net.example is another's", Some("x is another's")),
            ("joann@nhs.net, jo.ann@nhs.net, ann@nhs.network", None),
            ("é ann@nhs.net é", Some("é x é")),
            ("ann@nhs.net ann@nhs.net", Some("x x")),
            ("nobody", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(scrub(text, &addresses, "x").as_deref(), expected, "{text}");
        }
    }
}
