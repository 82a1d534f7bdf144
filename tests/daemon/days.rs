//! Civil days, through a whole worker with a clock that is set by hand.
use std::sync::Arc;

use jiff::{
    SignedDuration, Timestamp, ToSpan, Zoned,
    civil::{Date, date},
};
use lapsewatch::{
    clock::{Clock, ManualClock},
    config::Config,
    domain::delivery::Step,
    jobs::{
        Site,
        deliverer::Deliverer,
        pulse::Pulse,
        right::Right,
        scheduler::Timetable,
        worker::{Plant, Worker},
    },
    mail::{SendError, memory::MemoryMailer},
    store::{Claim, Place, RunRow, Store},
};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::house::{House, export};

/// A worker that beats when it is told to.
struct Desk {
    clock: Arc<ManualClock>,
    store: Arc<dyn Store>,
    mailer: MemoryMailer,
    config: Config,
    sender: watch::Sender<Arc<Plant>>,
    worker: Worker,
    deliverer: Deliverer,
}

impl Desk {
    async fn new(house: &House, mailer: MemoryMailer, now: &str) -> Self {
        let store = Place::memory().open().await.unwrap();
        Self::on(house.config(), store, mailer, now).await
    }

    async fn on(config: Config, store: Arc<dyn Store>, mailer: MemoryMailer, now: &str) -> Self {
        let clock = Arc::new(ManualClock::new(zoned(now).timestamp()));
        let plant = plant(&config, &store, &clock, &mailer);
        let (sender, receiver) = watch::channel(plant);
        let (pulse, stop) = (Pulse::default(), CancellationToken::new());
        let planned = Arc::<Notify>::default();
        let deliverer = Deliverer::new(receiver.clone(), pulse.clone(), stop.clone(), Arc::clone(&planned));
        let mut worker = Worker::new(receiver, Right::default(), pulse, stop, planned, |_| ());
        worker.resume().await.unwrap();
        Self { clock, store, mailer, config, sender, worker, deliverer }
    }

    /// A new worker on the same store, as after a crash.
    async fn restart(self, now: &str) -> Self {
        Self::on(self.config, self.store, self.mailer, now).await
    }

    fn reload(&self) {
        self.sender.send_replace(plant(&self.config, &self.store, &self.clock, &self.mailer));
    }

    async fn beat_at(&mut self, now: &str) {
        self.clock.set(zoned(now).timestamp());
        self.beat().await;
    }

    /// What the daemon does on each beat: plan, then deliver.
    async fn beat(&mut self) {
        self.worker.beat().await;
        self.deliverer.beat().await;
    }

    /// Beats every `step` until `to`.
    async fn beat_until(&mut self, to: &str, step: SignedDuration) {
        let to = zoned(to).timestamp();
        while self.clock.now() < to {
            self.beat().await;
            self.clock.set(self.clock.now() + step);
        }
    }

    async fn runs(&self) -> Vec<RunRow> {
        let mut runs = self.store.list_runs(100).await.unwrap();
        runs.reverse();
        runs
    }

    /// The day and the local time of each run.
    async fn times(&self) -> Vec<(Date, String)> {
        let local = |at: Timestamp| at.to_zoned(self.config.time_zone.clone()).strftime("%H:%M:%S").to_string();
        self.runs().await.iter().map(|run| (run.on_day, local(run.started_at))).collect()
    }
}

fn plant(config: &Config, store: &Arc<dyn Store>, clock: &Arc<ManualClock>, mailer: &MemoryMailer) -> Arc<Plant> {
    let timetable = Timetable::new(&config.schedule.evaluate, config.time_zone.clone()).unwrap();
    let site = Site {
        config: Arc::new(config.clone()),
        store: Arc::clone(store),
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        mailer: Arc::new(mailer.clone()),
    };
    Arc::new(Plant { site, timetable })
}

fn zoned(text: &str) -> Zoned {
    format!("{text}[Europe/London]").parse().unwrap()
}

fn every_day_at(from: Date, count: usize, time: &str) -> Vec<(Date, String)> {
    from.series(1.day()).take(count).map(|day| (day, time.to_owned())).collect()
}

const HALF_AN_HOUR: SignedDuration = SignedDuration::from_mins(30);

