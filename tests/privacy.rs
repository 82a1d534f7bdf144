//! What is no longer kept goes, and who is forgotten is named nowhere: in the store on every database, and in the folders.
#![expect(clippy::expect_used, reason = "helpers of tests fail tests")]
mod support;

use std::{fs, path::Path, sync::Arc};

use jiff::{Timestamp, civil::Date};
use lapsewatch::{
    clock::ManualClock,
    config::Config,
    domain::{
        policy::{Rule, Span},
        retention::{Horizon, Retention},
        subject::Address,
    },
    jobs::{
        Site,
        forget::{Wish, forget, rehearse},
        retention::{Removed, prune},
        run::{plan_today, run_today},
    },
    mail::memory::MemoryMailer,
    store::{
        Changes, Decided, FORGOTTEN, Forgetting, LedgerLine, MessageState, Place, Pruned, Pruning, Snooze, StoreError,
    },
};
use support::{
    base::{self, Base},
    config, on,
    outbox::a_plan,
};
use tokio_util::sync::CancellationToken;

const ACCOUNTS: &str = "\
as_of,id,address,kind,status,ods,created_at,last_activity_at,last_sent_at
2026-11-20,a-1,ada.example@nhs.net,user,Active,TP1A2,2024-02-03,2026-11-19,
2026-11-20,a-2,sam.sample1@nhs.net,user,Active,TP1A2,2024-02-03,2026-09-25,
2026-11-20,a-3,kit.hill@nhs.net,user,Active,TP1A2,2024-02-03,2026-10-06,
2026-11-20,a-4,lee.mockford@nhs.net,user,Active,TP1A2,2024-02-03,2026-09-22,
2026-11-20,s-1,optometry.tp1a2@nhs.net,shared,Active,TP1A2,2024-02-03,,2026-06-01
";

const CONTACTS: &str = "\
ods_code,sector,site_name,town,shared_mailbox,address,role,alternate_address,administered_by
TP1A2,Optometry,NORTHTOWN OPTICIANS,Northtown,optometry.tp1a2@nhs.net,ada.example@nhs.net,owner,,NAS
TP1A2,Optometry,NORTHTOWN OPTICIANS,Northtown,optometry.tp1a2@nhs.net,sam.sample1@nhs.net,owner,sam@northtown.example,NAS
";

/// Every address of Sam's.
const SAM: [&str; 2] = ["sam.sample1@nhs.net", "sam@northtown.example"];

/// A site in a folder of its own, on a database of its own, with a clock that is set.
struct Office {
    site: Site,
    clock: Arc<ManualClock>,
    base: Base,
    folder: tempfile::TempDir,
}

impl Office {
    async fn open(base: Base, change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut config = config().clone();
        for (at, name) in [
            (&mut config.snapshots.inbox, "inbox"),
            (&mut config.snapshots.archive, "archive"),
            (&mut config.snapshots.quarantine, "quarantine"),
        ] {
            *at = folder.path().join(name);
            fs::create_dir(&at).expect("made");
        }
        config.snapshots.settle_secs = 0;
        config.adoption.hold = false;
        config.breaker.enabled = false;
        change(&mut config);
        let clock = Arc::new(ManualClock::new(instant("2026-11-20T08:00:00Z")));
        let mailer = Arc::new(MemoryMailer::new());
        let site = Site { config: Arc::new(config), store: base.open().await, clock: clock.clone(), mailer };
        Self { site, clock, base, folder }
    }

    fn drop_in(&self, name: &str, text: &str) {
        fs::write(self.site.config.snapshots.inbox.join(name), text).expect("written");
    }

    fn with_exports(self) -> Self {
        self.drop_in("2026-11-20 accounts.csv", ACCOUNTS);
        self.drop_in("site-contacts.csv", CONTACTS);
        self
    }

    async fn run_at(&self, at: &str) -> Removed {
        self.clock.set(instant(at));
        let done = run_today(&self.site, "once", &|_, _| (), &CancellationToken::new()).await.expect("the run");
        done.report.removed
    }

