//! The JSON lines that scripts read: one object per line on standard output.

use std::io::{self, Write};

use jiff::civil::Date;
use serde::Serialize;

use crate::{
    domain::{
        message::{Message, Notice},
        plan::Plan,
    },
    store::StoredMessage,
};

/// One planned message.
#[derive(Debug, Serialize)]
pub struct MessageLine<'a> {
    on: Date,
    recipient: &'a str,
    kind: &'static str,
    notices: Vec<NoticeLine<'a>>,
    held: bool,
}

/// One notice of a message.
#[derive(Debug, Serialize)]
pub struct NoticeLine<'a> {
    subject: &'a str,
    rule: &'static str,
    stage: &'a str,
    anchor_on: Date,
    deadline_on: Date,
    episode_on: Date,
    reason: &'static str,
}

impl<'a> From<&'a Notice> for NoticeLine<'a> {
    fn from(notice: &'a Notice) -> Self {
        Self {
            subject: notice.subject.as_str(),
            rule: notice.rule.as_str(),
            stage: notice.stage.as_str(),
            anchor_on: notice.anchor_on,
            deadline_on: notice.deadline_on,
            episode_on: notice.episode_on,
            reason: notice.reason.as_str(),
        }
    }
}

impl<'a> MessageLine<'a> {
    /// Every message of a plan, those that wait for a person too, in one order.
    #[must_use]
    pub fn all(plan: &'a Plan) -> Vec<Self> {
        let mut all: Vec<_> = plan.messages.iter().map(|message| (message, false)).collect();
        all.extend(plan.held.iter().map(|message| (message, true)));
        all.sort();
        all.into_iter().map(|(message, held)| Self::new(message, held)).collect()
    }

    /// One planned message; `held` when it waits for a person.
    #[must_use]
    pub fn new(message: &'a Message, held: bool) -> Self {
        Self {
            on: message.on,
            recipient: message.recipient.as_str(),
            kind: message.kind.as_str(),
            notices: message.notices.iter().map(NoticeLine::from).collect(),
            held,
        }
    }
}

/// One message of the outbox or the ledger.
#[derive(Debug, Serialize)]
pub struct StoredLine<'a> {
    reference: &'a str,
    recipient: &'a str,
    kind: &'static str,
    state: &'static str,
    message_id: &'a str,
    notices: Vec<NoticeLine<'a>>,
}

impl<'a> From<&'a StoredMessage> for StoredLine<'a> {
    fn from(stored: &'a StoredMessage) -> Self {
        Self {
            reference: &stored.reference,
            recipient: stored.message.recipient.as_str(),
            kind: stored.message.kind.as_str(),
            state: stored.state.as_str(),
            message_id: &stored.message_id,
            notices: stored.message.notices.iter().map(NoticeLine::from).collect(),
        }
    }
}

/// Writes one object as one line.
///
/// # Errors
/// When standard output is closed.
pub fn line(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}
