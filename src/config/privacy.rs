//! `[privacy]`: who sees whose name.
use super::{section::Section, values::flag};

/// `[privacy]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Privacy {
    /// People appear by name, not by initials, in digests to shared mailboxes (domain rule 17).
    pub names_in_shared_mailboxes: bool,
}

pub(super) fn read(mut section: Section<'_>) -> Option<Privacy> {
    let names_in_shared_mailboxes = section.value("names_in_shared_mailboxes", flag);
    section.finish();
    Some(Privacy { names_in_shared_mailboxes: names_in_shared_mailboxes? })
}
