//! The composition root: a checked configuration becomes a store, a mailer and a clock that jobs can work with.

use std::sync::Arc;

use crate::{
    clock::Clock,
    config::{Config, SecretFile, Transport},
    jobs::Site,
    mail::{Mailer, SendError, directory::DirectoryMailer, smtp::SmtpMailer},
    store::{Place, Progress, Store, StoreError, StoreLock},
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

/// Where the store of a configuration is.
///
/// # Errors
/// When the URL names none, or its password cannot be read.
pub fn place(config: &Config) -> Result<Place, StoreError> {
    place_at(&config.database.url, "database.password_file", config.database.password_file.as_ref())
}

/// The place of a URL, with a password from a file that `key` names, if any: read now, so that a new one counts as
/// soon as a store is opened again.
///
/// # Errors
/// When the URL names none, or the password cannot be read.
pub fn place_at(url: &str, key: &str, password: Option<&SecretFile>) -> Result<Place, StoreError> {
    let password = password.map(SecretFile::first_line).transpose();
    let password = password.map_err(|failure| StoreError::Password { why: format!("{key} {failure}") })?;
    Place::new(url, password.as_ref())
}

/// Where a command that only reads or decides finds the store: one that is not there yet is taken as an empty one in
/// memory, and not made.
fn place_to_read(config: &Config) -> Result<Place, StoreError> {
    let place = place(config)?;
    Ok(if place.is_missing() { Place::memory() } else { place })
}

/// Takes the right to load and plan on the store of a configuration; hold it for as long as that is done.
///
/// # Errors
/// When another program has it.
pub async fn lock_store(config: &Config) -> Result<StoreLock, StoreError> {
    place(config)?.lock().await
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
    open_telling(config, clock, Arc::new(|| ())).await
}

/// Puts everything together; `progress` hears of it when bringing the tables up to date gets on.
///
/// # Errors
/// What keeps a part from working.
pub async fn open_telling(config: Config, clock: Arc<dyn Clock>, progress: Progress) -> Result<Site, StartError> {
    let store = place(&config)?.open_telling(progress).await?;
    put_together(config, store, clock)
}

/// Puts everything together for a command that loads files and does nothing beside it.
///
/// # Errors
/// What keeps a part from working.
pub async fn open_alone(config: Config, clock: Arc<dyn Clock>) -> Result<Site, StartError> {
    let store = place(&config)?.open_alone().await?;
    put_together(config, store, clock)
}

/// Puts everything together for a command that only reads the store.
///
/// # Errors
/// What keeps a part from working.
pub async fn open_to_read(config: Config, clock: Arc<dyn Clock>) -> Result<Site, StartError> {
    let store = place_to_read(&config)?.open_to_read().await?;
    put_together(config, store, clock)
}

/// Puts everything together for a command that writes one small decision, also while the daemon runs.
///
/// # Errors
/// What keeps a part from working.
pub async fn open_beside(config: Config, clock: Arc<dyn Clock>) -> Result<Site, StartError> {
    let store = place_to_read(&config)?.open_beside().await?;
    put_together(config, store, clock)
}

fn put_together(config: Config, store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Result<Site, StartError> {
    let mailer = mailer(&config)?;
    Ok(Site { config: Arc::new(config), store, clock, mailer })
}
