//! A store in another place: copied there and back, and backed up while somebody writes.
#![expect(clippy::expect_used, reason = "helpers of tests fail tests")]
mod support;

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use lapsewatch::{
    domain::{delivery::Outcome, quota::Quota},
    store::{MessageState, Place, Store, StoreError},
};
use sqlx::{Connection, SqliteConnection};
use support::{
    base::{self, Base},
    on,
    outbox::{at, fill, lease, settled},
};

#[test]
fn left_out_without_a_server() {
    base::say_left_out("copies of stores");
}

/// Rows of tables that the outbox leaves empty, with texts that a careless copy would spoil.
const REST: [&str; 20] = [
    "INSERT INTO snapshot VALUES (7, 'portal_mailbox', 'a\tb.csv', 'f00', '2026-08-28', 1, 2, 0, 1, '{\"a\": \"\\N\"}')",
    "INSERT INTO doubted_file VALUES ('f01', 'b.csv', 'It has 3 rows.', 1, 'doubted', NULL)",
    "INSERT INTO former_address VALUES (-9223372036854775808, 1)",
    "INSERT INTO erasure VALUES (1, 5, 'Bea', '{\"subjects\": 1}')",
    "INSERT INTO member VALUES ('box@nhs.net', 'x@nhs.net', '2026-08-28')",
    "INSERT INTO site VALUES ('V3462', 'V03462', 'A & \\N', NULL, 'dental', NULL, NULL, NULL, '', '2026-08-28')",
    "INSERT INTO roll VALUES ('canonical', 0, x'00ff')",
    "INSERT INTO said VALUES ('canonical', 'deleted_on') ON CONFLICT DO NOTHING",
    "INSERT INTO contact VALUES (2, 0, NULL, '', 'Müller & 🦉', '\\N', NULL, 'x@nhs.net', 'owner', NULL, 'NAS')",
    "INSERT INTO due_day VALUES ('2026-08-28', 1, NULL, 'claimed')",
    "INSERT INTO adopted_rule VALUES ('restore', '2026-08-28')",
    "INSERT INTO told_alert VALUES ('file:1', '2026-08-28')",
    "INSERT INTO snooze VALUES (3, 1, 'leaver', '2026-09-28', 'Bea', 'on\r\nleave \\', 1, NULL)",
    "INSERT INTO unreachable VALUES ('gone@nhs.net', '2026-08-28', '550 \\\\ ''gone''')",
    "INSERT INTO wake VALUES (1, '2026-09-28')",
    "INSERT INTO stirred VALUES (9, 1, 9223372036854775807)",
    "INSERT INTO mark VALUES ('no_date', 1, 2)",
    "INSERT INTO survey VALUES (1, 1, '0123abcd')",
    "INSERT INTO fed VALUES ('restore')",
    "INSERT INTO stopped VALUES (1, 9223372036854775807, 'tab\tand\nline')",
];

/// A store with rows in every table, some of its messages settled.
async fn full(base: &Base) {
    let store = base.open().await;
    fill(&*store, 30).await;
    let leased = store.exchange(&[], Some(&lease("mine", 10, 8, Quota::default()))).await.expect("leased").leased;
    let accepted = |message| {
        let outcome = Outcome::Accepted { reply: "250 ok".into(), assigned_id: Some("4K7P".into()) };
        settled(message, outcome, MessageState::Accepted, 20)
    };
    let ended: Vec<_> = leased.iter().take(5).map(accepted).collect();
    store.exchange(&ended, None).await.expect("settled");
    store.close().await;
    for row in REST {
        let _: Vec<(i64,)> = base.find(row).await;
    }
}

/// Every row of every table of ours as text, in one order; the tables and columns are those of a SQLite store.
async fn rows(base: &Base, columns: &BTreeMap<String, Vec<String>>) -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::new();
    for (table, columns) in columns {
        let cells = columns.iter().map(|column| match column.as_str() {
            bytes @ ("body" | "entries") if base.url().starts_with("sqlite:") => format!("hex({bytes})"),
            bytes @ ("body" | "entries") => format!("upper(encode({bytes}, 'hex'))"),
            column => format!("coalesce(CAST({column} AS TEXT), '<null>')"),
        });
        let row = cells.collect::<Vec<_>>().join(" || '|' || ");
        let mut rows: Vec<String> =
            base.find::<(String,)>(&format!("SELECT {row} FROM {table}")).await.into_iter().map(|(row,)| row).collect();
        rows.sort();
        found.insert(table.clone(), rows);
    }
    found
}

async fn columns(sqlite: &Base) -> BTreeMap<String, Vec<String>> {
    let all = "SELECT tables.name, columns.name FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns
         WHERE tables.type = 'table' AND tables.name NOT IN ('_sqlx_migrations', 'connection')";
    let mut columns: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (table, column) in sqlite.find::<(String, String)>(all).await {
        columns.entry(table).or_default().push(column);
    }
    columns
}

