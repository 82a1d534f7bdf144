//! A plan in the making. Subjects are looked at part by part: the register never has to be in memory as a whole.
//!
//! First every subject is looked at by itself: which episodes open and close, which stage is due, and when to look
//! again. Then, part by part, whoever has a finding is addressed: for that a part holds everybody who may be told.

use std::ops::Range;

use jiff::civil::Date;

use super::{
    bundle::Bundles,
    evaluate::{self, Finding, Showing, Standing},
    message::Notice,
    plan::{Episode, EpisodeChange, EpisodeId, Plan, Planning, StageEntry, Told, stays_in_episode},
    policy::Rule,
    recipient::{Directory, Recipient},
    register::{Register, Subject, SubjectId},
    report::Report,
    wake::{self, Look},
};

/// A finding with its open episode, as a look found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenFinding {
    /// Whom.
    pub subject: SubjectId,
    /// The concern.
    pub rule: Rule,
    /// The episode.
    pub episode: Episode,
    /// When the service acts.
    pub deadline_on: Date,
    /// Its tightest stage is told today.
    pub is_due: bool,
    /// Nobody is to be told of it: it is outrun or snoozed.
    pub is_silent: bool,
    /// Nobody but the operator reads about it; asked when it is addressed.
    pub is_operator_only: bool,
}

/// A plan, and what the looks at its subjects found out about the next ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// What is decided.
    pub plan: Plan,
    /// A look for each subject that was looked at, by number.
    pub looks: Vec<Look>,
    /// Every finding of these subjects.
    pub findings: Vec<OpenFinding>,
}

/// See the module.
pub struct Planner<'a> {
    planning: Planning<'a>,
    last_episode: i64,
    bundles: Bundles,
    looks: Vec<Look>,
    findings: Vec<OpenFinding>,
    plan: Plan,
}

impl<'a> Planner<'a> {
    /// Begins a plan. `last_episode` is the highest number ever given.
    #[must_use]
    pub fn new(planning: Planning<'a>, last_episode: EpisodeId) -> Self {
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
        let (bundles, looks, findings) = (Bundles::default(), Vec::new(), Vec::new());
        Self { planning, last_episode: last_episode.0, bundles, looks, findings, plan }
    }

