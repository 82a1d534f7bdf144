//! The register: every subject known, with its facts, and how a row of an export finds the subject it is about.
//!
//! A row joins a subject by the source's stable id, else by address (rule 5). Facts about an address that no source
//! has listed yet wait under that address and are taken up when a source lists it. Nothing here knows a database:
//! the store loads a register, asks it what changed and writes that.

mod identity;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, OnceLock},
};

use jiff::civil::Date;

use self::identity::holders;
use super::{
    contacts::Contacts,
    evaluate,
    facts::{Fact, Field, Fields, SnapshotId, Value},
    observe::{PRESUMED, fields, observe},
    policy::Policy,
    sites::Sites,
    snapshot::{ContactRow, Lists, Observation, SiteRow, Source},
    subject::{Address, Kind, OdsCode, Status},
};

pub use super::{
    observe::{Effect, EffectKind},
    record::{Arrival, Deletion, Subject, SubjectId},
};

/// A snapshot that was loaded before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loaded {
    /// What kind of export it was.
    pub source: Source,
    /// The day it describes.
    pub as_of: Date,
    /// It tells of sends.
    pub has_sends: bool,
}

/// Every subject, every contact, and which snapshots have been loaded.
#[derive(Debug, Clone, Default)]
pub struct Register {
    subjects: BTreeMap<SubjectId, Subject>,
    by_source_id: BTreeMap<Source, HashMap<String, SubjectId>>,
    by_address: HashMap<Address, SubjectId>,
    by_former_address: HashMap<Address, SubjectId>,
    contacts: Arc<Contacts>,
    sites: Arc<Sites>,
    snapshots: BTreeMap<Source, BTreeSet<Date>>,
    sends_watched_since: Option<Date>,
    next_id: i64,
    changed: BTreeSet<SubjectId>,
    /// Those that were merged into another, and into which.
    removed: BTreeMap<SubjectId, SubjectId>,
    /// Made when first asked for, forgotten with every change.
    exported_mailboxes: OnceLock<HashMap<Box<str>, Vec<Address>>>,
    /// Which source has ever said anything of which field.
    said: BTreeMap<Source, Fields>,
}

impl Register {
    /// A register read back from the store.
    #[must_use]
    pub fn new(
        subjects: impl IntoIterator<Item = Subject>,
        contacts: Vec<ContactRow>,
        snapshots: impl IntoIterator<Item = Loaded>,
    ) -> Self {
        let mut register = Self { contacts: Arc::new(Contacts::new(contacts)), ..Self::default() };
        for loaded in snapshots {
            register.snapshots.entry(loaded.source).or_default().insert(loaded.as_of);
            if loaded.has_sends {
                register.watch_sends(loaded.as_of);
            }
        }
        let subjects = subjects.into_iter().map(|subject| (subject.id, subject)).collect::<BTreeMap<_, _>>();
        register.next_id = subjects.last_key_value().map_or(0, |(id, _)| id.0);
        for subject in subjects.values() {
            register.index(subject);
        }
        register.by_address = holders(&subjects);
        register.subjects = subjects;
        register
    }

    /// A part of a register: the subjects that some rows may be about, those at their addresses included. The next new
    /// subject gets the number `next`.
    #[must_use]
    pub fn part(subjects: impl IntoIterator<Item = Subject>, next: SubjectId) -> Self {
        let mut register = Self::new(subjects, Vec::new(), []);
        register.next_id = next.0 - 1;
        register
    }

    /// The same lists and snapshots, with these subjects and no others.
    #[must_use]
    pub fn holding(&self, subjects: impl IntoIterator<Item = Subject>) -> Self {
        Self {
            contacts: Arc::clone(&self.contacts),
            sites: Arc::clone(&self.sites),
            snapshots: self.snapshots.clone(),
            sends_watched_since: self.sends_watched_since,
            said: self.said.clone(),
            ..Self::new(subjects, Vec::new(), [])
        }
    }

    /// The number that the next new subject gets.
    #[must_use]
    pub const fn next_subject(&self) -> SubjectId {
        SubjectId(self.next_id + 1)
    }

