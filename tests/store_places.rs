//! Where a store is: opened again, opened to read, of another version, held by somebody else; and its migrations.
#![expect(clippy::expect_used, reason = "helpers of tests fail tests")]
mod support;

use std::{collections::BTreeMap, fs, path::Path};

use jiff::Timestamp;
use lapsewatch::store::StoreError;
use support::{
    base::{self, Base},
    on,
};

#[test]
fn left_out_without_a_server() {
    base::say_left_out("where a store is");
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_780_000_000 + seconds).expect("in range")
}

/// A store of each database, once opened and closed again.
fn places() -> Vec<Base> {
    [Some(Base::sqlite()), Base::postgres()].into_iter().flatten().collect()
}

/// Notes a migration that no version of ours has.
async fn age(base: &Base) {
    let values = if base.url().starts_with("sqlite:") { "0, 1, x'00'" } else { "now(), true, ''" };
    let later = format!("INSERT INTO _sqlx_migrations VALUES (9999, 'later', {values}, 0)");
    let _: Vec<(i64,)> = base.find(&later).await;
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_refused_and_left_as_it_is() {
    for base in places() {
        base.open().await.close().await;
        age(&base).await;
        for refused in [base.place().open().await.err(), base.place().open_to_read().await.err()] {
            let refused = refused.expect("refused");
            assert!(matches!(refused, StoreError::Newer { .. }), "{refused}");
            assert!(refused.to_string().contains("newer lapsewatch"), "{refused}");
        }
    }
}

#[tokio::test]
async fn what_was_written_is_there_after_the_store_is_opened_again() {
    for base in places() {
        let run = base.open().await.begin_run(on("2026-11-20"), "once", at(0)).await.expect("begun");
        for store in [base.open().await, base.place().open_to_read().await.expect("opened")] {
            let runs: Vec<_> = store.list_runs(9).await.expect("read").into_iter().map(|run| run.id).collect();
            assert_eq!(runs, [run], "{}", base.place());
            store.close().await;
        }
    }
}

#[tokio::test]
async fn who_opens_a_store_to_read_cannot_write() {
    for base in places() {
        base.open().await.close().await;
        let store = base.place().open_to_read().await.expect("opened");
        assert!(store.begin_run(on("2026-11-20"), "once", at(0)).await.is_err(), "{}", base.place());
        assert!(store.pass_days(&[on("2026-11-20")], "baseline", at(0)).await.is_err(), "{}", base.place());
        assert_eq!(store.list_runs(9).await.expect("read"), []);
    }
}

#[tokio::test]
async fn the_right_to_load_and_plan_is_one_programs_at_a_time() {
    for base in places() {
        let place = base.place();
        let lock = place.lock().await.expect("it is free");
        assert!(lock.is_held());
        assert!(place.try_lock().await.expect("asked").is_none(), "{place}: somebody has it");
        let busy = place.lock().await.expect_err("somebody has it");
        assert!(matches!(&busy, StoreError::Busy { .. }), "{busy}");
        assert!(busy.to_string().contains(&place.to_string()), "{busy}");
        lock.release().await;
        let again = place.try_lock().await.expect("asked").expect("it was given up");
        again.release().await;
    }
}

/// The migrations of a database: file names and what stands in them.
fn migrations(database: &str) -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(database);
    let read = |entry: std::io::Result<fs::DirEntry>| {
        let entry = entry.expect("an entry");
        let sql = fs::read_to_string(entry.path()).expect("readable");
        (entry.file_name().into_string().expect("a name"), sql)
    };
    let found: BTreeMap<_, _> = fs::read_dir(folder).expect("the migrations").map(read).collect();
    assert!(found.len() > 1, "the migrations were found");
    found
}

/// Of a migration the comments, and the tables with their columns, but not the types.
fn meaning(sql: &str) -> Vec<String> {
    let word = |line: &str| line.split_whitespace().next().unwrap_or_default().to_owned();
    let lines = sql.lines().map(str::trim).skip_while(|line| line.starts_with("--"));
    lines
        .map(|line| match line {
            comment if comment.starts_with("--") => comment.to_owned(),
            end if end.starts_with(')') => ")".to_owned(),
            statement if statement.starts_with(|c: char| c.is_uppercase()) => {
                statement.replace("INTEGER", "BIGINT").replace("TEXT COLLATE \"C\"", "TEXT")
            }
            column => word(column),
        })
        .collect()
}

#[test]
fn both_databases_have_the_same_migrations() {
    let (sqlite, postgres) = (migrations("sqlite"), migrations("postgres"));
    assert!(sqlite.keys().eq(postgres.keys()), "{:?} and {:?}", sqlite.keys(), postgres.keys());
    for (name, sql) in &sqlite {
        assert_eq!(meaning(sql), meaning(&postgres[name]), "{name}");
    }
}

/// Columns without a comment above them: `FILE: TABLE.COLUMN`.
fn columns_without_comment(name: &str, sql: &str) -> Vec<String> {
    let mut table = None;
    let mut has_comment = false;
    let mut found = Vec::new();
    for line in sql.lines().map(str::trim) {
        let mut words = line.split_whitespace();
        let first = words.next().unwrap_or_default();
        match (first, table) {
            ("CREATE", _) if line.starts_with("CREATE TABLE") => table = line.split_whitespace().nth(2),
            (_, Some(_)) if line.starts_with(')') => table = None,
            ("--" | "" | "PRIMARY" | "UNIQUE" | "FOREIGN" | "CHECK", _) | (_, None) => {}
            (column, Some(table)) if !has_comment => found.push(format!("{name}: {table}.{column}")),
            _ => {}
        }
        has_comment = first == "--";
    }
    found
}

#[test]
fn every_column_has_a_comment_above_it() {
    for (name, sql) in migrations("sqlite").into_iter().chain(migrations("postgres")) {
        let bare = columns_without_comment(&name, &sql);
        assert!(bare.is_empty(), "{}", bare.join("\n"));
    }
    let bad = "CREATE TABLE a (\n  -- Its number.\n  id INTEGER,\n  name TEXT,\n  PRIMARY KEY (id)\n) STRICT;";
    assert_eq!(columns_without_comment("bad.sql", bad), ["bad.sql: a.name"]);
}
