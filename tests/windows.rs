//! A run looks at whoever is awake, and decides what a run that looks at everybody would decide: notice by notice, day
//! after day (src/domain/wake.rs).
//!
//! Invented sites live through months: exports that disagree, come late or leave people out; statuses that come and go;
//! people who change their address or their site, or take over the address of another; contacts that change; snoozes;
//! held runs that are approved or discarded; addresses that refuse. Before each run the whole register is planned for
//! beside it, and the two plans are held against each other.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "helpers of tests fail like tests")]

use std::{fmt::Write as _, fs, sync::Arc, thread};

use jiff::{Timestamp, ToSpan as _, civil::Date};
use lapsewatch::{
    clock::ManualClock,
    config::{self, Config},
    domain::{
        coverage::{Gap, Uncovered, uncovered},
        delivery::Step,
        plan::{Plan, settle},
        policy::{Rule, Rung},
        subject::Address,
    },
    jobs::{
        Site,
        approve::{approve, discard},
        coverage::coverage,
        facts::gates,
        forecast::{Forecast, forecast},
        observe::sweep,
        plan::{plan_dry, plan_run},
        run::deliver_due,
        snooze::{Wish, snooze},
    },
    mail::{SendError, memory::MemoryMailer},
    store::{MessageState, sqlite::SqliteStore},
};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

const DAYS: i32 = 90;
const PEOPLE: usize = 14;

fn first_day() -> Date {
    jiff::civil::date(2026, 8, 24)
}

/// Where people work; nobody begins at the last.
const SITES: [&str; 3] = ["TP1A2", "V01234", "Y00012"];

fn site_of(nth: usize) -> &'static str {
    if nth.is_multiple_of(2) { SITES[0] } else { SITES[1] }
}

fn address_of(nth: usize) -> String {
    if nth < 3 { format!("site{nth}@nhs.net") } else { format!("person{nth}@nhs.net") }
}

fn at(day: Date) -> Timestamp {
    format!("{day}T08:00:00Z").parse().unwrap()
}

/// What the exports say of somebody.
struct Person {
    id: String,
    address: String,
    kind: &'static str,
    status: &'static str,
    ods: &'static str,
    created_on: Date,
    used_on: Option<Date>,
    password_on: Option<Date>,
    never_expires: bool,
    aup: bool,
    is_listed: bool,
}

const STATUSES: [&str; 8] = [
    "Active",
    "Active",
    "Active (Leaver)",
    "Inactive",
    "Disabled",
    "Deleted (Leaver)",
    "Migration Pending",
    "Deleted (Permanently)",
];

impl Person {
    fn any(rng: &mut StdRng, nth: usize) -> Self {
        let ago = |rng: &mut StdRng, most: i32| first_day().saturating_sub(rng.random_range(0..most).days());
        let kind = match nth % 5 {
            _ if nth < 3 => "shared",
            3 => "application",
            4 => "unknown",
            _ => "user",
        };
        Self {
            id: nth.to_string(),
            address: address_of(nth),
            kind,
            status: "Active",
            ods: site_of(nth),
            created_on: ago(rng, 300),
            used_on: rng.random_bool(0.7).then(|| ago(rng, 50)),
            password_on: rng.random_bool(0.6).then(|| ago(rng, 364)),
            never_expires: rng.random_bool(0.1),
            aup: rng.random_bool(0.7),
            is_listed: true,
        }
    }

    fn live(&mut self, rng: &mut StdRng, today: Date) {
        if rng.random_bool(0.03) {
            self.used_on = Some(today);
        }
        if rng.random_bool(0.005) {
            self.password_on = Some(today);
        }
        if rng.random_bool(0.012) {
            self.status = STATUSES.choose(rng).unwrap();
        } else if rng.random_bool(0.02) {
            self.status = "Active";
        }
        if rng.random_bool(0.008) {
            self.is_listed = !self.is_listed;
        }
        if rng.random_bool(0.004) {
            self.aup = !self.aup;
        }
    }

    fn canonical(&self) -> String {
        let day = |date: Option<Date>| date.map(|date| date.to_string()).unwrap_or_default();
        let Self { id, address, kind, status, ods, created_on, never_expires, aup, .. } = self;
        let (used, password) = (day(self.used_on), day(self.password_on));
        format!("c-{id},{address},{kind},{status},{ods},{created_on},{used},{password},{never_expires},{aup}\n")
    }

