//! The outbox: what a plan puts into it.

use std::collections::HashSet;

use jiff::Timestamp;
use sqlx::AssertSqlSafe;

use super::{Cell, Dialect, Table, Twice};
use crate::{
    domain::message::Notice,
    store::{NewMessage, RunId, StoreError, rows},
};

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
