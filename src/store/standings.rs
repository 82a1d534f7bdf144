//! What a store keeps besides subjects and messages: snoozes, refusals, and how sending goes.

use jiff::{Timestamp, civil::Date};

use crate::domain::{policy::Rule, register::SubjectId, subject::Address};

/// A rule's notices for one subject, ended until a day (domain rule 21).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snooze {
    /// Its number; 0 for one that is not written yet.
    pub number: i64,
    /// Of whom.
    pub subject: SubjectId,
    /// Of which rule.
    pub rule: Rule,
    /// The civil day on which notices begin again.
    pub until_on: Date,
    /// Who asked for it.
    pub author: String,
    /// Why.
    pub reason: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// When somebody ended it early.
    pub ended_at: Option<Timestamp>,
}

/// An address that a mail server refused (domain rule 25).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreachable {
    /// The address.
    pub address: Address,
    /// The civil day of the refusal.
    pub since_on: Date,
    /// The server's words.
    pub reply: String,
}

/// What a plan asks besides the register: holds, snoozes, refusals.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standings {
    /// Rules whose first plan has gone out or was approved.
    pub adopted: Vec<Rule>,
    /// Snoozes that nobody ended; some may be over.
    pub snoozes: Vec<Snooze>,
    /// Addresses at which nobody is.
    pub unreachable: Vec<Unreachable>,
}

/// Why sending has stopped for everybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// When.
    pub at: Timestamp,
    /// The server's words, or ours.
    pub why: String,
}

/// Attempts as the quotas count them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Under way, or ended in the last minute.
    pub in_last_minute: u64,
    /// Under way, or ended in the last 24 hours.
    pub in_last_day: u64,
}
