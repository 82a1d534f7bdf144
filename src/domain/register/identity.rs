//! Who is who (rule 5): which subject a row is about, who holds an address, and when two records are one subject.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
};

use jiff::civil::Date;

use super::{Arrival, Register, Subject, SubjectId};
use crate::domain::{
    facts::{Fact, Facts, Field, Merged, Value},
    snapshot::Observation,
    subject::Address,
};

impl Register {
    /// Finds the subject of a row, or makes one.
    ///
    /// - The source's id decides.
    /// - Else the address, unless the subject there is known to this source under another id: then the address has
    ///   changed hands.
    /// - Else an address some subject had before, on the same condition.
    ///
    /// `holder` has the address now.
    pub(super) fn subject_of(&mut self, arrival: Arrival, row: &Observation, holder: Option<SubjectId>) -> SubjectId {
        let of_source = self.by_source_id.get(&arrival.source);
        if let Some(id) = of_source.zip(row.id.as_ref()).and_then(|(ids, id)| ids.get(id)) {
            return *id;
        }
        let joins = |id: &SubjectId| {
            let known = self.subjects.get(id).and_then(|subject| subject.source_ids.get(&arrival.source));
            row.id.is_none() || known.is_none()
        };
        let before = || row.address.as_ref().and_then(|address| self.by_former_address.get(address)).copied();
        holder.or_else(before).filter(joins).unwrap_or_else(|| self.add())
    }

    fn add(&mut self) -> SubjectId {
        self.next_id += 1;
        let id = SubjectId(self.next_id);
        self.subjects.insert(id, Subject::new(id));
        id
    }

    /// Returns whether the source names the subject by this id for the first time.
    pub(super) fn note_source_id(&mut self, id: SubjectId, arrival: Arrival, row: &Observation) -> bool {
        let (Some(subject), Some(row_id)) = (self.subjects.get_mut(&id), &row.id) else { return false };
        if subject.source_ids.get(&arrival.source) == Some(row_id) {
            return false;
        }
        subject.source_ids.insert(arrival.source, row_id.clone());
        self.by_source_id.entry(arrival.source).or_default().insert(row_id.clone(), id);
        true
    }

    /// Whether the source lists somebody else, by another id, at the row's address on the same day.
    pub(super) fn is_contested(
        &self,
        id: SubjectId,
        holder: Option<SubjectId>,
        arrival: Arrival,
        row: &Observation,
    ) -> bool {
        let holder = holder.filter(|holder| *holder != id).and_then(|holder| self.subjects.get(&holder));
        holder.is_some_and(|holder| {
            let is_of_the_day = holder.listed_by(arrival.source) == Some(arrival.as_of);
            let has_id = row.id.is_some() && holder.source_ids.contains_key(&arrival.source);
            is_of_the_day && has_id && holder.facts.address() == row.address
        })
    }

    /// Keeps one holder per address: a row that gives the subject a newer address takes it from whoever had it.
    pub(super) fn settle_address(
        &mut self,
        id: SubjectId,
        holder: Option<SubjectId>,
        arrival: Arrival,
        row: &Observation,
    ) {
        let Some(address) = &row.address else { return };
        let current = self.subjects.get(&id).and_then(|subject| subject.facts.get(Field::Address));
        let current_address = current.and_then(|_| self.subjects.get(&id)).and_then(|s| s.facts.address());
        if current_address.as_ref() == Some(address) && holder == Some(id) {
            return;
        }
        let is_former = self.subjects.get(&id).is_some_and(|subject| subject.former_addresses.contains(address));
        let is_older = current.is_some_and(|fact| !arrival_beats(arrival, address, fact));
        if is_older || (is_former && !arrival.source.lists_subjects()) {
            return;
        }
        if let Some(holder) = holder.filter(|holder| *holder != id) {
            self.absorb_if_disjoint(id, holder);
            if self.holds_better(holder, address, arrival) {
                return;
            }
        }
        if let Some(old) = current_address.filter(|old| old != address) {
            self.leave_address(id, old);
        }
        self.by_address.insert(address.clone(), id);
    }

