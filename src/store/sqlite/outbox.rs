//! Messages, notices and attempts in SQLite.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection, SqliteExecutor, SqlitePool};

use super::{
    super::{
        Exchanged, Lease, LeaseHeld, MessageNumber, MessageState, NewMessage, Revision, RunId, Settlement, StoreError,
        StoredMessage, Usage, rows,
    },
    ROWS_A_STATEMENT, doing,
};
use crate::domain::{
    message::{Message, Notice, StageName},
    outbox::Verdict,
    plan::EpisodeId,
    quota::Limit,
    register::SubjectId,
    subject::Address,
};

pub(super) async fn insert_messages(
    db: &mut SqliteConnection,
    run: RunId,
    messages: &[NewMessage],
    now: Timestamp,
) -> Result<(), StoreError> {
    let (last,): (i64,) = sqlx::query_as("SELECT coalesce(max(id), 0) FROM message")
        .fetch_one(&mut *db)
        .await
        .map_err(doing("numbering messages"))?;
    let known = known_ids(db, messages).await?;
    let new = messages.iter().filter(|message| !known.contains(&message.message_id));
    let numbered: Vec<_> = (last + 1..).zip(new).collect();
    for batch in numbered.chunks(ROWS_A_STATEMENT) {
        write_messages(db, run, batch, now).await?;
        write_notices(db, batch).await?;
    }
    Ok(())
}

/// The Message-IDs that stand in the ledger already: a repeat of the same message is the same message (rule 22).
async fn known_ids(db: &mut SqliteConnection, messages: &[NewMessage]) -> Result<HashSet<String>, StoreError> {
    let mut known = HashSet::new();
    for batch in messages.chunks(ROWS_A_STATEMENT) {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT message_id FROM message WHERE message_id IN (");
        let mut ids = query.separated(", ");
        for message in batch {
            ids.push_bind(&message.message_id);
        }
        query.push(")");
        let found: Vec<(String,)> =
            query.build_query_as().fetch_all(&mut *db).await.map_err(doing("looking for known messages"))?;
        known.extend(found.into_iter().map(|(id,)| id));
    }
    Ok(known)
}

async fn write_messages(
    db: &mut SqliteConnection,
    run: RunId,
    batch: &[(i64, &NewMessage)],
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new(
        "INSERT INTO message (id, run_id, reference, message_id, on_day, recipient, kind, urgent_on, on_unknown,
         any_day, bulletin, state, next_at) ",
    );
    query.push_values(batch, |mut row, (number, new)| {
        let urgent_on = new.message.notices.first().map_or(new.message.on, |notice| notice.deadline_on);
        row.push_bind(*number)
            .push_bind(run.0)
            .push_bind(&new.reference)
            .push_bind(&new.message_id)
            .push_bind(new.message.on.to_string())
            .push_bind(new.message.recipient.as_str())
            .push_bind(new.message.kind.as_str())
            .push_bind(urgent_on.to_string())
            .push_bind(rows::on_unknown_word(new.on_unknown))
            .push_bind(i64::from(new.is_any_day))
            .push_bind(&new.bulletin)
            .push_bind(rows::first_state(new).as_str())
            .push_bind(now.as_millisecond());
    });
    query.build().execute(db).await.map_err(doing("writing the outbox"))?;
    Ok(())
}

async fn write_notices(db: &mut SqliteConnection, batch: &[(i64, &NewMessage)]) -> Result<(), StoreError> {
    let all: Vec<_> = batch
        .iter()
        .flat_map(|(number, new)| new.message.notices.iter().map(move |notice| (*number, notice)))
        .collect();
    for notices in all.chunks(ROWS_A_STATEMENT) {
        let mut query = QueryBuilder::<Sqlite>::new(
            "INSERT INTO notice (message_id, subject_id, subject, rule, stage, episode_id, episode_on, anchor_on,
             deadline_on, reason, rung) ",
        );
        query.push_values(notices, |mut row, (number, notice)| {
            row.push_bind(*number)
                .push_bind(notice.subject_id.0)
                .push_bind(notice.subject.as_str())
                .push_bind(notice.rule.as_str())
                .push_bind(notice.stage.as_str())
                .push_bind(notice.episode_id.0)
                .push_bind(notice.episode_on.to_string())
                .push_bind(notice.anchor_on.to_string())
                .push_bind(notice.deadline_on.to_string())
                .push_bind(notice.reason.as_str())
                .push_bind(notice.rung.as_str());
        });
        query.build().execute(&mut *db).await.map_err(doing("writing notices"))?;
    }
    Ok(())
}

