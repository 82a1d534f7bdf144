//! When a run looks at a subject next, so that it need not look at everybody every day.
//!
//! What a run says of a subject is a function of what is known and of the day. A row that says something new stirs its
//! subject at once, and so does whatever takes back what was told; the rest is here: the days on which something becomes
//! due by itself, and what a file can change of a subject that it says nothing new about. A look too many costs time, a
//! look too few costs somebody their account: in doubt a subject wakes.

use jiff::civil::Date;

use super::{
    calendar::Calendar,
    evaluate::{Dates, ladder},
    facts::Field,
    freshness::{MaxAges, knows, newest},
    policy::{Policy, Rule},
    register::{Register, Subject, SubjectId},
    snapshot::Source,
};

/// What one look at a subject found out about the next one, and what the report counts of it until then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Whom.
    pub subject: SubjectId,
    /// The civil day of the next look; `None` when nothing comes by itself.
    pub wake_on: Option<Date>,
    /// The next file may change what is believed of it, though it says of it what it said before.
    pub wakes_with_load: bool,
    /// Its status is in flight.
    pub rests: bool,
    /// Gone from two snapshots running, and no deadline of it has passed.
    pub is_missing: bool,
    /// Rules that apply and have nothing to count from.
    pub no_date: u8,
}

impl Look {
    /// A look that found nothing yet.
    #[must_use]
    pub const fn at(subject: SubjectId) -> Self {
        Self { subject, wake_on: None, wakes_with_load: false, rests: false, is_missing: false, no_date: 0 }
    }

    /// Wakes it on a day, if it does not wake before.
    pub fn wake(&mut self, on: Option<Date>) {
        self.wake_on = self.wake_on.into_iter().chain(on).min();
    }
}

/// The first day after `today` on which a rule with these dates has something to say or to end: a stage of its ladder, or
/// the day after its deadline.
#[must_use]
pub fn next_day(policy: &Policy, calendar: &Calendar, rule: Rule, dates: Dates, today: Date) -> Option<Date> {
    let stages = ladder(policy, calendar, rule, dates).into_iter().map(|showing| showing.fires_on);
    stages.chain(dates.deadline_on.tomorrow().ok()).filter(|day| *day > today).min()
}

/// Whether a file that says nothing new of a subject may change what is believed of it.
///
/// - Its sources do not agree: the one whose file is the newest is believed.
/// - Its only source has left it out once: the second time it counts as gone.
/// - It is deleted, and a date of deletion is known that is older than the deletion seen.
#[must_use]
pub fn wakes_with_load(register: &Register, subject: &Subject) -> bool {
    is_contested(subject) || is_left_out(register, subject) || has_older_deletion(subject)
}

fn is_contested(subject: &Subject) -> bool {
    // Of evidence the latest day holds, whichever file is the newest.
    let is_told_by_rules = |field: &Field| {
        !field.is_evidence() && !matches!(field, Field::DisplayName | Field::OrgName | Field::Mfa | Field::Mobile)
    };
    Field::ALL.into_iter().filter(is_told_by_rules).any(|field| {
        let holds = subject.facts.get(field);
        subject.rivals(field).any(|rival| holds.is_none_or(|fact| fact.value != rival.value))
    })
}

fn is_left_out(register: &Register, subject: &Subject) -> bool {
    subject.listings().any(|(source, seen_on)| newest(register, source).is_some_and(|newest| newest > seen_on))
        && !subject.facts.status().is_some_and(|status| status.is_deleted())
}

fn has_older_deletion(subject: &Subject) -> bool {
    let is_untold = subject.deletion.is_some_and(|deletion| deletion.told_on.is_none());
    is_untold && subject.facts.get(Field::DeletedOn).is_some()
}

/// Whether a source is too old on a day for any rule that counts on it: then every finding is looked at.
#[must_use]
pub fn is_any_too_old(register: &Register, ages: &MaxAges, today: Date) -> bool {
    let counted = [Field::LastActivityOn, Field::Status, Field::PasswordChangedOn, Field::LastSentOn];
    Source::ALL.into_iter().any(|source| {
        let age = newest(register, source).map_or(0, |as_of| today.since(as_of).map_or(0, |age| age.get_days()));
        let counts = |field: &Field| {
            let tells_of_creation = *field == Field::LastActivityOn && register.is_told_by(source, Field::CreatedOn);
            knows(register, source, *field) || register.is_told_by(source, *field) || tells_of_creation
        };
        counted.into_iter().filter(counts).any(|field| ages.of(source, field).is_some_and(|most| age > most))
    })
}
