//! From facts to findings: which rule counts what, from which day to which day, and how far up its ladder it is
//! (domain rules 6 to 9 and 11).
//!
//! Everything is a function of one subject, the policy, the calendar and `today`.

use jiff::civil::Date;

use super::{
    calendar::Calendar,
    facts::Field,
    history::Since,
    message::StageName,
    policy::{Placement, Policy, Rule, Stage},
    register::{Deletion, Subject},
    subject::{Kind, Status},
};

/// Where a rule counts from, and when the service acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dates {
    /// The civil date the rule counts from.
    pub anchor_on: Date,
    /// The civil date on which the service acts.
    pub deadline_on: Date,
    /// The day on which the account becomes inactive, for the rules that have one.
    pub inactive_on: Option<Date>,
    /// The anchor is a guess: texts say "about" or "at least".
    pub is_approximate: bool,
}

/// One showing of a stage: the stage itself, or one of its repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Showing<'a> {
    /// Its name, with the repeat.
    pub name: StageName,
    /// The stage it shows.
    pub stage: &'a Stage,
    /// Which showing it is, from 1.
    pub nth: u32,
    /// Where the ladder places it.
    pub nominal_on: Date,
    /// When it may first be told, moved off closed days.
    pub fires_on: Date,
}

impl Showing<'_> {
    /// Whether it is reached (rule 8).
    #[must_use]
    pub fn is_reached(&self, today: Date) -> bool {
        self.fires_on <= today
    }
}

/// A subject × rule with an anchor and at least one stage reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding<'a> {
    /// The concern.
    pub rule: Rule,
    /// From when to when.
    pub dates: Dates,
    /// The reached stages, the tightest last (rule 9).
    pub reached: Vec<Showing<'a>>,
}

impl<'a> Finding<'a> {
    /// The only stage that can be due.
    #[must_use]
    pub fn tightest(&self) -> Option<&Showing<'a>> {
        self.reached.last()
    }

    /// The reached stages before it.
    pub fn wider(&self) -> impl Iterator<Item = &Showing<'a>> {
        self.reached.split_last().map(|(_, wider)| wider).into_iter().flatten()
    }
}

/// How a rule stands to a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The rule does not look at the subject as it is.
    NotAsked,
    /// It would, but the subject has no anchor: the report counts it under "no date".
    NoDate,
    /// It counts.
    Counts(Dates),
}

/// What a rule counts for a subject (rule 6).
///
/// - `inactivity`: live user accounts; last activity, never used: created.
/// - `activation`: instead of it, when the AUP is known as not accepted and the account was never used; created.
/// - `password`: live user accounts with a known password date that may expire.
/// - `leaver`: live user and application accounts that their newest status marks as leavers.
/// - `restore`: accounts and shared mailboxes that their newest status says are deleted, until permanently.
/// - `shared_mailbox`: live shared mailboxes, once a source of sends is loaded (`sends_watched_since`).
#[must_use]
pub fn standing(policy: &Policy, subject: &Subject, rule: Rule, sends_watched_since: Option<Date>) -> Standing {
    if !policy.rule(rule).enabled {
        return Standing::NotAsked;
    }
    let kind = subject.facts.kind();
    let live_user = subject.is_live() && kind.is_user();
    let date = |field| subject.facts.date(field);
    let asked = match rule {
        Rule::Inactivity => live_user && !is_unactivated(subject),
        Rule::Activation => live_user && is_unactivated(subject),
        Rule::Password => {
            let expires = subject.facts.flag(Field::PasswordNeverExpires) != Some(true);
            live_user && expires && date(Field::PasswordChangedOn).is_some()
        }
        Rule::Leaver => {
            is_account(kind) && subject.is_live() && subject.facts.status().is_some_and(|status| status.is_leaver())
        }
        Rule::Restore => {
            let restorable = subject.facts.status().is_some_and(|s| s.is_deleted() && !s.is_deleted_permanently());
            restorable && kind != Kind::Resource
        }
        Rule::SharedMailbox => kind == Kind::Shared && subject.is_live() && sends_watched_since.is_some(),
    };
    if !asked {
        return Standing::NotAsked;
    }
    match anchor(policy, subject, rule, sends_watched_since) {
        Some((anchor_on, is_approximate)) => Standing::Counts(dates(policy, rule, anchor_on, is_approximate)),
        None => Standing::NoDate,
    }
}

/// Whether what is known of a subject is something a rule goes by, whatever it says (20).
///
/// - `inactivity`: an activity or a creation; `activation`: whether the AUP was accepted; `password`: its date.
/// - `leaver` and `restore`: a status; `shared_mailbox`: a source of sends.
#[must_use]
pub fn feeds(subject: &Subject, rule: Rule, sends_watched_since: Option<Date>) -> bool {
    let has = |field| subject.facts.get(field).is_some();
    match rule {
        Rule::Inactivity => has(Field::LastActivityOn) || has(Field::CreatedOn),
        Rule::Activation => has(Field::AupAccepted),
        Rule::Password => has(Field::PasswordChangedOn),
        Rule::Leaver | Rule::Restore => has(Field::Status),
        Rule::SharedMailbox => sends_watched_since.is_some(),
    }
}

