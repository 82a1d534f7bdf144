//! How attempts ended, written down all together.
//!
//! Every statement goes to the thread of its connection, or over the network, and back. So settlements travel as one
//! JSON array, which the database unpacks into the table `ended`: two statements settle as many as there are.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Serialize;
use sqlx::AssertSqlSafe;

use super::{Cell, Dialect, doing, wake};
use crate::{
    domain::{delivery::Outcome, outbox::Verdict},
    store::{MessageNumber, MessageState, Settlement, StoreError, rows},
};

/// One row of the table `ended`.
#[derive(Serialize)]
struct Ended<'a> {
    number: Cell<'a>,
    token: Cell<'a>,
    state: Cell<'a>,
    outcome: Cell<'a>,
    reply: Cell<'a>,
    assigned_id: Cell<'a>,
    next_at: Cell<'a>,
    settled_at: Cell<'a>,
    at: Cell<'a>,
}

impl<'a> From<&'a Settlement> for Ended<'a> {
    fn from(settlement: &'a Settlement) -> Self {
        let Settlement { number, token, outcome, state, next_at, at, .. } = settlement;
        Self {
            number: number.0.into(),
            token: token.into(),
            state: state.as_str().into(),
            outcome: outcome.as_str().into(),
            reply: outcome.detail().into(),
            assigned_id: outcome.assigned_id().into(),
            next_at: (*next_at).into(),
            settled_at: (!state.is_waiting()).then_some(*at).into(),
            at: (*at).into(),
        }
    }
}

/// Writes down how attempts ended; gives the messages whose lease was no longer the one they ended under.
pub(super) async fn settle<DB: Dialect>(
    db: &mut DB::Connection,
    settled: &[Settlement],
) -> Result<Vec<MessageNumber>, StoreError> {
    if settled.is_empty() {
        return Ok(Vec::new());
    }
    // The messages first, in their order: who holds their rows is alone with their attempts, and a heartbeat that renews
    // them takes them in the same order.
    take_in_order::<DB>(&mut *db, settled).await?;
    let recipients = end_leases::<DB>(&mut *db, settled).await?;
    let (ours, others): (Vec<_>, Vec<_>) =
        settled.iter().partition(|settlement| recipients.contains_key(&settlement.number.0));
    end_attempts::<DB>(&mut *db, &ours).await?;
    take_back_untried::<DB>(&mut *db, &ours).await?;
    // Stages in their order, and addresses in theirs, for others settle at the same time.
    let mut gone: Vec<_> =
        ours.iter().flat_map(|settlement| settlement.gone.iter().map(|notice| (settlement.number, notice))).collect();
    gone.sort_by(|(_, one), (_, other)| (one.episode_id, &one.stage).cmp(&(other.episode_id, &other.stage)));
    for (number, notice) in gone {
        cancel_stage::<DB>(&mut *db, number.0, notice.episode_id.0, notice.stage.as_str()).await?;
    }
    note_reach::<DB>(db, &ours, &recipients).await?;
    Ok(others.into_iter().map(|settlement| settlement.number).collect())
}

async fn take_in_order<DB: Dialect>(db: &mut DB::Connection, settled: &[Settlement]) -> Result<(), StoreError> {
    let ids: Vec<i64> = settled.iter().map(|settlement| settlement.number.0).collect();
    let take = format!("SELECT id FROM message WHERE id IN {} ORDER BY id {}", DB::LISTED, DB::TAKEN);
    let _taken: Vec<(i64,)> = DB::all(db, "settling messages", AssertSqlSafe(take), &[Cell::Numbers(&ids)]).await?;
    Ok(())
}

