//! The rules as values: spans, stages, ladders, audiences.
//!
//! Configuration builds a [`Policy`]; nothing here reads one. The numbers are the configuration's, never the code's.

use std::fmt;

use jiff::{Span as JiffSpan, civil::Date};

use super::subject::Address;

/// One concern of the service (domain rule 6). The variants stand in the order of their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// New account whose acceptable use policy is not accepted and that was never used.
    Activation,
    /// Account unused.
    Inactivity,
    /// Account marked as a leaver's.
    Leaver,
    /// Password ageing.
    Password,
    /// Deleted account or mailbox that can still be restored.
    Restore,
    /// Shared mailbox that sends nothing.
    SharedMailbox,
}

impl Rule {
    /// Every rule, in the order of their names.
    pub const ALL: [Self; 6] =
        [Self::Activation, Self::Inactivity, Self::Leaver, Self::Password, Self::Restore, Self::SharedMailbox];

    /// The name in configuration, store, JSON and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Activation => "activation",
            Self::Inactivity => "inactivity",
            Self::Leaver => "leaver",
            Self::Password => "password",
            Self::Restore => "restore",
            Self::SharedMailbox => "shared_mailbox",
        }
    }

    /// The rule of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.as_str() == name)
    }

    /// Whether the rule goes on after its deadline (domain rule 6).
    #[must_use]
    pub const fn goes_on_after_deadline(self) -> bool {
        matches!(self, Self::Password | Self::SharedMailbox)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A stretch of civil time (domain rule 3). A month that would land past a month's end takes its last day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Span {
    /// Whole days.
    Days(i32),
    /// Whole weeks.
    Weeks(i32),
    /// Calendar months.
    Months(i32),
}

impl Span {
    /// `times` of this span, so that a month repeated twice is two months from the start.
    #[must_use]
    pub const fn times(self, times: i32) -> Self {
        match self {
            Self::Days(n) => Self::Days(n.saturating_mul(times)),
            Self::Weeks(n) => Self::Weeks(n.saturating_mul(times)),
            Self::Months(n) => Self::Months(n.saturating_mul(times)),
        }
    }

    fn to_jiff(self) -> JiffSpan {
        let none = JiffSpan::new();
        match self {
            Self::Days(n) => none.try_days(n),
            Self::Weeks(n) => none.try_weeks(n),
            Self::Months(n) => none.try_months(n),
        }
        .unwrap_or(none)
    }

    /// The date this span after `date`; the last date there is when that lies beyond the calendar.
    #[must_use]
    pub fn after(self, date: Date) -> Date {
        date.saturating_add(self.to_jiff())
    }

    /// The date this span before `date`.
    #[must_use]
    pub fn before(self, date: Date) -> Date {
        date.saturating_sub(self.to_jiff())
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (n, unit) = match self {
            Self::Days(n) => (n, "day"),
            Self::Weeks(n) => (n, "week"),
            Self::Months(n) => (n, "month"),
        };
        write!(f, "{n} {unit}{}", if *n == 1 { "" } else { "s" })
    }
}

/// Where a stage stands (domain rule 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Placement {
    /// This long after the anchor.
    After(Span),
    /// This long before the deadline.
    Before(Span),
}

/// A step of the ladder of people, in the order in which they join (domain rule 15).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rung {
    /// The account and its alternate address.
    User,
    /// Owners of the account's mailboxes.
    Owners,
    /// The mailboxes themselves.
    SiteMailbox,
    /// Members of the mailboxes.
    Members,
    /// The site's contact.
    SiteContact,
    /// Who runs this program.
    Operator,
}

impl Rung {
    /// Every rung, in joining order.
    pub const ALL: [Self; 6] =
        [Self::User, Self::Owners, Self::SiteMailbox, Self::Members, Self::SiteContact, Self::Operator];

    /// The word in the configuration and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Owners => "owners",
            Self::SiteMailbox => "site mailbox",
            Self::Members => "members",
            Self::SiteContact => "site contact",
            Self::Operator => "operator",
        }
    }

    /// Reads a configured word; `_` and a space are the same.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        let word = word.trim().to_lowercase().replace(['_', '-'], " ");
        Self::ALL.into_iter().find(|rung| rung.as_str() == word)
    }
}

