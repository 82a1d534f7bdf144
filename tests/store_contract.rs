//! What every store must do, whatever database is behind it: one suite, run on each.
//!
//! Another database joins by one more word in `contract!`. Instants and days are made up; nothing waits.
#![expect(clippy::expect_used, clippy::panic, reason = "helpers of tests fail tests")]
mod support;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    task::Poll,
};

use jiff::{Timestamp, civil::Date};
use lapsewatch::{
    domain::{
        delivery::Outcome,
        facts::{Fact, Field, SnapshotId, Value},
        history::{StatusHistory, Stretch},
        message::{Message, Notice},
        outbox::Verdict,
        plan::{Episode, EpisodeChange, EpisodeId, Plan},
        policy::{OnUnknown, Rule},
        quota::{Limit, Quota},
        register::{Deletion, Register, Subject, SubjectId},
        report::Report,
        snapshot::{ContactRole, ContactRow, Lists, Source},
        subject::{Address, OdsCode, Status},
    },
    store::{
        Changes, Claim, Decided, Doubt, DoubtState, HoldState, Lease, MessageNumber, MessageState, NewMessage, Place,
        RunId, Settlement, SnapshotRow, Snooze, Stopped, Store, StoreError, StoredMessage, Taken, Usage,
    },
};
use proptest::{
    prelude::*,
    sample::select,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use support::{
    address,
    base::{self, Base},
    on,
    site::Site,
    story::Story,
};

/// A store and the database it lives in, which goes when this goes.
struct Opened {
    store: Arc<dyn Store>,
    _base: Option<Base>,
}

async fn opened(base: Base) -> Option<Opened> {
    Some(Opened { store: base.open().await, _base: Some(base) })
}

async fn in_a_file() -> Option<Opened> {
    opened(Base::sqlite()).await
}

async fn in_memory() -> Option<Opened> {
    Some(Opened { store: Place::memory().open().await.expect("opened"), _base: None })
}

async fn on_a_server() -> Option<Opened> {
    opened(Base::postgres()?).await
}

#[test]
fn left_out_without_a_server() {
    base::say_left_out("what a store must do");
}

/// Every test of the contract for every store.
macro_rules! contract {
    ($($behaviour:ident)*) => {
        stores!([$($behaviour)*] sqlite_file: in_a_file, sqlite_memory: in_memory, postgres: on_a_server);
    };
}

macro_rules! stores {
    ($behaviours:tt $($name:ident: $open:ident),*) => {
        $(stores!(@one $behaviours $name $open);)*
    };
    (@one [$($behaviour:ident)*] $name:ident $open:ident) => {
        mod $name {
            $(
                #[tokio::test]
                async fn $behaviour() {
                    let Some(opened) = super::$open().await else { return };
                    super::$behaviour(&*opened.store).await;
                    opened.store.close().await;
                }
            )*
        }
    };
}

contract! {
    a_register_comes_back_as_it_was_written
    a_file_is_known_again_by_its_bytes
    the_newest_file_of_each_source_is_listed
    the_contacts_are_the_last_file_whole
    a_plan_comes_back_as_messages_episodes_and_stages
    a_plan_that_fails_half_way_leaves_nothing
    an_attempt_is_recorded_before_anything_is_sent
    only_the_holder_of_a_lease_can_settle
    a_lease_that_ended_unsettled_is_found
    the_most_urgent_message_goes_first
    a_deferred_message_waits_for_its_time
    a_cancelled_notice_is_gone_from_its_message_and_marked_in_the_ledger
    a_refused_notice_is_listed_until_it_has_climbed
    many_messages_are_leased_and_settled_in_one_exchange
    settlements_that_go_together_are_each_written_as_they_are
    a_heartbeat_makes_the_leases_of_its_holder_end_later
    the_quotas_count_the_attempts_of_everybody
    on_a_closed_day_only_messages_for_any_day_are_leased
    a_held_run_waits_until_it_is_approved
    an_approved_run_may_be_spread
    a_file_in_doubt_is_believed_or_dismissed_with_the_run_held_for_it
    a_discarded_run_is_undone
    a_cancelled_message_can_be_planned_again_under_its_names
    an_address_that_is_refused_is_marked_until_it_takes_a_message
    a_snooze_replaces_the_one_before_and_can_be_ended
    the_operator_is_told_once_a_day
    connections_are_shared_between_programs
    why_sending_stopped_is_kept_until_it_goes_on
    a_person_decides_on_an_unknown_outcome
    the_revision_changes_with_what_a_check_reads
    the_ledger_can_be_read_in_pages
    every_text_comes_back_as_it_was
    a_civil_day_is_claimed_once_and_again_only_when_it_was_cut_off
    runs_are_listed_newest_first
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_780_000_000 + seconds).expect("in range")
}

/// A lease of one message for a minute, without quotas.
fn lease(token: &str, seconds: i64) -> Lease {
    Lease {
        token: token.into(),
        now: at(seconds),
        until: at(seconds + 60),
        most: 1,
        only_any_day: false,
        quota: Quota::default(),
    }
}

/// Leases the most urgent message that is due.
async fn take(store: &dyn Store, token: &str, seconds: i64) -> Option<StoredMessage> {
    store.exchange(&[], Some(&lease(token, seconds))).await.expect("asked").leased.pop()
}

/// Settles a message under a lease; whether the lease was still in force.
async fn settle(store: &dyn Store, settlement: Settlement) -> bool {
    store.exchange(&[settlement], None).await.expect("asked").lost.is_empty()
}

fn outcome_of(state: MessageState) -> Outcome {
    let why = || format!("{} as told", state.as_str());
    match state {
        MessageState::Accepted => Outcome::Accepted { reply: why(), assigned_id: Some("4K7P".into()) },
        MessageState::Rejected => Outcome::Rejected { why: why() },
        MessageState::Cancelled => Outcome::Cancelled,
        MessageState::Unknown => Outcome::Unknown { why: why() },
        _ => Outcome::Deferred { why: why() },
    }
}

fn settled(message: &StoredMessage, state: MessageState, seconds: i64, next: i64) -> Settlement {
    Settlement {
        number: message.number,
        token: message.lease.as_ref().expect("it is leased").token.clone(),
        outcome: outcome_of(state),
        state,
        next_at: at(next),
        at: at(seconds),
        gone: Vec::new(),
        unreachable_on: None,
    }
}

