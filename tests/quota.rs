//! What a mail service lets out: a quota that three programs on one store share, the hours of sending, and a send
//! that lasts longer than its lease.
//!
//! Time is tokio's own, stopped, and moved by the test alone: hours pass as fast as the store can write. What counts
//! is what the server saw, and when.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use lapsewatch::{
    clock::{Clock, ManualClock},
    config::{self, Config},
    domain::{
        hours::Hours,
        quota::{Quota, finish_estimate},
    },
    jobs::{
        Site,
        deliver::{Delivered, deliver, recover},
        facts::Facts,
        run::plan_today,
    },
    mail::{Mailer, Outgoing, Receipt, SendError, Session, memory::MemoryMailer},
    store::{MessageState, sqlite::SqliteStore},
};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const MORNING: &str = "2026-11-20T08:00:00Z";

/// How far the test moves time when nothing else can happen.
const STEP: Duration = Duration::from_secs(5);

/// How long the machine may need before nothing else can happen: time that moves while a program still works makes it
/// slower than its quota.
const STUCK: Duration = Duration::from_millis(250);

/// Tokio's time, stopped. Tokio would move it by itself whenever it waits for the database and nothing else; a thread
/// that never ends keeps it from that.
struct Time {
    start: Timestamp,
    since: tokio::time::Instant,
    _stopped: std::sync::mpsc::Sender<()>,
}

impl Time {
    fn stopped_at(instant: &str) -> Arc<Self> {
        let (stopped, ended) = std::sync::mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || ended.recv());
        tokio::time::pause();
        Arc::new(Self { start: instant.parse().unwrap(), since: tokio::time::Instant::now(), _stopped: stopped })
    }
}

impl Clock for Time {
    fn now(&self) -> Timestamp {
        self.start.checked_add(SignedDuration::try_from(self.since.elapsed()).unwrap()).unwrap()
    }
}

/// The clock of one program: it counts how often it is looked at.
struct Watched {
    time: Arc<Time>,
    looks: AtomicUsize,
}

impl Clock for Watched {
    fn now(&self) -> Timestamp {
        self.looks.fetch_add(1, Ordering::SeqCst);
        self.time.now()
    }
}

/// Lets the programs work for a moment of the machine's time.
async fn a_moment() {
    tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_millis(1))).await.unwrap();
}

/// A mail server that takes everything and notes when; some messages take it a while.
#[derive(Clone)]
struct Server {
    clock: Arc<dyn Clock>,
    taken: Arc<Mutex<Vec<(Timestamp, String)>>>,
    begun: Arc<AtomicUsize>,
    under_way: Arc<AtomicUsize>,
    /// How long the message takes that so many came before.
    span: fn(usize) -> Duration,
}

impl Server {
    fn new(clock: Arc<dyn Clock>, span: fn(usize) -> Duration) -> Self {
        Self { clock, taken: Arc::default(), begun: Arc::default(), under_way: Arc::default(), span }
    }

    /// What was taken, in order.
    fn taken(&self) -> Vec<(Timestamp, String)> {
        self.taken.lock().unwrap().clone()
    }

    fn count(&self) -> usize {
        self.taken.lock().unwrap().len()
    }

    /// Messages taken within the last so many minutes.
    fn taken_within(&self, minutes: i64) -> usize {
        let since = self.clock.now() - SignedDuration::from_mins(minutes);
        let taken = self.taken.lock().unwrap();
        taken.iter().rev().take_while(|(at, _)| *at > since).count()
    }
}

#[async_trait]
impl Mailer for Server {
    fn session(&self) -> Box<dyn Session> {
        Box::new(self.clone())
    }

    fn describe(&self) -> String {
        "a server".into()
    }

    async fn probe(&self) -> Result<(), SendError> {
        Ok(())
    }
}

#[async_trait]
impl Session for Server {
    async fn send(&mut self, mail: &Outgoing) -> Result<Receipt, SendError> {
        let before = self.begun.fetch_add(1, Ordering::SeqCst);
        let span = (self.span)(before);
        if !span.is_zero() {
            self.under_way.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(span).await;
            self.under_way.fetch_sub(1, Ordering::SeqCst);
        }
        self.taken.lock().unwrap().push((self.clock.now(), mail.to.clone()));
        Ok(MemoryMailer::accepted(before))
    }

    async fn close(&mut self) {}
}

/// A store whose outbox is planned, and what every program on it is told.
struct World {
    _folder: TempDir,
    config: Arc<Config>,
}

