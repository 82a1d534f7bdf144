//! The words that a column may hold, where it holds words.
//!
//! A row with another one is kept: its value is not known, and the operator is told.
use super::cells;
use crate::domain::subject::{Kind, MfaState, Status};

/// The words of one column.
#[derive(Debug)]
pub(super) struct Words {
    /// The usual ones in their usual spelling: of nearly all cells these tell.
    usual: &'static [&'static str],
    /// Whether a word is known, however it is spelt.
    knows: fn(&str) -> bool,
    /// What another one is taken as.
    pub(super) else_as: &'static str,
}

const BLANK: &str = "blank";

/// Kinds of accounts and mailboxes.
pub(super) const KINDS: Words = Words {
    usual: &["User", "Shared", "Resource", "ApplicationAccount", "UserMailbox", "SharedMailbox"],
    knows: |text| Kind::parse(text) != Kind::Unknown || text.eq_ignore_ascii_case(Kind::Unknown.as_str()),
    else_as: BLANK,
};

/// What an account is at. One of another status than those that end it is live.
pub(super) const STATUSES: Words = Words {
    usual: &["Active", "Inactive", "Deleted", "Disabled", "Locked"],
    knows: |text| Status::new(text).is_none_or(|status| status.is_known()),
    else_as: "live",
};

/// Yes and no.
pub(super) const FLAGS: Words = Words {
    usual: &["True", "False", "true", "false", "TRUE", "FALSE"],
    knows: |text| cells::flag(text).is_some(),
    else_as: BLANK,
};

/// Whether there is a second factor.
pub(super) const MFA: Words = Words {
    usual: &["Enabled", "Disabled", "Not Enabled", "User Enabled", "Admin Enabled"],
    knows: |text| MfaState::parse(text).is_some(),
    else_as: BLANK,
};

/// Every word of a message trace.
const TRACES: [&str; 10] = [
    "delivered",
    "expanded",
    "pending",
    "failed",
    "quarantined",
    "filteredasspam",
    "gettingstatus",
    "resolved",
    "none",
    "unknown",
];

/// What became of a message.
pub(super) const TRACED: Words = Words {
    usual: &["Delivered", "Expanded", "Pending", "Failed"],
    knows: |text| TRACES.iter().any(|word| text.eq_ignore_ascii_case(word)),
    else_as: "no send",
};

impl Words {
    /// The text of a cell, when it is a word that is not known.
    pub(super) fn unknown<'a>(&self, cell: &'a [u8]) -> Option<&'a str> {
        if cell.is_empty() || self.usual.iter().any(|word| word.as_bytes() == cell) {
            return None;
        }
        // What is no text is told of elsewhere.
        let text = cells::text(std::str::from_utf8(cell).ok()?)?;
        (!(self.knows)(text)).then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_known_in_any_spelling_and_a_blank_is_none() {
        for (words, known, unknown) in [
            (&KINDS, vec!["User", "shared", " RoomMailbox ", "unknown", "", "N/A", "#N/A"], "Hologram"),
            (&STATUSES, vec!["Active", "ACTIVE (Leaver)", "Deleted_Permanent", "Migration Pending"], "Hibernating"),
            (&FLAGS, vec!["True", "yes", "1", "-"], "WAHR"),
            (&MFA, vec!["Enabled", "MFA Enforced ATP Group", "off"], "Perhaps"),
            (&TRACED, vec!["delivered", "GettingStatus", "Failed"], "Zugestellt"),
        ] {
            assert!(known.iter().all(|word| words.unknown(word.as_bytes()).is_none()), "{known:?}");
            assert_eq!(words.unknown(format!(" {unknown}").as_bytes()), Some(unknown));
        }
        assert_eq!(FLAGS.unknown(b"\xEB"), None);
    }
}
