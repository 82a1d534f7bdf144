//! When the daemon works: a bell that rings often, and a pure decision about which civil day is due.
//!
//! The cron library only rings. It fixes a zone's offset when a job is made (an hour off after a clock change, its
//! issue 107), keeps its ticks in memory, starts a job while the last still runs, and loses a job that panics. So its
//! one job rings in UTC every few seconds and does nothing else; [`due`] says what the local calendar asks for, and
//! the store says whether that was done. A run is named by its civil day, never by an instant: a repeated or left-out
//! hour changes nothing.

use std::sync::{Arc, Mutex, PoisonError};

use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use jiff::{Timestamp, Zoned, civil::Date, tz::TimeZone};
use tokio::{
    sync::Notify,
    time::{Duration, Instant},
};
use tokio_cron_scheduler::{Job, JobScheduler};

/// The bell's own schedule, in UTC: every five seconds.
const RINGS: &str = "*/5 * * * * *";

/// A bell that is silent for longer has stopped: the machine's clock was set back, or the library failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Most days that are looked back upon after downtime.
const MOST_SKIPPED: usize = 400;

/// Why no bell or timetable could be made.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// `schedule.evaluate` cannot be read.
    #[error("schedule.evaluate is no cron expression: {0}")]
    Expression(String),
    /// The bell cannot be hung.
    #[error("cannot start the scheduler: {0}")]
    Bell(#[from] tokio_cron_scheduler::JobSchedulerError),
}

/// The occurrences of `schedule.evaluate` in the policy's zone.
#[derive(Debug, Clone)]
pub struct Timetable {
    cron: Cron,
    zone: TimeZone,
}

impl Timetable {
    /// The timetable of a cron expression of five or six fields, in a zone.
    ///
    /// # Errors
    /// When the expression cannot be read; the configuration checks it the same way.
    pub fn new(expression: &str, zone: TimeZone) -> Result<Self, ScheduleError> {
        let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
        let cron = parser.parse(expression).map_err(|error| ScheduleError::Expression(error.to_string()))?;
        Ok(Self { cron, zone })
    }

    /// An instant on the local clock.
    #[must_use]
    pub fn local(&self, now: Timestamp) -> Zoned {
        now.to_zoned(self.zone.clone())
    }

    /// The newest occurrence that is not after `now`.
    fn latest(&self, now: &Zoned) -> Option<Zoned> {
        self.cron.find_previous_occurrence(now, true).ok()
    }

    /// The first occurrence after `now` on a civil day after `last`.
    #[must_use]
    pub fn next(&self, now: &Zoned, last: Option<Date>) -> Option<Zoned> {
        let mut next = self.cron.find_next_occurrence(now, false).ok()?;
        while last.is_some_and(|last| next.date() <= last) {
            let after = next.date().tomorrow().ok()?.to_zoned(self.zone.clone()).ok()?;
            next = self.cron.find_next_occurrence(&after, true).ok()?;
        }
        Some(next)
    }

    /// The civil days with an occurrence after `last` and before `day`, oldest first.
    fn between(&self, last: Date, day: Date) -> Vec<Date> {
        let before = |day: Date| {
            let midnight = day.to_zoned(self.zone.clone()).ok()?;
            Some(self.cron.find_previous_occurrence(&midnight, false).ok()?.date())
        };
        let earlier = std::iter::successors(before(day), |day| before(*day));
        let mut days: Vec<_> = earlier.take_while(|day| *day > last).take(MOST_SKIPPED).collect();
        days.reverse();
        days
    }
}

/// What the calendar asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// Nothing until then.
    Nothing {
        /// The next occurrence that will be run.
        next: Option<Zoned>,
    },
    /// Nothing ran ever: this day is noted as done, so that nothing is sent the moment the daemon is installed.
    Baseline {
        /// The civil day of the newest occurrence.
        day: Date,
    },
    /// The run of a civil day.
    Run {
        /// The civil day of the newest occurrence.
        day: Date,
        /// Due days that nobody was there for; one run makes up for all of them.
        skipped: Vec<Date>,
    },
}

/// Decides what is due, given the newest civil day that was claimed.
///
/// - The key of a run is the civil day of the newest occurrence that is not after `now`.
/// - Of several occurrences of a civil day the first counts.
/// - Days missed are made up for by one run, and listed.
/// - A claimed day later than today was claimed under a wrong clock; it must not silence the daemon until then, so
///   the store is asked about the day itself.
#[must_use]
pub fn due(now: &Zoned, timetable: &Timetable, last: Option<Date>) -> Due {
    let latest = timetable.latest(now).map(|occurrence| occurrence.date());
    match (latest, last) {
        (None, None) => Due::Baseline { day: now.date().yesterday().unwrap_or(Date::MIN) },
        (Some(day), None) => Due::Baseline { day },
        (Some(day), Some(last)) if last > now.date() => Due::Run { day, skipped: Vec::new() },
        (Some(day), Some(last)) if last < day => Due::Run { day, skipped: timetable.between(last, day) },
        _ => Due::Nothing { next: timetable.next(now, last) },
    }
}

/// Rings every few seconds. Dropping it or calling [`stop`](Self::stop) ends it.
pub struct Bell {
    library: JobScheduler,
    rope: Rope,
}

/// What the bell pulls and the worker waits at. Rings that nobody waits for become one.
#[derive(Debug, Clone)]
pub struct Rope {
    rung: Arc<Notify>,
    last: Arc<Mutex<Instant>>,
}

impl Default for Rope {
    fn default() -> Self {
        Self { rung: Arc::default(), last: Arc::new(Mutex::new(Instant::now())) }
    }
}

impl Rope {
    /// Rings once.
    pub fn ring(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.rung.notify_one();
    }

    /// Waits for the next ring.
    pub async fn rung(&self) {
        self.rung.notified().await;
    }

    /// Whether it was rung lately.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).elapsed() < PATIENCE
    }
}

impl Bell {
    /// Hangs a bell at a rope and starts it.
    ///
    /// # Errors
    /// When the library cannot start.
    pub async fn hang(rope: Rope) -> Result<Self, ScheduleError> {
        let library = JobScheduler::new().await?;
        let pulled = rope.clone();
        let ring = move |_, _| -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
            pulled.ring();
            Box::pin(std::future::ready(()))
        };
        library.add(Job::new_async(RINGS, ring)?).await?;
        library.start().await?;
        Ok(Self { library, rope })
    }

    /// Stops ringing. One more ring may be under way.
    pub async fn stop(mut self) {
        if let Err(error) = self.library.shutdown().await {
            tracing::debug!(%error, "the scheduler did not stop cleanly");
        }
    }

    /// A new bell at the same rope when this one has fallen silent: the library waits for the instant of its next
    /// tick, which lies far ahead when the machine's clock was set back.
    ///
    /// # Errors
    /// When the library cannot start again.
    pub async fn or_new(self) -> Result<Self, ScheduleError> {
        if self.rope.is_alive() {
            return Ok(self);
        }
        tracing::warn!("the scheduler has fallen silent, was the clock set back? It is started again");
        let rope = self.rope.clone();
        self.stop().await;
        rope.ring();
        Self::hang(rope).await
    }
}

#[cfg(test)]
#[path = "scheduler_tests.rs"]
mod tests;
