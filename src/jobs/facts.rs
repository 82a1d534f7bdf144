//! What is known at a moment of some subjects: they and whoever is around them, what was told, and what is kept back.
//!
//! The lists are kept while they are the newest; subjects are read for the messages at hand.

use std::sync::Arc;

use jiff::civil::Date;

use super::{Site, window::Window};
use crate::{
    domain::{
        gates::Gates,
        plan::{Planning, Told},
        policy::Rule,
        register::{Register, SubjectId},
        subject::Address,
    },
    store::{Revision, Standings, StoreError},
};

/// One state of what a check before sending reads.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Contacts and snapshots: a register that holds no subject.
    lists: Register,
    /// The subjects that were asked for, and everybody around them.
    pub register: Arc<Register>,
    /// The open episodes of these subjects, and what was told in them.
    pub told: Told,
    /// What is kept back.
    pub gates: Gates,
    /// Which state of the store the lists and the gates are of.
    pub revision: Revision,
}

impl Facts {
    /// Reads what does not hang on subjects.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn load(site: &Site) -> Result<Self, StoreError> {
        // The revision first: what changes while the rest is read makes this state an old one, never a wrong one.
        let revision = site.store.find_revision().await?;
        let lists = Window::open(site.store.as_ref()).await?.lists().clone();
        let gates = gates(site, &site.store.load_standings().await?, []);
        Ok(Self { register: Arc::new(lists.clone()), lists, told: Told::default(), gates, revision })
    }

    /// Reads these subjects and those at these addresses, with everybody around them, as they are now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn about(&self, site: &Site, subjects: &[SubjectId], at: &[&Address]) -> Result<Self, StoreError> {
        let mut window = Window::open_with(site.store.as_ref(), self.lists.clone()).await?;
        let register = window.around(self.planning(site, site.today()), subjects, at).await?;
        let told = window.reading().find_told(subjects).await?;
        Ok(Self { register: Arc::new(register), told, ..self.clone() })
    }

    /// What a check before sending reads, for a day.
    #[must_use]
    pub fn planning<'a>(&'a self, site: &'a Site, today: Date) -> Planning<'a> {
        Planning { gates: &self.gates, ..site.planning(today) }
    }
}

/// The gates of what the store holds; these rules wait for a person.
#[must_use]
pub fn gates(site: &Site, standings: &Standings, awaiting: impl IntoIterator<Item = Rule>) -> Gates {
    let snoozes = standings.snoozes.iter().map(|snooze| (snooze.subject, snooze.rule, snooze.until_on));
    let refusals = standings.unreachable.iter().map(|refused| (refused.address.clone(), refused.since_on));
    Gates::new(snoozes, refusals, awaiting).with_max_ages(&site.config.snapshots.max_age)
}
