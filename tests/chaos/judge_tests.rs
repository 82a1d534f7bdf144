//! The judge has teeth: a true story passes, and each forgery makes it cry, for the right reason and no other.
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    journal::{Event, What},
    judge::{Case, UNDER_WAY, Wrong},
    ledger::{Due, Line},
};

fn due(recipient: &str, subject: &str, stage: &str) -> Due {
    let [recipient, subject, rule, stage] = [recipient, subject, "inactivity", stage].map(str::to_owned);
    Due { recipient, subject, rule, stage }
}

/// A message of one notice; its Message-ID and its reference are made of its recipient.
fn line(due: Due, state: &str) -> Line {
    let message_id = format!("{}-{}", due.recipient, due.stage);
    Line { reference: format!("NR-{message_id}"), message_id, due, state: state.to_owned() }
}

/// A story that is told step by step; every step comes a second after the last.
#[derive(Default)]
struct Told {
    case: Case,
}

impl Told {
    fn event(mut self, life: u32, message: &Line, what: What) -> Self {
        let at = Duration::from_secs(self.case.events.len() as u64);
        // At RCPT nobody knows the Message-ID yet.
        let is_at_rcpt = matches!(&what, What::Refused(reply) if reply.starts_with("550"));
        let message_id = if is_at_rcpt { String::new() } else { message.message_id.clone() };
        self.case.events.push(Event { at, life, recipient: message.due.recipient.clone(), message_id, what });
        self
    }

    fn killed(mut self, life: u32) -> Self {
        let at = Duration::from_secs(self.case.events.len() as u64);
        let (recipient, message_id) = (String::new(), String::new());
        self.case.events.push(Event { at, life, recipient, message_id, what: What::Killed("Kept".into()) });
        self
    }

    fn planned(mut self, line: &Line) -> Self {
        self.case.due.insert(line.due.clone());
        self.recorded(line)
    }

    fn recorded(mut self, line: &Line) -> Self {
        if line.state == "unknown" {
            self.case.unknown.insert(line.reference.clone(), line.message_id.clone());
        }
        self.case.lines.push(line.clone());
        self
    }
}

fn refused() -> What {
    What::Refused("550 5.1.1 No such user here".into())
}

fn ada() -> Line {
    line(due("ada", "ada", "warn"), "accepted")
}

fn bob() -> Line {
    line(due("bob", "bob", "warn"), "rejected")
}

fn owner() -> Line {
    line(due("owner", "bob", "warn"), "accepted")
}

fn cleo() -> Line {
    line(due("cleo", "cleo", "warn"), "unknown")
}

fn dan() -> Line {
    line(due("dan", "dan", "final"), "accepted")
}

/// Ada is told. Bob's address is refused and his owner is told. The server takes Cleo's message and dies; nobody
/// knows. Dan's last warning is cut off by a kill and comes again.
fn true_story() -> Case {
    let told = Told::default()
        .planned(&ada())
        .planned(&bob())
        .recorded(&owner())
        .planned(&cleo())
        .planned(&dan())
        .event(1, &ada(), What::Kept)
        .event(1, &ada(), What::Told)
        .event(1, &bob(), refused())
        .event(1, &owner(), What::Kept)
        .event(1, &owner(), What::Told)
        .event(1, &cleo(), What::Kept)
        .event(1, &dan(), What::Kept)
        .event(1, &dan(), What::Told)
        .killed(1)
        .event(2, &dan(), What::Kept)
        .event(2, &dan(), What::Told);
    let everybody = |name: &str| (name.to_owned(), BTreeSet::from([name, "owner", "boss"].map(str::to_owned)));
    Case { rungs: BTreeMap::from(["ada", "bob", "cleo", "dan"].map(everybody)), operator: "boss".into(), ..told.case }
}

/// What the judge cries over a forged story.
fn cries(forge: impl FnOnce(&mut Case)) -> Vec<(Wrong, String)> {
    let mut case = true_story();
    forge(&mut case);
    case.faults().into_iter().map(|fault| (fault.wrong, fault.recipient)).collect()
}

fn of(wrong: Wrong, recipient: &str) -> Vec<(Wrong, String)> {
    vec![(wrong, recipient.to_owned())]
}

fn forget(case: &mut Case, told: &Line) {
    case.lines.retain(|line| line != told);
}

fn set_state(case: &mut Case, told: &Line, state: &str) {
    case.lines.iter_mut().filter(|line| line.due == told.due).for_each(|line| state.clone_into(&mut line.state));
}

fn unsay(case: &mut Case, told: &Line, what: &What) {
    case.events.retain(|event| event.message_id != told.message_id || event.what != *what);
}

#[test]
fn a_true_story_passes() {
    assert_eq!(cries(|_| ()), []);
}

#[test]
fn a_notice_that_was_due_and_is_nowhere_is_missing() {
    let lost = line(due("eve", "eve", "warn"), "");
    let found = cries(|case| {
        case.due.insert(lost.due);
    });
    assert_eq!(found, of(Wrong::Missing, "eve"));
}

#[test]
fn a_notice_that_nobody_was_due_is_made_up() {
    let found = cries(|case| {
        case.due.remove(&ada().due);
    });
    assert_eq!(found, of(Wrong::MadeUp, "ada"));
}

#[test]
fn a_message_that_still_waits_or_was_cancelled_is_left_open() {
    for state in ["pending", "leased", "deferred", "cancelled", "held"] {
        assert_eq!(cries(|case| set_state(case, &ada(), state)), of(Wrong::LeftOpen, "ada"), "{state}");
    }
}

