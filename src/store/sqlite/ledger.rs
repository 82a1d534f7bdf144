//! Runs, episodes, stages told and due days in SQLite.

use std::collections::HashMap;

use jiff::{Timestamp, civil::Date};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection, SqlitePool};

use super::{
    super::{Claim, Hold, LedgerLine, OpenEpisode, RunId, RunRow, StoreError, rows},
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

pub(super) async fn write_episodes(db: &mut SqliteConnection, run: RunId, plan: &Plan) -> Result<(), StoreError> {
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
        let mut query = QueryBuilder::<Sqlite>::new(
            "INSERT INTO episode (id, subject_id, rule, opened_on, opened_anchor_on, run_id) ",
        );
        query.push_values(batch, |mut row, opened| {
            row.push_bind(opened.episode.id.0)
                .push_bind(opened.subject.0)
                .push_bind(opened.rule.as_str())
                .push_bind(opened.episode.opened_on.to_string())
                .push_bind(opened.episode.opened_anchor_on.to_string())
                .push_bind(run.0);
        });
        query.build().execute(&mut *db).await.map_err(doing("opening episodes"))?;
    }
    write_stages(db, run, plan.on, &plan.told, false).await?;
    write_stages(db, run, plan.on, &plan.passed_over, true).await
}

async fn write_stages(
    db: &mut SqliteConnection,
    run: RunId,
    on_day: Date,
    entries: &[StageEntry],
    passed_over: bool,
) -> Result<(), StoreError> {
    for batch in entries.chunks(ROWS_A_STATEMENT) {
        let mut query =
            QueryBuilder::<Sqlite>::new("INSERT INTO stage_told (episode_id, stage, on_day, passed_over, run_id) ");
        query.push_values(batch, |mut row, entry| {
            row.push_bind(entry.episode.0)
                .push_bind(entry.stage.as_str())
                .push_bind(on_day.to_string())
                .push_bind(i64::from(passed_over))
                .push_bind(run.0);
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

#[derive(sqlx::FromRow)]
struct RunColumns {
    id: i64,
    on_day: String,
    kind: String,
    started_at: i64,
    finished_at: Option<i64>,
    report: Option<String>,
    hold: Option<String>,
    hold_state: Option<String>,
    decided_at: Option<i64>,
    decided_by: Option<String>,
}

impl RunColumns {
    fn run(self) -> Result<RunRow, StoreError> {
        let decided_at = self.decided_at.map(rows::instant).transpose()?;
        let hold = match (self.hold, self.hold_state) {
            (Some(why), Some(state)) => {
                Some(Hold { why, state: rows::hold_state(&state)?, decided_at, decided_by: self.decided_by })
            }
            _ => None,
        };
        Ok(RunRow {
            id: RunId(self.id),
            on_day: rows::date(&self.on_day)?,
            kind: self.kind,
            started_at: rows::instant(self.started_at)?,
            finished_at: self.finished_at.map(rows::instant).transpose()?,
            report: self.report,
            hold,
        })
    }
}

const RUN_COLUMNS: &str = "SELECT id, on_day, kind, started_at, finished_at, report, hold, hold_state, decided_at,
     decided_by FROM run ";

pub(super) async fn list_runs(pool: &SqlitePool, most: u32) -> Result<Vec<RunRow>, StoreError> {
    let found: Vec<RunColumns> = QueryBuilder::<Sqlite>::new(RUN_COLUMNS)
        .push("ORDER BY id DESC LIMIT ")
        .push_bind(i64::from(most))
        .build_query_as()
        .fetch_all(pool)
        .await
        .map_err(doing("listing runs"))?;
    found.into_iter().map(RunColumns::run).collect()
}

pub(super) async fn list_held_runs(pool: &SqlitePool) -> Result<Vec<RunRow>, StoreError> {
    let found: Vec<RunColumns> = QueryBuilder::<Sqlite>::new(RUN_COLUMNS)
        .push("WHERE hold_state = 'held' ORDER BY id")
        .build_query_as()
        .fetch_all(pool)
        .await
        .map_err(doing("listing held runs"))?;
    found.into_iter().map(RunColumns::run).collect()
}

#[derive(sqlx::FromRow)]
struct LedgerColumns {
    id: i64,
    run_id: i64,
    on_day: String,
    recipient: String,
    kind: String,
    reference: String,
    own_id: String,
    assigned_id: Option<String>,
    state: String,
    attempts: i64,
    settled_at: Option<i64>,
    reply: Option<String>,
    #[sqlx(flatten)]
    notice: NoticeColumns,
}

impl LedgerColumns {
    fn line(self) -> Result<LedgerLine, StoreError> {
        Ok(LedgerLine {
            number: self.id,
            run: RunId(self.run_id),
            on_day: rows::date(&self.on_day)?,
            recipient: self.recipient,
            kind: self.kind,
            notice: self.notice.notice()?,
            reference: self.reference,
            message_id: self.own_id,
            assigned_id: self.assigned_id,
            state: rows::state(&self.state)?,
            attempts: u32::try_from(self.attempts).unwrap_or(u32::MAX),
            settled_at: self.settled_at.map(rows::instant).transpose()?,
            reply: self.reply,
        })
    }
}

const LEDGER_COLUMNS: &str = "SELECT notice.id, message.run_id, message.on_day, message.recipient, message.kind,
     message.reference, message.message_id AS own_id, message.assigned_id,
     CASE notice.cancelled WHEN 1 THEN 'cancelled' ELSE message.state END AS state, message.attempts,
     message.settled_at, message.reply, notice.message_id, notice.subject_id, notice.subject, notice.rule,
     notice.stage, notice.episode_id, notice.episode_on, notice.anchor_on, notice.deadline_on, notice.reason,
     notice.rung
     FROM notice JOIN message ON message.id = notice.message_id ";

pub(super) async fn list_ledger(pool: &SqlitePool, subject: SubjectId) -> Result<Vec<LedgerLine>, StoreError> {
    let found: Vec<LedgerColumns> = QueryBuilder::<Sqlite>::new(LEDGER_COLUMNS)
        .push("WHERE notice.subject_id = ")
        .push_bind(subject.0)
        .push(" ORDER BY message.on_day, notice.id")
        .build_query_as()
        .fetch_all(pool)
        .await
        .map_err(doing("reading the ledger"))?;
    found.into_iter().map(LedgerColumns::line).collect()
}

pub(super) async fn list_ledger_after(
    pool: &SqlitePool,
    number: i64,
    most: u32,
) -> Result<Vec<LedgerLine>, StoreError> {
    let found: Vec<LedgerColumns> = QueryBuilder::<Sqlite>::new(LEDGER_COLUMNS)
        .push("WHERE notice.id > ")
        .push_bind(number)
        .push(" ORDER BY notice.id LIMIT ")
        .push_bind(i64::from(most))
        .build_query_as()
        .fetch_all(pool)
        .await
        .map_err(doing("reading the ledger"))?;
    found.into_iter().map(LedgerColumns::line).collect()
}

pub(super) async fn list_told_days(pool: &SqlitePool) -> Result<Vec<(EpisodeId, Date)>, StoreError> {
    let found: Vec<(i64, String)> = sqlx::query_as(
        "SELECT notice.episode_id, max(message.on_day) FROM episode
         JOIN notice ON notice.episode_id = episode.id AND notice.cancelled = 0 AND notice.rung <> 'operator'
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
