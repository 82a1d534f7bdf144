//! The few shapes that nearly all dates have, read without looking for them.
//!
//! Whatever is not exactly of such a shape, or does not exist, is left to the general reader; where both have an
//! answer, it is the same.
use jiff::{
    civil::{Date, Time},
    tz::TimeZone,
};

use super::{Moment, Slash};

/// `21/11/2026`, `21/11/2026 07:47`, `21/11/2026 07:47:00`.
pub(super) fn slash(text: &str) -> Option<Slash> {
    let (date, clock) = text.as_bytes().split_at_checked(10)?;
    let &[f, first, b'/', s, second, b'/', y, e, a, r] = date else { return None };
    let clock = match *clock {
        [] => None,
        [b' ', h, hour, b':', m, minute] => Some(time([h, hour, m, minute, b'0', b'0'])?),
        [b' ', h, hour, b':', m, minute, b':', s, second] => Some(time([h, hour, m, minute, s, second])?),
        _ => return None,
    };
    let (first, second, year) = (two(f, first)?, two(s, second)?, four(y, e, a, r)?);
    Some(Slash { first, second, year, clock, halves: false })
}

/// `2026-11-21`, `2026-11-21 07:47:00`, `2026-11-21T07:47:00`, `2026-11-21T07:47:00Z`.
pub(super) fn iso(text: &str) -> Option<Moment> {
    let (date, clock) = text.as_bytes().split_at_checked(10)?;
    let &[y, e, a, r, b'-', m, month, b'-', d, day] = date else { return None };
    let date = Date::new(four(y, e, a, r)?, two(m, month)?, two(d, day)?).ok()?;
    let (clock, is_utc) = match clock {
        [] => return Some(Moment::Day(date)),
        [clock @ .., b'Z'] => (clock, true),
        _ => (clock, false),
    };
    let &[b'T' | b' ', h, hour, b':', m, minute, b':', s, second] = clock else { return None };
    let at = date.to_datetime(time([h, hour, m, minute, s, second])?);
    if is_utc { TimeZone::UTC.to_timestamp(at).ok().map(Moment::Instant) } else { Some(Moment::Wall(at)) }
}

fn time([h, hour, m, minute, s, second]: [u8; 6]) -> Option<Time> {
    Time::new(two(h, hour)?, two(m, minute)?, two(s, second)?, 0).ok()
}

fn digit(byte: u8) -> Option<i8> {
    byte.is_ascii_digit().then(|| i8::try_from(byte - b'0').ok()).flatten()
}

fn two(tens: u8, ones: u8) -> Option<i8> {
    Some(digit(tens)? * 10 + digit(ones)?)
}

fn four(y: u8, e: u8, a: u8, r: u8) -> Option<i16> {
    Some(i16::from(two(y, e)?) * 100 + i16::from(two(a, r)?))
}
