//! The one checker of plan invariants. Every plan that a test makes goes through it.
//!
//! It works out stages, closed days and audiences for itself where that is a few lines, so that a mistake in the
//! planner does not excuse itself.

use std::collections::BTreeSet;

use jiff::civil::Date;
use lapsewatch::domain::{
    evaluate::{findings, outrun},
    message::{Message, MessageKind, Notice, Reason, StageName},
    plan::{Plan, Planning, StageEntry, Told},
    policy::{Placement, Rule, Stage},
    recipient::Directory,
    register::{Register, Subject, SubjectId},
    subject::{Address, Kind},
};

/// Fails when a plan breaks a rule.
#[track_caller]
pub fn check_plan(planning: Planning, register: &Register, told: &Told, plan: &Plan) {
    let broken = broken_rules(planning, register, told, plan);
    assert!(broken.is_empty(), "the plan of {} breaks rules:\n{}", plan.on, broken.join("\n"));
}

/// What is wrong with a plan, one line each.
pub fn broken_rules(planning: Planning, register: &Register, told: &Told, plan: &Plan) -> Vec<String> {
    let mut checker = Checker { planning, register, told, plan, broken: Vec::new() };
    checker.messages_are_in_order();
    checker.messages_carry_what_belongs_together();
    checker.episodes_open_and_close_in_turn();
    checker.stages_are_told_once();
    checker.told_and_notices_agree();
    for message in &plan.messages {
        checker.recipient_can_be_reached(message);
        for notice in &message.notices {
            checker.notice_is_due(notice);
        }
    }
    checker.operator_hears_what_nobody_reads();
    checker.broken
}

struct Checker<'a> {
    planning: Planning<'a>,
    register: &'a Register,
    told: &'a Told,
    plan: &'a Plan,
    broken: Vec<String>,
}

