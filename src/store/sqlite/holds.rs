//! Held runs in SQLite: what an approval releases and what a discard undoes (domain rules 19 and 20).

use jiff::Timestamp;
use sqlx::SqliteConnection;

use super::{
    super::{Decided, HoldState, MessageNumber, RunId, StoreError, rows},
    doing, standings,
};
use crate::domain::policy::Rule;

/// Notes on the run whether it is held, and clears the snapshots it went by.
pub(super) async fn note(db: &mut SqliteConnection, run: RunId, decided: &Decided<'_>) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE run SET hold = ?, hold_state = ?, newest_snapshot_id = (SELECT max(id) FROM snapshot) WHERE id = ?",
    )
    .bind(decided.hold)
    .bind(decided.hold.map(|_| HoldState::Held.as_str()))
    .bind(run.0)
    .execute(&mut *db)
    .await
    .map_err(doing("noting why a run is held"))?;
    if decided.clears_snapshots {
        clear_snapshots(db, run).await?;
    }
    Ok(())
}

async fn clear_snapshots(db: &mut SqliteConnection, run: RunId) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE snapshot SET cleared = 1
         WHERE cleared = 0 AND id <= (SELECT coalesce(newest_snapshot_id, 0) FROM run WHERE id = ?)",
    )
    .bind(run.0)
    .execute(db)
    .await
    .map_err(doing("clearing snapshots"))?;
    Ok(())
}

/// Notes a person's decision. `false` when the run does not wait for one.
async fn decide(
    db: &mut SqliteConnection,
    run: RunId,
    state: HoldState,
    by: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let decided = sqlx::query(
        "UPDATE run SET hold_state = ?, decided_at = ?, decided_by = ? WHERE id = ? AND hold_state = 'held'",
    )
    .bind(state.as_str())
    .bind(now.as_millisecond())
    .bind(by)
    .bind(run.0)
    .execute(db)
    .await
    .map_err(doing("noting a decision"))?;
    Ok(decided.rows_affected() == 1)
}

pub(super) async fn approve(
    db: &mut SqliteConnection,
    run: RunId,
    by: &str,
    starts: &[(MessageNumber, Timestamp)],
    now: Timestamp,
) -> Result<bool, StoreError> {
    if !decide(db, run, HoldState::Approved, by, now).await? {
        return Ok(false);
    }
    for (number, at) in starts {
        sqlx::query("UPDATE message SET next_at = ? WHERE id = ? AND run_id = ? AND state = 'held'")
            .bind(at.as_millisecond())
            .bind(number.0)
            .bind(run.0)
            .execute(&mut *db)
            .await
            .map_err(doing("spreading a held run"))?;
    }
    sqlx::query("UPDATE message SET state = 'pending' WHERE run_id = ? AND state = 'held'")
        .bind(run.0)
        .execute(&mut *db)
        .await
        .map_err(doing("releasing a held run"))?;
    clear_snapshots(db, run).await?;
    Ok(true)
}

/// The rules of an approved run need no approval from now on.
pub(super) async fn adopt(db: &mut SqliteConnection, run: RunId, rules: &[Rule]) -> Result<(), StoreError> {
    let (on_day,): (String,) = sqlx::query_as("SELECT on_day FROM run WHERE id = ?")
        .bind(run.0)
        .fetch_one(&mut *db)
        .await
        .map_err(doing("reading the day of a run"))?;
    standings::adopt(db, rules, rows::date(&on_day)?).await
}

/// Undoes what a held run decided, so that the next one decides anew. The ledger keeps its messages, as cancelled.
pub(super) async fn discard(
    db: &mut SqliteConnection,
    run: RunId,
    by: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    if !decide(db, run, HoldState::Discarded, by, now).await? {
        return Ok(false);
    }
    let undoings = [
        // The notices first: what follows asks which of a stage's are left.
        "UPDATE notice SET cancelled = 1
         WHERE message_id IN (SELECT id FROM message WHERE run_id = ?1 AND state = 'held')",
        "DELETE FROM stage_told WHERE run_id = ?1 AND passed_over = 0 AND NOT EXISTS
         (SELECT 1 FROM notice WHERE notice.episode_id = stage_told.episode_id AND notice.stage = stage_told.stage
          AND notice.cancelled = 0)",
        "DELETE FROM stage_told WHERE run_id = ?1 AND passed_over = 1 AND NOT EXISTS
         (SELECT 1 FROM stage_told AS told WHERE told.episode_id = stage_told.episode_id AND told.run_id = ?1
          AND told.passed_over = 0)",
        "UPDATE episode SET closed_on = (SELECT on_day FROM run WHERE id = ?1)
         WHERE run_id = ?1 AND closed_on IS NULL
         AND NOT EXISTS (SELECT 1 FROM stage_told WHERE stage_told.episode_id = episode.id)",
    ];
    for undoing in undoings {
        sqlx::query(undoing).bind(run.0).execute(&mut *db).await.map_err(doing("discarding a held run"))?;
    }
    sqlx::query(
        "UPDATE message SET state = 'cancelled', settled_at = ?2, reply = ?3 WHERE run_id = ?1 AND state = 'held'",
    )
    .bind(run.0)
    .bind(now.as_millisecond())
    .bind(format!("discarded by {by}"))
    .execute(db)
    .await
    .map_err(doing("discarding a held run"))?;
    Ok(true)
}
