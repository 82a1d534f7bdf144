//! A year of an invented site, run twice: day by day through the real store and deliveries, and as a replay.
//!
//! The year goes from October 2027 to October 2028: the clocks go back and forward, February has 29 days, and there
//! are bank holidays. Exports are drawn with a fixed seed, so that every machine sees the same people.
#![expect(clippy::expect_used, reason = "helpers of tests fail tests")]
mod support;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::{
    ToSpan,
    civil::{Date, Weekday, date},
};
use lapsewatch::{
    clock::{Clock as _, ManualClock},
    config::Config,
    domain::{
        message::{Message, StageName},
        policy::{Rule, Span},
        retention::Retention,
        subject::Address,
    },
    jobs::{
        Site,
        naming::names,
        replay::{Holds, Replay},
        retention::Removed,
        run::run_today,
    },
    mail::memory::MemoryMailer,
    store::Pruned,
};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use support::{base::Base, config, short};
use tokio_util::sync::CancellationToken;

const PEOPLE: usize = 20;

fn first_day() -> Date {
    date(2027, 10, 1)
}

fn last_day() -> Date {
    date(2028, 10, 6)
}

fn days() -> impl Iterator<Item = Date> {
    first_day().series(1.day()).take_while(|day| *day <= last_day())
}

// The exports.

/// How somebody behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Habit {
    /// Uses the account on most days.
    Works,
    /// Uses it every so many days; not within the days of a last call, so that every last call stands until the end.
    Rarely(i32),
    /// Never comes.
    Never,
}

#[derive(Debug, Clone)]
struct Person {
    address: String,
    kind: &'static str,
    status: &'static str,
    habit: Habit,
    created_on: Date,
    used_on: Option<Date>,
    password_on: Option<Date>,
    password_days: i32,
    leaver_on: Option<Date>,
    deleted_on: Option<Date>,
    /// The day on which the exports last list it: a deleted account leaves them after a while, or never.
    listed_until: Date,
    aup_accepted: &'static str,
}

/// Whether deleted accounts leave the exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deleted {
    StayListed,
    Vanish,
}

fn any_person(rng: &mut StdRng, nth: usize) -> Person {
    let habit = match nth % 6 {
        0..=2 => Habit::Works,
        3 => Habit::Rarely(rng.random_range(25..55)),
        4 => Habit::Rarely(rng.random_range(62..90)),
        _ => Habit::Never,
    };
    let is_old = habit != Habit::Never;
    let created_on = first_day().saturating_sub(rng.random_range(if is_old { 100..700 } else { 0..20 }).days());
    Person {
        address: format!("person{nth}@nhs.net"),
        kind: if nth == 7 { "application" } else { "user" },
        status: "Active",
        habit,
        created_on,
        used_on: is_old.then(|| first_day().saturating_sub(rng.random_range(0..20).days())),
        password_on: is_old.then(|| first_day().saturating_sub(rng.random_range(0..360).days())),
        password_days: rng.random_range(345..375),
        leaver_on: None,
        deleted_on: None,
        listed_until: Date::MAX,
        aup_accepted: if is_old { "true" } else { "false" },
    }
}

impl Person {
    /// What a day makes of somebody: use, new passwords, leaving, deletion at the end and coming back.
    fn live(&mut self, rng: &mut StdRng, today: Date, deleted: Deleted) {
        if self.status == "Deleted" {
            self.perhaps_come_back(rng, today);
            return;
        }
        let since = self.used_on.unwrap_or(self.created_on);
        let comes = match self.habit {
            Habit::Works => rng.random_bool(0.7),
            Habit::Rarely(every) => since.saturating_add(every.days()) <= today,
            Habit::Never => rng.random_bool(0.004),
        };
        if comes && self.leaver_on.is_none() {
            self.used_on = Some(today);
            self.aup_accepted = "true";
        }
        if self.password_on.is_some_and(|on| on.saturating_add(self.password_days.days()) <= today) {
            self.password_on = Some(today);
        }
        if rng.random_bool(0.0015) {
            (self.status, self.leaver_on) = ("Active (Leaver)", Some(today));
        }
        let ends = since.saturating_add(60.days()) < today;
        if ends || self.leaver_on.is_some_and(|on| on.saturating_add(30.days()) < today) {
            self.status = "Deleted";
            if deleted == Deleted::Vanish {
                self.listed_until = today.saturating_add(32.days());
            }
            self.deleted_on = rng.random_bool(0.5).then_some(today);
        }
    }