fn snapshot(id: i64, sha256: &str) -> SnapshotRow {
    SnapshotRow {
        id: SnapshotId(id),
        source: Source::PortalMailbox,
        file_name: format!("Mailbox Report {id}.csv"),
        sha256: sha256.into(),
        as_of_on: on("2026-11-20"),
        loaded_at: at(0),
        row_count: 3,
        rejected_count: 1,
        has_sends: id % 2 == 0,
        report: "{}".into(),
    }
}

// The register.

fn any_date() -> impl Strategy<Value = Date> {
    (2020..2030_i16, 1..=12_i8, 1..=28_i8).prop_map(|(year, month, day)| Date::new(year, month, day).expect("a date"))
}

fn any_value(field: Field) -> BoxedStrategy<Value> {
    if field.is_date() {
        any_date().prop_map(Value::Date).boxed()
    } else if field.is_flag() {
        any::<bool>().prop_map(Value::Flag).boxed()
    } else {
        "[a-zà-ÿ' ,🦉]{1,12}".prop_map(|text| Value::Text(text.into())).boxed()
    }
}

fn any_source() -> impl Strategy<Value = Source> {
    select(&Source::ALL[..])
}

fn any_fact(field: Field) -> impl Strategy<Value = Option<Fact>> {
    let fact = (any_value(field), any_date(), any_source(), 1..99_i64, 1..99_u32).prop_map(
        |(value, as_of, source, snapshot, line)| Fact { value, as_of, source, snapshot: SnapshotId(snapshot), line },
    );
    proptest::option::weighted(0.7, fact)
}

fn any_stretch() -> impl Strategy<Value = Stretch> {
    let word = select(vec!["Active", "Deleted", "Active (Leaver)"]);
    (word, any_date(), any_date(), proptest::option::of(any_date()), any_source()).prop_map(
        |(word, first_on, last_on, before_last_on, source)| Stretch {
            status: Status::new(word).expect("a word"),
            first_on,
            last_on,
            before_last_on,
            source,
        },
    )
}

/// Writes one loaded file.
async fn save_file(
    store: &dyn Store,
    snapshot: &SnapshotRow,
    changes: &Changes<'_>,
    contacts: Option<&[ContactRow]>,
) -> Result<(), StoreError> {
    let lists = Lists { contacts: contacts.unwrap_or_default().to_vec(), ..Lists::default() };
    let source = if contacts.is_some() { Source::SiteContacts } else { snapshot.source };
    let snapshot = &SnapshotRow { source, ..snapshot.clone() };
    let mut intake = store.begin_intake(snapshot.source, snapshot.as_of_on).await?;
    let subjects = changes.subjects.iter().map(|subject| (*subject).clone()).collect();
    intake.write_subjects(subjects, changes.removed.clone()).await?;
    intake.commit(Taken { snapshot, roll: None, lists: &lists, merged: &HashMap::new() }).await
}

fn any_deletion() -> impl Strategy<Value = Deletion> {
    let day = || proptest::option::of(any_date());
    (any_date(), day(), day()).prop_map(|(first_seen_on, told_on, guessed_on)| Deletion {
        first_seen_on,
        told_on,
        guessed_on,
    })
}

fn any_subject(id: i64) -> impl Strategy<Value = Subject> {
    let facts: Vec<_> = Field::ALL.into_iter().map(any_fact).collect();
    let sources = proptest::collection::btree_map(any_source(), any_date(), 1..4);
    let ids = proptest::collection::btree_map(any_source(), "[A-Z0-9-]{1,8}", 0..3);
    let history = proptest::collection::vec(any_stretch(), 0..4);
    let former = proptest::collection::btree_set("[a-z]{1,6}", 0..3);
    (facts, sources, ids, history, former, proptest::option::of(any_deletion())).prop_map(
        move |(facts, seen_on, source_ids, history, former, deletion)| {
            let mut subject = Subject::new(SubjectId(id));
            for (field, fact) in Field::ALL.into_iter().zip(facts) {
                if let Some(fact) = fact {
                    subject.facts.set(field, fact);
                }
            }
            let former_addresses = former.iter().map(|name| address(name)).collect();
            let history = StatusHistory::new(history);
            Subject { history, source_ids, seen_on, former_addresses, deletion, ..subject }
        },
    )
}

/// Values drawn the same way on every run.
fn drawn<S: Strategy>(strategy: &S, times: usize) -> Vec<S::Value> {
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    (0..times).map(|_| strategy.new_tree(&mut runner).expect("a value").current()).collect()
}

async fn a_register_comes_back_as_it_was_written(store: &dyn Store) {
    let ids: Vec<i64> = (1..=30).collect();
    let people: Vec<_> = ids.iter().map(|id| any_subject(*id)).collect();
    for (nth, subjects) in (1_i64..).zip(drawn(&people, 4)) {
        let changes = Changes { subjects: subjects.iter().collect(), removed: Vec::new() };
        let fresh = nth == 1;
        if !fresh {
            let gone = Changes { subjects: Vec::new(), removed: ids.iter().map(|id| SubjectId(*id)).collect() };
            save_file(store, &snapshot(nth * 10, &format!("gone {nth}")), &gone, None).await.expect("removed");
        }
        save_file(store, &snapshot(nth * 10 + 1, &format!("file {nth}")), &changes, None).await.expect("written");
        let read = store.load_register().await.expect("read");
        for subject in &subjects {
            assert_eq!(read.find(subject.id), Some(subject), "subject {:?}", subject.id);
        }
        assert_eq!(read.subjects().count(), subjects.iter().filter(|subject| subject.is_listed()).count());
    }
    let read = store.load_register().await.expect("read");
    assert_eq!(read.snapshots(Source::PortalMailbox), Some(&BTreeSet::from([on("2026-11-20")])));
    assert_eq!(read.sends_watched_since(), Some(on("2026-11-20")), "an even number tells of sends");
}

async fn a_file_is_known_again_by_its_bytes(store: &dyn Store) {
    assert_eq!(store.next_snapshot_id().await.expect("a number"), SnapshotId(1));
    let row = snapshot(1, "abc");
    save_file(store, &row, &Changes::default(), None).await.expect("written");
    assert_eq!(store.find_snapshot("abc").await.expect("read"), Some(row.clone()));
    assert_eq!(store.find_snapshot("abd").await.expect("read"), None);
    let twice = save_file(store, &snapshot(2, "abc"), &Changes::default(), None).await;
    assert!(twice.is_err(), "the same bytes cannot be written twice");
    assert_eq!(store.list_snapshots().await.expect("read"), [row]);
    assert_eq!(store.next_snapshot_id().await.expect("a number"), SnapshotId(2));
    for (id, sha256) in [(2, "first list"), (3, "second list")] {
        let list = SnapshotRow { source: Source::SiteContacts, ..snapshot(id, sha256) };
        save_file(store, &list, &Changes::default(), Some(&[])).await.expect("written");
    }
    assert_eq!(store.find_snapshot("first list").await.expect("read"), None, "contacts may come back after others");
    assert!(store.find_snapshot("second list").await.expect("read").is_some(), "the list in force is known");
}