    async fn ledger(&self) -> Vec<LedgerLine> {
        self.site.store.list_ledger_after(0, 10_000).await.expect("read")
    }

    /// Whether a text is anywhere in a fresh copy of the store.
    async fn names(&self, text: &str) -> bool {
        let copy = tempfile::tempdir().expect("a temporary folder");
        let file = copy.path().join("copy.db");
        self.base.place().copy_to(&Place::file(&file), &|_, _| ()).await.expect("copied");
        let bytes =
            [file.clone(), file.with_extension("db-wal")].map(|path| fs::read(path).unwrap_or_default()).concat();
        bytes.windows(text.len()).any(|window| window.eq_ignore_ascii_case(text.as_bytes()))
    }
}

fn instant(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn wish(address: &Address) -> Wish<'_> {
    Wish { address, by: "Ada Example", with_files: false }
}

/// Each test on each database.
macro_rules! everywhere {
    ($($behaviour:ident)*) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $behaviour() {
                    super::$behaviour(super::Base::sqlite()).await;
                }
            )*
        }
        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $behaviour() {
                    if let Some(base) = super::Base::postgres() {
                        super::$behaviour(base).await;
                    }
                }
            )*
        }
    };
}

everywhere! {
    who_is_forgotten_is_named_nowhere_and_the_ledger_keeps_its_lines
    nobody_else_loses_a_warning_when_somebody_is_forgotten
    a_run_that_began_before_somebody_was_forgotten_writes_nothing
    a_store_without_anything_old_loses_nothing
    what_open_episodes_told_outlives_the_ledger
    who_is_gone_is_erased_once_no_export_and_no_contact_names_them
}

#[test]
fn left_out_without_a_server() {
    base::say_left_out("what is no longer kept");
}

async fn who_is_forgotten_is_named_nowhere_and_the_ledger_keeps_its_lines(base: Base) {
    let place = Office::open(base, |_| ()).await.with_exports();
    place.run_at("2026-11-20T08:00:00Z").await;
    let store = &place.site.store;
    let register = store.load_register().await.expect("read");
    let kit = register.find_by_address(&Address::new("kit.hill@nhs.net")).expect("known").id;
    let snooze = Snooze {
        number: 0,
        subject: kit,
        rule: Rule::Inactivity,
        until_on: on("2026-11-25"),
        author: "Ada Example".into(),
        reason: "told by Sam.Sample1@nhs.net in person".into(),
        made_at: place.site.clock.now(),
        ended_at: None,
    };
    store.add_snooze(&snooze).await.expect("written");
    let before = place.ledger().await;
    let is_sams = |line: &&LedgerLine| SAM.contains(&line.notice.subject.as_str());
    let to_sam = |line: &&LedgerLine| SAM.contains(&line.recipient.as_str());
    assert!(before.iter().filter(is_sams).count() > 1 && before.iter().filter(to_sam).count() > 1);
    assert!(place.names(SAM[0]).await && place.names(SAM[1]).await);

    let sam = Address::new(SAM[0]);
    let would = rehearse(&place.site, wish(&sam)).await.expect("rehearsed");
    assert_eq!(place.ledger().await, before, "a rehearsal changes nothing");
    let done = forget(&place.site, wish(&sam)).await.expect("forgotten");
    assert_eq!(would.store, done.store);
    let counted = &done.store;
    assert_eq!((counted.subjects, counted.contacts, counted.cancelled, counted.quotes), (1, 1, 0, 1));
    assert_eq!(
        done.files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>(),
        ["2026-11-20 accounts.csv", "site-contacts.csv"]
    );

    for address in SAM {
        assert!(!place.names(address).await, "{address} is still named");
    }
    let after = place.ledger().await;
    assert_eq!(after.len(), before.len());
    let mut anonymous = 0;
    for (line, was) in after.iter().zip(&before) {
        let kept = |line: &LedgerLine| {
            let notice = &line.notice;
            (line.on_day, line.state, notice.rule, notice.stage.clone(), notice.anchor_on, notice.deadline_on)
        };
        assert_eq!(kept(line), kept(was));
        let is_touched = is_sams(&was) || to_sam(&was);
        anonymous += u64::from(is_touched);
        assert_eq!(line.notice.subject.as_str() == FORGOTTEN, is_sams(&was));
        assert_eq!(line.recipient == FORGOTTEN, to_sam(&was));
        assert!(is_touched || line == was, "others' lines stay as they are");
        assert!(!to_sam(&was) || (line.reference != was.reference && line.message_id != was.message_id));
    }
    assert_eq!(counted.ledger, anonymous);
    assert!(store.list_snapshots().await.expect("read").len() == 2, "what was loaded is still known");
    let again = forget(&place.site, wish(&sam)).await.expect("asked again").store;
    assert!(again.is_nothing(), "{again:?}");

    // A later export makes them known anew, and the run works.
    place.drop_in("2026-11-23 accounts.csv", &ACCOUNTS.replace("2026-11-20", "2026-11-23"));
    place.run_at("2026-11-23T08:00:00Z").await;
    let register = store.load_register().await.expect("read");
    assert!(register.find_by_address(&sam).is_some());
}