impl World {
    /// Plans a day with these accounts, last used on these days.
    fn planned(at: &str, settings: &[&str], used: impl Iterator<Item = (String, Date)>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let own = [
            format!("database.url=\"sqlite:{}\"", path("lapsewatch.db")),
            format!("snapshots.inbox=\"{}\"", path("inbox")),
            format!("snapshots.archive=\"{}\"", path("archive")),
            format!("snapshots.quarantine=\"{}\"", path("quarantine")),
            "snapshots.settle_secs=0".to_owned(),
            "adoption.hold=false".to_owned(),
            "breaker.enabled=false".to_owned(),
            "mail.from=\"reminders@anyshire.example\"".to_owned(),
            "mail.operator=\"operator@anyshire.example\"".to_owned(),
        ];
        let overrides: Vec<_> = own.into_iter().chain(settings.iter().map(|set| (*set).to_owned())).collect();
        let clock = ManualClock::new(at.parse().unwrap());
        let today = clock.today(&TimeZone::UTC);
        let sources = config::Sources { file: None, environment: Vec::new(), overrides: &overrides, today };
        let config = Arc::new(config::load(&sources).unwrap().config);
        fs::create_dir(folder.path().join("inbox")).unwrap();
        fs::write(folder.path().join("inbox").join(format!("{today} accounts.csv")), export(today, used)).unwrap();
        let world = Self { _folder: folder, config };
        // Reading files blocks, which tokio allows on several threads only; time can be stopped on one only.
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let site = world.site(Arc::new(clock), Arc::new(MemoryMailer::new())).await;
            plan_today(&site, "once", &|_, _| ()).await.unwrap();
            site.store.close().await;
        });
        world
    }

    /// A program of its own on the store.
    async fn site(&self, clock: Arc<dyn Clock>, mailer: Arc<dyn Mailer>) -> Site {
        let store = Arc::new(SqliteStore::open(&self.config.database.url).await.unwrap());
        Site { config: Arc::clone(&self.config), store, clock, mailer }
    }
}

fn export(as_of: Date, used: impl Iterator<Item = (String, Date)>) -> String {
    let header = "as_of,id,address,display_name,kind,status,ods,created_at,last_activity_at\n".to_owned();
    used.fold(header, |all, (address, used_on)| {
        all + &format!("{as_of},{address},{address},\"HILL, Kit\",user,Active,TP1A2,2024-02-03,{used_on}\n")
    })
}

fn on_one_thread<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// Delivers what may leave now.
async fn deliver_from(site: &Site, stop: &CancellationToken) -> Delivered {
    let mut facts = Facts::load(site).await.unwrap();
    deliver(site, &mut facts, stop).await.unwrap()
}

// --- Quotas.

/// Accounts that are all told today that three weeks have passed, the most urgent last: told by its number, and by the
/// days since it was used.
fn accounts(count: usize) -> impl Iterator<Item = (String, Date)> {
    let today: Date = "2026-11-20".parse().unwrap();
    (0..count).map(move |nth| {
        let idle = 21 + i64::try_from(nth * 7 / count).unwrap();
        (format!("kit.{idle}.{nth}@nhs.net"), today.saturating_sub(jiff::Span::new().days(idle)))
    })
}

/// A program that delivers.
struct Program {
    clock: Arc<Watched>,
    server: Server,
    /// Looks at its clock before time was moved last.
    looks: usize,
    delivers: JoinHandle<()>,
}

impl Program {
    async fn start(world: &World, time: &Arc<Time>, server: &Server, stop: &CancellationToken) -> Self {
        let clock = Arc::new(Watched { time: Arc::clone(time), looks: AtomicUsize::new(0) });
        let server = Server { under_way: Arc::default(), ..server.clone() };
        let (site, stop) = (world.site(clock.clone(), Arc::new(server.clone())).await, stop.clone());
        let delivers = tokio::spawn(async move {
            deliver_from(&site, &stop).await;
            site.store.close().await;
        });
        Self { clock, server, looks: 0, delivers }
    }

    fn waits_for_the_server(&self) -> bool {
        self.delivers.is_finished() || self.server.under_way.load(Ordering::SeqCst) > 0
    }

    /// Whether time may move: else what it asks of the store could seem to take for ever.
    fn has_looked(&self) -> bool {
        self.waits_for_the_server() || self.clock.looks.load(Ordering::SeqCst) > self.looks
    }

    fn note_looks(&mut self) {
        self.looks = self.clock.looks.load(Ordering::SeqCst);
    }
}