async fn the_newest_file_of_each_source_is_listed(store: &dyn Store) {
    let rows = [
        (1, Source::PortalMailbox, "2026-11-20"),
        (2, Source::PortalMailbox, "2026-11-19"),
        (3, Source::Sends, "2026-11-20"),
        (4, Source::Sends, "2026-11-20"),
    ];
    for (id, source, day) in rows {
        let row = SnapshotRow { source, as_of_on: on(day), ..snapshot(id, &id.to_string()) };
        save_file(store, &row, &Changes::default(), None).await.expect("written");
    }
    let newest = store.list_newest_snapshots().await.expect("read");
    let newest: Vec<_> = newest.iter().map(|row| (row.source, row.id.0)).collect();
    assert_eq!(newest, [(Source::PortalMailbox, 1), (Source::Sends, 4)], "one that came late is not the newest");
}

async fn the_contacts_are_the_last_file_whole(store: &dyn Store) {
    let row = |line, name: &str, role, alternate: Option<&str>| ContactRow {
        line,
        ods: OdsCode::new("TP1AB"),
        sector: Some("optometry".into()),
        site_name: Some("Northtown Opticians".into()),
        town: None,
        shared_mailbox: Some(address("northtown")),
        address: address(name),
        role,
        alternate_address: alternate.map(address),
        administered_by: Some("nas".into()),
    };
    let first =
        vec![row(2, "olive", ContactRole::Owner, Some("olive@home.example")), row(3, "max", ContactRole::Member, None)];
    save_file(store, &snapshot(1, "one"), &Changes::default(), Some(&first)).await.expect("written");
    assert_eq!(store.load_register().await.expect("read").contacts().rows(), first);
    let second = vec![row(2, "ada", ContactRole::Admin, None)];
    save_file(store, &snapshot(2, "two"), &Changes::default(), Some(&second)).await.expect("written");
    save_file(store, &snapshot(3, "three"), &Changes::default(), None).await.expect("written");
    assert_eq!(store.load_register().await.expect("read").contacts().rows(), second);
}

// Plans.

/// A real plan: two accounts near their end, told for the first time on the day of the last call of one of them.
fn a_plan() -> (Plan, Register) {
    let site = Site::new("TP1AB").mailbox("northtown").owner("olive");
    let mut story = Story::begin(site.account("ada", "2026-07-03").account("bea", "2026-07-20"));
    story.walk(on("2026-08-28"), on("2026-08-28"), [], |_| false);
    let plan = story.run(on("2026-08-28"));
    (plan, story.register)
}

fn named(message: &Message, nth: usize) -> NewMessage {
    NewMessage {
        message: message.clone(),
        reference: format!("NR-{nth:04}-AAAA"),
        message_id: format!("{nth}@anyshire.example"),
        on_unknown: if nth.is_multiple_of(2) { OnUnknown::Hold } else { OnUnknown::Resend },
        is_held: false,
        is_any_day: nth.is_multiple_of(3),
        bulletin: None,
    }
}

fn all_named(plan: &Plan) -> Vec<NewMessage> {
    plan.messages.iter().enumerate().map(|(nth, message)| named(message, nth)).collect()
}

/// A plan that leaves at once.
fn leaving<'a>(plan: &'a Plan, messages: &'a [NewMessage], changes: &'a Changes<'a>) -> Decided<'a> {
    Decided { plan, messages, changes, hold: None, adopted: &[], alerts: &[], looked: None }
}

/// Writes the plan and returns its run.
async fn save(store: &dyn Store) -> (RunId, Plan) {
    let (plan, register) = a_plan();
    let run = store.begin_run(plan.on, "once", at(0)).await.expect("begun");
    let subjects: Vec<_> = register.subjects().collect();
    let changes = Changes { subjects, removed: Vec::new() };
    store.save_plan(run, &leaving(&plan, &all_named(&plan), &changes), at(0)).await.expect("written");
    (run, plan)
}

async fn a_plan_comes_back_as_messages_episodes_and_stages(store: &dyn Store) {
    let (_, plan) = save(store).await;
    let stored = store.list_messages(&[]).await.expect("read");
    let mut messages: Vec<_> = stored.iter().map(|stored| stored.message.clone()).collect();
    messages.sort();
    assert_eq!(messages, plan.messages);
    let names: BTreeSet<_> = stored.iter().map(|m| (m.reference.clone(), m.message_id.clone())).collect();
    assert_eq!(names, all_named(&plan).into_iter().map(|new| (new.reference, new.message_id)).collect());
    let told = store.load_told().await.expect("read");
    for opened in &plan.opened {
        assert_eq!(told.episode(opened.subject, opened.rule), Some(opened.episode));
    }
    assert!(plan.told.len() > 1 && !plan.passed_over.is_empty());
    for entry in plan.told.iter().chain(&plan.passed_over) {
        assert!(told.holds(entry.episode, &entry.stage), "{entry:?}");
    }
    let episodes = store.list_episodes(None).await.expect("read");
    let stages: usize = episodes.iter().map(|episode| episode.stages.len()).sum();
    assert_eq!((episodes.len(), stages), (plan.opened.len(), plan.told.len() + plan.passed_over.len()));
    let close = Plan { closed: plan.opened.clone(), ..nothing(on("2026-08-29")) };
    let run = store.begin_run(close.on, "once", at(1)).await.expect("begun");
    store.save_plan(run, &leaving(&close, &[], &Changes::default()), at(1)).await.expect("written");
    let told = store.load_told().await.expect("read");
    assert!(plan.opened.iter().all(|opened| told.episode(opened.subject, opened.rule).is_none()));
}

fn nothing(on: Date) -> Plan {
    let (messages, held, opened, closed, told, passed_over) = Default::default();
    Plan { on, messages, held, opened, closed, told, passed_over, report: Report::default() }
}

