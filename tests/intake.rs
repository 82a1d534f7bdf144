//! Two loaders, one register: what goes into the store piece by piece is what a register in memory as a whole becomes.
//!
//! The loader skips rows that say what they said the day before, writes nothing for them, and looks at a part of the
//! register at a time; the merge of replays does none of that. Here both get the same files, day by day: people change
//! their addresses, take over each other's, vanish, come back, come twice in one file, come from two sources. Left out is
//! what nobody could decide.
#![expect(clippy::expect_used, reason = "helpers of tests fail tests")]
use std::{collections::BTreeMap, fmt::Write, fs, path::Path, sync::Arc};

use jiff::{Timestamp, civil::Date};
use lapsewatch::{
    clock::ManualClock,
    config::{self, Sources},
    domain::{
        facts::{Fact, SnapshotId},
        history::Stretch,
        register::{Register, Subject, SubjectId},
        subject::Address,
    },
    jobs::{
        Site,
        load::{Candidate, LoadReport, merge},
        observe::Loader,
    },
    mail::memory::MemoryMailer,
    sources::ReadSettings,
    store::sqlite::SqliteStore,
};
use proptest::{prelude::*, sample::select};
use tokio::runtime::Runtime;

/// One row of a file.
#[derive(Debug, Clone)]
struct Row {
    /// Its stable id.
    id: Option<u8>,
    /// Its address, if the row prints one; few, so that they change hands.
    address: Option<u8>,
    status: &'static str,
    used_on: &'static str,
    kind: &'static str,
}

/// A file of one source and day.
#[derive(Debug, Clone)]
struct File {
    is_graph: bool,
    day: i8,
    rows: Vec<Row>,
}

fn any_row() -> impl Strategy<Value = Row> {
    let status = select(vec!["Active", "Active", "Active", "Inactive", "Deleted", "Active (Leaver)", ""]);
    let used_on = select(vec!["", "2026-10-01", "2026-10-01", "2026-11-05", "2026-11-12", "2026-12-24", "soon"]);
    let id = (0..6_u8).prop_map(Some);
    let address = proptest::option::weighted(0.9, 0..6_u8);
    (id, address, status, used_on, select(vec!["user", "user", "shared", ""]))
        .prop_map(|(id, address, status, used_on, kind)| Row { id, address, status, used_on, kind })
}

fn any_file() -> impl Strategy<Value = File> {
    let rows = prop::collection::vec(any_row(), 1..7);
    (any::<bool>(), 1..8_i8, rows).prop_map(|(is_graph, day, rows)| File { is_graph, day, rows }.uncontested())
}

/// Files, many of which say nearly what an earlier one said.
fn any_files() -> impl Strategy<Value = Vec<File>> {
    let step = (any_file(), any::<prop::sample::Index>(), 0..4_u8, 1..8_i8);
    (any::<bool>(), prop::collection::vec(step, 2..9)).prop_map(|(moves, steps)| {
        let mut files: Vec<File> = Vec::new();
        for (fresh, like, how, day) in steps {
            let earlier = if files.is_empty() || how == 0 { None } else { Some(like.get(&files).clone()) };
            let file = match earlier {
                None => fresh,
                Some(same) if how == 1 => File { day, ..same },
                Some(mut other) => {
                    let at = like.index(other.rows.len());
                    other.rows.splice(at..=at, fresh.rows.into_iter().take(1));
                    File { day, ..other }.uncontested()
                }
            };
            files.push(file);
        }
        for file in &mut files {
            file.settle(moves);
        }
        files.sort_by_key(|file| (file.day, file.is_graph));
        files.dedup_by_key(|file| (file.day, file.is_graph));
        files
    })
}

impl File {
    /// Either people move from address to address, and one source tells of it; or two sources tell of people who stay
    /// where they are. Of a move that two sources tell differently the loader keeps less in mind.
    fn settle(&mut self, moves: bool) {
        self.is_graph &= !moves;
        for row in self.rows.iter_mut().filter(|_| !moves) {
            row.address = row.address.and(row.id);
        }
    }

    /// No address belongs to two ids and no id has two addresses in one file: what holds then is for a person to find out.
    fn uncontested(mut self) -> Self {
        let (mut ids, mut addresses) = (BTreeMap::new(), BTreeMap::new());
        self.rows.retain(|row| {
            let is_alone = row.address.is_none_or(|address| *ids.entry(address).or_insert(row.id) == row.id);
            is_alone && *addresses.entry(row.id).or_insert(row.address) == row.address
        });
        self
    }

    fn text(&self, nth: usize) -> String {
        if self.is_graph { self.json(nth) } else { self.csv(nth) }
    }