    /// The Portal sees things a little otherwise: that is what sources do.
    fn portal(&self, rng: &mut StdRng) -> String {
        let day = |date: Date| date.strftime("%d/%m/%Y 09:12").to_string();
        let kind = if self.kind == "shared" { "Shared" } else { "User" };
        let status = if rng.random_bool(0.1) { "Active" } else { self.status };
        let used = self.used_on.map(|on| day(on.saturating_sub(2.days()))).unwrap_or_default();
        let Self { id, address, ods, created_on, aup, .. } = self;
        format!("p-{id},{kind},{status},{address},{},{used},{ods},{aup}\n", day(*created_on))
    }
}

/// What happens to addresses and sites.
fn move_about(people: &mut [Person], rng: &mut StdRng, today: Date) {
    let [nth, other] = [(); 2].map(|()| rng.random_range(0..PEOPLE));
    let others = people[other].address.clone();
    let person = &mut people[nth];
    match rng.random_range(0..8) {
        // Renamed, to a new address or back to the first.
        0 => person.address = format!("person{nth}.of.{today}@nhs.net"),
        1 => person.address = address_of(nth),
        // Deleted and made again.
        2 => (person.id, person.created_on, person.used_on) = (format!("{nth} of {today}"), today, None),
        3 | 4 => person.ods = SITES.choose(rng).unwrap(),
        // The address of another: exchanged, of somebody who has gone, or of two at the same time.
        5 => {
            let own = std::mem::replace(&mut person.address, others);
            people[other].address = own;
        }
        6 if nth != other => {
            person.address = others;
            people[other].is_listed = false;
        }
        _ => person.address = others,
    }
}

const CANONICAL: &str = "id,address,kind,status,ods,created_at,last_activity_at,last_password_change_at,\
                         password_never_expires,aup_accepted\n";
const PORTAL: &str = "Id,MailboxType,Status,EmailAddress,CreatedOn,LastLogIn,ODS Code,AUPStatus\n";
const CONTACTS: &str = "ods_code,sector,site_name,town,shared_mailbox,address,role,alternate_address,administered_by\n";

fn contacts(people: &[Person], rng: &mut StdRng) -> String {
    let mut file = CONTACTS.to_owned();
    for (nth, role) in [(0, "owner"), (1, "member"), (0, "member"), (1, "owner"), (0, "site")] {
        let person = rng.random_range(3..PEOPLE + 2);
        let address = people.get(person).filter(|_| rng.random_bool(0.5));
        let address = address.map_or_else(|| address_of(person), |person| person.address.clone());
        let alternate = if rng.random_bool(0.3) { format!("person{person}@home.example") } else { String::new() };
        let ods = site_of(nth);
        let mailbox = if role == "site" { String::new() } else { format!("site{nth}@nhs.net") };
        let _ = writeln!(file, "{ods},Optometry,PRACTICE {nth},Northtown,{mailbox},{address},{role},{alternate},NAS");
    }
    file
}

/// A store with a world around it.
struct World {
    folder: TempDir,
    clock: Arc<ManualClock>,
    site: Site,
    people: Vec<Person>,
    rng: StdRng,
}

impl World {
    async fn new(seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut rng = StdRng::seed_from_u64(seed);
        let path = |name: &str| folder.path().join(name).display().to_string();
        let mut sets = vec![
            format!("database.url=\"sqlite:{}\"", path("lapsewatch.db")),
            format!("snapshots.inbox=\"{}\"", path("inbox")),
            format!("snapshots.archive=\"{}\"", path("archive")),
            format!("snapshots.quarantine=\"{}\"", path("quarantine")),
            "snapshots.settle_secs=0".to_owned(),
            "mail.from=\"reminders@anyshire.example\"".to_owned(),
            "mail.operator=\"operator@anyshire.example\"".to_owned(),
            "breaker.enabled=false".to_owned(),
        ];
        sets.push(format!("adoption.hold={}", seed.is_multiple_of(2)));
        let sources = config::Sources { file: None, environment: Vec::new(), overrides: &sets, today: first_day() };
        let config: Arc<Config> = Arc::new(config::load(&sources).unwrap().config);
        let store = Arc::new(SqliteStore::open(&config.database.url).await.unwrap());
        fs::create_dir(folder.path().join("inbox")).unwrap();
        let clock = Arc::new(ManualClock::new(at(first_day())));
        let refused = format!("person{}@nhs.net", rng.random_range(3..PEOPLE));
        let mailer =
            MemoryMailer::answering(
                move |mail, nth| {
                    if mail.to == refused { Err(gone()) } else { Ok(MemoryMailer::accepted(nth)) }
                },
            );
        let site = Site { config, store, clock: clock.clone(), mailer: Arc::new(mailer) };
        let people = (0..PEOPLE).map(|nth| Person::any(&mut rng, nth)).collect();
        Self { folder, clock, site, people, rng }
    }