async fn a_plan_that_fails_half_way_leaves_nothing(store: &dyn Store) {
    let (plan, register) = a_plan();
    let run = store.begin_run(plan.on, "once", at(0)).await.expect("begun");
    let changes = Changes { subjects: register.subjects().collect(), removed: Vec::new() };
    let mut messages = all_named(&plan);
    let twice = messages.first().map(|new| new.message_id.clone()).expect("a message");
    messages.last_mut().expect("a message").message_id = twice;
    let twice = leaving(&plan, &messages, &changes);
    assert!(store.save_plan(run, &twice, at(0)).await.is_err(), "one Message-ID twice");
    assert_eq!(store.list_messages(&[]).await.expect("read"), []);
    assert_eq!(store.list_episodes(None).await.expect("read"), []);
    assert_eq!(store.load_register().await.expect("read").subjects().count(), 0);
    let messages = all_named(&plan);
    store.save_plan(run, &leaving(&plan, &messages, &changes), at(0)).await.expect("and the right one can be written");
}

// Delivery.

async fn an_attempt_is_recorded_before_anything_is_sent(store: &dyn Store) {
    save(store).await;
    let leased = take(store, "mine", 10).await.expect("one is due");
    assert_eq!((leased.state, leased.attempts), (MessageState::Leased, 1));
    let kept = store.list_messages(&[MessageState::Leased]).await.expect("read");
    assert_eq!(kept, std::slice::from_ref(&leased), "what the store holds is what was leased");
    assert!(settle(store, settled(&leased, MessageState::Deferred, 11, 20)).await);
    let again = lease_number(store, leased.number, 20).await;
    assert_eq!(again, 2, "the next try is counted too");
}

/// Leases messages until this one comes; returns its attempts.
async fn lease_number(store: &dyn Store, number: MessageNumber, seconds: i64) -> u32 {
    while let Some(leased) = take(store, "next", seconds).await {
        if leased.number == number {
            return leased.attempts;
        }
    }
    panic!("{number:?} is not due")
}

async fn only_the_holder_of_a_lease_can_settle(store: &dyn Store) {
    save(store).await;
    let leased = take(store, "mine", 10).await.expect("one is due");
    let accepted = settled(&leased, MessageState::Accepted, 11, 11);
    assert!(!settle(store, Settlement { token: "yours".into(), ..accepted.clone() }).await);
    let kept = store.list_messages(&[MessageState::Leased]).await.expect("read");
    assert_eq!(kept.len(), 1, "a wrong token settles nothing");
    assert!(settle(store, accepted.clone()).await);
    assert!(!settle(store, accepted).await, "and only once");
    let kept = store.list_messages(&[MessageState::Accepted]).await.expect("read");
    let [kept] = &kept[..] else { panic!("one accepted: {kept:?}") };
    assert_eq!((kept.settled_at, kept.reply.as_deref()), (Some(at(11)), Some("accepted as told")));
}

async fn a_lease_that_ended_unsettled_is_found(store: &dyn Store) {
    save(store).await;
    let leased = take(store, "mine", 10).await.expect("one is due");
    assert!(store.list_lapsed_leases(at(69)).await.expect("read").is_empty(), "it holds for 60 seconds");
    let lapsed = store.list_lapsed_leases(at(70)).await.expect("read");
    assert_eq!(lapsed, std::slice::from_ref(&leased));
    assert!(settle(store, settled(&leased, MessageState::Unknown, 70, 70)).await);
    assert!(store.list_lapsed_leases(at(99)).await.expect("read").is_empty());
}

async fn the_most_urgent_message_goes_first(store: &dyn Store) {
    save(store).await;
    let mut deadlines = Vec::new();
    while let Some(leased) = take(store, "mine", 10).await {
        deadlines.push(leased.message.notices.first().map(|notice| notice.deadline_on));
    }
    assert!(deadlines.len() > 2 && deadlines.is_sorted(), "{deadlines:?}");
    assert!(deadlines.first() < deadlines.last(), "there is something to choose: {deadlines:?}");
}

async fn a_deferred_message_waits_for_its_time(store: &dyn Store) {
    save(store).await;
    let mut waiting = Vec::new();
    while let Some(leased) = take(store, "mine", 10).await {
        let next = 100 + i64::try_from(waiting.len()).expect("few");
        waiting.push(leased.number);
        assert!(settle(store, settled(&leased, MessageState::Deferred, 11, next)).await);
    }
    let last = 99 + i64::try_from(waiting.len()).expect("few");
    assert_eq!(store.next_attempt_at(false).await.expect("read"), Some(at(100)));
    assert_eq!(store.last_attempt_at().await.expect("read"), Some(at(last)));
    assert_eq!(take(store, "mine", 99).await, None);
    let leased = take(store, "mine", 100).await.expect("one is due");
    assert_eq!(Some(&leased.number), waiting.first());
    assert_eq!(take(store, "mine", 100).await, None, "the next is due a second later");
    let counts = store.count_messages().await.expect("counted");
    assert!(counts.contains(&(MessageState::Leased, 1)), "{counts:?}");
}

async fn a_cancelled_notice_is_gone_from_its_message_and_marked_in_the_ledger(store: &dyn Store) {
    let (_, plan) = save(store).await;
    let digest = plan.messages.iter().find(|message| message.notices.len() == 1).expect("a message of one notice");
    let leased = loop {
        let leased = take(store, "mine", 10).await.expect("it comes");
        if leased.message == *digest {
            break leased;
        }
    };
    let gone = digest.notices.clone();
    assert!(settle(store, Settlement { gone, ..settled(&leased, MessageState::Cancelled, 11, 11) }).await);
    let kept = store.list_messages(&[MessageState::Cancelled]).await.expect("read");
    let kept = kept.iter().find(|message| message.number == leased.number).expect("kept");
    assert!(kept.message.notices.is_empty());
    let subject = digest.notices.first().map(|notice| notice.subject_id).expect("a notice");
    let ledger = store.list_ledger(subject).await.expect("read");
    let to =
        |state| ledger.iter().filter(|line| line.state == state).map(|line| line.recipient.clone()).collect::<Vec<_>>();
    assert_eq!(to(MessageState::Cancelled), [digest.recipient.as_str()], "what was planned stays on record");
}

