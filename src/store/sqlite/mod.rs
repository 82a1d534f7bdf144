//! The store in one SQLite file: the default, enough for any local committee or ICB.
//!
//! Write-ahead log with full durability: an attempt that was recorded survives a power cut. Only one program works
//! on a store at a time ([`StoreLock`](super::StoreLock)); commands that only read, or write one small decision, need no lock.
mod dialect;

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sqlx::{
    Connection, Sqlite, SqliteConnection, SqlitePool,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{
    Progress, StoreError,
    sql::{SqlStore, doing},
};

/// Every migration, compiled in.
static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// How long a statement waits for another transaction: the longest is that of a file of millions of rows.
const PATIENCE: Duration = Duration::from_mins(2);

/// What a connection holds of the file in memory between loads: 2 MiB, as SQLite has it, and no threads.
const USUAL: &str = "PRAGMA cache_size = -2000; PRAGMA threads = 0";

/// How many may work on a store at once.
const CONNECTIONS: u32 = 4;

/// Steps of `SQLite`'s machine between two signs that a long statement gets on: some milliseconds.
const STEPS: i32 = 100_000;

/// The URL of a store that is gone when dropped.
const IN_MEMORY: &str = "sqlite::memory:";

/// A store in one file, or in memory.
pub type SqliteStore = SqlStore<Sqlite>;

/// The path behind `sqlite:PATH`; `None` for `sqlite::memory:`.
fn path_of(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("sqlite:")?;
    let path = path.strip_prefix("//").unwrap_or(path);
    (path != ":memory:").then(|| PathBuf::from(path))
}

/// Locks the file beside a store, unless somebody else has; the system gives it up when the program dies.
///
/// # Errors
/// `Lock` when the lock file cannot be made.
pub(super) fn try_lock(store: &Path) -> Result<Option<File>, StoreError> {
    let path = store.with_extension("lock");
    let failed = |source| StoreError::Lock { path: path.display().to_string(), source };
    make_folder(&path).map_err(failed)?;
    let file = OpenOptions::new().create(true).append(true).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

fn make_folder(path: &Path) -> std::io::Result<()> {
    let failed =
        |source: std::io::Error| std::io::Error::new(source.kind(), format!("its folder cannot be made, {source}"));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.map_or(Ok(()), |folder| std::fs::create_dir_all(folder).map_err(failed))
}

/// How a connection that writes keeps a file: the log first, and what was committed survives a power cut. What is deleted
/// is overwritten where that costs nothing.
fn writing(path: PathBuf) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .pragma("secure_delete", "fast")
        .busy_timeout(PATIENCE)
}

/// So many connections, of which none is used again that is not fit for it.
fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .after_release(|connection, _| Box::pin(is_fit_for_use(connection)))
}