/// A statement about settlements, which it finds in the table `ended`, with the rows of that table.
fn about<'a, DB: Dialect>(
    settled: impl IntoIterator<Item = &'a Settlement>,
    statement: &str,
) -> Result<(AssertSqlSafe<String>, Cell<'static>), StoreError> {
    let rows: Vec<Ended<'_>> = settled.into_iter().map(Ended::from).collect();
    let not_written = |error: serde_json::Error| doing("writing settlements")(sqlx::Error::Encode(error.into()));
    let rows = serde_json::to_string(&rows).map_err(not_written)?;
    let sql = format!(
        "WITH ended AS (SELECT CAST(value ->> 'number' AS BIGINT) AS number, value ->> 'token' AS token,
         value ->> 'state' AS state, value ->> 'outcome' AS outcome, value ->> 'reply' AS reply,
         value ->> 'assigned_id' AS assigned_id, CAST(value ->> 'next_at' AS BIGINT) AS next_at,
         CAST(value ->> 'settled_at' AS BIGINT) AS settled_at, CAST(value ->> 'at' AS BIGINT) AS ended_at
         FROM {}) {statement}",
        DB::UNPACKED
    );
    Ok((AssertSqlSafe(sql), rows.into()))
}

/// Ends the leases that are still held; gives the recipients of their messages, by number.
async fn end_leases<DB: Dialect>(
    db: &mut DB::Connection,
    settled: &[Settlement],
) -> Result<HashMap<i64, String>, StoreError> {
    let statement = "UPDATE message SET state = ended.state, reply = ended.reply, assigned_id = ended.assigned_id,
         next_at = ended.next_at, settled_at = ended.settled_at, lease_token = NULL, lease_until_at = NULL
         FROM ended WHERE message.id = ended.number AND message.lease_token = ended.token RETURNING id, recipient";
    let (sql, rows) = about::<DB>(settled, statement)?;
    let written: Vec<(i64, String)> = DB::all(db, "settling messages", sql, &[rows]).await?;
    Ok(written.into_iter().collect())
}

/// The newest attempt of a message is the one that ended.
async fn end_attempts<DB: Dialect>(db: &mut DB::Connection, settled: &[&Settlement]) -> Result<(), StoreError> {
    let statement = "UPDATE attempt SET ended_at = ended.ended_at, outcome = ended.outcome, reply = ended.reply
         FROM ended JOIN message ON message.id = ended.number
         WHERE attempt.message_id = message.id AND attempt.number = message.attempts";
    let (sql, rows) = about::<DB>(settled.iter().copied(), statement)?;
    DB::execute(db, "settling attempts", sql, &[rows]).await?;
    Ok(())
}

/// What was leased and not tried is no attempt: it lengthens no wait, and the ledger does not count it.
async fn take_back_untried<DB: Dialect>(db: &mut DB::Connection, settled: &[&Settlement]) -> Result<(), StoreError> {
    let untried = settled.iter().filter(|settlement| settlement.outcome == Outcome::Untried);
    let mut ids: Vec<i64> = untried.map(|settlement| settlement.number.0).collect();
    if ids.is_empty() {
        return Ok(());
    }
    ids.sort_unstable();
    let what = "taking back what was not tried";
    let numbers = [Cell::Numbers(&ids)];
    let attempt = format!("DELETE FROM attempt WHERE outcome = 'untried' AND message_id IN {}", DB::LISTED);
    DB::execute(&mut *db, what, AssertSqlSafe(attempt), &numbers).await?;
    let count = format!("UPDATE message SET attempts = attempts - 1 WHERE id IN {}", DB::LISTED);
    DB::execute(db, what, AssertSqlSafe(count), &numbers).await?;
    Ok(())
}

