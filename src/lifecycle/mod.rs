//! The life of the daemon: start, readiness, reload, watchdog, soft stop, hard stop.
//!
//! - Ready means: the store is open and ours, the templates compile, the folders can be used.
//! - SIGHUP loads the configuration again. All of it works, or nothing changes; a job under way keeps what it has.
//!   Several within a moment are one: systemd sends its own beside that of `ExecReload=`.
//! - SIGTERM and SIGINT: a start is dropped; the bell stops, a load or a plan is dropped, the message under way is finished, nothing else is
//!   begun. Who takes longer than 8 seconds, or is asked a second time, is dropped: an attempt without an outcome stays
//!   leased in the store, and the next start settles it (rule 23).
//! - The watchdog hears of us while the bell rings *and* worker and deliverer get on with what they said they would: a
//!   bare timer would call a stuck daemon alive, a fixed span a slow mail server dead.
//! - A start that has to bring a large store up to date asks for more time as it gets on.
//!
//! Decides nothing about notices; it starts and ends those who do.
mod notify;
mod plant;

use std::sync::Arc;

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::{Notify, watch},
    task::JoinHandle,
    time::{Duration, Instant, Interval, MissedTickBehavior, interval, sleep, timeout_at},
};
use tokio_util::sync::CancellationToken;

use self::notify::Board;
use crate::{
    app::{self, StartError},
    clock::Clock,
    config::{Loaded, Problem, Problems},
    jobs::{
        JobError,
        deliverer::Deliverer,
        pulse::Pulse,
        right::Right,
        scheduler::{Bell, Rope, ScheduleError},
        worker::{Plant, Worker},
    },
    store::StoreError,
};

/// How long the message under way may take to end after a signal.
const SOFT_STOP: Duration = Duration::from_secs(8);

/// How long further requests to reload are waited for, which are then the same one.
const RELOADS_ARE_ONE: Duration = Duration::from_millis(150);

/// How often the bell is checked on.
const CHECK_THE_BELL: Duration = Duration::from_secs(10);

/// Reads the configuration again, with everything that was read at the start.
pub type Reload = Box<dyn Fn() -> Result<Loaded, Problems> + Send + Sync>;

/// What the daemon starts from.
pub struct Start {
    /// The configuration, checked.
    pub config: Loaded,
    /// How it is read again on SIGHUP.
    pub reload: Reload,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

/// Why the daemon could not start, or had to end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A part could not be opened.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A folder or the templates cannot be used, or the store failed.
    #[error(transparent)]
    Job(#[from] JobError),
    /// The bell or the timetable.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// Signals cannot be heard.
    #[error("cannot listen for signals: {0}")]
    Signals(#[source] std::io::Error),
    /// The worker ended by itself.
    #[error("the worker ended early: {0}")]
    Worker(#[source] tokio::task::JoinError),
}

impl RunError {
    /// Whether the store is to blame.
    #[must_use]
    pub fn is_store(&self) -> bool {
        matches!(self, Self::Start(StartError::Store(_)) | Self::Job(JobError::Store(_)))
    }
}

impl From<StoreError> for RunError {
    fn from(error: StoreError) -> Self {
        Self::Start(StartError::Store(error))
    }
}

/// Runs the daemon until SIGTERM or SIGINT; needs the multi-threaded runtime.
///
/// A job that blocks may outlive the hard stop: end the runtime with a time limit afterwards.
///
/// # Errors
/// What kept it from starting, or the worker's end.
pub async fn run(start: Start) -> Result<(), RunError> {
    let mut signals = Signals::new().map_err(RunError::Signals)?;
    let started = tokio::select! {
        biased;
        () = signals.stop() => None,
        daemon = Daemon::start(start) => Some(daemon?),
    };
    let Some(mut daemon) = started else {
        notify::stopping();
        tracing::info!("stopped before it was ready");
        return Ok(());
    };
    daemon.board.ready();
    let ended = daemon.attend(&mut signals).await;
    notify::stopping();
    let stopped = daemon.stop(&mut signals).await;
    ended.and(stopped)
}

struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> Event {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => Event::Stop("SIGTERM"),
            _ = self.interrupt.recv() => Event::Stop("SIGINT"),
            _ = self.hangup.recv() => Event::Reload,
        }
    }

    /// Forgets requests to reload that come within a moment.
    async fn take_reloads_for_one(&mut self) {
        let moment = sleep(RELOADS_ARE_ONE);
        tokio::pin!(moment);
        loop {
            tokio::select! {
                () = &mut moment => return,
                _ = self.hangup.recv() => (),
            }
        }
    }

    /// Waits for another request to stop.
    async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => (),
            _ = self.interrupt.recv() => (),
        }
    }
}