#[test]
fn a_message_that_is_accepted_in_the_ledger_only_was_never_kept() {
    assert_eq!(cries(|case| unsay(case, &ada(), &What::Kept)), of(Wrong::NeverKept, "ada"));
}

#[test]
fn a_message_kept_for_somebody_else_does_not_count() {
    let found = cries(|case| {
        let its = case.events.iter_mut().filter(|event| event.message_id == ada().message_id);
        its.for_each(|event| "zoe".clone_into(&mut event.recipient));
    });
    assert_eq!(found, [(Wrong::NeverKept, "ada".to_owned()), (Wrong::Unrecorded, "zoe".to_owned())]);
}

#[test]
fn a_rejected_message_that_the_server_took_was_never_refused() {
    let found = cries(|case| case.events.retain(|event| event.what != refused()));
    assert_eq!(found, of(Wrong::NeverRefused, "bob"));
}

#[test]
fn a_refused_notice_of_which_nobody_else_hears_has_not_climbed() {
    let found = cries(|case| {
        forget(case, &owner());
        case.events.retain(|event| event.message_id != owner().message_id);
    });
    assert_eq!(found, of(Wrong::NotClimbed, "bob"));
}

#[test]
fn a_refused_notice_that_everybody_has_heard_of_need_not_climb() {
    let found = cries(|case| {
        case.due.insert(owner().due);
        case.rungs.insert("bob".into(), BTreeSet::from(["bob", "owner"].map(str::to_owned)));
    });
    assert_eq!(found, []);
}

#[test]
fn an_unknown_message_that_is_not_listed_and_a_listed_one_that_is_not_unknown_are_told() {
    assert_eq!(cries(|case| case.unknown.clear()), of(Wrong::NotListed, "cleo"));
    let found = cries(|case| drop(case.unknown.insert(ada().reference, ada().message_id)));
    assert_eq!(found, of(Wrong::NotListed, ""));
}

#[test]
fn more_unknown_messages_than_kills_can_explain_are_told() {
    let claim = |case: &mut Case, people: usize| {
        for number in 0..people {
            let told = line(due(&format!("p{number}"), "ada", "warn"), "unknown");
            case.due.insert(told.due.clone());
            case.unknown.insert(told.reference.clone(), told.message_id.clone());
            case.lines.push(told);
        }
    };
    assert_eq!(cries(|case| claim(case, UNDER_WAY)), []);
    let found = cries(|case| claim(case, UNDER_WAY + 1));
    assert_eq!(found.len(), UNDER_WAY + 1);
    assert!(found.iter().all(|(wrong, _)| *wrong == Wrong::NoDoubt), "{found:?}");
}

#[test]
fn a_message_that_is_not_sent_again_and_is_kept_twice_is_told() {
    let again = |life| {
        move |case: &mut Case| case.events = Told { case: true_story() }.event(life, &ada(), What::Kept).case.events
    };
    assert_eq!(cries(again(1)), of(Wrong::KeptTwice, "ada"));
    assert_eq!(cries(again(2)), of(Wrong::KeptTwice, "ada"), "even after a kill");
}

#[test]
fn a_last_warning_that_comes_twice_though_its_fate_was_known_is_told() {
    let found = cries(|case| case.events.retain(|event| !matches!(event.what, What::Killed(_))));
    assert_eq!(found, of(Wrong::KeptTwice, "dan"));
}

#[test]
fn a_last_warning_may_come_twice_when_the_server_had_said_nothing() {
    let found = cries(|case| {
        case.events.retain(|event| !matches!(event.what, What::Killed(_)));
        let first = case.events.iter().position(|event| event.recipient == "dan" && event.what == What::Told);
        case.events.remove(first.unwrap());
    });
    assert_eq!(found, []);
}

#[test]
fn a_last_warning_may_come_twice_when_the_program_could_write_nothing_down() {
    let found = cries(|case| {
        let killed = case.events.iter_mut().filter(|event| matches!(event.what, What::Killed(_)));
        killed.for_each(|event| event.what = What::Blinded("the disk is full".into()));
    });
    assert_eq!(found, []);
}

#[test]
fn the_same_notice_under_two_message_ids_is_told() {
    let found = cries(|case| {
        let other = Line { message_id: "other".into(), reference: "NR-other".into(), ..ada() };
        case.events = Told { case: true_story() }.event(2, &other, What::Kept).event(2, &other, What::Told).case.events;
        case.lines.push(other);
    });
    assert_eq!(found, of(Wrong::ToldTwice, "ada"));
}

#[test]
fn a_message_that_went_out_behind_the_ledgers_back_is_told() {
    let found = cries(|case| {
        forget(case, &owner());
        case.due.remove(&bob().due);
        case.lines.retain(|line| line.due != bob().due);
    });
    assert_eq!(found, of(Wrong::Unrecorded, "owner"));
}

#[test]
fn the_operator_may_hear_of_more_than_the_ledger_holds() {
    let word = line(due("boss", "", ""), "");
    let events = Told { case: true_story() }.event(1, &word, What::Kept).case.events;
    assert_eq!(cries(|case| case.events = events), []);
}

#[test]
fn a_story_names_the_message_and_the_lives_it_met() {
    let mut case = true_story();
    set_state(&mut case, &dan(), "pending");
    let faults = case.faults();
    let story = case.story(faults.first().unwrap());
    for words in
        ["LeftOpen", "dan-final", "the server keeps the message", "is killed Kept", "inactivity final: pending"]
    {
        assert!(story.contains(words), "{words} is not in\n{story}");
    }
    assert!(!story.contains("cleo"), "{story}");
}