async fn nobody_else_loses_a_warning_when_somebody_is_forgotten(base: Base) {
    let place = Office::open(base, |_| ()).await.with_exports();
    plan_today(&place.site, "once", &|_, _| ()).await.expect("planned");
    let store = &place.site.store;
    let waiting = || async { store.list_messages(&[MessageState::Pending]).await.expect("read") };
    let before = waiting().await;
    let ada = Address::new("ada.example@nhs.net");
    assert!(before.iter().any(|stored| stored.message.recipient == ada), "the owner is told of the others");
    let done = forget(&place.site, wish(&ada)).await.expect("forgotten").store;
    let to_ada = before.iter().filter(|stored| stored.message.recipient == ada).count() as u64;
    assert_eq!((done.cancelled, done.under_way), (to_ada, 0));
    let after = waiting().await;
    let others: Vec<_> = before.iter().filter(|stored| stored.message.recipient != ada).collect();
    assert_eq!(after.iter().collect::<Vec<_>>(), others, "what waits for others still waits");

    let sam = Address::new(SAM[0]);
    forget(&place.site, wish(&sam)).await.expect("forgotten");
    for stored in waiting().await {
        assert!(!SAM.contains(&stored.message.recipient.as_str()));
        assert!(stored.message.notices.iter().all(|notice| notice.subject != sam), "{stored:?}");
        assert!(!stored.message.notices.is_empty());
    }
    for name in ["kit.hill@nhs.net", "lee.mockford@nhs.net"].map(Address::new) {
        let of = |all: &[lapsewatch::store::StoredMessage]| -> Vec<_> {
            let to_others = all.iter().filter(|stored| ![&ada, &sam].contains(&&stored.message.recipient));
            let to_others = to_others.filter(|stored| stored.message.recipient.as_str() != SAM[1]);
            to_others.flat_map(|stored| stored.message.notices.clone()).filter(|n| n.subject == name).collect()
        };
        let mut told = (of(&before), of(&waiting().await));
        told.0.sort();
        told.1.sort();
        assert!(!told.0.is_empty());
        assert_eq!(told.0, told.1, "{name}");
    }
    assert!(place.run_at("2026-11-20T08:05:00Z").await.failures.is_empty());
}

