//! The store in one SQLite file: the default, enough for any local committee or ICB.
//!
//! Write-ahead log with full durability: an attempt that was recorded survives a power cut. Only one program works
//! on a store at a time ([`lock`]); commands that only read, or write one small decision, need no lock.
mod holds;
mod ledger;
mod outbox;
mod refused;
mod register;
mod standings;

use std::{
    cmp::Ordering,
    fs::{File, OpenOptions, TryLockError},
    path::{Path, PathBuf},
    time::Duration,
};

use async_trait::async_trait;
use jiff::{Timestamp, civil::Date};
use sqlx::{
    Connection, Sqlite, SqliteConnection, SqlitePool, Transaction,
    migrate::{MigrateError, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{
    Changes, Claim, Decided, Exchanged, Lease, LedgerLine, MessageNumber, MessageState, NewMessage, OpenEpisode,
    RefusedNotice, RunId, RunRow, Settlement, SnapshotRow, Snooze, Standings, Stopped, Store, StoreError,
    StoredMessage, Usage,
};
use crate::domain::{
    facts::SnapshotId,
    outbox::Verdict,
    plan::{EpisodeId, Told},
    policy::Rule,
    register::{Register, SubjectId},
    snapshot::ContactRow,
};

/// Every migration, compiled in.
static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// Rows a bulk statement carries; the widest takes 12 columns, and SQLite allows 32,766 values.
const ROWS_A_STATEMENT: usize = 500;

/// How long a statement waits for another program's transaction.
const PATIENCE: Duration = Duration::from_secs(10);

/// The URL of a store that is gone when dropped.
pub const IN_MEMORY: &str = "sqlite::memory:";

/// A store in one file, or in memory.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    pool: SqlitePool,
}

/// The right to work on a store; given up when dropped, and by the system when the program dies.
#[derive(Debug)]
pub struct StoreLock {
    _file: File,
}

/// The path behind `sqlite:PATH`; `None` for `sqlite::memory:`.
#[must_use]
pub fn path_of(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("sqlite:")?;
    let path = path.strip_prefix("//").unwrap_or(path);
    (path != ":memory:").then(|| PathBuf::from(path))
}

/// Locks a store for writing.
///
/// # Errors
/// `Busy` when another program has it; `Lock` when the lock file cannot be made.
pub fn lock(url: &str) -> Result<Option<StoreLock>, StoreError> {
    let Some(store) = path_of(url) else { return Ok(None) };
    let path = store.with_extension("lock");
    let shown = path.display().to_string();
    let failed = |source| StoreError::Lock { path: shown.clone(), source };
    make_folder(&path).map_err(failed)?;
    let file = OpenOptions::new().create(true).append(true).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(StoreLock { _file: file })),
        Err(TryLockError::WouldBlock) => Err(StoreError::Busy { path: shown }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

fn make_folder(path: &Path) -> std::io::Result<()> {
    let failed =
        |source: std::io::Error| std::io::Error::new(source.kind(), format!("its folder cannot be made, {source}"));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.map_or(Ok(()), |folder| std::fs::create_dir_all(folder).map_err(failed))
}

/// How a connection that writes keeps a file: the log first, and what was committed survives a power cut.
fn writing(path: PathBuf) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(PATIENCE)
}

/// Names what a statement was for.
fn doing(doing: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    move |source| StoreError::Statement { doing, source }
}

impl SqliteStore {
    /// Opens the store, making it and bringing its tables up to date when needed.
    ///
    /// # Errors
    /// `Open` when the file cannot be opened or made, `Migrate` when it is of a newer version.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let path = path_of(url);
        if let Some(path) = &path {
            make_folder(path)
                .map_err(|source| StoreError::Open { url: url.to_owned(), source: sqlx::Error::Io(source) })?;
        }
        let connections = if path.is_some() { 4 } else { 1 };
        let options = writing(path.unwrap_or_else(|| PathBuf::from(":memory:"))).create_if_missing(true);
        let store = Self::connect(url, options, connections).await?;
        MIGRATIONS.run(&store.pool).await?;
        Ok(store)
    }

    /// Opens the store for a small decision beside the program that has the lock: nothing is made, and its tables are
    /// not brought up to date. Whatever is written takes one short transaction, for which the other waits.
    ///
    /// # Errors
    /// As [`open_to_read`](Self::open_to_read).
    pub async fn open_beside(url: &str) -> Result<Self, StoreError> {
        let Some(path) = path_of(url) else { return Self::open(url).await };
        Self::connect(url, writing(path), 1).await?.of_our_version().await
    }

    /// Opens the store for reading: nothing is made, and its tables are not brought up to date.
    ///
    /// # Errors
    /// `Open` when the file cannot be opened, `Migrate` when it is of a newer version, `Older` when of an older one.
    pub async fn open_to_read(url: &str) -> Result<Self, StoreError> {
        let Some(path) = path_of(url) else { return Self::open(url).await };
        let options = SqliteConnectOptions::new().filename(path).pragma("query_only", "on").busy_timeout(PATIENCE);
        Self::connect(url, options, 1).await?.of_our_version().await
    }

    async fn connect(url: &str, options: SqliteConnectOptions, connections: u32) -> Result<Self, StoreError> {
        let failed = |source| StoreError::Open { url: url.to_owned(), source };
        let pool = SqlitePoolOptions::new()
            .max_connections(connections)
            .after_release(|connection, _| Box::pin(is_fit_for_use(connection)))
            .connect_with(options)
            .await
            .map_err(failed)?;
        Ok(Self { pool })
    }

    async fn of_our_version(self) -> Result<Self, StoreError> {
        let (version,): (i64,) = sqlx::query_as("SELECT coalesce(max(version), 0) FROM _sqlx_migrations")
            .fetch_one(&self.pool)
            .await
            .map_err(doing("reading the database's version"))?;
        let ours = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0);
        match version.cmp(&ours) {
            Ordering::Equal => Ok(self),
            Ordering::Greater => Err(StoreError::Migrate(MigrateError::VersionMissing(version))),
            Ordering::Less => Err(StoreError::Older),
        }
    }

    /// A store that is gone when dropped.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn in_memory() -> Result<Self, StoreError> {
        Self::open(IN_MEMORY).await
    }

    /// A transaction that may write: it takes the write lock at once, so that it never fails half way for want of it.
    async fn begin(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(doing("beginning a transaction"))
    }
}

