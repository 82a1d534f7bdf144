//! Mail: rendering, the transports, and what a mail server said.
//!
//! A [`Mailer`] is a way out; a [`Session`] is one connection's worth of it. Both take finished bytes and say what
//! became of them. Nothing here reads the store, chooses recipients or decides when to send.
pub mod compose;
pub mod directory;
mod error;
#[doc(hidden)]
pub mod memory;
mod oauth;
pub mod render;
mod secret;
pub mod sender;
pub mod smtp;
mod tls;

use async_trait::async_trait;

pub use self::error::SendError;
use crate::domain::delivery::Outcome;

/// One message to one recipient, ready to leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The address errors go back to: the envelope's sender.
    pub from: String,
    /// The one recipient's address.
    pub to: String,
    /// The message as it goes over the wire: header, empty line, body; 7-bit.
    pub raw: Vec<u8>,
    /// Name for a file that holds the message, without its ending: `2026-11-20-NR-4K7P-2M2X`. The same message always
    /// has the same one, and no two messages share one.
    pub file_stem: String,
}

/// What a server said when it took a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The reply, code and text: `250 2.0.0 Ok: queued as 4K7P2M`.
    pub reply: String,
    /// The name the server gave the message, for a search in its log.
    pub assigned_id: Option<String>,
}

impl From<Receipt> for Outcome {
    fn from(receipt: Receipt) -> Self {
        Self::Accepted { reply: receipt.reply, assigned_id: receipt.assigned_id }
    }
}

/// A way for messages to leave.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// A session of its own. Nothing is connected yet: the first message does that.
    fn session(&self) -> Box<dyn Session>;

    /// Whether the same message taken twice is one message at the other end, so that an unknown outcome can be tried
    /// again without doubling anything.
    fn takes_repeats_as_one(&self) -> bool {
        false
    }

    /// Where messages go, in words: `smtp.anyshire.example:587, STARTTLS`.
    fn describe(&self) -> String;

    /// Does everything short of sending: connects, encrypts, logs in and leaves; or tries whether the folder takes files.
    ///
    /// # Errors
    /// What would stop a message, with the step and what to do.
    async fn probe(&self) -> Result<(), SendError>;
}

/// One connection's worth of sending; it opens the connection when needed and keeps it between messages.
#[async_trait]
pub trait Session: Send {
    /// Sends one message. Dropping the future half way drops the connection with it, so that no late reply is taken for
    /// the next message's; whether the message went is then unknown.
    ///
    /// # Errors
    /// Why the message was not taken, and what that [decides](SendError::decision). After any error the session can be
    /// used for the next message.
    async fn send(&mut self, mail: &Outgoing) -> Result<Receipt, SendError>;

    /// Takes leave of the server. Failures do not matter: every message was answered already.
    async fn close(&mut self);
}