    fn index(&mut self, subject: &Subject) {
        for (source, id) in &subject.source_ids {
            self.by_source_id.entry(*source).or_default().insert(id.clone(), subject.id);
        }
        for address in &subject.former_addresses {
            self.by_former_address.insert(address.clone(), subject.id);
        }
    }

    /// Every listed subject, by number.
    pub fn subjects(&self) -> impl Iterator<Item = &Subject> {
        self.subjects.values().filter(|subject| subject.is_listed())
    }

    /// A subject, listed or not, by number.
    #[must_use]
    pub fn find(&self, id: SubjectId) -> Option<&Subject> {
        self.subjects.get(&id)
    }

    /// The listed subject that has this address now.
    #[must_use]
    pub fn find_by_address(&self, address: &Address) -> Option<&Subject> {
        self.by_address.get(address).and_then(|id| self.subjects.get(id)).filter(|subject| subject.is_listed())
    }

    /// The shared mailboxes that exports list for a site, those left out at which nobody can be reached (rule 14).
    #[must_use]
    pub fn exported_mailboxes(&self, ods: &OdsCode) -> &[Address] {
        let by_site = self.exported_mailboxes.get_or_init(|| mailboxes_by_site(self.subjects()));
        by_site.get(&ods.key()).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether the source has ever said anything of the field: not every file has every column.
    #[must_use]
    pub fn is_told_by(&self, source: Source, field: Field) -> bool {
        self.said.get(&source).is_some_and(|said| said.contains(field))
    }

    /// Takes note of which source has said anything of which field, about subjects that are not in here too.
    #[must_use]
    pub fn with_said(mut self, said: impl IntoIterator<Item = (Source, Field)>) -> Self {
        for (source, field) in said {
            self.said.entry(source).or_default().insert(field);
        }
        self
    }

    /// Who looks after which site.
    #[must_use]
    pub fn contacts(&self) -> &Contacts {
        &self.contacts
    }

    /// What lists of organisations say.
    #[must_use]
    pub fn sites(&self) -> &Sites {
        &self.sites
    }

    /// Takes note of what lists of organisations have said, and of who may open which mailbox.
    #[must_use]
    pub fn with_lists(
        mut self,
        sites: impl IntoIterator<Item = SiteRow>,
        members: impl IntoIterator<Item = (Address, Option<Address>, Date)>,
    ) -> Self {
        self.sites = Arc::new(Sites::new(sites));
        self.contacts = Arc::new(Arc::unwrap_or_clone(self.contacts).with_members(members));
        self
    }

    /// The as-ofs of the loaded snapshots of a source, oldest first.
    #[must_use]
    pub fn snapshots(&self, source: Source) -> Option<&BTreeSet<Date>> {
        self.snapshots.get(&source)
    }

    /// The as-of of the first load of a source of sends: since then silence can be seen. Any snapshot that tells of a
    /// send is one, unless its source knows few shared mailboxes.
    #[must_use]
    pub const fn sends_watched_since(&self) -> Option<Date> {
        self.sends_watched_since
    }

    fn watch_sends(&mut self, as_of: Date) {
        self.sends_watched_since = Some(self.sends_watched_since.map_or(as_of, |since| since.min(as_of)));
    }

    /// Subjects touched since the last call, and those that were merged into another, with that one.
    pub fn take_changes(&mut self) -> (BTreeSet<SubjectId>, BTreeMap<SubjectId, SubjectId>) {
        (std::mem::take(&mut self.changed), std::mem::take(&mut self.removed))
    }

    /// What is left of a part: the subjects that were touched, and those that were merged into another, with that one.
    #[must_use]
    pub fn into_changes(mut self) -> (Vec<Subject>, BTreeMap<SubjectId, SubjectId>) {
        self.subjects.retain(|id, _| self.changed.contains(id));
        (self.subjects.into_values().collect(), self.removed)
    }

    /// Forgets what was made from the subjects: they are about to change.
    fn forget(&mut self) {
        self.exported_mailboxes.take();
    }

    /// Notes that a snapshot is being loaded.
    pub fn begin(&mut self, arrival: Arrival) {
        self.snapshots.entry(arrival.source).or_default().insert(arrival.as_of);
        if arrival.source == Source::Sends {
            self.watch_sends(arrival.as_of);
        }
    }

    /// Replaces the contacts: the file is the whole list.
    pub fn replace_contacts(&mut self, rows: Vec<ContactRow>) {
        Arc::make_mut(&mut self.contacts).replace(rows);
    }

    /// Takes up what a file lists besides subjects. A contacts file is the whole list and replaces the one before.
    pub fn take_up(&mut self, arrival: Arrival, lists: Lists) {
        if arrival.source == Source::SiteContacts {
            self.replace_contacts(lists.contacts);
        }
        for row in lists.members {
            Arc::make_mut(&mut self.contacts).permit(&row.mailbox, row.member, arrival.as_of);
        }
        for row in lists.sites {
            Arc::make_mut(&mut self.sites).learn(row);
        }
    }

    /// Takes note that a row said of a subject what its source said of it the snapshot before.
    pub fn repeat(&mut self, arrival: Arrival, id: SubjectId, policy: &Policy) {
        let Some(subject) = self.subjects.get_mut(&id) else { return };
        let Arrival { source, as_of, .. } = arrival;
        let Some(seen_on) = subject.seen_on.get(&source).copied().filter(|seen_on| *seen_on < as_of) else { return };
        evaluate::fix_deletion_before(subject, as_of, policy);
        subject.facts.repeat(source, seen_on, as_of);
        subject.seen_on.insert(source, as_of);
        let said = subject.facts.said().find(|(field, fact)| *field == Field::Status && fact.source == source);
        let repeated = said.filter(|(_, fact)| fact.as_of == as_of).map(|(_, fact)| fact.value.to_string());
        if let Some(status) = repeated.as_deref().and_then(Status::new) {
            subject.history.record(status, as_of, source);
        }
        self.changed.insert(id);
    }

    /// Merges one row (rule 5).
    pub fn observe(&mut self, arrival: Arrival, row: &Observation, policy: &Policy) -> Effect {
        self.forget();
        let holder = row.address.as_ref().and_then(|address| self.by_address.get(address)).copied();
        let id = self.subject_of(arrival, row, holder);
        let is_named = self.note_source_id(id, arrival, row);
        let is_contested = self.is_contested(id, holder, arrival, row);
        self.settle_address(id, holder, arrival, row);
        let subject = self.subjects.entry(id).or_insert_with(|| Subject::new(id));
        let (effect, is_news) = observe(subject, arrival, row, policy);
        if effect.tells_of_send {
            self.watch_sends(arrival.as_of);
        }
        if is_news || is_named {
            self.changed.insert(id);
            let said = self.said.entry(arrival.source).or_default();
            fields(row).for_each(|field| _ = said.insert(field));
        }
        Effect { is_contested, ..effect }
    }

    /// Records what was concluded from absence: the subject is taken as deleted as of a day (rule 6).
    pub fn presume_deleted(&mut self, id: SubjectId, source: Source, as_of: Date) {
        self.forget();
        let Some(subject) = self.subjects.get_mut(&id) else { return };
        let Some(status) = Status::new(PRESUMED) else { return };
        let value = Value::Text(status.as_str().into());
        let fact = Fact { value, as_of, source, snapshot: SnapshotId(0), line: 0 };
        subject.facts.merge(Field::Status, fact);
        subject.history.record(status, as_of, source);
        self.changed.insert(id);
    }

    /// Fixes the restore anchors of everything seen deleted so far.
    pub fn fix_deletions(&mut self, policy: &Policy) {
        for subject in self.subjects.values_mut() {
            if evaluate::fix_deletion(subject, policy) {
                self.changed.insert(subject.id);
            }
        }
    }
}

fn mailboxes_by_site<'a>(subjects: impl Iterator<Item = &'a Subject>) -> HashMap<Box<str>, Vec<Address>> {
    let mut by_site: HashMap<_, Vec<_>> = HashMap::new();
    for mailbox in subjects.filter(|subject| subject.facts.kind() == Kind::Shared && !subject.is_closed()) {
        if let Some(ods) = mailbox.facts.ods() {
            by_site.entry(ods.key()).or_default().push(mailbox.address());
        }
    }
    by_site
}

#[cfg(test)]
#[path = "register_tests.rs"]
mod tests;
