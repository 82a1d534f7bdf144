//! One subject as the register holds it, and how a row's values become its facts (rule 5).

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::{
    facts::{Fact, Facts, Field, Merged, SnapshotId, Value},
    history::StatusHistory,
    snapshot::{Observation, Source},
    subject::{Address, Kind, MfaState, MobileState, OdsCode, Status},
};

/// The status word of a subject that vanished and is taken as deleted.
pub(super) const PRESUMED: &str = "Deleted (no longer listed)";

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

/// A listed subject is not gone: its status before it was taken as deleted holds again, unless the row gave a newer.
pub(super) fn withdraw_presumption(subject: &mut Subject, arrival: Arrival) {
    let presumed = subject.facts.get(Field::Status).filter(|fact| fact.value == Value::Text(PRESUMED.into()));
    let Some(presumed) = presumed.filter(|fact| fact.as_of < arrival.as_of).cloned() else { return };
    let before = subject.history.stretches().iter().rev().find(|stretch| stretch.status.as_str() != PRESUMED);
    let status = before.map(|stretch| stretch.status.clone()).or_else(|| Status::new("Active"));
    let Some(status) = status else { return };
    let value = Value::Text(status.as_str().into());
    subject.facts.set(Field::Status, Fact { value, as_of: arrival.as_of, ..presumed });
    subject.history.record(status, arrival.as_of, arrival.source);
}

/// The last date that a snapshot can know: one more than a day after its as-of is bad (rule 5).
#[must_use]
pub fn latest_good(as_of: Date) -> Date {
    as_of.tomorrow().unwrap_or(as_of)
}

/// Merges a row's values. Returns whether a value is new, whether the row is to be kept all the same (it confirms
/// something, or another source overrules it), and how many dates were bad.
pub(super) fn merge_row(subject: &mut Subject, arrival: Arrival, row: &Observation) -> (bool, bool, u32) {
    let latest = latest_good(arrival.as_of);
    let (mut changed, mut confirmed, mut bad_dates) = (false, false, 0);
    for (field, value) in values(row) {
        if matches!(value, Value::Date(date) if date > latest) {
            bad_dates += 1;
            continue;
        }
        let Arrival { snapshot, source, as_of } = arrival;
        match subject.facts.merge(field, Fact { value, as_of, source, snapshot, line: row.line }) {
            Merged::Changed => changed = true,
            Merged::Confirmed | Merged::Overruled => confirmed = true,
            Merged::Unchanged => {}
        }
    }
    if let Some(status) = &row.status {
        confirmed |= subject.history.record(status.clone(), arrival.as_of, arrival.source);
    }
    (changed, confirmed, bad_dates)
}

/// The fields of which a row says anything.
pub(super) fn fields(row: &Observation) -> impl Iterator<Item = Field> {
    told(row).map(|(field, _)| field)
}

/// The values a row gives.
fn values(row: &Observation) -> impl Iterator<Item = (Field, Value)> {
    told(row).map(|(field, told)| {
        let value = match told {
            Told::Text(text) => Value::Text(text.into()),
            Told::Date(date) => Value::Date(date),
            Told::Flag(flag) => Value::Flag(flag),
        };
        (field, value)
    })
}

/// A value as it stands in a row.
enum Told<'a> {
    Text(&'a str),
    Date(Date),
    Flag(bool),
}

/// What a row says; a blank says nothing.
fn told(row: &Observation) -> impl Iterator<Item = (Field, Told<'_>)> {
    let kind = (row.kind != Kind::Unknown).then(|| row.kind.as_str());
    [
        (Field::Address, row.address.as_ref().map(Address::as_str).map(Told::Text)),
        (Field::DisplayName, row.display_name.as_deref().map(Told::Text)),
        (Field::Kind, kind.map(Told::Text)),
        (Field::Status, row.status.as_ref().map(Status::as_str).map(Told::Text)),
        (Field::Ods, row.ods.as_ref().map(OdsCode::as_str).map(Told::Text)),
        (Field::OrgName, row.org_name.as_deref().map(Told::Text)),
        (Field::CreatedOn, row.created_on.map(Told::Date)),
        (Field::LastActivityOn, row.last_activity_on.map(Told::Date)),
        (Field::LastSentOn, row.last_sent_on.map(Told::Date)),
        (Field::PasswordChangedOn, row.password_changed_on.map(Told::Date)),
        (Field::PasswordNeverExpires, row.password_never_expires.map(Told::Flag)),
        (Field::LeaverOn, row.leaver_on.map(Told::Date)),
        (Field::DeletedOn, row.deleted_on.map(Told::Date)),
        (Field::Enabled, row.enabled.map(Told::Flag)),
        (Field::AupAccepted, row.aup_accepted.map(Told::Flag)),
        (Field::Mfa, row.mfa.map(MfaState::as_str).map(Told::Text)),
        (Field::Mobile, row.mobile.map(MobileState::as_str).map(Told::Text)),
    ]
    .into_iter()
    .filter_map(|(field, told)| Some((field, told?)))
}
