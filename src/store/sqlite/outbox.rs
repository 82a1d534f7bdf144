//! Messages, notices and attempts in SQLite.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection, SqliteExecutor, SqlitePool};

use super::{
    super::{Lease, MessageNumber, MessageState, NewMessage, RunId, Settlement, StoreError, StoredMessage, rows},
    ROWS_A_STATEMENT, doing,
};
use crate::domain::{
    message::{Message, Notice, StageName},
    plan::EpisodeId,
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
         state, next_at) ",
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
            .push_bind(MessageState::Pending.as_str())
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
    state: String,
    attempts: i64,
    next_at: i64,
    reply: Option<String>,
    settled_at: Option<i64>,
    lease_token: Option<String>,
}

const MESSAGE_COLUMNS: &str = "SELECT id, reference, message_id, on_day, recipient, kind, on_unknown, state, attempts,
     next_at, reply, settled_at, lease_token FROM message ";

impl MessageColumns {
    fn message(self, notices: Vec<Notice>) -> Result<StoredMessage, StoreError> {
        let message = Message {
            on: rows::date(&self.on_day)?,
            recipient: Address::new(&self.recipient),
            kind: rows::kind(&self.kind)?,
            notices,
        };
        Ok(StoredMessage {
            number: MessageNumber(self.id),
            message,
            reference: self.reference,
            message_id: self.message_id,
            on_unknown: rows::on_unknown(&self.on_unknown),
            state: rows::state(&self.state)?,
            attempts: u32::try_from(self.attempts).unwrap_or(u32::MAX),
            next_at: rows::instant(self.next_at)?,
            reply: self.reply,
            settled_at: self.settled_at.map(rows::instant).transpose()?,
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

pub(super) async fn lease(db: &mut SqliteConnection, lease: &Lease) -> Result<Option<StoredMessage>, StoreError> {
    let leased: Option<(i64, i64)> = sqlx::query_as(
        "UPDATE message SET state = 'leased', lease_token = ?, lease_until_at = ?, attempts = attempts + 1
         WHERE id = (SELECT id FROM message INDEXED BY message_open
                     WHERE state IN ('pending', 'deferred', 'leased') AND state <> 'leased' AND next_at <= ?
                     ORDER BY urgent_on, id LIMIT 1)
         RETURNING id, attempts",
    )
    .bind(&lease.token)
    .bind(lease.until.as_millisecond())
    .bind(lease.now.as_millisecond())
    .fetch_optional(&mut *db)
    .await
    .map_err(doing("leasing a message"))?;
    let Some((id, attempt)) = leased else { return Ok(None) };
    sqlx::query("INSERT INTO attempt (message_id, number, began_at) VALUES (?, ?, ?)")
        .bind(id)
        .bind(attempt)
        .bind(lease.now.as_millisecond())
        .execute(&mut *db)
        .await
        .map_err(doing("recording an attempt"))?;
    let found = QueryBuilder::<Sqlite>::new(MESSAGE_COLUMNS)
        .push("WHERE id = ")
        .push_bind(id)
        .build_query_as::<MessageColumns>()
        .fetch_all(&mut *db)
        .await
        .map_err(doing("reading a leased message"))?;
    Ok(with_notices(db, found).await?.pop())
}

pub(super) async fn settle(
    db: &mut SqliteConnection,
    number: MessageNumber,
    token: &str,
    settlement: &Settlement,
) -> Result<bool, StoreError> {
    let is_final = !matches!(settlement.state, MessageState::Pending | MessageState::Deferred);
    let settled = sqlx::query(
        "UPDATE message SET state = ?, reply = ?, assigned_id = ?, next_at = ?, settled_at = ?, lease_token = NULL,
         lease_until_at = NULL WHERE id = ? AND lease_token = ?",
    )
    .bind(settlement.state.as_str())
    .bind(&settlement.reply)
    .bind(&settlement.assigned_id)
    .bind(settlement.next_at.as_millisecond())
    .bind(is_final.then(|| settlement.at.as_millisecond()))
    .bind(number.0)
    .bind(token)
    .execute(&mut *db)
    .await
    .map_err(doing("settling a message"))?;
    if settled.rows_affected() != 1 {
        return Ok(false);
    }
    sqlx::query(
        "UPDATE attempt SET ended_at = ?, outcome = ?, reply = ?
         WHERE message_id = ?4 AND number = (SELECT attempts FROM message WHERE id = ?4)",
    )
    .bind(settlement.at.as_millisecond())
    .bind(settlement.outcome)
    .bind(&settlement.reply)
    .bind(number.0)
    .execute(db)
    .await
    .map_err(doing("settling an attempt"))?;
    Ok(true)
}

pub(super) async fn cancel_notices(
    db: &mut SqliteConnection,
    number: MessageNumber,
    gone: &[Notice],
) -> Result<(), StoreError> {
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

pub(super) async fn list_lapsed_leases(
    pool: &SqlitePool,
    before: Timestamp,
) -> Result<Vec<(StoredMessage, String)>, StoreError> {
    let found = QueryBuilder::<Sqlite>::new(MESSAGE_COLUMNS)
        .push("WHERE state = 'leased' AND lease_until_at <= ")
        .push_bind(before.as_millisecond())
        .push(" ORDER BY id")
        .build_query_as::<MessageColumns>()
        .fetch_all(pool)
        .await
        .map_err(doing("looking for attempts that were cut off"))?;
    let tokens: Vec<String> = found.iter().map(|row| row.lease_token.clone().unwrap_or_default()).collect();
    Ok(with_notices(pool, found).await?.into_iter().zip(tokens).collect())
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

pub(super) async fn next_attempt_at(pool: &SqlitePool) -> Result<Option<Timestamp>, StoreError> {
    let (next,): (Option<i64>,) =
        sqlx::query_as("SELECT min(next_at) FROM message WHERE state IN ('pending', 'deferred')")
            .fetch_one(pool)
            .await
            .map_err(doing("looking for the next attempt"))?;
    next.map(rows::instant).transpose()
}
