//! Runs, episodes, stages told and due days.

use std::collections::HashMap;

use jiff::{Timestamp, civil::Date};
use sqlx::AssertSqlSafe;

use super::{Cell, Dialect, Table, Twice, messages::NoticeColumns};
use crate::{
    domain::{
        message::StageName,
        plan::{Episode, EpisodeId, Plan, StageEntry, Told},
        register::SubjectId,
    },
    store::{Claim, Hold, LedgerLine, OpenEpisode, RunId, RunRow, StoreError, rows},
};

/// What was told in the open episodes of these subjects, or of all.
pub(super) async fn load_told<DB: Dialect>(db: &mut DB::Connection, of: Option<&[i64]>) -> Result<Told, StoreError> {
    let cells: Vec<Cell<'_>> = of.map(Cell::Numbers).into_iter().collect();
    let is_asked = of.map_or_else(String::new, |_| format!("AND episode.subject_id IN {}", DB::LISTED));
    let open = format!(
        "SELECT id, subject_id, rule, opened_on, opened_anchor_on FROM episode WHERE closed_on IS NULL {is_asked}"
    );
    let open: Vec<(i64, i64, String, String, String)> =
        DB::all(&mut *db, "reading episodes", AssertSqlSafe(open), &cells).await?;
    let mut episodes = Vec::with_capacity(open.len());
    for (id, subject, rule, opened_on, opened_anchor_on) in open {
        let (opened_on, opened_anchor_on) = (rows::date(&opened_on)?, rows::date(&opened_anchor_on)?);
        let episode = Episode { id: EpisodeId(id), opened_on, opened_anchor_on };
        episodes.push((SubjectId(subject), rows::rule(&rule)?, episode));
    }
    let stages = format!(
        "SELECT stage_told.episode_id, stage_told.stage,
         CAST(CASE run.hold_state WHEN 'held' THEN 1 ELSE 0 END AS BIGINT)
         FROM stage_told JOIN episode ON episode.id = stage_told.episode_id
         LEFT JOIN run ON run.id = stage_told.run_id WHERE episode.closed_on IS NULL {is_asked}"
    );
    let stages: Vec<(i64, String, i64)> =
        DB::all(&mut *db, "reading what was told", AssertSqlSafe(stages), &cells).await?;
    let (last,): (i64,) = DB::one(db, "numbering episodes", "SELECT coalesce(max(id), 0) FROM episode", &[]).await?;
    let entry = |(episode, stage, _): &(i64, String, i64)| (EpisodeId(*episode), StageName::nth(stage, 1));
    let held: Vec<_> = stages.iter().filter(|(.., is_held)| *is_held == 1).map(entry).collect();
    Ok(Told::new(episodes, stages.iter().map(entry), last).with_held(held))
}

pub(super) async fn write_episodes<DB: Dialect>(
    db: &mut DB::Connection,
    run: RunId,
    plan: &Plan,
) -> Result<(), StoreError> {
    let closed: Vec<i64> = plan.closed.iter().map(|closed| closed.episode.id.0).collect();
    let close = format!("UPDATE episode SET closed_on = $2 WHERE id IN {}", DB::LISTED);
    DB::execute(&mut *db, "closing episodes", AssertSqlSafe(close), &[Cell::Numbers(&closed), plan.on.into()]).await?;
    let episodes = Table {
        name: "episode",
        columns: ["id", "subject_id", "rule", "opened_on", "opened_anchor_on", "run_id"],
        twice: Twice::Fails,
    };
    let opened = plan.opened.iter().map(|opened| {
        let Episode { id, opened_on, opened_anchor_on } = opened.episode;
        [
            id.0.into(),
            opened.subject.0.into(),
            opened.rule.as_str().into(),
            opened_on.into(),
            opened_anchor_on.into(),
            run.0.into(),
        ]
    });
    DB::fill(&mut *db, "opening episodes", &episodes, opened).await?;
    let stages = Table {
        name: "stage_told",
        columns: ["episode_id", "stage", "on_day", "passed_over", "run_id"],
        twice: Twice::Fails,
    };
    let told = plan.told.iter().map(|entry| stage_row(run, plan.on, entry, false));
    let passed_over = plan.passed_over.iter().map(|entry| stage_row(run, plan.on, entry, true));
    DB::fill(db, "noting what was told", &stages, told.chain(passed_over)).await
}