async fn a_run_that_began_before_somebody_was_forgotten_writes_nothing(base: Base) {
    let store = base.open().await;
    let (plan, register) = a_plan();
    let changes = Changes { subjects: register.subjects().collect(), removed: Vec::new() };
    let decided =
        Decided { plan: &plan, messages: &[], changes: &changes, hold: None, adopted: &[], alerts: &[], looked: None };
    let (now, today) = (instant("2026-08-28T08:00:00Z"), on("2026-08-28"));
    let first = store.begin_run(plan.on, "once", now).await.expect("begun");
    store.save_plan(first, &decided, now).await.expect("written");
    let nothing = lapsewatch::domain::plan::Plan {
        opened: Vec::new(),
        told: Vec::new(),
        passed_over: Vec::new(),
        ..plan.clone()
    };
    let decided = Decided { plan: &nothing, ..decided };
    let run = store.begin_run(plan.on, "once", now).await.expect("begun");
    let ada = support::address("ada");
    let whom = Forgetting { address: &ada, by: "somebody", now, today, is_rehearsal: false };
    assert_eq!(store.forget(&whom).await.expect("forgotten").subjects, 1);
    let refused = store.save_plan(run, &decided, now).await;
    assert!(matches!(refused, Err(StoreError::ForgottenMeanwhile)), "{refused:?}");
    assert!(store.load_register().await.expect("read").find_by_address(&ada).is_none());
    let next = store.begin_run(plan.on, "once", now).await.expect("begun");
    store.save_plan(next, &Decided { changes: &Changes::default(), ..decided }, now).await.expect("the next run plans");
    let revision = store.find_revision().await.expect("read");
    assert_eq!(revision.erasures, 1, "deliveries look again");
    store.close().await;
}

async fn a_store_without_anything_old_loses_nothing(base: Base) {
    let place = Office::open(base, |_| ()).await.with_exports();
    place.run_at("2026-11-20T08:00:00Z").await;
    let before = (place.ledger().await, place.site.store.load_register().await.expect("read").subjects().count());
    let removed = prune(&place.site).await;
    assert_eq!(Pruned { texts: 0, ..removed.rows }, Pruned::default());
    assert_eq!((removed.files, removed.failures.len()), (0, 0));
    let after = (place.ledger().await, place.site.store.load_register().await.expect("read").subjects().count());
    assert_eq!(before, after);
}

async fn what_open_episodes_told_outlives_the_ledger(base: Base) {
    let place = Office::open(base, |config| config.privacy.retention.ledger = Some(Span::Days(1))).await.with_exports();
    place.run_at("2026-11-20T08:00:00Z").await;
    let open = place.site.store.list_episodes(None).await.expect("read");
    let told = place.ledger().await;
    assert!(!told.is_empty());
    let removed = place.run_at("2026-11-25T08:00:00Z").await;
    assert_eq!(removed.rows.messages, 0);
    assert_eq!(place.ledger().await.len(), told.len(), "every episode is still open");
    assert_eq!(place.site.store.list_episodes(None).await.expect("read"), open);
    // Kit comes back: what the episode told may go, and it alone.
    let back = ACCOUNTS.replace("2026-11-20", "2026-11-26").replace("2026-10-06", "2026-11-25");
    place.drop_in("2026-11-26 accounts.csv", &back);
    place.run_at("2026-11-26T08:00:00Z").await;
    let removed = place.run_at("2026-11-30T08:00:00Z").await;
    let of_kit = |line: &&LedgerLine| line.notice.subject.as_str() == "kit.hill@nhs.net";
    let left: Vec<_> = place.ledger().await.into_iter().map(|line| line.number).collect();
    assert!(removed.rows.messages > 0, "{removed:?}");
    for line in told.iter().filter(|line| !of_kit(line)) {
        assert!(left.contains(&line.number), "{line:?}");
    }
    assert!(told.iter().filter(of_kit).any(|line| !left.contains(&line.number)));
}

/// An export of one day with the accounts of these addresses, each with its status.
fn export(day: &str, accounts: &[(&str, &str)]) -> String {
    let row = |(name, status): &(&str, &str)| format!("{day},{name},{name}@nhs.net,user,{status},TP1A2,2024-02-03,\n");
    let rows: String = accounts.iter().map(row).collect();
    format!("as_of,id,address,kind,status,ods,created_at,last_activity_at\n{rows}")
}