impl SqliteStore {
    /// Opens the store, making it and bringing its tables up to date when needed.
    ///
    /// # Errors
    /// `Open` when the file cannot be opened or made, `Migrate` when it is of a newer version.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        Self::open_telling(url, Arc::new(|| ())).await
    }

    /// The same; `progress` hears of it when bringing the tables up to date gets on.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_telling(url: &str, progress: Progress) -> Result<Self, StoreError> {
        Self::open_with(url, pool(CONNECTIONS), progress).await
    }

    /// Makes the store, for who does one thing after the other. Its first file is written without the log, and nobody
    /// else reads or writes meanwhile; there is nothing in it yet.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(super) async fn make_alone(url: &str) -> Result<Self, StoreError> {
        // Whoever waits for the only connection waits for an end or for an undoing, however long that takes.
        let pool = pool(1).acquire_timeout(PATIENCE * 2).after_release(|connection, _| {
            Box::pin(async move {
                let is_fit = is_fit_for_use(connection).await?;
                // The first file was written without the log.
                sqlx::query("PRAGMA journal_mode = WAL").execute(connection).await?;
                Ok(is_fit)
            })
        });
        Ok(Self::open_with(url, pool, Arc::new(|| ())).await?.alone())
    }

    async fn open_with(url: &str, pool: SqlitePoolOptions, progress: Progress) -> Result<Self, StoreError> {
        let path = path_of(url);
        if let Some(path) = &path {
            make_folder(path)
                .map_err(|source| StoreError::Open { url: url.to_owned(), source: sqlx::Error::Io(source) })?;
        }
        let pool = if path.is_some() { pool } else { pool.max_connections(1) };
        let options = writing(path.unwrap_or_else(|| PathBuf::from(":memory:"))).create_if_missing(true);
        let store = Self::connect(url, options, pool).await?;
        migrate(store.pool(), progress).await?;
        Ok(store)
    }

    /// Opens the store for a small decision beside the program that has the lock: nothing is made, and its tables are
    /// not brought up to date. Whatever is written takes one short transaction, for which the other waits. Who is to be
    /// forgotten is forgotten here, so what is deleted is overwritten, whatever it costs.
    ///
    /// # Errors
    /// As [`open_to_read`](Self::open_to_read).
    pub async fn open_beside(url: &str) -> Result<Self, StoreError> {
        let Some(path) = path_of(url) else { return Self::open(url).await };
        let options = writing(path).pragma("secure_delete", "on");
        Self::connect(url, options, pool(1)).await?.of_version(&MIGRATIONS).await
    }

    /// Opens the store for a copy of it, whatever version its tables are of: a backup comes before an update. SQLite
    /// writes no file on a connection that may not write its own, so this one may.
    ///
    /// # Errors
    /// `Open` when the file cannot be opened.
    pub(super) async fn open_as_it_is(url: &str) -> Result<Self, StoreError> {
        let Some(path) = path_of(url) else { return Self::open(url).await };
        Self::connect(url, writing(path), pool(1)).await
    }

    /// Opens the store for reading: nothing is made, and its tables are not brought up to date.
    ///
    /// # Errors
    /// `Open` when the file cannot be opened, `Migrate` when it is of a newer version, `Older` when of an older one.
    pub async fn open_to_read(url: &str) -> Result<Self, StoreError> {
        let Some(path) = path_of(url) else { return Self::open(url).await };
        let options = SqliteConnectOptions::new().filename(path).pragma("query_only", "on").busy_timeout(PATIENCE);
        Self::connect(url, options, pool(1)).await?.of_version(&MIGRATIONS).await
    }

    async fn connect(url: &str, options: SqliteConnectOptions, pool: SqlitePoolOptions) -> Result<Self, StoreError> {
        let failed = |source| StoreError::Open { url: url.to_owned(), source };
        Ok(Self::new(pool.connect_with(options).await.map_err(failed)?))
    }

    /// Writes the store as it is at one moment into an empty file, while others read and write.
    ///
    /// # Errors
    /// `Statement` when the file cannot be written.
    pub(super) async fn vacuum_into(&self, file: &Path) -> Result<(), StoreError> {
        let path = file.to_string_lossy();
        sqlx::query("VACUUM INTO $1")
            .bind(&*path)
            .execute(self.pool())
            .await
            .map(drop)
            .map_err(doing("writing a backup"))
    }

    /// A store that is gone when dropped.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn in_memory() -> Result<Self, StoreError> {
        Self::open(IN_MEMORY).await
    }
}

/// Brings the tables up to date. `SQLite` itself says when it has taken some more steps.
async fn migrate(pool: &SqlitePool, progress: Progress) -> Result<(), StoreError> {
    let failed = doing("preparing to bring the tables up to date");
    let mut connection = pool.acquire().await.map_err(&failed)?;
    let tell = move || {
        progress();
        true
    };
    connection.lock_handle().await.map_err(&failed)?.set_progress_handler(STEPS, tell);
    let migrated = MIGRATIONS.run(&mut *connection).await;
    connection.lock_handle().await.map_err(&failed)?.remove_progress_handler();
    Ok(migrated?)
}

/// Whether a connection may be used again. When a commit fails on a full disk, `SQLite` rolls back by itself; sqlx does
/// not hear of it, counts the transaction as open for ever, and would refuse every later one on this connection.
async fn is_fit_for_use(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    // The rollback of a transaction that was dropped is still on its way: behind this it is done. What a load took of
    // memory is given back by it.
    sqlx::raw_sql(USUAL).execute(&mut *connection).await?;
    Ok(!connection.is_in_transaction())
}
