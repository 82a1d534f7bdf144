//! What the operator is told besides notices (domain rules 18 to 20, 26 and 27): once a day each, in one message a run,
//! and nobody else.
//!
//! The real jobs and store in this process, with a clock that is moved by hand and a mail server in memory.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{fs, sync::Arc};

use jiff::Timestamp;
use lapsewatch::{
    clock::{Clock as _, ManualClock},
    config::{self, Config},
    domain::{delivery::Step, outbox::MessageState},
    jobs::{Site, coverage::coverage, deliver::deliver, facts::Facts, run::run_today},
    mail::{SendError, memory::MemoryMailer, render::Alert},
    store::{Store, StoredMessage, sqlite::SqliteStore},
};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

const OPERATOR: &str = "operator@anyshire.example";
const ADA: &str = "ada.example@nhs.net";
const KIT: &str = "kit.hill@nhs.net";

const CONTACTS: &str = "\
ods_code,sector,site_name,town,shared_mailbox,address,role,alternate_address,administered_by
TP1A2,Optometry,NORTHTOWN OPTICIANS,Northtown,optometry.tp1a2@nhs.net,ada.example@nhs.net,owner,,NAS
";

/// A report of a day: the mailbox, the owner at work, and Kit, last used on a day.
fn report(as_of: &str, kit_used_on: &str) -> String {
    let person =
        |address: &str, used_on: &str| format!("{as_of},{address},{address},user,Active,TP1A2,2024-02-03,{used_on}\n");
    format!(
        "as_of,id,address,kind,status,ods,created_at,last_activity_at\n{}{}\
         {as_of},s-1,optometry.tp1a2@nhs.net,shared,Active,TP1A2,2024-02-03,\n",
        person(ADA, as_of),
        person(KIT, kit_used_on)
    )
}

struct World {
    folder: TempDir,
    clock: Arc<ManualClock>,
    config: Arc<Config>,
    store: Arc<SqliteStore>,
}

impl World {
    async fn new(sets: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let mut all = vec![
            format!("database.url=\"sqlite:{}\"", path("lapsewatch.db")),
            format!("snapshots.inbox=\"{}\"", path("inbox")),
            format!("snapshots.archive=\"{}\"", path("archive")),
            format!("snapshots.quarantine=\"{}\"", path("quarantine")),
            "snapshots.settle_secs=0".to_owned(),
            "mail.from=\"reminders@anyshire.example\"".to_owned(),
            format!("mail.operator=\"{OPERATOR}\""),
        ];
        all.extend(sets.iter().map(|set| (*set).to_owned()));
        let clock = Arc::new(ManualClock::new(at("2026-11-20T08:00:00Z")));
        let today = clock.today(&jiff::tz::TimeZone::UTC);
        let sources = config::Sources { file: None, environment: Vec::new(), overrides: &all, today };
        let config = Arc::new(config::load(&sources).unwrap().config);
        let store = Arc::new(SqliteStore::open(&config.database.url).await.unwrap());
        fs::create_dir(folder.path().join("inbox")).unwrap();
        let world = Self { folder, clock, config, store };
        world.drop_in("site-contacts.csv", CONTACTS);
        world
    }

    /// One that holds nothing back.
    async fn open() -> Self {
        Self::new(&["adoption.hold=false", "breaker.enabled=false"]).await
    }

    fn drop_in(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join("inbox").join(name), text).unwrap();
    }

    fn site(&self, mailer: &MemoryMailer) -> Site {
        let (config, store) = (Arc::clone(&self.config), self.store.clone());
        Site { config, store, clock: self.clock.clone(), mailer: Arc::new(mailer.clone()) }
    }

    /// The run of an instant; returns the messages that left, to whom and with which alerts.
    async fn run(&self, instant: &str) -> Vec<(String, Vec<Alert>)> {
        self.run_through(instant, &MemoryMailer::new()).await
    }

    async fn run_through(&self, instant: &str, mailer: &MemoryMailer) -> Vec<(String, Vec<Alert>)> {
        self.clock.set(at(instant));
        let stored = |message: &StoredMessage| message.bulletin.clone();
        run_today(&self.site(mailer), "once", &|_, _| (), &CancellationToken::new()).await.unwrap();
        let mut sent = Vec::new();
        for mail in mailer.sent() {
            let message = self.store.find_message(&reference(&mail.raw)).await.unwrap().unwrap();
            let alerts = stored(&message).map_or_else(Vec::new, |json| Alert::read(&json).unwrap());
            sent.push((mail.to, alerts));
        }
        sent
    }
}