async fn a_refused_notice_is_listed_until_it_has_climbed(store: &dyn Store) {
    let (run, plan) = save(store).await;
    let leased = take(store, "mine", 10).await.expect("one is due");
    assert!(settle(store, settled(&leased, MessageState::Rejected, 11, 11)).await);
    let refused = store.list_refused().await.expect("read");
    let notices: Vec<_> = refused.iter().map(|refused| refused.notice.clone()).collect();
    assert_eq!(notices, leased.message.notices);
    let first = refused.first().expect("a refused notice");
    let told: BTreeSet<_> = first.told.iter().map(|recipient| Address::new(recipient)).collect();
    assert_eq!(told, recipients_of(&plan, &first.notice), "everybody who was told of the same stage");
    let climbing = Message { recipient: address("desk@northtown.example"), ..leased.message.clone() };
    let numbers: Vec<_> = refused.iter().map(|refused| refused.number).collect();
    assert!(store.save_climb(run, &numbers, &[named(&climbing, 900)], at(12)).await.expect("written"));
    let twice = Message { recipient: address("another@northtown.example"), ..climbing.clone() };
    assert!(!store.save_climb(run, &numbers, &[named(&twice, 901)], at(13)).await.expect("asked"), "only one climbs");
    assert!(store.list_refused().await.expect("read").is_empty());
    let pending = store.list_messages(&[MessageState::Pending]).await.expect("read");
    assert!(pending.iter().any(|stored| stored.message == climbing));
}

fn recipients_of(plan: &Plan, notice: &Notice) -> BTreeSet<Address> {
    let tells = |other: &Notice| (other.episode_id, &other.stage) == (notice.episode_id, &notice.stage);
    let telling = plan.messages.iter().filter(|message| message.notices.iter().any(tells));
    telling.map(|message| message.recipient.clone()).collect()
}

async fn many_messages_are_leased_and_settled_in_one_exchange(store: &dyn Store) {
    let (_, plan) = save(store).await;
    let all = Lease { most: 99, ..lease("mine", 10) };
    let first = store.exchange(&[], Some(&all)).await.expect("leased").leased;
    assert_eq!(first.len(), plan.messages.len());
    let settlements: Vec<_> = first.iter().map(|leased| settled(leased, MessageState::Deferred, 11, 12)).collect();
    let exchanged = store.exchange(&settlements, Some(&Lease { most: 2, ..lease("next", 12) })).await.expect("both");
    assert_eq!((exchanged.lost, exchanged.leased.len()), (vec![], 2));
    let again = exchanged.leased.first().expect("one");
    assert_eq!((again.attempts, again.lease.as_ref().map(|lease| lease.token.as_str())), (2, Some("next")));
}

async fn settlements_that_go_together_are_each_written_as_they_are(store: &dyn Store) {
    save(store).await;
    let all = Lease { most: 4, ..lease("mine", 10) };
    let leased = store.exchange(&[], Some(&all)).await.expect("leased").leased;
    let [taken, refused, later, lost] = &leased[..] else { panic!("four are due: {leased:?}") };
    let why = "550 5.1.1 \"Kit\"\0 \\u0000 gibt's nicht 🦉".to_owned();
    let settlements = [
        settled(taken, MessageState::Accepted, 11, 11),
        Settlement { outcome: Outcome::Rejected { why }, ..settled(refused, MessageState::Rejected, 12, 12) },
        settled(later, MessageState::Deferred, 13, 70),
        Settlement { token: "another".into(), ..settled(lost, MessageState::Accepted, 14, 14) },
    ];
    assert_eq!(store.exchange(&settlements, None).await.expect("settled").lost, [lost.number]);
    let mut found = BTreeMap::new();
    for message in store.list_messages(&[]).await.expect("read") {
        found.insert(message.number, (message.state, message.settled_at, message.next_at, message.reply));
    }
    let written = |message: &StoredMessage| found.get(&message.number).cloned().expect("it is there");
    let words = |text: &str| Some(text.to_owned());
    assert_eq!(written(taken), (MessageState::Accepted, Some(at(11)), at(11), words("accepted as told")));
    let refusal = words("550 5.1.1 \"Kit\"\u{fffd} \\u0000 gibt's nicht 🦉");
    assert_eq!(written(refused), (MessageState::Rejected, Some(at(12)), at(12), refusal));
    assert_eq!(written(later), (MessageState::Deferred, None, at(70), words("deferred as told")));
    assert_eq!(written(lost), (MessageState::Leased, None, lost.next_at, None), "nothing is written of it");
    let usage = store.count_usage(at(15)).await.expect("counted");
    assert_eq!(usage, Usage { in_last_minute: 4, in_last_day: 4 }, "three have ended, one is open");
}

async fn a_heartbeat_makes_the_leases_of_its_holder_end_later(store: &dyn Store) {
    save(store).await;
    let mine = take(store, "mine-1", 10).await.expect("one");
    let theirs = take(store, "theirs-1", 10).await.expect("another");
    assert_eq!(store.renew_leases("mine", at(500)).await.expect("renewed"), 1);
    let lapsed = store.list_lapsed_leases(at(499)).await.expect("read");
    assert_eq!(lapsed.iter().map(|message| message.number).collect::<Vec<_>>(), [theirs.number]);
    assert_eq!(store.list_lapsed_leases(at(500)).await.expect("read").len(), 2);
    assert!(settle(store, settled(&mine, MessageState::Accepted, 400, 400)).await, "a renewed lease still counts");
}

async fn the_quotas_count_the_attempts_of_everybody(store: &dyn Store) {
    save(store).await;
    let quota = |token: &str, seconds| Lease {
        most: 9,
        quota: Quota { per_minute: Some(2), per_day: Some(3), connections: None },
        ..lease(token, seconds)
    };
    let first = store.exchange(&[], Some(&quota("mine", 10))).await.expect("leased");
    assert_eq!((first.leased.len(), first.over), (2, Some(Limit::PerMinute)));
    let while_open = store.exchange(&[], Some(&quota("theirs", 500))).await.expect("asked");
    assert_eq!((while_open.leased.len(), while_open.over), (0, Some(Limit::PerMinute)), "an open attempt counts");
    let ends: Vec<_> = first.leased.iter().map(|leased| settled(leased, MessageState::Accepted, 520, 520)).collect();
    let early = store.exchange(&ends, Some(&quota("theirs", 580))).await.expect("asked");
    assert_eq!((early.leased.len(), early.over), (0, Some(Limit::PerMinute)), "a minute after they ended");
    let later = store.exchange(&[], Some(&quota("theirs", 581))).await.expect("asked");
    assert_eq!((later.leased.len(), later.over), (1, Some(Limit::PerDay)), "three in a day, two are used");
    assert_eq!(store.count_usage(at(581)).await.expect("counted"), Usage { in_last_minute: 1, in_last_day: 3 });
    let a_day_after = Usage { in_last_minute: 1, in_last_day: 3 };
    assert_eq!(store.count_usage(at(86_400 + 520)).await.expect("counted"), a_day_after, "since they ended, not began");
    let next_day = store.exchange(&[], Some(&quota("theirs", 86_400 + 580))).await.expect("asked");
    assert_eq!(next_day.leased.len(), 1, "one is still open, and so of the minute");
}

