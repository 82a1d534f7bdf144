//! Notices that the machine's clock was set: what the wall says is held against a clock that only goes forward.
//!
//! It decides nothing. Runs go by civil days and leases by what others renew, so a jump loses and doubles nothing; but
//! messages may leave earlier or later than their hour, and somebody should know why.

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// A difference that no beat explains: the clock was set, or the machine slept.
const NOTABLE: SignedDuration = SignedDuration::from_mins(2);

/// Two clocks, side by side.
#[derive(Debug, Default)]
pub(super) struct Jumps {
    last: Option<(Instant, Timestamp)>,
}

impl Jumps {
    /// Compares the clocks with the last time, and says so when the wall clock has jumped.
    pub(super) fn watch(&mut self, now: Timestamp) {
        let instant = Instant::now();
        let last = self.last.replace((instant, now));
        let Some((before, wall_before)) = last else { return };
        let went_by = SignedDuration::try_from(instant.duration_since(before)).unwrap_or_default();
        let jumped = now.duration_since(wall_before) - went_by;
        if jumped.abs() >= NOTABLE {
            let (minutes, way) = (jumped.abs().as_mins(), if jumped.is_positive() { "forward" } else { "back" });
            tracing::warn!(minutes, "the clock jumped {way} by {minutes} minutes: it is {now} now; work goes on");
        }
    }
}