/// A person's account or an application's.
const fn is_account(kind: Kind) -> bool {
    kind.is_user() || matches!(kind, Kind::Application)
}

/// Never used, and the acceptable use policy is known as not accepted.
fn is_unactivated(subject: &Subject) -> bool {
    subject.is_never_used() && subject.facts.flag(Field::AupAccepted) == Some(false)
}

/// The anchor of a rule that is asked, and whether it is a guess.
fn anchor(policy: &Policy, subject: &Subject, rule: Rule, sends_watched_since: Option<Date>) -> Option<(Date, bool)> {
    let date = |field| subject.facts.date(field);
    let exactly = |date: Option<Date>| date.map(|date| (date, false));
    match rule {
        Rule::Inactivity => exactly(date(Field::LastActivityOn).or_else(|| date(Field::CreatedOn))),
        Rule::Activation => exactly(date(Field::CreatedOn)),
        Rule::Password => exactly(date(Field::PasswordChangedOn)),
        Rule::Leaver => leaver_anchor(subject),
        Rule::Restore => restore_anchor(policy, subject),
        Rule::SharedMailbox => match date(Field::LastSentOn) {
            Some(sent_on) => Some((sent_on, false)),
            None => sends_watched_since.max(date(Field::CreatedOn)).map(|since| (since, true)),
        },
    }
}

fn dates(policy: &Policy, rule: Rule, anchor_on: Date, is_approximate: bool) -> Dates {
    let limits = policy.rule(rule);
    Dates {
        anchor_on,
        deadline_on: limits.deadline_after.after(anchor_on),
        inactive_on: limits.inactive_after.map(|span| span.after(anchor_on)),
        is_approximate,
    }
}

/// The marking date; unknown: the day after the last as-of that did not say so, else the first that did.
fn leaver_anchor(subject: &Subject) -> Option<(Date, bool)> {
    let marked_on = subject.facts.date(Field::LeaverOn).map(|date| (date, false));
    marked_on.or_else(|| Some((subject.history.latest(Status::is_leaver)?.earliest_on(), true)))
}

/// The deletion date or the guess, as fixed when first seen deleted.
fn restore_anchor(policy: &Policy, subject: &Subject) -> Option<(Date, bool)> {
    let run = subject.history.since(Status::is_deleted)?;
    let fixed = subject.deletion.filter(|deletion| deletion.first_seen_on == run.first_on);
    fixed.unwrap_or_else(|| deletion(policy, subject, run)).anchor()
}

/// What can be said of a deletion now. A date that was told before this deletion was seen is another one's.
fn deletion(policy: &Policy, subject: &Subject, run: Since) -> Deletion {
    let told = subject.facts.get(Field::DeletedOn).filter(|fact| fact.as_of >= run.first_on);
    let told_on = told.and_then(|_| subject.facts.date(Field::DeletedOn));
    let guessed_on = if told_on.is_none() { Some(guess_deletion(policy, subject, run)) } else { None };
    Deletion { first_seen_on: run.first_on, told_on, guessed_on }
}

/// When a subject that is seen deleted was deleted, if nobody says (rule 6, `restore`).
///
/// - The earliest of its inactivity, activation and last known leaver deadlines that is not after the first as-of
///   that said deleted, and not before the day after the last that did not.
/// - Else the day after the last as-of that did not say deleted.
/// - Else the first as-of that said deleted.
fn guess_deletion(policy: &Policy, subject: &Subject, run: Since) -> Date {
    let earliest_on = run.not_before_on.map(|_| run.earliest_on());
    let possible = |day: &Date| *day <= run.first_on && earliest_on.is_none_or(|earliest| *day >= earliest);
    let deadline = ended_deadlines(policy, subject).into_iter().flatten().filter(possible).min();
    deadline.or(earliest_on).unwrap_or(run.first_on)
}

/// The deadlines at which the service can have deleted an account, whatever its status says now.
fn ended_deadlines(policy: &Policy, subject: &Subject) -> [Option<Date>; 2] {
    let kind = subject.facts.kind();
    let unused_rule = if is_unactivated(subject) { Rule::Activation } else { Rule::Inactivity };
    let deadline = |rule| {
        let (anchor_on, _) = anchor(policy, subject, rule, None)?;
        Some(dates(policy, rule, anchor_on, false).deadline_on)
    };
    let unused = kind.is_user().then(|| deadline(unused_rule)).flatten();
    let left = is_account(kind).then(|| deadline(Rule::Leaver)).flatten();
    [unused, left]
}

/// Fixes when a subject was deleted, on first sight; later only a told date replaces a guess. Returns whether there was
/// anything to fix.
pub fn fix_deletion(subject: &mut Subject, policy: &Policy) -> bool {
    let Some(run) = subject.history.since(Status::is_deleted) else { return false };
    let now = deletion(policy, subject, run);
    let fixed = match subject.deletion.filter(|known| known.first_seen_on == run.first_on) {
        Some(known) => Deletion { told_on: known.told_on.or(now.told_on), ..known },
        None => now,
    };
    let is_news = subject.deletion != Some(fixed);
    subject.deletion = Some(fixed);
    is_news
}

