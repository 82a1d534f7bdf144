//! `[helpdesk.NAME]`: who administers accounts.
use std::collections::BTreeMap;

use super::{
    section::Section,
    values::{address, flag, text},
};

/// `[helpdesk.NAME]`: who administers accounts, in the words of the messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Helpdesk {
    /// `the NHSmail helpdesk`.
    pub name: String,
    /// Telephone number as printed.
    pub phone: String,
    /// Address for requests.
    pub email: String,
    /// `24 hours a day, every day`.
    pub hours: String,
    /// The national service, whose telephone menu the texts describe.
    pub national: bool,
}

/// Every helpdesk by its lower-cased word.
pub(super) fn read(mut section: Section<'_>) -> Option<BTreeMap<String, Helpdesk>> {
    let helpdesks: Vec<_> =
        section.sections().into_iter().map(|(word, section)| (read_one(&word, section), word)).collect();
    helpdesks.into_iter().map(|(helpdesk, word)| Some((word, helpdesk?))).collect()
}

fn read_one(word: &str, mut section: Section<'_>) -> Option<Helpdesk> {
    let lower = word.to_lowercase();
    if word != lower {
        let message = format!("`helpdesk.{word}` must be in lower case");
        section.problems.error(section.at.as_ref(), message, Some(format!("write `helpdesk.{lower}`")));
        return None;
    }
    let name = section.value("name", text);
    let phone = section.value("phone", text);
    let email = section.value("email", address);
    let hours = section.value("hours", text);
    let national = section.find("national", flag).unwrap_or(false);
    section.finish();
    Some(Helpdesk { name: name?, phone: phone?, email: email?, hours: hours?, national })
}