#[derive(sqlx::FromRow)]
pub(super) struct NoticeColumns {
    message_id: i64,
    subject_id: i64,
    subject: String,
    rule: String,
    stage: String,
    episode_id: i64,
    episode_on: String,
    anchor_on: String,
    deadline_on: String,
    reason: String,
    rung: String,
}

impl NoticeColumns {
    pub(super) fn notice(&self) -> Result<Notice, StoreError> {
        Ok(Notice {
            deadline_on: rows::date(&self.deadline_on)?,
            subject: Address::new(&self.subject),
            rule: rows::rule(&self.rule)?,
            stage: StageName::nth(&self.stage, 1),
            anchor_on: rows::date(&self.anchor_on)?,
            episode_on: rows::date(&self.episode_on)?,
            reason: rows::reason(&self.reason)?,
            rung: rows::rung(&self.rung)?,
            subject_id: SubjectId(self.subject_id),
            episode_id: EpisodeId(self.episode_id),
        })
    }
}

const NOTICE_COLUMNS: &str = "SELECT message_id, subject_id, subject, rule, stage, episode_id, episode_on, anchor_on,
     deadline_on, reason, rung FROM notice WHERE cancelled = 0 AND message_id IN (";

#[derive(sqlx::FromRow)]
struct MessageColumns {
    id: i64,
    reference: String,
    message_id: String,
    on_day: String,
    recipient: String,
    kind: String,
    on_unknown: String,
    bulletin: Option<String>,
    run_id: i64,
    state: String,
    attempts: i64,
    next_at: i64,
    reply: Option<String>,
    settled_at: Option<i64>,
    lease_token: Option<String>,
    lease_until_at: Option<i64>,
}

const MESSAGE_COLUMNS: &str = "SELECT id, reference, message_id, on_day, recipient, kind, on_unknown, bulletin, run_id,
     state, attempts, next_at, reply, settled_at, lease_token, lease_until_at FROM message ";

impl MessageColumns {
    fn message(self, notices: Vec<Notice>) -> Result<StoredMessage, StoreError> {
        let message = Message {
            on: rows::date(&self.on_day)?,
            recipient: Address::new(&self.recipient),
            kind: rows::kind(&self.kind)?,
            notices,
        };
        let lease = match (self.lease_token, self.lease_until_at) {
            (Some(token), Some(until)) => Some(LeaseHeld { token, until: rows::instant(until)? }),
            _ => None,
        };
        Ok(StoredMessage {
            number: MessageNumber(self.id),
            message,
            reference: self.reference,
            message_id: self.message_id,
            on_unknown: rows::on_unknown(&self.on_unknown),
            bulletin: self.bulletin,
            run: RunId(self.run_id),
            state: rows::state(&self.state)?,
            attempts: u32::try_from(self.attempts).unwrap_or(u32::MAX),
            next_at: rows::instant(self.next_at)?,
            reply: self.reply,
            settled_at: self.settled_at.map(rows::instant).transpose()?,
            lease,
        })
    }
}

/// Joins messages with their notices.
async fn with_notices(
    pool: impl SqliteExecutor<'_>,
    found: Vec<MessageColumns>,
) -> Result<Vec<StoredMessage>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new(NOTICE_COLUMNS);
    let mut ids = query.separated(", ");
    for message in &found {
        ids.push_bind(message.id);
    }
    query.push(")");
    let rows: Vec<NoticeColumns> = query.build_query_as().fetch_all(pool).await.map_err(doing("reading notices"))?;
    let mut by_message: HashMap<i64, Vec<Notice>> = HashMap::new();
    for row in rows {
        by_message.entry(row.message_id).or_default().push(row.notice()?);
    }
    let stored = |row: MessageColumns| {
        let mut notices = by_message.remove(&row.id).unwrap_or_default();
        notices.sort();
        row.message(notices)
    };
    found.into_iter().map(stored).collect()
}