    fn csv(&self, nth: usize) -> String {
        let mut text = format!("as_of,id,address,kind,status,last_activity_at,column {nth}\n");
        for Row { id, address, status, used_on, kind } in &self.rows {
            let id = id.map(|id| format!("id{id}")).unwrap_or_default();
            let address = address.map(|address| format!("p{address}@nhs.net")).unwrap_or_default();
            writeln!(text, "2026-11-{:02},{id},{address},{kind},{status},{used_on},", self.day).expect("written");
        }
        text
    }

    fn json(&self, nth: usize) -> String {
        let users = self.rows.iter().map(|row| {
            let address = row.address.map(|address| format!("p{address}@nhs.net"));
            let used = (row.used_on.len() == 10).then(|| format!("{}T10:00:00Z", row.used_on));
            serde_json::json!({"id": row.id.map(|id| format!("graph{id}")), "userPrincipalName": address, "nth": nth,
                "lastPasswordChangeDateTime": used})
        });
        users.collect::<serde_json::Value>().to_string()
    }

    fn name(&self, nth: usize) -> String {
        format!("2026-11-{:02} {nth}.{}", self.day, if self.is_graph { "json" } else { "csv" })
    }
}

/// Everything that is known, but for the numbers of subjects, the file and the line that said it first, and the last day
/// but one of a status: a file that comes late does not tell whom it left out.
fn known(mut register: Register, site: &Site) -> Vec<String> {
    register.fix_deletions(&site.config.policy);
    let fact = |(field, fact): (_, &Fact)| format!("{field:?}={} {} {:?}", fact.value, fact.as_of, fact.source);
    let subject = |subject: &Subject| {
        let facts: Vec<_> = subject.facts.said().map(fact).collect();
        let ids = (&subject.source_ids, &subject.seen_on, &subject.former_addresses);
        let said = |told: &Stretch| format!("{} {} {} {:?}", told.status, told.first_on, told.last_on, told.source);
        let statuses: Vec<_> = subject.history.stretches().iter().map(said).collect();
        format!("{facts:?} {ids:?} {statuses:?} {:?}", subject.deletion)
    };
    let mut known: Vec<_> = (1..99).filter_map(|id| register.find(SubjectId(id))).map(subject).collect();
    known.sort();
    known
}

/// What a report counts. How many different subjects two rows are about that name them differently is not among it: of
/// a row that says nothing new nobody looks for the subject.
fn counted(report: &LoadReport) -> String {
    let LoadReport { rows, new, waiting, rejected_count, absent, .. } = report;
    format!("{rows}: {new} {waiting}, {rejected_count} {absent:?}")
}

/// A site of its own, with its store in the folder.
async fn site(folder: &Path) -> Site {
    let sources = Sources { today: "2026-11-20".parse().expect("a day"), ..Sources::default() };
    let mut config = config::load(&sources).expect("the built-in configuration").config;
    config.breaker.enabled = false;
    let store = SqliteStore::open(&format!("sqlite:{}", folder.join("store.db").display())).await.expect("a store");
    let now: Timestamp = "2026-11-20T08:00:00Z".parse().expect("an instant");
    Site {
        config: Arc::new(config),
        store: Arc::new(store),
        clock: Arc::new(ManualClock::new(now)),
        mailer: Arc::new(MemoryMailer::default()),
    }
}

/// Loads files, each a name and a text, in both ways.
async fn both(files: &[(String, String)]) -> Result<(), TestCaseError> {
    let folder = tempfile::tempdir().expect("a folder");
    let site = site(folder.path()).await;
    let loader = Loader::new(&site);
    let mut register = Register::default();
    for (nth, (name, text)) in files.iter().enumerate() {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("written");
        let settings = ReadSettings { time_zone: &site.config.time_zone, day_first: true };
        let Ok(candidate) = Candidate::open(&path, &settings) else { continue };
        let as_of: Date = candidate.export.as_of().expect("a day");
        let mut merged = register.clone();
        let number = SnapshotId(i64::try_from(nth).expect("few"));
        let whole = merge(&candidate, number, as_of, &mut merged, &site.config.policy);
        let pieces = loader.load(&candidate, as_of, &|_| ()).await.expect("the store works");
        prop_assert_eq!(whole.is_err(), pieces.reason.is_some(), "{:?}", pieces.reason);
        let Ok(whole) = whole else { continue };
        merged.take_changes();
        register = merged;
        let kept = site.store.load_register().await.expect("read");
        prop_assert_eq!(known(register.clone(), &site), known(kept, &site), "after file {}", nth);
        prop_assert_eq!(counted(&whole), counted(&pieces), "file {}", nth);
    }
    Ok(())
}

