//! What becomes of a message: what a mail server's answer means, the outcome of an attempt, and when to try again
//! (domain rules 23, 25 and 26).
//!
//! Pure: an answer goes in, a decision comes out. Talking to the server belongs to `mail`, acting on the decision to
//! `jobs`. Two mistakes are guarded against above all: rejecting people for what is wrong with our own log-in or
//! sender, and taking a message for unsent when the server may have it.

use jiff::SignedDuration;

/// How one attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The server took the message.
    Accepted {
        /// The server's last reply, code and text.
        reply: String,
        /// The name the server gave the message, for a search in its log.
        assigned_id: Option<String>,
    },
    /// Not sent, to be tried again.
    Deferred {
        /// A sentence for the operator.
        why: String,
    },
    /// The server will not take this message or this recipient.
    Rejected {
        /// A sentence for the operator.
        why: String,
    },
    /// Not sent, because no notice in it stands any longer.
    Cancelled,
    /// Not tried: sending had stopped before its turn.
    Untried,
    /// The body was begun and no final answer came: the recipient may have the message or not.
    Unknown {
        /// A sentence for the operator.
        why: String,
    },
}

impl Outcome {
    /// The word in JSON and in the store.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Accepted { .. } => "accepted",
            Self::Deferred { .. } => "deferred",
            Self::Rejected { .. } => "rejected",
            Self::Cancelled => "cancelled",
            Self::Untried => "untried",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// The name the server gave the message, when it was accepted under one.
    #[must_use]
    pub fn assigned_id(&self) -> Option<&str> {
        match self {
            Self::Accepted { assigned_id, .. } => assigned_id.as_deref(),
            _ => None,
        }
    }

    /// The server's reply when accepted, else a sentence for the operator.
    #[must_use]
    pub fn detail(&self) -> &str {
        match self {
            Self::Accepted { reply: detail, .. }
            | Self::Deferred { why: detail }
            | Self::Rejected { why: detail }
            | Self::Unknown { why: detail } => detail,
            Self::Cancelled => "nothing in it stood any longer",
            Self::Untried => "it was not tried: sending had stopped before its turn",
        }
    }
}

/// The steps of a conversation with a mail server, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Finding the server's address and opening the connection.
    Connect,
    /// The server's first line.
    Greeting,
    /// EHLO.
    Hello,
    /// STARTTLS and the handshake.
    Tls,
    /// AUTH.
    Auth,
    /// MAIL FROM.
    MailFrom,
    /// RCPT TO.
    RcptTo,
    /// DATA.
    Data,
    /// The message itself, to the answer after its last dot.
    Body,
}

impl Step {
    /// The step in words: `after the message body`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "while connecting",
            Self::Greeting => "before its greeting",
            Self::Hello => "at EHLO",
            Self::Tls => "while TLS was set up",
            Self::Auth => "at the log-in",
            Self::MailFrom => "at MAIL FROM",
            Self::RcptTo => "at RCPT TO",
            Self::Data => "at DATA",
            Self::Body => "after the message body was begun",
        }
    }
}

/// What a failed attempt asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Decision {
    /// Nobody is at this address: reject it, the notice climbs one rung (15), and the address counts as unreachable. The
    /// others go on.
    RejectedRecipient,
    /// This message is refused for good: reject it, the notice climbs one rung (15). The others go on.
    RejectedMessage,
    /// This message is to be tried again later. The others go on.
    DeferredMessage,
    /// The server cannot be used just now: stop the batch, defer, come back later.
    TransportDown,
    /// Our log-in, our sender or our settings are refused: stop the batch, reject nothing, tell the operator.
    SenderWide,
    /// The body was begun and no final answer came: resend only as the stage's `on_unknown` says. The others go on.
    Unknown,
}

impl Decision {
    /// Every decision, in the order of the documentation.
    pub const ALL: [Self; 6] = [
        Self::RejectedRecipient,
        Self::RejectedMessage,
        Self::DeferredMessage,
        Self::TransportDown,
        Self::SenderWide,
        Self::Unknown,
    ];

    /// Whether the next message would fare no better, so that the rest of the batch must wait.
    #[must_use]
    pub const fn stops_the_batch(self) -> bool {
        matches!(self, Self::TransportDown | Self::SenderWide)
    }

