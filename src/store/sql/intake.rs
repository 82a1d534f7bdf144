//! A file being loaded, as one transaction.

use std::{panic::resume_unwind, sync::Arc};

use async_trait::async_trait;
use jiff::civil::Date;
use sqlx::Transaction;
use tokio::{spawn, sync::oneshot};
use tokio_util::task::AbortOnDropHandle;

use super::{
    Dialect,
    body::Days,
    doing, lists, person, register, rolls,
    subjects::{self, Kept, KnownSaid, Written},
    wake,
};
use crate::{
    domain::{
        newcomer::Newcomer,
        register::{Subject, SubjectId},
        roll::Roll,
        snapshot::Source,
        subject::Address,
    },
    store::{Changes, Intake, StoreError, Taken},
};

/// See [`Intake`].
pub(super) struct SqlIntake<DB: Dialect> {
    hand: Hand<DB>,
    source: Source,
    /// The snapshots before the file.
    before: Days,
    /// The snapshots with the file.
    after: Arc<Days>,
    /// The highest number that a subject had before the file.
    last_subject: SubjectId,
    /// What is in the database by now.
    kept: Kept,
    /// Addresses can be looked for: where nobody was known, their index is made when it is first asked for, and at the
    /// end. An index that grows with the rows is written at other places with every row.
    is_indexed: bool,
    /// What this file has said that is written.
    said: KnownSaid,
    erasure: i64,
}

/// Who has the transaction: a task writes while the next rows are merged.
enum Hand<DB: Dialect> {
    Free(Transaction<'static, DB>),
    Writing {
        task: AbortOnDropHandle<Result<Transaction<'static, DB>, StoreError>>,
        /// Says that what was handed over before is written.
        begun: oneshot::Receiver<()>,
    },
    /// Something could not be written, and whoever asked next was told.
    Lost,
}

impl<DB: Dialect> Hand<DB> {
    /// Who has it while a task works that was given something to do with it.
    fn busy<T>(work: impl FnOnce(oneshot::Sender<()>) -> T) -> Self
    where
        T: Future<Output = Result<Transaction<'static, DB>, StoreError>> + Send + 'static,
    {
        let (tell, begun) = oneshot::channel();
        Self::Writing { task: AbortOnDropHandle::new(spawn(work(tell))), begun }
    }

    /// The transaction, when all that was handed over is written.
    async fn take(self) -> Result<Transaction<'static, DB>, StoreError> {
        match self {
            Self::Free(transaction) => Ok(transaction),
            Self::Writing { task, .. } => task.await.unwrap_or_else(|error| match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                Err(_) => Err(lost()),
            }),
            Self::Lost => Err(lost()),
        }
    }

    /// Waits until no more than what was handed over last is to be written.
    ///
    /// # Errors
    /// What went wrong with it.
    async fn wait_for_the_last_but_one(&mut self) -> Result<(), StoreError> {
        let Self::Writing { begun, .. } = self else { return Ok(()) };
        if begun.await.is_err() {
            // One that never began has failed, and says why when it is asked for the transaction.
            self.wait().await?;
        }
        Ok(())
    }

    /// Leaves nobody in its place.
    const fn give(&mut self) -> Self {
        std::mem::replace(self, Self::Lost)
    }

    /// The transaction, to give back.
    async fn wait(&mut self) -> Result<&mut Transaction<'static, DB>, StoreError> {
        *self = Self::Free(self.give().take().await?);
        match self {
            Self::Free(transaction) => Ok(transaction),
            Self::Writing { .. } | Self::Lost => Err(lost()),
        }
    }
}

