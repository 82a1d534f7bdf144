//! The bytes of a message: headers and the two parts, the same bytes for the same input.
//!
//! Reads nothing and writes nothing; names, subjects and addresses are treated as hostile.

use std::time::SystemTime;

use jiff::Timestamp;
use lettre::{
    Message,
    message::{
        Body, Mailbox, MultiPart, SinglePart,
        header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue},
    },
};
use sha2::{Digest as _, Sha256};

use super::render::Rendered;
use crate::domain::subject::Address;

/// Headers that every message carries: it was made by a program, nobody's out-of-office is to answer it, and bounces
/// are wanted.
const FIXED_HEADERS: [(&str, &str); 3] = [
    ("Auto-Submitted", "auto-generated"),
    ("X-Auto-Response-Suppress", "OOF, AutoReply"),
    ("Content-Language", "en-GB"),
];
/// The header in which our own reference travels.
const REFERENCE_HEADER: &str = "X-Lapsewatch-Reference";
/// Longest line that mail servers hand on as it is, with some to spare.
const LONGEST_LINE: usize = 990;
/// Longest name in a To header.
const LONGEST_NAME: usize = 60;

/// Why a message has no bytes.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// The recipient's address is not one that a mail server takes.
    #[error("{0} is not an address that mail can be sent to")]
    Recipient(Address),
    /// The Message-ID is not `name@domain` in a strict alphabet.
    #[error("{0:?} is not a Message-ID")]
    MessageId(String),
    /// A part does not fit its encoding.
    #[error("a part of the message cannot be encoded")]
    Encode,
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

/// The message as it is sent: the same bytes for the same input.
///
/// # Errors
/// When the recipient's address or the Message-ID is not usable.
pub fn compose(envelope: &Envelope<'_>, rendered: &Rendered) -> Result<Vec<u8>, ComposeError> {
    if !is_message_id(envelope.message_id) {
        return Err(ComposeError::MessageId(envelope.message_id.to_owned()));
    }
    let mut builder = Message::builder()
        .from(envelope.from.clone())
        .reply_to(envelope.reply_to.unwrap_or(envelope.from).clone())
        .to(recipient(envelope)?)
        .subject(one_line(&rendered.subject))
        .message_id(Some(format!("<{}>", envelope.message_id)))
        .date(SystemTime::from(envelope.date));
    for (name, value) in FIXED_HEADERS {
        builder = builder.raw_header(header(name, value));
    }
    let message = builder
        .raw_header(header(REFERENCE_HEADER, &ascii(envelope.reference)))
        .multipart(parts(envelope.message_id, rendered)?)
        .map_err(ComposeError::Build)?;
    Ok(message.formatted())
}

fn parts(message_id: &str, rendered: &Rendered) -> Result<MultiPart, ComposeError> {
    let alternative = MultiPart::alternative().boundary(boundary(message_id));
    Ok(alternative
        .singlepart(part(ContentType::TEXT_PLAIN, &rendered.text)?)
        .singlepart(part(ContentType::TEXT_HTML, &rendered.html)?))
}

/// 7bit where it can be, quoted-printable elsewhere: filters distrust words in base64.
fn part(kind: ContentType, text: &str) -> Result<SinglePart, ComposeError> {
    let fits = text.is_ascii() && text.lines().all(|line| line.len() < LONGEST_LINE);
    let body = if fits {
        Body::dangerous_pre_encoded(text.replace('\n', "\r\n").into_bytes(), ContentTransferEncoding::SevenBit)
    } else {
        let encoded = Body::new_with_encoding(text.to_owned(), ContentTransferEncoding::QuotedPrintable);
        encoded.map_err(|_| ComposeError::Encode)?
    };
    Ok(SinglePart::builder().header(kind).body(body))
}

/// A boundary that no text holds and that a repeat of the same message has too.
fn boundary(message_id: &str) -> String {
    let digest = Sha256::digest(message_id.as_bytes());
    digest.iter().take(16).fold("=_lapsewatch_".to_owned(), |boundary, byte| format!("{boundary}{byte:02x}"))
}

fn recipient(envelope: &Envelope<'_>) -> Result<Mailbox, ComposeError> {
    let refused = || ComposeError::Recipient(envelope.to.clone());
    let text = envelope.to.as_str();
    let is_ours_to_send = text.is_ascii() && envelope.to.domain().contains('.');
    let address = text.parse::<lettre::Address>().ok().filter(|_| is_ours_to_send).ok_or_else(refused)?;
    let name = envelope.to_name.map(one_line).map(|name| name.chars().take(LONGEST_NAME).collect::<String>());
    Ok(Mailbox::new(name.filter(|name| !name.is_empty()), address))
}

/// lettre panics at a line break in a name, and drops a header with a NUL: neither gets that far.
fn one_line(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn ascii(text: &str) -> String {
    text.chars().filter(char::is_ascii_graphic).take(60).collect()
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// `name@domain`, in letters, digits, dots, hyphens, underscores and plus signs.
fn is_message_id(id: &str) -> bool {
    let is_word =
        |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "._-+".contains(c));
    id.len() <= 200 && id.split_once('@').is_some_and(|(name, domain)| is_word(name) && is_word(domain))
}
