//! `[privacy]`: who sees whose name, and how long what is known is kept.
use super::{
    section::Section,
    values::{flag, kept_at_all, kept_for},
};
use crate::domain::retention::Retention;

/// `[privacy]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Privacy {
    /// People appear by name, not by initials, in digests to shared mailboxes (domain rule 17).
    pub names_in_shared_mailboxes: bool,
    /// How long what is known is kept.
    pub retention: Retention,
}

pub(super) fn read(mut section: Section<'_>) -> Option<Privacy> {
    let names_in_shared_mailboxes = section.value("names_in_shared_mailboxes", flag);
    let raw_files = section.value("raw_files", kept_for);
    let gone_accounts = section.value("gone_accounts", kept_at_all);
    let account_history = section.value("account_history", kept_at_all);
    let ledger = section.value("ledger", kept_at_all);
    section.finish();
    Some(Privacy {
        names_in_shared_mailboxes: names_in_shared_mailboxes?,
        retention: Retention {
            raw_files: raw_files?,
            gone_accounts: gone_accounts?,
            account_history: account_history?,
            ledger: ledger?,
        },
    })
}
