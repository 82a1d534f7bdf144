//! `[operator]`: who the messages are from.
use super::{section::Section, values::text};

/// The organisation of the compiled-in defaults: true of everybody, and of no use to a reader.
const PLACEHOLDER: &str = "your local committee";

/// `[operator]`: who the messages are from, in the words of the messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// `Anyshire LC NHSmail reminders`: the bar of every message and the name of the sender.
    pub sender: String,
    /// `NHSmail reminders team`.
    pub team: String,
    /// `Anyshire Local Committee`.
    pub org: String,
    /// The number on which a reader can check a message; no sentence offers one when it is not set.
    pub phone: Option<String>,
}

pub(super) fn read(mut section: Section<'_>) -> Option<Operator> {
    let sender = section.value("sender", text);
    let team = section.value("team", text);
    let org = section.value_at("org", text);
    let phone = section.find("phone", text);
    if let Some(org) = org.as_ref().filter(|org| !org.at.is_default() && org.value == PLACEHOLDER) {
        let message = format!("`{}` is still \"{PLACEHOLDER}\"", section.key("org"));
        section.problems.warn(Some(&org.at), message, Some("write the name of your organisation".into()));
    }
    section.finish();
    Some(Operator { sender: sender?, team: team?, org: org?.value, phone })
}