    /// Whether another subject's claim to an address is better than an arriving one: then it keeps it, in whichever
    /// order the two arrive.
    fn holds_better(&self, holder: SubjectId, address: &Address, arrival: Arrival) -> bool {
        let holder = self.subjects.get(&holder).filter(|holder| holder.is_listed());
        let holder = holder.filter(|holder| holder.facts.address().as_ref() == Some(address));
        let claim = holder.and_then(|holder| holder.facts.get(Field::Address));
        claim.is_some_and(|claim| !arrival_beats(arrival, address, claim))
    }

    fn leave_address(&mut self, id: SubjectId, old: Address) {
        if self.by_address.get(&old) == Some(&id) {
            self.by_address.remove(&old);
        }
        if let Some(subject) = self.subjects.get_mut(&id) {
            subject.former_addresses.insert(old.clone());
        }
        self.by_former_address.insert(old, id);
    }

    /// Two records of one address are one subject unless a source knows them apart by id.
    fn absorb_if_disjoint(&mut self, id: SubjectId, other: SubjectId) {
        let ids = |id| self.subjects.get(&id).map(|subject| &subject.source_ids);
        let (Some(own), Some(theirs)) = (ids(id), ids(other)) else { return };
        if theirs.keys().any(|source| own.contains_key(source)) {
            return;
        }
        let Some(gone) = self.subjects.remove(&other) else { return };
        let Some(subject) = self.subjects.get_mut(&id) else { return };
        for address in &gone.former_addresses {
            self.by_former_address.insert(address.clone(), id);
        }
        subject.former_addresses.extend(gone.former_addresses);
        // Two histories become one: what was fixed on half of it is asked again.
        subject.deletion = None;
        for (source, source_id) in &gone.source_ids {
            self.by_source_id.entry(*source).or_default().insert(source_id.clone(), id);
        }
        subject.source_ids.extend(gone.source_ids);
        for (source, on) in gone.seen_on {
            let seen_on = subject.seen_on.entry(source).or_insert(on);
            *seen_on = on.max(*seen_on);
        }
        subject.facts.absorb(gone.facts);
        subject.history.absorb(gone.history);
        self.changed.insert(id);
        self.changed.remove(&other);
        self.removed.insert(other, id);
    }
}

/// How good a claim to an address is: listed, how new, by which source, and then by number.
type Claim = (bool, Date, Reverse<(u8, &'static str)>, SubjectId);

/// Who holds which address: of several that claim one, a listed one, and then the best claim.
pub(super) fn holders(subjects: &BTreeMap<SubjectId, Subject>) -> HashMap<Address, SubjectId> {
    let mut best: HashMap<Address, Claim> = HashMap::new();
    for subject in subjects.values() {
        let (Some(address), Some(claim)) = (subject.facts.address(), subject.facts.get(Field::Address)) else {
            continue;
        };
        let rank = Reverse((claim.source.rank(), claim.source.as_str()));
        let standing = (subject.is_listed(), claim.as_of, rank, subject.id);
        best.entry(address).and_modify(|known| *known = (*known).max(standing)).or_insert(standing);
    }
    best.into_iter().map(|(address, (.., holder))| (address, holder)).collect()
}

/// Whether the arriving row's address is to be believed over the known one.
fn arrival_beats(arrival: Arrival, address: &Address, known: &Fact) -> bool {
    let value = Value::Text(address.as_str().into());
    let fact = Fact { value, as_of: arrival.as_of, source: arrival.source, snapshot: arrival.snapshot, line: 0 };
    let mut facts = Facts::default();
    facts.set(Field::Address, known.clone());
    facts.merge(Field::Address, fact) != Merged::Unchanged
}
