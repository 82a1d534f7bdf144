//! The daemon's deliverer: it delivers what is due while others load and plan.
//!
//! It asks the store often whether anything is due, settles what a program that is gone left half done, and rests after
//! a failure, longer each time. On a shared store every replica has one.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::{
    sync::{Notify, watch::Receiver},
    time::{Duration, Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    JobError, Site,
    deliver::{Delivered, Lapses, recover},
    pulse::Pulse,
    rest::Rest,
    run::deliver_due,
    worker::Plant,
};
use crate::domain::{quota::Quota, words::counted};

/// How often it asks whether a message is due.
const BETWEEN_BEATS: Duration = Duration::from_secs(2);

/// Delivers what is due.
pub struct Deliverer {
    plant: Receiver<Arc<Plant>>,
    pulse: Pulse,
    stop: CancellationToken,
    /// Rung when a run has planned messages.
    planned: Arc<Notify>,
    lapses: Lapses,
    rest: Rest,
}

impl Deliverer {
    /// A deliverer that begins at once when `planned` is rung.
    #[must_use]
    pub fn new(plant: Receiver<Arc<Plant>>, pulse: Pulse, stop: CancellationToken, planned: Arc<Notify>) -> Self {
        Self { plant, pulse, stop, planned, lapses: Lapses::default(), rest: Rest::default() }
    }

    /// Delivers until it is told to stop; the messages under way are finished.
    pub async fn work(mut self) {
        loop {
            self.beat().await;
            let next = Instant::now() + BETWEEN_BEATS;
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                // Somebody may have mended what failed.
                Ok(()) = self.plant.changed() => self.rest = Rest::default(),
                () = self.planned.notified() => (),
                () = sleep_until(next) => (),
            }
        }
    }

    /// Delivers what is due now.
    pub async fn beat(&mut self) {
        self.pulse.beat();
        let site = self.plant.borrow().site.clone();
        if self.stop.is_cancelled() || self.rest.is_on(site.clock.now()) {
            return;
        }
        match self.deliver_if_due(&site).await {
            Ok(None) => (),
            Ok(Some(delivered)) => {
                if delivered.accepted > 0 {
                    self.rest = Rest::default();
                }
                self.rest.note(delivered.stopped.is_none(), site.clock.now());
                tell(&delivered);
            }
            Err(failure) => {
                self.rest.note(false, site.clock.now());
                tracing::error!(%failure, "messages could not be delivered and are tried again later: {failure}");
            }
        }
    }

    async fn deliver_if_due(&mut self, site: &Site) -> Result<Option<Delivered>, JobError> {
        let now = site.clock.now();
        if site.store.is_shared() {
            self.lapses.recover(site).await?;
        } else {
            recover(site, now).await?;
        }
        if !may_begin(site, now).await? {
            return Ok(None);
        }
        deliver_due(site, &self.stop).await.map(Some)
    }
}

/// Whether a message is due, and neither the hours nor the day's quota keep it: a delivery reads the whole register, so
/// it is not begun in vain. The quota of a minute is waited for in the delivery.
async fn may_begin(site: &Site, now: Timestamp) -> Result<bool, JobError> {
    if !site.may_leave(now, true) {
        return Ok(false);
    }
    let only_any_day = !site.may_leave(now, false);
    if site.store.next_attempt_at(only_any_day).await?.is_none_or(|at| at > now) {
        return Ok(false);
    }
    let quota = Quota { per_minute: None, ..site.config.mail.quota };
    if quota.is_open() {
        return Ok(true);
    }
    let usage = site.store.count_usage(now).await?;
    Ok(quota.room(1, usage.in_last_minute, usage.in_last_day).0 > 0)
}

fn tell(delivered: &Delivered) {
    let Delivered { accepted, deferred, rejected, cancelled, unknown, .. } = delivered;
    tracing::info!(accepted, deferred, rejected, cancelled, unknown, "{} accepted", counted(*accepted, "message"));
}
