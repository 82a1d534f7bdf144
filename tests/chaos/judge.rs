//! The judge: holds the ledger against what the server did and what was due. Pure, so that it can be shown forgeries.
//!
//! Every notice due is accepted, or rejected with a climb, or unknown and listed; none is missing and none made up.
//! No message is kept twice but one that may be sent again and whose first fate nobody could know, and that one under
//! one Message-ID. What is recorded as accepted was kept, what is rejected was refused, what is unknown was in doubt.
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fmt,
};

use super::{
    journal::{Event, What},
    ledger::{Due, Line},
};

/// Messages that one life can have under way when it is killed: two for each of its three connections, the second of
/// which waits for the first.
pub const UNDER_WAY: usize = 6;

/// Everything there is to judge by.
#[derive(Debug, Clone, Default)]
pub struct Case {
    /// What was due before the chaos began.
    pub due: BTreeSet<Due>,
    /// The ledger after it.
    pub lines: Vec<Line>,
    /// What `list --unknown` shows: reference and Message-ID.
    pub unknown: BTreeMap<String, String>,
    /// What really happened.
    pub events: Vec<Event>,
    /// By subject, everybody who can be told of it.
    pub rungs: BTreeMap<String, BTreeSet<String>>,
    /// Whom messages beside the ledger may go to.
    pub operator: String,
}

/// What can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wrong {
    /// Due, and not in the ledger.
    Missing,
    /// In the ledger, neither due nor a climb.
    MadeUp,
    /// Neither accepted, rejected nor unknown, though everything has come to rest.
    LeftOpen,
    /// Recorded as accepted; the server never kept it.
    NeverKept,
    /// Recorded as rejected; the server never refused it.
    NeverRefused,
    /// Rejected, and nobody else was told though somebody is left.
    NotClimbed,
    /// Unknown, and not in `list --unknown`; or the other way round.
    NotListed,
    /// Recorded as unknown, though nobody could doubt it.
    NoDoubt,
    /// Kept twice without an excuse.
    KeptTwice,
    /// One recipient has one notice in two messages.
    ToldTwice,
    /// Kept by the server, and not in the ledger.
    Unrecorded,
}

/// One fault, and whom it is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    pub wrong: Wrong,
    pub recipient: String,
    pub message_id: String,
    pub about: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { wrong, recipient, message_id, about } = self;
        write!(f, "{wrong:?}: {about} to {recipient} <{message_id}>")
    }
}

impl Case {
    /// Everything that is wrong.
    pub fn faults(&self) -> Vec<Fault> {
        let mut judge = Judge::new(self);
        judge.everything_due_is_there_and_nothing_else();
        judge.lines_end_as_the_server_saw();
        judge.rejected_notices_climb();
        judge.unknown_messages_are_listed();
        judge.unknown_messages_were_in_doubt();
        judge.nothing_is_kept_twice();
        judge.nobody_is_told_twice();
        judge.what_was_kept_is_in_the_ledger();
        judge.faults.into_iter().collect()
    }

    /// What happened to the message of a fault, and to the lives it met.
    pub fn story(&self, fault: &Fault) -> String {
        let is_its = |event: &&Event| {
            let by_id = !fault.message_id.is_empty() && event.message_id == fault.message_id;
            by_id || (event.message_id.is_empty() && event.recipient == fault.recipient)
        };
        let lives: HashSet<_> = self.events.iter().filter(is_its).map(|event| event.life).collect();
        let tells = |event: &&Event| is_its(event) || (event.recipient.is_empty() && lives.contains(&event.life));
        let events = self.events.iter().filter(tells).map(|event| format!("    {event}\n"));
        let of_it = |line: &&Line| line.message_id == fault.message_id && line.due.recipient == fault.recipient;
        let ledger = self.lines.iter().filter(of_it).map(|line| {
            let Line { due: Due { subject, rule, stage, .. }, reference, state, .. } = line;
            format!("    ledger: {reference} {subject} {rule} {stage}: {state}\n")
        });
        format!("{fault}\n{}{}", events.collect::<String>(), ledger.collect::<String>())
    }
}

struct Judge<'a> {
    case: &'a Case,
    /// Recipient and Message-ID of everything kept, with the events, in order.
    kept: HashMap<(&'a str, &'a str), Vec<&'a Event>>,
    /// Lives that were killed, or could write nothing down any more.
    cut_off: HashSet<u32>,
    faults: BTreeSet<Fault>,
}

