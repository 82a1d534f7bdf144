//! Messages as the store has them, each with its notices.

use std::collections::HashMap;

use jiff::Timestamp;
use sqlx::AssertSqlSafe;

use super::{Cell, Dialect};
use crate::{
    domain::{
        message::{Message, Notice, StageName},
        plan::EpisodeId,
        register::SubjectId,
        subject::Address,
    },
    store::{LeaseHeld, MessageNumber, MessageState, RunId, StoreError, StoredMessage, rows},
};

/// Messages that are read at once.
const MESSAGES_AT_ONCE: usize = 500;

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

const NOTICES: &str = "SELECT message_id, subject_id, subject, rule, stage, episode_id, episode_on, anchor_on,
     deadline_on, reason, rung FROM notice WHERE cancelled = 0 AND message_id IN";

#[derive(sqlx::FromRow)]
pub(super) struct MessageColumns {
    pub(super) id: i64,
    reference: String,
    message_id: String,
    on_day: String,
    recipient: String,
    kind: String,
    pub(super) urgent_on: String,
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

pub(super) const MESSAGE_COLUMNS: &str =
    "id, reference, message_id, on_day, recipient, kind, urgent_on, on_unknown, bulletin,
     run_id, state, attempts, next_at, reply, settled_at, lease_token, lease_until_at";

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

/// The messages that a condition picks, each with its notices.
async fn find<DB: Dialect>(
    db: &mut DB::Connection,
    what: &'static str,
    condition: &str,
    cells: &[Cell<'_>],
) -> Result<Vec<StoredMessage>, StoreError> {
    let sql = format!("SELECT {MESSAGE_COLUMNS} FROM message {condition}");
    let found = DB::all(&mut *db, what, AssertSqlSafe(sql), cells).await?;
    with_notices::<DB>(db, found).await
}

/// Messages, in the order of their rows, each with its notices.
pub(super) async fn with_notices<DB: Dialect>(
    db: &mut DB::Connection,
    found: Vec<MessageColumns>,
) -> Result<Vec<StoredMessage>, StoreError> {
    let mut notices = HashMap::new();
    for batch in found.chunks(MESSAGES_AT_ONCE) {
        let ids: Vec<i64> = batch.iter().map(|message| message.id).collect();
        read_notices::<DB>(&mut *db, &ids, &mut notices).await?;
    }
    let stored = |row: MessageColumns| {
        let mut notices = notices.remove(&row.id).unwrap_or_default();
        notices.sort();
        row.message(notices)
    };
    found.into_iter().map(stored).collect()
}

/// The standing notices of messages, by the number of their message.
async fn read_notices<DB: Dialect>(
    db: &mut DB::Connection,
    messages: &[i64],
    by_message: &mut HashMap<i64, Vec<Notice>>,
) -> Result<(), StoreError> {
    let sql = format!("{NOTICES} {}", DB::LISTED);
    let found: Vec<NoticeColumns> =
        DB::all(db, "reading notices", AssertSqlSafe(sql), &[Cell::Numbers(messages)]).await?;
    for row in found {
        by_message.entry(row.message_id).or_default().push(row.notice()?);
    }
    Ok(())
}

pub(super) async fn find_message<DB: Dialect>(
    db: &mut DB::Connection,
    reference: &str,
) -> Result<Option<StoredMessage>, StoreError> {
    let found = find::<DB>(db, "looking for a message", "WHERE reference = $1", &[reference.into()]).await?;
    Ok(found.into_iter().next())
}

pub(super) async fn list_messages<DB: Dialect>(
    db: &mut DB::Connection,
    states: &[MessageState],
) -> Result<Vec<StoredMessage>, StoreError> {
    let wanted = if states.is_empty() { &MessageState::ALL[..] } else { states };
    let words: Vec<&str> = wanted.iter().map(|state| state.as_str()).collect();
    let condition = format!("WHERE state IN {} ORDER BY urgent_on, id", DB::LISTED);
    find::<DB>(db, "listing messages", &condition, &[Cell::Texts(&words)]).await
}

pub(super) async fn list_lapsed_leases<DB: Dialect>(
    db: &mut DB::Connection,
    before: Timestamp,
) -> Result<Vec<StoredMessage>, StoreError> {
    let lapsed = "WHERE state = 'leased' AND lease_until_at <= $1 ORDER BY id";
    find::<DB>(db, "looking for attempts that were cut off", lapsed, &[before.into()]).await
}

fn counts(found: Vec<(String, i64)>) -> Result<Vec<(MessageState, u64)>, StoreError> {
    found.into_iter().map(|(state, count)| Ok((rows::state(&state)?, rows::uncount(count)))).collect()
}

pub(super) async fn count_messages<DB: Dialect>(
    db: &mut DB::Connection,
) -> Result<Vec<(MessageState, u64)>, StoreError> {
    let count = "SELECT state, count(*) FROM message GROUP BY state";
    counts(DB::all(db, "counting messages", count, &[]).await?)
}

pub(super) async fn count_messages_of<DB: Dialect>(
    db: &mut DB::Connection,
    run: RunId,
) -> Result<Vec<(MessageState, u64)>, StoreError> {
    let count = "SELECT state, count(*) FROM message WHERE run_id = $1 GROUP BY state";
    counts(DB::all(db, "counting the messages of a run", count, &[run.0.into()]).await?)
}

pub(super) async fn next_attempt_at<DB: Dialect>(
    db: &mut DB::Connection,
    only_any_day: bool,
) -> Result<Option<Timestamp>, StoreError> {
    // Without the condition, the index alone answers.
    let which = if only_any_day { "AND any_day = 1" } else { "" };
    let next = format!("SELECT min(next_at) FROM message WHERE state IN ('pending', 'deferred') {which}");
    let (next,): (Option<i64>,) = DB::one(db, "looking for the next attempt", AssertSqlSafe(next), &[]).await?;
    next.map(rows::instant).transpose()
}

pub(super) async fn last_attempt_at<DB: Dialect>(db: &mut DB::Connection) -> Result<Option<Timestamp>, StoreError> {
    let last = "SELECT max(next_at) FROM message WHERE state IN ('pending', 'deferred')";
    let (last,): (Option<i64>,) = DB::one(db, "looking for the last attempt", last, &[]).await?;
    last.map(rows::instant).transpose()
}