fn lost() -> StoreError {
    doing("writing a file")(sqlx::Error::WorkerCrashed)
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
        let is_indexed = !DB::INDEXES_LAST || last_subject > SubjectId(0);
        if !is_indexed {
            subjects::drop_index::<DB>(&mut transaction).await?;
            DB::append(&mut transaction).await.map_err(doing("beginning to load a file"))?;
        }
        let (hand, after) = (Hand::Free(transaction), Arc::new(after));
        let (kept, said) = (Kept::new(last_subject), KnownSaid::new());
        Ok(Self { hand, source, before, after, last_subject, kept, is_indexed, said, erasure })
    }

    /// Lets a task prepare and then write these subjects, while no more than one before is still being written.
    async fn hand_over(
        &mut self,
        ids: Vec<SubjectId>,
        prepare: impl FnOnce() -> Result<Written, StoreError> + Send + 'static,
    ) -> Result<(), StoreError> {
        self.hand.wait_for_the_last_but_one().await?;
        self.kept.last = ids.iter().copied().fold(self.kept.last, SubjectId::max);
        let before = self.hand.give();
        self.hand = Hand::busy(|tell| async move {
            let written = prepare()?;
            let mut transaction = before.take().await?;
            _ = tell.send(());
            written.write::<DB>(&mut transaction).await?;
            wake::stir::<DB>(&mut transaction, ids).await?;
            Ok(transaction)
        });
        Ok(())
    }

    async fn make_index(&mut self) -> Result<(), StoreError> {
        if !std::mem::replace(&mut self.is_indexed, true) {
            let mut transaction = self.hand.give().take().await?;
            self.hand = Hand::busy(|tell| async move {
                _ = tell.send(());
                subjects::make_index::<DB>(&mut transaction).await?;
                Ok(transaction)
            });
        }
        Ok(())
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
        rolls::read::<DB>(self.hand.wait().await?, self.source).await
    }

    fn next_subject(&self) -> SubjectId {
        SubjectId(self.last_subject.0 + 1)
    }

    async fn find_subjects(&mut self, ids: &[SubjectId], at: &[&Address]) -> Result<Vec<Subject>, StoreError> {
        if !at.is_empty() {
            self.make_index().await?;
        }
        let found = subjects::find_rows::<DB>(self.hand.wait().await?, ids, at, &self.before).await?;
        Ok(self.kept.note(found))
    }

    async fn write_subjects(&mut self, subjects: Vec<Subject>, removed: Vec<SubjectId>) -> Result<(), StoreError> {
        let after = Arc::clone(&self.after);
        let kept = self.kept.take();
        let said = subjects::news(subjects::said_of(&subjects), &mut self.said);
        let ids: Vec<_> = subjects.iter().map(|subject| subject.id).collect();
        let prepare = move || {
            let changes = Changes { subjects: subjects.iter().collect(), removed };
            Written::of(&changes, said, &kept, &after)
        };
        self.hand_over(ids, prepare).await
    }

    async fn write_newcomers(&mut self, newcomers: Vec<Newcomer>) -> Result<(), StoreError> {
        let after = Arc::clone(&self.after);
        let said = subjects::news(subjects::said_of_newcomers(&newcomers), &mut self.said);
        let ids: Vec<_> = newcomers.iter().map(|newcomer| newcomer.id).collect();
        self.hand_over(ids, move || Written::of_newcomers(&newcomers, said, &after)).await
    }

    async fn end_subjects(&mut self) -> Result<(), StoreError> {
        self.make_index().await
    }

    async fn commit(mut self: Box<Self>, taken: Taken<'_>) -> Result<(), StoreError> {
        self.make_index().await?;
        let mut transaction = self.hand.give().take().await?;
        // What was read before somebody was forgotten must not bring them back.
        if person::newest_erasure::<DB>(&mut transaction).await? > self.erasure {
            return Err(StoreError::ForgottenMeanwhile);
        }
        register::insert_snapshot::<DB>(&mut transaction, taken.snapshot).await?;
        if !taken.merged.is_empty() {
            rolls::merge::<DB>(&mut transaction, taken.merged).await?;
        }
        if let Some(roll) = taken.roll {
            rolls::write::<DB>(&mut transaction, self.source, roll).await?;
        }
        lists::write::<DB>(&mut transaction, taken.snapshot, taken.lists).await?;
        wake::stir_with_load::<DB>(&mut transaction).await?;
        if !(taken.lists.contacts.is_empty() && taken.lists.members.is_empty()) {
            // Others may read about every finding.
            wake::stir_episodes::<DB>(&mut transaction, "closed_on IS NULL", &[]).await?;
        }
        subjects::count::<DB>(&mut transaction).await?;
        DB::commit(transaction).await.map_err(doing("committing"))
    }
}
