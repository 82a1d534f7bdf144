//! One file on its way into the store.

use std::collections::HashMap;

use async_trait::async_trait;
use jiff::civil::Date;

use super::{SnapshotRow, StoreError};
use crate::domain::{
    newcomer::Newcomer,
    register::{Subject, SubjectId},
    roll::Roll,
    snapshot::Lists,
    subject::Address,
};

/// What belongs to a loaded file besides the subjects it changed.
#[derive(Debug)]
pub struct Taken<'a> {
    /// The file.
    pub snapshot: &'a SnapshotRow,
    /// The roll of its source after it, where it keeps one.
    pub roll: Option<&'a Roll>,
    /// Who was merged into whom: other rolls name them too.
    pub merged: &'a HashMap<SubjectId, SubjectId>,
    /// What it lists besides subjects. A contacts file replaces the one before.
    pub lists: &'a Lists,
}

/// A file being loaded: what it changes is written piece by piece and holds from [`Intake::commit`] on; dropped before
/// that, nothing has happened.
///
/// What is found in between is as it was before the file, but for what this file wrote.
#[async_trait]
pub trait Intake: Send {
    /// Whether nobody is known yet.
    fn is_first(&self) -> bool;
    /// The day of the source's newest snapshot before this file.
    fn newest(&self) -> Option<Date>;
    /// The roll of the file's source.
    async fn read_roll(&mut self) -> Result<Roll, StoreError>;
    /// The number that the next new subject gets.
    fn next_subject(&self) -> SubjectId;
    /// Subjects with these numbers, and those at one of these addresses, now or before; others may be among them.
    async fn find_subjects(&mut self, ids: &[SubjectId], at: &[&Address]) -> Result<Vec<Subject>, StoreError>;
    /// Takes subjects as they are after this file, and those that were merged into others. They are written while more
    /// is merged; what goes wrong with that is told to whoever asks next.
    async fn write_subjects(&mut self, subjects: Vec<Subject>, removed: Vec<SubjectId>) -> Result<(), StoreError>;
    /// Takes subjects of which nobody knew anything before this file, with numbers that nobody had; as
    /// [`write_subjects`](Self::write_subjects).
    async fn write_newcomers(&mut self, newcomers: Vec<Newcomer>) -> Result<(), StoreError>;
    /// Hears that no more subjects are coming, and does what is to be done then while its caller does the rest.
    async fn end_subjects(&mut self) -> Result<(), StoreError>;
    /// Ends the transaction for good.
    async fn commit(self: Box<Self>, taken: Taken<'_>) -> Result<(), StoreError>;
}
