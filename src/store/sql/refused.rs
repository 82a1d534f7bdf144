//! Refused notices, and that they climbed (domain rule 25).

use std::collections::HashMap;

use sqlx::AssertSqlSafe;

use super::{Cell, Dialect, messages::NoticeColumns};
use crate::store::{RefusedNotice, StoreError};

#[derive(sqlx::FromRow)]
struct RefusedColumns {
    number: i64,
    #[sqlx(flatten)]
    notice: NoticeColumns,
}

pub(super) async fn list_refused<DB: Dialect>(db: &mut DB::Connection) -> Result<Vec<RefusedNotice>, StoreError> {
    let found: Vec<RefusedColumns> = DB::all(
        &mut *db,
        "looking for refused notices",
        "SELECT notice.id AS number, notice.message_id, notice.subject_id, notice.subject,
         notice.rule, notice.stage, notice.episode_id, notice.episode_on, notice.anchor_on, notice.deadline_on,
         notice.reason, notice.rung
         FROM notice JOIN message ON message.id = notice.message_id
         WHERE message.state = 'rejected' AND notice.climbed = 0 AND notice.cancelled = 0 ORDER BY notice.id",
        &[],
    )
    .await?;
    let mut told = list_told::<DB>(db).await?;
    let refused = |row: RefusedColumns| {
        Ok(RefusedNotice {
            number: row.number,
            notice: row.notice.notice()?,
            told: told.remove(&row.number).unwrap_or_default(),
        })
    };
    found.into_iter().map(refused).collect()
}

/// Of every refused notice, who was told of the same stage in the same episode.
async fn list_told<DB: Dialect>(db: &mut DB::Connection) -> Result<HashMap<i64, Vec<String>>, StoreError> {
    let found: Vec<(i64, String)> = DB::all(
        db,
        "looking for who was told besides",
        "SELECT notice.id, other_message.recipient
         FROM notice JOIN message ON message.id = notice.message_id
         JOIN notice AS other ON other.episode_id = notice.episode_id AND other.stage = notice.stage
         JOIN message AS other_message ON other_message.id = other.message_id
         WHERE message.state = 'rejected' AND notice.climbed = 0 AND notice.cancelled = 0
         ORDER BY notice.id, other.id",
        &[],
    )
    .await?;
    let mut told: HashMap<i64, Vec<String>> = HashMap::new();
    for (number, recipient) in found {
        told.entry(number).or_default().push(recipient);
    }
    Ok(told)
}

/// `false` when somebody else let one of them climb meanwhile.
pub(super) async fn mark_climbed<DB: Dialect>(db: &mut DB::Connection, climbed: &[i64]) -> Result<bool, StoreError> {
    let mark = format!("UPDATE notice SET climbed = 1 WHERE climbed = 0 AND id IN {}", DB::LISTED);
    let marked = DB::execute(db, "noting that notices climbed", AssertSqlSafe(mark), &[Cell::Numbers(climbed)]).await?;
    Ok(marked == climbed.len() as u64)
}
