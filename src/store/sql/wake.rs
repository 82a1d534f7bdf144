//! Which subjects the next run looks at: those to which something happened, and those whose day has come.

use std::collections::BTreeSet;

use serde::Serialize;
use sqlx::AssertSqlSafe;

use super::{Cell, Dialect, Table, Twice, doing, on_numbers, subjects};
use crate::{
    domain::{planner::OpenFinding, register::SubjectId, wake::Look},
    store::{Awake, Looked, StoreError, Waking, rows},
};

const STIRRED: Table<2> = Table { name: "stirred", columns: ["first_id", "last_id"], twice: Twice::Fails };

const WAKE: Table<2> = Table { name: "wake", columns: ["subject_id", "wake_on"], twice: Twice::Fails };

const MARK: Table<3> = Table { name: "mark", columns: ["mark", "subject_id", "rules"], twice: Twice::Fails };

const FED: Table<1> = Table { name: "fed", columns: ["rule"], twice: Twice::Stays };

/// How many rows are removed or changed by one statement.
const AT_ONCE: usize = 10_000;

/// The newest file that was loaded.
const NEWEST: &str = "SELECT coalesce(max(id), 0) FROM snapshot";

const WHAT: &str = "noting who sleeps until when";

/// Notes that something happened to subjects. `ids` rise.
pub(super) async fn stir<DB: Dialect>(
    db: &mut DB::Connection,
    ids: impl IntoIterator<Item = SubjectId>,
) -> Result<(), StoreError> {
    let mut ranges: Vec<(i64, i64)> = Vec::new();
    for SubjectId(id) in ids {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == id => *last = id,
            _ => ranges.push((id, id)),
        }
    }
    let rows = ranges.into_iter().map(|(first, last)| -> [Cell<'_>; 2] { [first.into(), last.into()] });
    DB::fill(db, "noting what happened to subjects", &STIRRED, rows).await
}

/// Notes that a file was loaded: it may change what is believed of subjects that it says nothing new of.
pub(super) async fn stir_with_load<DB: Dialect>(db: &mut DB::Connection) -> Result<(), StoreError> {
    let stir = "INSERT INTO stirred (first_id, last_id) SELECT subject_id, subject_id FROM mark WHERE mark = 'load'";
    DB::execute(db, "noting what a file may change", stir, &[]).await.map(drop)
}

/// Notes that something happened to the subjects of episodes: `condition` says which, and `cells` are its values.
pub(super) async fn stir_episodes<DB: Dialect>(
    db: &mut DB::Connection,
    condition: &str,
    cells: &[Cell<'_>],
) -> Result<(), StoreError> {
    let stir = format!(
        "INSERT INTO stirred (first_id, last_id) SELECT DISTINCT subject_id, subject_id FROM episode WHERE {condition}"
    );
    DB::execute(db, "noting what happened to subjects", AssertSqlSafe(stir), cells).await.map(drop)
}

/// Whom a run looks at.
pub(super) async fn find<DB: Dialect>(db: &mut DB::Connection, waking: Waking<'_>) -> Result<Awake, StoreError> {
    let what = "asking who is awake";
    let survey = "SELECT coalesce(max(subjects), 0), coalesce(max(went_by), '') FROM survey";
    let (listed, went_by): (i64, String) = DB::one(&mut *db, what, survey, &[]).await?;
    let (snapshot,): (i64,) = DB::one(&mut *db, what, NEWEST, &[]).await?;
    let stirred: Vec<(i64,)> = DB::all(&mut *db, what, "SELECT id FROM stirred", &[]).await?;
    let is_everybody = went_by != waking.went_by;
    let mut subjects = BTreeSet::new();
    if is_everybody {
        put::<DB>(&mut *db, &mut subjects, "SELECT id FROM subject WHERE is_waiting = 0", &[]).await?;
    } else {
        let happened = "SELECT subject.id FROM stirred JOIN subject ON subject.id BETWEEN first_id AND last_id";
        put::<DB>(&mut *db, &mut subjects, happened, &[]).await?;
        let come = "SELECT subject_id FROM wake WHERE wake_on <= $1";
        put::<DB>(&mut *db, &mut subjects, come, &[waking.today.into()]).await?;
    }
    if waking.with_findings {
        put::<DB>(&mut *db, &mut subjects, "SELECT subject_id FROM episode WHERE closed_on IS NULL", &[]).await?;
    }
    subjects.extend(waking.also);
    let fed: Vec<(String,)> = DB::all(db, what, "SELECT rule FROM fed", &[]).await?;
    Ok(Awake {
        subjects: subjects.into_iter().collect(),
        is_everybody,
        stirred: stirred.into_iter().map(|(id,)| id).collect(),
        fed: fed.into_iter().map(|(rule,)| rows::rule(&rule)).collect::<Result<_, _>>()?,
        listed: rows::uncount(listed),
        snapshot,
    })
}

async fn put<DB: Dialect>(
    db: &mut DB::Connection,
    subjects: &mut BTreeSet<SubjectId>,
    sql: &'static str,
    cells: &[Cell<'_>],
) -> Result<(), StoreError> {
    let found: Vec<(i64,)> = DB::all(db, "asking who is awake", sql, cells).await?;
    subjects.extend(found.into_iter().map(|(id,)| SubjectId(id)));
    Ok(())
}

/// Writes what a run found out about the next looks; nothing when a file was loaded meanwhile, which it has not seen:
/// then the next run looks at the same subjects again.
pub(super) async fn note<DB: Dialect>(db: &mut DB::Connection, looked: Looked<'_>) -> Result<(), StoreError> {
    let (snapshot,): (i64,) = DB::one(&mut *db, WHAT, NEWEST, &[]).await?;
    if snapshot != looked.awake.snapshot {
        return Ok(());
    }
    let ids: Vec<i64> = looked.awake.subjects.iter().map(|subject| subject.0).collect();
    forget::<DB>(&mut *db, &ids).await?;
    let wakes = looked.looks.iter().filter_map(|look| Some([look.subject.0.into(), look.wake_on?.into()]));
    DB::fill(&mut *db, WHAT, &WAKE, wakes).await?;
    DB::fill(&mut *db, WHAT, &MARK, looked.looks.iter().flat_map(marks)).await?;
    for some in looked.awake.stirred.chunks(AT_ONCE) {
        on_numbers::<DB>(&mut *db, WHAT, "DELETE FROM stirred WHERE id IN", some).await?;
    }
    for some in looked.findings.chunks(AT_ONCE) {
        note_findings::<DB>(&mut *db, some).await?;
    }
    let survey = "UPDATE survey SET went_by = $1";
    if DB::execute(&mut *db, WHAT, survey, &[looked.went_by.into()]).await? == 0 {
        subjects::count::<DB>(&mut *db).await?;
        DB::execute(&mut *db, WHAT, survey, &[looked.went_by.into()]).await?;
    }
    DB::fill(db, WHAT, &FED, looked.fed.iter().map(|rule| [rule.as_str().into()])).await
}

/// What the report counts of a subject, a row each.
fn marks(look: &Look) -> impl Iterator<Item = [Cell<'static>; 3]> {
    let id = look.subject.0;
    let marks = [
        ("resting", i64::from(look.rests)),
        ("missing", i64::from(look.is_missing)),
        ("no_date", i64::from(look.no_date)),
        ("load", i64::from(look.wakes_with_load)),
    ];
    marks.into_iter().filter(|(_, rules)| *rules > 0).map(move |(mark, rules)| [mark.into(), id.into(), rules.into()])
}

/// Forgets when subjects were to be looked at, and what was counted of them.
pub(super) async fn forget<DB: Dialect>(db: &mut DB::Connection, subjects: &[i64]) -> Result<(), StoreError> {
    let there =
        "SELECT CAST(CASE WHEN EXISTS (SELECT 1 FROM wake) OR EXISTS (SELECT 1 FROM mark) THEN 1 ELSE 0 END AS BIGINT)";
    let (is_any,): (i64,) = DB::one(&mut *db, WHAT, there, &[]).await?;
    for some in subjects.chunks(AT_ONCE).filter(|_| is_any != 0) {
        on_numbers::<DB>(&mut *db, WHAT, "DELETE FROM wake WHERE subject_id IN", some).await?;
        on_numbers::<DB>(&mut *db, WHAT, "DELETE FROM mark WHERE subject_id IN", some).await?;
    }
    Ok(())
}

/// A finding as the statement unpacks it.
#[derive(Serialize)]
struct Found {
    episode: i64,
    deadline_on: String,
    operator_only: i64,
}

impl From<&OpenFinding> for Found {
    fn from(finding: &OpenFinding) -> Self {
        Self {
            episode: finding.episode.id.0,
            deadline_on: finding.deadline_on.to_string(),
            operator_only: i64::from(finding.is_operator_only),
        }
    }
}

async fn note_findings<DB: Dialect>(db: &mut DB::Connection, findings: &[OpenFinding]) -> Result<(), StoreError> {
    let rows: Vec<Found> = findings.iter().map(Found::from).collect();
    let rows = serde_json::to_string(&rows).map_err(|error| doing(WHAT)(sqlx::Error::Encode(error.into())))?;
    let note = format!(
        "WITH found AS (SELECT CAST(value ->> 'episode' AS BIGINT) AS id, value ->> 'deadline_on' AS deadline_on,
         CAST(value ->> 'operator_only' AS BIGINT) AS operator_only FROM {})
         UPDATE episode SET deadline_on = found.deadline_on, is_operator_only = found.operator_only
         FROM found WHERE episode.id = found.id",
        DB::UNPACKED
    );
    DB::execute(db, WHAT, AssertSqlSafe(note), &[rows.into()]).await.map(drop)
}
