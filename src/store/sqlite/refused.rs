//! Refused notices in SQLite, and that they climbed (domain rule 25).

use sqlx::{QueryBuilder, Sqlite, SqliteConnection, SqlitePool};

use super::{
    super::{RefusedNotice, StoreError, rows},
    ROWS_A_STATEMENT, doing,
    outbox::NoticeColumns,
};

#[derive(sqlx::FromRow)]
struct RefusedColumns {
    number: i64,
    on_unknown: String,
    told: String,
    #[sqlx(flatten)]
    notice: NoticeColumns,
}

pub(super) async fn list_refused(pool: &SqlitePool) -> Result<Vec<RefusedNotice>, StoreError> {
    let found: Vec<RefusedColumns> = sqlx::query_as(
        "SELECT notice.id AS number, message.on_unknown,
         (SELECT group_concat(other_message.recipient, char(10)) FROM notice AS other
          JOIN message AS other_message ON other_message.id = other.message_id
          WHERE other.episode_id = notice.episode_id AND other.stage = notice.stage) AS told,
         notice.message_id, notice.subject_id, notice.subject, notice.rule, notice.stage, notice.episode_id,
         notice.episode_on, notice.anchor_on, notice.deadline_on, notice.reason, notice.rung
         FROM notice JOIN message ON message.id = notice.message_id
         WHERE message.state = 'rejected' AND notice.climbed = 0 AND notice.cancelled = 0 ORDER BY notice.id",
    )
    .fetch_all(pool)
    .await
    .map_err(doing("looking for refused notices"))?;
    let refused = |row: RefusedColumns| {
        Ok(RefusedNotice {
            number: row.number,
            notice: row.notice.notice()?,
            told: row.told.lines().map(str::to_owned).collect(),
            on_unknown: rows::on_unknown(&row.on_unknown),
        })
    };
    found.into_iter().map(refused).collect()
}

pub(super) async fn mark_climbed(db: &mut SqliteConnection, climbed: &[i64]) -> Result<(), StoreError> {
    for batch in climbed.chunks(ROWS_A_STATEMENT) {
        let mut query = QueryBuilder::<Sqlite>::new("UPDATE notice SET climbed = 1 WHERE id IN (");
        let mut ids = query.separated(", ");
        for id in batch {
            ids.push_bind(*id);
        }
        query.push(")").build().execute(&mut *db).await.map_err(doing("noting that notices climbed"))?;
    }
    Ok(())
}
