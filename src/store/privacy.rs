//! What a store removes, by age and when somebody asks to be forgotten.

use std::collections::BTreeSet;

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::domain::{retention::Horizon, subject::Address};

/// What stands in the ledger in place of an address that was forgotten.
pub const FORGOTTEN: &str = "forgotten";

/// What is to be removed for its age.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pruning {
    /// The days before which things are no longer kept.
    pub horizon: Horizon,
    /// The instant at which its day of files begins.
    pub raw_files: Option<Timestamp>,
    /// The instant at which its day of the ledger begins.
    pub ledger: Option<Timestamp>,
    /// The civil day of the run.
    pub today: Date,
    /// How many rows of each kind, at most.
    pub most: u32,
}

/// What was removed for its age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Pruned {
    /// Accounts and shared mailboxes, with everything known about them.
    pub subjects: u64,
    /// Messages, with their notices and attempts.
    pub messages: u64,
    /// Episodes, runs, due days, decisions on files and snoozes that are over.
    pub records: u64,
    /// Texts of messages that have left or never will.
    pub texts: u64,
    /// Load reports whose quoted cells were taken out.
    pub reports: u64,
}

impl Pruned {
    /// Everything together.
    #[must_use]
    pub const fn sum(&self) -> u64 {
        self.subjects + self.messages + self.records + self.texts + self.reports
    }

    /// Counts what another batch removed.
    pub const fn add(&mut self, more: &Self) {
        self.subjects += more.subjects;
        self.messages += more.messages;
        self.records += more.records;
        self.texts += more.texts;
        self.reports += more.reports;
    }
}

/// Who is to be forgotten, and who decided it.
#[derive(Debug, Clone)]
pub struct Forgetting<'a> {
    /// The address.
    pub address: &'a Address,
    /// Who decided it.
    pub by: &'a str,
    /// When.
    pub now: Timestamp,
    /// The civil day of that.
    pub today: Date,
    /// Only count: nothing is written.
    pub is_rehearsal: bool,
}

/// What was erased of somebody. The counts are kept; the addresses are not.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Forgotten {
    /// Accounts and shared mailboxes.
    pub subjects: u64,
    /// Rows of the contacts that named the address.
    pub contacts: u64,
    /// Messages that were not settled yet, to them or about nobody else: cancelled.
    pub cancelled: u64,
    /// Of these, messages that were on their way at this moment: a mail server may take them all the same.
    pub under_way: u64,
    /// Lines of the ledger that name nobody any more.
    pub ledger: u64,
    /// Snoozes and marks of a refused address.
    pub decisions: u64,
    /// Reports and servers' words that quoted the address.
    pub quotes: u64,
    /// Every address of theirs.
    #[serde(skip)]
    pub addresses: BTreeSet<Address>,
}

impl Forgotten {
    /// Nothing was known.
    #[must_use]
    pub const fn is_nothing(&self) -> bool {
        self.subjects + self.contacts + self.cancelled + self.ledger + self.decisions + self.quotes == 0
    }
}
