//! The pause after failures: it grows, and a clock that was wrong does not make it endless.

use jiff::{SignedDuration, Timestamp};

use crate::domain::delivery::retry_delay;

/// Longest rest after failures; a rest that lies further ahead was begun under a wrong clock.
const LONGEST_REST: SignedDuration = SignedDuration::from_hours(6);

/// The pause after failures; it grows.
#[derive(Debug, Default)]
pub(super) struct Rest {
    failures: u32,
    until: Option<Timestamp>,
}

impl Rest {
    /// Whether the pause still lasts.
    pub(super) fn is_on(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| now < until && now.duration_until(until) <= LONGEST_REST)
    }

    /// Notes how it went: a failure makes the next pause longer, a success ends them.
    pub(super) fn note(&mut self, went_well: bool, now: Timestamp) {
        if went_well {
            *self = Self::default();
        } else {
            self.failures = self.failures.saturating_add(1);
            self.until = now.checked_add(retry_delay(self.failures, 0.0)).ok();
        }
    }
}
