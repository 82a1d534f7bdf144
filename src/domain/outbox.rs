//! The life of a message, from the plan that wrote it to the day it is settled (domain rules 19 and 23 to 25).
//!
//! One table says which state follows which event. Delivery asks it how an attempt ends and what a person's word means;
//! the statements of the store move messages along it, and the store's contract suite holds them to it.
//! Pure: it sends nothing and writes nothing. It must never let a message that a server may have taken go out again
//! unasked, and never forget one that no server took.

use jiff::SignedDuration;

use super::{
    delivery::{Outcome, retry_delay},
    policy::OnUnknown,
};

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MessageState {
    /// Planned by a held run: waits for a person.
    Held,
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
    /// Nothing in it stood any longer, or a person dropped it.
    Cancelled,
    /// Nobody knows whether a mail server took it: waits for a person.
    Unknown,
}

impl MessageState {
    /// Every state, in the order of a message's life.
    pub const ALL: [Self; 8] = [
        Self::Held,
        Self::Pending,
        Self::Leased,
        Self::Deferred,
        Self::Accepted,
        Self::Rejected,
        Self::Cancelled,
        Self::Unknown,
    ];

    /// The word in the store, in JSON and on screen.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
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

    /// Nothing happens to it any more by itself, and no person is waited for.
    #[must_use]
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Accepted | Self::Rejected | Self::Cancelled)
    }

    /// It leaves by itself when its time comes.
    #[must_use]
    pub const fn is_waiting(self) -> bool {
        matches!(self, Self::Pending | Self::Deferred | Self::Leased)
    }
}

/// What a person says of a message whose outcome is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It arrived.
    Accepted,
    /// It goes out once more, under the same Message-ID.
    Resend,
    /// It is not sent any more.
    Drop,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 3] = [Self::Accepted, Self::Resend, Self::Drop];

    /// The word on the command line and in the ledger.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Resend => "resend",
            Self::Drop => "drop",
        }
    }

    /// The verdict of a word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.as_str() == word)
    }
}

/// What happens to a message.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Event<'a> {
    /// Somebody takes the right to try; the attempt is recorded with it.
    Lease,
    /// The attempt ended, in these circumstances.
    End(&'a Outcome, Circumstances),
    /// The run that planned it was approved.
    Approve,
    /// The run that planned it was discarded.
    Discard,
    /// A person decided.
    Decide(Verdict),
}

/// What decides between several next states.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Circumstances {
    /// What its stages say about an unknown outcome.
    pub on_unknown: OnUnknown,
    /// The other end takes the same message twice as one, so that trying again doubles nothing.
    pub takes_repeats_as_one: bool,
    /// Attempts begun so far, this one too.
    pub attempts: u32,
    /// From 0 to 1, drawn by the caller: how much longer than planned the wait is.
    pub jitter: f64,
    /// No attempt makes sense any more: its deadline has passed and nothing in it goes on after that.
    pub is_too_late: bool,
}

/// The state that follows, and how long to wait for the next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Next {
    /// Where the message stands now.
    pub state: MessageState,
    /// How long until the next attempt; zero for a state that waits for none.
    pub wait: SignedDuration,
}

impl Next {
    const fn at_once(state: MessageState) -> Self {
        Self { state, wait: SignedDuration::ZERO }
    }
}

/// The state that follows an event; `None` when the event cannot happen to a message in that state.
///
/// - Only a waiting message can be leased, and only a leased one can end.
/// - Deferred: a growing wait; once it is too late, Rejected, so that the notice climbs (25).
/// - Unknown: another attempt where the stage says so or the other end takes repeats as one, else a person (25).
/// - Only a held message can be approved or discarded (19), only an unknown one decided on.
#[must_use]
pub fn next(state: MessageState, event: Event) -> Option<Next> {
    use MessageState as State;
    match (state, event) {
        (State::Pending | State::Deferred, Event::Lease) => Some(Next::at_once(State::Leased)),
        (State::Leased, Event::End(outcome, about)) => Some(ended(outcome, about)),
        (State::Held, Event::Approve) | (State::Unknown, Event::Decide(Verdict::Resend)) => {
            Some(Next::at_once(State::Pending))
        }
        (State::Held, Event::Discard) | (State::Unknown, Event::Decide(Verdict::Drop)) => {
            Some(Next::at_once(State::Cancelled))
        }
        (State::Unknown, Event::Decide(Verdict::Accepted)) => Some(Next::at_once(State::Accepted)),
        _ => None,
    }
}

fn ended(outcome: &Outcome, about: Circumstances) -> Next {
    let again = Next { state: MessageState::Deferred, wait: retry_delay(about.attempts, about.jitter) };
    match outcome {
        Outcome::Accepted { .. } => Next::at_once(MessageState::Accepted),
        Outcome::Rejected { .. } => Next::at_once(MessageState::Rejected),
        Outcome::Cancelled => Next::at_once(MessageState::Cancelled),
        Outcome::Untried => Next::at_once(MessageState::Pending),
        Outcome::Deferred { .. } if about.is_too_late => Next::at_once(MessageState::Rejected),
        Outcome::Deferred { .. } => again,
        Outcome::Unknown { .. } if about.takes_repeats_as_one => Next::at_once(MessageState::Deferred),
        Outcome::Unknown { .. } if about.on_unknown == OnUnknown::Resend && !about.is_too_late => again,
        Outcome::Unknown { .. } => Next::at_once(MessageState::Unknown),
    }
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