/// Who may open the mailboxes, as a register in memory and the store come to know it, after each of some lists.
async fn members_after(lists: &[(&str, &str)]) -> Vec<[Vec<String>; 2]> {
    let folder = tempfile::tempdir().expect("a folder");
    let site = site(folder.path()).await;
    let mut register = Register::default();
    let mut known = Vec::new();
    for (day, rights) in lists {
        let path = folder.path().join(format!("2026-11-{day} permissions.csv"));
        fs::write(&path, format!("Identity,User,AccessRights\n{rights}")).expect("written");
        let settings = ReadSettings { time_zone: &site.config.time_zone, day_first: true };
        let candidate = Candidate::open(&path, &settings).expect("a list");
        let as_of = candidate.export.as_of().expect("a day");
        merge(&candidate, SnapshotId(1), as_of, &mut register, &site.config.policy).expect("merged");
        Loader::new(&site).load(&candidate, as_of, &|_| ()).await.expect("the store works");
        let kept = site.store.load_register().await.expect("read");
        let members = |register: &Register| {
            let of = |mailbox| register.contacts().members(&Address::new(mailbox)).map(ToString::to_string).collect();
            let both: [Vec<String>; 2] = ["north@nhs.net", "south@nhs.net"].map(of);
            both
        };
        assert_eq!(members(&register), members(&kept), "after the list of day {day}");
        known.push(members(&kept));
    }
    known
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_that_only_deleted_people_had_a_right_to_has_no_member_left() {
    let orphan = "S-1-5-21-1004336348-1177238915-682003330-51201,FullAccess\n";
    let known = members_after(&[
        ("10", "north@nhs.net,ada@nhs.net,FullAccess\nsouth@nhs.net,sam@nhs.net,FullAccess\n"),
        ("12", &format!("north@nhs.net,{orphan}")),
        ("11", "north@nhs.net,ada@nhs.net,FullAccess\n"),
        ("13", &format!("south@nhs.net,{orphan}south@nhs.net,kit@nhs.net,FullAccess\n")),
        ("14", "north@nhs.net,ada@nhs.net,SendAs\n"),
    ])
    .await;
    let names = |names: [&[&str]; 2]| names.map(|names| names.iter().map(ToString::to_string).collect::<Vec<_>>());
    assert_eq!(
        known,
        [
            names([&["ada@nhs.net"], &["sam@nhs.net"]]),
            names([&[], &["sam@nhs.net"]]),
            names([&[], &["sam@nhs.net"]]),
            names([&[], &["kit@nhs.net"]]),
            names([&["ada@nhs.net"], &["kit@nhs.net"]]),
        ],
        "one of an older day has no say"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn piece_by_piece_the_store_comes_to_know_what_a_register_as_a_whole_does(files in any_files()) {
        let files: Vec<_> = files.iter().enumerate().map(|(nth, file)| (file.name(nth), file.text(nth))).collect();
        Runtime::new().expect("a runtime").block_on(both(&files))?;
    }
}

#[test]
fn the_day_of_a_send_moves_with_the_report_though_the_row_says_the_same() {
    let list = "as_of,address,kind,created_at\n2026-11-01,ada@nhs.net,user,2024-02-03\n".to_owned();
    let report = |day: &str| {
        let header = "Report Refresh Date,User Principal Name,Send Count,Read Count,Report Period";
        (format!("{day}.csv"), format!("{header}\n{day},ada@nhs.net,3,4,7\n{day},kit@nhs.net,0,4,7\n"))
    };
    let files = [("list.csv".to_owned(), list), report("2026-11-04"), report("2026-11-11"), report("2026-11-18")];
    Runtime::new().expect("a runtime").block_on(both(&files)).expect("one register");
}

/// A file is merged some thousand rows at a time.
#[test]
fn a_key_that_comes_again_thousands_of_rows_later_means_the_same_subject() {
    let rows = |day: &str, more: &[&str]| {
        let mut text = "as_of,id,address,kind,status\n".to_owned();
        let usual = (1..=4_500).map(|row| format!("id{row},p{row}@nhs.net"));
        for row in usual.chain(more.iter().map(ToString::to_string)) {
            writeln!(text, "{day},{row},user,Active").expect("written");
        }
        (format!("{day}.csv"), text)
    };
    let moved = ["id3,moved@nhs.net", "id7,p7@nhs.net", "id4501,p4501@nhs.net"];
    let files = [rows("2026-11-10", &moved), rows("2026-11-11", &["id4501,p4501@nhs.net", "id9,again@nhs.net"])];
    Runtime::new().expect("a runtime").block_on(both(&files)).expect("one register");
}
