//! What a store keeps of runs: what they decided, and whether that waits for a person.

use jiff::{Timestamp, civil::Date};

use super::{Changes, Looked, NewMessage};
use crate::domain::{
    plan::{EpisodeId, Plan},
    policy::Rule,
    register::SubjectId,
};

/// Number of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(pub i64);

/// A pass over everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRow {
    /// Its number.
    pub id: RunId,
    /// The civil day it was for.
    pub on_day: Date,
    /// `once` or `daemon`.
    pub kind: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Its report as JSON.
    pub report: Option<String>,
    /// What it, or a part of it, waits or waited for.
    pub hold: Option<Hold>,
}

/// Where a hold stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldState {
    /// A person is waited for.
    Held,
    /// Its messages were released.
    Approved,
    /// Its messages were dropped; the next run decided anew.
    Discarded,
}

impl HoldState {
    /// The word in the store and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Approved => "approved",
            Self::Discarded => "discarded",
        }
    }

    /// The state of a stored word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Held, Self::Approved, Self::Discarded].into_iter().find(|state| state.as_str() == word)
    }
}

/// Why a run's messages wait for a person, and what became of it (domain rules 19 and 20).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Why, as JSON.
    pub why: String,
    /// Where it stands.
    pub state: HoldState,
    /// When a person decided.
    pub decided_at: Option<Timestamp>,
    /// Who decided.
    pub decided_by: Option<String>,
}

/// What a run decided, to be written in one transaction (domain rule 22).
#[derive(Debug, Clone)]
pub struct Decided<'a> {
    /// Episodes and stages.
    pub plan: &'a Plan,
    /// Every message with the names it goes by, those that are held too.
    pub messages: &'a [NewMessage],
    /// What was concluded about subjects.
    pub changes: &'a Changes<'a>,
    /// Why messages are held, as JSON; `None` when none is.
    pub hold: Option<&'a str>,
    /// Rules whose first plan goes out with this run.
    pub adopted: &'a [Rule],
    /// What the operator is told besides notices, by name: once a day each.
    pub alerts: &'a [&'a str],
    /// What it found out about the next looks; `None` leaves them as they are.
    pub looked: Option<Looked<'a>>,
}

/// What asking for the run of a civil day gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Nobody ran it yet: it is ours to run.
    Ours,
    /// It was run, or somebody is at it.
    Taken,
}

/// An open episode with the stages behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenEpisode {
    /// Its number.
    pub id: EpisodeId,
    /// Of whom.
    pub subject: SubjectId,
    /// Of which rule.
    pub rule: Rule,
    /// The day it opened.
    pub opened_on: Date,
    /// The stages told, with the day, and whether they were passed over.
    pub stages: Vec<(String, Date, bool)>,
}