impl<'a> Judge<'a> {
    fn new(case: &'a Case) -> Self {
        let mut kept: HashMap<_, Vec<_>> = HashMap::new();
        for event in case.events.iter().filter(|event| event.what == What::Kept) {
            kept.entry((event.recipient.as_str(), event.message_id.as_str())).or_default().push(event);
        }
        let is_cut_off = |event: &&Event| matches!(event.what, What::Killed(_) | What::Blinded(_));
        let cut_off = case.events.iter().filter(is_cut_off).map(|event| event.life).collect();
        Self { case, kept, cut_off, faults: BTreeSet::new() }
    }

    fn cry(&mut self, wrong: Wrong, recipient: &str, message_id: &str, about: String) {
        let (recipient, message_id) = (recipient.to_owned(), message_id.to_owned());
        self.faults.insert(Fault { wrong, recipient, message_id, about });
    }

    fn cry_at(&mut self, wrong: Wrong, line: &Line) {
        let Due { subject, rule, stage, .. } = &line.due;
        let about = format!("{} ({subject} {rule} {stage}, {})", line.reference, line.state);
        self.cry(wrong, &line.due.recipient, &line.message_id, about);
    }

    fn everything_due_is_there_and_nothing_else(&mut self) {
        let told: BTreeSet<_> = self.case.lines.iter().map(|line| &line.due).collect();
        for due in self.case.due.iter().filter(|due| !told.contains(due)) {
            self.cry(Wrong::Missing, &due.recipient, "", format!("{} {} {}", due.subject, due.rule, due.stage));
        }
        let refused: HashSet<_> = self.in_state("rejected").iter().map(|line| line.due.stage_of()).collect();
        let is_made_up = |line: &&Line| !self.case.due.contains(&line.due) && !refused.contains(&line.due.stage_of());
        for line in self.case.lines.iter().filter(is_made_up).collect::<Vec<_>>() {
            self.cry_at(Wrong::MadeUp, line);
        }
    }

