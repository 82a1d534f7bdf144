//! Runs, episodes, stages told and due days in SQLite.

use std::collections::HashMap;

use jiff::{Timestamp, civil::Date};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection, SqlitePool};

use super::{
    super::{Claim, LedgerLine, OpenEpisode, RunId, RunRow, StoreError, rows},
    ROWS_A_STATEMENT, doing,
    outbox::NoticeColumns,
};
use crate::domain::{
    message::StageName,
    plan::{Episode, EpisodeId, Plan, StageEntry, Told},
    register::SubjectId,
};

pub(super) async fn load_told(pool: &SqlitePool) -> Result<Told, StoreError> {
    let open: Vec<(i64, i64, String, String, String)> =
        sqlx::query_as("SELECT id, subject_id, rule, opened_on, opened_anchor_on FROM episode WHERE closed_on IS NULL")
            .fetch_all(pool)
            .await
            .map_err(doing("reading episodes"))?;
    let mut episodes = Vec::with_capacity(open.len());
    for (id, subject, rule, opened_on, opened_anchor_on) in open {
        let (opened_on, opened_anchor_on) = (rows::date(&opened_on)?, rows::date(&opened_anchor_on)?);
        let episode = Episode { id: EpisodeId(id), opened_on, opened_anchor_on };
        episodes.push((SubjectId(subject), rows::rule(&rule)?, episode));
    }
    let stages: Vec<(i64, String)> = sqlx::query_as(
        "SELECT stage_told.episode_id, stage_told.stage FROM stage_told
         JOIN episode ON episode.id = stage_told.episode_id WHERE episode.closed_on IS NULL",
    )
    .fetch_all(pool)
    .await
    .map_err(doing("reading what was told"))?;
    let (last,): (i64,) = sqlx::query_as("SELECT coalesce(max(id), 0) FROM episode")
        .fetch_one(pool)
        .await
        .map_err(doing("numbering episodes"))?;
    let stages = stages.into_iter().map(|(episode, stage)| (EpisodeId(episode), StageName::nth(&stage, 1)));
    Ok(Told::new(episodes, stages, last))
}

pub(super) async fn write_episodes(db: &mut SqliteConnection, plan: &Plan) -> Result<(), StoreError> {
    for batch in plan.closed.chunks(ROWS_A_STATEMENT) {
        let mut query = QueryBuilder::<Sqlite>::new("UPDATE episode SET closed_on = ");
        query.push_bind(plan.on.to_string()).push(" WHERE id IN (");
        let mut ids = query.separated(", ");
        for closed in batch {
            ids.push_bind(closed.episode.id.0);
        }
        query.push(")").build().execute(&mut *db).await.map_err(doing("closing episodes"))?;
    }
    for batch in plan.opened.chunks(ROWS_A_STATEMENT) {
        let mut query =
            QueryBuilder::<Sqlite>::new("INSERT INTO episode (id, subject_id, rule, opened_on, opened_anchor_on) ");
        query.push_values(batch, |mut row, opened| {
            row.push_bind(opened.episode.id.0)
                .push_bind(opened.subject.0)
                .push_bind(opened.rule.as_str())
                .push_bind(opened.episode.opened_on.to_string())
                .push_bind(opened.episode.opened_anchor_on.to_string());
        });
        query.build().execute(&mut *db).await.map_err(doing("opening episodes"))?;
    }
    write_stages(db, plan.on, &plan.told, false).await?;
    write_stages(db, plan.on, &plan.passed_over, true).await
}

async fn write_stages(
    db: &mut SqliteConnection,
    on_day: Date,
    entries: &[StageEntry],
    passed_over: bool,
) -> Result<(), StoreError> {
    for batch in entries.chunks(ROWS_A_STATEMENT) {
        let mut query = QueryBuilder::<Sqlite>::new("INSERT INTO stage_told (episode_id, stage, on_day, passed_over) ");
        query.push_values(batch, |mut row, entry| {
            row.push_bind(entry.episode.0)
                .push_bind(entry.stage.as_str())
                .push_bind(on_day.to_string())
                .push_bind(i64::from(passed_over));
        });
        query.build().execute(&mut *db).await.map_err(doing("noting what was told"))?;
    }
    Ok(())
}