/// Whether a connection may be used again. When a commit fails on a full disk, `SQLite` rolls back by itself; sqlx does
/// not hear of it, counts the transaction as open for ever, and would refuse every later one on this connection.
async fn is_fit_for_use(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    // The rollback of a transaction that was dropped is still on its way: behind a ping it is done.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

async fn commit(transaction: Transaction<'static, Sqlite>) -> Result<(), StoreError> {
    transaction.commit().await.map_err(doing("committing"))
}

#[async_trait]
impl Store for SqliteStore {
    async fn load_register(&self) -> Result<Register, StoreError> {
        register::load(&self.pool).await
    }

    async fn load_told(&self) -> Result<Told, StoreError> {
        ledger::load_told(&self.pool).await
    }

    async fn find_snapshot(&self, sha256: &str) -> Result<Option<SnapshotRow>, StoreError> {
        register::find_snapshot(&self.pool, sha256).await
    }

    async fn list_snapshots(&self) -> Result<Vec<SnapshotRow>, StoreError> {
        register::list_snapshots(&self.pool).await
    }

    async fn next_snapshot_id(&self) -> Result<SnapshotId, StoreError> {
        register::next_snapshot_id(&self.pool).await
    }

    async fn save_snapshot(
        &self,
        snapshot: &SnapshotRow,
        changes: &Changes<'_>,
        contacts: Option<&[ContactRow]>,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        register::insert_snapshot(&mut transaction, snapshot).await?;
        register::write_changes(&mut transaction, changes).await?;
        if let Some(rows) = contacts {
            register::replace_contacts(&mut transaction, rows).await?;
        }
        commit(transaction).await
    }

    async fn begin_run(&self, on_day: Date, kind: &str, now: Timestamp) -> Result<RunId, StoreError> {
        ledger::begin_run(&self.pool, on_day, kind, now).await
    }

    async fn save_plan(&self, run: RunId, decided: &Decided<'_>, now: Timestamp) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        register::write_changes(&mut transaction, decided.changes).await?;
        ledger::write_episodes(&mut transaction, run, decided.plan).await?;
        outbox::insert_messages(&mut transaction, run, decided.messages, now).await?;
        standings::adopt(&mut transaction, decided.adopted, decided.plan.on).await?;
        standings::note_alerts(&mut transaction, decided.alerts, decided.plan.on).await?;
        holds::note(&mut transaction, run, decided).await?;
        commit(transaction).await
    }

    async fn finish_run(&self, run: RunId, now: Timestamp, report: &str) -> Result<(), StoreError> {
        ledger::finish_run(&self.pool, run, now, report).await
    }

    async fn list_runs(&self, most: u32) -> Result<Vec<RunRow>, StoreError> {
        ledger::list_runs(&self.pool, most).await
    }

    async fn list_held_runs(&self) -> Result<Vec<RunRow>, StoreError> {
        ledger::list_held_runs(&self.pool).await
    }

    async fn approve_run(
        &self,
        run: RunId,
        by: &str,
        rules: &[Rule],
        starts: &[(MessageNumber, Timestamp)],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let is_approved = holds::approve(&mut transaction, run, by, starts, now).await?;
        if is_approved {
            holds::adopt(&mut transaction, run, rules).await?;
        }
        commit(transaction).await?;
        Ok(is_approved)
    }

    async fn discard_run(&self, run: RunId, by: &str, now: Timestamp) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let is_discarded = holds::discard(&mut transaction, run, by, now).await?;
        commit(transaction).await?;
        Ok(is_discarded)
    }

    async fn load_standings(&self) -> Result<Standings, StoreError> {
        standings::load(&self.pool).await
    }

    async fn list_alerts(&self, on_day: Date) -> Result<Vec<String>, StoreError> {
        standings::list_alerts(&self.pool, on_day).await
    }

    async fn add_snooze(&self, snooze: &Snooze) -> Result<i64, StoreError> {
        let mut transaction = self.begin().await?;
        let number = standings::add_snooze(&mut transaction, snooze).await?;
        commit(transaction).await?;
        Ok(number)
    }

    async fn end_snooze(&self, subject: SubjectId, rule: Rule, now: Timestamp) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let is_ended = standings::end_snooze(&mut transaction, subject, rule, now).await?;
        commit(transaction).await?;
        Ok(is_ended)
    }

    async fn exchange(&self, settled: &[Settlement], lease: Option<&Lease>) -> Result<Exchanged, StoreError> {
        let mut transaction = self.begin().await?;
        let exchanged = outbox::exchange(&mut transaction, settled, lease).await?;
        commit(transaction).await?;
        Ok(exchanged)
    }

    async fn renew_leases(&self, holder: &str, until: Timestamp) -> Result<u64, StoreError> {
        outbox::renew(&self.pool, holder, until).await
    }

    async fn hold_connections(
        &self,
        holder: &str,
        wanted: u16,
        most: u16,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<u16, StoreError> {
        let mut transaction = self.begin().await?;
        let held = standings::hold_connections(&mut transaction, holder, wanted, most, now, until).await?;
        commit(transaction).await?;
        Ok(held)
    }

    async fn count_usage(&self, now: Timestamp) -> Result<Usage, StoreError> {
        outbox::usage(&self.pool, now).await
    }

    async fn note_stopped(&self, stopped: Option<&Stopped>) -> Result<(), StoreError> {
        standings::note_stopped(&self.pool, stopped).await
    }

    async fn find_stopped(&self) -> Result<Option<Stopped>, StoreError> {
        standings::find_stopped(&self.pool).await
    }

    async fn settle_unknown(
        &self,
        number: MessageNumber,
        verdict: Verdict,
        by: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let is_settled = outbox::settle_unknown(&mut transaction, number, verdict, by, now).await?;
        commit(transaction).await?;
        Ok(is_settled)
    }

    async fn find_message(&self, reference: &str) -> Result<Option<StoredMessage>, StoreError> {
        outbox::find_message(&self.pool, reference).await
    }

    async fn list_lapsed_leases(&self, before: Timestamp) -> Result<Vec<StoredMessage>, StoreError> {
        outbox::list_lapsed_leases(&self.pool, before).await
    }

    async fn list_messages(&self, states: &[MessageState]) -> Result<Vec<StoredMessage>, StoreError> {
        outbox::list_messages(&self.pool, states).await
    }

    async fn count_messages(&self) -> Result<Vec<(MessageState, u64)>, StoreError> {
        outbox::count_messages(&self.pool).await
    }

    async fn count_messages_of(&self, run: RunId) -> Result<Vec<(MessageState, u64)>, StoreError> {
        outbox::count_messages_of(&self.pool, run).await
    }

    async fn next_attempt_at(&self) -> Result<Option<Timestamp>, StoreError> {
        outbox::next_attempt_at(&self.pool).await
    }

    async fn list_refused(&self) -> Result<Vec<RefusedNotice>, StoreError> {
        refused::list_refused(&self.pool).await
    }

    async fn save_climb(
        &self,
        run: RunId,
        climbed: &[i64],
        messages: &[NewMessage],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        refused::mark_climbed(&mut transaction, climbed).await?;
        outbox::insert_messages(&mut transaction, run, messages, now).await?;
        commit(transaction).await
    }

    async fn list_ledger(&self, subject: SubjectId) -> Result<Vec<LedgerLine>, StoreError> {
        ledger::list_ledger(&self.pool, subject).await
    }

    async fn list_ledger_after(&self, number: i64, most: u32) -> Result<Vec<LedgerLine>, StoreError> {
        ledger::list_ledger_after(&self.pool, number, most).await
    }

    async fn list_told_days(&self) -> Result<Vec<(EpisodeId, Date)>, StoreError> {
        ledger::list_told_days(&self.pool).await
    }

    async fn list_episodes(&self, subject: Option<SubjectId>) -> Result<Vec<OpenEpisode>, StoreError> {
        ledger::list_episodes(&self.pool, subject).await
    }

    async fn last_due_day(&self) -> Result<Option<Date>, StoreError> {
        ledger::last_due_day(&self.pool).await
    }

    async fn claim_day(&self, on_day: Date, now: Timestamp) -> Result<Claim, StoreError> {
        ledger::claim_day(&self.pool, on_day, now).await
    }

    async fn pass_days(&self, days: &[Date], outcome: &str, now: Timestamp) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        ledger::pass_days(&mut transaction, days, outcome, now).await?;
        commit(transaction).await
    }

    async fn finish_day(&self, on_day: Date, now: Timestamp) -> Result<(), StoreError> {
        ledger::finish_day(&self.pool, on_day, now).await
    }

    async fn close(&self) {
        self.pool.close().await;
    }
}