    fn drop_in(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join("inbox").join(name), text).unwrap();
    }

    /// The exports of a day; on many days there is none, or one of two.
    fn export(&mut self, today: Date) {
        let Self { people, rng, .. } = self;
        for person in people.iter_mut() {
            person.live(rng, today);
        }
        if rng.random_bool(0.25) {
            move_about(people, rng, today);
        }
        let listed: Vec<_> = people.iter().filter(|person| person.is_listed).collect();
        let canonical = rng.random_bool(0.45).then(|| {
            let rows: String = listed.iter().map(|person| person.canonical()).collect();
            format!("{CANONICAL}{rows}")
        });
        let portal = rng.random_bool(0.2).then(|| {
            let rows: String = listed.iter().skip(2).map(|person| person.portal(rng)).collect();
            format!("{PORTAL}{rows}")
        });
        let trace = rng.random_bool(0.04).then(|| {
            let row = |nth| {
                format!("\"{nth}\",\"{today}T07:00:00Z\",\"site{nth}@nhs.net\",\"a@home.example\",\"Delivered\"\n")
            };
            let rows: String = (0..rng.random_range(1..3)).map(row).collect();
            format!("\"MessageTraceId\",\"Received\",\"SenderAddress\",\"RecipientAddress\",\"Status\"\n{rows}")
        });
        let contacts = (today == first_day() || rng.random_bool(0.03)).then(|| contacts(people, rng));
        for (kind, text) in [("canonical", canonical), ("portal", portal), ("trace", trace), ("contacts", contacts)] {
            if let Some(text) = text {
                self.drop_in(&format!("{today} {kind}.csv"), &text);
            }
        }
    }

    /// What people at the screen do.
    async fn decide(&mut self, today: Date) {
        let held = self.site.store.list_held_runs().await.unwrap();
        if !held.is_empty() && self.rng.random_bool(0.4) {
            let is_approved = self.rng.random_bool(0.6);
            let decided = if is_approved {
                approve(&self.site, held, 0, "Bea").await
            } else {
                discard(&self.site, held, "Bea").await
            };
            decided.unwrap();
        }
        if self.rng.random_bool(0.06) {
            let person = self.people.choose(&mut self.rng).unwrap();
            let address = Address::new(&person.address);
            let rule = *Rule::ALL.choose(&mut self.rng).unwrap();
            let until_on = today.saturating_add(self.rng.random_range(1..12).days());
            let wish = Wish { address, rule, until_on, reason: "maternity leave", author: "Bea" };
            snooze(&self.site, &wish).await.unwrap();
        }
        if self.rng.random_bool(0.03) {
            let snoozes = self.site.store.load_standings().await.unwrap().snoozes;
            if let Some(snooze) = snoozes.first() {
                self.site.store.end_snooze(snooze.subject, snooze.rule, at(today)).await.unwrap();
            }
        }
    }

    /// The coverage list as somebody finds it who looks at everybody.
    async fn coverage_of_all(&self, today: Date) -> Vec<Uncovered> {
        let store = &self.site.store;
        let standings = store.load_standings().await.unwrap();
        let gates = gates(&self.site, &standings, []);
        let planning = lapsewatch::domain::plan::Planning { gates: &gates, ..self.site.planning(today) };
        let mut register = store.load_register().await.unwrap();
        settle(planning, &mut register);
        let days: Vec<_> = store.list_told_days().await.unwrap().into_iter().map(|(episode, _)| episode).collect();
        let episodes = store.list_episodes(None).await.unwrap().into_iter();
        let accepted = episodes.filter(|episode| days.contains(&episode.id)).map(|told| (told.subject, told.rule));
        let states = [MessageState::Pending, MessageState::Leased, MessageState::Deferred];
        let stored = store.list_messages(&states).await.unwrap();
        let todays =
            stored.iter().filter(|stored| stored.message.on == today).flat_map(|stored| &stored.message.notices);
        let being_told = todays.filter(|notice| notice.rung != Rung::Operator);
        let covered = accepted.chain(being_told.map(|notice| (notice.subject_id, notice.rule))).collect();
        uncovered(planning, &register, register.subjects(), &covered)
    }
}

