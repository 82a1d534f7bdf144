//! An outbox with as many messages as a test needs, and what is done with them.
#![allow(dead_code, reason = "each test file uses its own part of this")]
#![expect(clippy::expect_used, reason = "helpers of tests fail tests")]

use jiff::Timestamp;
use lapsewatch::{
    domain::{delivery::Outcome, plan::Plan, policy::OnUnknown, quota::Quota, register::Register},
    store::{Changes, Decided, Lease, MessageState, NewMessage, Settlement, Store, StoredMessage},
};

use super::{on, site::Site, story::Story};

/// An instant, so many seconds after one that nobody cares about.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_780_000_000 + seconds).expect("in range")
}

/// A plan of a few messages about two accounts, and who they are.
pub fn a_plan() -> (Plan, Register) {
    let site = Site::new("TP1AB").mailbox("northtown").owner("olive");
    let mut story = Story::begin(site.account("ada", "2026-07-03").account("bea", "2026-07-20"));
    story.walk(on("2026-08-28"), on("2026-08-28"), [], |_| false);
    let plan = story.run(on("2026-08-28"));
    (plan, story.register)
}

/// Writes a run of so many messages: those of the plan, over and over, each under names of its own.
pub async fn fill(store: &dyn Store, count: usize) {
    let (plan, register) = a_plan();
    let name = |(nth, message): (usize, &lapsewatch::domain::message::Message)| NewMessage {
        message: message.clone(),
        reference: format!("NR-{nth:05}-AAAAA"),
        message_id: format!("{nth}@anyshire.example"),
        on_unknown: OnUnknown::Resend,
        is_held: false,
        is_any_day: true,
        bulletin: None,
    };
    let messages: Vec<_> = plan.messages.iter().cycle().take(count).enumerate().map(name).collect();
    let changes = Changes { subjects: register.subjects().collect(), removed: Vec::new() };
    let decided = Decided {
        plan: &plan,
        messages: &messages,
        changes: &changes,
        hold: None,
        adopted: &[],
        alerts: &[],
        looked: None,
    };
    let run = store.begin_run(plan.on, "once", at(0)).await.expect("begun");
    store.save_plan(run, &decided, at(0)).await.expect("written");
}

/// A lease of so many messages for a minute.
pub fn lease(token: &str, seconds: i64, most: u32, quota: Quota) -> Lease {
    Lease { token: token.into(), now: at(seconds), until: at(seconds + 60), most, only_any_day: false, quota }
}

/// The settlement of a leased message, with every notice of it gone when it is cancelled.
pub fn settled(message: &StoredMessage, outcome: Outcome, state: MessageState, seconds: i64) -> Settlement {
    let is_cancelled = state == MessageState::Cancelled;
    Settlement {
        number: message.number,
        token: message.lease.as_ref().expect("it is leased").token.clone(),
        outcome,
        state,
        next_at: at(seconds),
        at: at(seconds),
        gone: if is_cancelled { message.message.notices.clone() } else { Vec::new() },
        unreachable_on: None,
    }
}
