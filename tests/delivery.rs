//! Delivery: each message is leased, attempted and settled, and a failed recipient never stops the others.
//!
//! The first part runs the jobs in this process with a clock that is moved by hand and a mail server in memory; the
//! second sends through real servers when the environment names them, as `tests/servers/postfix start` prints them.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

#[path = "support/base.rs"]
mod base;
#[path = "delivery/real.rs"]
mod real;

use std::{
    collections::BTreeMap,
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use base::Base;
use jiff::{SignedDuration, Timestamp};
use lapsewatch::{
    clock::{Clock, ManualClock},
    config::{self, Config},
    domain::{
        delivery::{Outcome, Step},
        message::Reason,
        policy::Rung,
    },
    jobs::{
        Site,
        deliver::{Delivered, deliver, recover},
        facts::Facts,
        run::{Finished, run_today},
    },
    mail::{Mailer, Outgoing, Receipt, SendError, Session, memory::MemoryMailer},
    store::{MessageState, Store, StoredMessage},
};
use tempfile::TempDir;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

const MORNING: &str = "2026-11-20T08:00:00Z";

/// The owner of the site's shared mailbox; the account is used daily.
const ADA: &str = "ada.example@nhs.net";
/// Told today, alone, that three weeks have passed.
const KIT: &str = "kit.hill@nhs.net";
/// The same, once more.
const LEE: &str = "lee.mockford@nhs.net";
/// Deleted tomorrow: gets the last warning today, with the owner, the mailbox and the operator.
const SAM: &str = "sam.sample@nhs.net";
/// The site's shared mailbox.
const MAILBOX: &str = "optometry.tp1a2@nhs.net";
const OPERATOR: &str = "operator@anyshire.example";

const CONTACTS: &str = "\
ods_code,sector,site_name,town,shared_mailbox,address,role,alternate_address,administered_by
TP1A2,Optometry,NORTHTOWN OPTICIANS,Northtown,optometry.tp1a2@nhs.net,ada.example@nhs.net,owner,,NAS
";

/// An export of a day: the mailbox, the owner, and accounts with the day each was last used.
fn export(as_of: &str, used: &[(&str, &str)]) -> String {
    let header = "as_of,id,address,display_name,kind,status,ods,created_at,last_activity_at";
    let person = |(address, used_on): &(&str, &str)| {
        let (first, last) = address.split_once('@').unwrap().0.split_once('.').unwrap();
        let name = format!("\"{}, {first}\"", last.to_uppercase());
        format!("{as_of},{address},{address},{name},user,Active,TP1A2,2024-02-03,{used_on}\n")
    };
    let people: String = [(ADA, "2026-11-19")].iter().chain(used).map(person).collect();
    format!("{header}\n{people}{as_of},s-1,{MAILBOX},\"OPTOMETRY, TP1A2\",shared,Active,TP1A2,2024-02-03,\n")
}

/// A site with a database of its own, at a moment of its own.
struct World {
    folder: TempDir,
    clock: Arc<ManualClock>,
    config: Arc<Config>,
    store: Arc<dyn Store>,
    base: Base,
}

impl World {
    /// With these accounts, last used on these days, in the inbox.
    async fn new(used: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let base = Base::new();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let sets = [
            format!("database.url=\"{}\"", base.url()),
            format!("snapshots.inbox=\"{}\"", path("inbox")),
            format!("snapshots.archive=\"{}\"", path("archive")),
            format!("snapshots.quarantine=\"{}\"", path("quarantine")),
            "snapshots.settle_secs=0".to_owned(),
            "adoption.hold=false".to_owned(),
            "breaker.enabled=false".to_owned(),
            "mail.from=\"reminders@anyshire.example\"".to_owned(),
            format!("mail.operator=\"{OPERATOR}\""),
        ];
        let clock = Arc::new(ManualClock::new(MORNING.parse().unwrap()));
        let today = clock.today(&jiff::tz::TimeZone::UTC);
        let sources = config::Sources { file: None, environment: Vec::new(), overrides: &sets, today };
        let config = Arc::new(config::load(&sources).unwrap().config);
        let store = base.open().await;
        fs::create_dir(folder.path().join("inbox")).unwrap();
        let world = Self { folder, clock, config, store, base };
        world.drop_in("site-contacts.csv", CONTACTS);
        world.drop_in("2026-11-20 accounts.csv", &export("2026-11-20", used));
        world
    }

    fn drop_in(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join("inbox").join(name), text).unwrap();
    }

    fn at(&self, instant: &str) {
        self.clock.set(instant.parse().unwrap());
    }

    fn after(&self, span: SignedDuration) {
        self.clock.set(self.clock.now().checked_add(span).unwrap());
    }

    fn site(&self, mailer: &(impl Mailer + Clone + 'static)) -> Site {
        let (config, store) = (Arc::clone(&self.config), Arc::clone(&self.store));
        Site { config, store, clock: self.clock.clone(), mailer: Arc::new(mailer.clone()) }
    }

    /// Today's run, through this mail server.
    async fn run(&self, mailer: &MemoryMailer) -> Finished {
        run_today(&self.site(mailer), "once", &|_, _| (), &CancellationToken::new()).await.unwrap()
    }

    /// Only sends what is due.
    async fn deliver(&self, mailer: &(impl Mailer + Clone + 'static)) -> Delivered {
        let site = self.site(mailer);
        recover(&site, self.clock.now()).await.unwrap();
        let mut facts = Facts::load(&site).await.unwrap();
        deliver(&site, &mut facts, &CancellationToken::new()).await.unwrap()
    }

    /// The messages to an address, oldest first.
    async fn messages_to(&self, address: &str) -> Vec<StoredMessage> {
        let mut messages = self.store.list_messages(&[]).await.unwrap();
        messages.retain(|message| message.message.recipient.as_str() == address);
        messages.sort_by_key(|message| message.number);
        messages
    }

    /// The one message to an address.
    async fn message_to(&self, address: &str) -> StoredMessage {
        let mut messages = self.messages_to(address).await;
        assert_eq!(messages.len(), 1, "to {address}");
        messages.pop().unwrap()
    }

    async fn states(&self) -> BTreeMap<&'static str, u64> {
        let counts = self.store.count_messages().await.unwrap();
        counts.into_iter().map(|(state, count)| (state.as_str(), count)).collect()
    }

    /// The outcomes of every attempt so far, in the order of messages and attempts; `None` is not settled.
    async fn attempts(&self) -> Vec<Option<String>> {
        let rows: Vec<(Option<String>,)> =
            self.base.find("SELECT outcome FROM attempt ORDER BY message_id, number").await;
        rows.into_iter().map(|(outcome,)| outcome).collect()
    }
}

fn to(sent: &[Outgoing]) -> Vec<&str> {
    let mut to: Vec<_> = sent.iter().map(|mail| mail.to.as_str()).collect();
    to.sort_unstable();
    to
}

fn message_id(mail: &Outgoing) -> String {
    let text = String::from_utf8(mail.raw.clone()).unwrap();
    text.lines().find(|line| line.starts_with("Message-ID:")).unwrap().to_owned()
}

fn refused(step: Step, code: u16, words: &str) -> SendError {
    SendError::refused("mail.anyshire.example:587", step, code, words)
}

fn silent_after_the_body() -> SendError {
    SendError::NoAnswer { server: "mail.anyshire.example:587".into(), step: Step::Body, secs: 30 }
}

/// Answers so for these recipients, and takes everything else.
fn failing(recipients: &'static [&'static str], error: fn() -> SendError) -> MemoryMailer {
    MemoryMailer::answering(move |mail, nth| {
        if recipients.contains(&mail.to.as_str()) { Err(error()) } else { Ok(MemoryMailer::accepted(nth)) }
    })
}

