//! Everything a message needs to be written: plain values that the jobs read from the store.
//!
//! What is an `Option` here is not known, and every text has a sentence for that case: a template that prints an
//! unknown value is an error, never a blank.

use jiff::civil::Date;

use super::alert::Alert;
use crate::{
    config::{Helpdesk, Operator},
    domain::{
        message::{MessageKind, Reason, StageName},
        policy::{Rule, Rung},
    },
};

/// The words the operator gave us, and what may be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voice {
    /// `[operator]`: who the messages are from.
    pub operator: Operator,
    /// The From address, as printed.
    pub from: String,
    /// The address that replies go to, as printed.
    pub reply: String,
    /// People appear by name, not by initials, in messages to shared mailboxes (domain rule 17).
    pub names_in_shared_mailboxes: bool,
}

/// Whom a message goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The name to greet.
    pub name: Option<String>,
    /// Where the message goes.
    pub address: String,
    /// Several people read it: they are greeted together, and others appear by initials.
    pub is_shared_mailbox: bool,
}

/// One message, before its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brief {
    /// Letter, digest or operator message.
    pub kind: MessageKind,
    /// Whom it goes to.
    pub recipient: Person,
    /// What a reader quotes when asking whether the message is real, such as `NR-4K7P-2M`.
    pub reference: String,
    /// The civil day of the run.
    pub today: Date,
    /// The oldest as-of among the facts the notices rest on; without notices the newest of all, if anything is loaded.
    pub data_as_of: Option<Date>,
    /// What it tells, sorted by deadline; empty only beside alerts.
    pub notices: Vec<NoticeBrief>,
    /// What the operator is told besides; empty for everybody else.
    pub alerts: Vec<Alert>,
}

/// One notice, with what its sentences name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeBrief {
    /// The concern.
    pub rule: Rule,
    /// The warning.
    pub stage: StageName,
    /// The rung through which the recipient hears of it.
    pub rung: Rung,
    /// Why the recipient hears of it; [`Reason::Reach`] in the operator's message means that nobody else reads it.
    pub reason: Reason,
    /// The day the rule counts from.
    pub anchor_on: Date,
    /// The day on which the service acts.
    pub deadline_on: Date,
    /// The day the account becomes inactive, where the rule has such a day.
    pub inactive_on: Option<Date>,
    /// The anchor is a guess: dates are told as "about".
    pub approximate: bool,
    /// The account was never used, so nothing may be said of when it was.
    pub never_used: bool,
    /// The account or mailbox.
    pub subject: SubjectBrief,
    /// Where it belongs.
    pub site: Option<SiteBrief>,
    /// The shared mailbox owner whom a letter sends the reader to.
    pub owner: Option<String>,
    /// Who administers the account: the only helpdesk the text may name.
    pub helpdesk: Helpdesk,
}

/// The account or mailbox a notice is about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SubjectBrief {
    /// The name on the account.
    pub name: Option<String>,
    /// Its address.
    pub address: String,
    /// It is a shared mailbox, not a person's account.
    pub shared: bool,
    /// Last seen active.
    pub last_used_on: Option<Date>,
    /// When it was made.
    pub created_on: Option<Date>,
    /// Last seen sending.
    pub last_sent_on: Option<Date>,
    /// The first day a source of sends was loaded.
    pub watched_since_on: Option<Date>,
}

/// A practice.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SiteBrief {
    /// Its name.
    pub name: String,
    /// Its town.
    pub town: Option<String>,
    /// Its ODS code.
    pub ods: String,
    /// The address of its shared mailbox.
    pub shared_mailbox: Option<String>,
}
