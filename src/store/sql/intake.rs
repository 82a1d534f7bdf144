//! A file being loaded, as one transaction.

use async_trait::async_trait;
use jiff::civil::Date;
use sqlx::Transaction;

use super::{Dialect, body::Days, doing, lists, person, register, rolls, subjects, wake};
use crate::{
    domain::{
        register::{Subject, SubjectId},
        roll::Roll,
        snapshot::Source,
        subject::Address,
    },
    store::{Changes, Intake, StoreError, Taken},
};

/// See [`Intake`].
pub(super) struct SqlIntake<DB: Dialect> {
    transaction: Transaction<'static, DB>,
    source: Source,
    /// The snapshots before the file.
    before: Days,
    /// The snapshots with the file.
    after: Days,
    last_subject: SubjectId,
    erasure: i64,
}

impl<DB: Dialect> SqlIntake<DB> {
    pub(super) async fn begin(
        mut transaction: Transaction<'static, DB>,
        source: Source,
        as_of: Date,
    ) -> Result<Self, StoreError> {
        let before = register::days::<DB>(&mut transaction).await?;
        let mut after = before.clone();
        after.entry(source).or_default().insert(as_of);
        let last_subject = subjects::last::<DB>(&mut transaction).await?;
        let erasure = person::newest_erasure::<DB>(&mut transaction).await?;
        Ok(Self { transaction, source, before, after, last_subject, erasure })
    }
}

#[async_trait]
impl<DB: Dialect> Intake for SqlIntake<DB> {
    fn is_first(&self) -> bool {
        self.last_subject == SubjectId(0)
    }

    fn newest(&self) -> Option<Date> {
        self.before.get(&self.source).and_then(|days| days.last().copied())
    }

    async fn read_roll(&mut self) -> Result<Roll, StoreError> {
        rolls::read::<DB>(&mut self.transaction, self.source).await
    }

    fn next_subject(&self) -> SubjectId {
        SubjectId(self.last_subject.0 + 1)
    }

    async fn find_subjects(&mut self, ids: &[SubjectId], at: &[&Address]) -> Result<Vec<Subject>, StoreError> {
        subjects::find::<DB>(&mut self.transaction, ids, at, &self.before).await
    }

    async fn write_subjects(&mut self, changes: &Changes<'_>) -> Result<(), StoreError> {
        subjects::write::<DB>(&mut self.transaction, changes, &self.after).await?;
        wake::stir::<DB>(&mut self.transaction, changes.subjects.iter().map(|subject| subject.id)).await
    }

    async fn commit(mut self: Box<Self>, taken: Taken<'_>) -> Result<(), StoreError> {
        // What was read before somebody was forgotten must not bring them back.
        if person::newest_erasure::<DB>(&mut self.transaction).await? > self.erasure {
            return Err(StoreError::ForgottenMeanwhile);
        }
        register::insert_snapshot::<DB>(&mut self.transaction, taken.snapshot).await?;
        if !taken.merged.is_empty() {
            rolls::merge::<DB>(&mut self.transaction, taken.merged).await?;
        }
        if let Some(roll) = taken.roll {
            rolls::write::<DB>(&mut self.transaction, self.source, roll).await?;
        }
        lists::write::<DB>(&mut self.transaction, taken.snapshot, taken.lists).await?;
        wake::stir_with_load::<DB>(&mut self.transaction).await?;
        if !(taken.lists.contacts.is_empty() && taken.lists.members.is_empty()) {
            // Others may read about every finding.
            wake::stir_episodes::<DB>(&mut self.transaction, "closed_on IS NULL", &[]).await?;
        }
        subjects::count::<DB>(&mut self.transaction).await?;
        DB::commit(self.transaction).await.map_err(doing("committing"))
    }
}
