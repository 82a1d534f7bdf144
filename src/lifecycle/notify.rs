//! What the service manager is told. Without one nothing happens; a failure is not worth stopping for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sd_notify::NotifyState;
use tokio::time::{Duration, Instant};

use crate::domain::words::counted;

/// How much more time a start gets each time it has got on.
const MORE_TIME: Duration = Duration::from_mins(1);

/// How often it asks for it at most.
const BETWEEN_REQUESTS: Duration = Duration::from_secs(1);

/// How long the line may be, in characters: the manager passes over a message of more than 4 KiB, READY and all.
const LONGEST_LINE: usize = 600;

/// The one line that the service manager shows: the daemon's headline, behind what is wrong with a configuration that was
/// rejected, for as long as it is, and before how many warnings there are of the one in force.
#[derive(Debug, Clone, Default)]
pub struct Board(Arc<Mutex<Lines>>);

#[derive(Debug, Default)]
struct Lines {
    headline: String,
    rejected: Option<String>,
    warnings: usize,
}

impl Board {
    /// Shows a headline.
    pub fn show(&self, headline: &str) {
        let mut lines = self.lines();
        headline.clone_into(&mut lines.headline);
        send(&[NotifyState::Status(&lines.line())]);
    }

    /// A configuration is about to be in force, of which there are so many warnings: whatever is shown from now on, before it
    /// is ready too, says nothing of one that was rejected.
    pub fn accepted(&self, warnings: usize) {
        let mut lines = self.lines();
        (lines.rejected, lines.warnings) = (None, warnings);
    }

    /// A new configuration is not in force, for this reason.
    pub fn rejected(&self, why: String) {
        self.lines().rejected = Some(why);
    }

    /// The daemon is ready, for the first time or after a reload.
    pub fn ready(&self) {
        send(&[NotifyState::Ready, NotifyState::Status(&self.lines().line())]);
    }

    /// Whoever has the lines tells them before another can: else an older one could be told last.
    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    /// A line end would begin another word to the service manager.
    fn line(&self) -> String {
        let mut line = match &self.rejected {
            Some(why) => format!("ATTENTION, the new configuration is rejected: {why}. {}", self.headline),
            None => self.headline.clone(),
        };
        if self.warnings > 0 {
            let warnings = counted(self.warnings as u64, "warning");
            line = format!("{line}; {warnings} about the configuration: lapsewatch check");
        }
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        match line.char_indices().nth(LONGEST_LINE) {
            Some((end, _)) => format!("{}… lapsewatch status tells all", line.split_at(end).0),
            None => line,
        }
    }
}

/// A reload has begun. The time must be in the same datagram, or the manager waits for ever.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => send(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!(%error, "cannot tell the service manager of the reload"),
    }
}

/// The daemon is about to end.
pub fn stopping() {
    send(&[NotifyState::Stopping, NotifyState::Status("stopping: the message under way is finished")]);
}

/// A start that takes long gets more time whenever this is called, because it has got on: a start that hangs does not.
pub fn starting() -> impl Fn() + Send + Sync + 'static {
    let asked: Mutex<Option<Instant>> = Mutex::default();
    move || {
        let mut asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
        if asked.is_some_and(|at| at.elapsed() < BETWEEN_REQUESTS) {
            return;
        }
        *asked = Some(Instant::now());
        let micros = u32::try_from(MORE_TIME.as_micros()).unwrap_or(u32::MAX);
        send(&[NotifyState::ExtendTimeoutUsec(micros), NotifyState::Status("bringing the database up to date")]);
    }
}

/// A sign of life.
pub fn watchdog() {
    send(&[NotifyState::Watchdog]);
}

/// How often a sign of life is wanted: twice as often as the manager loses patience.
#[must_use]
pub fn watchdog_interval() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|patience| patience / 2).filter(|interval| !interval.is_zero())
}

fn send(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "the service manager cannot be told");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_one_line_and_says_what_is_rejected_until_it_is_not() {
        let board = Board::default();
        board.show("Working:\nWATCHDOG=1");
        assert_eq!(board.0.lock().unwrap().line(), "Working: WATCHDOG=1");
        board.rejected("lapsewatch.toml:3:8: no".to_owned());
        board.show("Working");
        let said = "ATTENTION, the new configuration is rejected: lapsewatch.toml:3:8: no. Working";
        assert_eq!(board.0.lock().unwrap().line(), said);
        board.accepted(0);
        assert_eq!(board.0.lock().unwrap().line(), "Working");
        board.accepted(2);
        let said = "Working; 2 warnings about the configuration: lapsewatch check";
        assert_eq!(board.0.lock().unwrap().line(), said);
    }

    #[test]
    fn the_line_is_never_so_long_that_the_manager_passes_it_over() {
        let board = Board::default();
        board.show(&"Prüfung ".repeat(2_000));
        let line = board.0.lock().unwrap().line();
        assert!(line.len() < 2_000 && line.ends_with("… lapsewatch status tells all"), "{line}");
    }
}
