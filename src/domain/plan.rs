//! The plan of a run: what becomes of every episode, who is told what, and what was looked at (domain rules 8 to 17).
//!
//! A plan is complete: recipient, stage, deadline, reason. It decides everything but *when* a message leaves. It is
//! a function of the register, the history of what was told, the policy, the calendar and `today`, so planning
//! twice on one day plans nothing the second time.

use std::collections::BTreeSet;

use jiff::civil::Date;

use super::{
    bundle::Bundles,
    calendar::Calendar,
    evaluate::{self, Finding, Standing},
    gates::Gates,
    message::{Message, Notice, Reason},
    planner::Planner,
    policy::{Policy, Rule},
    recipient::Directory,
    register::{Register, Subject, SubjectId},
    report::Report,
    snapshot::Source,
    subject::Address,
};

pub use super::episode::{Episode, EpisodeChange, EpisodeId, StageEntry, Told};

/// A subject that vanished from its only source and is taken as deleted (rule 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presumed {
    /// Whom.
    pub subject: SubjectId,
    /// From which source it vanished.
    pub source: Source,
    /// The newest as-of of that source.
    pub as_of: Date,
}

/// Everything a run decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The civil day of the run.
    pub on: Date,
    /// Messages that leave, sorted.
    pub messages: Vec<Message>,
    /// Messages that wait for a person, sorted (19, 20).
    pub held: Vec<Message>,
    /// Episodes that open.
    pub opened: Vec<EpisodeChange>,
    /// Episodes that close.
    pub closed: Vec<EpisodeChange>,
    /// Stages that are told; each stands in at least one message.
    pub told: Vec<StageEntry>,
    /// Wider stages that will not be told any more.
    pub passed_over: Vec<StageEntry>,
    /// What the run saw.
    pub report: Report,
}

impl Plan {
    /// Lets everything wait for a person (19, 20).
    pub fn hold_all(&mut self) {
        self.held.append(&mut self.messages);
        self.held.sort();
    }
}

/// What a planner reads.
#[derive(Debug, Clone, Copy)]
pub struct Planning<'a> {
    /// Rules and ladders.
    pub policy: &'a Policy,
    /// Open and closed days.
    pub calendar: &'a Calendar,
    /// The civil date of the run, in the policy's zone.
    pub today: Date,
    /// What is kept back.
    pub gates: &'a Gates,
}

/// Subjects gone from two snapshots running of the only source that had them, split into those to take as deleted
/// and those to tell the operator of (rule 6).
#[must_use]
pub fn vanished(planning: Planning, register: &Register) -> (Vec<Presumed>, Vec<SubjectId>) {
    let (mut presumed, mut missing) = (Vec::new(), Vec::new());
    for subject in register.subjects().filter(|subject| subject.facts.status().is_none_or(|s| !s.is_deleted())) {
        let Some((source, as_of)) = vanished_from(register, subject) else { continue };
        if has_passed_deadline(planning, register, subject) {
            presumed.push(Presumed { subject: subject.id, source, as_of });
        } else {
            missing.push(subject.id);
        }
    }
    (presumed, missing)
}

fn vanished_from(register: &Register, subject: &Subject) -> Option<(Source, Date)> {
    let mut sources = subject.listings();
    let (source, last_seen_on) = sources.next()?;
    if sources.next().is_some() {
        return None;
    }
    let snapshots = register.snapshots(source)?;
    let since = snapshots.range((std::ops::Bound::Excluded(last_seen_on), std::ops::Bound::Unbounded));
    (since.count() >= 2).then(|| Some((source, snapshots.last().copied()?))).flatten()
}

fn has_passed_deadline(planning: Planning, register: &Register, subject: &Subject) -> bool {
    let standing = |rule| evaluate::standing(planning.policy, subject, rule, register.sends_watched_since());
    Rule::ALL.into_iter().any(|rule| match standing(rule) {
        Standing::Counts(dates) => dates.deadline_on < planning.today,
        Standing::NotAsked | Standing::NoDate => false,
    })
}

