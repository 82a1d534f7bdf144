//! One subject as the register holds it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::{
    facts::{Fact, Facts, Field, SnapshotId},
    history::StatusHistory,
    snapshot::Source,
    subject::{Address, Kind},
};

/// Number of a subject in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubjectId(pub i64);

/// The restore anchor, fixed when a subject was first seen deleted (rule 6, `restore`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deletion {
    /// The first as-of of the run of deleted statuses this belongs to.
    pub first_seen_on: Date,
    /// The day of deletion, once a source has told it; the first one told stays.
    pub told_on: Option<Date>,
    /// The guess, where nothing was told when it was first seen; kept when a told date replaces it.
    pub guessed_on: Option<Date>,
}

impl Deletion {
    /// The day the rule counts from, and whether it is a guess.
    #[must_use]
    pub fn anchor(self) -> Option<(Date, bool)> {
        self.told_on.map(|day| (day, false)).or_else(|| self.guessed_on.map(|day| (day, true)))
    }
}

/// An account or a shared mailbox, with all that is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Its number.
    pub id: SubjectId,
    /// What sources said.
    pub facts: Facts,
    /// Its status over time.
    pub history: StatusHistory,
    /// Its stable id in each source that gave one.
    pub source_ids: BTreeMap<Source, String>,
    /// The newest as-of at which each source spoke of it.
    pub seen_on: BTreeMap<Source, Date>,
    /// Addresses it had before.
    pub former_addresses: BTreeSet<Address>,
    /// When it was deleted, fixed when first seen deleted.
    pub deletion: Option<Deletion>,
}

impl Subject {
    /// A subject of which nothing is known yet.
    #[must_use]
    pub fn new(id: SubjectId) -> Self {
        Self {
            id,
            facts: Facts::default(),
            history: StatusHistory::default(),
            source_ids: BTreeMap::new(),
            seen_on: BTreeMap::new(),
            former_addresses: BTreeSet::new(),
            deletion: None,
        }
    }

    /// Whether any source has listed it: facts alone do not make a subject.
    #[must_use]
    pub fn is_listed(&self) -> bool {
        self.listings().next().is_some()
    }

    /// The sources that list it, each with the newest as-of at which it did.
    pub fn listings(&self) -> impl Iterator<Item = (Source, Date)> {
        self.seen_on.iter().filter(|(source, _)| source.lists_subjects()).map(|(source, on)| (*source, *on))
    }

    /// The newest as-of at which a source listed it.
    #[must_use]
    pub fn listed_by(&self, source: Source) -> Option<Date> {
        self.seen_on.get(&source).copied().filter(|_| source.lists_subjects())
    }

    /// What other sources said of a field, and what is not believed.
    pub fn rivals(&self, field: Field) -> impl Iterator<Item = &Fact> {
        self.facts.rivals(field)
    }

    /// Its address; empty only for a row that gave an id and no address.
    #[must_use]
    pub fn address(&self) -> Address {
        self.facts.address().unwrap_or_else(|| Address::new(""))
    }

    /// Whether its newest status, if any, is a live one (rule 6).
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.facts.status().is_none_or(|status| status.is_live())
    }

    /// A deleted or disabled account or shared mailbox: nobody can be reached there (rule 14).
    #[must_use]
    pub fn is_closed(&self) -> bool {
        let is_closed = self.facts.status().is_some_and(|status| status.is_deleted() || status.is_disabled());
        is_closed && self.facts.kind() != Kind::Resource
    }

    /// Never used, as far as anybody has seen.
    #[must_use]
    pub fn is_never_used(&self) -> bool {
        self.facts.date(Field::LastActivityOn).is_none()
    }

    /// The newest as-of of any source that listed it.
    #[must_use]
    pub fn as_of(&self) -> Option<Date> {
        self.listings().map(|(_, on)| on).max()
    }
}

/// The file whose rows are arriving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Its number.
    pub snapshot: SnapshotId,
    /// What kind of export it is.
    pub source: Source,
    /// The day it describes.
    pub as_of: Date,
}
