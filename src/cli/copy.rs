//! `copy`: everything a store holds into another database, such as a site's SQLite file into PostgreSQL.

use std::{
    io::stdout,
    sync::atomic::{AtomicU64, Ordering},
};

use serde::Serialize;

use super::{
    Exit,
    args::{Copy, Format},
    json::line,
    screen::{self, BOLD, hanging, say, thousands},
};
use crate::{
    app,
    config::{Config, SecretFile},
    store::{Place, StoreError},
};

/// One table that was copied.
#[derive(Debug, Serialize)]
struct Table {
    table: &'static str,
    rows: u64,
}

/// Copies the store of the configuration into another.
pub async fn copy(config: &Config, options: &Copy, format: Format) -> anyhow::Result<Exit> {
    let from = app::place(config)?;
    let password = options.password_file.clone().map(SecretFile::Path);
    let to = app::place_at(&options.to, "--password-file", password.as_ref())?;
    let rows = match copy_alone(&from, &to, format).await {
        Ok(rows) => rows,
        Err(failure) => {
            let advice = advice(&failure);
            screen::error(&failure.into());
            advice.into_iter().for_each(screen::tip);
            return Ok(Exit::Database);
        }
    };
    if format == Format::Text {
        print("total", rows);
        let next = format!("to {to}: set database.url to it before the daemon starts again");
        say!("{BOLD}Copied{BOLD:#} {}", hanging(&next, 7));
    }
    Ok(Exit::Done)
}

/// Copies while nobody else loads or plans on either store, and gives the number of rows. What happened on the old
/// one meanwhile would happen on the new one once more.
async fn copy_alone(from: &Place, to: &Place, format: Format) -> Result<u64, StoreError> {
    from.expect_store()?;
    let old = from.lock().await?;
    let new = to.lock().await?;
    let all = AtomicU64::new(0);
    let tell = |table: &'static str, rows: u64| {
        all.fetch_add(rows, Ordering::Relaxed);
        match format {
            // A reader that went away is not worth a copy.
            Format::Json => drop(line(&mut stdout().lock(), &Table { table, rows })),
            Format::Text => print(table, rows),
        }
    };
    from.copy_to(to, &tell).await?;
    new.release().await;
    old.release().await;
    Ok(all.into_inner())
}

fn print(what: &str, rows: u64) {
    say!("{what:<16}{:>14}", thousands(rows));
}

/// What a person can do about it.
const fn advice(failure: &StoreError) -> Option<&'static str> {
    match failure {
        StoreError::Missing { .. } => Some("database.url, or --config, names the store to copy from"),
        StoreError::Busy { .. } => Some("stop every daemon on both stores first; and --to must be another store"),
        StoreError::NotEmpty { .. } => Some("make a new database: nothing is ever copied over a store"),
        _ => None,
    }
}