#[tokio::test(flavor = "multi_thread")]
async fn a_fortnight_across_each_clock_change_has_one_run_a_day_at_half_past_seven() {
    for (from, to, first) in [
        ("2026-10-18T09:00", "2026-11-01T09:00", date(2026, 10, 19)),
        ("2027-03-21T09:00", "2027-04-04T09:00", date(2027, 3, 22)),
        ("2027-10-24T09:00", "2027-11-07T09:00", date(2027, 10, 25)),
    ] {
        let mut desk = Desk::new(&House::new(""), MemoryMailer::new(), from).await;
        desk.beat_until(to, HALF_AN_HOUR).await;
        assert_eq!(desk.times().await, every_day_at(first, 14, "07:30:00"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_stands_at_half_past_one_of_a_changed_night_runs_at_half_past_seven() {
    for (before, stops, after, day) in [
        ("2026-10-24T09:00", "2026-10-25T01:30:00+01:00", "2026-10-25T01:30:00+00:00", date(2026, 10, 25)),
        ("2027-03-27T09:00", "2027-03-28T00:59:59", "2027-03-28T02:00:00", date(2027, 3, 28)),
    ] {
        let mut desk = Desk::new(&House::new(""), MemoryMailer::new(), before).await;
        for now in [before, stops, stops, after, after] {
            desk.beat_at(now).await;
        }
        let mut desk = desk.restart(after).await;
        desk.beat_at(after).await;
        assert_eq!(desk.times().await, []);
        desk.beat_until(&format!("{}T23:00", day.tomorrow().unwrap()), HALF_AN_HOUR).await;
        assert_eq!(desk.times().await, every_day_at(day, 2, "07:30:00"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_days_down_over_the_clock_change_give_one_run_and_then_the_usual_ones() {
    let mut desk = Desk::new(&House::new(""), MemoryMailer::new(), "2026-10-21T09:00").await;
    desk.beat_until("2026-10-22T09:00", HALF_AN_HOUR).await;
    let mut desk = desk.restart("2026-10-25T20:00").await;
    desk.beat_until("2026-10-27T09:00", HALF_AN_HOUR).await;
    let expected = [
        (date(2026, 10, 22), "07:30:00".to_owned()),
        (date(2026, 10, 25), "20:00:00".to_owned()),
        (date(2026, 10, 26), "07:30:00".to_owned()),
        (date(2026, 10, 27), "07:30:00".to_owned()),
    ];
    assert_eq!(desk.times().await, expected);
    for day in [23, 24, 25] {
        assert_eq!(desk.store.claim_day(date(2026, 10, day), desk.clock.now()).await.unwrap(), Claim::Taken);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_start_sends_nothing_until_the_next_run() {
    let house = House::new("");
    house.drop_export("export.csv", &export(date(2026, 11, 19), 0..3, date(2026, 10, 28)));
    let mut desk = Desk::new(&house, MemoryMailer::new(), "2026-11-19T13:00").await;
    desk.beat_until("2026-11-20T07:30", HALF_AN_HOUR).await;
    assert_eq!(desk.mailer.tried().len(), 0);
    desk.beat_until("2026-11-20T12:00", HALF_AN_HOUR).await;
    assert_eq!(desk.mailer.sent().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_cut_off_is_made_after_the_restart_and_once() {
    let mut desk = Desk::new(&House::new(""), MemoryMailer::new(), "2026-11-19T13:00").await;
    desk.beat_at("2026-11-19T13:00").await;
    desk.store.claim_day(date(2026, 11, 20), zoned("2026-11-20T07:30").timestamp()).await.unwrap();
    let desk = desk.restart("2026-11-20T07:31").await;
    let mut desk = desk;
    desk.beat_until("2026-11-20T12:00", HALF_AN_HOUR).await;
    assert_eq!(desk.times().await, [(date(2026, 11, 20), "07:31:00".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_down_is_left_alone_for_a_growing_while_and_then_gets_everything_once() {
    let house = House::new("");
    house.drop_export("export.csv", &export(date(2026, 11, 19), 0..5, date(2026, 10, 28)));
    let mailer = MemoryMailer::answering(|_, nth| match nth {
        0..3 => Err(SendError::refused("memory", Step::Auth, 535, "5.7.8 no")),
        _ => Ok(MemoryMailer::accepted(nth)),
    });
    let mut desk = Desk::new(&house, mailer, "2026-11-19T13:00").await;
    desk.beat_at("2026-11-19T13:00").await;
    desk.beat_at("2026-11-20T07:30").await;
    desk.beat_at("2026-11-20T07:30:30").await;
    assert_eq!(desk.mailer.tried().len(), 1);
    desk.beat_until("2026-11-20T07:45", SignedDuration::from_secs(5)).await;
    assert_eq!(desk.mailer.tried().len(), 3, "after one minute and after five more");
    desk.beat_until("2026-11-20T20:00", SignedDuration::from_mins(5)).await;
    let mut to: Vec<_> = desk.mailer.sent().into_iter().map(|mail| mail.to).collect();
    to.sort();
    assert_eq!(to, (0..5).map(|number| format!("person.{number}@nhs.net")).collect::<Vec<_>>());
    assert_eq!(desk.runs().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_sends_nothing_again() {
    let house = House::new("");
    house.drop_export("export.csv", &export(date(2026, 11, 19), 0..3, date(2026, 10, 28)));
    let mut desk = Desk::new(&house, MemoryMailer::new(), "2026-11-19T13:00").await;
    desk.beat_at("2026-11-19T13:00").await;
    desk.beat_at("2026-11-20T07:30").await;
    for minute in 31..36 {
        desk.reload();
        desk.beat_at(&format!("2026-11-20T07:{minute}")).await;
    }
    assert_eq!((desk.mailer.tried().len(), desk.runs().await.len()), (3, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_loaded_between_runs_once_two_looks_agree() {
    let house = House::new("");
    let mut desk = Desk::new(&house, MemoryMailer::new(), "2026-11-20T13:00").await;
    house.drop_export("export.csv", "as_of,id,addr");
    desk.worker.look().await;
    house.drop_export("export.csv", &export(date(2026, 11, 20), 0..2, date(2026, 10, 28)));
    desk.worker.look().await;
    assert_eq!(house.names_in("inbox"), ["export.csv"]);
    desk.worker.look().await;
    assert_eq!((house.names_in("inbox").len(), house.names_in("archive").len()), (0, 1));
}