/// Fixes it on what is known now, before facts of a later day arrive: the guess is that of the day it was seen.
pub fn fix_deletion_before(subject: &mut Subject, arriving_as_of: Date, policy: &Policy) {
    let run = subject.history.since(Status::is_deleted);
    if run.is_some_and(|run| run.first_on < arriving_as_of) {
        fix_deletion(subject, policy);
    }
}

/// The whole ladder of a rule for these dates, in its configured order, repeats after their stage.
#[must_use]
pub fn ladder<'a>(policy: &'a Policy, calendar: &Calendar, rule: Rule, dates: Dates) -> Vec<Showing<'a>> {
    policy.rule(rule).stages.iter().flat_map(|stage| showings(stage, calendar, dates)).collect()
}

fn showings<'a>(stage: &'a Stage, calendar: &Calendar, dates: Dates) -> impl Iterator<Item = Showing<'a>> {
    let first_on = match stage.placement {
        Placement::After(span) => span.after(dates.anchor_on),
        Placement::Before(span) => span.before(dates.deadline_on),
    };
    let last = if stage.repeat_every.is_some() { stage.repeat_max.max(1) } else { 1 };
    (1..=last).map(move |nth| {
        let repeats = i32::try_from(nth - 1).unwrap_or(i32::MAX);
        let nominal_on = stage.repeat_every.map_or(first_on, |span| span.times(repeats).after(first_on));
        let fires_on = fires_on(stage, calendar, nominal_on);
        Showing { name: StageName::nth(&stage.name, nth), stage, nth, nominal_on, fires_on }
    })
}

/// Rule 7: off a closed day to the open day before, or after for a stage that states a fact; `any_day` stays.
fn fires_on(stage: &Stage, calendar: &Calendar, nominal_on: Date) -> Date {
    match (stage.any_day, stage.states_fact) {
        (true, _) => nominal_on,
        (false, true) => calendar.open_on_or_after(nominal_on),
        (false, false) => calendar.open_on_or_before(nominal_on),
    }
}

/// The finding of a rule that counts, if any stage is reached.
#[must_use]
pub fn finding<'a>(
    policy: &'a Policy,
    calendar: &Calendar,
    rule: Rule,
    dates: Dates,
    today: Date,
) -> Option<Finding<'a>> {
    let mut reached = ladder(policy, calendar, rule, dates);
    reached.retain(|showing| showing.is_reached(today));
    reached.sort_by_key(|showing| showing.nominal_on);
    (!reached.is_empty()).then_some(Finding { rule, dates, reached })
}

/// Every finding of a subject, in the order of the rules' names. Disabled rules find nothing.
#[must_use]
pub fn findings<'a>(
    policy: &'a Policy,
    calendar: &Calendar,
    subject: &Subject,
    sends_watched_since: Option<Date>,
    today: Date,
) -> Vec<Finding<'a>> {
    findings_of(policy, calendar, &standings(policy, subject, sends_watched_since), today)
}

/// How every rule stands to a subject, in the order of the rules' names.
#[must_use]
pub fn standings(
    policy: &Policy,
    subject: &Subject,
    sends_watched_since: Option<Date>,
) -> [(Rule, Standing); Rule::ALL.len()] {
    Rule::ALL.map(|rule| (rule, standing(policy, subject, rule, sends_watched_since)))
}

/// The findings among standings that were asked for already.
#[must_use]
pub fn findings_of<'a>(
    policy: &'a Policy,
    calendar: &Calendar,
    standings: &[(Rule, Standing)],
    today: Date,
) -> Vec<Finding<'a>> {
    let found = |(rule, standing): &(Rule, Standing)| match standing {
        Standing::Counts(dates) => finding(policy, calendar, *rule, *dates, today),
        Standing::NotAsked | Standing::NoDate => None,
    };
    standings.iter().filter_map(found).collect()
}

/// Rules that are silent because the account ends before their own deadline (rule 6, "outrun").
///
/// Of the `inactivity`, `activation` and `password` findings, those with a later deadline than the earliest
/// `inactivity`, `activation` or `leaver` finding whose deadline is not before today.
#[must_use]
pub fn outrun(findings: &[Finding], today: Date) -> Vec<Rule> {
    let ends = |finding: &&Finding| matches!(finding.rule, Rule::Inactivity | Rule::Activation | Rule::Leaver);
    let pending = findings.iter().filter(ends).map(|finding| finding.dates.deadline_on).filter(|on| *on >= today);
    let Some(end_on) = pending.min() else { return Vec::new() };
    let yields = |finding: &&Finding| matches!(finding.rule, Rule::Inactivity | Rule::Activation | Rule::Password);
    findings.iter().filter(yields).filter(|finding| finding.dates.deadline_on > end_on).map(|f| f.rule).collect()
}

#[cfg(test)]
#[path = "evaluate_tests.rs"]
mod tests;
