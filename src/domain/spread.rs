//! How an approved plan leaves over several days, so that a first mailing does not fall on everybody at once (rule 20).
//!
//! Pure: it says when each message may leave. Quotas and hours come on top of it, and nothing here may bring a message
//! past the last day on which it helps.

use jiff::{ToSpan, Zoned, civil::Date};

use super::calendar::Calendar;

/// A message that waits to be spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// The earliest deadline that it tells of.
    pub deadline_on: Date,
    /// It may leave on open days only.
    pub needs_open_day: bool,
}

/// When each message may leave, in their order: an instant on one of `days` civil days from now on, in the zone and at
/// the time of day of `now`; on the first day now.
///
/// - The earlier its deadline, the earlier a message leaves; every day takes an equal share. Those that need an open
///   day are shared among the open days; when there is none, they leave on the next.
/// - Nothing leaves later than the day before its deadline; what is as late already leaves on the first day.
#[must_use]
pub fn spread(messages: &[Waiting], days: u16, now: &Zoned, calendar: &Calendar) -> Vec<Zoned> {
    let today = now.date();
    let all: Vec<_> = today.series(1.day()).take(usize::from(days.max(1))).collect();
    let mut open: Vec<_> = all.iter().copied().filter(|day| !calendar.is_closed(*day)).collect();
    if open.is_empty() {
        open.push(calendar.open_on_or_after(today));
    }
    let mut at = vec![now.clone(); messages.len()];
    for (needs_open_day, days) in [(false, &all), (true, &open)] {
        let mut urgent: Vec<_> =
            messages.iter().zip(&mut at).filter(|(m, _)| m.needs_open_day == needs_open_day).collect();
        urgent.sort_by_key(|(message, _)| message.deadline_on);
        let count = urgent.len();
        for (rank, (message, at)) in urgent.into_iter().enumerate() {
            let day = share(days, rank, count, message.deadline_on).unwrap_or(today);
            *at = on(now, day);
        }
    }
    at
}

/// The day of the `rank`th of `count` messages, or the last that is early enough for its deadline.
fn share(days: &[Date], rank: usize, count: usize, deadline_on: Date) -> Option<Date> {
    let day = days.get(rank * days.len() / count.max(1))?;
    let in_time = days.iter().rev().find(|day| **day < deadline_on).or(days.first())?;
    Some(*day.min(in_time))
}

/// A day at the time of day of `now`.
fn on(now: &Zoned, day: Date) -> Zoned {
    let days = day.since((jiff::Unit::Day, now.date())).unwrap_or_default();
    now.saturating_add(days)
}

#[cfg(test)]
#[path = "spread_tests.rs"]
mod tests;
