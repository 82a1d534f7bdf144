//! The one worker of the daemon that loads and plans: it takes jobs in turn, so that no two ever run at once.
//!
//! It works while it has the [right](super::right) to load and plan. On each beat it asks whether the run of a civil day is
//! due; between beats it looks into the inbox. Messages leave by the [deliverer](super::deliverer), at the same time. A
//! failed job is told once, loudly, and tried again after a growing rest; the store remembers what was done.

use std::sync::Arc;

use jiff::{Timestamp, civil::Date};
use tokio::{
    sync::{Notify, watch::Receiver},
    time::{Duration, Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    JobError, Site,
    attention::Headline,
    deliver::recover,
    inbox::look_around,
    jumps::Jumps,
    observe::{Observed, take},
    pulse::Pulse,
    rest::Rest,
    right::Right,
    run::{Finished, plan_today},
    scheduler::{Due, Rope, Timetable, due},
    watch::Watch,
};
use crate::{domain::words::counted, store::Claim};

/// What a reload replaces as a whole.
#[derive(Clone)]
pub struct Plant {
    /// What the jobs work with.
    pub site: Site,
    /// When runs are due.
    pub timetable: Timetable,
}

/// Takes jobs in turn.
pub struct Worker {
    plant: Receiver<Arc<Plant>>,
    right: Right,
    /// The right was ours on the last beat.
    was_ours: bool,
    pulse: Pulse,
    stop: CancellationToken,
    tell: Box<dyn Fn(&str) + Send + Sync>,
    headline: Headline,
    told: String,
    watch: Watch,
    inbox_failed: bool,
    /// A claimed day whose run did not end; `None` when every claim did.
    unfinished: Option<Date>,
    run_rest: Rest,
    /// Rung when a run has planned messages.
    planned: Arc<Notify>,
    jumps: Jumps,
}

impl Worker {
    /// A worker that has the right to load and plan. It rings `planned` after a run; `tell` is given one line of status
    /// whenever it changes.
    #[must_use]
    pub fn new(
        plant: Receiver<Arc<Plant>>,
        right: Right,
        pulse: Pulse,
        stop: CancellationToken,
        planned: Arc<Notify>,
        tell: impl Fn(&str) + Send + Sync + 'static,
    ) -> Self {
        Self {
            plant,
            right,
            was_ours: true,
            pulse,
            stop,
            tell: Box::new(tell),
            headline: Headline::default(),
            told: String::new(),
            watch: Watch::default(),
            inbox_failed: false,
            unfinished: None,
            run_rest: Rest::default(),
            planned,
            jumps: Jumps::default(),
        }
    }

    /// Picks up what the last program left: a day that was claimed and not finished and, where nobody else works on the
    /// store, attempts that were cut off. Tells how things stand then.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn resume(&mut self) -> Result<(), JobError> {
        let site = self.site();
        if !site.store.is_shared() {
            recover(&site, Timestamp::MAX).await?;
        }
        self.unfinished = site.store.last_due_day().await?;
        let plant = Arc::clone(&self.plant.borrow());
        self.show_status(&plant).await;
        Ok(())
    }

    /// Works until it is told to stop: on each ring of the bell, and on each look into the inbox.
    pub async fn work(mut self, rope: Rope) {
        self.beat().await;
        let mut next_look = Instant::now();
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                Ok(()) = self.plant.changed() => {
                    self.start_afresh();
                    self.beat().await;
                    next_look = Instant::now();
                }
                () = rope.rung() => self.beat().await,
                () = sleep_until(next_look) => {
                    self.look().await;
                    next_look = Instant::now() + self.between_looks();
                }
            }
        }
    }

    /// After a reload nothing rests: somebody may have mended what failed.
    fn start_afresh(&mut self) {
        self.run_rest = Rest::default();
        self.headline = Headline::default();
        self.watch.forget();
    }

    /// Does what is due now.
    pub async fn beat(&mut self) {
        self.pulse.beat();
        let plant = Arc::clone(&self.plant.borrow());
        self.jumps.watch(plant.site.clock.now());
        if self.has_the_right(&plant.site).await
            && let Err(failure) = self.run_if_due(&plant).await
        {
            let now = plant.site.clock.now();
            self.run_rest.note(false, now);
            tracing::error!(%failure, "today's run failed and is tried again later: {failure}");
        }
        self.show_status(&plant).await;
    }

    /// Whether it is on us to load and plan. Who takes that over goes on with the day that another left half done.
    async fn has_the_right(&mut self, site: &Site) -> bool {
        if !self.right.is_ours().await {
            self.was_ours = false;
            return false;
        }
        if !self.was_ours {
            match site.store.last_due_day().await {
                Ok(day) => self.unfinished = day,
                // Without that answer a day could be passed over: ask again on the next beat.
                Err(failure) => {
                    tracing::warn!("which day was left half done cannot be read yet: {failure}");
                    return false;
                }
            }
        }
        self.was_ours = true;
        true
    }

    async fn run_if_due(&mut self, plant: &Plant) -> Result<(), JobError> {
        let store = &plant.site.store;
        let now = plant.site.clock.now();
        if self.stop.is_cancelled() || self.run_rest.is_on(now) {
            return Ok(());
        }
        match due(&plant.timetable.local(now), &plant.timetable, store.last_due_day().await?) {
            Due::Baseline { day } => {
                store.pass_days(&[day], "baseline", now).await?;
                tracing::info!(run.on = %day, "first start: the first run is the next one due after {day}");
            }
            Due::Run { day, skipped } => {
                if !skipped.is_empty() {
                    store.pass_days(&skipped, "skipped", now).await?;
                    let days = skipped.len();
                    tracing::warn!(days, "nobody was here on {days} due days: one run makes up for them");
                }
                self.run_day(&plant.site, day).await?;
            }
            Due::Nothing { .. } => {
                if let Some(day) = self.unfinished {
                    self.run_day(&plant.site, day).await?;
                }
            }
        }
        Ok(())
    }

    /// Runs for a civil day when the store says that nobody did.
    async fn run_day(&mut self, site: &Site, day: Date) -> Result<(), JobError> {
        if site.store.claim_day(day, site.clock.now()).await? == Claim::Taken {
            self.unfinished = None;
            return Ok(());
        }
        self.unfinished = Some(day);
        tracing::info!(run.on = %day, "the run of {day} begins");
        let pulse = self.pulse.clone();
        let progress = move |_: &str, _| pulse.beat();
        let finished = tokio::select! {
            biased;
            () = self.stop.cancelled() => {
                tracing::warn!(run.on = %day, "the run of {day} is dropped, to stop: the next start makes it");
                return Ok(());
            }
            finished = plan_today(site, "daemon", &progress) => finished?,
            () = self.right.lost() => return Err(JobError::RightLost),
        };
        site.store.finish_day(day, site.clock.now()).await?;
        self.unfinished = None;
        self.run_rest.note(true, site.clock.now());
        self.planned.notify_one();
        tell_run(day, &finished);
        Ok(())
    }

    /// Looks into the inbox and loads what has become complete.
    pub async fn look(&mut self) {
        self.pulse.beat();
        let site = self.site();
        if !self.has_the_right(&site).await {
            return;
        }
        match self.load_complete(&site).await {
            Ok(observed) => {
                tell_left(&observed);
                self.inbox_failed = false;
            }
            Err(failure) if self.inbox_failed => tracing::debug!(%failure, "the inbox still cannot be read"),
            Err(failure) => {
                tracing::error!(%failure, "the inbox cannot be read, exports wait in it: {failure}");
                self.inbox_failed = true;
                self.watch.forget();
            }
        }
    }

    async fn load_complete(&mut self, site: &Site) -> Result<Observed, JobError> {
        let found = tokio::task::block_in_place(|| look_around(&site.config.snapshots.inbox))?;
        for passed in self.watch.news(found.passed_over) {
            let (file, why) = (&passed.file, &passed.why);
            tracing::warn!(file, "{file} in the inbox is not taken: {why}");
        }
        let ready = self.watch.ready(found.files, site.today());
        let pulse = self.pulse.clone();
        let progress = move |_: &str, _| pulse.beat();
        tokio::select! {
            biased;
            // A file that is half loaded is rolled back; it is still in the inbox.
            () = self.stop.cancelled() => Ok(Observed::default()),
            taken = take(site, &ready, &progress) => taken,
            () = self.right.lost() => Err(JobError::RightLost),
        }
    }

    fn between_looks(&self) -> Duration {
        let snapshots = &self.plant.borrow().site.config.snapshots;
        Duration::from_secs(snapshots.poll_secs.max(snapshots.settle_secs))
    }

    fn site(&self) -> Site {
        self.plant.borrow().site.clone()
    }

    /// Tells the status when it has changed. A status that cannot be read is no reason to stop.
    async fn show_status(&mut self, plant: &Plant) {
        match self.headline.line(&plant.site, &plant.timetable).await {
            Ok(line) if line != self.told => {
                (self.tell)(&line);
                self.told = line;
            }
            Ok(_) => (),
            Err(failure) => tracing::debug!(%failure, "the status cannot be read"),
        }
    }
}

fn tell_run(day: Date, finished: &Finished) {
    tell_left(&finished.observed);
    let report = &finished.report;
    let messages: u64 = report.messages.values().sum();
    let held = report.held;
    tracing::info!(
        run.on = %day,
        run.subjects = report.subjects,
        run.messages = messages,
        run.held = held,
        "the run of {day} ended: {} planned",
        counted(messages, "message")
    );
    if let Some(hold) = &report.hold {
        let why = hold.sentences().join(" ");
        tracing::error!(
            run.held = held,
            "{} held until somebody approves or discards: {why}",
            counted(held, "message")
        );
    }
}

fn tell_left(observed: &Observed) {
    for (file, why) in &observed.left {
        tracing::info!(file, "{file} is left in the inbox: {why}");
    }
    for (file, why) in &observed.stuck {
        tracing::error!(file, "{file} stays in the inbox: {why}");
    }
}
