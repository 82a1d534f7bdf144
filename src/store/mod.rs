//! The store: what is known, what was decided and what was told, kept through restarts.
//!
//! [`Store`] is what the jobs ask for; each database is one folder beside this file. A store keeps and finds; it
//! decides nothing. It never sends mail and never awaits anything but the database inside a transaction.
mod rows;
pub mod sqlite;

use async_trait::async_trait;
use jiff::{Timestamp, civil::Date};

use crate::domain::{
    facts::SnapshotId,
    message::{Message, Notice},
    plan::{EpisodeId, Plan, Told},
    policy::{OnUnknown, Rule},
    register::{Register, Subject, SubjectId},
    snapshot::{ContactRow, Source},
};

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be opened.
    #[error("cannot open the database {url}: {source}")]
    Open {
        /// Where it was looked for.
        url: String,
        /// What the driver says.
        source: sqlx::Error,
    },
    /// The database's tables cannot be brought up to date.
    #[error("cannot bring the database up to date: {0} (was it written by a newer lapsewatch?)")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The tables are of an older version, and a command that only reads does not change them.
    #[error(
        "the database is of an older lapsewatch: run `lapsewatch once`, or start the daemon, to bring it up to date"
    )]
    Older,
    /// A statement failed.
    #[error("database error while {doing}: {source}")]
    Statement {
        /// What the statement was for.
        doing: &'static str,
        /// What the driver says.
        source: sqlx::Error,
    },
    /// A stored value has no meaning.
    #[error("the database holds {value:?} as a {what}, which means nothing: was it edited by hand?")]
    Corrupt {
        /// What the value should be.
        what: &'static str,
        /// The value.
        value: String,
    },
    /// Another program works on the same store.
    #[error("another lapsewatch is at work on {path}: wait for it, or stop it")]
    Busy {
        /// The lock file.
        path: String,
    },
    /// The lock file cannot be made.
    #[error("cannot lock {path}: {source}")]
    Lock {
        /// The lock file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
}

/// Number of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(pub i64);

/// Number of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageNumber(pub i64);

/// A loaded file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotRow {
    /// Its number.
    pub id: SnapshotId,
    /// What kind of export it is.
    pub source: Source,
    /// Its name without folder.
    pub file_name: String,
    /// SHA-256 of its bytes, lower-case hexadecimal.
    pub sha256: String,
    /// The day it describes.
    pub as_of_on: Date,
    /// When it was loaded.
    pub loaded_at: Timestamp,
    /// Rows in it, rejected ones too.
    pub row_count: u64,
    /// Rows that could not be read.
    pub rejected_count: u64,
    /// It tells of sends.
    pub has_sends: bool,
    /// The load report as JSON.
    pub report: String,
}

/// Subjects to write and to remove.
#[derive(Debug, Clone, Default)]
pub struct Changes<'a> {
    /// Subjects as they are now.
    pub subjects: Vec<&'a Subject>,
    /// Subjects merged into others.
    pub removed: Vec<SubjectId>,
}

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
}

/// A planned message with the names it goes by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// What it tells whom.
    pub message: Message,
    /// `NR-XXXXX-XXXXX`.
    pub reference: String,
    /// Message-ID without angle brackets.
    pub message_id: String,
    /// What to do when its outcome is unknown.
    pub on_unknown: OnUnknown,
}

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageState {
    /// Waits for its first attempt.
    Pending,
    /// Somebody has the right to try.
    Leased,
    /// Waits for another attempt.
    Deferred,
    /// A mail server took it.
    Accepted,
    /// A mail server refused it.
    Rejected,
    /// Nothing in it stood any longer.
    Cancelled,
    /// Nobody knows; held for a person.
    Unknown,
}

impl MessageState {
    /// Every state.
    pub const ALL: [Self; 7] =
        [Self::Pending, Self::Leased, Self::Deferred, Self::Accepted, Self::Rejected, Self::Cancelled, Self::Unknown];

    /// The word in the store, in JSON and on screen.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Leased => "leased",
            Self::Deferred => "deferred",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
        }
    }

    /// The state of a stored word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// A message of the outbox or the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMessage {
    /// Its number.
    pub number: MessageNumber,
    /// What it tells whom; notices that were cancelled left out.
    pub message: Message,
    /// `NR-XXXXX-XXXXX`.
    pub reference: String,
    /// Message-ID without angle brackets.
    pub message_id: String,
    /// What to do when its outcome is unknown.
    pub on_unknown: OnUnknown,
    /// Where it stands.
    pub state: MessageState,
    /// Attempts begun so far.
    pub attempts: u32,
    /// Not before this instant.
    pub next_at: Timestamp,
    /// The server's last words, or ours.
    pub reply: Option<String>,
    /// When it was settled for good.
    pub settled_at: Option<Timestamp>,
}

/// The right to try, until an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Whose right: a settlement with another token does nothing.
    pub token: String,
    /// When it was taken.
    pub now: Timestamp,
    /// When it ends.
    pub until: Timestamp,
}

/// How an attempt ended, as it is written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// The word of the attempt's outcome.
    pub outcome: &'static str,
    /// Where the message stands now.
    pub state: MessageState,
    /// The server's words, or ours.
    pub reply: String,
    /// The Message-ID the server put in place of ours.
    pub assigned_id: Option<String>,
    /// When to try again, for a deferred or resent one.
    pub next_at: Timestamp,
    /// When this was known.
    pub at: Timestamp,
}

