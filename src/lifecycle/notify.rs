//! What the service manager is told. Without one nothing happens; a failure is not worth stopping for.

use sd_notify::NotifyState;
use tokio::time::Duration;

/// Ready, for the first time or after a reload.
pub fn ready(status: &str) {
    send(&[NotifyState::Ready, NotifyState::Status(status)]);
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

/// One line on what the daemon does.
pub fn status(line: &str) {
    send(&[NotifyState::Status(line)]);
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
