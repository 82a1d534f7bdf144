//! Messages, notices and attempts.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use sqlx::AssertSqlSafe;

use super::{Cell, Dialect, Table, Twice, settle};
use crate::{
    domain::{
        message::{Message, Notice, StageName},
        outbox::Verdict,
        plan::EpisodeId,
        quota::Limit,
        register::SubjectId,
        subject::Address,
    },
    store::{
        Exchanged, Lease, LeaseHeld, MessageNumber, MessageState, NewMessage, Revision, RunId, Settlement, StoreError,
        StoredMessage, Usage, rows,
    },
};

/// Messages that are read at once.
const MESSAGES_AT_ONCE: usize = 500;

pub(super) async fn insert_messages<DB: Dialect>(
    db: &mut DB::Connection,
    run: RunId,
    messages: &[NewMessage],
    now: Timestamp,
) -> Result<(), StoreError> {
    let ids: Vec<&str> = messages.iter().map(|message| message.message_id.as_str()).collect();
    free_names::<DB>(&mut *db, &ids).await?;
    let known = known_ids::<DB>(&mut *db, &ids).await?;
    let new: Vec<_> = messages.iter().filter(|message| !known.contains(&message.message_id)).collect();
    let numbers = DB::number_messages(&mut *db, new.len()).await.map_err(super::doing("numbering messages"))?;
    let numbered: Vec<_> = numbers.into_iter().zip(new).collect();
    write_messages::<DB>(&mut *db, run, &numbered, now).await?;
    write_notices::<DB>(db, &numbered).await
}

/// Takes the names of cancelled messages from them: who plans such a message again means it, and a name that counts as
/// known would keep it from ever leaving.
async fn free_names<DB: Dialect>(db: &mut DB::Connection, ids: &[&str]) -> Result<(), StoreError> {
    let free = format!(
        "UPDATE message SET reference = reference || '~' || id, message_id = id || '.' || message_id
         WHERE state = 'cancelled' AND message_id IN {}",
        DB::LISTED
    );
    DB::execute(db, "freeing the names of cancelled messages", AssertSqlSafe(free), &[Cell::Texts(ids)]).await?;
    Ok(())
}

/// The Message-IDs that stand in the ledger already: a repeat of the same message is the same message (rule 22).
async fn known_ids<DB: Dialect>(db: &mut DB::Connection, ids: &[&str]) -> Result<HashSet<String>, StoreError> {
    let known = format!("SELECT message_id FROM message WHERE message_id IN {}", DB::LISTED);
    let found: Vec<(String,)> =
        DB::all(db, "looking for known messages", AssertSqlSafe(known), &[Cell::Texts(ids)]).await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

async fn write_messages<DB: Dialect>(
    db: &mut DB::Connection,
    run: RunId,
    numbered: &[(i64, &NewMessage)],
    now: Timestamp,
) -> Result<(), StoreError> {
    let target = Table {
        name: "message",
        columns: [
            "id",
            "run_id",
            "reference",
            "message_id",
            "on_day",
            "recipient",
            "kind",
            "urgent_on",
            "on_unknown",
            "any_day",
            "bulletin",
            "state",
            "next_at",
        ],
        twice: Twice::Fails,
    };
    let rows = numbered.iter().map(|(number, new)| -> [Cell<'_>; 13] {
        let urgent_on = new.message.notices.first().map_or(new.message.on, |notice| notice.deadline_on);
        [
            (*number).into(),
            run.0.into(),
            (&new.reference).into(),
            (&new.message_id).into(),
            new.message.on.into(),
            new.message.recipient.as_str().into(),
            new.message.kind.as_str().into(),
            urgent_on.into(),
            rows::on_unknown_word(new.on_unknown).into(),
            new.is_any_day.into(),
            new.bulletin.as_ref().into(),
            rows::first_state(new).as_str().into(),
            now.into(),
        ]
    });
    DB::fill(db, "writing the outbox", &target, rows).await
}

async fn write_notices<DB: Dialect>(
    db: &mut DB::Connection,
    numbered: &[(i64, &NewMessage)],
) -> Result<(), StoreError> {
    let target = Table {
        name: "notice",
        columns: [
            "message_id",
            "subject_id",
            "subject",
            "rule",
            "stage",
            "episode_id",
            "episode_on",
            "anchor_on",
            "deadline_on",
            "reason",
            "rung",
        ],
        twice: Twice::Fails,
    };
    let all = numbered
        .iter()
        .flat_map(|(number, new)| new.message.notices.iter().map(move |notice| notice_row(*number, notice)));
    DB::fill(db, "writing notices", &target, all).await
}

fn notice_row(message: i64, notice: &Notice) -> [Cell<'_>; 11] {
    [
        message.into(),
        notice.subject_id.0.into(),
        notice.subject.as_str().into(),
        notice.rule.as_str().into(),
        notice.stage.as_str().into(),
        notice.episode_id.0.into(),
        notice.episode_on.into(),
        notice.anchor_on.into(),
        notice.deadline_on.into(),
        notice.reason.as_str().into(),
        notice.rung.as_str().into(),
    ]
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

const NOTICES: &str = "SELECT message_id, subject_id, subject, rule, stage, episode_id, episode_on, anchor_on,
     deadline_on, reason, rung FROM notice WHERE cancelled = 0 AND message_id IN";

#[derive(sqlx::FromRow)]
struct MessageColumns {
    id: i64,
    reference: String,
    message_id: String,
    on_day: String,
    recipient: String,
    kind: String,
    urgent_on: String,
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

const MESSAGE_COLUMNS: &str = "id, reference, message_id, on_day, recipient, kind, urgent_on, on_unknown, bulletin,
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
async fn with_notices<DB: Dialect>(
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

pub(super) async fn list_lapsed_leases<DB: Dialect>(
    db: &mut DB::Connection,
    before: Timestamp,
) -> Result<Vec<StoredMessage>, StoreError> {
    let lapsed = "WHERE state = 'leased' AND lease_until_at <= $1 ORDER BY id";
    find::<DB>(db, "looking for attempts that were cut off", lapsed, &[before.into()]).await
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