async fn on_a_closed_day_only_messages_for_any_day_are_leased(store: &dyn Store) {
    let (_, plan) = save(store).await;
    assert!(store.next_attempt_at(true).await.expect("asked").is_some());
    let exchanged =
        store.exchange(&[], Some(&Lease { most: 99, only_any_day: true, ..lease("mine", 10) })).await.expect("leased");
    let leased: BTreeSet<_> = exchanged.leased.iter().map(|message| message.message_id.clone()).collect();
    let any_day = all_named(&plan).into_iter().filter(|new| new.is_any_day).map(|new| new.message_id);
    assert_eq!(leased, any_day.collect());
    assert_eq!(store.next_attempt_at(true).await.expect("asked"), None);
    assert!(store.next_attempt_at(false).await.expect("asked").is_some(), "the others wait for an open day");
}

// Holds.

/// Writes the plan as held; a snapshot was loaded before.
async fn hold(store: &dyn Store) -> (RunId, Plan) {
    let (plan, register) = a_plan();
    save_file(store, &snapshot(2, "bb"), &Changes::default(), None).await.expect("loaded");
    let run = store.begin_run(plan.on, "once", at(0)).await.expect("begun");
    let changes = Changes { subjects: register.subjects().collect(), removed: Vec::new() };
    let messages: Vec<_> = all_named(&plan).into_iter().map(|new| NewMessage { is_held: true, ..new }).collect();
    let leaving = leaving(&plan, &messages, &changes);
    let decided = Decided { hold: Some("{\"trips\":[]}"), ..leaving };
    store.save_plan(run, &decided, at(0)).await.expect("written");
    (run, plan)
}

fn doubt(sha256: &str) -> Doubt {
    let (sha256, file_name, why) = (sha256.to_owned(), "Report.csv".to_owned(), "It has 3 rows.".to_owned());
    Doubt { sha256, file_name, why, state: DoubtState::Doubted }
}

async fn a_held_run_waits_until_it_is_approved(store: &dyn Store) {
    let (run, plan) = hold(store).await;
    assert_eq!(take(store, "mine", 10).await, None, "held messages are not due");
    assert_eq!(store.next_attempt_at(false).await.expect("asked"), None);
    let [held] = &store.list_held_runs().await.expect("read")[..] else { panic!("one is held") };
    assert_eq!((held.id, held.hold.as_ref().map(|hold| hold.state)), (run, Some(HoldState::Held)));
    assert!(store.approve_run(run, "ada", &[Rule::Inactivity], &[], at(20)).await.expect("approved"));
    assert!(!store.approve_run(run, "ada", &[], &[], at(21)).await.expect("asked"), "only once");
    assert!(!store.discard_run(run, "ada", at(21)).await.expect("asked"), "and not after");
    let counts = store.count_messages_of(run).await.expect("counted");
    assert_eq!(counts, [(MessageState::Pending, plan.messages.len() as u64)]);
    assert_eq!(store.load_standings().await.expect("read").adopted, [Rule::Inactivity]);
    assert!(store.list_held_runs().await.expect("read").is_empty());
    let decided = store.list_runs(1).await.expect("read").pop().and_then(|run| run.hold).expect("it was held");
    assert_eq!((decided.state, decided.decided_by.as_deref()), (HoldState::Approved, Some("ada")));
    assert!(take(store, "mine", 21).await.is_some());
}

async fn an_approved_run_may_be_spread(store: &dyn Store) {
    let (run, _) = hold(store).await;
    let held = store.list_messages(&[MessageState::Held]).await.expect("read");
    let starts: Vec<_> = held.iter().zip(1..).map(|(message, nth)| (message.number, at(nth * 1000))).collect();
    assert!(store.approve_run(run, "ada", &[], &starts, at(20)).await.expect("approved"));
    assert_eq!(take(store, "mine", 999).await, None);
    let first = starts.first().map(|(number, _)| *number);
    assert_eq!(take(store, "mine", 1000).await.map(|message| message.number), first);
    assert_eq!(take(store, "mine", 1000).await, None);
}

async fn a_discarded_run_is_undone(store: &dyn Store) {
    let (run, plan) = hold(store).await;
    assert!(store.discard_run(run, "ada", at(20)).await.expect("discarded"));
    assert_eq!(take(store, "mine", 21).await, None);
    let told = store.load_told().await.expect("read");
    assert!(plan.told.iter().chain(&plan.passed_over).all(|entry| !told.holds(entry.episode, &entry.stage)));
    assert!(plan.told.iter().all(|entry| told.episode(entry.subject, entry.rule).is_none()), "the next run opens anew");
    let counts = store.count_messages_of(run).await.expect("counted");
    assert_eq!(counts, [(MessageState::Cancelled, plan.messages.len() as u64)], "the ledger keeps what was planned");
    let subject = plan.told.first().expect("a stage").subject;
    let ledger = store.list_ledger(subject).await.expect("read");
    assert!(!ledger.is_empty() && ledger.iter().all(|line| line.state == MessageState::Cancelled));
}

async fn a_cancelled_message_can_be_planned_again_under_its_names(store: &dyn Store) {
    let (run, plan) = hold(store).await;
    assert!(store.discard_run(run, "ada", at(20)).await.expect("discarded"));
    let again = store.begin_run(plan.on, "once", at(30)).await.expect("begun");
    let opened = plan.opened.iter().map(|opened| EpisodeChange {
        episode: Episode { id: EpisodeId(opened.episode.id.0 + 1000), ..opened.episode },
        ..*opened
    });
    let anew = Plan { opened: opened.collect(), told: Vec::new(), passed_over: Vec::new(), ..plan.clone() };
    let (messages, changes) = (all_named(&plan), Changes::default());
    store.save_plan(again, &leaving(&anew, &messages, &changes), at(30)).await.expect("written");
    let pending = store.list_messages(&[MessageState::Pending]).await.expect("read");
    let names: BTreeSet<_> = pending.iter().map(|message| (message.run, message.reference.clone())).collect();
    assert_eq!(names, messages.into_iter().map(|new| (again, new.reference)).collect());
    store.save_plan(again, &leaving(&nothing(plan.on), &all_named(&plan), &changes), at(31)).await.expect("written");
    let count = store.list_messages(&[MessageState::Pending]).await.expect("read").len();
    assert_eq!(count, pending.len(), "what is not cancelled is known");
}