impl Checker<'_> {
    fn must(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.broken.push(otherwise());
        }
    }

    /// Messages are sorted and never empty, and so are their notices; no two say the same to one person.
    fn messages_are_in_order(&mut self) {
        let messages = &self.plan.messages;
        self.must(messages.is_sorted(), || "messages are not sorted".into());
        let mut said = BTreeSet::new();
        for message in messages {
            self.must(message.on == self.plan.on, || format!("a message of {} is dated {}", self.plan.on, message.on));
            self.must(!message.notices.is_empty(), || format!("an empty message to {}", message.recipient));
            self.must(message.notices.is_sorted(), || format!("notices to {} are not sorted", message.recipient));
            for notice in &message.notices {
                let key = (&message.recipient, notice.subject_id, notice.rule, &notice.stage);
                self.must(said.insert(key), || format!("{} is told twice: {}", message.recipient, name(notice)));
            }
        }
    }

    /// Rule 17: one letter per account and recipient, one digest and one operator message; what stands alone does.
    fn messages_carry_what_belongs_together(&mut self) {
        let mut shared = BTreeSet::new();
        for message in &self.plan.messages {
            let subjects: BTreeSet<_> = message.notices.iter().map(|notice| notice.subject_id).collect();
            let is_letter = message.kind == MessageKind::Letter;
            self.must(!is_letter || subjects.len() <= 1, || format!("a letter to {} of two", message.recipient));
            let alone = message.kind != MessageKind::Operator && message.notices.iter().any(|n| self.is_alone(n));
            if alone {
                self.must(message.notices.len() == 1, || format!("an alone notice to {} is not", message.recipient));
            } else {
                let of = subjects.first().copied().filter(|_| is_letter);
                let first = shared.insert((&message.recipient, message.kind, of));
                self.must(first, || format!("{} has two messages of one kind", message.recipient));
            }
        }
    }

    fn is_alone(&self, notice: &Notice) -> bool {
        self.stage(notice.rule, &notice.stage).is_some_and(|stage| stage.alone)
    }

    fn stage(&self, rule: Rule, name: &StageName) -> Option<&Stage> {
        self.planning.policy.rule(rule).stages.iter().find(|stage| stage.name == name.base())
    }

    /// Rule 10: what closes was open, what opens was not or closes in the same run.
    fn episodes_open_and_close_in_turn(&mut self) {
        for closed in &self.plan.closed {
            let open = self.told.episode(closed.subject, closed.rule);
            self.must(open == Some(closed.episode), || format!("{closed:?} closes and was not open"));
        }
        for opened in &self.plan.opened {
            let closes = |open| self.plan.closed.iter().any(|closed| closed.episode == open);
            let is_free = self.told.episode(opened.subject, opened.rule).is_none_or(closes);
            self.must(is_free, || format!("{opened:?} opens beside an open one"));
            self.must(opened.episode.opened_on == self.plan.on, || format!("{opened:?} opens on another day"));
        }
    }

    /// Rule 9: no stage is told or passed over twice in an episode.
    fn stages_are_told_once(&mut self) {
        let mut seen = BTreeSet::new();
        for entry in self.plan.told.iter().chain(&self.plan.passed_over) {
            self.must(!self.told.holds(entry.episode, &entry.stage), || format!("{entry:?} was settled before"));
            self.must(seen.insert((entry.episode, &entry.stage)), || format!("{entry:?} is settled twice"));
        }
    }

    /// Every stage told stands in a message, and every notice is of a stage told.
    fn told_and_notices_agree(&mut self) {
        let notices: BTreeSet<_> = self.notices().map(|(_, notice)| key_of(notice)).collect();
        let told: BTreeSet<_> = self.plan.told.iter().map(key).collect();
        self.must(notices == told, || format!("told {told:?}, but the messages say {notices:?}"));
    }

    fn notices(&self) -> impl Iterator<Item = (&Message, &Notice)> {
        self.plan.messages.iter().flat_map(|message| message.notices.iter().map(move |notice| (message, notice)))
    }

    /// Rule 14: nobody is written to at an account or mailbox that is deleted or disabled.
    fn recipient_can_be_reached(&mut self, message: &Message) {
        let status = self.register.find_by_address(&message.recipient).and_then(|found| found.facts.status());
        let is_gone = status.is_some_and(|status| status.is_deleted() || status.is_disabled());
        let known_kind = self.register.find_by_address(&message.recipient).map(|found| found.facts.kind());
        self.must(!is_gone || known_kind == Some(Kind::Resource), || format!("{} is gone", message.recipient));
        let is_operator = message.recipient == self.planning.policy.operator;
        let is_theirs = is_operator == (message.kind == MessageKind::Operator);
        self.must(is_theirs, || format!("{} gets a message of kind {:?}", message.recipient, message.kind));
    }

    /// Rules 6 to 9: the stage is reached and the tightest, the day allows it, and nothing ends before it.
    fn notice_is_due(&mut self, notice: &Notice) {
        let today = self.plan.on;
        let Some(subject) = self.register.find(notice.subject_id) else {
            return self.must(false, || format!("{} is of nobody", name(notice)));
        };
        let tightest = self.tightest(notice);
        self.must(tightest.as_ref() == Some(&notice.stage), || {
            format!("{}: the tightest is {tightest:?}", name(notice))
        });
        let any_day = self.stage(notice.rule, &notice.stage).is_some_and(|stage| stage.any_day);
        let is_closed = self.planning.calendar.is_closed(today);
        self.must(!is_closed || any_day, || format!("{} starts on a closed day", name(notice)));
        let goes_on = matches!(notice.rule, Rule::Password | Rule::SharedMailbox);
        self.must(goes_on || today <= notice.deadline_on, || format!("{} comes after its deadline", name(notice)));
        self.must(asks(notice.rule, subject), || format!("{}: the rule does not ask of it", name(notice)));
        let found =
            findings(self.planning.policy, self.planning.calendar, subject, self.register.sends_watched_since(), today);
        self.must(!outrun(&found, today).contains(&notice.rule), || format!("{} is outrun", name(notice)));
        let passed_over = |entry: &StageEntry| key(entry) == key_of(notice);
        let is_passed = self.plan.passed_over.iter().any(passed_over);
        self.must(!is_passed, || format!("{} is passed over too", name(notice)));
    }

    /// The tightest reached showing of the notice's ladder, worked out from its own anchor and deadline.
    fn tightest(&self, notice: &Notice) -> Option<StageName> {
        let stages = &self.planning.policy.rule(notice.rule).stages;
        let showings = stages.iter().flat_map(|stage| showings(stage, notice.anchor_on, notice.deadline_on));
        let reached = showings.filter(|(_, stage, nominal_on)| self.fires_on(stage, *nominal_on) <= self.plan.on);
        reached.max_by_key(|(_, _, nominal_on)| *nominal_on).map(|(name, ..)| name)
    }

    /// Rule 7, one day at a time.
    fn fires_on(&self, stage: &Stage, nominal_on: Date) -> Date {
        let mut day = nominal_on;
        while !stage.any_day && self.planning.calendar.is_closed(day) {
            day = if stage.states_fact { day.tomorrow() } else { day.yesterday() }.expect("within the calendar");
        }
        day
    }

    /// Rules 15 and 16: rungs join only for want of a reader; a finding nobody reads is the operator's.
    fn operator_hears_what_nobody_reads(&mut self) {
        let directory = Directory::new(self.register, self.planning);
        for entry in &self.plan.told {
            let told: Vec<_> = self.notices().filter(|(_, notice)| key_of(notice) == key(entry)).collect();
            let is_read = told.iter().any(|(message, _)| self.counts_as_read(&directory, entry, &message.recipient));
            let for_operator = told.iter().any(|(message, _)| message.recipient == self.planning.policy.operator);
            let listed = self.plan.report.operator_only.contains(&(entry.subject, entry.rule));
            let joined = told.iter().any(|(_, notice)| notice.reason == Reason::Reach);
            let audience_reads = told
                .iter()
                .filter(|(_, notice)| notice.reason != Reason::Reach)
                .any(|(message, _)| self.counts_as_read(&directory, entry, &message.recipient));
            self.must(is_read != listed, || format!("{entry:?}: read {is_read}, operator only {listed}"));
            self.must(is_read || for_operator, || format!("{entry:?}: nobody reads it and the operator is not told"));
            self.must(!(joined && audience_reads), || format!("{entry:?}: rungs join though somebody reads it"));
        }
    }

    fn counts_as_read(&self, directory: &Directory, entry: &StageEntry, recipient: &Address) -> bool {
        let own = self.register.find(entry.subject).map_or_else(|| Address::new(""), Subject::address);
        let is_own = *recipient == own || self.register.contacts().alternate(&own) == Some(recipient);
        let is_operator = *recipient == self.planning.policy.operator;
        !(is_operator || entry.rule == Rule::Leaver && is_own) && directory.is_read(recipient)
    }
}

