//! The plan of a run: what becomes of every episode, who is told what, and what was looked at (domain rules 8 to 17).
//!
//! A plan is complete: recipient, stage, deadline, reason. It decides everything but *when* a message leaves. It is
//! a function of the register, the history of what was told, the policy, the calendar and `today`, so planning
//! twice on one day plans nothing the second time.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::{
    calendar::Calendar,
    evaluate::{self, Finding, Showing, Standing},
    gates::Gates,
    message::{Message, MessageKind, Notice, Reason, StageName},
    policy::{Policy, Rule},
    recipient::{Directory, Recipient, is_own_address},
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
pub fn plan(planning: Planning, register: &Register, told: &Told, missing: Vec<SubjectId>) -> Plan {
    let mut planner = Planner::new(planning, register, told);
    planner.plan.report.missing = missing;
    for subject in register.subjects() {
        planner.look_at(subject);
    }
    planner.finish()
}

/// The key of a message: recipient, kind, whose letter, which notice stands alone, and whether it is held.
type MessageKey = (Address, MessageKind, Option<SubjectId>, Option<(SubjectId, Rule, StageName)>, bool);

struct Planner<'a> {
    planning: Planning<'a>,
    register: &'a Register,
    told: &'a Told,
    directory: Directory<'a>,
    last_episode: i64,
    messages: BTreeMap<MessageKey, Vec<Notice>>,
    plan: Plan,
}

impl<'a> Planner<'a> {
    fn new(planning: Planning<'a>, register: &'a Register, told: &'a Told) -> Self {
        let plan = Plan {
            on: planning.today,
            messages: Vec::new(),
            held: Vec::new(),
            opened: Vec::new(),
            closed: Vec::new(),
            told: Vec::new(),
            passed_over: Vec::new(),
            report: Report::default(),
        };
        let directory = Directory::new(register, planning);
        let last_episode = told.last_episode;
        Self { planning, register, told, directory, last_episode, messages: BTreeMap::new(), plan }
    }

    /// One subject: its episodes, then its notices. While its status is in flight both rest.
    fn look_at(&mut self, subject: &Subject) {
        self.plan.report.subjects += 1;
        if subject.facts.status().is_some_and(|status| status.is_in_flight()) {
            self.plan.report.resting += 1;
            return;
        }
        let Planning { policy, calendar, today, .. } = self.planning;
        let watched_since = self.register.sends_watched_since();
        let standings = evaluate::standings(policy, subject, watched_since);
        self.count_standings(subject, &standings);
        self.note_sources(subject, watched_since);
        let findings = evaluate::findings_of(policy, calendar, &standings, today);
        let outrun = evaluate::outrun(&findings, today);
        for rule in Rule::ALL {
            let finding = findings.iter().find(|finding| finding.rule == rule);
            let episode = self.turn_episode(subject, rule, finding);
            if let (Some(finding), Some(episode)) = (finding, episode)
                && !outrun.contains(&rule)
                && !self.is_snoozed(subject, rule)
                && !self.is_stale(subject, rule)
            {
                self.tell(subject, finding, episode);
            }
        }
    }

    /// A snoozed rule is as silent as an outrun one: it consumes no stage (21).
    fn is_snoozed(&mut self, subject: &Subject, rule: Rule) -> bool {
        let until_on = self.planning.gates.snoozed_until(subject.id, rule, self.planning.today);
        self.plan.report.snoozed += u64::from(until_on.is_some());
        until_on.is_some()
    }

    /// A rule whose source is too old is silent too (18); the operator hears of the source, not of the subject.
    fn is_stale(&mut self, subject: &Subject, rule: Rule) -> bool {
        let Some(stale) = self.planning.gates.stale(self.register, subject, rule, self.planning.today) else {
            return false;
        };
        self.plan.report.stale.entry(stale.source).or_insert((stale, 0)).1 += 1;
        true
    }

    /// Notes which rules have something to go by (20).
    fn note_sources(&mut self, subject: &Subject, watched_since: Option<Date>) {
        for rule in Rule::ALL {
            if !self.plan.report.fed.contains(&rule) && evaluate::feeds(subject, rule, watched_since) {
                self.plan.report.fed.insert(rule);
            }
        }
    }

    fn count_standings(&mut self, subject: &Subject, standings: &[(Rule, Standing)]) {
        for (rule, standing) in standings {
            match standing {
                Standing::NoDate => self.plan.report.no_date.push((subject.id, *rule)),
                Standing::Counts(dates) if subject.is_live() && dates.deadline_on < self.planning.today => {
                    self.plan.report.overdue.push((subject.id, *rule, dates.deadline_on));
                }
                Standing::Counts(_) | Standing::NotAsked => {}
            }
        }
    }

    /// Opens, keeps or closes the episode of a rule (rule 10).
    fn turn_episode(&mut self, subject: &Subject, rule: Rule, finding: Option<&Finding>) -> Option<Episode> {
        let open = self.told.episode(subject.id, rule);
        if let (Some(episode), Some(finding)) = (open, finding)
            && stays_in_episode(self.planning.policy, subject, finding, episode.opened_anchor_on)
        {
            return Some(episode);
        }
        let subject = subject.id;
        if let Some(episode) = open {
            self.plan.closed.push(EpisodeChange { subject, rule, episode });
        }
        let finding = finding?;
        self.last_episode += 1;
        let id = EpisodeId(self.last_episode);
        let episode = Episode { id, opened_on: self.planning.today, opened_anchor_on: finding.dates.anchor_on };
        self.plan.opened.push(EpisodeChange { subject, rule, episode });
        Some(episode)
    }

