//! A database for one test: a file of its own, or a schema of its own on the PostgreSQL server that
//! `LAPSEWATCH_TEST_POSTGRES` names (`tests/servers/postgres start` prints it).
//!
//! Where `LAPSEWATCH_TEST_STORE` is `postgres`, tests that do not care which database they run on run on that server.
#![allow(dead_code, reason = "each test file uses its own part of this")]
#![expect(clippy::expect_used, clippy::panic, reason = "helpers of tests fail tests")]

use std::{
    env,
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use lapsewatch::store::{Place, Store};
use sqlx::{AssertSqlSafe, Connection, FromRow, PgConnection, SqliteConnection, postgres::PgRow, sqlite::SqliteRow};
use tempfile::TempDir;

/// A database for one test; what is in it goes when this goes.
pub struct Base {
    url: String,
    _kept: Kept,
}

enum Kept {
    Folder { _folder: TempDir },
    Schema { _schema: Schema },
}

/// A schema of its own on the server.
struct Schema {
    server: String,
    name: String,
}

/// The URL of the PostgreSQL server for tests, if there is one.
pub fn server() -> Option<String> {
    env::var("LAPSEWATCH_TEST_POSTGRES").ok().filter(|url| !url.is_empty())
}

/// Says once that there is no server. Straight to standard error: the harness keeps what the print macros say.
pub fn say_left_out(what: &str) {
    if server().is_none() {
        let line = format!("left out: {what} on PostgreSQL; run tests/all\n");
        std::io::stderr().write_all(line.as_bytes()).expect("standard error");
    }
}

impl Base {
    /// In whichever database this run of the tests is about.
    pub fn new() -> Self {
        let wanted = env::var("LAPSEWATCH_TEST_STORE").unwrap_or_default();
        match wanted.as_str() {
            "" | "sqlite" => Self::sqlite(),
            "postgres" => Self::postgres().expect("LAPSEWATCH_TEST_POSTGRES names a server"),
            other => panic!("LAPSEWATCH_TEST_STORE is sqlite or postgres, not {other}"),
        }
    }

    /// In a file.
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = format!("sqlite:{}", folder.path().join("store.db").display());
        Self { url, _kept: Kept::Folder { _folder: folder } }
    }

    /// On the server, when there is one.
    pub fn postgres() -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let server = server()?;
        let name = format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        run_on(&server, &format!("CREATE SCHEMA {name}"));
        let mark = if server.contains('?') { '&' } else { '?' };
        let url = format!("{server}{mark}options[search_path]={name}");
        Some(Self { url, _kept: Kept::Schema { _schema: Schema { server, name } } })
    }

    /// What `database.url` says of it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where it is.
    pub fn place(&self) -> Place {
        Place::new(&self.url, None).expect("a URL")
    }

    /// What a statement of ours finds in it, past the store.
    pub async fn find<T>(&self, sql: &str) -> Vec<T>
    where
        T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let sql = AssertSqlSafe(sql);
        let found = if self.url.starts_with("sqlite:") {
            let mut db = SqliteConnection::connect(&self.url).await.expect("opened");
            sqlx::query_as(sql).fetch_all(&mut db).await
        } else {
            let mut db = PgConnection::connect(&self.url).await.expect("the server answers");
            sqlx::query_as(sql).fetch_all(&mut db).await
        };
        found.expect("it runs")
    }

    /// Opens the store.
    pub async fn open(&self) -> Arc<dyn Store> {
        self.place().open().await.expect("opened")
    }
}

impl Drop for Schema {
    /// Fails rather than waits when a store was left in the middle of something.
    fn drop(&mut self) {
        run_on(&self.server, &format!("DROP SCHEMA {} CASCADE", self.name));
    }
}

/// Runs one statement, whether we are inside a runtime or not.
fn run_on(server: &str, statement: &str) {
    let (server, statement) = (server.to_owned(), statement.to_owned());
    let run = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let mut db = PgConnection::connect(&server).await.expect("the server answers");
            sqlx::query("SET lock_timeout = '20s'").execute(&mut db).await.expect("it is set");
            sqlx::query(AssertSqlSafe(statement)).execute(&mut db).await.expect("it runs");
        });
    };
    std::thread::spawn(run).join().expect("it ran");
}
