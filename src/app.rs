//! The composition root: a checked configuration becomes a store, a mailer and a clock that jobs can work with.

use std::sync::Arc;

use crate::{
    clock::Clock,
    config::{Config, Transport},
    jobs::Site,
    mail::{Mailer, SendError, directory::DirectoryMailer, smtp::SmtpMailer},
    store::{
        Store, StoreError,
        sqlite::{IN_MEMORY, SqliteStore, StoreLock, lock, path_of},
    },
};

/// Why the parts could not be put together.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The way out for mail.
    #[error(transparent)]
    Mail(#[from] SendError),
}

/// Opens the store of a configuration, for reading commands.
///
/// # Errors
/// When the database cannot be opened or is of a newer version.
pub async fn open_store(config: &Config) -> Result<Arc<dyn Store>, StoreError> {
    Ok(Arc::new(SqliteStore::open(&config.database.url).await?))
}

/// Opens the store for a command that only reads: its tables stay as they are.
///
/// # Errors
/// When the database cannot be opened or is of another version.
pub async fn open_store_to_read(config: &Config) -> Result<Arc<dyn Store>, StoreError> {
    Ok(Arc::new(SqliteStore::open_to_read(&config.database.url).await?))
}

/// Opens the store for a command that writes one small decision, also while the daemon runs: its tables stay as they
/// are.
///
/// # Errors
/// When the database cannot be opened or is of another version.
pub async fn open_store_beside(config: &Config) -> Result<Arc<dyn Store>, StoreError> {
    Ok(Arc::new(SqliteStore::open_beside(&config.database.url).await?))
}

/// The configuration for a command that only reads or decides: where no database is yet, it reads an empty one in memory and
/// makes none.
#[must_use]
fn leaving_no_trace(mut config: Config) -> Config {
    if path_of(&config.database.url).is_some_and(|path| !path.exists()) {
        IN_MEMORY.clone_into(&mut config.database.url);
    }
    config
}

/// Takes the right to write to the store of a configuration; hold it for as long as anything is written.
///
/// # Errors
/// When another program has it.
pub fn lock_store(config: &Config) -> Result<Option<StoreLock>, StoreError> {
    lock(&config.database.url)
}

/// The way out that a configuration names. Connects to nothing yet.
///
/// # Errors
/// When a password or a certificate file cannot be used.
pub fn mailer(config: &Config) -> Result<Arc<dyn Mailer>, SendError> {
    Ok(match config.mail.transport {
        Transport::Smtp => Arc::new(SmtpMailer::new(&config.mail.smtp)?),
        Transport::Directory => Arc::new(DirectoryMailer::new(&config.mail.directory)),
    })
}

/// Puts everything together.
///
/// # Errors
/// What keeps a part from working.
pub async fn open(config: Config, clock: Arc<dyn Clock>) -> Result<Site, StartError> {
    let store = open_store(&config).await?;
    let mailer = mailer(&config)?;
    Ok(Site { config: Arc::new(config), store, clock, mailer })
}

/// Puts everything together for a command that only reads the store.
///
/// # Errors
/// What keeps a part from working.
pub async fn open_to_read(config: Config, clock: Arc<dyn Clock>) -> Result<Site, StartError> {
    let config = leaving_no_trace(config);
    let store = open_store_to_read(&config).await?;
    let mailer = mailer(&config)?;
    Ok(Site { config: Arc::new(config), store, clock, mailer })
}

/// Puts everything together for a command that writes one small decision, also while the daemon runs.
///
/// # Errors
/// What keeps a part from working.
pub async fn open_beside(config: Config, clock: Arc<dyn Clock>) -> Result<Site, StartError> {
    let config = leaving_no_trace(config);
    let store = open_store_beside(&config).await?;
    let mailer = mailer(&config)?;
    Ok(Site { config: Arc::new(config), store, clock, mailer })
}
