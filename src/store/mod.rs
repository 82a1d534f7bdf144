//! The store: what is known, what was decided and what was told, kept through restarts.
//!
//! [`Store`] is what the jobs ask for, and [`Place`] where it is. Its statements are written once, in `sql`; what is
//! SQLite's or PostgreSQL's alone is in the folder of that name. A store keeps and finds; it decides nothing. It never
//! sends mail and never awaits anything but the database inside a transaction.
mod backup;
mod error;
mod intake;
mod lock;
mod messages;
mod place;
pub mod postgres;
mod privacy;
mod reading;
mod rows;
mod runs;
mod snapshots;
mod sql;
pub mod sqlite;
mod standings;

use async_trait::async_trait;
use jiff::{Timestamp, civil::Date};

use crate::domain::{
    facts::SnapshotId,
    outbox::Verdict,
    plan::{EpisodeId, Told},
    policy::Rule,
    register::{Register, SubjectId},
    snapshot::Source,
};

pub use self::{
    error::StoreError,
    intake::{Intake, Taken},
    lock::StoreLock,
    messages::{
        Exchanged, Lease, LeaseHeld, LedgerLine, MessageNumber, NewMessage, RefusedNotice, Revision, Settlement,
        StoredMessage,
    },
    place::{Place, Progress},
    privacy::{FORGOTTEN, Forgetting, Forgotten, Pruned, Pruning},
    reading::{Awake, Candidate, Looked, Reading, Totals, Waking},
    runs::{Claim, Decided, Hold, HoldState, OpenEpisode, RunId, RunRow},
    snapshots::{Changes, Doubt, DoubtState, SnapshotRow},
    standings::{Snooze, Standings, Stopped, Unreachable, Usage},
};
pub use crate::domain::outbox::MessageState;

/// Everything the jobs and the commands ask a database for.
///
/// Every method that writes does so in one transaction of its own.
#[async_trait]
pub trait Store: Send + Sync {
    /// Whether other programs may work on the store at the same time.
    fn is_shared(&self) -> bool;
    /// Everything known about subjects, contacts and snapshots.
    async fn load_register(&self) -> Result<Register, StoreError>;
    /// The open episodes and what was told in them.
    async fn load_told(&self) -> Result<Told, StoreError>;
    /// One moment of everything, to be read part by part.
    async fn begin_reading(&self) -> Result<Box<dyn Reading>, StoreError>;
    /// The loaded file with these bytes. Of contacts, only the file in force counts: an earlier one may come back.
    async fn find_snapshot(&self, sha256: &str) -> Result<Option<SnapshotRow>, StoreError>;
    /// Every loaded file, oldest as-of first.
    async fn list_snapshots(&self) -> Result<Vec<SnapshotRow>, StoreError>;
    /// The newest loaded file of each source: the latest as-of, of several the one loaded last.
    async fn list_newest_snapshots(&self) -> Result<Vec<SnapshotRow>, StoreError>;
    /// The number the next loaded file will have.
    async fn next_snapshot_id(&self) -> Result<SnapshotId, StoreError>;
    /// Begins to load a file of this source and day.
    async fn begin_intake(&self, source: Source, as_of: Date) -> Result<Box<dyn Intake>, StoreError>;

    /// Notes that a file looks wrong. One that was dismissed and is offered again is in doubt again.
    async fn note_doubt(&self, doubt: &Doubt, now: Timestamp) -> Result<(), StoreError>;
    /// What is said of the file with these bytes.
    async fn find_doubt(&self, sha256: &str) -> Result<Option<Doubt>, StoreError>;
    /// The files that a run was held for; without a run, those that the next one will be held for.
    async fn list_doubts(&self, run: Option<RunId>) -> Result<Vec<Doubt>, StoreError>;