async fn who_is_gone_is_erased_once_no_export_and_no_contact_names_them(base: Base) {
    let place = Office::open(base, |_| ()).await;
    let all = |status| [("ada", "Active"), ("bea", status), ("cal", status), ("dee", status)];
    place.drop_in("1.csv", &export("2026-06-01", &all("Active")));
    place.drop_in("site-contacts.csv", &CONTACTS.replace("sam.sample1@nhs.net", "cal@nhs.net"));
    place.run_at("2026-06-01T08:00:00Z").await;
    place.drop_in("2.csv", &export("2026-06-08", &all("Deleted")));
    place.run_at("2026-06-08T08:00:00Z").await;
    // Bea and Cal leave the export; Dee stays in it.
    let known = |name: &'static str| {
        let store = Arc::clone(&place.site.store);
        async move { store.load_register().await.expect("read").find_by_address(&support::address(name)).is_some() }
    };
    for (day, removed) in [("2026-06-15", 0), ("2026-08-01", 0), ("2026-08-02", 1)] {
        place.drop_in(&format!("{day}.csv"), &export(day, &[("ada", "Active"), ("dee", "Deleted")]));
        let went = place.run_at(&format!("{day}T08:00:00Z")).await;
        assert_eq!(went.rows.subjects, removed, "{day}: {went:?}");
    }
    assert_eq!(
        (known("ada").await, known("bea").await, known("cal").await, known("dee").await),
        (true, false, true, true)
    );
    assert!(place.ledger().await.iter().any(|line| line.notice.subject == support::address("bea")), "the ledger stays");
    // The contacts file lets go of Cal.
    place.drop_in("contacts-2.csv", CONTACTS);
    place.run_at("2026-08-03T08:00:00Z").await;
    assert!(!known("cal").await && known("dee").await);
}

// Files.

fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn old_exports_go_and_nothing_else_does() {
    let place = Office::open(Base::new(), |_| ()).await.with_exports();
    place.drop_in("broken.csv", "nothing that anybody knows\n1\n");
    place.drop_in("odd.reason.txt", "odd\n\nno\n\nNothing of this file was loaded.\nRefused at 2020-01-01T00:00:00Z\n");
    place.run_at("2026-11-20T08:00:00Z").await;
    let snapshots = &place.site.config.snapshots;
    let (archive, quarantine) = (&snapshots.archive, &snapshots.quarantine);
    place.drop_in("again (1).csv", ACCOUNTS);
    place.run_at("2026-11-21T08:00:00Z").await;
    let outside = place.folder.path().join("precious.csv");
    fs::write(&outside, ACCOUNTS).expect("written");
    fs::write(archive.join("notes of ours.txt"), "x").expect("written");
    fs::write(quarantine.join("strange.csv"), "x").expect("written");
    fs::create_dir(archive.join("2026-11-20 accounts")).expect("made");
    fs::write(archive.join("2026-11-20 accounts").join("deep.csv"), ACCOUNTS).expect("written");
    std::os::unix::fs::symlink(&outside, archive.join("3-2026-11-20 accounts.csv")).expect("linked");
    let before = (names_in(archive), names_in(quarantine));
    assert!(before.0.contains(&"again (1).csv".to_owned()) && before.1.len() == 5, "{before:?}");

    let removed = place.run_at("2026-12-04T08:00:00Z").await;
    assert_eq!((removed.files, (names_in(archive), names_in(quarantine))), (0, before), "kept for 14 days");
    let removed = place.run_at("2026-12-05T08:00:00Z").await;
    assert_eq!((removed.files, removed.strange_files, removed.failures.len()), (4, 2, 0));
    let left = ["2026-11-20 accounts", "3-2026-11-20 accounts.csv", "notes of ours.txt", "site-contacts.csv"];
    assert_eq!(names_in(archive), left, "the contacts in force stay");
    assert_eq!(names_in(quarantine), ["strange.csv"]);
    assert!(outside.exists() && archive.join("2026-11-20 accounts").join("deep.csv").exists());
    assert_eq!(place.run_at("2026-12-06T08:00:00Z").await.files, 0, "again changes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_exports_stay_in_place_or_are_kept_for_ever_none_goes() {
    let never = |config: &mut Config| config.privacy.retention.raw_files = None;
    let in_place = |config: &mut Config| {
        config.snapshots.keep_in_place = true;
        config.privacy.retention.raw_files = Some(Span::Days(0));
    };
    for (nth, change) in [Box::new(never) as Box<dyn FnOnce(&mut Config)>, Box::new(in_place)].into_iter().enumerate() {
        let place = Office::open(Base::new(), change).await.with_exports();
        place.run_at("2026-11-20T08:00:00Z").await;
        fs::write(place.site.config.snapshots.archive.join("old.csv"), ACCOUNTS).expect("written");
        let removed = place.run_at("2027-06-20T08:00:00Z").await;
        assert_eq!((removed.files, removed.strange_files), (0, 0));
        let kept =
            [&place.site.config.snapshots.archive, &place.site.config.snapshots.inbox].map(|at| names_in(at).len());
        assert_eq!(kept, if nth == 0 { [3, 0] } else { [1, 2] });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exports_that_name_somebody_are_told_and_go_when_that_is_asked_for() {
    let place = Office::open(Base::new(), |_| ()).await.with_exports();
    place.run_at("2026-11-20T08:00:00Z").await;
    let archive = &place.site.config.snapshots.archive;
    fs::write(archive.join("strange.csv"), ACCOUNTS).expect("written");
    fs::write(archive.join("other.csv"), "bob").expect("written");
    let (sam, kit) = (Address::new(SAM[0]), Address::new("kit.hill@nhs.net"));
    let told = forget(&place.site, wish(&sam)).await.expect("forgotten");
    let files: Vec<_> = told.files.iter().map(|file| (file.name.as_str(), file.goes_on, file.is_removed)).collect();
    let goes_on: Date = on("2026-12-05");
    assert_eq!(
        files,
        [
            ("2026-11-20 accounts.csv", Some(goes_on), false),
            ("site-contacts.csv", None, false),
            ("strange.csv", Some(goes_on), false)
        ]
    );
    let told = forget(&place.site, Wish { with_files: true, ..wish(&kit) }).await.expect("forgotten");
    assert!(told.files.iter().all(|file| file.is_removed), "{:?}", told.files);
    assert_eq!(names_in(archive), ["other.csv", "site-contacts.csv"]);
}

// What load reports quote.

#[tokio::test(flavor = "multi_thread")]
async fn what_a_load_report_quotes_goes_with_the_file_and_its_counts_stay() {
    let keep = Retention { raw_files: Some(Span::Days(14)), ..config().privacy.retention };
    let place = Office::open(Base::new(), |config| config.privacy.retention = keep).await;
    let bad = format!("{ACCOUNTS}2026-11-20,a-9,not an address,user,Active,TP1A2,2024-02-03,2026-11-19,\n");
    place.drop_in("2026-11-20 accounts.csv", &bad);
    place.run_at("2026-11-20T08:00:00Z").await;
    let report = || async { place.site.store.list_snapshots().await.expect("read").remove(0).report };
    assert!(report().await.contains("\"rejected\":[{"), "{}", report().await);
    let removed = place.run_at("2026-12-05T08:00:00Z").await;
    assert_eq!((removed.rows.reports, removed.files), (1, 1));
    let report: serde_json::Value = serde_json::from_str(&report().await).expect("JSON");
    assert_eq!((report["rejected"].as_array().map(Vec::len), report["rejected_count"].as_u64()), (Some(0), Some(1)));
    assert_eq!(report["rows"].as_u64(), Some(6));
}

#[tokio::test]
async fn a_batch_is_no_larger_than_it_may_be() {
    let base = Base::new();
    let store = base.open().await;
    support::outbox::fill(&*store, 20).await;
    let far = Some(on("2099-01-01"));
    let horizon = Horizon { raw_files: far, deleted: far, unlisted: far, history: far, ledger: far };
    let at = Some(instant("2099-01-01T00:00:00Z"));
    let pruning = Pruning { horizon, raw_files: at, ledger: at, today: on("2026-08-28"), most: 1 };
    let removed = store.prune(&pruning).await.expect("removed");
    assert_eq!((removed.subjects, removed.messages), (1, 0), "nothing of them was settled");
    store.close().await;
}