pub(super) async fn begin_run(
    pool: &SqlitePool,
    on_day: Date,
    kind: &str,
    now: Timestamp,
) -> Result<RunId, StoreError> {
    let (id,): (i64,) = sqlx::query_as("INSERT INTO run (on_day, kind, started_at) VALUES (?, ?, ?) RETURNING id")
        .bind(on_day.to_string())
        .bind(kind)
        .bind(now.as_millisecond())
        .fetch_one(pool)
        .await
        .map_err(doing("beginning a run"))?;
    Ok(RunId(id))
}

pub(super) async fn finish_run(pool: &SqlitePool, run: RunId, now: Timestamp, report: &str) -> Result<(), StoreError> {
    sqlx::query("UPDATE run SET finished_at = ?, report = ? WHERE id = ?")
        .bind(now.as_millisecond())
        .bind(report)
        .bind(run.0)
        .execute(pool)
        .await
        .map_err(doing("ending a run"))?;
    Ok(())
}

type RunColumns = (i64, String, String, i64, Option<i64>, Option<String>);

pub(super) async fn list_runs(pool: &SqlitePool, most: u32) -> Result<Vec<RunRow>, StoreError> {
    let found: Vec<RunColumns> =
        sqlx::query_as("SELECT id, on_day, kind, started_at, finished_at, report FROM run ORDER BY id DESC LIMIT ?")
            .bind(i64::from(most))
            .fetch_all(pool)
            .await
            .map_err(doing("listing runs"))?;
    let row = |(id, on_day, kind, started_at, finished_at, report): RunColumns| {
        Ok(RunRow {
            id: RunId(id),
            on_day: rows::date(&on_day)?,
            kind,
            started_at: rows::instant(started_at)?,
            finished_at: finished_at.map(rows::instant).transpose()?,
            report,
        })
    };
    found.into_iter().map(row).collect()
}

#[derive(sqlx::FromRow)]
struct LedgerColumns {
    on_day: String,
    recipient: String,
    kind: String,
    reference: String,
    state: String,
    settled_at: Option<i64>,
    reply: Option<String>,
    #[sqlx(flatten)]
    notice: NoticeColumns,
}

pub(super) async fn list_ledger(pool: &SqlitePool, subject: SubjectId) -> Result<Vec<LedgerLine>, StoreError> {
    let found: Vec<LedgerColumns> = sqlx::query_as(
        "SELECT message.on_day, message.recipient, message.kind, message.reference,
         CASE notice.cancelled WHEN 1 THEN 'cancelled' ELSE message.state END AS state,
         message.settled_at, message.reply, notice.message_id, notice.subject_id, notice.subject, notice.rule,
         notice.stage, notice.episode_id, notice.episode_on, notice.anchor_on, notice.deadline_on, notice.reason,
         notice.rung
         FROM notice JOIN message ON message.id = notice.message_id
         WHERE notice.subject_id = ? ORDER BY message.on_day, notice.id",
    )
    .bind(subject.0)
    .fetch_all(pool)
    .await
    .map_err(doing("reading the ledger"))?;
    let line = |row: LedgerColumns| {
        Ok(LedgerLine {
            on_day: rows::date(&row.on_day)?,
            recipient: row.recipient,
            kind: row.kind,
            notice: row.notice.notice()?,
            reference: row.reference,
            state: rows::state(&row.state)?,
            settled_at: row.settled_at.map(rows::instant).transpose()?,
            reply: row.reply,
        })
    };
    found.into_iter().map(line).collect()
}

pub(super) async fn list_told_days(pool: &SqlitePool) -> Result<Vec<(EpisodeId, Date)>, StoreError> {
    let found: Vec<(i64, String)> = sqlx::query_as(
        "SELECT notice.episode_id, max(message.on_day) FROM episode
         JOIN notice ON notice.episode_id = episode.id AND notice.cancelled = 0
         JOIN message ON message.id = notice.message_id AND message.state = 'accepted'
         WHERE episode.closed_on IS NULL GROUP BY notice.episode_id",
    )
    .fetch_all(pool)
    .await
    .map_err(doing("reading who was told"))?;
    found.into_iter().map(|(episode, day)| Ok((EpisodeId(episode), rows::date(&day)?))).collect()
}