fn stage_row(run: RunId, on_day: Date, entry: &StageEntry, passed_over: bool) -> [Cell<'_>; 5] {
    [entry.episode.0.into(), entry.stage.as_str().into(), on_day.into(), passed_over.into(), run.0.into()]
}

pub(super) async fn begin_run<DB: Dialect>(
    db: &mut DB::Connection,
    on_day: Date,
    kind: &str,
    now: Timestamp,
) -> Result<RunId, StoreError> {
    let (id,): (i64,) = DB::one(
        db,
        "beginning a run",
        "INSERT INTO run (on_day, kind, started_at, erasure_id)
         VALUES ($1, $2, $3, (SELECT coalesce(max(id), 0) FROM erasure)) RETURNING id",
        &[on_day.into(), kind.into(), now.into()],
    )
    .await?;
    Ok(RunId(id))
}

pub(super) async fn finish_run<DB: Dialect>(
    db: &mut DB::Connection,
    run: RunId,
    now: Timestamp,
    report: &str,
) -> Result<(), StoreError> {
    let ended = "UPDATE run SET finished_at = $1, report = $2 WHERE id = $3";
    DB::execute(db, "ending a run", ended, &[now.into(), report.into(), run.0.into()]).await?;
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

const RUNS: &str = "SELECT id, on_day, kind, started_at, finished_at, report, hold, hold_state, decided_at, decided_by
     FROM run";

async fn find_runs<DB: Dialect>(
    db: &mut DB::Connection,
    what: &'static str,
    condition: &str,
    cells: &[Cell<'_>],
) -> Result<Vec<RunRow>, StoreError> {
    let found: Vec<RunColumns> = DB::all(db, what, AssertSqlSafe(format!("{RUNS} {condition}")), cells).await?;
    found.into_iter().map(RunColumns::run).collect()
}

pub(super) async fn list_runs<DB: Dialect>(db: &mut DB::Connection, most: u32) -> Result<Vec<RunRow>, StoreError> {
    find_runs::<DB>(db, "listing runs", "ORDER BY id DESC LIMIT $1", &[i64::from(most).into()]).await
}

pub(super) async fn list_held_runs<DB: Dialect>(db: &mut DB::Connection) -> Result<Vec<RunRow>, StoreError> {
    find_runs::<DB>(db, "listing held runs", "WHERE hold_state = 'held' ORDER BY id", &[]).await
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

const LEDGER: &str = "SELECT notice.id, message.run_id, message.on_day, message.recipient, message.kind,
     message.reference, message.message_id AS own_id, message.assigned_id,
     CASE notice.cancelled WHEN 1 THEN 'cancelled' ELSE message.state END AS state, message.attempts,
     message.settled_at, message.reply, notice.message_id, notice.subject_id, notice.subject, notice.rule,
     notice.stage, notice.episode_id, notice.episode_on, notice.anchor_on, notice.deadline_on, notice.reason,
     notice.rung
     FROM notice JOIN message ON message.id = notice.message_id";

async fn find_lines<DB: Dialect>(
    db: &mut DB::Connection,
    condition: &str,
    cells: &[Cell<'_>],
) -> Result<Vec<LedgerLine>, StoreError> {
    let sql = AssertSqlSafe(format!("{LEDGER} {condition}"));
    let found: Vec<LedgerColumns> = DB::all(db, "reading the ledger", sql, cells).await?;
    found.into_iter().map(LedgerColumns::line).collect()
}

pub(super) async fn list_ledger<DB: Dialect>(
    db: &mut DB::Connection,
    subject: SubjectId,
) -> Result<Vec<LedgerLine>, StoreError> {
    let of_one = "WHERE notice.subject_id = $1 ORDER BY message.on_day, notice.id";
    find_lines::<DB>(db, of_one, &[subject.0.into()]).await
}

pub(super) async fn list_ledger_after<DB: Dialect>(
    db: &mut DB::Connection,
    number: i64,
    most: u32,
) -> Result<Vec<LedgerLine>, StoreError> {
    let next = "WHERE notice.id > $1 ORDER BY notice.id LIMIT $2";
    find_lines::<DB>(db, next, &[number.into(), i64::from(most).into()]).await
}

pub(super) async fn list_told_days<DB: Dialect>(db: &mut DB::Connection) -> Result<Vec<(EpisodeId, Date)>, StoreError> {
    let found: Vec<(i64, String)> = DB::all(
        db,
        "reading who was told",
        "SELECT notice.episode_id, max(message.on_day) FROM episode
         JOIN notice ON notice.episode_id = episode.id AND notice.cancelled = 0 AND notice.rung <> 'operator'
         JOIN message ON message.id = notice.message_id AND message.state = 'accepted'
         WHERE episode.closed_on IS NULL GROUP BY notice.episode_id",
        &[],
    )
    .await?;
    found.into_iter().map(|(episode, day)| Ok((EpisodeId(episode), rows::date(&day)?))).collect()
}

pub(super) async fn list_episodes<DB: Dialect>(
    db: &mut DB::Connection,
    subject: Option<SubjectId>,
) -> Result<Vec<OpenEpisode>, StoreError> {
    let of = Cell::from(subject.map(|subject| subject.0));
    let found: Vec<(i64, i64, String, String)> = DB::all(
        &mut *db,
        "reading episodes",
        "SELECT id, subject_id, rule, opened_on FROM episode
         WHERE closed_on IS NULL AND ($1 IS NULL OR subject_id = $1) ORDER BY id",
        std::slice::from_ref(&of),
    )
    .await?;
    let stages: Vec<(i64, String, String, i64)> = DB::all(
        db,
        "reading what was told",
        "SELECT stage_told.episode_id, stage_told.stage, stage_told.on_day, stage_told.passed_over FROM stage_told
         JOIN episode ON episode.id = stage_told.episode_id
         WHERE episode.closed_on IS NULL AND ($1 IS NULL OR episode.subject_id = $1)
         ORDER BY stage_told.on_day, stage_told.stage",
        &[of],
    )
    .await?;
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

pub(super) async fn last_due_day<DB: Dialect>(db: &mut DB::Connection) -> Result<Option<Date>, StoreError> {
    let last = "SELECT max(on_day) FROM due_day";
    let (last,): (Option<String>,) = DB::one(db, "reading which day was run last", last, &[]).await?;
    rows::optional_date(last.as_deref())
}

pub(super) async fn claim_day<DB: Dialect>(
    db: &mut DB::Connection,
    on_day: Date,
    now: Timestamp,
) -> Result<Claim, StoreError> {
    let claimed = DB::execute(
        db,
        "claiming the run of a day",
        "INSERT INTO due_day (on_day, claimed_at, outcome) VALUES ($1, $2, 'ran')
         ON CONFLICT (on_day) DO UPDATE SET claimed_at = excluded.claimed_at WHERE due_day.finished_at IS NULL",
        &[on_day.into(), now.into()],
    )
    .await?;
    Ok(if claimed == 1 { Claim::Ours } else { Claim::Taken })
}

pub(super) async fn pass_days<DB: Dialect>(
    db: &mut DB::Connection,
    days: &[Date],
    outcome: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let due_days =
        Table { name: "due_day", columns: ["on_day", "claimed_at", "finished_at", "outcome"], twice: Twice::Stays };
    let passed = days.iter().map(|day| -> [Cell<'_>; 4] { [(*day).into(), now.into(), now.into(), outcome.into()] });
    DB::fill(db, "passing over days", &due_days, passed).await
}

pub(super) async fn finish_day<DB: Dialect>(
    db: &mut DB::Connection,
    on_day: Date,
    now: Timestamp,
) -> Result<(), StoreError> {
    let ended = "UPDATE due_day SET finished_at = $1 WHERE on_day = $2";
    DB::execute(db, "ending the run of a day", ended, &[now.into(), on_day.into()]).await?;
    Ok(())
}
