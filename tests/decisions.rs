//! What a person decides from the command line: also while the daemon has the database, each in one small step.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

#[path = "smtp/fake.rs"]
#[expect(dead_code, clippy::indexing_slicing, reason = "shared with tests/smtp.rs, which uses the rest of it")]
mod fake;
mod program;
#[path = "program/through.rs"]
mod through;

use std::fs::File;

use fake::{Do, Fake, polite};
use program::{MORNING, Ran, Trial};
use serde_json::Value;
use through::{except, taken, through};

/// Ten minutes later: what was deferred once is due again.
const LATER: &str = "2026-11-20T08:10:00Z";

#[track_caller]
fn snapshot(name: &str, ran: &Ran) {
    for line in ran.out.lines().chain(ran.err.lines()) {
        assert!(line.chars().count() <= 80, "{} columns: {line}", line.chars().count());
    }
    insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!(name, ran.screen()) });
}

/// One object per line, without a word besides.
#[track_caller]
fn lines(ran: &Ran) -> Vec<Value> {
    ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    object[key].as_str().unwrap()
}

// --- settle

/// A trial whose mail server never said whether it took anything, and the messages that wait for a person since.
async fn left_in_doubt() -> (Trial, Vec<Value>) {
    let trial = Trial::with_exports();
    let silent = Fake::start(except(".", Do::Hang)).await.in_a_hurry();
    through(&silent, &trial, MORNING, &["--set", "mail.smtp.connections=10", "once"]).ends_with(6);
    let unknown = lines(&trial.run(&["list", "--unknown", "--format", "json"]).ends_with(0));
    assert!(unknown.len() > 3, "{unknown:?}");
    (trial, unknown)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_verdict_on_an_unknown_message_does_what_it_says_beside_a_running_daemon() {
    let (trial, unknown) = left_in_doubt().await;
    let references: Vec<_> = unknown.iter().map(|message| text(message, "reference")).collect();
    snapshot("list_unknown", &trial.run(&["list", "--unknown"]).ends_with(0));
    let daemon = lapsewatch::store::Place::file(trial.path("data/lapsewatch.db")).lock().await.unwrap();
    let by = ["--by", "Ada Example"];
    snapshot("settle_accepted", &trial.run(&[&["settle", references[0], "accepted"], &by[..]].concat()).ends_with(0));
    let lower = references[1].to_lowercase();
    snapshot("settle_resend", &trial.run(&[&["settle", &lower, "resend"], &by[..]].concat()).ends_with(0));
    let dropped = trial.run(&[&["settle", references[2], "drop", "--format", "json"], &by[..]].concat()).ends_with(0);
    assert_eq!(
        (text(&lines(&dropped)[0], "reference"), text(&lines(&dropped)[0], "state")),
        (references[2], "cancelled")
    );
    drop(daemon);
    let mended = Fake::start(|_, line| polite(line)).await;
    through(&mended, &trial, LATER, &["once"]).ends_with(0);
    let recipients: Vec<_> = unknown.iter().map(|message| text(message, "recipient").to_owned()).collect();
    assert!(taken(&mended).contains(&recipients[1]), "sent again: {:?}", taken(&mended));
    let heard = mended.heard().concat();
    let times = |nth: usize| {
        let id = format!("Message-ID: <{}>", text(&unknown[nth], "message_id"));
        heard.iter().filter(|line| line.eq_ignore_ascii_case(&id)).count()
    };
    assert_eq!([times(0), times(1), times(2)], [0, 1, 0], "the one that was to be sent again, under the same name");
    let left = lines(&trial.run(&["list", "--unknown", "--format", "json"]).ends_with(0));
    assert_eq!(left, unknown[3..], "the others still wait");
    let ledger = lines(&trial.run(&["audit", "export", "--format", "json"]).ends_with(0));
    let told = |nth: usize| ledger.iter().find(|line| line["reference"] == references[nth]).unwrap();
    assert_eq!((text(told(0), "state"), text(told(0), "reply")), ("accepted", "Ada Example decided: accepted"));
    assert_eq!((text(told(1), "state"), told(1)["attempts"].as_u64()), ("accepted", Some(2)));
    assert_eq!((text(told(2), "state"), text(told(2), "reply")), ("cancelled", "Ada Example decided: drop"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_settled_is_said_and_nothing_changes() {
    let (trial, unknown) = left_in_doubt().await;
    let reference = text(&unknown[0], "reference");
    trial.run(&["settle", reference, "accepted"]).ends_with(0);
    let before = trial.run(&["audit", "export"]).ends_with(0).out;
    snapshot("settle_twice", &trial.run(&["settle", reference, "resend"]).ends_with(1));
    let ledger = lines(&trial.run(&["audit", "export", "--format", "json"]).ends_with(0));
    let waits = ledger.iter().find(|line| line["state"] == "deferred").unwrap();
    snapshot("settle_waiting", &trial.run(&["settle", text(waits, "reference"), "drop"]).ends_with(1));
    let mistyped = text(&unknown[1], "reference").replace('-', "");
    snapshot("settle_typo", &trial.run(&["settle", &mistyped, "drop"]).ends_with(1));
    snapshot("settle_unheard_of", &trial.run(&["settle", "XX", "drop"]).ends_with(1));
    snapshot("settle_no_verdict", &trial.run(&["settle", reference, "maybe"]).ends_with(2));
    assert_eq!(trial.run(&["audit", "export"]).ends_with(0).out, before);
}

#[test]
fn who_decides_is_the_account_that_asked_unless_somebody_is_named() {
    let trial = Trial::with_exports();
    let ran = trial.run(&["settle", "NR-AAAAA-BBBBB", "drop"]).ends_with(1);
    snapshot("settle_before_anything", &ran);
    assert!(trial.names("data").is_empty(), "asking makes no database");
    trial.run(&["settle", "NR-AAAAA-BBBBB", "drop", "--by", ""]).ends_with(2);
}

// --- approve, discard

const HOLDING: [&str; 2] = ["--set", "adoption.hold=true"];

/// What is planned for the accounts of every trial: letters, digests and the operator's message.
const MESSAGES: usize = 10;
/// Who alone hears of a held run, in a message of its own.
const OPERATOR: &str = "operator@anyshire.example";

/// A trial whose first run waits for a person.
fn held_back() -> Trial {
    let trial = Trial::with_exports();
    trial.run(&[&HOLDING[..], &["once"]].concat()).ends_with(4);
    assert_eq!(trial.recipients(), [OPERATOR], "nobody was told but the operator, that it is held");
    trial
}

#[test]
fn a_held_run_says_so_everywhere_and_sends_nothing() {
    let trial = Trial::with_exports();
    let once = |more: &[&str]| trial.run(&[&HOLDING[..], &["once"], more].concat());
    let before = trial.tree();
    snapshot("held_dry", &once(&["--dry-run"]).ends_with(4));
    let dry = lines(&once(&["--dry-run", "--format", "json"]).ends_with(4));
    assert_eq!((dry.len(), dry.iter().all(|message| message["held"] == true)), (MESSAGES, true));
    assert_eq!(trial.tree(), before);
    snapshot("held_once", &once(&[]).ends_with(4));
    snapshot("held_list", &trial.run(&["list", "--held"]).ends_with(0));
    let held = lines(&trial.run(&["list", "--held", "--format", "json"]).ends_with(0));
    assert!(held.len() == MESSAGES && held.iter().all(|message| message["state"] == "held"), "{held:?}");
    assert_eq!(trial.recipients(), [OPERATOR]);
}

#[test]
fn an_approved_run_is_sent_by_the_next_delivery_beside_a_running_daemon() {
    let trial = held_back();
    // The daemon's own lock: who loads and plans has it.
    let daemon = File::options().append(true).open(trial.path("data/lapsewatch.lock")).unwrap();
    daemon.lock().unwrap();
    snapshot("approve", &trial.run(&["approve", "--by", "Ada Example"]).ends_with(0));
    drop(daemon);
    snapshot("approve_nothing", &trial.run(&["approve"]).ends_with(0));
    snapshot("approve_again", &trial.run(&["approve", "1"]).ends_with(1));
    snapshot("approve_no_run", &trial.run(&["approve", "7"]).ends_with(1));
    trial.run(&[&HOLDING[..], &["once"]].concat()).ends_with(0);
    assert_eq!(trial.recipients().len(), 1 + MESSAGES);
    trial.run(&[&HOLDING[..], &["once"]].concat()).ends_with(0);
    assert_eq!(trial.recipients().len(), 1 + MESSAGES, "once each");
}

#[test]
fn a_spread_approval_sends_a_share_a_day_and_the_urgent_first() {
    let trial = held_back();
    snapshot("approve_spread", &trial.run(&["approve", "1", "--spread", "3 days", "--by", "Ada"]).ends_with(0));
    let status = lines(&trial.run(&["status", "--format", "json"]).ends_with(0));
    let done_at = text(&status[0], "done_at");
    assert!(done_at.starts_with("2026-11-22T08:0"), "the last wait for the third day, not for {done_at}");
    let status = trial.run(&["status"]).ends_with(0);
    assert!(status.out.contains(", 1 sent, 10 waiting, 0 refused"), "{}", status.out);
    let mut counts = Vec::new();
    for day in 20..=23 {
        trial.run_at(&format!("2026-11-{day}T08:00:01Z"), &[&HOLDING[..], &["once"]].concat());
        let ledger = lines(&trial.run(&["audit", "export", "--format", "json"]).ends_with(0));
        let is_sent = |line: &&Value| line["run"] == 1 && line["state"] == "accepted";
        let references: std::collections::BTreeSet<_> =
            ledger.iter().filter(is_sent).map(|line| text(line, "reference").to_owned()).collect();
        counts.push(references.len());
    }
    assert_eq!(counts, [4, 6, 8, 8], "two of the later ones are overtaken by a last warning");
    for span in ["0d", "61d", "5 hours", "1 month", "soon"] {
        trial.run(&["approve", "--spread", span]).ends_with(2);
    }
    snapshot("approve_wrong_span", &trial.run(&["approve", "--spread", "soon"]).ends_with(2));
}

#[test]
fn a_discarded_run_tells_nobody_and_the_next_decides_anew() {
    let trial = held_back();
    snapshot("discard", &trial.run(&["discard", "--by", "Ada Example"]).ends_with(0));
    trial.run(&["once"]).ends_with(0);
    assert_eq!(trial.recipients().len(), 1 + MESSAGES, "the same day");
    let trial = held_back();
    let dropped = trial.run(&["discard", "1", "--by", "Ada", "--format", "json"]).ends_with(0).out;
    assert_eq!(
        dropped,
        "{\"run\":1,\"on\":\"2026-11-20\",\"state\":\"discarded\",\"by\":\"Ada\",\"messages\":10,\
         \"days\":[{\"on\":\"2026-11-20\",\"messages\":10}]}\n"
    );
    let ran = trial.run_at("2026-11-21T08:00:00Z", &[&HOLDING[..], &["once", "--format", "json"]].concat());
    assert!(lines(&ran.ends_with(4)).iter().all(|message| message["held"] == true), "held anew");
}

#[test]
fn status_and_explain_say_what_is_held_and_what_to_do() {
    let trial = held_back();
    snapshot("held_status", &trial.run(&["status"]).ends_with(0));
    let status = lines(&trial.run(&["status", "--format", "json"]).ends_with(0));
    let held = &status[0]["held"][0];
    assert_eq!((held["run"].as_i64(), held["messages"].as_u64()), (Some(1), Some(10)));
    snapshot("held_explain", &trial.run(&["explain", "kit.hill@nhs.net"]).ends_with(0));
}

// --- exports that look wrong

const CAREFUL: [&str; 2] = ["--set", "breaker.enabled=true"];
const NEXT_DAY: &str = "2026-11-21T08:00:00Z";

/// A trial that has run on one day, and the half of a report for the next.
fn with_half_a_report() -> (Trial, String) {
    let trial = Trial::with_exports();
    trial.run(&["once"]).ends_with(0);
    let rows = program::ACCOUNTS.lines().take(4).map(|row| row.replacen("2026-11-20", "2026-11-21", 1) + "\n");
    (trial, rows.collect())
}

#[test]
fn a_report_that_looks_wrong_waits_for_a_person_and_is_let_in_by_approve() {
    let (trial, half) = with_half_a_report();
    let once = |more: &[&str]| trial.run_at(NEXT_DAY, &[&CAREFUL[..], &["once"], more].concat());
    let others = || trial.recipients().into_iter().filter(|to| to != OPERATOR).collect::<Vec<_>>();
    let (sent, news) = (others(), trial.recipients().len() - others().len());
    trial.drop_in("2026-11-21 accounts.csv", &half);
    once(&["--dry-run"]).ends_with(4);
    once(&[]).ends_with(4);
    assert_eq!(trial.names("quarantine"), ["2026-11-21 accounts.csv", "2026-11-21 accounts.csv.reason.txt"]);
    assert_eq!((others(), trial.recipients().len()), (sent.clone(), sent.len() + news + 1), "the operator alone");
    trial.drop_in("again.csv", &half);
    once(&["--dry-run"]).ends_with(4);
    once(&[]).ends_with(4);
    snapshot("approve_doubted", &trial.run_at(NEXT_DAY, &["approve", "--by", "Ada Example"]).ends_with(0));
    assert_eq!(trial.names("inbox"), ["2026-11-21 accounts.csv"]);
    once(&[]).ends_with(0);
    assert_eq!(trial.names("inbox"), [""; 0]);
}

#[test]
fn a_report_that_looks_wrong_is_refused_by_load_and_loaded_once_it_is_approved() {
    let (trial, half) = with_half_a_report();
    trial.write("half.csv", half);
    let run = |words: &[&str]| trial.run_at(NEXT_DAY, &[&CAREFUL[..], words].concat());
    snapshot("load_doubted", &run(&["load", "half.csv"]).ends_with(7));
    run(&["once"]).ends_with(4);
    snapshot("approve_doubted_elsewhere", &run(&["approve", "--by", "Ada Example"]).ends_with(0));
    run(&["load", "half.csv"]).ends_with(0);
}

// --- snooze

const KIT: &str = "kit.hill@nhs.net";

fn recipients_about_kit(trial: &Trial, day: &str) -> Vec<String> {
    let morning = format!("2026-11-{day}T08:00:00Z");
    let planned = lines(&trial.run_at(&morning, &["once", "--dry-run", "--format", "json"]));
    let is_about_kit =
        |message: &&Value| message["notices"].as_array().unwrap().iter().any(|notice| text(notice, "subject") == KIT);
    planned.iter().filter(is_about_kit).map(|message| text(message, "recipient").to_owned()).collect()
}

#[test]
fn a_snooze_silences_one_rule_for_one_account_until_its_day_or_its_end() {
    let trial = Trial::with_exports();
    trial.run(&["load", "inbox/2026-11-20 accounts.csv", "inbox/site-contacts.csv"]).ends_with(0);
    let told = recipients_about_kit(&trial, "20");
    assert!(!told.is_empty());
    let ask = ["snooze", KIT, "--rule", "inactivity"];
    let wish = ["--until", "2026-11-25", "--reason", "on leave", "--by", "Ada Example"];
    snapshot("snooze", &trial.run(&[&ask[..], &wish].concat()).ends_with(0));
    assert_eq!(recipients_about_kit(&trial, "20"), [""; 0]);
    assert_eq!(recipients_about_kit(&trial, "24"), [""; 0]);
    assert_eq!(recipients_about_kit(&trial, "25"), told, "the day it ends by itself");
    snapshot("snooze_list", &trial.run(&["snooze", "--list"]).ends_with(0));
    let listed = lines(&trial.run(&["snooze", "--list", "--format", "json"]).ends_with(0));
    assert_eq!((listed.len(), text(&listed[0], "reason")), (1, "on leave"));
    snapshot("snooze_explain", &trial.run(&["explain", KIT]).ends_with(0));
    snapshot("snooze_end", &trial.run(&[&ask[..], &["--end"]].concat()).ends_with(0));
    assert_eq!(recipients_about_kit(&trial, "20"), told, "somebody ended it");
    snapshot("snooze_end_again", &trial.run(&[&ask[..], &["--end"]].concat()).ends_with(1));
    snapshot("snooze_list_none", &trial.run(&["snooze", "--list"]).ends_with(0));
}

#[test]
fn a_snooze_that_would_hide_the_deadline_is_refused() {
    let trial = Trial::with_exports();
    trial.run(&["load", "inbox/2026-11-20 accounts.csv"]).ends_with(0);
    let refused = |name: &str, address: &str, rule: &str, until: &str| {
        let ran = trial.run(&["snooze", address, "--rule", rule, "--until", until, "--reason", "on leave"]);
        snapshot(name, &ran.ends_with(1));
    };
    refused("snooze_too_late", KIT, "inactivity", "2026-12-05");
    refused("snooze_no_day_left", "lee.mockford@nhs.net", "inactivity", "2026-11-21");
    refused("snooze_overdue", "pat.past@nhs.net", "inactivity", "2026-11-24");
    refused("snooze_mailbox", "optometry.tp1a2@nhs.net", "shared_mailbox", "2027-01-01");
    refused("snooze_not_ahead", KIT, "inactivity", "2026-11-20");
    refused("snooze_nothing_counts", KIT, "password", "2026-11-25");
    refused("snooze_typo", "kit.hil@nhs.net", "inactivity", "2026-11-25");
    trial.run(&["snooze", KIT, "--rule", "inactivity", "--until", "2026-11-25"]).ends_with(2);
    trial.run(&["snooze", KIT, "--rule", "inactivity", "--until", "2026-11-25", "--reason", ""]).ends_with(2);
    assert_eq!(trial.run(&["snooze", "--list"]).ends_with(0).out, "Nothing is snoozed.\n");
}

// --- forget

#[test]
fn forgetting_asks_first_where_somebody_can_be_asked_and_else_wants_to_be_told() {
    let trial = Trial::with_exports();
    trial.run(&["once"]).ends_with(0);
    let before = trial.run(&["audit", "export"]).ends_with(0).out;
    snapshot("forget_unasked", &trial.run(&["forget", "sam.sample1@nhs.net"]).ends_with(2));
    assert_eq!(trial.run(&["audit", "export"]).ends_with(0).out, before, "nothing has changed");
    snapshot("forget_unknown", &trial.run(&["forget", "sam.sampl1@nhs.net", "--yes"]).ends_with(1));
    assert_eq!(trial.run(&["audit", "export"]).ends_with(0).out, before, "nothing has changed");
}

#[test]
fn who_is_forgotten_is_an_anonymous_line_of_the_ledger_and_nothing_else() {
    let trial = Trial::with_exports();
    trial.run(&["once"]).ends_with(0);
    let daemon = File::open(trial.path("data/lapsewatch.lock")).unwrap();
    daemon.lock().unwrap();
    snapshot("forget", &trial.run(&["forget", "Sam.Sample1@nhs.net", "--yes", "--by", "Ada Example"]).ends_with(0));
    drop(daemon);
    let ledger = trial.run(&["audit", "export", "--format", "json"]).ends_with(0);
    assert!(!ledger.out.contains("sample1") && !ledger.out.contains("sam@northtown.example"), "{}", ledger.out);
    let anonymous: Vec<_> = lines(&ledger).into_iter().filter(|line| line["subject"] == "forgotten").collect();
    assert!(!anonymous.is_empty());
    for line in &anonymous {
        assert_eq!((text(line, "rule"), text(line, "state")), ("inactivity", "accepted"));
    }
    trial.run(&["explain", "sam.sample1@nhs.net"]).ends_with(1);
    trial.run(&["once"]).ends_with(0);
    let asked = trial.run(&["forget", "sam.sample1@nhs.net", "--yes", "--files", "--format", "json"]).ends_with(0);
    let object = &lines(&asked)[0];
    assert_eq!((object["subjects"].as_u64(), object["ledger"].as_u64()), (Some(0), Some(0)), "only exports were left");
    assert_eq!(object["files"].as_array().unwrap().len(), 2);
    assert_eq!(trial.names("archive"), Vec::<String>::new());
    trial.run(&["forget", "sam.sample1@nhs.net", "--yes"]).ends_with(1);
}
