//! How old may what we know be (domain rule 18)?
//!
//! A rule that counts on an old export would warn people who have long acted. So each source has a greatest age, and
//! a rule whose fact comes from an older one is silent towards users and owners. This says which source that is and how
//! old; who hears of it is decided elsewhere.

use std::{collections::BTreeMap, fmt};

use jiff::civil::Date;

use super::{
    facts::Field,
    policy::Rule,
    register::{Register, Subject},
    snapshot::Source,
    words::day_in_full,
};

/// The greatest age of what each source says, in days; that age itself is still fresh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaxAges {
    /// Password dates, whichever source they come from.
    pub passwords: i32,
    /// Days of sends, whichever source they come from.
    pub sends: i32,
    /// Everything else, of the sources that have an age of their own.
    pub by_source: BTreeMap<Source, i32>,
    /// Everything else.
    pub others: i32,
}

impl MaxAges {
    /// The greatest age of a field's value from a source; `None` when it never grows old, as contacts do not.
    #[must_use]
    pub fn of(&self, source: Source, field: Field) -> Option<i32> {
        match (source, field) {
            (Source::SiteContacts, _) => None,
            (_, Field::PasswordChangedOn) => Some(self.passwords),
            (_, Field::LastSentOn) => Some(self.sends),
            _ => Some(self.by_source.get(&source).copied().unwrap_or(self.others)),
        }
    }
}

/// A source that is too old for a rule to count on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stale {
    /// Where the rule's fact comes from.
    pub source: Source,
    /// The day that its newest snapshot describes.
    pub as_of: Date,
    /// How many days ago that is.
    pub age_days: i32,
    /// How many days it may be.
    pub max_age_days: i32,
}

/// Two sentences for `explain` and the operator's message.
impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, as_of, age_days, max_age_days } = self;
        write!(f, "{} is out of date: the newest is of {}. ", source.title(), day_in_full(*as_of))?;
        write!(f, "That is {age_days} days ago, and {max_age_days} are allowed.")
    }
}

/// The source that makes a rule silent about a subject because it is too old; `None` when what the rule counts on is
/// fresh, or when there is nothing to be old.
///
/// - The rule's fact: `inactivity` and `activation` the last activity, else the creation; `leaver` and `restore` the
///   status; `password` the password's date; `shared_mailbox` the newest list of sends, with or without this mailbox.
/// - Its source is as old as that source's newest snapshot, whoever is in it.
/// - Our reading where several sources could tell: one of them being fresh is enough, provided that it listed this
///   subject so lately and that its files do hold the field. What it says has then been merged, and a later date
///   would have won. The creation is never enough for that: "never used" is as old as the newest news of use.
#[must_use]
pub fn stale_source(
    register: &Register,
    subject: &Subject,
    rule: Rule,
    today: Date,
    max_ages: &MaxAges,
) -> Option<Stale> {
    let field = field_of(rule);
    let too_old = |(source, as_of): (Source, Date)| {
        let age_days = today.since(as_of).map_or(0, |age| age.get_days());
        let max_age_days = max_ages.of(source, field).filter(|max| age_days > *max)?;
        Some(Stale { source, as_of, age_days, max_age_days })
    };
    let stale = too_old(own_source(register, subject, rule, field)?)?;
    sightings(register, subject, field).all(|seen| too_old(seen).is_some()).then_some(stale)
}

/// What the rule must have fresh news of.
const fn field_of(rule: Rule) -> Field {
    match rule {
        Rule::Inactivity | Rule::Activation => Field::LastActivityOn,
        Rule::Leaver | Rule::Restore => Field::Status,
        Rule::Password => Field::PasswordChangedOn,
        Rule::SharedMailbox => Field::LastSentOn,
    }
}

/// The source of the rule's fact with its newest as-of; without a fact the best source that would have told.
fn own_source(register: &Register, subject: &Subject, rule: Rule, field: Field) -> Option<(Source, Date)> {
    let of = |field| subject.facts.get(field).map(|fact| fact.source);
    let counts_from_creation = matches!(rule, Rule::Inactivity | Rule::Activation);
    let silent = || sightings(register, subject, field).next().map(|(source, _)| source);
    let created = || of(Field::CreatedOn).filter(|_| counts_from_creation);
    let source = of(field).or_else(silent).or_else(created)?;
    Some((source, newest(register, source)?))
}

/// Every source that would have told of news, and the day up to which it would.
fn sightings(register: &Register, subject: &Subject, field: Field) -> impl Iterator<Item = (Source, Date)> {
    let seen_on = |source: Source| {
        if source.lists_subjects() { subject.listed_by(source) } else { newest(register, source) }
    };
    let knowing = Source::ALL.into_iter().filter(move |source| knows(register, *source, field));
    knowing.filter_map(move |source| Some((source, seen_on(source)?)))
}

pub(super) fn newest(register: &Register, source: Source) -> Option<Date> {
    register.snapshots(source)?.last().copied()
}

/// Whether files of the source hold the field: always where the format is known by that column, else where any value
/// of it came from there. That Graph or a usage report lists an account says nothing of its status unless it is deleted.
pub(super) fn knows(register: &Register, source: Source, field: Field) -> bool {
    match (source, field) {
        (Source::PortalMailbox, Field::LastActivityOn | Field::Status) | (Source::Sends, Field::LastSentOn) => true,
        (Source::GraphUsers | Source::EmailActivity | Source::MailboxUsage | Source::ActiveUsers, Field::Status) => {
            false
        }
        _ => register.is_told_by(source, field),
    }
}

#[cfg(test)]
#[path = "freshness_tests.rs"]
mod tests;