    fn perhaps_come_back(&mut self, rng: &mut StdRng, today: Date) {
        if rng.random_bool(if self.listed_until == Date::MAX { 0.04 } else { 0.01 }) {
            let restored = Self { status: "Active", leaver_on: None, deleted_on: None, ..self.clone() };
            let restored = Self { listed_until: Date::MAX, ..restored };
            *self = Self { used_on: Some(today), habit: Habit::Rarely(rng.random_range(35..55)), ..restored };
        }
    }

    fn row(&self) -> String {
        let day = |date: Option<Date>| date.map(|date| date.to_string()).unwrap_or_default();
        let Self { address, kind, status, created_on, aup_accepted, .. } = self;
        let [used, password, leaver, deleted] =
            [self.used_on, self.password_on, self.leaver_on, self.deleted_on].map(day);
        format!("{address},{kind},{status},TP1AB,{created_on},{used},,{password},{leaver},{deleted},{aup_accepted}\n")
    }
}

const HEADER: &str = "address,kind,status,ods,created_at,last_activity_at,last_sent_at,last_password_change_at,leaver_at,\
                      deleted_at,aup_accepted\n";

/// Writes a year of exports into a folder: one canonical report a day, some days without, and the contacts.
fn write_exports(folder: &Path, deleted: Deleted) {
    let mut rng = StdRng::seed_from_u64(20_271_001);
    let mut people: Vec<_> = (0..PEOPLE).map(|nth| any_person(&mut rng, nth)).collect();
    let mut sent_on = first_day();
    fs::write(folder.join("site-contacts.csv"), contacts()).expect("written");
    for today in days() {
        for person in &mut people {
            person.live(&mut rng, today, deleted);
        }
        let is_sending = today < date(2027, 11, 20) || today > date(2028, 8, 1);
        sent_on = if is_sending { today } else { sent_on };
        let is_reported = today == first_day() || today == last_day() || !rng.random_bool(0.1);
        if is_reported {
            let mut report = HEADER.to_owned();
            report.extend(people.iter().filter(|person| today <= person.listed_until).map(Person::row));
            let _ = writeln!(report, "northtown@nhs.net,shared,Active,TP1AB,2020-02-03,,{sent_on},,,,");
            fs::write(report_of(folder, today), report).expect("written");
        }
    }
}

fn report_of(folder: &Path, today: Date) -> PathBuf {
    folder.join(format!("canonical-{today}.csv"))
}

fn contacts() -> String {
    let rows = ["person0@nhs.net,owner,", "person1@nhs.net,member,", "person3@nhs.net,owner,person3@home.example"];
    let row = |row| format!("TP1AB,optometry,northtown@nhs.net,{row}\n");
    let rows: String = rows.into_iter().map(row).collect();
    format!("ods_code,sector,shared_mailbox,address,role,alternate_address\n{rows}")
}

// The two ways through the year.

/// What the replay says, day by day.
fn replayed(exports: &Path) -> BTreeMap<Date, Vec<Message>> {
    let mut replay = Replay::open(exports, config()).expect("readable");
    assert_eq!(replay.days(), Some((first_day(), last_day())));
    let mut told = BTreeMap::new();
    replay.run(config(), Holds::Off, first_day(), last_day(), |today, plan| {
        let messages = plan.messages;
        told.insert(today, messages);
    });
    assert!(replay.refused.is_empty(), "{:?}", replay.refused);
    told
}

/// The real thing in a folder: store, inbox, mailer and a clock that is set.
struct Daemon {
    site: Site,
    clock: Arc<ManualClock>,
    mailer: MemoryMailer,
    exports: PathBuf,
    _base: Base,
    _folder: tempfile::TempDir,
}

