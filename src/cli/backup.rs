//! `backup`: the store as it is at one moment into one file, while the daemon works on.

use std::{fs, io::ErrorKind, path::Path};

use serde::Serialize;

use super::{
    Exit,
    args::{Backup, Format},
    json::line,
    screen::{self, BOLD, hanging, say},
};
use crate::{app, config::Config, store::StoreError};

/// A backup that was written.
#[derive(Debug, Serialize)]
struct Written<'a> {
    file: &'a Path,
    of: String,
    bytes: u64,
}

/// Writes a backup of the store of the configuration.
pub async fn backup(config: &Config, options: &Backup, format: Format) -> anyhow::Result<Exit> {
    let place = app::place(config)?;
    let file = options.file.as_path();
    if let Err(failure) = place.backup(file).await {
        return Ok(refuse(failure));
    }
    match format {
        Format::Json => {
            let written = Written { file, of: place.to_string(), bytes: fs::metadata(file)?.len() };
            line(&mut std::io::stdout().lock(), &written)?;
        }
        Format::Text => {
            let what = format!("a backup of {place} to {}", screen::path(file));
            say!("{BOLD}Wrote{BOLD:#} {}", hanging(&what, 6));
        }
    }
    Ok(Exit::Done)
}

/// Says what is wrong and what to do; a file that cannot be written is not the database's fault.
fn refuse(failure: StoreError) -> Exit {
    let (exit, advice) = match &failure {
        StoreError::Backup { source, .. } if source.kind() == ErrorKind::AlreadyExists => {
            (Exit::Failed, Some("name a new file: a backup never takes the place of another"))
        }
        StoreError::Backup { .. } => (Exit::Failed, Some("name a file in a folder that is there and has room")),
        StoreError::Missing { .. } => (Exit::Database, Some("database.url, or --config, names the store to back up")),
        _ => (Exit::Database, None),
    };
    screen::error(&failure.into());
    advice.into_iter().for_each(screen::tip);
    exit
}