/// Settles what absence and deletion mean before a plan is made, and returns the subjects that are missing.
///
/// This is the one step of planning that changes the register: the conclusions are facts from then on.
pub fn settle(planning: Planning, register: &mut Register) -> Vec<SubjectId> {
    let (presumed, missing) = vanished(planning, register);
    for Presumed { subject, source, as_of } in presumed {
        register.presume_deleted(subject, source, as_of);
    }
    register.fix_deletions(planning.policy);
    missing
}

/// Makes the plan of a run.
#[must_use]
pub fn plan(planning: Planning, register: &Register, told: &Told, missing: &[SubjectId]) -> Plan {
    let mut planner = Planner::new(planning, told.last_episode());
    planner.look_at(register, told, missing, register.subjects());
    planner.address_due(register);
    planner.finish().plan
}

/// Whether a finding still belongs to the episode that opened with an anchor (rule 10): the anchor has not moved
/// further than the tolerance, or it is the deletion date learnt in place of the guess the episode opened with (6).
pub(super) fn stays_in_episode(policy: &Policy, subject: &Subject, finding: &Finding, opened_anchor_on: Date) -> bool {
    let tolerance = jiff::Span::new().days(policy.episode_tolerance_days);
    let guessed_on = subject.deletion.and_then(|deletion| deletion.guessed_on);
    let replaces_guess = finding.rule == Rule::Restore && guessed_on == Some(opened_anchor_on);
    replaces_guess || finding.dates.anchor_on <= opened_anchor_on.saturating_add(tolerance)
}

/// A notice that a mail server refused, and everybody who was told of the same stage already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The refused notice.
    pub notice: Notice,
    /// Who was told of the same stage in the same episode, the refusing address too.
    pub told: BTreeSet<Address>,
}

/// Messages to the next rung for notices that were refused (rules 15 and 25). A notice that no longer stands, or
/// has nobody left to climb to, is not in them.
#[must_use]
pub fn climb(planning: Planning, register: &Register, told: &Told, refused: &[Refused]) -> Vec<Message> {
    let directory = Directory::new(register, planning);
    let mut bundles = Bundles::default();
    for Refused { notice, told: known } in refused {
        let Some(subject) = register.find(notice.subject_id) else { continue };
        let Some(finding) = standing_finding(planning, register, told, subject, notice) else { continue };
        let Some(showing) = finding.reached.iter().find(|showing| showing.name == notice.stage) else { continue };
        for recipient in directory.climb(subject, notice.rule, showing.stage, known) {
            let climbed = Notice { reason: Reason::Reach, rung: recipient.rung, ..notice.clone() };
            bundles.put(planning, register, subject, showing, &recipient, climbed);
        }
    }
    bundles.messages(planning.today)
}

/// The finding a planned notice rests on, if it still stands on current facts (rule 24).
///
/// - The rule still counts the subject and the notice's stage is still reached.
/// - Its episode is open, and the anchor has not moved out of it.
/// - No tighter stage of the episode has been told since.
/// - The deadline is not behind, unless the rule goes on.
/// - Nobody has snoozed it.
#[must_use]
pub fn standing_finding<'a>(
    planning: Planning<'a>,
    register: &Register,
    told: &Told,
    subject: &Subject,
    notice: &Notice,
) -> Option<Finding<'a>> {
    let Planning { policy, calendar, today, gates } = planning;
    let episode = told.episode(subject.id, notice.rule).filter(|episode| episode.id == notice.episode_id)?;
    let rests = subject.facts.status().is_some_and(|status| status.is_in_flight());
    if rests || gates.snoozed_until(subject.id, notice.rule, today).is_some() {
        return None;
    }
    let findings = evaluate::findings(policy, calendar, subject, register.sends_watched_since(), today);
    if evaluate::outrun(&findings, today).contains(&notice.rule) {
        return None;
    }
    let finding = findings.into_iter().find(|finding| finding.rule == notice.rule)?;
    let same_episode = stays_in_episode(policy, subject, &finding, episode.opened_anchor_on);
    let is_over = today > finding.dates.deadline_on && !notice.rule.goes_on_after_deadline();
    let place = finding.reached.iter().position(|showing| showing.name == notice.stage)?;
    let mut tighter = finding.reached.iter().skip(place + 1);
    let is_superseded = tighter.any(|showing| told.supersedes(episode.id, &showing.name));
    (same_episode && !is_over && !is_superseded).then_some(finding)
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