#[tokio::test]
async fn a_store_is_copied_there_and_back_row_by_row() {
    let Some(server) = Base::postgres() else { return };
    let (first, last) = (Base::sqlite(), Base::sqlite());
    full(&first).await;
    let columns = columns(&first).await;
    let kept = rows(&first, &columns).await;
    let empty: Vec<_> = kept.iter().filter(|(_, rows)| rows.is_empty()).map(|(table, _)| table).collect();
    assert!(empty.is_empty(), "nothing to copy in {empty:?}");
    first.place().copy_to(&server.place(), &|_, _| ()).await.expect("copied there");
    assert_eq!(rows(&server, &columns).await, kept);
    server.place().copy_to(&last.place(), &|_, _| ()).await.expect("and back");
    assert_eq!(rows(&last, &columns).await, kept);
    let refused = first.place().copy_to(&server.place(), &|_, _| ()).await.expect_err("it is not empty");
    assert!(matches!(refused, StoreError::NotEmpty { .. }), "{refused}");
    assert_eq!(rows(&server, &columns).await, kept, "and stays as it is");
}

#[tokio::test]
async fn a_copied_store_goes_on_numbering() {
    for target in [Some(Base::sqlite()), Base::postgres()].into_iter().flatten() {
        let first = Base::sqlite();
        full(&first).await;
        first.place().copy_to(&target.place(), &|_, _| ()).await.expect("copied");
        let highest = "SELECT (SELECT max(id) FROM run), (SELECT max(id) FROM message), (SELECT max(id) FROM notice)";
        let before: (i64, i64, i64) = first.find(highest).await[0];
        let store = target.open().await;
        let run = store.begin_run(on("2026-08-29"), "once", at(99)).await.expect("begun");
        assert_eq!(run.0, before.0 + 1);
        let new = lapsewatch::store::NewMessage {
            message: support::outbox::a_plan().0.messages[0].clone(),
            reference: "NR-99999-AAAAA".into(),
            message_id: "99999@anyshire.example".into(),
            on_unknown: lapsewatch::domain::policy::OnUnknown::Hold,
            is_held: false,
            is_any_day: false,
            bulletin: None,
        };
        store.save_climb(run, &[], &[new], at(99)).await.expect("written");
        let after: (i64, i64, i64) = target.find(highest).await[0];
        assert!(after.1 == before.1 + 1 && after.2 > before.2, "{before:?}, {after:?}");
        store.close().await;
    }
}

#[tokio::test]
async fn a_backup_opens_as_a_store_and_takes_the_place_of_no_file() {
    for base in [Some(Base::sqlite()), Base::postgres()].into_iter().flatten() {
        let store = base.open().await;
        let run = store.begin_run(on("2026-11-20"), "once", at(0)).await.expect("begun");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("backup.db");
        base.place().backup(&file).await.expect("written beside an open store");
        store.begin_run(on("2026-11-21"), "once", at(1)).await.expect("begun");
        let copy = Place::file(&file).open().await.expect("it opens");
        let runs: Vec<_> = copy.list_runs(9).await.expect("read").into_iter().map(|run| run.id).collect();
        assert_eq!(runs, [run], "{}", base.place());
        assert!(matches!(base.place().backup(&file).await, Err(StoreError::Backup { .. })), "never over a file");
        copy.close().await;
        store.close().await;
        let mode = fs::metadata(&file).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing is left beside it");
    }
}

/// Runs that begin and end, and messages that are leased and settled, until it is told to stop.
async fn work(store: Arc<dyn Store>, is_over: Arc<AtomicBool>) {
    let mut second = 100;
    while !is_over.load(Ordering::Relaxed) {
        let leased =
            store.exchange(&[], Some(&lease("mine", second, 9, Quota::default()))).await.expect("leased").leased;
        let again = |message| {
            settled(message, Outcome::Deferred { why: "421 later".into() }, MessageState::Deferred, second + 1)
        };
        store.exchange(&leased.iter().map(again).collect::<Vec<_>>(), None).await.expect("settled");
        second += 10;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_of_one_moment_while_others_write() {
    for base in [Some(Base::sqlite()), Base::postgres()].into_iter().flatten() {
        let store = base.open().await;
        fill(&*store, 30).await;
        let is_over = Arc::new(AtomicBool::new(false));
        let working = tokio::spawn(work(Arc::clone(&store), Arc::clone(&is_over)));
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut attempts: Vec<i64> = Vec::new();
        for nth in 0..5 {
            let file = folder.path().join(format!("{nth}.db"));
            base.place().backup(&file).await.expect("written");
            Place::file(&file).open().await.expect("it opens").close().await;
            let mut db = SqliteConnection::connect(&format!("sqlite:{}", file.display())).await.expect("opened");
            let sound: String = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut db).await.expect("asked");
            assert_eq!(sound, "ok");
            // A lease and its attempt are written together, and so are a settlement and the end of its attempt.
            let torn = "SELECT count(*) FROM message WHERE attempts <> (SELECT count(*) FROM attempt
                 WHERE message_id = message.id) OR (state = 'leased') <> EXISTS
                 (SELECT 1 FROM attempt WHERE message_id = message.id AND ended_at IS NULL)";
            let torn: i64 = sqlx::query_scalar(torn).fetch_one(&mut db).await.expect("asked");
            assert_eq!(torn, 0, "{}", base.place());
            let count = sqlx::query_scalar("SELECT count(*) FROM attempt").fetch_one(&mut db).await;
            attempts.push(count.expect("asked"));
        }
        is_over.store(true, Ordering::Relaxed);
        working.await.expect("it worked all the while");
        store.close().await;
        assert!(attempts.is_sorted() && attempts.first() < attempts.last(), "somebody wrote: {attempts:?}");
    }
}