/// Addresses that took a message are marked no more; then those at which nobody is are marked.
async fn note_reach<DB: Dialect>(
    db: &mut DB::Connection,
    settled: &[&Settlement],
    recipients: &HashMap<i64, String>,
) -> Result<(), StoreError> {
    let recipient = |settlement: &Settlement| recipients.get(&settlement.number.0).map(String::as_str);
    let accepted = settled.iter().filter(|settlement| settlement.state == MessageState::Accepted);
    let mut reached: Vec<&str> = accepted.filter_map(|settlement| recipient(settlement)).collect();
    reached.sort_unstable();
    if !reached.is_empty() {
        let marked_no_more = format!("DELETE FROM unreachable WHERE address IN {}", DB::LISTED);
        let reached = [Cell::Texts(&reached)];
        DB::execute(&mut *db, "noting that somebody is at an address", AssertSqlSafe(marked_no_more), &reached).await?;
    }
    let mut by_address: Vec<_> = settled.to_vec();
    by_address.sort_by_key(|settlement| recipient(settlement));
    for settlement in by_address {
        let (Some(since_on), Some(address)) = (settlement.unreachable_on, recipient(settlement)) else { continue };
        DB::execute(
            &mut *db,
            "noting that nobody is at an address",
            "INSERT INTO unreachable (address, since_on, reply) VALUES ($1, $2, $3)
             ON CONFLICT (address) DO UPDATE SET since_on = excluded.since_on, reply = excluded.reply",
            &[address.into(), since_on.into(), settlement.outcome.detail().into()],
        )
        .await?;
        // Nobody else may read about what it was to be told.
        let of_message = "id IN (SELECT episode_id FROM notice WHERE message_id = $1)";
        wake::stir_episodes::<DB>(&mut *db, of_message, &[settlement.number.0.into()]).await?;
    }
    Ok(())
}

/// Cancels the notice of a stage in a message.
pub(super) async fn cancel_stage<DB: Dialect>(
    db: &mut DB::Connection,
    message: i64,
    episode: i64,
    stage: &str,
) -> Result<(), StoreError> {
    let stage: [Cell<'_>; 2] = [episode.into(), stage.into()];
    // Takes the stage for ourselves: two who cancel its last two notices at once must not both think that one is left.
    let taken = "UPDATE stage_told SET passed_over = passed_over WHERE episode_id = $1 AND stage = $2";
    DB::execute(&mut *db, "cancelling a notice", taken, &stage).await?;
    let [episode, name] = stage.clone();
    let cancel = "UPDATE notice SET cancelled = 1 WHERE message_id = $1 AND episode_id = $2 AND stage = $3";
    DB::execute(&mut *db, "cancelling a notice", cancel, &[message.into(), episode, name]).await?;
    forget_untold::<DB>(db, &stage).await
}

/// A stage of which every notice was cancelled has not been told: it may be due again.
async fn forget_untold<DB: Dialect>(db: &mut DB::Connection, stage: &[Cell<'_>; 2]) -> Result<(), StoreError> {
    let untold = DB::execute(
        &mut *db,
        "cancelling a stage",
        "DELETE FROM stage_told WHERE episode_id = $1 AND stage = $2 AND passed_over = 0
         AND NOT EXISTS (SELECT 1 FROM notice WHERE episode_id = $1 AND stage = $2 AND cancelled = 0)",
        stage,
    )
    .await?;
    if untold == 0 { Ok(()) } else { wake::stir_episodes::<DB>(db, "id = $1", &stage[..1]).await }
}

/// What somebody decided of a message of which nobody knew whether it had arrived.
pub(super) async fn settle_unknown<DB: Dialect>(
    db: &mut DB::Connection,
    number: MessageNumber,
    verdict: Verdict,
    by: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Some(next) = rows::decided(verdict) else { return Ok(false) };
    let settled = DB::execute(
        db,
        "settling a message of unknown outcome",
        "UPDATE message SET state = $1, next_at = $2, settled_at = $3, reply = $4 WHERE id = $5 AND state = 'unknown'",
        &[
            next.as_str().into(),
            now.into(),
            next.is_settled().then_some(now).into(),
            format!("{by} decided: {}", verdict.as_str()).into(),
            number.0.into(),
        ],
    )
    .await?;
    Ok(settled == 1)
}