    /// Looks at subjects, by number, and at higher numbers than before. `told` knows their open episodes, `register` the
    /// snapshots.
    pub fn look_at<'s>(
        &mut self,
        register: &Register,
        told: &Told,
        missing: &[SubjectId],
        subjects: impl IntoIterator<Item = &'s Subject>,
    ) {
        for subject in subjects {
            let is_missing = missing.binary_search(&subject.id).is_ok();
            let mut look = Look { is_missing, ..Look::at(subject.id) };
            look.wakes_with_load = wake::wakes_with_load(register, subject);
            self.look(register, told, subject, &mut look);
            self.looks.push(look);
        }
        self.plan.report.missing.extend_from_slice(missing);
    }

    /// The findings of the subjects looked at so far, by subject.
    #[must_use]
    pub fn findings(&self) -> &[OpenFinding] {
        &self.findings
    }

    /// One subject: its episodes, then its notices. While its status is in flight both rest.
    fn look(&mut self, register: &Register, told: &Told, subject: &Subject, look: &mut Look) {
        self.plan.report.subjects += 1;
        if subject.facts.status().is_some_and(|status| status.is_in_flight()) {
            self.plan.report.resting += 1;
            look.rests = true;
            return;
        }
        let Planning { policy, calendar, today, .. } = self.planning;
        let watched_since = register.sends_watched_since();
        let standings = evaluate::standings(policy, subject, watched_since);
        self.count(subject, &standings, look);
        self.note_sources(subject, watched_since);
        let findings = evaluate::findings_of(policy, calendar, &standings, today);
        let outrun = evaluate::outrun(&findings, today);
        for rule in Rule::ALL {
            let finding = findings.iter().find(|finding| finding.rule == rule);
            let episode = self.turn_episode(told, subject, rule, finding);
            if let (Some(finding), Some(episode)) = (finding, episode) {
                let is_silent = outrun.contains(&rule) || self.is_snoozed(subject, rule, look);
                let is_due = !is_silent
                    && !self.is_stale(register, subject, rule, look)
                    && self.tell(told, subject, finding, episode, look);
                self.findings.push(OpenFinding {
                    subject: subject.id,
                    rule,
                    episode,
                    deadline_on: finding.dates.deadline_on,
                    is_due,
                    is_silent,
                    is_operator_only: false,
                });
            }
        }
    }

    /// A snoozed rule is as silent as an outrun one: it consumes no stage (21).
    fn is_snoozed(&mut self, subject: &Subject, rule: Rule, look: &mut Look) -> bool {
        let until_on = self.planning.gates.snoozed_until(subject.id, rule, self.planning.today);
        self.plan.report.snoozed += u64::from(until_on.is_some());
        look.wake(until_on);
        until_on.is_some()
    }

    /// A rule whose source is too old is silent too (18); the operator hears of the source, not of the subject.
    fn is_stale(&mut self, register: &Register, subject: &Subject, rule: Rule, look: &mut Look) -> bool {
        let Some(stale) = self.planning.gates.stale(register, subject, rule, self.planning.today) else {
            return false;
        };
        self.plan.report.stale.entry(stale.source).or_insert((stale, 0)).1 += 1;
        look.wake(self.planning.today.tomorrow().ok());
        look.wakes_with_load = true;
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

    fn count(&mut self, subject: &Subject, standings: &[(Rule, Standing)], look: &mut Look) {
        let Planning { policy, calendar, today, .. } = self.planning;
        for (rule, standing) in standings {
            match standing {
                Standing::NoDate => {
                    self.plan.report.no_date.push((subject.id, *rule));
                    look.no_date += 1;
                }
                Standing::Counts(dates) => {
                    if subject.is_live() && dates.deadline_on < today {
                        self.plan.report.overdue.push((subject.id, *rule, dates.deadline_on));
                    }
                    look.wake(wake::next_day(policy, calendar, *rule, *dates, today));
                }
                Standing::NotAsked => {}
            }
        }
    }

    /// Opens, keeps or closes the episode of a rule (rule 10).
    fn turn_episode(
        &mut self,
        told: &Told,
        subject: &Subject,
        rule: Rule,
        finding: Option<&Finding>,
    ) -> Option<Episode> {
        let open = told.episode(subject.id, rule);
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
    fn tell(&mut self, told: &Told, subject: &Subject, finding: &Finding, episode: Episode, look: &mut Look) -> bool {
        let Some(showing) = finding.tightest() else { return false };
        let Planning { calendar, today, .. } = self.planning;
        let is_over = today > finding.dates.deadline_on && !finding.rule.goes_on_after_deadline();
        if is_over || told.holds(episode.id, &showing.name) {
            return false;
        }
        if calendar.is_closed(today) && !showing.stage.any_day {
            look.wake(today.tomorrow().ok());
            return false;
        }
        let entry = |showing: &Showing| StageEntry {
            subject: subject.id,
            rule: finding.rule,
            episode: episode.id,
            stage: showing.name.clone(),
        };
        let wider = finding.wider().filter(|wider| !told.holds(episode.id, &wider.name));
        self.plan.passed_over.extend(wider.map(entry));
        self.plan.told.push(entry(showing));
        true
    }

    /// Addresses every finding that is due, from a register that holds everybody.
    pub fn address_due(&mut self, register: &Register) {
        for place in 0..self.findings.len() {
            if self.findings.get(place).is_some_and(|finding| finding.is_due) {
                self.address_one(register, place);
            }
        }
    }

    /// Addresses findings by their places: who is told of those that are due, and whether anybody but the operator reads
    /// about them. `register` holds their subjects and everybody who may be told.
    pub fn address(&mut self, register: &Register, places: Range<usize>) {
        for place in places {
            if self.findings.get(place).is_some_and(|finding| !finding.is_silent) {
                self.address_one(register, place);
            }
        }
    }

    fn address_one(&mut self, register: &Register, place: usize) {
        let Planning { policy, calendar, today, .. } = self.planning;
        let Some(open) = self.findings.get(place).copied() else { return };
        let Some(subject) = register.find(open.subject) else { return };
        let found = evaluate::findings(policy, calendar, subject, register.sends_watched_since(), today);
        let Some(finding) = found.iter().find(|finding| finding.rule == open.rule) else { return };
        let Some(showing) = finding.tightest() else { return };
        let directory = Directory::new(register, self.planning);
        let audience = directory.audience(subject, finding.rule, showing.stage, showing.nth > 1);
        if audience.is_operator_only {
            self.note_operator_only(place, open);
        }
        for recipient in audience.recipients.iter().filter(|_| open.is_due) {
            let notice = notice(subject, finding, showing, open.episode, recipient);
            self.bundles.put(self.planning, register, subject, showing, recipient, notice);
        }
    }

    /// A newer contacts file may name somebody: then it is looked at again.
    fn note_operator_only(&mut self, place: usize, open: OpenFinding) {
        if open.is_due {
            self.plan.report.operator_only.push((open.subject, open.rule));
        }
        if let Some(finding) = self.findings.get_mut(place) {
            finding.is_operator_only = true;
        }
        let look = self.looks.binary_search_by_key(&open.subject, |look| look.subject);
        if let Some(look) = look.ok().and_then(|at| self.looks.get_mut(at)) {
            look.wakes_with_load = true;
        }
    }

    /// Ends the plan.
    #[must_use]
    pub fn finish(mut self) -> Made {
        (self.plan.messages, self.plan.held) = self.bundles.leaving_and_held(self.planning.today);
        Made { plan: self.plan, looks: self.looks, findings: self.findings }
    }
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
