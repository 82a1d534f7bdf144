//! What a run saw besides the messages it planned: the lines that an operator may have to act on.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::{freshness::Stale, policy::Rule, register::SubjectId, snapshot::Source};

/// Counts and lists of one run. Lists name subjects by number; whoever prints them looks up the address.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Subjects looked at.
    pub subjects: u64,
    /// Subjects whose status is in flight: nothing was told, nothing closed.
    pub resting: u64,
    /// Rules that apply and have nothing to count from.
    pub no_date: Vec<(SubjectId, Rule)>,
    /// Live subjects past a deadline, with that deadline.
    pub overdue: Vec<(SubjectId, Rule, Date)>,
    /// Findings of which nobody but the operator was told (rule 16).
    pub operator_only: Vec<(SubjectId, Rule)>,
    /// Findings that somebody snoozed.
    pub snoozed: u64,
    /// Sources that are too old, each with how many findings are silent for it.
    pub stale: BTreeMap<Source, (Stale, u64)>,
    /// Rules that have something to go by.
    pub fed: BTreeSet<Rule>,
    /// Subjects gone from two snapshots running without a deadline passed.
    pub missing: Vec<SubjectId>,
}