impl Daemon {
    async fn open(exports: &Path, retention: Retention) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let base = Base::new();
        let store = base.open().await;
        let clock = Arc::new(ManualClock::new(jiff::Timestamp::UNIX_EPOCH));
        let mailer = MemoryMailer::new();
        let mut config = config_in(folder.path());
        config.privacy.retention = retention;
        let config = Arc::new(config);
        let site = Site { config, store, clock: clock.clone(), mailer: Arc::new(mailer.clone()) };
        fs::create_dir_all(&site.config.snapshots.inbox).expect("made");
        Self { site, clock, mailer, exports: exports.to_owned(), _base: base, _folder: folder }
    }

    /// Puts the files of a day into the inbox.
    fn drop_files(&self, today: Date) {
        let inbox = &self.site.config.snapshots.inbox;
        let contacts = (today == first_day()).then(|| self.exports.join("site-contacts.csv"));
        for path in contacts.into_iter().chain([report_of(&self.exports, today)]).filter(|path| path.exists()) {
            fs::copy(&path, inbox.join(path.file_name().expect("a name"))).expect("copied");
        }
    }

    /// Runs at half past seven, and returns the names that the messages with notices have by these alone, and what was
    /// removed.
    async fn run(&self, today: Date) -> (Vec<String>, Removed) {
        let zone = self.site.config.time_zone.clone();
        self.clock.set(today.at(7, 30, 0, 0).to_zoned(zone).expect("an instant").timestamp());
        assert_eq!(self.clock.today(&self.site.config.time_zone), today);
        let before = self.mailer.sent().len();
        let done = run_today(&self.site, "once", &|_, _| (), &CancellationToken::new()).await.expect("the run");
        let (mut ids, mut bulletins) = (Vec::new(), 0);
        for mail in self.mailer.sent().iter().skip(before) {
            let message = self.site.store.find_message(&reference(&mail.raw)).await.expect("read").expect("known");
            if message.message.notices.is_empty() {
                assert_eq!(mail.to, config().policy.operator.as_str(), "{today}: only the operator is told of else");
                bulletins += 1;
            } else {
                ids.push(names(&message.message, None, config().mail.from.email.domain()).message_id);
            }
        }
        assert!(bulletins <= 1, "{today}: one message a run tells the operator everything");
        assert_eq!(done.report.delivered.accepted, done.planned.plan.messages.len() as u64 + bulletins, "{today}");
        (ids, done.report.removed)
    }
}

fn config_in(folder: &Path) -> Config {
    let mut config = config().clone();
    config.snapshots.inbox = folder.join("inbox");
    config.snapshots.archive = folder.join("archive");
    config.snapshots.quarantine = folder.join("quarantine");
    config.snapshots.settle_secs = 0;
    // Replays hold nothing back, so neither does what is compared with them.
    config.adoption.hold = false;
    config.breaker.enabled = false;
    config
}

fn reference(raw: &[u8]) -> String {
    let mail = mail_parser::MessageParser::default().parse(raw).expect("a message");
    mail.header_raw("X-Lapsewatch-Reference").expect("a reference").trim().to_owned()
}

fn expected_ids(messages: &[Message]) -> BTreeSet<String> {
    let domain = config().mail.from.email.domain().to_owned();
    messages.iter().map(|message| names(message, None, &domain).message_id).collect()
}

