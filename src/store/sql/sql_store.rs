//! The one implementation of [`Store`]: a pool, and a transaction around everything that writes.

use std::cmp::Ordering;

use async_trait::async_trait;
use jiff::{Timestamp, civil::Date};
use sqlx::{Pool, Transaction, migrate::Migrator, pool::PoolConnection};

use super::{
    Dialect, doing, doubts, holds, intake::SqlIntake, lease, ledger, messages, outbox, person, reading::SqlReading,
    refused, register, retention, settle, standings, subjects, wake,
};
use crate::{
    domain::{
        facts::SnapshotId,
        outbox::Verdict,
        plan::{EpisodeId, Told},
        policy::Rule,
        register::{Register, SubjectId},
        snapshot::Source,
    },
    store::{
        Claim, Decided, Doubt, Exchanged, Forgetting, Forgotten, Intake, Lease, LedgerLine, MessageNumber,
        MessageState, NewMessage, OpenEpisode, Pruned, Pruning, Reading, RefusedNotice, Revision, RunId, RunRow,
        Settlement, SnapshotRow, Snooze, Standings, Stopped, Store, StoreError, StoredMessage, Usage,
    },
};

/// A store in a database that speaks SQL.
#[derive(Debug)]
pub struct SqlStore<DB: Dialect> {
    pool: Pool<DB>,
    /// It was made by who does one thing after the other.
    is_alone: bool,
}

impl<DB: Dialect> SqlStore<DB> {
    /// A store behind a pool whose database is of our version.
    pub(in crate::store) const fn new(pool: Pool<DB>) -> Self {
        Self { pool, is_alone: false }
    }

    /// The same for who made it and does one thing after the other.
    pub(in crate::store) fn alone(self) -> Self {
        Self { is_alone: true, ..self }
    }

    pub(in crate::store) const fn pool(&self) -> &Pool<DB> {
        &self.pool
    }

    /// The store, when its tables are of our version: for those who may not bring them up to date.
    ///
    /// # Errors
    /// `Migrate` when they are of a newer version, `Older` when of an older one.
    pub(in crate::store) async fn of_version(self, ours: &Migrator) -> Result<Self, StoreError> {
        let newest = "SELECT coalesce(max(version), 0) FROM _sqlx_migrations";
        let (version,): (i64,) =
            DB::one(&mut *self.connection().await?, "reading the database's version", newest, &[]).await?;
        let ours = ours.iter().map(|migration| migration.version).max().unwrap_or(0);
        match version.cmp(&ours) {
            Ordering::Equal => Ok(self),
            Ordering::Greater => Err(StoreError::Newer { version }),
            Ordering::Less => Err(StoreError::Older),
        }
    }

    async fn connection(&self) -> Result<PoolConnection<DB>, StoreError> {
        self.pool.acquire().await.map_err(doing("connecting"))
    }

    /// One moment of the database, for reading that takes more than one statement.
    pub(super) async fn moment(&self) -> Result<Transaction<'static, DB>, StoreError> {
        DB::begin_reading(&self.pool).await.map_err(doing("beginning to read"))
    }

    pub(super) async fn begin(&self) -> Result<Transaction<'static, DB>, StoreError> {
        DB::begin(&self.pool).await.map_err(doing("beginning a transaction"))
    }
}

async fn commit<DB: Dialect>(transaction: Transaction<'static, DB>) -> Result<(), StoreError> {
    DB::commit(transaction).await.map_err(doing("committing"))
}

#[async_trait]
impl<DB: Dialect> Store for SqlStore<DB> {
    fn is_shared(&self) -> bool {
        DB::IS_SHARED
    }

    async fn load_register(&self) -> Result<Register, StoreError> {
        let mut moment = self.moment().await?;
        let register = register::load::<DB>(&mut moment).await?;
        commit(moment).await.map(|()| register)
    }

    async fn load_told(&self) -> Result<Told, StoreError> {
        let mut moment = self.moment().await?;
        let told = ledger::load_told::<DB>(&mut moment, None).await?;
        commit(moment).await.map(|()| told)
    }

