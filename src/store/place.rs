//! Where a store is, and the one place that chooses between databases: a URL in, a store or its lock out.
//!
//! A URL may hold a password. It is parsed here and shown nowhere: not in errors, not in `Debug`, not in logs.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::PgConnectOptions;

use super::{
    Store, StoreError, StoreLock, postgres,
    sql::{Dialect, SqlStore},
    sqlite::{self, SqliteStore},
};

/// Is called when something that takes long has got on.
pub type Progress = Arc<dyn Fn() + Send + Sync>;

/// Where a store is.
#[derive(Clone)]
pub struct Place {
    shown: String,
    at: At,
}

#[derive(Clone)]
enum At {
    /// Gone when the store is dropped.
    Memory,
    /// A SQLite file.
    File(PathBuf),
    /// A PostgreSQL server.
    Server(Box<PgConnectOptions>),
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Place({})", self.shown)
    }
}

/// The URL without a password.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shown.fmt(f)
    }
}

impl Place {
    /// The place of a URL: `sqlite:PATH`, `sqlite::memory:` or `postgres://USER@HOST/DATABASE`. A password given here
    /// takes the place of the URL's.
    ///
    /// # Errors
    /// `Url` when it names no database that we know, `Unverified` when it asks for a connection over a network on
    /// which anybody could answer.
    pub fn new(url: &str, password: Option<&SecretString>) -> Result<Self, StoreError> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            return Ok(match path.strip_prefix("//").unwrap_or(path) {
                ":memory:" => Self::memory(),
                path => Self::file(path),
            });
        }
        let mut options = postgres::options(url)?;
        if let Some(password) = password {
            options = options.password(password.expose_secret());
        }
        Ok(Self { shown: postgres::shown(&options), at: At::Server(Box::new(options)) })
    }

    /// A store that is gone when dropped.
    #[must_use]
    pub fn memory() -> Self {
        Self { shown: "sqlite::memory:".to_owned(), at: At::Memory }
    }

    /// A SQLite file.
    #[must_use]
    pub fn file(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self { shown: format!("sqlite:{}", path.display()), at: At::File(path) }
    }

    /// Whether there is certainly no store yet: a file that does not exist.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(&self.at, At::File(path) if !path.exists())
    }

    /// `Missing` when there is certainly no store yet: for those who would else make one only to find it empty.
    ///
    /// # Errors
    /// See above.
    pub fn expect_store(&self) -> Result<(), StoreError> {
        if self.is_missing() { Err(StoreError::Missing { place: self.shown.clone() }) } else { Ok(()) }
    }

    /// Whether several programs may work on the store at once.
    #[must_use]
    pub const fn is_shared(&self) -> bool {
        matches!(self.at, At::Server(_))
    }

    /// Opens the store, making a file and bringing the tables up to date when needed.
    ///
    /// # Errors
    /// `Open` when it cannot be opened, `Newer` when it is of a newer version.
    pub async fn open(&self) -> Result<Arc<dyn Store>, StoreError> {
        self.open_telling(Arc::new(|| ())).await
    }

    /// The same; `progress` hears of it when bringing the tables up to date gets on.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_telling(&self, progress: Progress) -> Result<Arc<dyn Store>, StoreError> {
        Ok(match &self.at {
            At::Memory => Arc::new(SqliteStore::in_memory().await?),
            At::File(_) => Arc::new(SqliteStore::open_telling(&self.shown, progress).await?),
            At::Server(options) => Arc::new(postgres::open(options, &*progress).await?),
        })
    }

    /// The same for who does one thing after the other and has the right to load and plan. The first file of a store that
    /// is made here is loaded faster, and who would read meanwhile waits.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_alone(&self) -> Result<Arc<dyn Store>, StoreError> {
        match &self.at {
            At::File(_) if self.is_missing() => Ok(Arc::new(SqliteStore::make_alone(&self.shown).await?)),
            At::File(_) | At::Memory | At::Server(_) => self.open().await,
        }
    }

    /// Opens the store for reading: nothing is made, and its tables are not brought up to date.
    ///
    /// # Errors
    /// `Open` when it cannot be opened, `Migrate` when it is of a newer version, `Older` when of an older one.
    pub async fn open_to_read(&self) -> Result<Arc<dyn Store>, StoreError> {
        Ok(match &self.at {
            At::Memory => Arc::new(SqliteStore::in_memory().await?),
            At::File(_) => Arc::new(SqliteStore::open_to_read(&self.shown).await?),
            At::Server(options) => Arc::new(postgres::open_to_read(options).await?),
        })
    }

    /// Opens the store for a small decision beside the program that has the right to load and plan: nothing is made,
    /// and its tables are not brought up to date.
    ///
    /// # Errors
    /// As [`open_to_read`](Self::open_to_read).
    pub async fn open_beside(&self) -> Result<Arc<dyn Store>, StoreError> {
        Ok(match &self.at {
            At::Memory => Arc::new(SqliteStore::in_memory().await?),
            At::File(_) => Arc::new(SqliteStore::open_beside(&self.shown).await?),
            At::Server(options) => Arc::new(postgres::open_beside(options).await?),
        })
    }

    /// Takes the right to load and plan.
    ///
    /// # Errors
    /// `Busy` when another program has it; `Lock` or `Open` when nobody can be asked.
    pub async fn lock(&self) -> Result<StoreLock, StoreError> {
        self.try_lock().await?.ok_or_else(|| StoreError::Busy { place: self.shown.clone() })
    }

    /// Takes the right to load and plan, when nobody else has it.
    ///
    /// # Errors
    /// `Lock` or `Open` when nobody can be asked.
    pub async fn try_lock(&self) -> Result<Option<StoreLock>, StoreError> {
        match &self.at {
            At::Memory => Ok(Some(StoreLock::nobody_else())),
            At::File(path) => sqlite::try_lock(path).map(|file| file.map(StoreLock::of_file)),
            At::Server(options) => postgres::try_lock(options).await,
        }
    }

    /// Copies everything into a store that holds nothing; `tell` hears of each table and how many rows it has. Nobody
    /// may work on either meanwhile: hold the locks of both.
    ///
    /// # Errors
    /// `Missing` when there is no store yet, `NotEmpty` when the target holds anything; else what reading or writing
    /// gave. Then nothing is written.
    pub async fn copy_to(&self, to: &Self, tell: &(dyn Fn(&'static str, u64) + Sync)) -> Result<(), StoreError> {
        self.expect_store()?;
        match &self.at {
            At::Server(options) => copy(&postgres::open_to_read(options).await?, to, tell).await,
            At::Memory | At::File(_) => copy(&SqliteStore::open_to_read(&self.shown).await?, to, tell).await,
        }
    }

    /// Writes the store as it is at one moment into a SQLite file, which is there and empty.
    pub(super) async fn write_copy(&self, file: &Path) -> Result<(), StoreError> {
        match &self.at {
            At::Server(options) => copy(&postgres::open_to_read(options).await?, &Self::file(file), &|_, _| ()).await,
            At::Memory | At::File(_) => SqliteStore::open_as_it_is(&self.shown).await?.vacuum_into(file).await,
        }
    }
}

async fn copy<DB: Dialect>(
    from: &SqlStore<DB>,
    to: &Place,
    tell: &(dyn Fn(&'static str, u64) + Sync),
) -> Result<(), StoreError> {
    match &to.at {
        At::Server(options) => {
            let to = postgres::open(options, &|| ()).await?;
            let copied = from.copy_to(&to, tell).await;
            to.close().await;
            copied
        }
        At::Memory | At::File(_) => {
            let to = SqliteStore::open(&to.shown).await?;
            let copied = from.copy_to(&to, tell).await;
            to.close().await;
            copied
        }
    }
}