/// Three programs deliver, all of them end now and then and begin again, until everything has left.
async fn three_programs_deliver(world: &World, time: &Arc<Time>, server: &Server, count: usize, per_day: usize) {
    let mut lives = 0;
    while server.count() < count {
        let (stop, enough) = (CancellationToken::new(), server.count() + count / 5 + 7);
        let mut programs = Vec::new();
        for _ in 0..3 {
            programs.push(Program::start(world, time, server, &stop).await);
        }
        pass_time(server, &mut programs, &stop, enough).await;
        for program in programs {
            program.delivers.await.unwrap();
        }
        lives += 1;
        assert!(lives < 100, "{} of {count} have left", server.count());
        // The quota of the day comes free message by message; they begin again a little early.
        tokio::time::advance(Duration::from_mins(1)).await;
        while server.taken_within(24 * 60 - 5) + per_day / 20 > per_day {
            tokio::time::advance(Duration::from_mins(1)).await;
        }
    }
}

/// Moves time whenever no program can do anything before it moves, until all of them have ended.
async fn pass_time(server: &Server, programs: &mut [Program], stop: &CancellationToken, enough: usize) {
    let (mut seen, mut since) = (server.count(), Instant::now());
    while !programs.iter().all(|program| program.delivers.is_finished()) {
        a_moment().await;
        if server.count() > seen {
            (seen, since) = (server.count(), Instant::now());
        }
        if seen >= enough {
            stop.cancel();
        }
        // What is under way counts for the minute, too.
        let under_way: usize = programs.iter().map(|program| program.server.under_way.load(Ordering::SeqCst)).sum();
        let is_full = server.taken_within(1) + under_way >= 30;
        let are_waiting = programs.iter().all(Program::waits_for_the_server);
        let is_stuck = since.elapsed() > STUCK;
        if (is_full || are_waiting || is_stuck) && programs.iter().all(Program::has_looked) {
            programs.iter_mut().for_each(Program::note_looks);
            tokio::time::advance(STEP).await;
        }
    }
}

/// Any `most` + 1 messages in a row span longer than this.
#[track_caller]
fn assert_never_more(taken: &[(Timestamp, String)], most: usize, within: SignedDuration) {
    for (nth, pair) in taken.iter().zip(taken.iter().skip(most)).enumerate() {
        let ((first, _), (last, _)) = pair;
        assert!(first.duration_until(*last) >= within, "{} from message {nth} on, within {first} to {last}", most + 1);
    }
}

/// No message leaves while one that is more urgent has not been begun: those under way are allowed a minute.
#[track_caller]
fn assert_urgent_first(taken: &[(Timestamp, String)]) {
    let idle = |to: &str| to.split('.').nth(1).unwrap().parse::<u32>().unwrap();
    let (mut recent, mut least) = (VecDeque::new(), u32::MAX);
    for (at, to) in taken {
        recent.push_back((*at, idle(to)));
        while let Some((earlier, days)) = recent.front().copied()
            && earlier.duration_until(*at) > SignedDuration::from_mins(1)
        {
            least = least.min(days);
            recent.pop_front();
        }
        assert!(idle(to) <= least, "{to} at {at} after one that was idle for {least} days");
    }
}

fn a_quota_holds(count: usize, per_day: usize) {
    let day = format!("mail.quota.per_day={per_day}");
    let world = World::planned(MORNING, &["mail.quota.preset=\"exchange\"", &day], accounts(count));
    on_one_thread(everything_leaves_within_the_quota(&world, count, per_day));
}

async fn everything_leaves_within_the_quota(world: &World, count: usize, per_day: usize) {
    let quota = world.config.mail.quota;
    assert_eq!(quota, Quota { per_day: Some(u32::try_from(per_day).unwrap()), ..Quota::EXCHANGE });
    let time = Time::stopped_at(MORNING);
    // The first of all and one in 400 take the server longer than a minute, one in twenty a few seconds.
    let span = |before: usize| match before {
        _ if before < 3 || before % 400 == 11 => Duration::from_secs(75),
        _ if before % 20 == 3 => Duration::from_secs(7),
        _ => Duration::ZERO,
    };
    let server = Server::new(time.clone(), span);
    let hours = Hours { window: None, working_days: false, calendar: &world.config.calendar };
    let waiting = u64::try_from(count).unwrap();
    let estimate = finish_estimate(waiting, 0, &quota, hours, &time.now().to_zoned(TimeZone::UTC)).unwrap();

    three_programs_deliver(world, &time, &server, count, per_day).await;
    let taken = server.taken();
    let everybody: BTreeSet<_> = taken.iter().map(|(_, to)| to).collect();
    assert_eq!((taken.len(), everybody.len()), (count, count), "everybody, and once");
    assert_never_more(&taken, 30, SignedDuration::from_mins(1));
    assert_never_more(&taken, per_day, SignedDuration::from_hours(24));
    assert_urgent_first(&taken);
    let late = estimate.timestamp().duration_until(taken.last().unwrap().0);
    assert!(late.abs() < SignedDuration::from_hours(2), "{late:#} after what was foretold, {estimate}");
}

