//! The bytes of a message: headers and the two parts, the same bytes for the same input.

use jiff::Timestamp;
use lettre::message::Mailbox;

use super::render::Rendered;
use crate::domain::subject::Address;

/// Why a message has no bytes.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// The recipient's address is not one that a mail server takes.
    #[error("{0} is not an address that mail can be sent to")]
    Recipient(Address),
    /// The Message-ID is not `name@domain` in a strict alphabet.
    #[error("{0:?} is not a Message-ID")]
    MessageId(String),
    /// lettre refused to build it.
    #[error("the message cannot be built")]
    Build(#[source] lettre::error::Error),
}

/// What stands on the outside of a message.
#[derive(Debug, Clone, Copy)]
pub struct Envelope<'a> {
    /// From.
    pub from: &'a Mailbox,
    /// Reply-To; the From address when not set.
    pub reply_to: Option<&'a Mailbox>,
    /// Whom it goes to.
    pub to: &'a Address,
    /// The recipient's name.
    pub to_name: Option<&'a str>,
    /// Message-ID, `name@domain` without angle brackets.
    pub message_id: &'a str,
    /// Date.
    pub date: Timestamp,
    /// What a reader quotes when asking whether the message is real.
    pub reference: &'a str,
}

/// The message as it is sent.
///
/// # Errors
/// When the recipient's address or the Message-ID is not usable.
pub fn compose(envelope: &Envelope<'_>, rendered: &Rendered) -> Result<Vec<u8>, ComposeError> {
    let _ = rendered;
    Err(ComposeError::Recipient(envelope.to.clone()))
}