    async fn begin_reading(&self) -> Result<Box<dyn Reading>, StoreError> {
        Ok(Box::new(SqlReading::begin(self.moment().await?).await?))
    }

    async fn find_snapshot(&self, sha256: &str) -> Result<Option<SnapshotRow>, StoreError> {
        register::find_snapshot::<DB>(&mut *self.connection().await?, sha256).await
    }

    async fn list_snapshots(&self) -> Result<Vec<SnapshotRow>, StoreError> {
        register::list_snapshots::<DB>(&mut *self.connection().await?).await
    }

    async fn list_newest_snapshots(&self) -> Result<Vec<SnapshotRow>, StoreError> {
        register::list_newest_snapshots::<DB>(&mut *self.connection().await?).await
    }

    async fn next_snapshot_id(&self) -> Result<SnapshotId, StoreError> {
        register::next_snapshot_id::<DB>(&mut *self.connection().await?).await
    }

    async fn begin_intake(&self, source: Source, as_of: Date) -> Result<Box<dyn Intake>, StoreError> {
        let transaction = DB::begin_bulk(&self.pool, self.is_alone).await.map_err(doing("beginning to load a file"))?;
        Ok(Box::new(SqlIntake::begin(transaction, source, as_of).await?))
    }

    async fn note_doubt(&self, doubt: &Doubt, now: Timestamp) -> Result<(), StoreError> {
        doubts::note::<DB>(&mut *self.connection().await?, doubt, now).await
    }

    async fn find_doubt(&self, sha256: &str) -> Result<Option<Doubt>, StoreError> {
        doubts::find::<DB>(&mut *self.connection().await?, sha256).await
    }

    async fn list_doubts(&self, run: Option<RunId>) -> Result<Vec<Doubt>, StoreError> {
        doubts::list::<DB>(&mut *self.connection().await?, run).await
    }

    async fn begin_run(&self, on_day: Date, kind: &str, now: Timestamp) -> Result<RunId, StoreError> {
        ledger::begin_run::<DB>(&mut *self.connection().await?, on_day, kind, now).await
    }

    async fn save_plan(&self, run: RunId, decided: &Decided<'_>, now: Timestamp) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        person::expect_nobody_forgotten_since::<DB>(&mut transaction, run.0).await?;
        let days = register::days::<DB>(&mut transaction).await?;
        subjects::write::<DB>(&mut transaction, decided.changes, &days).await?;
        ledger::write_episodes::<DB>(&mut transaction, run, decided.plan).await?;
        outbox::insert_messages::<DB>(&mut transaction, run, decided.messages, now).await?;
        standings::adopt::<DB>(&mut transaction, decided.adopted, decided.plan.on).await?;
        standings::note_alerts::<DB>(&mut transaction, decided.alerts, decided.plan.on).await?;
        holds::note::<DB>(&mut transaction, run, decided).await?;
        if let Some(looked) = decided.looked {
            wake::note::<DB>(&mut transaction, looked).await?;
        }
        commit(transaction).await
    }

    async fn finish_run(&self, run: RunId, now: Timestamp, report: &str) -> Result<(), StoreError> {
        ledger::finish_run::<DB>(&mut *self.connection().await?, run, now, report).await
    }

    async fn list_runs(&self, most: u32) -> Result<Vec<RunRow>, StoreError> {
        ledger::list_runs::<DB>(&mut *self.connection().await?, most).await
    }

    async fn list_held_runs(&self) -> Result<Vec<RunRow>, StoreError> {
        ledger::list_held_runs::<DB>(&mut *self.connection().await?).await
    }

    async fn approve_run(
        &self,
        run: RunId,
        by: &str,
        rules: &[Rule],
        starts: &[(MessageNumber, Timestamp)],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let is_approved = holds::approve::<DB>(&mut transaction, run, by, starts, now).await?;
        if is_approved {
            holds::adopt::<DB>(&mut transaction, run, rules).await?;
        }
        commit(transaction).await?;
        Ok(is_approved)
    }

