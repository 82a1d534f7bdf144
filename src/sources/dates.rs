//! Dates as exports write them, and the order of day and month that one file uses.
//!
//! ISO 8601, `yyyyMMdd`, `/Date(ms)/`, Windows FILETIME and the slash dates of a machine's culture. Slash dates are
//! decided for the whole file: one date that only works day first settles it, so does one that only works month
//! first, and a file with both is refused. A date before 2004 or in 9999 is a placeholder,
//! not a date.
mod named;
mod quick;

use std::fmt;

use jiff::{
    Timestamp,
    civil::{Date, DateTime, Time},
    tz::TimeZone,
};

use super::error::ReadError;

/// NHSmail's first year: whatever is older stands for "none".
const FIRST_YEAR: i16 = 2004;
/// The year of the greatest date that .NET can write: it stands for "never".
const LAST_YEAR: i16 = 9999;
/// Seconds from 1601, where FILETIME begins, to 1970.
const FILETIME_EPOCH_SECS: i64 = 11_644_473_600;
/// FILETIME counts in steps of 100 ns.
const FILETIME_TICKS_PER_SEC: i64 = 10_000_000;

/// Which zone a time of day without an offset is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wall {
    /// The policy's zone.
    Local,
    /// UTC.
    Utc,
}

/// How the slash dates of a file are read, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateOrder {
    /// The file has no slash dates.
    Iso,
    /// The date on this line only works day first.
    DayFirst {
        /// Line of the date.
        line: u32,
    },
    /// The date on this line only works month first, or carries AM or PM.
    MonthFirst {
        /// Line of the date.
        line: u32,
    },
    /// No date settles it: the configured order.
    Assumed {
        /// The configured order.
        day_first: bool,
    },
}

impl DateOrder {
    /// Whether slash dates are read day first.
    #[must_use]
    pub const fn is_day_first(self) -> bool {
        !matches!(self, Self::MonthFirst { .. } | Self::Assumed { day_first: false })
    }
}

impl fmt::Display for DateOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Iso => f.write_str("iso"),
            Self::DayFirst { line } => write!(f, "day first (seen on line {line})"),
            Self::MonthFirst { line } => write!(f, "month first (seen on line {line})"),
            Self::Assumed { day_first: true } => f.write_str("day first (assumed)"),
            Self::Assumed { day_first: false } => f.write_str("month first (assumed)"),
        }
    }
}

/// What the dates of a file have shown so far about their order.
#[derive(Debug, Default)]
pub(super) struct OrderSeen {
    day: Option<(u32, String)>,
    month: Option<(u32, String)>,
    either: bool,
}

impl OrderSeen {
    /// Takes a date cell into account.
    pub(super) fn see(&mut self, text: &str, line: u32) {
        if let Some(slash) = Slash::parse(text) {
            match slash.leaning() {
                Some(Leaning::Day) => _ = self.day.get_or_insert_with(|| (line, text.to_owned())),
                Some(Leaning::Month) => _ = self.month.get_or_insert_with(|| (line, text.to_owned())),
                None => self.either = true,
            }
        }
    }

    /// Whether the file may still turn out to be in this order.
    pub(super) const fn may_be(&self, day_first: bool) -> bool {
        if day_first { self.month.is_none() } else { self.day.is_none() }
    }

    /// The order of the file; `day_first` is the configured one.
    pub(super) fn decide(self, day_first: bool) -> Result<DateOrder, ReadError> {
        match (self.day, self.month) {
            (Some((day_line, day_text)), Some((month_line, month_text))) => {
                Err(ReadError::MixedDates { day_line, day_text, month_line, month_text })
            }
            (Some((line, _)), None) => Ok(DateOrder::DayFirst { line }),
            (None, Some((line, _))) => Ok(DateOrder::MonthFirst { line }),
            (None, None) if self.either => Ok(DateOrder::Assumed { day_first }),
            (None, None) => Ok(DateOrder::Iso),
        }
    }
}

/// How dates become civil dates.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    /// The policy's zone.
    pub(super) zone: TimeZone,
    /// The order of slash dates.
    pub(super) day_first: bool,
}

