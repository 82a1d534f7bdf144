//! How long what is known is kept: spans an operator sets, and the days they come to on a day.

use jiff::civil::Date;

use super::policy::Span;

/// How long each thing is kept; `None` for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Loaded and refused files, and the cells of theirs that load reports quote; after they were loaded or refused.
    pub raw_files: Option<Span>,
    /// Accounts and shared mailboxes that are gone; after their restore window.
    pub gone_accounts: Option<Span>,
    /// Accounts that no export tells of any more; after the last file that did.
    pub account_history: Option<Span>,
    /// What was told to whom and how it ended, and the runs that planned it; after it was settled.
    pub ledger: Option<Span>,
}

/// The days before which things are no longer kept; `None` for what is kept for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Horizon {
    /// Files that were loaded or refused before this day.
    pub raw_files: Option<Date>,
    /// Who was deleted before this day, with the restore window over for long enough.
    pub deleted: Option<Date>,
    /// Of these, whoever no file lists from this day on. An export that is made in parts lists nobody every day.
    pub unlisted: Option<Date>,
    /// Whoever no file tells of from this day on.
    pub history: Option<Date>,
    /// What was settled before this day.
    pub ledger: Option<Date>,
}

impl Retention {
    /// The horizon of a day; `restore` is how long a deleted account can be restored.
    #[must_use]
    pub fn horizon(&self, today: Date, restore: Span) -> Horizon {
        let before = |span: Option<Span>| span.map(|span| span.before(today));
        let unlisted = before(self.gone_accounts);
        Horizon {
            raw_files: before(self.raw_files),
            deleted: unlisted.map(|day| restore.before(day)),
            unlisted,
            history: before(self.account_history),
            ledger: before(self.ledger),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_gone_account_is_kept_through_its_restore_window_and_as_long_again() {
        let retention = Retention {
            raw_files: Some(Span::Days(14)),
            gone_accounts: Some(Span::Days(30)),
            account_history: Some(Span::Months(13)),
            ledger: None,
        };
        let horizon = retention.horizon(date(2026, 11, 20), Span::Days(30));
        let expected = Horizon {
            raw_files: Some(date(2026, 11, 6)),
            deleted: Some(date(2026, 9, 21)),
            unlisted: Some(date(2026, 10, 21)),
            history: Some(date(2025, 10, 20)),
            ledger: None,
        };
        assert_eq!(horizon, expected);
    }
}
