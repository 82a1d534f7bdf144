//! What falls through: findings of which nobody but the operator has been told although the service is about to act, or
//! has (domain rules 16 and 27, and 6 for what is overdue).
//!
//! Pure. It decides nobody's notices: it is the list that a person works through by telephone.

use std::collections::BTreeSet;

use jiff::civil::Date;

use super::{
    evaluate::{self, Dates, Finding, Standing},
    message::StageName,
    plan::Planning,
    policy::Rule,
    recipient::Directory,
    register::{Register, Subject, SubjectId},
};

/// Why nobody was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Gap {
    /// The deadline is past and the account is still live.
    Overdue,
    /// Nobody but the operator reads what is sent (16).
    OperatorOnly,
    /// The export that the rule counts on is too old (18).
    Stale,
    /// The deadline is near and no mail server has accepted a notice for anybody but the operator.
    NotAccepted,
}

impl Gap {
    /// The word in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Overdue => "overdue",
            Self::OperatorOnly => "operator_only",
            Self::Stale => "stale",
            Self::NotAccepted => "not_accepted",
        }
    }

    /// A few words for screens and messages.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Overdue => "Still live in the newest report",
            Self::OperatorOnly => "No one else reads about it",
            Self::Stale => "Its report is too old",
            Self::NotAccepted => "No email was accepted",
        }
    }
}

/// A finding on the coverage list. They sort by deadline, then by subject.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Uncovered {
    /// The day on which the service acts.
    pub deadline_on: Date,
    /// Whom.
    pub subject: SubjectId,
    /// The concern.
    pub rule: Rule,
    /// The day the rule counts from.
    pub anchor_on: Date,
    /// The deadline is a guess.
    pub is_approximate: bool,
    /// The tightest stage that is reached, if any is.
    pub stage: Option<StageName>,
    /// Why nobody was told.
    pub gap: Gap,
}

/// The coverage list of a day for these subjects, soonest deadline first. `register` holds everybody around them.
///
/// - `covered`: the findings of which somebody besides the operator was told in the open episode, or is being told
///   today.
/// - A live subject past a deadline is on it, told or not.
/// - So is a finding that nobody but the operator reads, however far its deadline.
/// - So is one that nobody was told of, once its deadline is within `policy.coverage_within_days`.
/// - What rests, is outrun or snoozed is not: nobody is to be told of it.
#[must_use]
pub fn uncovered<'s>(
    planning: Planning,
    register: &Register,
    subjects: impl IntoIterator<Item = &'s Subject>,
    covered: &BTreeSet<(SubjectId, Rule)>,
) -> Vec<Uncovered> {
    let directory = Directory::new(register, planning);
    let of = |subject| of_subject(planning, register, &directory, subject, covered);
    let mut list: Vec<_> = subjects.into_iter().flat_map(of).collect();
    list.sort();
    list
}

fn of_subject(
    planning: Planning,
    register: &Register,
    directory: &Directory<'_>,
    subject: &Subject,
    covered: &BTreeSet<(SubjectId, Rule)>,
) -> Vec<Uncovered> {
    let Planning { policy, calendar, today, gates } = planning;
    if subject.facts.status().is_some_and(|status| status.is_in_flight()) {
        return Vec::new();
    }
    let standings = evaluate::standings(policy, subject, register.sends_watched_since());
    let findings = evaluate::findings_of(policy, calendar, &standings, today);
    let outrun = evaluate::outrun(&findings, today);
    let look = |(rule, standing): (Rule, Standing)| {
        let Standing::Counts(dates) = standing else { return None };
        let is_silent = outrun.contains(&rule) || gates.snoozed_until(subject.id, rule, today).is_some();
        let finding = findings.iter().find(|finding| finding.rule == rule);
        let gap = if dates.deadline_on < today {
            subject.is_live().then_some(Gap::Overdue)
        } else {
            let is_covered = covered.contains(&(subject.id, rule));
            finding
                .filter(|_| !is_silent)
                .and_then(|finding| gap(planning, register, directory, subject, finding, is_covered))
        };
        gap.map(|gap| line(subject, rule, dates, finding, gap))
    };
    standings.into_iter().filter_map(look).collect()
}

fn line(subject: &Subject, rule: Rule, dates: Dates, finding: Option<&Finding<'_>>, gap: Gap) -> Uncovered {
    let tightest = finding.and_then(Finding::tightest);
    Uncovered {
        deadline_on: dates.deadline_on,
        subject: subject.id,
        rule,
        anchor_on: dates.anchor_on,
        is_approximate: dates.is_approximate,
        stage: tightest.map(|showing| showing.name.clone()),
        gap,
    }
}

/// Why nobody is told of a finding that is still to end; `None` when somebody is, or when there is time.
fn gap(
    planning: Planning,
    register: &Register,
    directory: &Directory<'_>,
    subject: &Subject,
    finding: &Finding<'_>,
    is_covered: bool,
) -> Option<Gap> {
    let Planning { policy, today, gates, .. } = planning;
    let showing = finding.tightest()?;
    if directory.audience(subject, finding.rule, showing.stage, showing.nth > 1).is_operator_only {
        return Some(Gap::OperatorOnly);
    }
    let near_on = today.saturating_add(jiff::Span::new().days(policy.coverage_within_days));
    if is_covered || finding.dates.deadline_on > near_on {
        return None;
    }
    let is_stale = gates.stale(register, subject, finding.rule, today).is_some();
    Some(if is_stale { Gap::Stale } else { Gap::NotAccepted })
}

#[cfg(test)]
#[path = "coverage_tests.rs"]
mod tests;