/// Settles, then leases: see [`Store::exchange`](super::super::Store::exchange).
pub(super) async fn exchange(
    db: &mut SqliteConnection,
    settled: &[Settlement],
    lease: Option<&Lease>,
) -> Result<Exchanged, StoreError> {
    let mut exchanged = Exchanged::default();
    for settlement in settled {
        if !settle(db, settlement).await? {
            exchanged.lost.push(settlement.number);
        }
    }
    if let Some(lease) = lease {
        let (most, over) = allowed(db, lease).await?;
        exchanged.leased = take(db, lease, most).await?;
        exchanged.over = over.filter(|_| exchanged.leased.len() == most as usize);
    }
    exchanged.revision = revision(db).await?;
    Ok(exchanged)
}

/// How many messages the quota leaves room for, and which limit is in the way of more.
async fn allowed(db: &mut SqliteConnection, lease: &Lease) -> Result<(u32, Option<Limit>), StoreError> {
    if lease.quota.is_open() {
        return Ok((lease.most, None));
    }
    let usage = usage(db, lease.now).await?;
    Ok(lease.quota.room(lease.most, usage.in_last_minute, usage.in_last_day))
}

pub(super) async fn usage(db: impl SqliteExecutor<'_>, now: Timestamp) -> Result<Usage, StoreError> {
    let now = now.as_millisecond();
    let (open, minute, day): (i64, i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM message WHERE state = 'leased'),
         (SELECT count(*) FROM attempt WHERE ended_at > ?1 AND outcome NOT IN ('cancelled', 'untried')),
         (SELECT count(*) FROM attempt WHERE began_at > ?2 AND coalesce(outcome, '') NOT IN ('cancelled', 'untried'))",
    )
    .bind(now - rows::MINUTE_MILLIS)
    .bind(now - rows::DAY_MILLIS)
    .fetch_one(db)
    .await
    .map_err(doing("counting attempts"))?;
    Ok(Usage { in_last_minute: rows::uncount(open + minute), in_last_day: rows::uncount(day) })
}

async fn take(db: &mut SqliteConnection, lease: &Lease, most: u32) -> Result<Vec<StoredMessage>, StoreError> {
    if most == 0 {
        return Ok(Vec::new());
    }
    let leased: Vec<(i64,)> = sqlx::query_as(
        "UPDATE message SET state = 'leased', lease_token = ?1, lease_until_at = ?2, attempts = attempts + 1
         WHERE id IN (SELECT id FROM message INDEXED BY message_open
                      WHERE state IN ('pending', 'deferred', 'leased') AND state <> 'leased' AND next_at <= ?3
                      AND any_day >= ?4 ORDER BY urgent_on, id LIMIT ?5)
         RETURNING id",
    )
    .bind(&lease.token)
    .bind(lease.until.as_millisecond())
    .bind(lease.now.as_millisecond())
    .bind(i64::from(lease.only_any_day))
    .bind(i64::from(most))
    .fetch_all(&mut *db)
    .await
    .map_err(doing("leasing messages"))?;
    let mut messages = Vec::with_capacity(leased.len());
    for ids in leased.chunks(ROWS_A_STATEMENT) {
        record_attempts(db, ids, lease.now).await?;
        messages.extend(read_leased(db, ids).await?);
    }
    Ok(messages)
}

async fn record_attempts(db: &mut SqliteConnection, ids: &[(i64,)], now: Timestamp) -> Result<(), StoreError> {
    let mut query =
        QueryBuilder::<Sqlite>::new("INSERT INTO attempt (message_id, number, began_at) SELECT id, attempts, ");
    query.push_bind(now.as_millisecond()).push(" FROM message WHERE id IN (");
    push_ids(&mut query, ids);
    query.push(")").build().execute(db).await.map_err(doing("recording attempts"))?;
    Ok(())
}

async fn read_leased(db: &mut SqliteConnection, ids: &[(i64,)]) -> Result<Vec<StoredMessage>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new(MESSAGE_COLUMNS);
    query.push("WHERE id IN (");
    push_ids(&mut query, ids);
    query.push(") ORDER BY urgent_on, id");
    let found = query.build_query_as().fetch_all(&mut *db).await.map_err(doing("reading leased messages"))?;
    with_notices(db, found).await
}

fn push_ids(query: &mut QueryBuilder<Sqlite>, ids: &[(i64,)]) {
    let mut list = query.separated(", ");
    for (id,) in ids {
        list.push_bind(*id);
    }
}

