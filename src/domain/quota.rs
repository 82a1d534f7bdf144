//! How much may leave: the limits that a mail service sets, what is free now, and when a backlog will be done (rule 26).
//!
//! Pure arithmetic on numbers that the store counts, so that every replica and every restart comes to the same answer.
//! Over quota is never a refusal: it says when to ask again.

use jiff::{SignedDuration, ToSpan, Zoned};

use super::hours::Hours;

/// How long a day's quota counts an attempt, in hours.
const DAY_HOURS: i64 = 24;
/// A finish further away than this is no estimate.
const HORIZON_DAYS: i64 = 366;

/// The most that may leave, all replicas together; `None` for no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quota {
    /// Messages begun or under way within any 60 seconds.
    pub per_minute: Option<u32>,
    /// Messages begun or under way within any 24 hours. Each of ours has one recipient, so a limit on recipients is the
    /// same.
    pub per_day: Option<u32>,
    /// Connections open at once.
    pub connections: Option<u16>,
}

impl Quota {
    /// One mailbox of Exchange Online: 30 messages a minute, 10,000 recipients a day, 3 connections (Microsoft Learn,
    /// "Message storage and concurrent connection throttling for SMTP Authenticated Submission").
    pub const EXCHANGE: Self = Self { per_minute: Some(30), per_day: Some(10_000), connections: Some(3) };

    /// High Volume Email of Microsoft 365: 100,000 recipients a day for the whole tenant and no limit a minute
    /// (Exchange Team Blog, "Public Preview: High Volume Email for Microsoft 365"). Nothing is said of connections:
    /// 10 is our own caution.
    pub const HVE: Self = Self { per_minute: None, per_day: Some(100_000), connections: Some(10) };

    /// A relay of one's own: no limit on messages, and connections that leave half of a small server's to others
    /// (Exim's `smtp_accept_max` is 20; Postfix's `smtpd_client_connection_count_limit` is 50).
    pub const RELAY: Self = Self { per_minute: None, per_day: None, connections: Some(10) };

    /// The presets by their words in the configuration.
    pub const PRESETS: [(&'static str, Self); 3] =
        [("exchange", Self::EXCHANGE), ("hve", Self::HVE), ("relay", Self::RELAY)];

    /// Whether it limits no messages.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.per_minute.is_none() && self.per_day.is_none()
    }

    /// How many of `wanted` messages may leave now, and which limit is in the way of the others.
    ///
    /// `in_last_minute` and `in_last_day`: attempts that are open, or ended within the last 60 seconds or 24 hours. Of
    /// two limits that leave as little, the day's is named: it lasts longer.
    #[must_use]
    pub fn room(&self, wanted: u32, in_last_minute: u64, in_last_day: u64) -> (u32, Option<Limit>) {
        let left = |most: Option<u32>, used| most.map_or(u32::MAX, |most| most.saturating_sub(narrow(used)));
        let (of_minute, of_day) = (left(self.per_minute, in_last_minute), left(self.per_day, in_last_day));
        let (least, limit) = if of_day <= of_minute { (of_day, Limit::PerDay) } else { (of_minute, Limit::PerMinute) };
        if least < wanted { (least, Some(limit)) } else { (wanted, None) }
    }
}

/// Which limit of a quota is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Messages of a minute.
    PerMinute,
    /// Messages of a day.
    PerDay,
}

fn narrow(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// When the last of `waiting` messages will have left, as far as quota and hours decide; the mail server may be slower.
///
/// - `sent_in_last_day` is taken off the first 24 hours' quota whole: when each comes free is not asked, so the answer
///   is rather late than early.
/// - `None` when nothing waits, or when it would take more than a year.
#[must_use]
pub fn finish_estimate(
    waiting: u64,
    sent_in_last_day: u64,
    quota: &Quota,
    hours: Hours<'_>,
    now: &Zoned,
) -> Option<Zoned> {
    if waiting == 0 {
        return None;
    }
    let horizon = now.saturating_add(HORIZON_DAYS.days());
    let mut backlog = Backlog::new(waiting, sent_in_last_day, quota, now);
    let mut at = hours.next_opening(now, false);
    while at < horizon {
        backlog.renew(&at);
        let end = hours.closing(&at).min(backlog.renews_at.clone());
        match backlog.send(&at, &end) {
            Progress::Done(done_at) => return Some(done_at),
            Progress::Spent => at = hours.next_opening(&backlog.renews_at, false),
            Progress::Ended => at = hours.next_opening(&end, false),
        }
    }
    None
}

/// What is left of a backlog, and of the quota of the 24 hours it is in.
struct Backlog<'a> {
    quota: &'a Quota,
    waiting: u64,
    /// Messages that these 24 hours still take; `u64::MAX` without a limit.
    budget: u64,
    /// When the next 24 hours begin.
    renews_at: Zoned,
}

/// How a stretch of open hours ended.
enum Progress {
    /// Nothing waits any more, since then.
    Done(Zoned),
    /// The quota of these 24 hours is spent.
    Spent,
    /// The stretch was too short.
    Ended,
}

impl<'a> Backlog<'a> {
    fn new(waiting: u64, sent_in_last_day: u64, quota: &'a Quota, now: &Zoned) -> Self {
        let budget = quota.per_day.map_or(u64::MAX, |most| u64::from(most).saturating_sub(sent_in_last_day));
        Self { quota, waiting, budget, renews_at: now.saturating_add(DAY_HOURS.hours()) }
    }

    /// Begins the next 24 hours with the first message that leaves in them.
    fn renew(&mut self, at: &Zoned) {
        if *at >= self.renews_at {
            self.budget = self.quota.per_day.map_or(u64::MAX, u64::from);
            self.renews_at = at.saturating_add(DAY_HOURS.hours());
        }
    }

    /// Sends from `at` to `end` at the quota's pace.
    fn send(&mut self, at: &Zoned, end: &Zoned) -> Progress {
        let wanted = self.waiting.min(self.budget);
        let sent = wanted.min(self.capacity(at, end));
        self.waiting -= sent;
        self.budget -= sent;
        if self.waiting == 0 {
            Progress::Done(at.saturating_add(self.time_for(sent)))
        } else if self.budget == 0 {
            Progress::Spent
        } else {
            Progress::Ended
        }
    }

    /// How many messages the quota of a minute lets out between two instants.
    fn capacity(&self, at: &Zoned, end: &Zoned) -> u64 {
        let Some(per_minute) = self.quota.per_minute else { return u64::MAX };
        let secs = u64::try_from(end.duration_since(at).as_secs()).unwrap_or(0);
        secs.saturating_mul(u64::from(per_minute)) / 60
    }

    /// How long so many messages take at the pace of a minute.
    fn time_for(&self, messages: u64) -> SignedDuration {
        let secs = |per_minute: u32| messages.saturating_mul(60).div_ceil(u64::from(per_minute).max(1));
        let secs = self.quota.per_minute.map_or(0, secs);
        SignedDuration::from_secs(i64::try_from(secs).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
#[path = "quota_tests.rs"]
mod tests;
