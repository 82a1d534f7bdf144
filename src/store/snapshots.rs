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
}

/// Subjects to write and to remove.
#[derive(Debug, Clone, Default)]
pub struct Changes<'a> {
    /// Subjects as they are now.
    pub subjects: Vec<&'a Subject>,
    /// Subjects merged into others.
    pub removed: Vec<SubjectId>,
}

/// Where a file that looks wrong stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DoubtState {
    /// A person is waited for.
    Doubted,
    /// A person approved the run that was held for it: it may be loaded.
    Believed,
    /// A person discarded that run.
    Dismissed,
}

impl DoubtState {
    /// The word in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Doubted => "doubted",
            Self::Believed => "believed",
            Self::Dismissed => "dismissed",
        }
    }

    /// The state of a stored word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Doubted, Self::Believed, Self::Dismissed].into_iter().find(|state| state.as_str() == word)
    }
}

/// A file that looks wrong: nothing of it is loaded before a person says so (domain rule 19).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// SHA-256 of its bytes, lower-case hexadecimal.
    pub sha256: String,
    /// Its name without folder.
    pub file_name: String,
    /// What looks wrong, one reason a line.
    pub why: String,
    /// Where it stands.
    pub state: DoubtState,
}
