//! Removing what is older than it is kept, a batch at a time.
//!
//! Nothing goes that a plan, a delivery or a person still asks for: messages that are not settled, what open episodes
//! have told, refused notices that have not climbed, runs that wait for a person or were discarded by one, the newest
//! row of what is numbered. Snapshots stay: they say since when something is watched.

use jiff::{Timestamp, civil::Date};

use super::{Cell, Dialect, forget, on_numbers, subjects};
use crate::store::{Pruned, Pruning, StoreError};

const WHAT: &str = "removing what is no longer kept";

/// Settled messages that nothing asks for any more. A refused notice is asked for until it has climbed.
const OLD_MESSAGES: &str = "SELECT id FROM message
     WHERE settled_at < $1 AND state IN ('accepted', 'rejected', 'cancelled')
     AND id < (SELECT max(id) FROM message)
     AND NOT EXISTS (SELECT 1 FROM notice JOIN episode ON episode.id = notice.episode_id
      WHERE notice.message_id = message.id AND (episode.closed_on IS NULL
       OR (message.state = 'rejected' AND notice.climbed = 0 AND notice.cancelled = 0)))
     ORDER BY settled_at LIMIT $2";

/// Closed episodes of which the ledger tells nothing any more.
const OLD_EPISODES: &str = "SELECT id FROM episode
     WHERE closed_on < $1 AND id < (SELECT max(id) FROM episode)
     AND NOT EXISTS (SELECT 1 FROM notice WHERE notice.episode_id = episode.id)
     LIMIT $2";

/// Runs that have no message left. A run that was discarded says which rules still wait for an approval.
const OLD_RUNS: &str = "SELECT id FROM run
     WHERE on_day < $1 AND id < (SELECT max(id) FROM run) AND (hold_state IS NULL OR hold_state = 'approved')
     AND NOT EXISTS (SELECT 1 FROM message WHERE message.run_id = run.id)
     LIMIT $2";

/// What goes by a day alone, before the day `$1`: days that were due but for the newest, what the operator was told,
/// snoozes that are over.
const OLD_DAYS: [&str; 3] = [
    "DELETE FROM due_day WHERE on_day < $1 AND on_day < (SELECT max(on_day) FROM due_day)",
    "DELETE FROM told_alert WHERE on_day < $1",
    "DELETE FROM snooze WHERE until_on < $1",
];

/// Removes one batch of at most so many rows of each kind.
pub(super) async fn prune<DB: Dialect>(db: &mut DB::Connection, pruning: &Pruning) -> Result<Pruned, StoreError> {
    let Pruning { horizon, today, most, .. } = *pruning;
    let mut pruned = Pruned { texts: forget_texts::<DB>(&mut *db, most).await?, ..Pruned::default() };
    if let Some(before) = pruning.raw_files {
        pruned.reports = unquote_reports::<DB>(&mut *db, before, most).await?;
    }
    let gone = forget::find_gone::<DB>(&mut *db, &horizon, most).await?;
    if !gone.is_empty() {
        forget::erase::<DB>(&mut *db, &gone, today).await?;
        subjects::count::<DB>(&mut *db).await?;
        pruned.subjects = gone.len() as u64;
    }
    if let (Some(before_on), Some(before)) = (horizon.ledger, pruning.ledger) {
        pruned.messages = remove_messages::<DB>(&mut *db, before, most).await?;
        pruned.records = remove_records::<DB>(db, before_on, most).await?;
    }
    Ok(pruned)
}

/// The text of a message is for sending it, and for nothing afterwards.
async fn forget_texts<DB: Dialect>(db: &mut DB::Connection, most: u32) -> Result<u64, StoreError> {
    let forget = "UPDATE message SET bulletin = NULL WHERE id IN (SELECT id FROM message
         WHERE bulletin IS NOT NULL AND state IN ('accepted', 'rejected', 'cancelled') LIMIT $1)";
    DB::execute(db, WHAT, forget, &[i64::from(most).into()]).await
}

/// Load reports quote the cells of rows that were not loaded: these go with the file, the counts stay.
async fn unquote_reports<DB: Dialect>(
    db: &mut DB::Connection,
    before: Timestamp,
    most: u32,
) -> Result<u64, StoreError> {
    let quoting = "SELECT id, report FROM snapshot
         WHERE loaded_at < $1 AND report LIKE '%\"rejected\":[{%' ORDER BY id LIMIT $2";
    let found: Vec<(i64, String)> = DB::all(&mut *db, WHAT, quoting, &[before.into(), i64::from(most).into()]).await?;
    for (id, report) in &found {
        let unquoted = unquoted(report);
        let write = "UPDATE snapshot SET report = $1 WHERE id = $2";
        DB::execute(&mut *db, WHAT, write, &[unquoted.into(), (*id).into()]).await?;
    }
    Ok(found.len() as u64)
}

/// A load report without its rejected rows; one that cannot be read says nothing any more.
fn unquoted(report: &str) -> String {
    let mut report: serde_json::Value = serde_json::from_str(report).unwrap_or_default();
    if let Some(rejected) = report.get_mut("rejected") {
        *rejected = serde_json::Value::Array(Vec::new());
    }
    report.to_string()
}

async fn remove_messages<DB: Dialect>(
    db: &mut DB::Connection,
    before: Timestamp,
    most: u32,
) -> Result<u64, StoreError> {
    let old = ids::<DB>(&mut *db, OLD_MESSAGES, before.into(), most).await?;
    for statement in [
        "DELETE FROM attempt WHERE message_id IN",
        "DELETE FROM notice WHERE message_id IN",
        "DELETE FROM message WHERE id IN",
    ] {
        on_numbers::<DB>(&mut *db, WHAT, statement, &old).await?;
    }
    Ok(old.len() as u64)
}

async fn remove_records<DB: Dialect>(db: &mut DB::Connection, before: Date, most: u32) -> Result<u64, StoreError> {
    let episodes = ids::<DB>(&mut *db, OLD_EPISODES, before.into(), most).await?;
    on_numbers::<DB>(&mut *db, WHAT, "DELETE FROM stage_told WHERE episode_id IN", &episodes).await?;
    on_numbers::<DB>(&mut *db, WHAT, "DELETE FROM episode WHERE id IN", &episodes).await?;
    let runs = ids::<DB>(&mut *db, OLD_RUNS, before.into(), most).await?;
    on_numbers::<DB>(&mut *db, WHAT, "DELETE FROM run WHERE id IN", &runs).await?;
    let mut removed = (episodes.len() + runs.len()) as u64;
    for statement in OLD_DAYS {
        removed += DB::execute(&mut *db, WHAT, statement, &[before.into()]).await?;
    }
    Ok(removed)
}

async fn ids<DB: Dialect>(
    db: &mut DB::Connection,
    sql: &'static str,
    before: Cell<'_>,
    most: u32,
) -> Result<Vec<i64>, StoreError> {
    let found: Vec<(i64,)> = DB::all(db, WHAT, sql, &[before, i64::from(most).into()]).await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}