fn gone() -> SendError {
    SendError::refused("mail.anyshire.example:587", Step::RcptTo, 550, "5.1.1 No such user")
}

/// What two plans must agree on. Lists of the report are of those who were looked at: their totals are compared apart.
fn essence(plan: &Plan) -> String {
    let Plan { on, messages, held, opened, closed, told, passed_over, report } = plan;
    let (operator_only, stale, fed) = (&report.operator_only, &report.stale, &report.fed);
    format!(
        "{on} {messages:#?} {held:#?} {opened:#?} {closed:#?} {told:#?} {passed_over:#?} {operator_only:?} {stale:?} {fed:?} {}",
        report.snoozed
    )
}

/// Says where two plans part, in few lines.
#[track_caller]
fn assert_same(windowed: &Plan, whole: &Plan, at: &str) {
    let [windowed, whole] = [windowed, whole].map(essence);
    if windowed != whole {
        let same = windowed.lines().zip(whole.lines()).take_while(|(one, other)| one == other).count();
        let lines = |plan: &str| plan.lines().skip(same.saturating_sub(2)).take(6).collect::<Vec<_>>().join("\n");
        panic!("{at}: whoever is awake gives\n{}\nand everybody\n{}", lines(&windowed), lines(&whole));
    }
}

async fn live_through(seed: u64) -> usize {
    let mut world = World::new(seed).await;
    let mut messages = 0;
    for day in 0..DAYS {
        let today = first_day().saturating_add(day.days());
        world.clock.set(at(today));
        world.export(today);
        if world.rng.random_bool(0.1) {
            continue;
        }
        world.decide(today).await;
        let site = &world.site;
        let observed = sweep(site, &|_, _| ()).await.unwrap();
        let forecast = forecast(site, today, 1, usize::MAX).await.unwrap();
        let whole = plan_dry(site, site.store.load_register().await.unwrap(), &[]).await.unwrap();
        let run = site.store.begin_run(today, "once", at(today)).await.unwrap();
        let windowed = plan_run(site, run, &observed).await.unwrap();
        assert_same(&windowed.plan, &whole.plan, &format!("seed {seed}, {today}"));
        assert_eq!(windowed.totals, whole.totals, "seed {seed}, {today}");
        assert!(
            forecast != Forecast::Nothing || windowed.plan.messages.is_empty(),
            "seed {seed}, {today}: nobody saw it coming"
        );
        messages += windowed.plan.messages.len() + windowed.plan.held.len();
        deliver_due(site, &CancellationToken::new()).await.unwrap();
        let standings = site.store.load_standings().await.unwrap();
        let covered = coverage(site, &standings, None, usize::MAX).await.unwrap();
        let all = world.coverage_of_all(today).await;
        // Who else reads about a finding is asked when it is looked at, not every day.
        let is_asked_later = |line: &Uncovered| line.gap == Gap::OperatorOnly;
        let missing = all.iter().filter(|line| !covered.lines.contains(line) && !is_asked_later(line));
        let missing: Vec<_> = missing.collect();
        assert!(missing.is_empty(), "seed {seed}, {today}: {missing:#?}");
        assert!(covered.lines.iter().all(|line| all.contains(line)), "seed {seed}, {today}");
        assert_eq!(covered.total, covered.lines.len() as u64, "seed {seed}, {today}");
    }
    messages
}

#[test]
fn whoever_sleeps_would_not_have_been_told() {
    // For other worlds than those of every day.
    let first = std::env::var("LAPSEWATCH_TEST_SEED").map_or(0, |seed| seed.parse().unwrap());
    let live = |seed| thread::spawn(move || Runtime::new().unwrap().block_on(live_through(seed)));
    let worlds: Vec<_> = (first..first + 4).map(live).collect();
    let messages: usize = worlds.into_iter().map(|world| world.join().unwrap()).sum();
    assert!(messages > 500, "{messages} messages: too quiet a world to show anything");
}