/// The text is no date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BadDate;

impl Reading {
    /// The civil date of `text`; `None` for a placeholder.
    pub(super) fn date(&self, text: &str, wall: Wall) -> Result<Option<Date>, BadDate> {
        let date = match read(text.trim(), self.day_first).ok_or(BadDate)? {
            Moment::Never => return Ok(None),
            Moment::Day(date) => date,
            Moment::Wall(at) if wall == Wall::Local => at.date(),
            Moment::Wall(at) => self.civil(TimeZone::UTC.to_timestamp(at).map_err(|_| BadDate)?),
            Moment::Instant(at) => self.civil(at),
        };
        Ok((FIRST_YEAR..LAST_YEAR).contains(&date.year()).then_some(date))
    }

    fn civil(&self, at: Timestamp) -> Date {
        self.zone.to_datetime(at).date()
    }
}

/// What a text says.
#[derive(Debug, PartialEq)]
enum Moment {
    Never,
    Day(Date),
    Wall(DateTime),
    Instant(Timestamp),
}

fn read(text: &str, day_first: bool) -> Option<Moment> {
    if let Some(slash) = quick::slash(text) {
        return slash.moment(day_first);
    }
    quick::iso(text).or_else(|| read_slowly(text, day_first))
}

/// The general reader: every shape a date may have.
fn read_slowly(text: &str, day_first: bool) -> Option<Moment> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return read_digits(text);
    }
    if let Some(rest) = text.strip_prefix("/Date(") {
        return read_milliseconds(rest);
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return read_hexadecimal(digits);
    }
    match Slash::parse_slowly(text) {
        Some(slash) => slash.moment(day_first),
        None => read_iso(text).or_else(|| named::read(text)),
    }
}

fn read_digits(text: &str) -> Option<Moment> {
    let number: i64 = text.parse().ok()?;
    match text.len() {
        _ if number == 0 || number == i64::MAX => Some(Moment::Never),
        8 => Date::strptime("%Y%m%d", text).ok().map(Moment::Day),
        17 | 18 => {
            let secs = number / FILETIME_TICKS_PER_SEC - FILETIME_EPOCH_SECS;
            Timestamp::from_second(secs).ok().map(Moment::Instant)
        }
        _ => None,
    }
}

/// A FILETIME as csvde and registry tools may print it.
fn read_hexadecimal(digits: &str) -> Option<Moment> {
    let is_shaped = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let ticks = is_shaped.then(|| i64::from_str_radix(digits, 16).ok()).flatten()?;
    // No other number than a FILETIME is written so.
    read_digits(&format!("{ticks:017}"))
}

fn read_milliseconds(rest: &str) -> Option<Moment> {
    let inner = rest.strip_suffix(")/")?;
    let offset = inner.char_indices().skip(1).find(|(_, c)| matches!(c, '+' | '-')).map_or(inner.len(), |(at, _)| at);
    let milliseconds = inner.get(..offset)?.parse().ok()?;
    Timestamp::from_millisecond(milliseconds).ok().map(Moment::Instant)
}

fn read_iso(text: &str) -> Option<Moment> {
    if text.starts_with("9999-12-31") {
        return Some(Moment::Never);
    }
    // With the year first no order is in doubt.
    let dashed = text.replacen('/', "-", 2);
    let text = dashed.as_str();
    let is_iso = text.bytes().take(4).all(|byte| byte.is_ascii_digit()) && text.get(4..5) == Some("-");
    let clock = text.get(10..).filter(|_| is_iso)?;
    if clock.is_empty() {
        text.parse().ok().map(Moment::Day)
    } else if clock.contains(['Z', 'z', '+', '-']) {
        text.parse().ok().map(Moment::Instant)
    } else {
        text.parse().ok().map(Moment::Wall)
    }
}

enum Leaning {
    Day,
    Month,
}

/// A date of three numbers with the year last, and what follows it.
#[derive(Debug, PartialEq)]
struct Slash {
    first: i8,
    second: i8,
    year: i16,
    clock: Option<Time>,
    /// AM or PM is there.
    halves: bool,
}