async fn a_file_in_doubt_is_believed_or_dismissed_with_the_run_held_for_it(store: &dyn Store) {
    store.note_doubt(&doubt("aa"), at(0)).await.expect("noted");
    let [noted] = &store.list_doubts(None).await.expect("read")[..] else { panic!("one waits for a run") };
    assert_eq!(*noted, doubt("aa"));
    let (run, _) = hold(store).await;
    assert!(store.list_doubts(None).await.expect("read").is_empty(), "a run is held for it");
    assert_eq!(store.list_doubts(Some(run)).await.expect("read"), [doubt("aa")]);
    assert!(store.discard_run(run, "ada", at(20)).await.expect("discarded"));
    let state = async |sha256: &str| store.find_doubt(sha256).await.expect("read").map(|doubt| doubt.state);
    assert_eq!((state("aa").await, state("bb").await), (Some(DoubtState::Dismissed), None));
    store.note_doubt(&doubt("aa"), at(30)).await.expect("it is offered again");
    assert_eq!(state("aa").await, Some(DoubtState::Doubted));
    let again = store.begin_run(on("2026-08-29"), "once", at(40)).await.expect("begun");
    let (plan, changes) = (nothing(on("2026-08-29")), Changes::default());
    let held = Decided { hold: Some("{}"), ..leaving(&plan, &[], &changes) };
    store.save_plan(again, &held, at(40)).await.expect("written");
    assert!(store.approve_run(again, "ada", &[], &[], at(50)).await.expect("approved"));
    assert_eq!(state("aa").await, Some(DoubtState::Believed));
}

// Besides messages.

async fn an_address_that_is_refused_is_marked_until_it_takes_a_message(store: &dyn Store) {
    save(store).await;
    let leased = take(store, "mine", 10).await.expect("one is due");
    let refused = settled(&leased, MessageState::Deferred, 11, 12);
    let since_on = on("2026-08-28");
    assert!(settle(store, Settlement { unreachable_on: Some(since_on), ..refused }).await);
    let marked = store.load_standings().await.expect("read").unreachable;
    let shown: Vec<_> = marked.iter().map(|mark| (mark.address.clone(), mark.since_on, mark.reply.as_str())).collect();
    assert_eq!(shown, [(leased.message.recipient.clone(), since_on, "deferred as told")]);
    let again = take(store, "mine", 12).await.expect("the most urgent is due again");
    assert_eq!(again.message.recipient, leased.message.recipient);
    assert!(settle(store, settled(&again, MessageState::Accepted, 13, 13)).await);
    assert_eq!(store.load_standings().await.expect("read").unreachable, []);
}

async fn a_snooze_replaces_the_one_before_and_can_be_ended(store: &dyn Store) {
    let snooze = |until: &str, seconds| Snooze {
        number: 0,
        subject: SubjectId(7),
        rule: Rule::Leaver,
        until_on: on(until),
        author: "ada".into(),
        reason: "on leave".into(),
        made_at: at(seconds),
        ended_at: None,
    };
    store.add_snooze(&snooze("2026-12-01", 1)).await.expect("written");
    let number = store.add_snooze(&snooze("2026-12-05", 2)).await.expect("written");
    let standing = store.load_standings().await.expect("read").snoozes;
    assert_eq!(standing, [Snooze { number, ..snooze("2026-12-05", 2) }]);
    assert!(store.end_snooze(SubjectId(7), Rule::Leaver, at(3)).await.expect("ended"));
    assert!(!store.end_snooze(SubjectId(7), Rule::Leaver, at(4)).await.expect("asked"), "only once");
    assert_eq!(store.load_standings().await.expect("read").snoozes, []);
}

async fn the_operator_is_told_once_a_day(store: &dyn Store) {
    let today = on("2026-11-20");
    let plan = nothing(today);
    for seconds in [1, 2] {
        let run = store.begin_run(today, "once", at(seconds)).await.expect("begun");
        let changes = Changes::default();
        let decided = Decided { alerts: &["coverage", "stale"], ..leaving(&plan, &[], &changes) };
        store.save_plan(run, &decided, at(seconds)).await.expect("written");
    }
    assert_eq!(store.list_alerts(today).await.expect("read"), ["coverage", "stale"]);
    assert!(store.list_alerts(on("2026-11-21")).await.expect("read").is_empty());
}

async fn connections_are_shared_between_programs(store: &dyn Store) {
    let ask = async |holder: &str, wanted, seconds| {
        store.hold_connections(holder, wanted, 3, at(seconds), at(seconds + 60)).await.expect("asked")
    };
    assert_eq!(ask("one", 2, 0).await, 2);
    assert_eq!(ask("two", 2, 1).await, 1, "one is left");
    assert_eq!(ask("three", 2, 2).await, 0);
    assert_eq!(ask("one", 2, 50).await, 2, "who renews keeps them");
    assert_eq!(ask("two", 0, 51).await, 0, "given back");
    assert_eq!(ask("three", 2, 52).await, 1);
    assert_eq!(ask("three", 3, 110).await, 3, "who does not renew loses them");
}

async fn why_sending_stopped_is_kept_until_it_goes_on(store: &dyn Store) {
    assert_eq!(store.find_stopped().await.expect("read"), None);
    for why in ["no route", "login refused"] {
        let stopped = Stopped { at: at(1), why: why.into() };
        store.note_stopped(Some(&stopped)).await.expect("noted");
        assert_eq!(store.find_stopped().await.expect("read"), Some(stopped));
    }
    store.note_stopped(None).await.expect("noted");
    assert_eq!(store.find_stopped().await.expect("read"), None);
}