/// A rule's stage for a subject, to compare by.
type Key = (SubjectId, Rule, i64, StageName);

fn key(entry: &StageEntry) -> Key {
    (entry.subject, entry.rule, entry.episode.0, entry.stage.clone())
}

fn key_of(notice: &Notice) -> Key {
    (notice.subject_id, notice.rule, notice.episode_id.0, notice.stage.clone())
}

fn name(notice: &Notice) -> String {
    format!("{} {} {}", notice.subject, notice.rule, notice.stage)
}

/// Rule 11: a stage and its repeats, each with its nominal day.
fn showings(stage: &Stage, anchor_on: Date, deadline_on: Date) -> Vec<(StageName, &Stage, Date)> {
    let first_on = match stage.placement {
        Placement::After(span) => span.after(anchor_on),
        Placement::Before(span) => span.before(deadline_on),
    };
    let mut showings = vec![(StageName::nth(&stage.name, 1), stage, first_on)];
    if let Some(every) = stage.repeat_every {
        for (nth, times) in (2..=stage.repeat_max).zip(1..) {
            showings.push((StageName::nth(&stage.name, nth), stage, every.times(times).after(first_on)));
        }
    }
    showings
}

/// Rule 6: which kinds and statuses a rule looks at.
fn asks(rule: Rule, subject: &Subject) -> bool {
    let kind = subject.facts.kind();
    let is_person = matches!(kind, Kind::User | Kind::Role);
    let status = subject.facts.status();
    let is_live = status.as_ref().is_none_or(|s| !s.is_deleted() && !s.is_disabled() && !s.is_in_flight());
    match rule {
        Rule::Inactivity | Rule::Activation | Rule::Password => is_person && is_live,
        Rule::Leaver => (is_person || kind == Kind::Application) && is_live,
        Rule::SharedMailbox => kind == Kind::Shared && is_live,
        Rule::Restore => status.is_some_and(|s| s.is_deleted() && !s.is_deleted_permanently()),
    }
}