impl Slash {
    /// The parts of `text`, when it has the shape of such a date and its time of day, if any, is one.
    fn parse(text: &str) -> Option<Self> {
        quick::slash(text).or_else(|| Self::parse_slowly(text))
    }

    fn parse_slowly(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        // A browser puts a comma after the date.
        let mut parts = words.next()?.trim_end_matches(',').split(['/', '.', '-']);
        // Most other texts end here.
        let first = parts.next().filter(|first| first.len() <= 2)?;
        let second = parts.next().filter(|second| second.len() <= 2)?;
        let year = parts.next().filter(|year| year.len() == 4)?;
        let clock = words.next();
        let half = words.next();
        if parts.next().is_some() || words.next().is_some() {
            return None;
        }
        let clock = match clock {
            Some(clock) => Some(read_clock(clock, half)?),
            None => None,
        };
        Some(Self {
            first: digits(first)?,
            second: digits(second)?,
            year: digits(year)?,
            clock,
            halves: half.is_some(),
        })
    }

    fn date(&self, day_first: bool) -> Option<Date> {
        let (day, month) = if day_first { (self.first, self.second) } else { (self.second, self.first) };
        Date::new(self.year, month, day).ok()
    }

    /// What the date says about the order; `None` when it works either way or not at all.
    fn leaning(&self) -> Option<Leaning> {
        match (self.date(true), self.date(false)) {
            (Some(_), None) => Some(Leaning::Day),
            (None, Some(_)) => Some(Leaning::Month),
            (Some(date), Some(_)) if self.halves && date.year() >= FIRST_YEAR => Some(Leaning::Month),
            _ => None,
        }
    }

    fn moment(&self, day_first: bool) -> Option<Moment> {
        let date = self.date(day_first)?;
        Some(self.clock.map_or(Moment::Day(date), |clock| Moment::Wall(date.to_datetime(clock))))
    }
}

fn digits<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn read_clock(clock: &str, half: Option<&str>) -> Option<Time> {
    let whole = clock.split_once('.').map_or(clock, |(whole, _)| whole);
    let mut parts = whole.split(':').map(digits::<i8>);
    let (hour, minute) = (parts.next()??, parts.next()??);
    let second = parts.next().unwrap_or(Some(0))?;
    let is_half = |word: &str| half.is_some_and(|half| half.eq_ignore_ascii_case(word));
    let hour = match hour {
        _ if half.is_none() => hour,
        1..=12 if is_half("am") => hour % 12,
        1..=12 if is_half("pm") => hour % 12 + 12,
        _ => return None,
    };
    parts.next().is_none().then(|| Time::new(hour, minute, second, 0).ok()).flatten()
}

/// The first date in the name of a file, `2026-11-21` or `20261121`, not part of a longer number.
pub(super) fn in_file_name(name: &str) -> Option<Date> {
    let dashed = (0..name.len()).filter_map(|at| stretch(name, at, 10)).find_map(|text| {
        let is_shaped =
            text.char_indices().all(|(at, c)| if matches!(at, 4 | 7) { c == '-' } else { c.is_ascii_digit() });
        is_shaped.then(|| text.parse().ok()).flatten()
    });
    let plain = || {
        (0..name.len()).filter_map(|at| stretch(name, at, 8)).find_map(|text| {
            let is_shaped = text.bytes().all(|byte| byte.is_ascii_digit());
            is_shaped.then(|| Date::strptime("%Y%m%d", text).ok()).flatten()
        })
    };
    dashed.or_else(plain).filter(|date: &Date| date.year() >= FIRST_YEAR)
}

/// `length` bytes of `name` from `at`, when no digit touches them on either side.
fn stretch(name: &str, at: usize, length: usize) -> Option<&str> {
    let text = name.get(at..at.checked_add(length)?)?;
    let before = name.get(..at)?.chars().next_back();
    let after = name.get(at + length..)?.chars().next();
    let touches = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    (!touches(before) && !touches(after)).then_some(text)
}

#[cfg(test)]
#[path = "dates_tests.rs"]
mod tests;