async fn settle(db: &mut SqliteConnection, settlement: &Settlement) -> Result<bool, StoreError> {
    let settled: Option<(i64, String)> = sqlx::query_as(
        "UPDATE message SET state = ?, reply = ?, assigned_id = ?, next_at = ?, settled_at = ?, lease_token = NULL,
         lease_until_at = NULL WHERE id = ? AND lease_token = ? RETURNING attempts, recipient",
    )
    .bind(settlement.state.as_str())
    .bind(settlement.outcome.detail())
    .bind(settlement.outcome.assigned_id())
    .bind(settlement.next_at.as_millisecond())
    .bind((!settlement.state.is_waiting()).then(|| settlement.at.as_millisecond()))
    .bind(settlement.number.0)
    .bind(&settlement.token)
    .fetch_optional(&mut *db)
    .await
    .map_err(doing("settling a message"))?;
    let Some((attempt, recipient)) = settled else { return Ok(false) };
    sqlx::query("UPDATE attempt SET ended_at = ?, outcome = ?, reply = ? WHERE message_id = ? AND number = ?")
        .bind(settlement.at.as_millisecond())
        .bind(settlement.outcome.as_str())
        .bind(settlement.outcome.detail())
        .bind(settlement.number.0)
        .bind(attempt)
        .execute(&mut *db)
        .await
        .map_err(doing("settling an attempt"))?;
    cancel_notices(db, settlement.number, &settlement.gone).await?;
    note_reach(db, settlement, &recipient).await?;
    Ok(true)
}

/// Marks an address at which nobody is; one that takes a message again is marked no more.
async fn note_reach(db: &mut SqliteConnection, settlement: &Settlement, recipient: &str) -> Result<(), StoreError> {
    if let Some(since_on) = settlement.unreachable_on {
        sqlx::query(
            "INSERT INTO unreachable (address, since_on, reply) VALUES (?, ?, ?)
             ON CONFLICT (address) DO UPDATE SET since_on = excluded.since_on, reply = excluded.reply",
        )
        .bind(recipient)
        .bind(since_on.to_string())
        .bind(settlement.outcome.detail())
        .execute(db)
        .await
        .map_err(doing("noting that nobody is at an address"))?;
    } else if settlement.state == MessageState::Accepted {
        sqlx::query("DELETE FROM unreachable WHERE address = ?")
            .bind(recipient)
            .execute(db)
            .await
            .map_err(doing("noting that somebody is at an address"))?;
    }
    Ok(())
}

async fn revision(db: &mut SqliteConnection) -> Result<Revision, StoreError> {
    let (snapshot, run, episode, decisions, snoozes): (i64, i64, i64, i64, i64) = sqlx::query_as(
        "SELECT (SELECT coalesce(max(id), 0) FROM snapshot), (SELECT coalesce(max(id), 0) FROM run),
         (SELECT coalesce(max(id), 0) FROM episode), (SELECT count(*) FROM run WHERE decided_at IS NOT NULL),
         (SELECT coalesce(max(id), 0) + count(ended_at) FROM snooze)",
    )
    .fetch_one(db)
    .await
    .map_err(doing("asking what is new"))?;
    Ok(Revision { snapshot, run, episode, decisions, snoozes })
}

pub(super) async fn renew(pool: &SqlitePool, holder: &str, until: Timestamp) -> Result<u64, StoreError> {
    let renewed =
        sqlx::query("UPDATE message SET lease_until_at = ? WHERE state = 'leased' AND lease_token LIKE ? || '%'")
            .bind(until.as_millisecond())
            .bind(holder)
            .execute(pool)
            .await
            .map_err(doing("renewing leases"))?;
    Ok(renewed.rows_affected())
}

pub(super) async fn settle_unknown(
    db: &mut SqliteConnection,
    number: MessageNumber,
    verdict: Verdict,
    by: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Some(next) = rows::decided(verdict) else { return Ok(false) };
    let settled = sqlx::query(
        "UPDATE message SET state = ?, next_at = ?, settled_at = ?, reply = ? WHERE id = ? AND state = 'unknown'",
    )
    .bind(next.as_str())
    .bind(now.as_millisecond())
    .bind(next.is_settled().then(|| now.as_millisecond()))
    .bind(format!("{by} decided: {}", verdict.as_str()))
    .bind(number.0)
    .execute(db)
    .await
    .map_err(doing("settling a message of unknown outcome"))?;
    Ok(settled.rows_affected() == 1)
}