/// What happens next in the daemon's life.
enum Event {
    Stop(&'static str),
    Reload,
    Watchdog,
    CheckTheBell,
    WorkerEnded(Result<(), tokio::task::JoinError>),
}

struct Daemon {
    reload: Reload,
    board: Board,
    plant: watch::Sender<Arc<Plant>>,
    bell: Option<Bell>,
    rope: Rope,
    /// Of the worker and of the deliverer.
    pulses: [Pulse; 2],
    stop: CancellationToken,
    worker: JoinHandle<()>,
    deliverer: JoinHandle<()>,
    watchdog: Option<Interval>,
    check: Interval,
}

impl Daemon {
    async fn start(start: Start) -> Result<Self, RunError> {
        let Start { config: Loaded { config, warnings }, reload, clock } = start;
        plant::tell(&warnings);
        let right = Right::take(app::place(&config)?).await?;
        let (pulses, stop, rope) = (<[Pulse; 2]>::default(), CancellationToken::new(), Rope::default());
        let [working, delivering] = &pulses;
        let plant = plant::build(app::open_telling(config, clock, Arc::new(notify::starting())).await?, delivering)?;
        tracing::info!(mail = plant.site.mailer.describe(), "messages leave by {}", plant.site.mailer.describe());
        let (sender, receiver) = watch::channel(Arc::new(plant));
        let planned = Arc::<Notify>::default();
        let deliverer = Deliverer::new(receiver.clone(), delivering.clone(), stop.clone(), Arc::clone(&planned));
        let board = Board::default();
        board.accepted(warnings.len());
        let tell = {
            let board = board.clone();
            move |line: &str| board.show(line)
        };
        let mut worker = Worker::new(receiver, right, working.clone(), stop.clone(), planned, tell);
        worker.resume().await?;
        let bell = Some(Bell::hang(rope.clone()).await?);
        let worker = tokio::spawn(worker.work(rope.clone()));
        let deliverer = tokio::spawn(deliverer.work());
        let watchdog = notify::watchdog_interval().map(patient);
        let check = patient(CHECK_THE_BELL);
        Ok(Self { reload, board, plant: sender, bell, rope, pulses, stop, worker, deliverer, watchdog, check })
    }

    /// Answers signals and timers until the daemon is to end.
    async fn attend(&mut self, signals: &mut Signals) -> Result<(), RunError> {
        loop {
            match self.next(signals).await {
                Event::Stop(signal) => {
                    tracing::info!(signal, "{signal}: stopping");
                    return Ok(());
                }
                Event::Reload => self.reload(signals).await,
                Event::Watchdog => self.pat_the_watchdog(),
                Event::CheckTheBell => self.check_the_bell().await?,
                Event::WorkerEnded(ended) => return ended.map_err(RunError::Worker),
            }
        }
    }

    async fn next(&mut self, signals: &mut Signals) -> Event {
        tokio::select! {
            biased;
            event = signals.next() => event,
            ended = &mut self.worker => Event::WorkerEnded(ended),
            ended = &mut self.deliverer => Event::WorkerEnded(ended),
            () = tick(self.watchdog.as_mut()) => Event::Watchdog,
            _ = self.check.tick() => Event::CheckTheBell,
        }
    }

    /// Takes the new configuration as a whole, or keeps the old one and says so.
    async fn reload(&mut self, signals: &mut Signals) {
        notify::reloading();
        signals.take_reloads_for_one().await;
        tracing::info!("SIGHUP: the configuration is read again");
        match tokio::task::block_in_place(|| self.rebuild()) {
            Ok((plant, warnings)) => {
                // In this order: the worker may show its next run as soon as it has the plant.
                self.board.accepted(warnings);
                self.plant.send_replace(Arc::new(plant));
                tracing::info!("the new configuration is in force");
            }
            Err(why) => {
                tracing::error!("the new configuration is rejected, the old one stays in force: {why}");
                self.board.rejected(why);
            }
        }
        self.board.ready();
    }

