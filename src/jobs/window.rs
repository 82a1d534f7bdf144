//! A part of the register: some subjects, and everybody whom a question about them may touch. What a run, a delivery or
//! a command reads instead of everything.
//!
//! While a window is open it holds a connection of the store: nothing else is asked of the store meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    domain::{
        plan::Planning,
        recipient::Directory,
        register::{Register, Subject, SubjectId},
        subject::Address,
    },
    store::{Reading, Store, StoreError},
};

/// Subjects that are in memory together, those around them not counted.
pub const PART: usize = 2_000;

/// One moment of the store, looked at part by part.
pub struct Window {
    reading: Box<dyn Reading>,
    lists: Register,
    /// Subjects as a run has concluded that they are, which the store does not hold yet.
    concluded: BTreeMap<SubjectId, Subject>,
}

impl Window {
    /// Opens a window on this moment.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn open(store: &dyn Store) -> Result<Self, StoreError> {
        let mut reading = store.begin_reading().await?;
        let lists = reading.read_lists().await?;
        Ok(Self { reading, lists, concluded: BTreeMap::new() })
    }

    /// Opens a window whose lists were read before, and have not changed since.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn open_with(store: &dyn Store, lists: Register) -> Result<Self, StoreError> {
        Ok(Self { reading: store.begin_reading().await?, lists, concluded: BTreeMap::new() })
    }

    /// What is asked of the store itself.
    pub fn reading(&mut self) -> &mut dyn Reading {
        self.reading.as_mut()
    }

    /// The lists: a register that holds no subject.
    #[must_use]
    pub const fn lists(&self) -> &Register {
        &self.lists
    }

    /// Remembers subjects as they are concluded to be.
    pub fn conclude(&mut self, subjects: impl IntoIterator<Item = Subject>) {
        self.concluded.extend(subjects.into_iter().map(|subject| (subject.id, subject)));
    }

    /// Everybody who was concluded about.
    #[must_use]
    pub fn into_concluded(self) -> BTreeMap<SubjectId, Subject> {
        self.concluded
    }

    /// These subjects and no others.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn part(&mut self, ids: &[SubjectId]) -> Result<Register, StoreError> {
        let subjects = self.reading.find_subjects(ids, &[]).await?;
        Ok(self.hold(subjects))
    }

    /// These subjects, those at these addresses, and everybody whom a question about the former may touch: who is told
    /// of them, and who reads there.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn around(
        &mut self,
        planning: Planning<'_>,
        ids: &[SubjectId],
        at: &[&Address],
    ) -> Result<Register, StoreError> {
        let mut subjects = self.reading.find_subjects(ids, at).await?;
        let contacts = self.lists.contacts();
        let sites = subjects.iter().filter_map(|subject| subject.facts.ods());
        let sites: Vec<_> = sites.filter(|ods| contacts.mailboxes_of_site(ods).next().is_none()).collect();
        subjects.extend(self.reading.find_mailboxes(&sites).await?);
        let asked = self.hold(subjects.clone());
        let directory = Directory::new(&asked, planning);
        let circle: BTreeSet<Address> = asked.subjects().flat_map(|subject| directory.circle(subject)).collect();
        subjects.extend(self.reading.find_subjects(&[], &circle.iter().collect::<Vec<_>>()).await?);
        Ok(self.hold(subjects))
    }

    /// The next subjects after a number, by number.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn next(&mut self, after: SubjectId) -> Result<Vec<Subject>, StoreError> {
        self.reading.next_subjects(after, u32::try_from(PART).unwrap_or(u32::MAX)).await
    }

    fn hold(&self, subjects: Vec<Subject>) -> Register {
        let concluded = |subject: Subject| self.concluded.get(&subject.id).cloned().unwrap_or(subject);
        self.lists.holding(subjects.into_iter().map(concluded))
    }
}
