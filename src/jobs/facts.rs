//! What is known at a moment: the register, what was told, and what is kept back.
//!
//! Read from the store, as a whole; whoever keeps it asks the store whether it is still the newest.

use std::sync::Arc;

use jiff::civil::Date;

use super::Site;
use crate::{
    domain::{
        gates::Gates,
        plan::{Planning, Told},
        policy::Rule,
        register::Register,
    },
    store::{Revision, Standings, StoreError},
};

/// One state of everything a plan or a check before sending reads.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Subjects, contacts, snapshots.
    pub register: Arc<Register>,
    /// Open episodes and what was told in them.
    pub told: Told,
    /// What is kept back.
    pub gates: Gates,
    /// Which state of the store this is.
    pub revision: Revision,
}

impl Facts {
    /// Reads the store.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn load(site: &Site) -> Result<Self, StoreError> {
        // The revision first: what changes while the rest is read makes this state an old one, never a wrong one.
        let revision = site.store.find_revision().await?;
        let register = Arc::new(site.store.load_register().await?);
        let told = site.store.load_told().await?;
        let gates = gates(site, &site.store.load_standings().await?, []);
        Ok(Self { register, told, gates, revision })
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
