//! One moment of the store, as a transaction that writes nothing.

use std::collections::BTreeSet;

use async_trait::async_trait;
use jiff::civil::Date;
use sqlx::{AssertSqlSafe, Transaction};

use super::{Cell, Dialect, body::Days, ledger, register, standings, subjects, wake};
use crate::{
    domain::{
        plan::{EpisodeId, Told},
        policy::Rule,
        register::{Register, Subject, SubjectId},
        subject::{Address, OdsCode},
    },
    store::{Awake, Candidate, Reading, Standings, StoreError, Totals, Waking, rows},
};

/// See [`Reading`].
pub(super) struct SqlReading<DB: Dialect> {
    moment: Transaction<'static, DB>,
    days: Days,
}

impl<DB: Dialect> SqlReading<DB> {
    pub(super) async fn begin(mut moment: Transaction<'static, DB>) -> Result<Self, StoreError> {
        let days = register::days::<DB>(&mut moment).await?;
        Ok(Self { moment, days })
    }
}

/// A live subject past a deadline: the deleted are not live, and what rests is nobody's concern until it ends.
const OVERDUE: &str = "FROM episode WHERE closed_on IS NULL AND deadline_on < $1 AND rule <> 'restore'
     AND NOT EXISTS (SELECT 1 FROM mark WHERE mark.mark = 'resting' AND mark.subject_id = episode.subject_id)";

/// A finding that nobody but the operator reads about.
const OPERATOR_ONLY: &str = "FROM episode WHERE closed_on IS NULL AND is_operator_only = 1 AND deadline_on >= $1
     AND NOT EXISTS (SELECT 1 FROM mark WHERE mark.mark = 'resting' AND mark.subject_id = episode.subject_id)";

/// A mail server accepted a notice of the episode for somebody besides the operator.
const ACCEPTED: &str = "EXISTS (SELECT 1 FROM notice JOIN message ON message.id = notice.message_id
     WHERE notice.episode_id = episode.id AND notice.cancelled = 0 AND notice.rung <> 'operator'
     AND message.state = 'accepted')";

/// So many subjects at most are left out by the database; more of them are left out here.
const MOST_LEFT_OUT: usize = 10_000;

#[async_trait]
impl<DB: Dialect> Reading for SqlReading<DB> {
    async fn read_standings(&mut self) -> Result<Standings, StoreError> {
        standings::load::<DB>(&mut self.moment).await
    }

    async fn read_lists(&mut self) -> Result<Register, StoreError> {
        register::lists::<DB>(&mut self.moment).await
    }

    async fn find_awake(&mut self, waking: Waking<'_>) -> Result<Awake, StoreError> {
        wake::find::<DB>(&mut self.moment, waking).await
    }

    async fn find_subjects(&mut self, ids: &[SubjectId], at: &[&Address]) -> Result<Vec<Subject>, StoreError> {
        subjects::find::<DB>(&mut self.moment, ids, at, &self.days).await
    }

    async fn find_mailboxes(&mut self, of: &[OdsCode]) -> Result<Vec<Subject>, StoreError> {
        let sites: BTreeSet<_> = of.iter().map(OdsCode::key).collect();
        let sites: Vec<&str> = sites.iter().map(AsRef::as_ref).collect();
        subjects::mailboxes::<DB>(&mut self.moment, &sites, &self.days).await
    }

    async fn next_subjects(&mut self, after: SubjectId, most: u32) -> Result<Vec<Subject>, StoreError> {
        subjects::next::<DB>(&mut self.moment, after, most, &self.days).await
    }

    async fn find_told(&mut self, of: &[SubjectId]) -> Result<Told, StoreError> {
        let of: Vec<i64> = of.iter().map(|subject| subject.0).collect();
        ledger::load_told::<DB>(&mut self.moment, Some(&of)).await
    }

    async fn list_open(&mut self) -> Result<Vec<SubjectId>, StoreError> {
        let open = "SELECT DISTINCT subject_id FROM episode WHERE closed_on IS NULL ORDER BY subject_id";
        let found: Vec<(i64,)> = DB::all(&mut self.moment, "listing open episodes", open, &[]).await?;
        Ok(found.into_iter().map(|(subject,)| SubjectId(subject)).collect())
    }

    async fn find_next_waking(&mut self, after: Date) -> Result<Option<(Date, Vec<SubjectId>)>, StoreError> {
        let what = "asking who wakes next";
        let next = "SELECT min(wake_on) FROM wake WHERE wake_on > $1";
        let (next,): (Option<String>,) = DB::one(&mut self.moment, what, next, &[after.into()]).await?;
        let Some(day) = rows::optional_date(next.as_deref())? else { return Ok(None) };
        let wakes = "SELECT subject_id FROM wake WHERE wake_on = $1 ORDER BY subject_id";
        let found: Vec<(i64,)> = DB::all(&mut self.moment, what, wakes, &[day.into()]).await?;
        Ok(Some((day, found.into_iter().map(|(subject,)| SubjectId(subject)).collect())))
    }