    /// The outcome of the attempt (25): only a refused recipient or message is Rejected.
    #[must_use]
    pub fn outcome(self, why: String) -> Outcome {
        match self {
            Self::RejectedRecipient | Self::RejectedMessage => Outcome::Rejected { why },
            Self::DeferredMessage | Self::TransportDown | Self::SenderWide => Outcome::Deferred { why },
            Self::Unknown => Outcome::Unknown { why },
        }
    }
}

/// An enhanced status code (RFC 3463): `5.7.30`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Enhanced {
    /// 2, 4 or 5.
    pub class: u8,
    /// 0 to 999: 1 addressing, 2 mailbox, 3 mail system, 4 network, 5 protocol, 6 content, 7 policy.
    pub subject: u16,
    /// 0 to 999.
    pub detail: u16,
}

impl Enhanced {
    /// The code a reply's text begins with, if any; a `#` before it (Cisco) is passed over.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let word = text.split_whitespace().next()?.trim_start_matches('#');
        let (class, rest) = word.split_once('.')?;
        let (subject, detail) = rest.split_once('.')?;
        let code = Self { class: class.parse().ok()?, subject: subject.parse().ok()?, detail: detail.parse().ok()? };
        (matches!(code.class, 2 | 4 | 5) && code.subject <= 999 && code.detail <= 999).then_some(code)
    }
}

/// Decides what a negative reply means. `code` is the reply code, `enhanced` its enhanced code if it had one, `text`
/// the words after the codes or with them.
///
/// - A positive code at `Body` is not the server's to give here (the caller asks about failures only): `Unknown`.
/// - 421, 432, 4.3.1, 4.3.2, 4.7.x and every 4yz before RCPT TO: the transport is down for now. Greylisting is not.
/// - Any other 4yz: this message, later.
/// - 5yz before RCPT TO, a refused log-in, sender or client at any step, and the sender's own quota: sender-wide.
/// - 503: the conversation is out of step, which says nothing about anybody: the transport is down.
/// - A server that will not relay: deferred. It is as likely our settings as this recipient, so nobody is rejected and
///   nobody else is held up.
/// - Any other 5yz: this recipient or this message is refused.
#[must_use]
pub fn classify(step: Step, code: u16, enhanced: Option<Enhanced>, text: &str) -> Decision {
    let words = text.to_ascii_lowercase();
    match code {
        400..=499 => classify_transient(step, code, enhanced, &words),
        500..=599 => classify_permanent(step, code, enhanced, &words),
        _ => lost(step),
    }
}

/// What a time-out, a lost connection or a nonsensical answer means at this step: once the body was begun nobody knows.
#[must_use]
pub const fn lost(step: Step) -> Decision {
    if matches!(step, Step::Body) { Decision::Unknown } else { Decision::TransportDown }
}

fn classify_transient(step: Step, code: u16, enhanced: Option<Enhanced>, words: &str) -> Decision {
    let about_one_recipient = has_any(words, &["greylist", "graylist", "recipient address rejected"]);
    let for_everybody = matches!(subject_and_detail(enhanced, 4), Some((3, 1 | 2) | (7, _)));
    if matches!(code, 421 | 432) || step < Step::RcptTo || (for_everybody && !about_one_recipient) {
        Decision::TransportDown
    } else {
        Decision::DeferredMessage
    }
}

fn classify_permanent(step: Step, code: u16, enhanced: Option<Enhanced>, words: &str) -> Decision {
    if code == 503 {
        Decision::TransportDown
    } else if step < Step::RcptTo || refuses_the_sender(code, enhanced, words) || is_over_quota(step, enhanced, words) {
        Decision::SenderWide
    } else if refuses_to_relay(enhanced, words) {
        Decision::DeferredMessage
    } else if refuses_the_recipient(step, enhanced) {
        Decision::RejectedRecipient
    } else {
        Decision::RejectedMessage
    }
}

/// Nobody is there: any refusal of the address itself but one for policy, and later a word about the address or its
/// mailbox.
fn refuses_the_recipient(step: Step, enhanced: Option<Enhanced>) -> bool {
    match subject_and_detail(enhanced, 5) {
        Some((1, _) | (2, 1)) => true,
        Some((2 | 6 | 7, _)) => false,
        _ => step == Step::RcptTo,
    }
}

