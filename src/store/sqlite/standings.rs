//! Snoozes, adopted rules, unreachable addresses, the operator's alerts, and how sending goes, in SQLite.

use jiff::{Timestamp, civil::Date};
use sqlx::{SqliteConnection, SqlitePool};

use super::{
    super::{Snooze, Standings, Stopped, StoreError, Unreachable, rows},
    doing,
};
use crate::domain::{policy::Rule, register::SubjectId, subject::Address};

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

pub(super) async fn load(pool: &SqlitePool) -> Result<Standings, StoreError> {
    let adopted: Vec<(String,)> = sqlx::query_as("SELECT rule FROM adopted_rule ORDER BY rule")
        .fetch_all(pool)
        .await
        .map_err(doing("reading the adopted rules"))?;
    let snoozes: Vec<SnoozeColumns> = sqlx::query_as(
        "SELECT id, subject_id, rule, until_on, author, reason, made_at, ended_at FROM snooze
         WHERE ended_at IS NULL ORDER BY id",
    )
    .fetch_all(pool)
    .await
    .map_err(doing("reading snoozes"))?;
    let refused: Vec<(String, String, String)> =
        sqlx::query_as("SELECT address, since_on, reply FROM unreachable ORDER BY address")
            .fetch_all(pool)
            .await
            .map_err(doing("reading unreachable addresses"))?;
    let unreachable = |(address, since_on, reply): (String, String, String)| {
        Ok(Unreachable { address: Address::new(&address), since_on: rows::date(&since_on)?, reply })
    };
    Ok(Standings {
        adopted: adopted.iter().map(|(word,)| rows::rule(word)).collect::<Result<_, _>>()?,
        snoozes: snoozes.into_iter().map(SnoozeColumns::snooze).collect::<Result<_, _>>()?,
        unreachable: refused.into_iter().map(unreachable).collect::<Result<_, StoreError>>()?,
    })
}

pub(super) async fn adopt(db: &mut SqliteConnection, rules: &[Rule], on_day: Date) -> Result<(), StoreError> {
    for rule in rules {
        sqlx::query("INSERT INTO adopted_rule (rule, on_day) VALUES (?, ?) ON CONFLICT (rule) DO NOTHING")
            .bind(rule.as_str())
            .bind(on_day.to_string())
            .execute(&mut *db)
            .await
            .map_err(doing("adopting a rule"))?;
    }
    Ok(())
}

pub(super) async fn note_alerts(db: &mut SqliteConnection, alerts: &[&str], on_day: Date) -> Result<(), StoreError> {
    for alert in alerts {
        sqlx::query("INSERT INTO told_alert (alert, on_day) VALUES (?, ?) ON CONFLICT (alert, on_day) DO NOTHING")
            .bind(alert)
            .bind(on_day.to_string())
            .execute(&mut *db)
            .await
            .map_err(doing("noting what the operator is told"))?;
    }
    Ok(())
}

pub(super) async fn list_alerts(pool: &SqlitePool, on_day: Date) -> Result<Vec<String>, StoreError> {
    let found: Vec<(String,)> = sqlx::query_as("SELECT alert FROM told_alert WHERE on_day = ? ORDER BY alert")
        .bind(on_day.to_string())
        .fetch_all(pool)
        .await
        .map_err(doing("reading what the operator was told"))?;
    Ok(found.into_iter().map(|(alert,)| alert).collect())
}

pub(super) async fn add_snooze(db: &mut SqliteConnection, snooze: &Snooze) -> Result<i64, StoreError> {
    end_snooze(db, snooze.subject, snooze.rule, snooze.made_at).await?;
    let (id,): (i64,) = sqlx::query_as(
        "INSERT INTO snooze (subject_id, rule, until_on, author, reason, made_at) VALUES (?, ?, ?, ?, ?, ?)
         RETURNING id",
    )
    .bind(snooze.subject.0)
    .bind(snooze.rule.as_str())
    .bind(snooze.until_on.to_string())
    .bind(&snooze.author)
    .bind(&snooze.reason)
    .bind(snooze.made_at.as_millisecond())
    .fetch_one(db)
    .await
    .map_err(doing("writing a snooze"))?;
    Ok(id)
}

pub(super) async fn end_snooze(
    db: &mut SqliteConnection,
    subject: SubjectId,
    rule: Rule,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let ended = sqlx::query("UPDATE snooze SET ended_at = ? WHERE subject_id = ? AND rule = ? AND ended_at IS NULL")
        .bind(now.as_millisecond())
        .bind(subject.0)
        .bind(rule.as_str())
        .execute(db)
        .await
        .map_err(doing("ending a snooze"))?;
    Ok(ended.rows_affected() > 0)
}

pub(super) async fn hold_connections(
    db: &mut SqliteConnection,
    holder: &str,
    wanted: u16,
    most: u16,
    now: Timestamp,
    until: Timestamp,
) -> Result<u16, StoreError> {
    sqlx::query("DELETE FROM connection WHERE holder = ? OR until_at <= ?")
        .bind(holder)
        .bind(now.as_millisecond())
        .execute(&mut *db)
        .await
        .map_err(doing("giving connections back"))?;
    let (taken,): (i64,) = sqlx::query_as("SELECT coalesce(sum(held), 0) FROM connection")
        .fetch_one(&mut *db)
        .await
        .map_err(doing("counting connections"))?;
    let held = wanted.min(rows::left(most, taken));
    if held > 0 {
        sqlx::query("INSERT INTO connection (holder, held, until_at) VALUES (?, ?, ?)")
            .bind(holder)
            .bind(i64::from(held))
            .bind(until.as_millisecond())
            .execute(db)
            .await
            .map_err(doing("holding connections"))?;
    }
    Ok(held)
}

pub(super) async fn note_stopped(pool: &SqlitePool, stopped: Option<&Stopped>) -> Result<(), StoreError> {
    let query = match stopped {
        Some(stopped) => sqlx::query(
            "INSERT INTO stopped (id, stopped_at, why) VALUES (1, ?, ?)
             ON CONFLICT (id) DO UPDATE SET stopped_at = excluded.stopped_at, why = excluded.why",
        )
        .bind(stopped.at.as_millisecond())
        .bind(&stopped.why),
        None => sqlx::query("DELETE FROM stopped"),
    };
    query.execute(pool).await.map_err(doing("noting how sending goes"))?;
    Ok(())
}

pub(super) async fn find_stopped(pool: &SqlitePool) -> Result<Option<Stopped>, StoreError> {
    let found: Option<(i64, String)> = sqlx::query_as("SELECT stopped_at, why FROM stopped")
        .fetch_optional(pool)
        .await
        .map_err(doing("asking how sending goes"))?;
    found.map(|(at, why)| Ok(Stopped { at: rows::instant(at)?, why })).transpose()
}