// --- Accounts that share an address.

#[tokio::test(flavor = "multi_thread")]
async fn two_accounts_at_one_address_are_told_once_and_stop_nobody() {
    let used = [(KIT, "2026-10-30"), (LEE, "2026-10-30")];
    let world = World::new(&used).await;
    let accounts = export("2026-11-20", &used);
    let twin = accounts.lines().find(|row| row.contains(KIT)).unwrap().replacen(KIT, "another", 1);
    world.drop_in("2026-11-20 accounts.csv", &format!("{accounts}{twin}\n"));
    let mailer = MemoryMailer::new();
    world.run(&mailer).await;
    let sent = mailer.sent();
    assert_eq!(to(&sent), [KIT, LEE]);
    assert_eq!(world.message_to(KIT).await.message.notices.len(), 2, "the ledger has both");
    let lines: Vec<_> = sent.iter().map(|mail| mail.raw.split(|byte| *byte == b'\n').count()).collect();
    assert_eq!(lines[0], lines[1], "and the letter says it once");
}

// --- Refused recipients.

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_notice_climbs_one_rung_and_the_others_are_accepted() {
    let world = World::new(&[(KIT, "2026-10-30"), (LEE, "2026-10-30")]).await;
    let mailer = failing(&[KIT], || refused(Step::RcptTo, 550, "5.1.1 No such user"));
    let report = world.run(&mailer).await.report;
    assert_eq!((report.delivered.accepted, report.delivered.rejected, report.delivered.stopped), (2, 1, None));
    assert_eq!(to(&mailer.sent()), [ADA, LEE]);
    let told = world.message_to(ADA).await;
    let [notice] = &told.message.notices[..] else { panic!("{told:?}") };
    assert_eq!((notice.subject.as_str(), notice.reason, notice.rung), (KIT, Reason::Reach, Rung::Owners));
    assert_eq!(world.message_to(KIT).await.state, MessageState::Rejected);
    let reply = world.message_to(KIT).await.reply.unwrap();
    assert!(reply.contains("550 5.1.1 No such user"), "{reply}");

    world.after(SignedDuration::from_hours(4));
    world.run(&mailer).await;
    assert_eq!(mailer.tried().len(), 3, "a refusal is for good, and a rung is climbed once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_climbs_until_somebody_takes_it_and_ends_with_the_operator() {
    let world = World::new(&[(KIT, "2026-10-30")]).await;
    let nobody = MemoryMailer::answering(|_, _| Err(refused(Step::RcptTo, 550, "5.1.1 No such user")));
    let report = world.run(&nobody).await.report;
    assert_eq!(report.delivered.rejected, 4);
    let tried: Vec<_> = nobody.tried().into_iter().map(|mail| mail.to).collect();
    assert_eq!(tried, [KIT, ADA, MAILBOX, OPERATOR], "one rung after the other");
    world.after(SignedDuration::from_hours(4));
    world.run(&MemoryMailer::new()).await;
    let states = BTreeMap::from([("accepted", 1), ("rejected", 4)]);
    assert_eq!(world.states().await, states, "nobody is left to ask, and the operator hears of that alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_refusals_of_one_stage_make_one_notice_on_the_next_rung() {
    let world = World::new(&[(SAM, "2026-11-06")]).await;
    world.drop_in(
        "site-contacts.csv",
        &(CONTACTS.to_owned()
            + &CONTACTS
                .lines()
                .nth(1)
                .unwrap()
                .replace("ada.example@nhs.net,owner,,", "sam.sample@nhs.net,member,sam@northtown.example,")
            + "\n"),
    );
    world.at("2026-11-27T08:00:00Z");
    let mailer = failing(&[SAM, "sam@northtown.example"], || refused(Step::RcptTo, 550, "5.1.1 No such user"));
    world.run(&mailer).await;
    let told = world.message_to(ADA).await;
    assert_eq!(told.message.notices.len(), 1, "{told:?}");
}

// --- Deferred messages.

#[tokio::test(flavor = "multi_thread")]
async fn a_transient_answer_is_tried_again_at_growing_intervals() {
    let world = World::new(&[(KIT, "2026-10-30"), (LEE, "2026-10-30")]).await;
    let mailer = failing(&[KIT], || refused(Step::RcptTo, 451, "4.2.1 Mailbox busy"));
    world.run(&mailer).await;
    assert_eq!(to(&mailer.sent()), [LEE], "the others are not kept waiting");
    let mut tried = 2;
    for minutes in [1, 5, 15, 60, 240, 240] {
        let next = world.message_to(KIT).await.next_at;
        let wait = next.duration_since(world.clock.now()).as_secs();
        assert!((minutes * 60..=minutes * 75).contains(&wait), "after {tried} attempts {wait} s");
        world.clock.set(next.checked_sub(SignedDuration::from_secs(1)).unwrap());
        world.deliver(&mailer).await;
        assert_eq!(mailer.tried().len(), tried, "not before its time");
        world.clock.set(next);
        world.deliver(&mailer).await;
        tried += 1;
        assert_eq!(mailer.tried().len(), tried);
    }
    let ids: Vec<_> = mailer.tried().iter().filter(|mail| mail.to == KIT).map(message_id).collect();
    assert!(ids.windows(2).all(|pair| pair[0] == pair[1]), "one message, one Message-ID");
    let next = world.message_to(KIT).await.next_at;
    world.clock.set(next);
    world.deliver(&MemoryMailer::new()).await;
    assert_eq!(world.message_to(KIT).await.state, MessageState::Accepted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deferred_message_is_cancelled_when_its_deadline_is_over() {
    let world = World::new(&[(SAM, "2026-09-22")]).await;
    let mailer = failing(&[SAM], || refused(Step::RcptTo, 452, "4.2.2 Mailbox full"));
    world.run(&mailer).await;
    let tries = || mailer.tried().iter().filter(|mail| mail.to == SAM).count();
    let at_first = tries();
    world.at("2026-11-21T20:00:00Z");
    world.run(&mailer).await;
    assert_eq!(tries(), at_first + 1, "on the day itself it is still tried");
    world.at("2026-11-22T08:00:00Z");
    let report = world.run(&mailer).await.report;
    assert_eq!((tries(), report.delivered.cancelled), (at_first + 1, 1));
    assert_eq!(world.message_to(SAM).await.state, MessageState::Cancelled);
}

// --- What is wrong with ourselves.

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_login_stops_the_batch_rejects_nobody_and_the_next_run_sends_everything() {
    let world = World::new(&[(KIT, "2026-10-30"), (LEE, "2026-10-30"), (SAM, "2026-09-22")]).await;
    let mailer = MemoryMailer::answering(|_, _| Err(refused(Step::Auth, 535, "5.7.8 Authentication failed")));
    let report = world.run(&mailer).await.report;
    assert_eq!(mailer.tried().len(), 1, "no second message is tried");
    assert!(report.delivered.stopped.unwrap().contains("535 5.7.8"));
    assert_eq!((report.delivered.rejected, report.delivered.deferred), (0, 1), "what was not tried is not counted");
    let states = world.states().await;
    assert_eq!(states, BTreeMap::from([("deferred", 1), ("pending", 5)]));
    world.after(SignedDuration::from_mins(5));
    let mended = MemoryMailer::new();
    world.run(&mended).await;
    assert_eq!(to(&mended.sent()), [ADA, KIT, LEE, OPERATOR, OPERATOR, MAILBOX, SAM], "once of the stop");
    assert_eq!(world.states().await, BTreeMap::from([("accepted", 7)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_away_half_way_costs_nobody_a_message() {
    let world = World::new(&[(KIT, "2026-10-30"), (LEE, "2026-10-30"), (SAM, "2026-09-22")]).await;
    let mailer = MemoryMailer::answering(|_, nth| match nth {
        0..=2 => Ok(MemoryMailer::accepted(nth)),
        _ => Err(refused(Step::MailFrom, 421, "4.3.2 Shutting down")),
    });
    world.run(&mailer).await;
    assert_eq!((mailer.sent().len(), mailer.tried().len()), (3, 4));
    world.after(SignedDuration::from_mins(5));
    let mended = MemoryMailer::new();
    world.run(&mended).await;
    let all = [mailer.sent(), mended.sent()].concat();
    assert_eq!(to(&all), [ADA, KIT, LEE, OPERATOR, OPERATOR, MAILBOX, SAM], "each once, and the operator of the stop");
}

// --- Nobody knows.

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_last_warning_is_sent_again_under_the_same_message_id() {
    let world = World::new(&[(SAM, "2026-09-22")]).await;
    let mailer = MemoryMailer::answering(|mail, nth| {
        if mail.to == SAM && nth < 4 { Err(silent_after_the_body()) } else { Ok(MemoryMailer::accepted(nth)) }
    });
    let report = world.run(&mailer).await.report;
    assert_eq!((report.delivered.accepted, report.delivered.unknown), (3, 1));
    assert_eq!(world.message_to(SAM).await.state, MessageState::Deferred);
    world.after(SignedDuration::from_mins(2));
    world.run(&mailer).await;
    let to_sam: Vec<_> = mailer.tried().into_iter().filter(|mail| mail.to == SAM).collect();
    assert_eq!(to_sam.len(), 2);
    assert_eq!(message_id(&to_sam[0]), message_id(&to_sam[1]));
    assert_eq!(to_sam[0].file_stem, to_sam[1].file_stem);
    assert_eq!(world.message_to(SAM).await.state, MessageState::Accepted);
    assert_eq!(world.attempts().await.iter().flatten().filter(|outcome| *outcome == "unknown").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_message_of_any_other_stage_is_held_for_a_person() {
    let world = World::new(&[(KIT, "2026-10-30"), (LEE, "2026-10-30")]).await;
    let mailer = failing(&[KIT], silent_after_the_body);
    let report = world.run(&mailer).await.report;
    assert_eq!((report.delivered.accepted, report.delivered.unknown), (1, 1));
    world.at("2026-11-21T08:00:00Z");
    world.run(&MemoryMailer::new()).await;
    let held = world.store.list_messages(&[MessageState::Unknown]).await.unwrap();
    assert_eq!(held.len(), 1, "{held:?}");
    assert_eq!((held[0].message.recipient.as_str(), held[0].attempts), (KIT, 1), "tried once");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_panics_is_unknown_and_its_worker_goes_on_with_the_others() {
    let world = World::new(&[(KIT, "2026-10-30"), (LEE, "2026-10-30"), (SAM, "2026-09-22")]).await;
    let mailer = MemoryMailer::answering(|mail, nth| {
        assert_eq!(mail.to, LEE, "a fault of ours");
        Ok(MemoryMailer::accepted(nth))
    });
    let report = world.run(&mailer).await.report;
    assert_eq!((report.delivered.accepted, report.delivered.unknown), (1, 5));
    assert_eq!(world.message_to(LEE).await.state, MessageState::Accepted, "the least urgent comes last");
    assert_eq!(world.message_to(KIT).await.state, MessageState::Unknown);
    let reply = world.message_to(KIT).await.reply.unwrap();
    assert!(reply.contains("failed in the middle"), "{reply}");
    assert!(world.attempts().await.iter().all(Option::is_some), "every attempt is settled");
}

/// Takes a message and never answers.
#[derive(Clone, Default)]
struct Stuck(Arc<Notify>);

#[async_trait]
impl Mailer for Stuck {
    fn session(&self) -> Box<dyn Session> {
        Box::new(self.clone())
    }

    fn describe(&self) -> String {
        "stuck".into()
    }

    async fn probe(&self) -> Result<(), SendError> {
        Ok(())
    }
}

#[async_trait]
impl Session for Stuck {
    async fn send(&mut self, _: &Outgoing) -> Result<Receipt, SendError> {
        self.0.notify_one();
        std::future::pending().await
    }

    async fn close(&mut self) {}
}

/// Plans with a server that refuses our log-in, and is then cut off during the first attempt.
async fn cut_off(world: &World) {
    let away = MemoryMailer::answering(|_, _| Err(refused(Step::Connect, 421, "4.3.2 Away")));
    world.run(&away).await;
    world.after(SignedDuration::from_mins(2));
    let stuck = Stuck::default();
    tokio::select! {
        _ = world.deliver(&stuck) => panic!("it never ends by itself"),
        () = stuck.0.notified() => (),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_is_recorded_before_the_first_byte_leaves() {
    let world = World::new(&[(KIT, "2026-10-30")]).await;
    cut_off(&world).await;
    let outcomes = world.attempts().await;
    assert_eq!(outcomes, [Some("deferred".to_owned()), None], "the second is under way");
    assert_eq!(world.message_to(KIT).await.state, MessageState::Leased);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_attempt_and_settlement_is_unknown_once_its_lease_is_over() {
    let world = World::new(&[(KIT, "2026-10-30")]).await;
    cut_off(&world).await;
    let mailer = MemoryMailer::new();
    world.after(SignedDuration::from_secs(59));
    world.deliver(&mailer).await;
    assert_eq!(world.message_to(KIT).await.state, MessageState::Leased, "somebody may still be at it");
    world.after(SignedDuration::from_mins(10));
    world.deliver(&mailer).await;
    let message = world.message_to(KIT).await;
    assert_eq!((message.state, mailer.tried().len()), (MessageState::Unknown, 0));
    assert!(message.reply.unwrap().contains("cut off"));
    assert_eq!(world.attempts().await, [Some("deferred".to_owned()), Some("unknown".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_during_a_last_warning_sends_it_again_under_the_same_message_id() {
    let world = World::new(&[(SAM, "2026-09-22")]).await;
    cut_off(&world).await;
    let leased = world.store.list_messages(&[MessageState::Leased]).await.unwrap();
    let leased = leased.first().expect("one is under way");
    world.after(SignedDuration::from_mins(11));
    let mailer = MemoryMailer::new();
    world.deliver(&mailer).await;
    world.after(SignedDuration::from_mins(10));
    world.deliver(&mailer).await;
    let again: Vec<_> =
        mailer.sent().iter().map(message_id).filter(|id| id.contains(leased.message_id.as_str())).collect();
    assert_eq!(again.len(), 1);
    assert_eq!(world.states().await, BTreeMap::from([("accepted", 4)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settlement_after_its_lease_was_taken_over_changes_nothing() {
    let world = World::new(&[(KIT, "2026-10-30")]).await;
    cut_off(&world).await;
    world.after(SignedDuration::from_mins(11));
    world.deliver(&MemoryMailer::new()).await;
    let before = world.message_to(KIT).await;
    let settlement = lapsewatch::store::Settlement {
        number: before.number,
        token: "the token it had".into(),
        outcome: Outcome::Accepted { reply: "250 late".into(), assigned_id: None },
        state: MessageState::Accepted,
        next_at: Timestamp::UNIX_EPOCH,
        at: world.clock.now(),
        gone: Vec::new(),
        unreachable_on: None,
    };
    assert_eq!(world.store.exchange(&[settlement], None).await.unwrap().lost, [before.number]);
    assert_eq!(world.message_to(KIT).await, before);
}

// --- What no longer stands.

#[tokio::test(flavor = "multi_thread")]
async fn an_account_used_in_between_is_not_written_to() {
    let world = World::new(&[(KIT, "2026-10-30")]).await;
    let mailer = failing(&[KIT], || refused(Step::RcptTo, 451, "4.2.1 Mailbox busy"));
    world.run(&mailer).await;
    world.at("2026-11-21T08:00:00Z");
    world.drop_in("2026-11-21 accounts.csv", &export("2026-11-21", &[(KIT, "2026-11-20")]));
    let after = MemoryMailer::new();
    let report = world.run(&after).await.report;
    assert_eq!((report.delivered.cancelled, after.tried().len()), (1, 0));
    let message = world.message_to(KIT).await;
    assert_eq!(message.state, MessageState::Cancelled);
    assert_eq!(message.reply.as_deref(), Some("nothing in it stood any longer"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_that_was_cancelled_unsent_is_told_when_it_stands_again() {
    let world = World::new(&[(KIT, "2026-10-06")]).await;
    let down = MemoryMailer::answering(|_, _| Err(refused(Step::Connect, 421, "4.3.2 Shutting down")));
    world.run(&down).await;
    world.at("2026-11-23T08:00:00Z");
    let in_flight = export("2026-11-23", &[(KIT, "2026-10-06")])
        .replace("Active,TP1A2,2024-02-03,2026-10-06", "Migration Pending,TP1A2,2024-02-03,2026-10-06");
    world.drop_in("2026-11-23 accounts.csv", &in_flight);
    let resting = MemoryMailer::new();
    world.run(&resting).await;
    assert_eq!(
        to(&resting.tried()),
        [OPERATOR],
        "while a status is in flight nothing is told but that sending stopped"
    );
    world.at("2026-11-24T08:00:00Z");
    world.drop_in("2026-11-24 accounts.csv", &export("2026-11-24", &[(KIT, "2026-10-06")]));
    let back = MemoryMailer::new();
    world.run(&back).await;
    assert!(to(&back.sent()).contains(&KIT), "{:?}", to(&back.sent()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_loses_only_the_row_that_no_longer_stands() {
    let world = World::new(&[(KIT, "2026-10-06"), (LEE, "2026-10-06")]).await;
    let mailer = failing(&[ADA], || refused(Step::RcptTo, 451, "4.2.1 Mailbox busy"));
    world.run(&mailer).await;
    assert_eq!(world.message_to(ADA).await.message.notices.len(), 2);
    world.at("2026-11-21T08:00:00Z");
    world.drop_in("2026-11-21 accounts.csv", &export("2026-11-21", &[(KIT, "2026-11-20"), (LEE, "2026-10-06")]));
    let after = MemoryMailer::new();
    world.run(&after).await;
    assert_eq!(to(&after.sent()), [ADA]);
    let raw = after.sent().remove(0).raw;
    let text = mail_parser::MessageParser::default().parse(&raw).unwrap().body_text(0).unwrap().into_owned();
    assert!(text.contains(LEE) && !text.contains(KIT), "{text}");
    let message = world.message_to(ADA).await;
    let [notice] = &message.message.notices[..] else { panic!("{message:?}") };
    assert_eq!((notice.subject.as_str(), message.state), (LEE, MessageState::Accepted));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_most_urgent_message_goes_first() {
    let world = World::new(&[(KIT, "2026-10-30"), (SAM, "2026-09-22"), (LEE, "2026-10-06")]).await;
    let mailer = MemoryMailer::new();
    world.run(&mailer).await;
    let letters = mailer.sent().into_iter().map(|mail| mail.to).filter(|to| [KIT, SAM, LEE].contains(&to.as_str()));
    assert_eq!(letters.collect::<Vec<_>>(), [SAM, LEE, KIT]);
}

#[tokio::test(flavor = "multi_thread")]
async fn asked_to_stop_it_settles_what_it_is_at_and_leaves_the_rest() {
    let world = World::new(&[(KIT, "2026-10-30"), (SAM, "2026-09-22"), (LEE, "2026-10-06")]).await;
    let stop = CancellationToken::new();
    let (asked, asking) = (AtomicBool::new(false), stop.clone());
    let mailer = MemoryMailer::answering(move |_, nth| {
        if !asked.swap(true, Ordering::SeqCst) {
            asking.cancel();
        }
        Ok(MemoryMailer::accepted(nth))
    });
    let finished = run_today(&world.site(&mailer), "once", &|_, _| (), &stop).await.unwrap();
    assert_eq!((finished.report.delivered.accepted, mailer.tried().len()), (1, 1));
    let states = world.states().await;
    assert_eq!(states.get("accepted"), Some(&1));
    assert_eq!(states.get("leased"), None, "nothing is left half done");
    let rest = MemoryMailer::new();
    world.run(&rest).await;
    assert_eq!(rest.sent().len() as u64, states["pending"]);
}