    fn in_state(&self, state: &str) -> Vec<&'a Line> {
        self.case.lines.iter().filter(|line| line.state == state).collect()
    }

    fn lines_end_as_the_server_saw(&mut self) {
        for line in &self.case.lines {
            let wrong = match line.state.as_str() {
                "accepted" if !self.is_kept(line) => Wrong::NeverKept,
                "rejected" if !self.is_refused(line) => Wrong::NeverRefused,
                "accepted" | "rejected" | "unknown" => continue,
                _ => Wrong::LeftOpen,
            };
            self.cry_at(wrong, line);
        }
    }

    fn is_kept(&self, line: &Line) -> bool {
        self.kept.contains_key(&(line.due.recipient.as_str(), line.message_id.as_str()))
    }

    /// At RCPT the server does not know the Message-ID yet.
    fn is_refused(&self, line: &Line) -> bool {
        self.case.events.iter().any(|event| {
            let is_its = event.message_id == line.message_id || event.message_id.is_empty();
            matches!(event.what, What::Refused(_)) && event.recipient == line.due.recipient && is_its
        })
    }

    /// A refused notice is told to somebody who was not due to hear of it, or everybody has heard of it. Addresses
    /// that refused something need not be told.
    fn rejected_notices_climb(&mut self) {
        let mut told: HashMap<_, BTreeSet<&str>> = HashMap::new();
        for line in &self.case.lines {
            told.entry(line.due.stage_of()).or_default().insert(&line.due.recipient);
        }
        let refusing: HashSet<_> = self.in_state("rejected").iter().map(|line| line.due.recipient.as_str()).collect();
        for line in self.in_state("rejected") {
            let told = &told[&line.due.stage_of()];
            let of_stage = |due: &&Due| due.stage_of() == line.due.stage_of();
            let planned: BTreeSet<_> =
                self.case.due.iter().filter(of_stage).map(|due| due.recipient.as_str()).collect();
            let left = self.case.rungs.get(&line.due.subject).into_iter().flatten();
            let mut left = left.filter(|person| !told.contains(person.as_str()) && !refusing.contains(person.as_str()));
            if told.is_subset(&planned) && left.next().is_some() {
                self.cry_at(Wrong::NotClimbed, line);
            }
        }
    }

    fn unknown_messages_are_listed(&mut self) {
        let unknown: BTreeMap<_, _> =
            self.in_state("unknown").into_iter().map(|line| (&line.reference, line)).collect();
        for line in unknown.values() {
            if self.case.unknown.get(&line.reference) != Some(&line.message_id) {
                self.cry_at(Wrong::NotListed, line);
            }
        }
        for (reference, id) in self.case.unknown.iter().filter(|(reference, _)| !unknown.contains_key(reference)) {
            self.cry(Wrong::NotListed, "", id, format!("{reference} is listed and not unknown"));
        }
    }

    /// In doubt is what the server dropped in silence, what it kept without saying so, and what a life had under way
    /// when it was cut off. Of the last the server may know nothing, so they are counted.
    fn unknown_messages_were_in_doubt(&mut self) {
        let messages: BTreeMap<_, _> =
            self.in_state("unknown").into_iter().map(|line| (&line.message_id, line)).collect();
        let silent: Vec<_> = messages.values().filter(|line| !self.is_doubtful(line)).copied().collect();
        if silent.len() > self.cut_off.len() * UNDER_WAY {
            for line in silent {
                self.cry_at(Wrong::NoDoubt, line);
            }
        }
    }

    fn is_doubtful(&self, line: &Line) -> bool {
        let id = line.message_id.as_str();
        let of_it = |event: &&Event| {
            event.recipient == line.due.recipient && (event.message_id == id || event.message_id.is_empty())
        };
        let of_it: Vec<_> = self.case.events.iter().filter(of_it).collect();
        let dropped = of_it.iter().any(|event| event.what == What::Dropped);
        dropped || of_it.iter().any(|event| event.what == What::Kept && self.could_be_unknown(event))
    }

    /// Whether the client could be left not knowing of a kept message.
    fn could_be_unknown(&self, kept: &Event) -> bool {
        let is_answer =
            |event: &&Event| event.what == What::Told && event.message_id == kept.message_id && event.at >= kept.at;
        let told = self.case.events.iter().find(is_answer).is_some_and(|told| told.life == kept.life);
        !told || self.cut_off.contains(&kept.life)
    }

    fn nothing_is_kept_twice(&mut self) {
        let may_be_resent: HashSet<_> = self
            .case
            .lines
            .iter()
            .filter(|line| line.due.is_resent())
            .map(|line| (line.due.recipient.as_str(), line.message_id.as_str()))
            .collect();
        for (message, kept) in self.kept.clone() {
            let repeated = kept.split_last().map_or(&[][..], |(_, earlier)| earlier);
            // News for the operator is in no ledger, and is sent again when nobody knows whether it went.
            let is_resent = may_be_resent.contains(&message) || message.0 == self.case.operator;
            let excused = is_resent && repeated.iter().all(|kept| self.could_be_unknown(kept));
            if !repeated.is_empty() && !excused {
                self.cry(Wrong::KeptTwice, message.0, message.1, format!("kept {} times", kept.len()));
            }
        }
    }

    fn nobody_is_told_twice(&mut self) {
        let mut ids: BTreeMap<&Due, BTreeSet<&str>> = BTreeMap::new();
        for line in self.case.lines.iter().filter(|line| self.is_kept(line)) {
            ids.entry(&line.due).or_default().insert(&line.message_id);
        }
        for (due, ids) in ids.into_iter().filter(|(_, ids)| ids.len() > 1) {
            let about = format!("{} {} {}, in {ids:?}", due.subject, due.rule, due.stage);
            self.cry(Wrong::ToldTwice, &due.recipient, ids.first().copied().unwrap_or_default(), about);
        }
    }

    fn what_was_kept_is_in_the_ledger(&mut self) {
        let recorded: HashSet<_> =
            self.case.lines.iter().map(|line| (line.due.recipient.as_str(), line.message_id.as_str())).collect();
        let unrecorded: Vec<_> = self.kept.keys().filter(|message| !recorded.contains(*message)).copied().collect();
        for (recipient, id) in unrecorded.into_iter().filter(|(recipient, _)| *recipient != self.case.operator) {
            self.cry(Wrong::Unrecorded, recipient, id, "kept, and not in the ledger".to_owned());
        }
    }
}
