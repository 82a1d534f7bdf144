//! What a store keeps of loaded files and of subjects.

use jiff::{Timestamp, civil::Date};

use crate::domain::{
    facts::SnapshotId,
    register::{Subject, SubjectId},
    snapshot::Source,
};

/// A loaded file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotRow {
    /// Its number.
    pub id: SnapshotId,
    /// What kind of export it is.
    pub source: Source,
    /// Its name without folder.
    pub file_name: String,
    /// SHA-256 of its bytes, lower-case hexadecimal.
    pub sha256: String,
    /// The day it describes.
    pub as_of_on: Date,
    /// When it was loaded.
    pub loaded_at: Timestamp,
    /// Rows in it, rejected ones too.
    pub row_count: u64,
    /// Rows that could not be read.
    pub rejected_count: u64,
    /// It tells of sends.
    pub has_sends: bool,
    /// The load report as JSON.
    pub report: String,
    /// A run went by it without being held, or a person approved one: the breaker compares newer ones with it.
    pub is_cleared: bool,
}

/// Subjects to write and to remove.
#[derive(Debug, Clone, Default)]
pub struct Changes<'a> {
    /// Subjects as they are now.
    pub subjects: Vec<&'a Subject>,
    /// Subjects merged into others.
    pub removed: Vec<SubjectId>,
}