    /// Tells the tightest reached stage, if it is due (rules 6, 8 and 9).
    fn tell(&mut self, subject: &Subject, finding: &Finding, episode: Episode) {
        let Some(showing) = finding.tightest() else { return };
        let Planning { calendar, today, .. } = self.planning;
        let is_over = today > finding.dates.deadline_on && !finding.rule.goes_on_after_deadline();
        let must_wait = calendar.is_closed(today) && !showing.stage.any_day;
        if is_over || must_wait || self.told.holds(episode.id, &showing.name) {
            return;
        }
        let entry = |showing: &Showing| StageEntry {
            subject: subject.id,
            rule: finding.rule,
            episode: episode.id,
            stage: showing.name.clone(),
        };
        let wider = finding.wider().filter(|wider| !self.told.holds(episode.id, &wider.name));
        self.plan.passed_over.extend(wider.map(entry));
        self.plan.told.push(entry(showing));
        self.address(subject, finding, showing, episode);
    }

    /// Puts one notice per recipient into the messages (rules 14 to 17).
    fn address(&mut self, subject: &Subject, finding: &Finding, showing: &Showing, episode: Episode) {
        let audience = self.directory.audience(subject, finding.rule, showing.stage, showing.nth > 1);
        if audience.is_operator_only {
            self.plan.report.operator_only.push((subject.id, finding.rule));
        }
        for recipient in audience.recipients {
            let notice = notice(subject, finding, showing, episode, &recipient);
            let key = message_key(self.planning, self.register, subject, showing, finding.rule, &recipient);
            self.messages.entry(key).or_default().push(notice);
        }
    }

    fn finish(mut self) -> Plan {
        let (held, leaving) = self.messages.into_iter().partition(|((.., is_held), _)| *is_held);
        self.plan.messages = assemble(self.planning.today, leaving);
        self.plan.held = assemble(self.planning.today, held);
        self.plan
    }
}

/// Whether a finding still belongs to the episode that opened with an anchor (rule 10): the anchor has not moved
/// further than the tolerance, or it is the deletion date learnt in place of the guess the episode opened with (6).
fn stays_in_episode(policy: &Policy, subject: &Subject, finding: &Finding, opened_anchor_on: Date) -> bool {
    let tolerance = jiff::Span::new().days(policy.episode_tolerance_days);
    let guessed_on = subject.deletion.and_then(|deletion| deletion.guessed_on);
    let replaces_guess = finding.rule == Rule::Restore && guessed_on == Some(opened_anchor_on);
    replaces_guess || finding.dates.anchor_on <= opened_anchor_on.saturating_add(tolerance)
}

fn notice(subject: &Subject, finding: &Finding, showing: &Showing, episode: Episode, recipient: &Recipient) -> Notice {
    Notice {
        deadline_on: finding.dates.deadline_on,
        subject: subject.address(),
        rule: finding.rule,
        stage: showing.name.clone(),
        anchor_on: finding.dates.anchor_on,
        episode_on: episode.opened_on,
        reason: recipient.reason,
        rung: recipient.rung,
        subject_id: subject.id,
        episode_id: episode.id,
    }
}

/// Which message of a recipient a notice belongs to (rule 17). The operator's one message takes what comes to the
/// operator's address through whatever rung.
fn message_key(
    planning: Planning,
    register: &Register,
    subject: &Subject,
    showing: &Showing,
    rule: Rule,
    recipient: &Recipient,
) -> MessageKey {
    let kind = if recipient.address == planning.policy.operator {
        MessageKind::Operator
    } else if is_own_address(register, subject, &recipient.address) {
        MessageKind::Letter
    } else {
        MessageKind::Digest
    };
    let letter_of = (kind == MessageKind::Letter).then_some(subject.id);
    let is_alone = showing.stage.alone && kind != MessageKind::Operator;
    let alone = is_alone.then(|| (subject.id, rule, showing.name.clone()));
    (recipient.address.clone(), kind, letter_of, alone, planning.gates.holds(rule))
}

fn assemble(on: Date, messages: BTreeMap<MessageKey, Vec<Notice>>) -> Vec<Message> {
    let mut messages: Vec<_> = messages
        .into_iter()
        .map(|((recipient, kind, ..), mut notices)| {
            notices.sort();
            Message { on, recipient, kind, notices }
        })
        .collect();
    messages.sort();
    messages
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
    let mut messages: BTreeMap<MessageKey, Vec<Notice>> = BTreeMap::new();
    for Refused { notice, told: known } in refused {
        let Some(subject) = register.find(notice.subject_id) else { continue };
        let Some(finding) = standing_finding(planning, register, told, subject, notice) else { continue };
        let Some(showing) = finding.reached.iter().find(|showing| showing.name == notice.stage) else { continue };
        for recipient in directory.climb(subject, notice.rule, showing.stage, known) {
            let key = message_key(planning, register, subject, showing, notice.rule, &recipient);
            let climbed = Notice { reason: Reason::Reach, rung: recipient.rung, ..notice.clone() };
            let notices = messages.entry(key).or_default();
            // Two addresses that refused the same stage climb to the same people: one row is enough.
            if !notices.contains(&climbed) {
                notices.push(climbed);
            }
        }
    }
    assemble(planning.today, messages)
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
