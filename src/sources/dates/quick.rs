//! The few shapes that nearly all dates have, read without looking for them.
//!
//! Whatever is not exactly of such a shape, or does not exist, is left to the general reader; where both have an
//! answer, it is the same.
use std::ops::Range;

use jiff::{
    civil::{Date, Time},
    tz::TimeZone,
};

use super::{Moment, Slash};

/// Letters of a date, in whichever order its parts are.
const DATE: usize = 10;
/// Letters of a time with its seconds.
const TIME: usize = 8;

/// `21/11/2026`, `21/11/2026 07:47`, `21/11/2026 07:47:00`.
pub(super) fn slash(text: &str) -> Option<Slash> {
    let (date, clock) = text.as_bytes().split_at_checked(DATE)?;
    let [_, _, b'/', _, _, b'/', ..] = date else { return None };
    let clock = match clock {
        [] => None,
        [b' ', clock @ ..] => Some(time(clock)?),
        _ => return None,
    };
    Some(Slash { first: two(date, 0)?, second: two(date, 3)?, year: number(date, 6..DATE)?, clock, halves: false })
}

/// `2026-11-21`, `2026-11-21 07:47:00`, `2026-11-21T07:47:00`, `2026-11-21T07:47:00Z`.
pub(super) fn iso(text: &str) -> Option<Moment> {
    let (date, clock) = text.as_bytes().split_at_checked(DATE)?;
    let [_, _, _, _, b'-', _, _, b'-', ..] = date else { return None };
    let date = Date::new(number(date, 0..4)?, two(date, 5)?, two(date, 8)?).ok()?;
    match clock {
        [] => Some(Moment::Day(date)),
        [b'T' | b' ', clock @ .., b'Z'] if clock.len() == TIME => {
            TimeZone::UTC.to_timestamp(date.to_datetime(time(clock)?)).ok().map(Moment::Instant)
        }
        [b'T' | b' ', clock @ ..] if clock.len() == TIME => Some(Moment::Wall(date.to_datetime(time(clock)?))),
        _ => None,
    }
}

/// `07:47` or `07:47:00`.
fn time(clock: &[u8]) -> Option<Time> {
    let second = match clock {
        [_, _, b':', _, _] => 0,
        [_, _, b':', _, _, b':', _, _] => two(clock, 6)?,
        _ => return None,
    };
    Time::new(two(clock, 0)?, two(clock, 3)?, second, 0).ok()
}

/// The number of two digits at `at`.
fn two(text: &[u8], at: usize) -> Option<i8> {
    i8::try_from(number(text, at..at + 2)?).ok()
}

fn number(text: &[u8], at: Range<usize>) -> Option<i16> {
    let digit = |byte: u8| byte.is_ascii_digit().then(|| i16::from(byte - b'0'));
    text.get(at)?.iter().try_fold(0, |number, byte| Some(number * 10 + digit(*byte)?))
}