    async fn list_gaps(
        &mut self,
        today: Date,
        except: &[SubjectId],
        most: usize,
    ) -> Result<(Vec<Candidate>, u64), StoreError> {
        let (mut found, mut count) = (Vec::new(), 0);
        for which in [OVERDUE, OPERATOR_ONLY] {
            let (some, of_them) = self.gaps(which, today, except, most).await?;
            found.extend(some);
            count += of_them;
        }
        found.sort_unstable();
        found.truncate(most);
        Ok((found, count))
    }

    async fn list_accepted(&mut self, of: &[SubjectId]) -> Result<Vec<(SubjectId, Rule)>, StoreError> {
        let of: Vec<i64> = of.iter().map(|subject| subject.0).collect();
        let accepted = format!(
            "SELECT subject_id, rule FROM episode WHERE closed_on IS NULL AND subject_id IN {}
             AND {ACCEPTED}",
            DB::LISTED
        );
        let cells = [Cell::Numbers(&of)];
        let found: Vec<(i64, String)> =
            DB::all(&mut self.moment, "reading who was told", AssertSqlSafe(accepted), &cells).await?;
        found.into_iter().map(|(subject, rule)| Ok((SubjectId(subject), rows::rule(&rule)?))).collect()
    }

    async fn list_untold(&mut self, from: Date, to: Date) -> Result<Vec<Candidate>, StoreError> {
        let near = format!(
            "SELECT id, subject_id, rule, deadline_on FROM episode
             WHERE closed_on IS NULL AND is_operator_only = 0 AND deadline_on BETWEEN $1 AND $2 AND NOT {ACCEPTED}"
        );
        self.candidates(near, &[from.into(), to.into()]).await
    }

    async fn count(&mut self, today: Date) -> Result<Totals, StoreError> {
        let what = "counting what the report is about";
        let marks = "SELECT (SELECT count(*) FROM mark WHERE mark = 'resting'),
             (SELECT CAST(coalesce(sum(rules), 0) AS BIGINT) FROM mark WHERE mark = 'no_date'),
             (SELECT count(*) FROM mark WHERE mark = 'missing'),
             (SELECT coalesce(max(subjects), 0) FROM survey)";
        let (resting, no_date, missing, subjects): (i64, i64, i64, i64) =
            DB::one(&mut self.moment, what, marks, &[]).await?;
        let overdue = AssertSqlSafe(format!("SELECT count(*) {OVERDUE}"));
        let (overdue,): (i64,) = DB::one(&mut self.moment, what, overdue, &[today.into()]).await?;
        let [subjects, resting, no_date, overdue, missing] =
            [subjects, resting, no_date, overdue, missing].map(rows::uncount);
        Ok(Totals { subjects, resting, no_date, overdue, missing })
    }
}

impl<DB: Dialect> SqlReading<DB> {
    async fn gaps(
        &mut self,
        which: &str,
        today: Date,
        except: &[SubjectId],
        most: usize,
    ) -> Result<(Vec<Candidate>, u64), StoreError> {
        let columns = "SELECT id, subject_id, rule, deadline_on";
        if except.len() > MOST_LEFT_OUT {
            let mut all =
                self.candidates(format!("{columns} {which} ORDER BY deadline_on, id"), &[today.into()]).await?;
            all.retain(|candidate| except.binary_search(&candidate.subject).is_err());
            let count = all.len() as u64;
            all.truncate(most);
            return Ok((all, count));
        }
        let except: Vec<i64> = except.iter().map(|subject| subject.0).collect();
        let which = format!("{which} AND subject_id NOT IN {}", DB::LISTED.replace("$1", "$2"));
        let cells = [today.into(), Cell::Numbers(&except)];
        let count = AssertSqlSafe(format!("SELECT count(*) {which}"));
        let (count,): (i64,) = DB::one(&mut self.moment, "counting gaps", count, &cells).await?;
        let [today, except] = cells;
        let limit = i64::try_from(most).unwrap_or(i64::MAX).into();
        let list = format!("{columns} {which} ORDER BY deadline_on, id LIMIT $3");
        Ok((self.candidates(list, &[today, except, limit]).await?, rows::uncount(count)))
    }

    async fn candidates(&mut self, sql: String, cells: &[Cell<'_>]) -> Result<Vec<Candidate>, StoreError> {
        let found: Vec<(i64, i64, String, String)> =
            DB::all(&mut self.moment, "reading whom nobody was told of", AssertSqlSafe(sql), cells).await?;
        let candidate = |(episode, subject, rule, deadline_on): (i64, i64, String, String)| {
            Ok(Candidate {
                episode: EpisodeId(episode),
                subject: SubjectId(subject),
                rule: rows::rule(&rule)?,
                deadline_on: rows::date(&deadline_on)?,
            })
        };
        found.into_iter().map(candidate).collect()
    }
}
