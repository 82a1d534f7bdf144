//! One moment of the store, read part by part: what a run or a delivery asks when it does not read everything.

use async_trait::async_trait;
use jiff::civil::Date;

use super::{Standings, StoreError};
use crate::domain::{
    plan::{EpisodeId, Told},
    planner::OpenFinding,
    policy::Rule,
    register::{Register, Subject, SubjectId},
    subject::{Address, OdsCode},
    wake::Look,
};

/// Whom a run asks for.
#[derive(Debug, Clone, Copy)]
pub struct Waking<'a> {
    /// The civil day of the run.
    pub today: Date,
    /// A print of what it goes by besides subjects and the day. Everybody wakes when the last run went by something else.
    pub went_by: &'a str,
    /// Everybody with an open episode wakes too.
    pub with_findings: bool,
    /// These wake too.
    pub also: &'a [SubjectId],
}

/// Whom a run looks at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Awake {
    /// Their numbers, rising; some may be nobody's by now, or wait for a source to list them.
    pub subjects: Vec<SubjectId>,
    /// It is everybody.
    pub is_everybody: bool,
    /// What stirred them: removed when they were looked at, and nothing that came after it.
    pub stirred: Vec<i64>,
    /// Rules that had something to go by before.
    pub fed: Vec<Rule>,
    /// How many subjects are listed, as of the newest load.
    pub listed: u64,
    /// The newest file of which anything is seen.
    pub snapshot: i64,
}

/// What a run found out about the next looks, to be written with its plan.
#[derive(Debug, Clone, Copy)]
pub struct Looked<'a> {
    /// Whom it looked at.
    pub awake: &'a Awake,
    /// What it found out.
    pub looks: &'a [Look],
    /// Their findings.
    pub findings: &'a [OpenFinding],
    /// What it went by.
    pub went_by: &'a str,
    /// Rules that have something to go by.
    pub fed: &'a [Rule],
}

/// What the report of a run counts, of everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Listed subjects.
    pub subjects: u64,
    /// Subjects whose status is in flight.
    pub resting: u64,
    /// Rules that apply and have nothing to count from.
    pub no_date: u64,
    /// Rules whose deadline is past for a live subject.
    pub overdue: u64,
    /// Subjects gone from two snapshots running.
    pub missing: u64,
}

/// An open episode that the coverage list may be about. They sort by deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    /// Its deadline, as of the newest look.
    pub deadline_on: Date,
    /// The episode.
    pub episode: EpisodeId,
    /// Of whom.
    pub subject: SubjectId,
    /// Of which rule.
    pub rule: Rule,
}

/// One moment of the store.
#[async_trait]
pub trait Reading: Send {
    /// Adopted rules, snoozes and unreachable addresses.
    async fn read_standings(&mut self) -> Result<Standings, StoreError>;
    /// The lists, the snapshots and who has said what: a register that holds no subject.
    async fn read_lists(&mut self) -> Result<Register, StoreError>;
    /// Whom a run looks at.
    async fn find_awake(&mut self, waking: Waking<'_>) -> Result<Awake, StoreError>;
    /// Subjects with these numbers, and those at one of these addresses, now or before.
    async fn find_subjects(&mut self, ids: &[SubjectId], at: &[&Address]) -> Result<Vec<Subject>, StoreError>;
    /// The shared mailboxes of sites.
    async fn find_mailboxes(&mut self, of: &[OdsCode]) -> Result<Vec<Subject>, StoreError>;
    /// The next subjects after a number, listed or not, by number.
    async fn next_subjects(&mut self, after: SubjectId, most: u32) -> Result<Vec<Subject>, StoreError>;
    /// The open episodes of some subjects, and what was told in them.
    async fn find_told(&mut self, of: &[SubjectId]) -> Result<Told, StoreError>;
    /// The subjects with an open episode, by number.
    async fn list_open(&mut self) -> Result<Vec<SubjectId>, StoreError>;
    /// Of the subjects that sleep, those that wake on the first day after one on which any does, and that day.
    async fn find_next_waking(&mut self, after: Date) -> Result<Option<(Date, Vec<SubjectId>)>, StoreError>;
    /// Open episodes that a gap is known of since the newest look, the soonest deadline first, at most so many; those of
    /// some subjects, whose numbers rise, left out. And how many there are.
    async fn list_gaps(
        &mut self,
        today: Date,
        except: &[SubjectId],
        most: usize,
    ) -> Result<(Vec<Candidate>, u64), StoreError>;
    /// The findings of some subjects of which a mail server accepted a notice for somebody besides the operator in the
    /// open episode.
    async fn list_accepted(&mut self, of: &[SubjectId]) -> Result<Vec<(SubjectId, Rule)>, StoreError>;
    /// Open episodes whose deadline lies between two days and of which no mail server has accepted a notice for anybody
    /// but the operator; those about which nobody else reads left out.
    async fn list_untold(&mut self, from: Date, to: Date) -> Result<Vec<Candidate>, StoreError>;
    /// What the report counts, as of the newest looks.
    async fn count(&mut self, today: Date) -> Result<Totals, StoreError>;
}
