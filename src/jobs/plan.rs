//! The plan of a run: read everything, decide everything, write it in one transaction.

use super::{JobError, Site, naming::names};
use crate::{
    domain::{
        message::Message,
        plan::{Plan, Refused, climb, plan, settle},
        policy::{OnUnknown, Policy},
        register::Register,
        subject::Address,
    },
    store::{Changes, NewMessage, RefusedNotice, RunId},
};

/// What a run decided, and on what.
#[derive(Debug)]
pub struct Planned {
    /// The decisions.
    pub plan: Plan,
    /// The register they rest on.
    pub register: Register,
}

/// Plans today's run and writes the plan: episodes, notices, messages and ledger together (rule 22).
///
/// # Errors
/// When the store fails; nothing of the plan is then written.
pub async fn plan_run(site: &Site, run: RunId) -> Result<Planned, JobError> {
    let register = site.store.load_register().await?;
    let told = site.store.load_told().await?;
    let planning = site.planning(site.today());
    let (mut register, plan) = tokio::task::block_in_place(|| {
        let mut register = register;
        let missing = settle(planning, &mut register);
        let plan = plan(planning, &register, &told, missing);
        (register, plan)
    });
    let messages = name_all(site, &plan.messages);
    let (touched, removed) = register.take_changes();
    let subjects = touched.iter().filter_map(|id| register.find(*id)).collect();
    let changes = Changes { subjects, removed: removed.into_iter().collect() };
    site.store.save_plan(run, &plan, &messages, &changes, site.clock.now()).await?;
    Ok(Planned { plan, register })
}

/// Plans today's run on a register and writes nothing.
///
/// # Errors
/// When the store fails.
pub async fn plan_dry(site: &Site, mut register: Register) -> Result<Planned, JobError> {
    let told = site.store.load_told().await?;
    let planning = site.planning(site.today());
    let missing = settle(planning, &mut register);
    let plan = plan(planning, &register, &told, missing);
    Ok(Planned { plan, register })
}

/// Lets refused notices climb one rung (rules 15 and 25). Returns how many messages that made.
///
/// # Errors
/// When the store fails.
pub async fn climb_refused(site: &Site, run: RunId, register: &Register) -> Result<usize, JobError> {
    let refused = site.store.list_refused().await?;
    if refused.is_empty() {
        return Ok(0);
    }
    let as_domain = |row: &RefusedNotice| Refused {
        notice: row.notice.clone(),
        told: row.told.iter().map(|address| Address::new(address)).collect(),
    };
    let climbing: Vec<_> = refused.iter().map(as_domain).collect();
    let told = site.store.load_told().await?;
    let messages = name_all(site, &climb(site.planning(site.today()), register, &told, &climbing));
    let numbers: Vec<_> = refused.iter().map(|row| row.number).collect();
    site.store.save_climb(run, &numbers, &messages, site.clock.now()).await?;
    Ok(messages.len())
}

fn name_all(site: &Site, messages: &[Message]) -> Vec<NewMessage> {
    let domain = site.config.mail.from.email.domain();
    let named = |message: &Message| {
        let names = names(message, domain);
        NewMessage {
            on_unknown: on_unknown(&site.config.policy, message),
            message: message.clone(),
            reference: names.reference,
            message_id: names.message_id,
        }
    };
    messages.iter().map(named).collect()
}

/// A message is sent again when any of its stages says so: the one that must not be lost decides.
fn on_unknown(policy: &Policy, message: &Message) -> OnUnknown {
    let resends = message.notices.iter().any(|notice| {
        let stages = &policy.rule(notice.rule).stages;
        stages.iter().any(|stage| stage.name == notice.stage.base() && stage.on_unknown == OnUnknown::Resend)
    });
    if resends { OnUnknown::Resend } else { OnUnknown::Hold }
}
