//! What is known changes between the plan and the mail server: ages (18), snoozes (21), refusals (25), news (24).

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use super::site::*;
use async_trait::async_trait;
use lapsewatch::{
    domain::{delivery::Step, policy::Rule, snapshot::Source},
    jobs::observe::sweep,
    mail::{Mailer, Outgoing, Receipt, SendError, Session, memory::MemoryMailer},
    store::{MessageState, Snooze},
};

/// On [`DAY`] exactly three weeks have passed.
const NUDGED: u32 = 21;

fn down() -> MemoryMailer {
    MemoryMailer::answering(|_, _| Err(SendError::refused("mail", Step::Connect, 421, "4.3.2 Shutting down")))
}

fn refusing(to: u32, step: Step, code: u16, words: &'static str) -> MemoryMailer {
    MemoryMailer::answering(move |mail, nth| {
        if mail.to == address(to) {
            return Err(SendError::refused("mail", step, code, words));
        }
        Ok(MemoryMailer::accepted(nth))
    })
}

fn recipients(mailer: &MemoryMailer) -> Vec<String> {
    mailer.sent().into_iter().map(|mail| mail.to).collect()
}

// --- Freshness.

#[tokio::test(flavor = "multi_thread")]
async fn an_old_source_is_silent_and_consumes_no_stage() {
    let world = World::healthy(&[]).await;
    let late = plus(DAY, 10);
    world.at(late);
    let mailer = MemoryMailer::new();
    let finished = world.run(&mailer).await;
    assert_eq!(others(&recipients(&mailer)), [""; 0]);
    let (stale, silent) = &finished.planned.plan.report.stale[&Source::PortalMailbox];
    assert_eq!((stale.age_days, stale.max_age_days, *silent > 30), (11, 8, true));
    // Three weeks have passed for this one since the last report.
    assert_eq!(world.stages(&address(11), Rule::Inactivity).await, Some(vec![]), "its episode opens all the same");
    let (_, sent) = world.run_with(report(late)).await;
    assert!(others(&sent).contains(&address(11).as_str()), "a fresh export lets it go");
    assert_eq!(world.stages(&address(11), Rule::Inactivity).await, Some(vec!["nudge".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_source_grows_old_waits_for_a_fresh_one() {
    let world = World::healthy(&[]).await;
    world.at(plus(DAY, 7));
    world.run(&down()).await;
    let waiting = world.count(MessageState::Pending).await + world.count(MessageState::Deferred).await;
    assert!(waiting > 20, "eight days are still fresh");
    world.at(plus(DAY, 8));
    let mailer = MemoryMailer::new();
    world.deliver(&mailer).await;
    assert_eq!(others(&recipients(&mailer)), [""; 0]);
    let deferred = world.store.list_messages(&[MessageState::Deferred]).await.unwrap();
    let whys: Vec<_> = deferred.iter().filter_map(|message| message.reply.as_deref()).collect();
    assert!(whys.iter().all(|why| why.starts_with("Portal Mailbox Report is out of date")), "{whys:?}");
    world.drop_in("report.csv", report(plus(DAY, 8)));
    world.at(plus(DAY, 9));
    world.run(&mailer).await;
    let left = world.count(MessageState::Pending).await + world.count(MessageState::Deferred).await;
    assert_eq!((left, others(&recipients(&mailer)).len() > 20), (0, true));
}

// --- Snoozes.

async fn snooze(world: &World, person: u32, days: i64) {
    let snooze = Snooze {
        number: 0,
        subject: world.subject(&address(person)).await,
        rule: Rule::Inactivity,
        until_on: plus(DAY, days),
        author: "tester".into(),
        reason: "on leave".into(),
        made_at: lapsewatch::clock::Clock::now(&*world.clock),
        ended_at: None,
    };
    world.store.add_snooze(&snooze).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snooze_is_silent_until_its_day_or_its_end() {
    for is_ended in [false, true] {
        let world = World::healthy(&[]).await;
        snooze(&world, NUDGED, 3).await;
        let (finished, sent) = world.run_with(&*GOOD).await;
        assert!(!sent.contains(&address(NUDGED)) && sent.contains(&address(NUDGED + 60)), "{sent:?}");
        assert_eq!(finished.report.snoozed, 1);
        assert_eq!(world.stages(&address(NUDGED), Rule::Inactivity).await, Some(vec![]), "no stage is consumed");
        if is_ended {
            let subject = world.subject(&address(NUDGED)).await;
            let now = lapsewatch::clock::Clock::now(&*world.clock);
            assert!(world.store.end_snooze(subject, Rule::Inactivity, now).await.unwrap());
        } else {
            world.at(MONDAY);
        }
        let mailer = MemoryMailer::new();
        world.run(&mailer).await;
        assert!(recipients(&mailer).contains(&address(NUDGED)), "ended early: {is_ended}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snooze_after_the_plan_stops_the_message_and_its_stage_comes_afterwards() {
    let world = World::healthy(&[]).await;
    world.drop_in("report.csv", &*GOOD);
    world.run(&down()).await;
    snooze(&world, NUDGED, 3).await;
    world.after(jiff::SignedDuration::from_mins(10));
    let mailer = MemoryMailer::new();
    world.deliver(&mailer).await;
    let sent = recipients(&mailer);
    assert!(!sent.contains(&address(NUDGED)) && sent.contains(&address(NUDGED + 60)), "{sent:?}");
    world.at(MONDAY);
    world.run(&mailer).await;
    assert!(recipients(&mailer).contains(&address(NUDGED)), "on its day");
}

// --- Refused addresses.

/// Who is told of a password after the address was refused for it, once `news` have come.
async fn told_after_refusal(news: impl Fn(&World)) -> Vec<String> {
    let world = World::healthy(&["adoption.hold=false", "breaker.enabled=false"]).await;
    world.drop_in("users.json", passwords(&[(0, plus(DAY, -335))]));
    let mailer = refusing(0, Step::RcptTo, 550, "5.1.1 No such user");
    world.drop_in("report.csv", &*GOOD);
    world.run(&mailer).await;
    assert!(mailer.tried().iter().any(|mail| mail.to == address(0)), "the first of its password warnings");
    let marked = world.store.load_standings().await.unwrap().unreachable;
    assert_eq!(marked.iter().map(|refused| refused.address.as_str()).collect::<Vec<_>>(), [address(0)]);
    let before = world.told().await;
    assert!(
        before.keys().any(|(to, about, rule, _)| { to == OWNER && *about == address(0) && *rule == Rule::Password }),
        "it climbs"
    );
    // The Friday before the Sunday on which the next one stands.
    world.at(plus(DAY, 14));
    news(&world);
    world.run(&MemoryMailer::new()).await;
    let told = since(&world.told().await, &before);
    told.into_keys()
        .filter(|(_, about, rule, _)| *about == address(0) && *rule == Rule::Password)
        .map(|(to, ..)| to)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_address_is_written_to_but_does_not_stand_alone_until_newer_facts() {
    let joined = told_after_refusal(|_| ()).await;
    assert_eq!(joined, [OWNER.to_owned(), address(0)], "whole further rungs join, and it is still sent");
    let used = told_after_refusal(|world| {
        let day = plus(DAY, 14);
        let mut rows = rows(day, DAY_FIRST);
        rows[0].used = stamp(plus(DAY, 1), DAY_FIRST);
        world.drop_in("report.csv", write(&rows, DAY_FIRST));
    });
    assert_eq!(used.await, [address(0)], "used since");
    let line =
        format!("TP1A2,Optometry,NORTHTOWN OPTICIANS,Northtown,northtown.tp1a2@nhs.net,{},member,,NAS\n", address(0));
    let listed = told_after_refusal(|world| {
        world.drop_in("2026-12-04 site-contacts.csv", CONTACTS.to_owned() + &line);
    });
    assert_eq!(listed.await, [address(0)], "a newer list of contacts has it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_the_message_climbs_and_marks_nobody() {
    let world = World::healthy(&[]).await;
    world.drop_in("report.csv", &*GOOD);
    world.run(&refusing(NUDGED, Step::Body, 554, "5.6.0 Not like that")).await;
    assert_eq!(world.store.load_standings().await.unwrap().unreachable, []);
    let told = world.told().await;
    let climbed = (OWNER.to_owned(), address(NUDGED), Rule::Inactivity, "nudge".to_owned());
    assert_eq!(told.get(&climbed), Some(&1), "to the owner");
}

// --- News while a batch is under way.

/// Takes everything; while it has the first message, another program loads what is in the inbox.
#[derive(Clone)]
struct Meanwhile {
    inner: MemoryMailer,
    site: lapsewatch::jobs::Site,
    is_done: Arc<AtomicBool>,
}

#[async_trait]
impl Mailer for Meanwhile {
    fn session(&self) -> Box<dyn Session> {
        Box::new(self.clone())
    }

    fn describe(&self) -> String {
        "memory".into()
    }

    async fn probe(&self) -> Result<(), SendError> {
        Ok(())
    }
}

#[async_trait]
impl Session for Meanwhile {
    async fn send(&mut self, mail: &Outgoing) -> Result<Receipt, SendError> {
        if !self.is_done.swap(true, Ordering::SeqCst) {
            sweep(&self.site, &|_, _| ()).await.unwrap();
        }
        self.inner.session().send(mail).await
    }

    async fn close(&mut self) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_comes_while_a_batch_is_under_way_counts_for_the_rest_of_it() {
    let world = World::healthy(&["mail.smtp.connections=1"]).await;
    world.drop_in("report.csv", &*GOOD);
    world.run(&down()).await;
    world.after(jiff::SignedDuration::from_mins(10));
    let mut everybody = rows(DAY, DAY_FIRST);
    for row in everybody.iter_mut().filter(|row| row.kind == "User") {
        row.used = stamp(DAY, DAY_FIRST);
    }
    world.drop_in("later.csv", write(&everybody, DAY_FIRST));
    let inner = MemoryMailer::new();
    let mailer = Meanwhile { inner: inner.clone(), site: world.site(&inner), is_done: Arc::default() };
    world.deliver(&mailer).await;
    // One more may have been leased, and checked, before the load.
    assert!(inner.sent().len() <= 3, "{:?}", recipients(&inner));
    assert!(world.count(MessageState::Cancelled).await > 20);
    assert_eq!(world.count(MessageState::Pending).await + world.count(MessageState::Deferred).await, 0);
}