/// A refused notice with everybody told of the same stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedNotice {
    /// Its number in the ledger.
    pub number: i64,
    /// The refused notice.
    pub notice: Notice,
    /// Who was told of the stage in the same episode.
    pub told: Vec<String>,
    /// What to do with the next message when its outcome is unknown.
    pub on_unknown: OnUnknown,
}

/// One line of the ledger: a notice, and how its message stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerLine {
    /// The civil day it was planned.
    pub on_day: Date,
    /// To whom.
    pub recipient: String,
    /// Letter, digest or operator message.
    pub kind: String,
    /// What was told.
    pub notice: Notice,
    /// `NR-XXXXX-XXXXX`.
    pub reference: String,
    /// Where the message stands.
    pub state: MessageState,
    /// When it was settled for good.
    pub settled_at: Option<Timestamp>,
    /// The server's last words, or ours.
    pub reply: Option<String>,
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

/// What asking for the run of a civil day gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Nobody ran it yet: it is ours to run.
    Ours,
    /// It was run, or somebody is at it.
    Taken,
}

/// Everything the jobs and the commands ask a database for.
///
/// Every method that writes does so in one transaction of its own.
#[async_trait]
pub trait Store: Send + Sync {
    /// Everything known about subjects, contacts and snapshots.
    async fn load_register(&self) -> Result<Register, StoreError>;
    /// The open episodes and what was told in them.
    async fn load_told(&self) -> Result<Told, StoreError>;
    /// The loaded file with these bytes. Of contacts, only the file in force counts: an earlier one may come back.
    async fn find_snapshot(&self, sha256: &str) -> Result<Option<SnapshotRow>, StoreError>;
    /// Every loaded file, oldest as-of first.
    async fn list_snapshots(&self) -> Result<Vec<SnapshotRow>, StoreError>;
    /// The number the next loaded file will have.
    async fn next_snapshot_id(&self) -> Result<SnapshotId, StoreError>;
    /// Writes one loaded file with what it changed; `contacts` replaces the contacts.
    async fn save_snapshot(
        &self,
        snapshot: &SnapshotRow,
        changes: &Changes<'_>,
        contacts: Option<&[ContactRow]>,
    ) -> Result<(), StoreError>;

    /// Notes that a run began.
    async fn begin_run(&self, on_day: Date, kind: &str, now: Timestamp) -> Result<RunId, StoreError>;
    /// Writes a plan: episodes, stages, messages, notices, and what was concluded about subjects.
    async fn save_plan(
        &self,
        run: RunId,
        plan: &Plan,
        messages: &[NewMessage],
        changes: &Changes<'_>,
        now: Timestamp,
    ) -> Result<(), StoreError>;
    /// Notes that a run ended.
    async fn finish_run(&self, run: RunId, now: Timestamp, report: &str) -> Result<(), StoreError>;
    /// The newest runs, newest first.
    async fn list_runs(&self, most: u32) -> Result<Vec<RunRow>, StoreError>;

    /// Leases the most urgent message that is due, and records the attempt, before anything is sent.
    async fn lease_message(&self, lease: &Lease) -> Result<Option<StoredMessage>, StoreError>;
    /// Settles a leased message. `false` when the lease is no longer ours.
    async fn settle_message(
        &self,
        number: MessageNumber,
        token: &str,
        settlement: &Settlement,
    ) -> Result<bool, StoreError>;
    /// Marks notices of a leased message as no longer standing.
    async fn cancel_notices(&self, number: MessageNumber, gone: &[Notice]) -> Result<(), StoreError>;
    /// Messages whose lease ended before `before` without a settlement.
    async fn list_lapsed_leases(&self, before: Timestamp) -> Result<Vec<(StoredMessage, String)>, StoreError>;
    /// Messages in these states, urgent first; all of them when `states` is empty.
    async fn list_messages(&self, states: &[MessageState]) -> Result<Vec<StoredMessage>, StoreError>;
    /// How many messages stand where.
    async fn count_messages(&self) -> Result<Vec<(MessageState, u64)>, StoreError>;
    /// The earliest instant at which an unsettled message wants another attempt.
    async fn next_attempt_at(&self) -> Result<Option<Timestamp>, StoreError>;
    /// Refused notices whose next rung has not been told.
    async fn list_refused(&self) -> Result<Vec<RefusedNotice>, StoreError>;
    /// Writes the messages to the next rung, and that these notices have climbed.
    async fn save_climb(
        &self,
        run: RunId,
        climbed: &[i64],
        messages: &[NewMessage],
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// What was told about a subject, oldest first.
    async fn list_ledger(&self, subject: SubjectId) -> Result<Vec<LedgerLine>, StoreError>;
    /// For each open episode, the newest day whose notices a mail server accepted.
    async fn list_told_days(&self) -> Result<Vec<(EpisodeId, Date)>, StoreError>;
    /// The open episodes, of one subject or of all.
    async fn list_episodes(&self, subject: Option<SubjectId>) -> Result<Vec<OpenEpisode>, StoreError>;

    /// The newest civil day whose run was claimed.
    async fn last_due_day(&self) -> Result<Option<Date>, StoreError>;
    /// Claims the run of a civil day. A claim that never finished is given again.
    async fn claim_day(&self, on_day: Date, now: Timestamp) -> Result<Claim, StoreError>;
    /// Notes days that will not be run: `baseline` on first start, `skipped` after downtime.
    async fn pass_days(&self, days: &[Date], outcome: &str, now: Timestamp) -> Result<(), StoreError>;
    /// Notes that the run of a civil day ended.
    async fn finish_day(&self, on_day: Date, now: Timestamp) -> Result<(), StoreError>;

    /// Ends the connections, so that the database is whole in its own file. Nothing may be asked afterwards.
    async fn close(&self);
}
