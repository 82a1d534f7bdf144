//! Removes what is no longer kept: old exports, accounts that are gone, the old ledger, the texts of messages.
//!
//! It comes after the plan of the day and never fails it: what cannot be removed now is removed by a later run. It
//! writes in small batches with rests in between, so that deliveries and other programs get their turn.

use std::time::Duration;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::{
    JobError, Site,
    load::file_name,
    raw_files::{Fate, raw_files},
};
use crate::{
    domain::policy::Rule,
    store::{Pruned, Pruning},
};

/// Rows of each kind that a batch removes at most: a few milliseconds' work.
const ROWS_A_BATCH: u32 = 500;
/// What a run removes at most of each kind: the rest goes with the next.
const BATCHES_A_RUN: u32 = 400;
/// How long others have the database between two batches.
const REST: Duration = Duration::from_millis(5);

/// What a run removed for its age.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Removed {
    /// Exports, with the notes beside them.
    #[serde(default)]
    pub files: u64,
    /// Rows of the store.
    #[serde(flatten)]
    pub rows: Pruned,
    /// Files in archive and quarantine that we did not put there: they are left alone.
    #[serde(default)]
    pub strange_files: u64,
    /// What could not be removed, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<String>,
}

/// Removes what is no longer kept today.
pub async fn prune(site: &Site) -> Removed {
    let mut removed = Removed::default();
    if let Err(failure) = prune_rows(site, &mut removed.rows).await {
        removed.failures.push(failure.to_string());
    }
    if let Err(failure) = prune_files(site, &mut removed).await {
        removed.failures.push(failure.to_string());
    }
    tell(&removed);
    removed
}

async fn prune_rows(site: &Site, removed: &mut Pruned) -> Result<(), JobError> {
    let (today, zone) = (site.today(), &site.config.time_zone);
    let horizon = site.config.privacy.retention.horizon(today, site.config.policy.rule(Rule::Restore).deadline_after);
    let begins = |day: Option<Date>| day.and_then(|day| midnight(day, zone));
    let (raw_files, ledger) = (begins(horizon.raw_files), begins(horizon.ledger));
    let pruning = Pruning { horizon, raw_files, ledger, today, most: ROWS_A_BATCH };
    for _ in 0..BATCHES_A_RUN {
        let batch = site.store.prune(&pruning).await?;
        removed.add(&batch);
        if batch.sum() == 0 {
            break;
        }
        tokio::time::sleep(REST).await;
    }
    Ok(())
}

fn midnight(day: Date, zone: &TimeZone) -> Option<Timestamp> {
    day.to_zoned(zone.clone()).ok().map(|midnight| midnight.timestamp())
}

async fn prune_files(site: &Site, removed: &mut Removed) -> Result<(), JobError> {
    if site.config.privacy.retention.raw_files.is_none() {
        return Ok(());
    }
    for file in raw_files(site, Some(site.today())).await? {
        match file.fate {
            Fate::Goes(_) => match file.remove() {
                Ok(()) => removed.files += 1,
                Err(failure) => removed.failures.push(failure.to_string()),
            },
            Fate::Strange => {
                removed.strange_files += 1;
                let file = file_name(&file.path);
                tracing::debug!(file, "{file} was not put there by lapsewatch and is left alone");
            }
            Fate::InForce | Fate::Waits => (),
        }
    }
    Ok(())
}

fn tell(removed: &Removed) {
    let (files, rows) = (removed.files, &removed.rows);
    if files + rows.sum() > 0 {
        tracing::info!(
            files,
            subjects = rows.subjects,
            messages = rows.messages,
            records = rows.records,
            texts = rows.texts,
            reports = rows.reports,
            "removed what is no longer kept: {files} files, {} accounts, {} messages",
            rows.subjects,
            rows.messages
        );
    }
    if removed.strange_files > 0 {
        let files = removed.strange_files;
        tracing::warn!(files, "{files} files in archive or quarantine are not lapsewatch's: it never removes them");
    }
    for failure in &removed.failures {
        tracing::error!("what is no longer kept could not be removed, and is tried again by the next run: {failure}");
    }
}