async fn a_person_decides_on_an_unknown_outcome(store: &dyn Store) {
    save(store).await;
    let expected = [
        (Verdict::Accepted, MessageState::Accepted),
        (Verdict::Resend, MessageState::Pending),
        (Verdict::Drop, MessageState::Cancelled),
    ];
    let mut leased = Vec::new();
    for _ in &expected {
        leased.push(take(store, "mine", 10).await.expect("one is due"));
    }
    for (message, (verdict, state)) in leased.iter().zip(expected) {
        let decide = async || store.settle_unknown(message.number, verdict, "ada", at(20)).await.expect("asked");
        assert!(!decide().await, "a leased message is nobody's to decide");
        assert!(settle(store, settled(message, MessageState::Unknown, 11, 11)).await);
        assert!(decide().await);
        assert!(!decide().await, "and only once");
        let found = store.find_message(&message.reference).await.expect("read").expect("it is there");
        assert_eq!(found.state, state);
    }
    assert_eq!(store.find_message("NR-NOBODY").await.expect("read"), None);
}

async fn the_revision_changes_with_what_a_check_reads(store: &dyn Store) {
    let revision = async || store.exchange(&[], None).await.expect("asked").revision;
    let empty = revision().await;
    let (run, _) = hold(store).await;
    let held = revision().await;
    assert_ne!(empty, held);
    assert_eq!(held, revision().await, "nothing has changed");
    assert_eq!(held, store.find_revision().await.expect("asked"), "and it can be asked for alone");
    store.discard_run(run, "ada", at(20)).await.expect("discarded");
    let discarded = revision().await;
    assert_ne!(held, discarded);
    store.end_snooze(SubjectId(1), Rule::Leaver, at(1)).await.expect("there was none");
    assert_eq!(discarded, revision().await);
}

async fn the_ledger_can_be_read_in_pages(store: &dyn Store) {
    let (run, plan) = save(store).await;
    let notices: usize = plan.messages.iter().map(|message| message.notices.len()).sum();
    let (mut read, mut after) = (Vec::new(), 0);
    loop {
        let page = store.list_ledger_after(after, 2).await.expect("read");
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 2 && page.iter().all(|line| line.run == run));
        after = last.number;
        read.extend(page);
    }
    assert_eq!(read.len(), notices);
    assert!(read.is_sorted_by_key(|line| line.number));
}

async fn every_text_comes_back_as_it_was(store: &dyn Store) {
    let (run, plan) = save(store).await;
    let texts = ["tab\there", "a\\Nb\\", "line\r\nline", "'quoted' \"twice\"", "\\N", "ü🦉\u{7f}", "", " "];
    let like = plan.messages.first().expect("a message");
    let odd = |nth: usize, text: &str| NewMessage { reference: format!("{nth} {text}"), ..named(like, 100 + nth) };
    let messages: Vec<_> = texts.iter().enumerate().map(|(nth, text)| odd(nth, text)).collect();
    store.save_climb(run, &[], &messages, at(0)).await.expect("written");
    let stored: BTreeSet<_> = store.list_messages(&[]).await.expect("read").into_iter().map(|m| m.reference).collect();
    for new in &messages {
        assert!(stored.contains(&new.reference), "{:?} in {stored:?}", new.reference);
    }
    let leased = take(store, "mine", 10).await.expect("one is due");
    let reply = "250 \0 from a broken server".to_owned();
    let accepted = Settlement {
        outcome: Outcome::Accepted { reply, assigned_id: None },
        ..settled(&leased, MessageState::Accepted, 11, 11)
    };
    assert!(settle(store, accepted).await, "a NUL breaks nothing");
    let kept = store.list_messages(&[MessageState::Accepted]).await.expect("read");
    assert_eq!(kept.first().and_then(|m| m.reply.as_deref()), Some("250 \u{FFFD} from a broken server"));
}

// Days and runs.

async fn a_civil_day_is_claimed_once_and_again_only_when_it_was_cut_off(store: &dyn Store) {
    let today = on("2026-11-20");
    assert_eq!(store.last_due_day().await.expect("read"), None);
    store.pass_days(&[on("2026-11-18"), on("2026-11-19")], "baseline", at(0)).await.expect("passed");
    assert_eq!(store.last_due_day().await.expect("read"), Some(on("2026-11-19")));
    assert_eq!(store.claim_day(on("2026-11-19"), at(1)).await.expect("asked"), Claim::Taken, "passed over is over");
    assert_eq!(store.claim_day(today, at(1)).await.expect("claimed"), Claim::Ours);
    assert_eq!(store.claim_day(today, at(2)).await.expect("claimed"), Claim::Ours, "it was cut off");
    store.finish_day(today, at(3)).await.expect("finished");
    assert_eq!(store.claim_day(today, at(4)).await.expect("asked"), Claim::Taken);
    store.pass_days(&[today], "skipped", at(5)).await.expect("a day that ran stays so");
    assert_eq!(store.claim_day(today, at(6)).await.expect("asked"), Claim::Taken);
    assert_eq!(store.last_due_day().await.expect("read"), Some(today));
}

async fn runs_are_listed_newest_first(store: &dyn Store) {
    let first = store.begin_run(on("2026-11-20"), "once", at(0)).await.expect("begun");
    store.finish_run(first, at(5), "{\"a\":1}").await.expect("finished");
    let second = store.begin_run(on("2026-11-21"), "daemon", at(10)).await.expect("begun");
    let runs = store.list_runs(9).await.expect("read");
    let shown: Vec<_> = runs.iter().map(|run| (run.id, run.kind.as_str(), run.finished_at)).collect();
    assert_eq!(shown, [(second, "daemon", None), (first, "once", Some(at(5)))]);
    assert_eq!(store.list_runs(1).await.expect("read").len(), 1);
}

/// A store in memory ends with its connection, and nobody gives up on one.
#[tokio::test]
async fn what_nobody_waits_for_leaves_nothing_open_where_connections_are_many() {
    for opened in [in_a_file().await, on_a_server().await].into_iter().flatten() {
        what_nobody_waits_for_leaves_nothing_open(&*opened.store).await;
        opened.store.close().await;
    }
}

/// Given up after ever more steps, so that some are given up between the question to begin and its answer.
async fn what_nobody_waits_for_leaves_nothing_open(store: &dyn Store) {
    save(store).await;
    for steps in 0..40 {
        let mut reading = store.begin_reading();
        for _ in 0..steps % 20 {
            let polled = std::future::poll_fn(|context| Poll::Ready(reading.as_mut().poll(context).is_ready())).await;
            if polled {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(reading);
        store.count_messages().await.expect("counted");
        let mut reading = store.begin_reading().await.expect("begun anew");
        reading.read_lists().await.expect("read");
        drop(reading);
        take(store, "mine", 10).await;
    }
}