/// What becomes of a message whose outcome nobody knows (domain rule 25).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OnUnknown {
    /// Held for a person.
    #[default]
    Hold,
    /// Sent again under the same Message-ID.
    Resend,
}

/// One warning of a ladder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// Unique in its ladder.
    pub name: String,
    /// Where it stands.
    pub placement: Placement,
    /// Who is told, wider rungs only join.
    pub audience: Vec<Rung>,
    /// Tells what has happened: moves to the open day after.
    pub states_fact: bool,
    /// Starts on a closed day too.
    pub any_day: bool,
    /// Its notices are messages of their own.
    pub alone: bool,
    /// Distance between repeats.
    pub repeat_every: Option<Span>,
    /// How often in all, the first one counted; at least 1.
    pub repeat_max: u32,
    /// What to do when a message's outcome is unknown.
    pub on_unknown: OnUnknown,
}

/// A rule's limits and its ladder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulePolicy {
    /// Whether the rule is asked at all.
    pub enabled: bool,
    /// From the anchor to the deadline.
    pub deadline_after: Span,
    /// From the anchor to the day the account "becomes inactive", where the rule has such a day.
    pub inactive_after: Option<Span>,
    /// The ladder, in its configured order.
    pub stages: Vec<Stage>,
}

/// Everything that decides what is due and who is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// `inactivity`.
    pub inactivity: RulePolicy,
    /// `activation`.
    pub activation: RulePolicy,
    /// `password`.
    pub password: RulePolicy,
    /// `leaver`.
    pub leaver: RulePolicy,
    /// `restore`.
    pub restore: RulePolicy,
    /// `shared_mailbox`.
    pub shared_mailbox: RulePolicy,
    /// Domains whose accounts are loaded, lower case: an unlisted address there is not read (domain rule 13).
    pub covered_domains: Vec<String>,
    /// An account active within this many days is read.
    pub read_within_days: i32,
    /// An anchor that moves further than this many days ends the episode (domain rule 10).
    pub episode_tolerance_days: i32,
    /// A finding nobody was told of is on the coverage list from this many days before its deadline (domain rule 27).
    pub coverage_within_days: i32,
    /// Who runs this program.
    pub operator: Address,
}

impl Policy {
    /// Whether accounts of an address's domain are loaded: one that is in none of the exports is then not read (13).
    #[must_use]
    pub fn covers(&self, address: &Address) -> bool {
        self.covered_domains.iter().any(|domain| domain == address.domain())
    }

    /// The limits and the ladder of a rule.
    #[must_use]
    pub const fn rule(&self, rule: Rule) -> &RulePolicy {
        match rule {
            Rule::Activation => &self.activation,
            Rule::Inactivity => &self.inactivity,
            Rule::Leaver => &self.leaver,
            Rule::Password => &self.password,
            Rule::Restore => &self.restore,
            Rule::SharedMailbox => &self.shared_mailbox,
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_month_span_past_a_months_end_takes_its_last_day() {
        assert_eq!(Span::Months(6).after(date(2026, 8, 31)), date(2027, 2, 28));
        assert_eq!(Span::Months(6).after(date(2027, 8, 31)), date(2028, 2, 29));
        assert_eq!(Span::Months(1).before(date(2027, 3, 31)), date(2027, 2, 28));
        assert_eq!(Span::Months(1).times(2).after(date(2026, 12, 31)), date(2027, 2, 28));
        assert_eq!(Span::Weeks(2).before(date(2027, 1, 10)), date(2026, 12, 27));
    }

    #[test]
    fn words_of_rules_and_rungs_read_back() {
        for rule in Rule::ALL {
            assert_eq!(Rule::parse(rule.as_str()), Some(rule));
        }
        for rung in Rung::ALL {
            assert_eq!(Rung::parse(rung.as_str()), Some(rung));
        }
        assert_eq!(Rung::parse("site_mailbox"), Some(Rung::SiteMailbox));
        assert_eq!(Rung::parse("everyone"), None);
    }
}