#[test]
fn three_programs_share_a_minute_and_a_day_across_restarts() {
    a_quota_holds(1_000, 400);
}

#[test]
#[ignore = "takes minutes: 20,000 messages; cargo test --release --test quota -- --ignored"]
fn twenty_thousand_messages_spread_over_days_by_the_limits_of_one_mailbox() {
    a_quota_holds(20_000, 10_000);
}

// --- Hours.

#[test]
fn messages_leave_in_the_hours_of_sending_and_last_warnings_on_closed_days_too() {
    // Kit has not been used for three weeks, Sam is deleted on Monday.
    let used = [("kit.hill@nhs.net", "2026-10-30"), ("sam.sample@nhs.net", "2026-09-24")];
    let used = used.into_iter().map(|(address, used_on)| (address.to_owned(), used_on.parse().unwrap()));
    let settings = ["mail.window=\"09:00-17:00\"", "mail.working_days=true"];
    let friday = "2026-11-20T18:00:00Z";
    let world = World::planned(friday, &settings, used);
    let expected = [
        ("2026-11-21T09:00:00Z", "operator@anyshire.example sam.sample@nhs.net"),
        ("2026-11-23T09:00:00Z", "kit.hill@nhs.net"),
    ];
    let left = on_one_thread(who_leaves_when(&world, friday));
    assert_eq!(left, expected.map(|(at, to)| (at, to.to_owned())).into());
}

async fn who_leaves_when(world: &World, friday: &'static str) -> BTreeMap<&'static str, String> {
    let clock = Arc::new(ManualClock::new(friday.parse().unwrap()));
    let server = Server::new(clock.clone(), |_| Duration::ZERO);
    let site = world.site(clock.clone(), Arc::new(server.clone())).await;
    let mut left = BTreeMap::new();
    for at in [
        friday,
        "2026-11-21T08:59:59Z",
        "2026-11-21T09:00:00Z",
        "2026-11-22T16:59:59Z",
        "2026-11-23T08:59:59Z",
        "2026-11-23T09:00:00Z",
        "2026-11-23T17:00:00Z",
    ] {
        clock.set(at.parse().unwrap());
        let before = server.count();
        deliver_from(&site, &CancellationToken::new()).await;
        let to: BTreeSet<_> = server.taken().into_iter().skip(before).map(|(_, to)| to).collect();
        if !to.is_empty() {
            left.insert(at, to.into_iter().collect::<Vec<_>>().join(" "));
        }
    }
    left
}

// --- Leases.

#[test]
fn a_send_that_lasts_longer_than_its_lease_is_not_taken_for_one_that_was_cut_off() {
    let world = World::planned(MORNING, &[], accounts(1));
    on_one_thread(a_long_send_keeps_its_lease(&world));
}

async fn a_long_send_keeps_its_lease(world: &World) {
    let time = Time::stopped_at(MORNING);
    let server = Server::new(time.clone(), |_| Duration::from_mins(10));
    let site = world.site(time.clone(), Arc::new(server.clone())).await;
    let other = world.site(time.clone(), Arc::new(server.clone())).await;
    let mut sending = tokio::spawn(async move { deliver_from(&site, &CancellationToken::new()).await });
    while server.under_way.load(Ordering::SeqCst) == 0 {
        a_moment().await;
    }
    let mut leased = BTreeSet::new();
    while !sending.is_finished() {
        assert_eq!(recover(&other, time.now()).await.unwrap(), 0, "at {}", time.now());
        assert_eq!(deliver_from(&other, &CancellationToken::new()).await, Delivered::default());
        leased.extend(until(&other).await);
        tokio::time::advance(STEP).await;
        a_moment().await;
    }
    assert_eq!((&mut sending).await.unwrap().accepted, 1);
    let messages = other.store.list_messages(&[]).await.unwrap();
    let ends: Vec<_> = messages.iter().map(|message| (message.state, message.attempts)).collect();
    assert_eq!((ends, server.count()), (vec![(MessageState::Accepted, 1)], 1));
    assert!(leased.len() > 10, "the lease was renewed: {leased:?}");
}

/// When the leases end.
async fn until(site: &Site) -> Vec<Timestamp> {
    let leased = site.store.list_messages(&[MessageState::Leased]).await.unwrap();
    leased.into_iter().filter_map(|message| message.lease).map(|lease| lease.until).collect()
}