    /// The plant of the new configuration and how many warnings there are; or tells every problem, and returns the first.
    fn rebuild(&self) -> Result<(Plant, usize), String> {
        let loaded = (self.reload)().map_err(|Problems(problems)| {
            plant::tell(&problems);
            problems.iter().min_by_key(|problem| problem.severity).map(Problem::one_line).unwrap_or_default()
        })?;
        let (old, warnings) = (Arc::clone(&self.plant.borrow()), loaded.warnings.len());
        let plant = plant::rebuild(&old, loaded, &self.pulses[1]).map_err(|error| error.to_string())?;
        Ok((plant, warnings))
    }

    fn pat_the_watchdog(&self) {
        match silent(&self.rope, &self.pulses) {
            None => notify::watchdog(),
            Some(who) => tracing::error!("no sign of life for the watchdog: {who}"),
        }
    }

    async fn check_the_bell(&mut self) -> Result<(), RunError> {
        if let Some(bell) = self.bell.take() {
            self.bell = Some(bell.or_new().await?);
        }
        Ok(())
    }

    /// Soft stop, then hard stop.
    async fn stop(mut self, signals: &mut Signals) -> Result<(), RunError> {
        self.stop.cancel();
        let deadline = Instant::now() + SOFT_STOP;
        if let Some(bell) = self.bell.take() {
            let _ = timeout_at(deadline, bell.stop()).await;
        }
        let both = async { tokio::try_join!(end(&mut self.worker), end(&mut self.deliverer)).map(|_| ()) };
        let ended = tokio::select! {
            ended = timeout_at(deadline, both) => ended.ok(),
            () = signals.stop() => None,
        };
        if let Some(ended) = ended {
            // The database is then whole in its own file; if there is no time for that, its log is read at the next start.
            let store = Arc::clone(&self.plant.borrow().site.store);
            let _ = timeout_at(deadline, store.close()).await;
            tracing::info!("stopped");
            return ended.map_err(RunError::Worker);
        }
        self.worker.abort();
        self.deliverer.abort();
        tracing::warn!("stopped in the middle of a job: the next start finds out what became of it");
        Ok(())
    }
}

/// Who of those that must get on does not: the scheduler, or the worker and the deliverer with their pulses.
fn silent(rope: &Rope, [working, delivering]: &[Pulse; 2]) -> Option<&'static str> {
    match (rope.is_alive(), working.is_alive(), delivering.is_alive()) {
        (true, true, true) => None,
        (false, ..) => Some("the scheduler is silent"),
        (_, false, _) => Some("the worker does not get on"),
        (.., false) => Some("the deliverer does not get on"),
    }
}

/// Waits for a task, unless it has ended: a handle that gave its result may not be asked again.
async fn end(task: &mut JoinHandle<()>) -> Result<(), tokio::task::JoinError> {
    if task.is_finished() { Ok(()) } else { task.await }
}

fn patient(span: Duration) -> Interval {
    let mut interval = interval(span);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

async fn tick(interval: Option<&mut Interval>) {
    match interval {
        Some(interval) => {
            interval.tick().await;
        }
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_watchdog_hears_of_us_only_while_everybody_gets_on() {
        let (rope, pulses) = (Rope::default(), <[Pulse; 2]>::default());
        let [working, delivering] = &pulses;
        assert_eq!(silent(&rope, &pulses), None);
        tokio::time::advance(Duration::from_mins(10)).await;
        assert_eq!(silent(&rope, &pulses), Some("the scheduler is silent"));
        rope.ring();
        assert_eq!(silent(&rope, &pulses), Some("the worker does not get on"));
        working.beat();
        assert_eq!(silent(&rope, &pulses), Some("the deliverer does not get on"));
        delivering.beat();
        assert_eq!(silent(&rope, &pulses), None);
    }
}