async fn cancel_notices(db: &mut SqliteConnection, number: MessageNumber, gone: &[Notice]) -> Result<(), StoreError> {
    for notice in gone {
        sqlx::query("UPDATE notice SET cancelled = 1 WHERE message_id = ? AND episode_id = ? AND stage = ?")
            .bind(number.0)
            .bind(notice.episode_id.0)
            .bind(notice.stage.as_str())
            .execute(&mut *db)
            .await
            .map_err(doing("cancelling a notice"))?;
        forget_untold(db, notice).await?;
    }
    Ok(())
}

/// A stage of which every notice was cancelled has not been told: it may be due again.
async fn forget_untold(db: &mut SqliteConnection, notice: &Notice) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM stage_told WHERE episode_id = ?1 AND stage = ?2 AND passed_over = 0
         AND NOT EXISTS (SELECT 1 FROM notice WHERE episode_id = ?1 AND stage = ?2 AND cancelled = 0)",
    )
    .bind(notice.episode_id.0)
    .bind(notice.stage.as_str())
    .execute(db)
    .await
    .map_err(doing("cancelling a stage"))?;
    Ok(())
}

pub(super) async fn list_lapsed_leases(pool: &SqlitePool, before: Timestamp) -> Result<Vec<StoredMessage>, StoreError> {
    let found = QueryBuilder::<Sqlite>::new(MESSAGE_COLUMNS)
        .push("WHERE state = 'leased' AND lease_until_at <= ")
        .push_bind(before.as_millisecond())
        .push(" ORDER BY id")
        .build_query_as::<MessageColumns>()
        .fetch_all(pool)
        .await
        .map_err(doing("looking for attempts that were cut off"))?;
    with_notices(pool, found).await
}

pub(super) async fn find_message(pool: &SqlitePool, reference: &str) -> Result<Option<StoredMessage>, StoreError> {
    let found = QueryBuilder::<Sqlite>::new(MESSAGE_COLUMNS)
        .push("WHERE reference = ")
        .push_bind(reference)
        .build_query_as::<MessageColumns>()
        .fetch_all(pool)
        .await
        .map_err(doing("looking for a message"))?;
    Ok(with_notices(pool, found).await?.pop())
}

pub(super) async fn list_messages(
    pool: &SqlitePool,
    states: &[MessageState],
) -> Result<Vec<StoredMessage>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new(MESSAGE_COLUMNS);
    if !states.is_empty() {
        query.push("WHERE state IN (");
        let mut words = query.separated(", ");
        for state in states {
            words.push_bind(state.as_str());
        }
        query.push(") ");
    }
    query.push("ORDER BY urgent_on, id");
    let found: Vec<MessageColumns> = query.build_query_as().fetch_all(pool).await.map_err(doing("listing messages"))?;
    let mut messages = Vec::with_capacity(found.len());
    let mut rest = found.into_iter().peekable();
    while rest.peek().is_some() {
        messages.extend(with_notices(pool, rest.by_ref().take(ROWS_A_STATEMENT).collect()).await?);
    }
    Ok(messages)
}

pub(super) async fn count_messages(pool: &SqlitePool) -> Result<Vec<(MessageState, u64)>, StoreError> {
    let found: Vec<(String, i64)> = sqlx::query_as("SELECT state, count(*) FROM message GROUP BY state")
        .fetch_all(pool)
        .await
        .map_err(doing("counting messages"))?;
    found.into_iter().map(|(state, count)| Ok((rows::state(&state)?, rows::uncount(count)))).collect()
}

pub(super) async fn count_messages_of(pool: &SqlitePool, run: RunId) -> Result<Vec<(MessageState, u64)>, StoreError> {
    let found: Vec<(String, i64)> =
        sqlx::query_as("SELECT state, count(*) FROM message WHERE run_id = ? GROUP BY state")
            .bind(run.0)
            .fetch_all(pool)
            .await
            .map_err(doing("counting the messages of a run"))?;
    found.into_iter().map(|(state, count)| Ok((rows::state(&state)?, rows::uncount(count)))).collect()
}

pub(super) async fn next_attempt_at(pool: &SqlitePool) -> Result<Option<Timestamp>, StoreError> {
    let (next,): (Option<i64>,) =
        sqlx::query_as("SELECT min(next_at) FROM message WHERE state IN ('pending', 'deferred')")
            .fetch_one(pool)
            .await
            .map_err(doing("looking for the next attempt"))?;
    next.map(rows::instant).transpose()
}
