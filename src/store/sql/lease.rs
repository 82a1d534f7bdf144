//! Leases: who may try which messages, and until when; what a quota leaves room for.

use jiff::Timestamp;
use sqlx::AssertSqlSafe;

use super::{
    Cell, Dialect,
    messages::{MESSAGE_COLUMNS, MessageColumns, with_notices},
    settle,
};
use crate::{
    domain::quota::Limit,
    store::{Exchanged, Lease, Revision, Settlement, StoreError, StoredMessage, Usage, rows},
};

/// Settles, then leases: see [`Store::exchange`](crate::store::Store::exchange).
pub(super) async fn exchange<DB: Dialect>(
    db: &mut DB::Connection,
    settled: &[Settlement],
    lease: Option<&Lease>,
) -> Result<Exchanged, StoreError> {
    let lost = settle::settle::<DB>(&mut *db, settled).await?;
    let mut exchanged = Exchanged { lost, ..Exchanged::default() };
    if let Some(lease) = lease {
        let (most, over) = allowed::<DB>(&mut *db, lease).await?;
        exchanged.leased = take::<DB>(&mut *db, lease, most).await?;
        exchanged.over = over.filter(|_| exchanged.leased.len() == most as usize);
    }
    exchanged.revision = revision::<DB>(db).await?;
    Ok(exchanged)
}

/// How many messages the quota leaves room for, and which limit is in the way of more. Who counts does so alone until
/// the transaction ends: two who counted at once would both take what is left.
async fn allowed<DB: Dialect>(db: &mut DB::Connection, lease: &Lease) -> Result<(u32, Option<Limit>), StoreError> {
    if lease.quota.is_open() {
        return Ok((lease.most, None));
    }
    DB::alone(&mut *db).await.map_err(super::doing("waiting for others who count"))?;
    let usage = usage::<DB>(db, lease.now).await?;
    Ok(lease.quota.room(lease.most, usage.in_last_minute, usage.in_last_day))
}

/// An attempt counts while it is open and for a while after it ended: right for whichever moment of it the server
/// goes by.
pub(super) async fn usage<DB: Dialect>(db: &mut DB::Connection, now: Timestamp) -> Result<Usage, StoreError> {
    let now = now.as_millisecond();
    let (open, minute, day): (i64, i64, i64) = DB::one(
        db,
        "counting attempts",
        "SELECT (SELECT count(*) FROM message WHERE state = 'leased'),
         (SELECT count(*) FROM attempt WHERE ended_at > $1 AND outcome NOT IN ('cancelled', 'untried')),
         (SELECT count(*) FROM attempt WHERE ended_at > $2 AND outcome NOT IN ('cancelled', 'untried'))",
        &[(now - rows::MINUTE_MILLIS).into(), (now - rows::DAY_MILLIS).into()],
    )
    .await?;
    Ok(Usage { in_last_minute: rows::uncount(open + minute), in_last_day: rows::uncount(open + day) })
}

async fn take<DB: Dialect>(
    db: &mut DB::Connection,
    lease: &Lease,
    most: u32,
) -> Result<Vec<StoredMessage>, StoreError> {
    if most == 0 {
        return Ok(Vec::new());
    }
    let terms = [
        (&lease.token).into(),
        lease.until.into(),
        lease.now.into(),
        lease.only_any_day.into(),
        i64::from(most).into(),
    ];
    let lease_them = format!("{} RETURNING {MESSAGE_COLUMNS}", DB::LEASE);
    let mut leased: Vec<MessageColumns> =
        DB::all(&mut *db, "leasing messages", AssertSqlSafe(lease_them), &terms).await?;
    if leased.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<i64> = leased.iter().map(|message| message.id).collect();
    let attempts = format!(
        "INSERT INTO attempt (message_id, number, began_at) SELECT id, attempts, $2 FROM message WHERE id IN {}",
        DB::LISTED
    );
    let now = lease.now.into();
    DB::execute(&mut *db, "recording attempts", AssertSqlSafe(attempts), &[Cell::Numbers(&ids), now]).await?;
    // An UPDATE gives its rows in no order.
    leased.sort_by(|one, other| (&one.urgent_on, one.id).cmp(&(&other.urgent_on, other.id)));
    with_notices::<DB>(db, leased).await
}

pub(super) async fn renew<DB: Dialect>(
    db: &mut DB::Connection,
    holder: &str,
    until: Timestamp,
) -> Result<u64, StoreError> {
    let what = "renewing leases";
    let held = format!(
        "SELECT id FROM message WHERE state = 'leased' AND lease_token LIKE $1 || '%' ORDER BY id {}",
        DB::TAKEN
    );
    let held: Vec<(i64,)> = DB::all(&mut *db, what, AssertSqlSafe(held), &[holder.into()]).await?;
    let ids: Vec<i64> = held.into_iter().map(|(id,)| id).collect();
    let longer = format!("UPDATE message SET lease_until_at = $2 WHERE id IN {}", DB::LISTED);
    DB::execute(db, what, AssertSqlSafe(longer), &[Cell::Numbers(&ids), until.into()]).await
}

pub(super) async fn revision<DB: Dialect>(db: &mut DB::Connection) -> Result<Revision, StoreError> {
    let (snapshot, message, episode, decisions, snoozes, erasures): (i64, i64, i64, i64, i64, i64) = DB::one(
        db,
        "asking what is new",
        "SELECT (SELECT coalesce(max(id), 0) FROM snapshot), (SELECT coalesce(max(id), 0) FROM message),
         (SELECT coalesce(max(id), 0) FROM episode),
         (SELECT count(*) FROM run WHERE hold_state IN ('approved', 'discarded')),
         (SELECT coalesce(max(id), 0) + count(ended_at) FROM snooze),
         (SELECT coalesce(max(id), 0) FROM erasure)",
        &[],
    )
    .await?;
    Ok(Revision { snapshot, message, episode, decisions, snoozes, erasures })
}
