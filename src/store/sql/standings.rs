//! Snoozes, adopted rules, unreachable addresses, the operator's alerts, and how sending goes.

use jiff::{Timestamp, civil::Date};

use super::{Cell, Dialect, Table, Twice};
use crate::{
    domain::{policy::Rule, register::SubjectId, subject::Address},
    store::{Snooze, Standings, Stopped, StoreError, Unreachable, rows},
};

#[derive(sqlx::FromRow)]
struct SnoozeColumns {
    id: i64,
    subject_id: i64,
    rule: String,
    until_on: String,
    author: String,
    reason: String,
    made_at: i64,
    ended_at: Option<i64>,
}

impl SnoozeColumns {
    fn snooze(self) -> Result<Snooze, StoreError> {
        Ok(Snooze {
            number: self.id,
            subject: SubjectId(self.subject_id),
            rule: rows::rule(&self.rule)?,
            until_on: rows::date(&self.until_on)?,
            author: self.author,
            reason: self.reason,
            made_at: rows::instant(self.made_at)?,
            ended_at: self.ended_at.map(rows::instant).transpose()?,
        })
    }
}

pub(super) async fn load<DB: Dialect>(db: &mut DB::Connection) -> Result<Standings, StoreError> {
    let adopted = "SELECT rule FROM adopted_rule ORDER BY rule";
    let adopted: Vec<(String,)> = DB::all(&mut *db, "reading the adopted rules", adopted, &[]).await?;
    let snoozes: Vec<SnoozeColumns> = DB::all(
        &mut *db,
        "reading snoozes",
        "SELECT id, subject_id, rule, until_on, author, reason, made_at, ended_at FROM snooze
         WHERE ended_at IS NULL ORDER BY id",
        &[],
    )
    .await?;
    let refused = "SELECT address, since_on, reply FROM unreachable ORDER BY address";
    let refused: Vec<(String, String, String)> = DB::all(db, "reading unreachable addresses", refused, &[]).await?;
    let unreachable = |(address, since_on, reply): (String, String, String)| {
        Ok(Unreachable { address: Address::new(&address), since_on: rows::date(&since_on)?, reply })
    };
    Ok(Standings {
        adopted: adopted.iter().map(|(word,)| rows::rule(word)).collect::<Result<_, _>>()?,
        snoozes: snoozes.into_iter().map(SnoozeColumns::snooze).collect::<Result<_, _>>()?,
        unreachable: refused.into_iter().map(unreachable).collect::<Result<_, StoreError>>()?,
    })
}

pub(super) async fn adopt<DB: Dialect>(
    db: &mut DB::Connection,
    rules: &[Rule],
    on_day: Date,
) -> Result<(), StoreError> {
    let target = Table { name: "adopted_rule", columns: ["rule", "on_day"], twice: Twice::Stays };
    let row = |rule: &Rule| -> [Cell<'static>; 2] { [rule.as_str().into(), on_day.into()] };
    DB::fill(db, "adopting rules", &target, rules.iter().map(row)).await
}

pub(super) async fn note_alerts<DB: Dialect>(
    db: &mut DB::Connection,
    alerts: &[&str],
    on_day: Date,
) -> Result<(), StoreError> {
    let target = Table { name: "told_alert", columns: ["alert", "on_day"], twice: Twice::Stays };
    let rows = alerts.iter().map(|alert| -> [Cell<'_>; 2] { [(*alert).into(), on_day.into()] });
    DB::fill(db, "noting what the operator is told", &target, rows).await
}

pub(super) async fn list_alerts<DB: Dialect>(db: &mut DB::Connection, on_day: Date) -> Result<Vec<String>, StoreError> {
    let told = "SELECT alert FROM told_alert WHERE on_day = $1 ORDER BY alert";
    let found: Vec<(String,)> = DB::all(db, "reading what the operator was told", told, &[on_day.into()]).await?;
    Ok(found.into_iter().map(|(alert,)| alert).collect())
}

pub(super) async fn add_snooze<DB: Dialect>(db: &mut DB::Connection, snooze: &Snooze) -> Result<i64, StoreError> {
    end_snooze::<DB>(&mut *db, snooze.subject, snooze.rule, snooze.made_at).await?;
    let (id,): (i64,) = DB::one(
        db,
        "writing a snooze",
        "INSERT INTO snooze (subject_id, rule, until_on, author, reason, made_at) VALUES ($1, $2, $3, $4, $5, $6)
         RETURNING id",
        &[
            snooze.subject.0.into(),
            snooze.rule.as_str().into(),
            snooze.until_on.into(),
            (&snooze.author).into(),
            (&snooze.reason).into(),
            snooze.made_at.into(),
        ],
    )
    .await?;
    Ok(id)
}

pub(super) async fn end_snooze<DB: Dialect>(
    db: &mut DB::Connection,
    subject: SubjectId,
    rule: Rule,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let end = "UPDATE snooze SET ended_at = $1 WHERE subject_id = $2 AND rule = $3 AND ended_at IS NULL";
    let of = [now.into(), subject.0.into(), rule.as_str().into()];
    Ok(DB::execute(db, "ending a snooze", end, &of).await? > 0)
}

pub(super) async fn hold_connections<DB: Dialect>(
    db: &mut DB::Connection,
    holder: &str,
    wanted: u16,
    most: u16,
    now: Timestamp,
    until: Timestamp,
) -> Result<u16, StoreError> {
    DB::alone(&mut *db).await.map_err(super::doing("waiting for others who count"))?;
    let given_back = "DELETE FROM connection WHERE holder = $1 OR until_at <= $2";
    DB::execute(&mut *db, "giving connections back", given_back, &[holder.into(), now.into()]).await?;
    // PostgreSQL's sum of numbers is wider than they are.
    let taken = "SELECT CAST(coalesce(sum(held), 0) AS BIGINT) FROM connection";
    let (taken,): (i64,) = DB::one(&mut *db, "counting connections", taken, &[]).await?;
    let held = wanted.min(rows::left(most, taken));
    if held > 0 {
        let insert = "INSERT INTO connection (holder, held, until_at) VALUES ($1, $2, $3)";
        let terms = [holder.into(), i64::from(held).into(), until.into()];
        DB::execute(db, "holding connections", insert, &terms).await?;
    }
    Ok(held)
}

pub(super) async fn note_stopped<DB: Dialect>(
    db: &mut DB::Connection,
    stopped: Option<&Stopped>,
) -> Result<(), StoreError> {
    let what = "noting how sending goes";
    match stopped {
        Some(stopped) => {
            let stop = "INSERT INTO stopped (id, stopped_at, why) VALUES (1, $1, $2)
                        ON CONFLICT (id) DO UPDATE SET stopped_at = excluded.stopped_at, why = excluded.why";
            DB::execute(db, what, stop, &[stopped.at.into(), (&stopped.why).into()]).await?;
        }
        None => drop(DB::execute(db, what, "DELETE FROM stopped", &[]).await?),
    }
    Ok(())
}

pub(super) async fn find_stopped<DB: Dialect>(db: &mut DB::Connection) -> Result<Option<Stopped>, StoreError> {
    let why = "SELECT stopped_at, why FROM stopped";
    let found: Option<(i64, String)> = DB::first(db, "asking how sending goes", why, &[]).await?;
    found.map(|(at, why)| Ok(Stopped { at: rows::instant(at)?, why })).transpose()
}
