//! Values as columns and back: what both databases share.

use jiff::{Timestamp, civil::Date};

use super::{DoubtState, HoldState, MessageState, NewMessage, StoreError};
use crate::domain::{
    facts::Field,
    message::{MessageKind, Reason},
    outbox::{Event, Verdict, next},
    policy::{OnUnknown, Rule, Rung},
    snapshot::Source,
};

/// A stored word that no code writes.
fn corrupt(what: &'static str, value: &str) -> StoreError {
    StoreError::Corrupt { what, value: value.to_owned() }
}

pub(super) fn date(text: &str) -> Result<Date, StoreError> {
    text.parse().map_err(|_| corrupt("date", text))
}

pub(super) fn optional_date(text: Option<&str>) -> Result<Option<Date>, StoreError> {
    text.map(date).transpose()
}

pub(super) fn instant(millis: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(millis).map_err(|_| corrupt("instant", &millis.to_string()))
}

pub(super) fn source(word: &str) -> Result<Source, StoreError> {
    Source::parse(word).ok_or_else(|| corrupt("source", word))
}

pub(super) fn rule(word: &str) -> Result<Rule, StoreError> {
    Rule::parse(word).ok_or_else(|| corrupt("rule", word))
}

pub(super) fn rung(word: &str) -> Result<Rung, StoreError> {
    Rung::parse(word).ok_or_else(|| corrupt("rung", word))
}

pub(super) fn reason(word: &str) -> Result<Reason, StoreError> {
    Reason::parse(word).ok_or_else(|| corrupt("reason", word))
}

pub(super) fn kind(word: &str) -> Result<MessageKind, StoreError> {
    MessageKind::parse(word).ok_or_else(|| corrupt("kind of message", word))
}

pub(super) fn state(word: &str) -> Result<MessageState, StoreError> {
    MessageState::parse(word).ok_or_else(|| corrupt("state of a message", word))
}

pub(super) const fn on_unknown_word(on_unknown: OnUnknown) -> &'static str {
    match on_unknown {
        OnUnknown::Hold => "hold",
        OnUnknown::Resend => "resend",
    }
}

pub(super) fn on_unknown(word: &str) -> OnUnknown {
    if word == "resend" { OnUnknown::Resend } else { OnUnknown::Hold }
}

pub(super) fn field(word: &str) -> Result<Field, StoreError> {
    Field::parse(word).ok_or_else(|| corrupt("field", word))
}

pub(super) fn hold_state(word: &str) -> Result<HoldState, StoreError> {
    HoldState::parse(word).ok_or_else(|| corrupt("state of a hold", word))
}

pub(super) fn doubt_state(word: &str) -> Result<DoubtState, StoreError> {
    DoubtState::parse(word).ok_or_else(|| corrupt("state of a file in doubt", word))
}

/// The stretch of the quota of a minute, and one more: instants are cut to whole milliseconds.
pub(super) const MINUTE_MILLIS: i64 = 60_001;

/// The stretch of the quota of a day, and one more.
pub(super) const DAY_MILLIS: i64 = 86_400_001;

/// Where a planned message begins.
pub(super) const fn first_state(new: &NewMessage) -> MessageState {
    if new.is_held { MessageState::Held } else { MessageState::Pending }
}

/// Where a message of unknown outcome goes when a person has decided.
pub(super) fn decided(verdict: Verdict) -> Option<MessageState> {
    next(MessageState::Unknown, Event::Decide(verdict)).map(|next| next.state)
}

/// A count as a column.
pub(super) fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// What is left of a limit when so many are taken.
pub(super) fn left(most: u16, taken: i64) -> u16 {
    most.saturating_sub(u16::try_from(taken.max(0)).unwrap_or(u16::MAX))
}

/// A column as a count.
pub(super) fn uncount(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