    async fn discard_run(&self, run: RunId, by: &str, now: Timestamp) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let is_discarded = holds::discard::<DB>(&mut transaction, run, by, now).await?;
        commit(transaction).await?;
        Ok(is_discarded)
    }

    async fn load_standings(&self) -> Result<Standings, StoreError> {
        let mut moment = self.moment().await?;
        let standings = standings::load::<DB>(&mut moment).await?;
        commit(moment).await.map(|()| standings)
    }

    async fn list_alerts(&self, on_day: Date) -> Result<Vec<String>, StoreError> {
        standings::list_alerts::<DB>(&mut *self.connection().await?, on_day).await
    }

    async fn add_snooze(&self, snooze: &Snooze) -> Result<i64, StoreError> {
        let mut transaction = self.begin().await?;
        let number = standings::add_snooze::<DB>(&mut transaction, snooze).await?;
        wake::stir::<DB>(&mut transaction, [snooze.subject]).await?;
        commit(transaction).await?;
        Ok(number)
    }

    async fn end_snooze(&self, subject: SubjectId, rule: Rule, now: Timestamp) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let is_ended = standings::end_snooze::<DB>(&mut transaction, subject, rule, now).await?;
        wake::stir::<DB>(&mut transaction, [subject]).await?;
        commit(transaction).await?;
        Ok(is_ended)
    }

    async fn exchange(&self, settled: &[Settlement], lease: Option<&Lease>) -> Result<Exchanged, StoreError> {
        let mut transaction = self.begin().await?;
        let exchanged = lease::exchange::<DB>(&mut transaction, settled, lease).await?;
        commit(transaction).await?;
        Ok(exchanged)
    }

    async fn find_revision(&self) -> Result<Revision, StoreError> {
        lease::revision::<DB>(&mut *self.connection().await?).await
    }

    async fn renew_leases(&self, holder: &str, until: Timestamp) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let renewed = lease::renew::<DB>(&mut transaction, holder, until).await?;
        commit(transaction).await?;
        Ok(renewed)
    }

    async fn hold_connections(
        &self,
        holder: &str,
        wanted: u16,
        most: u16,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<u16, StoreError> {
        let mut transaction = self.begin().await?;
        let held = standings::hold_connections::<DB>(&mut transaction, holder, wanted, most, now, until).await?;
        commit(transaction).await?;
        Ok(held)
    }

    async fn count_usage(&self, now: Timestamp) -> Result<Usage, StoreError> {
        lease::usage::<DB>(&mut *self.connection().await?, now).await
    }

    async fn note_stopped(&self, stopped: Option<&Stopped>) -> Result<(), StoreError> {
        standings::note_stopped::<DB>(&mut *self.connection().await?, stopped).await
    }

    async fn find_stopped(&self) -> Result<Option<Stopped>, StoreError> {
        standings::find_stopped::<DB>(&mut *self.connection().await?).await
    }

    async fn settle_unknown(
        &self,
        number: MessageNumber,
        verdict: Verdict,
        by: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let is_settled = settle::settle_unknown::<DB>(&mut transaction, number, verdict, by, now).await?;
        commit(transaction).await?;
        Ok(is_settled)
    }

    async fn find_message(&self, reference: &str) -> Result<Option<StoredMessage>, StoreError> {
        let mut moment = self.moment().await?;
        let message = messages::find_message::<DB>(&mut moment, reference).await?;
        commit(moment).await.map(|()| message)
    }

    async fn list_lapsed_leases(&self, before: Timestamp) -> Result<Vec<StoredMessage>, StoreError> {
        let mut moment = self.moment().await?;
        let lapsed = messages::list_lapsed_leases::<DB>(&mut moment, before).await?;
        commit(moment).await.map(|()| lapsed)
    }

    async fn list_messages(&self, states: &[MessageState]) -> Result<Vec<StoredMessage>, StoreError> {
        let mut moment = self.moment().await?;
        let messages = messages::list_messages::<DB>(&mut moment, states).await?;
        commit(moment).await.map(|()| messages)
    }

    async fn count_messages(&self) -> Result<Vec<(MessageState, u64)>, StoreError> {
        messages::count_messages::<DB>(&mut *self.connection().await?).await
    }

    async fn count_messages_of(&self, run: RunId) -> Result<Vec<(MessageState, u64)>, StoreError> {
        messages::count_messages_of::<DB>(&mut *self.connection().await?, run).await
    }

    async fn next_attempt_at(&self, only_any_day: bool) -> Result<Option<Timestamp>, StoreError> {
        messages::next_attempt_at::<DB>(&mut *self.connection().await?, only_any_day).await
    }

    async fn last_attempt_at(&self) -> Result<Option<Timestamp>, StoreError> {
        messages::last_attempt_at::<DB>(&mut *self.connection().await?).await
    }

    async fn list_refused(&self) -> Result<Vec<RefusedNotice>, StoreError> {
        let mut moment = self.moment().await?;
        let refused = refused::list_refused::<DB>(&mut moment).await?;
        commit(moment).await.map(|()| refused)
    }

    async fn save_climb(
        &self,
        run: RunId,
        climbed: &[i64],
        messages: &[NewMessage],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        if !refused::mark_climbed::<DB>(&mut transaction, climbed).await? {
            return Ok(false);
        }
        outbox::insert_messages::<DB>(&mut transaction, run, messages, now).await?;
        commit(transaction).await.map(|()| true)
    }

    async fn list_ledger(&self, subject: SubjectId) -> Result<Vec<LedgerLine>, StoreError> {
        ledger::list_ledger::<DB>(&mut *self.connection().await?, subject).await
    }

    async fn list_ledger_after(&self, number: i64, most: u32) -> Result<Vec<LedgerLine>, StoreError> {
        ledger::list_ledger_after::<DB>(&mut *self.connection().await?, number, most).await
    }

    async fn list_told_days(&self) -> Result<Vec<(EpisodeId, Date)>, StoreError> {
        ledger::list_told_days::<DB>(&mut *self.connection().await?).await
    }

    async fn list_episodes(&self, subject: Option<SubjectId>) -> Result<Vec<OpenEpisode>, StoreError> {
        let mut moment = self.moment().await?;
        let episodes = ledger::list_episodes::<DB>(&mut moment, subject).await?;
        commit(moment).await.map(|()| episodes)
    }

    async fn last_due_day(&self) -> Result<Option<Date>, StoreError> {
        ledger::last_due_day::<DB>(&mut *self.connection().await?).await
    }

    async fn claim_day(&self, on_day: Date, now: Timestamp) -> Result<Claim, StoreError> {
        ledger::claim_day::<DB>(&mut *self.connection().await?, on_day, now).await
    }

    async fn pass_days(&self, days: &[Date], outcome: &str, now: Timestamp) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        ledger::pass_days::<DB>(&mut transaction, days, outcome, now).await?;
        commit(transaction).await
    }

    async fn finish_day(&self, on_day: Date, now: Timestamp) -> Result<(), StoreError> {
        ledger::finish_day::<DB>(&mut *self.connection().await?, on_day, now).await
    }

    async fn prune(&self, pruning: &Pruning) -> Result<Pruned, StoreError> {
        let mut transaction = self.begin().await?;
        let pruned = retention::prune::<DB>(&mut transaction, pruning).await?;
        commit(transaction).await?;
        Ok(pruned)
    }

    async fn forget(&self, whom: &Forgetting<'_>) -> Result<Forgotten, StoreError> {
        let mut transaction = self.begin().await?;
        let forgotten = person::forget::<DB>(&mut transaction, whom).await?;
        subjects::count::<DB>(&mut transaction).await?;
        if whom.is_rehearsal {
            transaction.rollback().await.map_err(doing("ending a rehearsal"))?;
        } else {
            commit(transaction).await?;
        }
        Ok(forgotten)
    }

    async fn close(&self) {
        if self.is_alone {
            // The connection that loaded comes back first, and leaves the database as others want it.
            drop(self.pool.acquire().await);
        }
        self.pool.close().await;
    }
}
