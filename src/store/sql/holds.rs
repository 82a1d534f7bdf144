//! Held runs: what an approval releases and what a discard undoes (domain rules 19 and 20).

use jiff::Timestamp;
use sqlx::AssertSqlSafe;

use super::{Cell, Dialect, doubts, standings, wake};
use crate::{
    domain::policy::Rule,
    store::{Decided, DoubtState, HoldState, MessageNumber, RunId, StoreError, rows},
};

/// Notes on the run whether it is held, and for which files.
pub(super) async fn note<DB: Dialect>(
    db: &mut DB::Connection,
    run: RunId,
    decided: &Decided<'_>,
) -> Result<(), StoreError> {
    let Some(hold) = decided.hold else { return Ok(()) };
    let note = "UPDATE run SET hold = $1, hold_state = $2 WHERE id = $3";
    let terms = [hold.into(), HoldState::Held.as_str().into(), run.0.into()];
    DB::execute(&mut *db, "noting why a run is held", note, &terms).await?;
    doubts::hand_to::<DB>(db, run).await
}

/// Notes a person's decision. `false` when the run does not wait for one.
async fn decide<DB: Dialect>(
    db: &mut DB::Connection,
    run: RunId,
    state: HoldState,
    by: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let decided = DB::execute(
        db,
        "noting a decision",
        "UPDATE run SET hold_state = $1, decided_at = $2, decided_by = $3 WHERE id = $4 AND hold_state = 'held'",
        &[state.as_str().into(), now.into(), by.into(), run.0.into()],
    )
    .await?;
    Ok(decided == 1)
}

pub(super) async fn approve<DB: Dialect>(
    db: &mut DB::Connection,
    run: RunId,
    by: &str,
    starts: &[(MessageNumber, Timestamp)],
    now: Timestamp,
) -> Result<bool, StoreError> {
    if !decide::<DB>(&mut *db, run, HoldState::Approved, by, now).await? {
        return Ok(false);
    }
    for together in starts.chunk_by(|(_, one), (_, other)| one == other) {
        let at = together.first().map(|(_, at)| *at);
        let ids: Vec<i64> = together.iter().map(|(number, _)| number.0).collect();
        let spread =
            format!("UPDATE message SET next_at = $2 WHERE id IN {} AND run_id = $3 AND state = 'held'", DB::LISTED);
        let terms = [Cell::Numbers(&ids), at.into(), run.0.into()];
        DB::execute(&mut *db, "spreading a held run", AssertSqlSafe(spread), &terms).await?;
    }
    let release = "UPDATE message SET state = 'pending' WHERE run_id = $1 AND state = 'held'";
    DB::execute(&mut *db, "releasing a held run", release, &[run.0.into()]).await?;
    doubts::decide::<DB>(db, run, DoubtState::Believed).await?;
    Ok(true)
}

/// The rules of an approved run need no approval from now on.
pub(super) async fn adopt<DB: Dialect>(db: &mut DB::Connection, run: RunId, rules: &[Rule]) -> Result<(), StoreError> {
    let day = "SELECT on_day FROM run WHERE id = $1";
    let (on_day,): (String,) = DB::one(&mut *db, "reading the day of a run", day, &[run.0.into()]).await?;
    standings::adopt::<DB>(db, rules, rows::date(&on_day)?).await
}

/// What a discard undoes, for the run `$1`. The notices first: what follows asks which of a stage's are left.
const UNDOINGS: [&str; 4] = [
    "UPDATE notice SET cancelled = 1
     WHERE message_id IN (SELECT id FROM message WHERE run_id = $1 AND state = 'held')",
    "DELETE FROM stage_told WHERE run_id = $1 AND passed_over = 0 AND NOT EXISTS
     (SELECT 1 FROM notice WHERE notice.episode_id = stage_told.episode_id AND notice.stage = stage_told.stage
      AND notice.cancelled = 0)",
    "DELETE FROM stage_told WHERE run_id = $1 AND passed_over = 1 AND NOT EXISTS
     (SELECT 1 FROM stage_told AS told WHERE told.episode_id = stage_told.episode_id AND told.run_id = $1
      AND told.passed_over = 0)",
    "UPDATE episode SET closed_on = (SELECT on_day FROM run WHERE id = $1)
     WHERE run_id = $1 AND closed_on IS NULL
     AND NOT EXISTS (SELECT 1 FROM stage_told WHERE stage_told.episode_id = episode.id)",
];

/// Undoes what a held run decided, so that the next one decides anew. The ledger keeps its messages, as cancelled.
pub(super) async fn discard<DB: Dialect>(
    db: &mut DB::Connection,
    run: RunId,
    by: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    if !decide::<DB>(&mut *db, run, HoldState::Discarded, by, now).await? {
        return Ok(false);
    }
    let what = "discarding a held run";
    // In the order in which those who settle messages take them.
    let stages =
        format!("SELECT episode_id FROM stage_told WHERE run_id = $1 ORDER BY episode_id, stage {}", DB::TAKEN);
    let _: Vec<(i64,)> = DB::all(&mut *db, what, AssertSqlSafe(stages), &[run.0.into()]).await?;
    let undone = "id IN (SELECT episode_id FROM stage_told WHERE run_id = $1) OR (run_id = $1 AND closed_on IS NULL)";
    wake::stir_episodes::<DB>(&mut *db, undone, &[run.0.into()]).await?;
    for undoing in UNDOINGS {
        DB::execute(&mut *db, what, undoing, &[run.0.into()]).await?;
    }
    let cancel = "UPDATE message SET state = 'cancelled', settled_at = $2, reply = $3
         WHERE run_id = $1 AND state = 'held'";
    DB::execute(&mut *db, what, cancel, &[run.0.into(), now.into(), format!("discarded by {by}").into()]).await?;
    doubts::decide::<DB>(db, run, DoubtState::Dismissed).await?;
    Ok(true)
}