pub(super) async fn list_episodes(
    pool: &SqlitePool,
    subject: Option<SubjectId>,
) -> Result<Vec<OpenEpisode>, StoreError> {
    let found: Vec<(i64, i64, String, String)> = sqlx::query_as(
        "SELECT id, subject_id, rule, opened_on FROM episode
         WHERE closed_on IS NULL AND (?1 IS NULL OR subject_id = ?1) ORDER BY id",
    )
    .bind(subject.map(|subject| subject.0))
    .fetch_all(pool)
    .await
    .map_err(doing("reading episodes"))?;
    let stages: Vec<(i64, String, String, i64)> = sqlx::query_as(
        "SELECT stage_told.episode_id, stage_told.stage, stage_told.on_day, stage_told.passed_over FROM stage_told
         JOIN episode ON episode.id = stage_told.episode_id
         WHERE episode.closed_on IS NULL AND (?1 IS NULL OR episode.subject_id = ?1)
         ORDER BY stage_told.on_day, stage_told.stage",
    )
    .bind(subject.map(|subject| subject.0))
    .fetch_all(pool)
    .await
    .map_err(doing("reading what was told"))?;
    let mut by_episode: HashMap<i64, Vec<_>> = HashMap::new();
    for (episode, stage, on_day, passed_over) in stages {
        by_episode.entry(episode).or_default().push((stage, rows::date(&on_day)?, passed_over == 1));
    }
    let mut episodes = Vec::with_capacity(found.len());
    for (id, subject, rule, opened_on) in found {
        let stages = by_episode.remove(&id).unwrap_or_default();
        let (rule, opened_on) = (rows::rule(&rule)?, rows::date(&opened_on)?);
        episodes.push(OpenEpisode { id: EpisodeId(id), subject: SubjectId(subject), rule, opened_on, stages });
    }
    Ok(episodes)
}

pub(super) async fn last_due_day(pool: &SqlitePool) -> Result<Option<Date>, StoreError> {
    let (last,): (Option<String>,) = sqlx::query_as("SELECT max(on_day) FROM due_day")
        .fetch_one(pool)
        .await
        .map_err(doing("reading which day was run last"))?;
    rows::optional_date(last.as_deref())
}

pub(super) async fn claim_day(pool: &SqlitePool, on_day: Date, now: Timestamp) -> Result<Claim, StoreError> {
    let done = sqlx::query(
        "INSERT INTO due_day (on_day, claimed_at, outcome) VALUES (?, ?, 'ran')
         ON CONFLICT (on_day) DO UPDATE SET claimed_at = excluded.claimed_at WHERE due_day.finished_at IS NULL",
    )
    .bind(on_day.to_string())
    .bind(now.as_millisecond())
    .execute(pool)
    .await
    .map_err(doing("claiming the run of a day"))?;
    Ok(if done.rows_affected() == 1 { Claim::Ours } else { Claim::Taken })
}

pub(super) async fn pass_days(
    db: &mut SqliteConnection,
    days: &[Date],
    outcome: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    for batch in days.chunks(ROWS_A_STATEMENT) {
        let mut query = QueryBuilder::<Sqlite>::new("INSERT INTO due_day (on_day, claimed_at, finished_at, outcome) ");
        query.push_values(batch, |mut row, day| {
            row.push_bind(day.to_string())
                .push_bind(now.as_millisecond())
                .push_bind(now.as_millisecond())
                .push_bind(outcome);
        });
        query.push(" ON CONFLICT (on_day) DO NOTHING");
        query.build().execute(&mut *db).await.map_err(doing("passing over days"))?;
    }
    Ok(())
}

pub(super) async fn finish_day(pool: &SqlitePool, on_day: Date, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query("UPDATE due_day SET finished_at = ? WHERE on_day = ?")
        .bind(now.as_millisecond())
        .bind(on_day.to_string())
        .execute(pool)
        .await
        .map_err(doing("ending the run of a day"))?;
    Ok(())
}