/// A year of exports in a folder that goes when this goes.
fn a_year(deleted: Deleted) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_exports(folder.path(), deleted);
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn a_year_of_daily_runs_sends_exactly_what_the_replay_says_and_everything_once() {
    let removed = walk_the_year(Deleted::StayListed, KEEPING).await;
    assert_eq!(Pruned { texts: 0, ..removed.rows }, Pruned::default(), "nothing is old but the texts");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_year_that_keeps_as_little_as_can_be_sends_exactly_the_same() {
    let (days, month) = (|days| Some(Span::Days(days)), Some(Span::Months(1)));
    let retention = Retention { raw_files: days(0), gone_accounts: days(7), account_history: month, ledger: days(1) };
    let Removed { files, rows, strange_files, failures } = walk_the_year(Deleted::Vanish, retention).await;
    let Pruned { subjects, messages, records, texts, .. } = rows;
    assert!(subjects > 3 && messages > 100 && records > 400, "{rows:?}");
    assert!(files > 300 && texts > 50, "{files} files, {texts} texts");
    assert_eq!((strange_files, failures), (0, Vec::new()));
}

/// Everything that is looked at stays.
const KEEPING: Retention = Retention { raw_files: None, gone_accounts: None, account_history: None, ledger: None };

/// Holds the real thing to the replay, which forgets nothing, day by day; gives what was removed on the way.
async fn walk_the_year(deleted: Deleted, retention: Retention) -> Removed {
    let exports = a_year(deleted);
    let said = replayed(exports.path());
    let daemon = Daemon::open(exports.path(), retention).await;
    let mut all = BTreeSet::new();
    let mut removed = Removed::default();
    for (nth, today) in days().enumerate() {
        daemon.drop_files(today);
        let (sent, removed_today) = daemon.run(today).await;
        removed.files += removed_today.files;
        removed.rows.add(&removed_today.rows);
        removed.strange_files += removed_today.strange_files;
        removed.failures.extend(removed_today.failures);
        let expected = said.get(&today).map(Vec::as_slice).unwrap_or_default();
        assert_eq!(sent.iter().cloned().collect::<BTreeSet<_>>(), expected_ids(expected), "{today}");
        for id in sent {
            assert!(all.insert(id.clone()), "{today}: {id} was sent before");
        }
        if nth % 7 == 3 {
            daemon.drop_files(today);
            assert_eq!(daemon.run(today).await.0, [""; 0], "{today} run again, with its file offered again");
        }
    }
    assert!(daemon.site.store.list_refused().await.expect("read").is_empty());
    removed
}

#[test]
fn the_year_is_worth_running() {
    let exports = a_year(Deleted::StayListed);
    let said = replayed(exports.path());
    let mut rules: BTreeMap<Rule, BTreeSet<StageName>> = BTreeMap::new();
    for notice in said.values().flatten().flat_map(|message| &message.notices) {
        rules.entry(notice.rule).or_default().insert(notice.stage.clone());
    }
    for rule in Rule::ALL {
        let told = rules.get(&rule).map_or(0, BTreeSet::len);
        let all: usize = config().policy.rule(rule).stages.iter().map(|stage| stage.repeat_max.max(1) as usize).sum();
        assert!(told + 1 >= all, "{rule}: only {:?}", rules.get(&rule));
    }
    let is_closed = |day: &Date| matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
    assert!(said.iter().any(|(day, messages)| is_closed(day) && !messages.is_empty()), "a last call at a weekend");
    for day in [date(2027, 10, 31), date(2028, 2, 29), date(2028, 3, 26)] {
        assert!(said.contains_key(&day), "{day} is run");
    }
}

/// The last stage that each episode told: subject, rule, anchor.
type Ends = HashMap<(Address, Rule, Date), StageName>;

fn ends<'a>(messages: impl Iterator<Item = &'a Message>) -> Ends {
    let notices = messages.flat_map(|message| &message.notices);
    notices.map(|n| ((n.subject.clone(), n.rule, n.anchor_on), n.stage.clone())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_year_that_misses_every_third_day_reaches_every_last_call() {
    let exports = a_year(Deleted::StayListed);
    let said = replayed(exports.path());
    let daemon = Daemon::open(exports.path(), KEEPING).await;
    let mut told = Vec::new();
    for (nth, today) in days().enumerate() {
        daemon.drop_files(today);
        if nth % 3 != 2 {
            daemon.run(today).await;
        }
    }
    for stored in daemon.site.store.list_messages(&[]).await.expect("read") {
        told.push(stored.message);
    }
    told.sort();
    let (daily, missing) = (ends(said.values().flatten()), ends(told.iter()));
    let last_calls = daily.iter().filter(|(_, stage)| stage.as_str() == "final" || stage.as_str() == "expired");
    let mut count = 0;
    for ((subject, rule, anchor_on), stage) in last_calls {
        let got = missing.get(&(subject.clone(), *rule, *anchor_on));
        assert_eq!(got, Some(stage), "{} {rule} counted from {anchor_on}", short(subject));
        count += 1;
    }
    assert!(count > 10, "only {count} last calls in the year");
}
