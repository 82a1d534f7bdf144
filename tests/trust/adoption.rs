//! Nothing is sent for the first time before a person has seen it (rule 20).

use std::collections::BTreeSet;

use super::site::*;
use lapsewatch::{
    domain::{message::MessageKind, policy::Rule},
    mail::memory::MemoryMailer,
    store::{MessageState, StoredMessage},
};

const NO_BREAKER: &str = "breaker.enabled=false";

#[tokio::test(flavor = "multi_thread")]
async fn the_first_run_is_held_until_it_is_approved() {
    let world = World::empty(&[NO_BREAKER]).await;
    let (finished, sent) = world.run_with(report(FIRST)).await;
    assert_eq!(others(&sent), [""; 0]);
    assert_eq!(why(&finished), ["These are the first messages of the rule \"inactivity\"."]);
    let held = world.count(MessageState::Held).await;
    world.approve(&world.held().await[0]).await;
    world.run(&MemoryMailer::new()).await;
    let accepted = world.count(MessageState::Accepted).await;
    assert_eq!((accepted, held > 30), (held + 1, true), "each of them, once, and the operator's that they were held");
    world.at(plus(FIRST, 3));
    let (finished, sent) = world.run_with(report(plus(FIRST, 3))).await;
    assert_eq!((why(&finished).len(), others(&sent).is_empty()), (0, false), "from then on nobody is asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_held_where_nobody_wants_it() {
    let world = World::empty(&[NO_BREAKER, "adoption.hold=false"]).await;
    let (finished, sent) = world.run_with(report(FIRST)).await;
    assert_eq!((why(&finished).len(), others(&sent).is_empty()), (0, false));
}

/// The owner's messages of today.
async fn to_owner_today(world: &World) -> Vec<StoredMessage> {
    let mut messages = world.store.list_messages(&[]).await.unwrap();
    messages.retain(|message| message.message.recipient.as_str() == OWNER && message.message.on == DAY);
    messages.retain(|message| message.message.kind == MessageKind::Digest && message.message.notices.len() > 1);
    messages
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_whose_first_source_comes_later_is_held_alone() {
    let world = World::healthy(&[]).await;
    world.drop_in("users.json", passwords(&[(0, plus(DAY, -359)), (60, plus(DAY, -359)), (1, plus(DAY, -336))]));
    let (finished, sent) = world.run_with(&*GOOD).await;
    assert_eq!(why(&finished), ["These are the first messages of the rule \"password\"."]);
    assert!(others(&sent).contains(&address(57).as_str()), "the other rules go on: {sent:?}");
    assert!(!others(&sent).contains(&address(1).as_str()));
    let mut rules = Vec::new();
    for message in to_owner_today(&world).await {
        let is_password = |notice: &lapsewatch::domain::message::Notice| notice.rule == Rule::Password;
        let all = message.message.notices.iter().all(is_password);
        assert_eq!(all, message.message.notices.iter().any(is_password), "one or the other: {message:?}");
        rules.push((all, message.state));
    }
    rules.sort_unstable();
    assert_eq!(rules, [(false, MessageState::Accepted), (true, MessageState::Held)]);
    world.approve(&world.held().await[0]).await;
    let mailer = MemoryMailer::new();
    world.run(&mailer).await;
    assert!(mailer.sent().iter().any(|mail| mail.to == address(1)));
    assert_eq!(world.count(MessageState::Held).await, 0);
}

/// Ten days of reports that nobody answers for.
async fn unanswered() -> World {
    let world = World::empty(&[NO_BREAKER]).await;
    for days in 0..=10 {
        let day = plus(FIRST, days);
        world.at(day);
        let (_, sent) = world.run_with(report(day)).await;
        assert_eq!(others(&sent), [""; 0], "{day}");
    }
    world
}

/// About whom which stage was told, whoever reads it.
fn stages(told: &ToldTo) -> BTreeSet<(&str, Rule, &str)> {
    told.keys().map(|(_, subject, rule, stage)| (subject.as_str(), *rule, stage.as_str())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_that_nobody_answers_wait_and_are_checked_again_when_they_are_approved() {
    let world = unanswered().await;
    for held in world.held().await {
        world.approve(&held).await;
    }
    world.run(&MemoryMailer::new()).await;
    let told = world.told().await;
    assert!(told.values().all(|times| *times == 1), "nobody is told twice");
    assert_eq!((world.count(MessageState::Held).await, world.count(MessageState::Pending).await), (0, 0));
    assert!(world.count(MessageState::Cancelled).await > 0, "what was overtaken meanwhile is not sent");
    // Begun today and not held, the same site would tell of the same people, and of none whose deadline is over.
    let fresh = World::empty(&[NO_BREAKER, "adoption.hold=false"]).await;
    fresh.at(plus(FIRST, 10));
    fresh.run_with(report(plus(FIRST, 10))).await;
    assert_eq!(stages(&told), stages(&fresh.told().await));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_of_two_held_runs_may_be_approved_alone() {
    let world = unanswered().await;
    let held = world.held().await;
    let last = held.last().unwrap();
    world.approve(last).await;
    world.run(&MemoryMailer::new()).await;
    let mut sent = world.store.list_messages(&[MessageState::Accepted]).await.unwrap();
    sent.retain(|message| !message.message.notices.is_empty());
    assert!(!sent.is_empty() && sent.iter().all(|message| message.run == last.id), "only its own");
    assert_eq!(world.held().await.len(), held.len() - 1);
}