    /// Notes that a run began.
    async fn begin_run(&self, on_day: Date, kind: &str, now: Timestamp) -> Result<RunId, StoreError>;
    /// Writes what a run decided: episodes, stages, messages, notices, conclusions about subjects, and its hold.
    async fn save_plan(&self, run: RunId, decided: &Decided<'_>, now: Timestamp) -> Result<(), StoreError>;
    /// Notes that a run ended.
    async fn finish_run(&self, run: RunId, now: Timestamp, report: &str) -> Result<(), StoreError>;
    /// The newest runs, newest first.
    async fn list_runs(&self, most: u32) -> Result<Vec<RunRow>, StoreError>;

    /// The runs that wait for a person, oldest first.
    async fn list_held_runs(&self) -> Result<Vec<RunRow>, StoreError>;
    /// Releases a held run: its messages leave at the instants given for them, or at once; these rules are
    /// adopted, and the files it was held for believed. `false` when the run is not held.
    async fn approve_run(
        &self,
        run: RunId,
        by: &str,
        rules: &[Rule],
        starts: &[(MessageNumber, Timestamp)],
        now: Timestamp,
    ) -> Result<bool, StoreError>;
    /// Drops a held run: its messages are cancelled, its stages untold, its episodes closed. `false` when it is not held.
    async fn discard_run(&self, run: RunId, by: &str, now: Timestamp) -> Result<bool, StoreError>;

    /// Adopted rules, snoozes and unreachable addresses.
    async fn load_standings(&self) -> Result<Standings, StoreError>;
    /// Which of the operator's daily alerts were told on a day.
    async fn list_alerts(&self, on_day: Date) -> Result<Vec<String>, StoreError>;
    /// Writes a snooze and returns its number; an earlier one of the same subject and rule ends.
    async fn add_snooze(&self, snooze: &Snooze) -> Result<i64, StoreError>;
    /// Ends a snooze of a subject. `false` when there was none.
    async fn end_snooze(&self, subject: SubjectId, rule: Rule, now: Timestamp) -> Result<bool, StoreError>;

    /// Settles attempts, then leases messages that are due, the most urgent first, and records their attempts: all in
    /// one transaction, so that nothing is sent whose attempt a power cut could forget (domain rule 23).
    async fn exchange(&self, settled: &[Settlement], lease: Option<&Lease>) -> Result<Exchanged, StoreError>;
    /// What the newest facts and plans are, without changing anything.
    async fn find_revision(&self) -> Result<Revision, StoreError>;
    /// Makes every lease whose token begins with `holder` end later; returns how many there are.
    async fn renew_leases(&self, holder: &str, until: Timestamp) -> Result<u64, StoreError>;
    /// Holds up to `wanted` connections for a program, of `most` that all programs share; returns how many it has now.
    /// Zero gives them back.
    async fn hold_connections(
        &self,
        holder: &str,
        wanted: u16,
        most: u16,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<u16, StoreError>;
    /// Attempts as the quotas count them.
    async fn count_usage(&self, now: Timestamp) -> Result<Usage, StoreError>;
    /// Notes why sending has stopped for everybody, or that it goes on.
    async fn note_stopped(&self, stopped: Option<&Stopped>) -> Result<(), StoreError>;
    /// Why sending has stopped, if it has.
    async fn find_stopped(&self) -> Result<Option<Stopped>, StoreError>;
    /// Writes what a person says of a message whose outcome is unknown. `false` when it is no such message.
    async fn settle_unknown(
        &self,
        number: MessageNumber,
        verdict: Verdict,
        by: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError>;
    /// The message with this reference.
    async fn find_message(&self, reference: &str) -> Result<Option<StoredMessage>, StoreError>;
    /// Messages whose lease ended by `before` without a settlement.
    async fn list_lapsed_leases(&self, before: Timestamp) -> Result<Vec<StoredMessage>, StoreError>;
    /// Messages in these states, urgent first; all of them when `states` is empty.
    async fn list_messages(&self, states: &[MessageState]) -> Result<Vec<StoredMessage>, StoreError>;
    /// How many messages stand where.
    async fn count_messages(&self) -> Result<Vec<(MessageState, u64)>, StoreError>;
    /// The earliest instant at which an unsettled message wants another attempt; of those with a notice that may start
    /// on a closed day, or of all.
    async fn next_attempt_at(&self, only_any_day: bool) -> Result<Option<Timestamp>, StoreError>;
    /// The instant by which every unsettled message may be tried.
    async fn last_attempt_at(&self) -> Result<Option<Timestamp>, StoreError>;
    /// How many messages of a run stand where.
    async fn count_messages_of(&self, run: RunId) -> Result<Vec<(MessageState, u64)>, StoreError>;
    /// Refused notices whose next rung has not been told.
    async fn list_refused(&self) -> Result<Vec<RefusedNotice>, StoreError>;
    /// Writes the messages to the next rung, and that these notices have climbed. `false`, and nothing is written,
    /// when another program let one of them climb meanwhile.
    async fn save_climb(
        &self,
        run: RunId,
        climbed: &[i64],
        messages: &[NewMessage],
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// What was told about a subject, oldest first.
    async fn list_ledger(&self, subject: SubjectId) -> Result<Vec<LedgerLine>, StoreError>;
    /// The ledger after a notice's number, in its order, at most so many lines.
    async fn list_ledger_after(&self, number: i64, most: u32) -> Result<Vec<LedgerLine>, StoreError>;
    /// For each open episode, the newest day whose notices a mail server accepted for somebody besides the operator.
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

    /// Removes what is older than it is kept, one batch; what a plan, a delivery or a person still asks for stays.
    async fn prune(&self, pruning: &Pruning) -> Result<Pruned, StoreError>;
    /// Erases whoever has an address; the ledger keeps its lines without them. Says what that was, in a rehearsal too,
    /// which writes nothing.
    async fn forget(&self, whom: &Forgetting<'_>) -> Result<Forgotten, StoreError>;

    /// Ends the connections, so that the database is whole in its own file. Nothing may be asked afterwards.
    async fn close(&self);
}