/// Log-in, sender address, or the machine we send from. Postfix puts all three off until RCPT TO, hence the words.
fn refuses_the_sender(code: u16, enhanced: Option<Enhanced>, words: &str) -> bool {
    let by_code = matches!(code, 530 | 534 | 535 | 538);
    let by_enhanced = matches!(
        subject_and_detail(enhanced, 5),
        // The sender's address; the log-in; not allowed to send as this sender; this tenant or machine is barred.
        Some((1, 7 | 8) | (7, 3 | 8 | 9 | 11 | 30 | 57 | 60 | 64 | 139 | 500..=599 | 700..=799) | (2, 252))
    );
    by_code || by_enhanced || has_any(words, &SENDER_WORDS)
}

const SENDER_WORDS: [&str; 6] = [
    "basic authentication is not supported",
    "sendasdenied",
    "sender address rejected",
    "client host rejected",
    "helo command rejected",
    "authentication required",
];

/// The sending mailbox is full or has sent its day's worth. A full mailbox at RCPT TO is the recipient's own, unless
/// Exchange's store driver says so.
fn is_over_quota(step: Step, enhanced: Option<Enhanced>, words: &str) -> bool {
    match subject_and_detail(enhanced, 5) {
        Some((2, 0 | 2)) => step != Step::RcptTo || words.contains("storedrv"),
        Some((1, 90) | (7, 232 | 233)) => true,
        _ => false,
    }
}

fn refuses_to_relay(enhanced: Option<Enhanced>, words: &str) -> bool {
    matches!(subject_and_detail(enhanced, 5), Some((7, 54)))
        || has_any(words, &["relay access denied", "relaying denied", "unable to relay", "relay not permitted"])
}

fn subject_and_detail(enhanced: Option<Enhanced>, class: u8) -> Option<(u16, u16)> {
    enhanced.filter(|code| code.class == class).map(|code| (code.subject, code.detail))
}

fn has_any(words: &str, needles: &[&str]) -> bool {
    needles.iter().any(|needle| words.contains(needle))
}

/// The name a server gave a message it took, from the words of its reply: `queued as 4K7P2M`, `id=1abc-23`,
/// Exchange's `<…>`.
#[must_use]
pub fn assigned_id(reply: &str) -> Option<String> {
    let after = |marker: &str| reply.to_ascii_lowercase().find(marker).and_then(|at| reply.get(at + marker.len()..));
    let rest = after("queued as ").or_else(|| after("id=")).or_else(|| after("<"))?;
    let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '>' | ')' | ']' | ';' | ','));
    let id = rest.get(..end.unwrap_or(rest.len()))?.trim_end_matches('.');
    (!id.is_empty()).then(|| id.to_owned())
}

/// Waits between attempts, in minutes: the last one repeats.
const WAIT_MINUTES: [i64; 5] = [1, 5, 15, 60, 240];

/// How much longer than planned a wait may be, so that messages deferred together do not come back together.
const JITTER_SHARE: f64 = 0.25;

/// How long to wait after the `attempt`th failure (the first is 1) before the next attempt: 1, 5, 15 minutes, 1 hour,
/// then 4 hours each time, and up to a quarter longer as `jitter` (0 to 1, drawn by the caller) goes up.
#[must_use]
pub fn retry_delay(attempt: u32, jitter: f64) -> SignedDuration {
    let index = usize::try_from(attempt.saturating_sub(1)).unwrap_or(usize::MAX);
    let [.., longest] = WAIT_MINUTES;
    let planned = SignedDuration::from_mins(WAIT_MINUTES.get(index).copied().unwrap_or(longest));
    let jitter = if jitter.is_finite() { jitter.clamp(0.0, 1.0) } else { 0.0 };
    let seconds = planned.as_secs_f64() * (1.0 + JITTER_SHARE * jitter);
    SignedDuration::try_from_secs_f64(seconds.round()).unwrap_or(planned)
}

#[cfg(test)]
#[path = "delivery_tests.rs"]
mod tests;
