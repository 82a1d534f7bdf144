//! What a store keeps of messages: the outbox while they are unsettled, then the ledger, for as long as it is kept.

use jiff::{Timestamp, civil::Date};

use super::RunId;
use crate::domain::{
    delivery::Outcome,
    message::{Message, Notice},
    outbox::MessageState,
    policy::OnUnknown,
    quota::{Limit, Quota},
};

/// Number of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageNumber(pub i64);

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
    /// It waits for a person.
    pub is_held: bool,
    /// A notice in it may start on a closed day.
    pub is_any_day: bool,
    /// What the operator is told besides notices, as JSON.
    pub bulletin: Option<String>,
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
    /// What the operator is told besides notices, as JSON.
    pub bulletin: Option<String>,
    /// The run that planned it.
    pub run: RunId,
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
    /// Who has the right to try it, while somebody has.
    pub lease: Option<LeaseHeld>,
}

/// A lease that somebody has taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseHeld {
    /// Whose right it is.
    pub token: String,
    /// When it ends; a holder that lives renews it.
    pub until: Timestamp,
}

/// The right to try, until an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Whose right: a settlement with another token does nothing.
    pub token: String,
    /// When it was taken.
    pub now: Timestamp,
    /// When it ends, unless renewed.
    pub until: Timestamp,
    /// Most messages to lease.
    pub most: u32,
    /// Only messages with a notice that may start on a closed day.
    pub only_any_day: bool,
    /// What all programs together may send.
    pub quota: Quota,
}

/// How an attempt ended, as it is written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// Of which message.
    pub number: MessageNumber,
    /// Under which lease.
    pub token: String,
    /// How the attempt ended.
    pub outcome: Outcome,
    /// Where the message stands now.
    pub state: MessageState,
    /// When to try again, for a state that waits.
    pub next_at: Timestamp,
    /// When this was known.
    pub at: Timestamp,
    /// Notices that no longer stood when the message was sent: they were left out of it.
    pub gone: Vec<Notice>,
    /// Nobody is at the recipient's address, since this civil day.
    pub unreachable_on: Option<Date>,
}

/// What an exchange with the outbox gave.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Exchanged {
    /// Messages whose lease had ended before their settlement: nothing was written about them.
    pub lost: Vec<MessageNumber>,
    /// Messages that are ours to try; their attempts are recorded.
    pub leased: Vec<StoredMessage>,
    /// Why fewer were leased than asked for and are due.
    pub over: Option<Limit>,
    /// What the newest facts and plans in the store are.
    pub revision: Revision,
}

/// Changes whenever something that a check before sending reads has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Revision {
    /// Number of the newest snapshot.
    pub snapshot: i64,
    /// Number of the newest message: a plan writes its own together with what it decided.
    pub message: i64,
    /// Number of the newest episode.
    pub episode: i64,
    /// Held runs that a person decided on.
    pub decisions: i64,
    /// Snoozes made and ended.
    pub snoozes: i64,
    /// Number of the newest erasure of a person.
    pub erasures: i64,
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
}

/// One line of the ledger: a notice, and how its message stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerLine {
    /// Number of the notice: the ledger's order.
    pub number: i64,
    /// The run that planned it.
    pub run: RunId,
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
    /// Message-ID without angle brackets.
    pub message_id: String,
    /// The Message-ID the server put in place of ours, or its name for the message.
    pub assigned_id: Option<String>,
    /// Where the message stands; a notice that was left out of it is cancelled.
    pub state: MessageState,
    /// Attempts begun so far.
    pub attempts: u32,
    /// When it was settled for good.
    pub settled_at: Option<Timestamp>,
    /// The server's last words, or ours.
    pub reply: Option<String>,
}