fn busy() -> SendError {
    SendError::refused("mail.anyshire.example:587", Step::RcptTo, 451, "4.2.1 Mailbox busy")
}

fn at(instant: &str) -> Timestamp {
    instant.parse().unwrap()
}

fn reference(raw: &[u8]) -> String {
    let mail = mail_parser::MessageParser::default().parse(raw).unwrap();
    mail.header_raw("X-Lapsewatch-Reference").unwrap().trim().to_owned()
}

/// The alerts of the only message to the operator; there must be no alert for anybody else.
fn told(sent: &[(String, Vec<Alert>)]) -> Vec<Alert> {
    assert!(sent.iter().all(|(to, alerts)| to == OPERATOR || alerts.is_empty()), "{sent:?}");
    let to_operator: Vec<_> = sent.iter().filter(|(to, _)| to == OPERATOR).collect();
    assert!(to_operator.len() <= 1, "{sent:?}");
    to_operator.first().map(|(_, alerts)| alerts.clone()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_past_its_date_is_told_once_a_day_and_again_the_next() {
    let world = World::open().await;
    world.drop_in("2026-11-20 accounts.csv", &report("2026-11-20", "2026-09-01"));
    let alerts = told(&world.run("2026-11-20T08:00:00Z").await);
    let [Alert::Coverage { rows, total: 1 }] = &alerts[..] else { panic!("{alerts:?}") };
    assert_eq!((rows[0].address.as_str(), rows[0].deadline_on.to_string()), (KIT, "2026-10-31".to_owned()));
    assert_eq!((rows[0].ods.as_deref(), rows[0].why.as_str()), (Some("TP1A2"), "Still live in the newest report"));
    assert_eq!(world.run("2026-11-20T12:00:00Z").await, [], "the next run of the same day has no news");
    assert_eq!(told(&world.run("2026-11-21T08:00:00Z").await), alerts, "the next day has it again");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_disturbed_when_all_is_well() {
    let world = World::open().await;
    world.drop_in("2026-11-20 accounts.csv", &report("2026-11-20", "2026-11-19"));
    assert_eq!(world.run("2026-11-20T08:00:00Z").await, []);
    assert!(world.store.list_messages(&[]).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_on_screen_is_the_list_in_the_message() {
    let world = World::open().await;
    // Told today, so that it is not on the list; and one whom a mail server takes nothing for.
    world.drop_in("2026-11-20 accounts.csv", &report("2026-11-20", "2026-09-24"));
    let mailer =
        MemoryMailer::answering(
            |mail, nth| {
                if mail.to == OPERATOR { Ok(MemoryMailer::accepted(nth)) } else { Err(busy()) }
            },
        );
    assert_eq!(told(&world.run_through("2026-11-20T08:00:00Z", &mailer).await), [], "it is on its way");
    let after = world.run_through("2026-11-21T08:00:00Z", &mailer).await;
    let bulletins: Vec<_> = after.iter().filter(|(_, alerts)| !alerts.is_empty()).collect();
    let [(_, alerts)] = &bulletins[..] else { panic!("{after:?}") };
    let [Alert::Coverage { rows, .. }] = &alerts[..] else { panic!("{alerts:?}") };
    let site = world.site(&mailer);
    let standings = world.store.load_standings().await.unwrap();
    let list = coverage(&site, &standings, None, usize::MAX).await.unwrap().lines;
    let shown: Vec<_> = list.iter().map(|line| (line.deadline_on, line.gap.words().to_owned())).collect();
    assert_eq!(rows.iter().map(|row| (row.deadline_on, row.why.clone())).collect::<Vec<_>>(), shown);
    assert_eq!(shown.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_in_quarantine_is_told_with_its_run_and_not_again() {
    let world = World::open().await;
    world.drop_in("2026-11-20 accounts.csv", &report("2026-11-20", "2026-11-19"));
    world.drop_in("colours.csv", "Name,Favourite colour\nAda,green\n");
    let alerts = told(&world.run("2026-11-20T08:00:00Z").await);
    let [Alert::Refused { files }] = &alerts[..] else { panic!("{alerts:?}") };
    assert_eq!(files.len(), 1);
    assert!(files[0].name == "colours.csv" && files[0].why.starts_with("no known export"), "{files:?}");
    assert_eq!(world.run("2026-11-20T12:00:00Z").await, []);
    assert_eq!(world.run("2026-11-21T08:00:00Z").await, [], "it was told with its own run");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_refused_between_two_runs_is_told_by_the_next() {
    let world = World::open().await;
    world.drop_in("2026-11-20 accounts.csv", &report("2026-11-20", "2026-11-19"));
    world.run("2026-11-20T08:00:00Z").await;
    world.drop_in("colours.csv", "Name,Favourite colour\nAda,green\n");
    world.clock.set(at("2026-11-20T14:00:00Z"));
    lapsewatch::jobs::observe::sweep(&world.site(&MemoryMailer::new()), &|_, _| ()).await.unwrap();
    let alerts = told(&world.run("2026-11-21T08:00:00Z").await);
    assert!(matches!(&alerts[..], [Alert::Refused { files }] if files.len() == 1), "{alerts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_run_is_told_at_once_and_every_day_until_somebody_decides() {
    let world = World::new(&["breaker.enabled=false"]).await;
    world.drop_in("2026-11-20 accounts.csv", &report("2026-11-20", "2026-10-30"));
    let alerts = told(&world.run("2026-11-20T08:00:00Z").await);
    let [Alert::Held { run, messages: 1, why, .. }] = &alerts[..] else { panic!("{alerts:?}") };
    assert_eq!(why, &["These are the first messages of the rule \"inactivity\"."]);
    assert_eq!(world.store.list_messages(&[MessageState::Held]).await.unwrap().len(), 1, "nobody else hears of it");
    assert_eq!(world.run("2026-11-20T12:00:00Z").await, []);
    assert_eq!(told(&world.run("2026-11-21T08:00:00Z").await), alerts, "it is held still");
    let run = lapsewatch::store::RunId(*run);
    assert!(world.store.approve_run(run, "ada", &[], &[], world.clock.now()).await.unwrap());
    let sent = world.run("2026-11-22T08:00:00Z").await;
    assert!(told(&sent).is_empty() && sent.iter().any(|(to, _)| to == KIT), "{sent:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_too_old_is_told_every_day_and_nobody_is_warned_by_it() {
    let world = World::open().await;
    world.drop_in("2026-11-20 accounts.csv", &report("2026-11-20", "2026-11-02"));
    world.run("2026-11-20T08:00:00Z").await;
    let sent = world.run("2026-12-02T08:00:00Z").await;
    let alerts = told(&sent);
    let [Alert::Stale { sources }] = &alerts[..] else { panic!("{alerts:?}") };
    assert_eq!((sources.len(), sources[0].as_of_on.to_string()), (1, "2026-11-20".to_owned()));
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert!(matches!(&told(&world.run("2026-12-03T08:00:00Z").await)[..], [Alert::Stale { .. }, ..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn news_that_could_not_leave_for_days_is_dropped() {
    let world = World::open().await;
    world.drop_in("2026-11-20 accounts.csv", &report("2026-11-20", "2026-09-01"));
    let nobody = MemoryMailer::answering(|_, _| Err(busy()));
    assert_eq!(world.run_through("2026-11-20T08:00:00Z", &nobody).await, []);
    world.clock.set(at("2026-11-24T08:00:00Z"));
    let mailer = MemoryMailer::new();
    let site = world.site(&mailer);
    let mut facts = Facts::load(&site).await.unwrap();
    let delivered = deliver(&site, &mut facts, &CancellationToken::new()).await.unwrap();
    assert_eq!((delivered.cancelled, delivered.accepted), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_our_own_log_in_is_told_before_it_comes() {
    let secret = "mail.smtp.password_file=\"/nowhere\"";
    let own = ["mail.transport=\"smtp\"", "mail.smtp.host=\"smtp.anyshire.example\"", "mail.smtp.auth=\"login\""];
    let login = ["mail.smtp.username=\"bot@anyshire.example\"", secret, "mail.smtp.password_changed_on=2025-12-20"];
    let world = World::new(&[&own[..], &login, &["adoption.hold=false", "breaker.enabled=false"]].concat()).await;
    world.drop_in("2026-11-20 accounts.csv", &report("2026-11-20", "2026-11-19"));
    let alerts = told(&world.run("2026-11-20T08:00:00Z").await);
    let [Alert::Sender { ends }] = &alerts[..] else { panic!("{alerts:?}") };
    assert_eq!((ends[0].what.as_str(), ends[0].ends_on.to_string()), ("password", "2026-12-20".to_owned()));
    assert_eq!(told(&world.run("2026-11-21T08:00:00Z").await), [], "the next warning is on 14 days");
}
