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
        section.sections().into_iter().map(|(word, section)| (word.to_lowercase(), read_one(section))).collect();
    helpdesks.into_iter().map(|(word, helpdesk)| Some((word, helpdesk?))).collect()
}

fn read_one(mut section: Section<'_>) -> Option<Helpdesk> {
    let name = section.value("name", text);
    let phone = section.value("phone", text);
    let email = section.value("email", address);
    let hours = section.value("hours", text);
    let national = section.find("national", flag).unwrap_or(false);
    section.finish();
    Some(Helpdesk { name: name?, phone: phone?, email: email?, hours: hours?, national })
}
