//! What a person decides about held runs: their messages leave, at once or spread over days, or are dropped (rules 19
//! and 20).
//!
//! Reads the held messages, writes one decision for each run. Sends nothing: whoever delivers finds them due.

use std::collections::BTreeMap;

use jiff::{Zoned, civil::Date};

use super::{JobError, Site, hold::HoldReasons, plan::any_stage, shelves::let_in};
use crate::{
    domain::{
        outbox::MessageState,
        spread::{Waiting, spread},
    },
    store::{Doubt, RunId, RunRow, StoredMessage},
};

/// A run that was decided on.
#[derive(Debug, Clone)]
pub struct DecidedRun {
    /// Which.
    pub run: RunRow,
    /// How many messages leave from which civil day on, in the policy's zone, or were dropped today.
    pub days: BTreeMap<Date, u64>,
    /// The exports it was held for, each with whether it is in the inbox again.
    pub files: Vec<(String, bool)>,
}

/// Releases these held runs together, over so many civil days from now on. A run that somebody else decided on meanwhile
/// is left out of the answer.
///
/// # Errors
/// When the store fails.
pub async fn approve(site: &Site, runs: Vec<RunRow>, days: u16, by: &str) -> Result<Vec<DecidedRun>, JobError> {
    let now = site.clock.now().to_zoned(site.config.time_zone.clone());
    let held = held_of(site, &runs).await?;
    let at = spread(
        &held.iter().map(|message| waiting(site, message)).collect::<Vec<_>>(),
        days,
        &now,
        &site.config.calendar,
    );
    let mut starts: BTreeMap<RunId, Vec<(&StoredMessage, Zoned)>> = BTreeMap::new();
    for (message, at) in held.iter().zip(at) {
        starts.entry(message.run).or_default().push((message, at));
    }
    let mut decided = Vec::new();
    for run in runs {
        let of_run = starts.remove(&run.id).unwrap_or_default();
        let rules = run.hold.as_ref().map(|hold| HoldReasons::read(&hold.why).rules()).unwrap_or_default();
        let at: Vec<_> = of_run.iter().map(|(message, at)| (message.number, at.timestamp())).collect();
        if site.store.approve_run(run.id, by, &rules, &at, now.timestamp()).await? {
            let days = count_days(of_run.iter().map(|(_, at)| at.date()));
            decided.push(DecidedRun { files: let_files_in(site, run.id).await?, run, days });
        }
    }
    Ok(decided)
}

/// Drops these held runs: the next run decides anew. A run that somebody else decided on meanwhile is left out of the
/// answer.
///
/// # Errors
/// When the store fails.
pub async fn discard(site: &Site, runs: Vec<RunRow>, by: &str) -> Result<Vec<DecidedRun>, JobError> {
    let held = held_of(site, &runs).await?;
    let mut decided = Vec::new();
    for run in runs {
        let messages = held.iter().filter(|message| message.run == run.id);
        let days = count_days(messages.map(|_| site.today()));
        if site.store.discard_run(run.id, by, site.clock.now()).await? {
            decided.push(DecidedRun { run, days, files: Vec::new() });
        }
    }
    Ok(decided)
}

/// Lets the exports in that a run was held for: whoever approves it says that they are right. One that cannot be moved
/// is told as not let in: the decision stands, and a person may move it.
async fn let_files_in(site: &Site, run: RunId) -> Result<Vec<(String, bool)>, JobError> {
    let doubts = site.store.list_doubts(Some(run)).await?;
    let is_in = |doubt: &Doubt| {
        let_in(site, doubt).unwrap_or_else(|why| {
            tracing::error!(file = doubt.file_name, "{} stays in quarantine: {why}", doubt.file_name);
            false
        })
    };
    Ok(doubts.into_iter().map(|doubt| (is_in(&doubt), doubt.file_name)).map(|(is_in, name)| (name, is_in)).collect())
}

async fn held_of(site: &Site, runs: &[RunRow]) -> Result<Vec<StoredMessage>, JobError> {
    let mut held = site.store.list_messages(&[MessageState::Held]).await?;
    held.retain(|message| runs.iter().any(|run| run.id == message.run));
    Ok(held)
}

fn waiting(site: &Site, stored: &StoredMessage) -> Waiting {
    let is_any_day = any_stage(&site.config.policy, &stored.message, |stage| stage.any_day);
    let deadlines = stored.message.notices.iter().map(|notice| notice.deadline_on);
    Waiting {
        deadline_on: deadlines.min().unwrap_or(stored.message.on),
        needs_open_day: site.config.mail.working_days && !is_any_day,
    }
}

fn count_days(days: impl Iterator<Item = Date>) -> BTreeMap<Date, u64> {
    let mut counts = BTreeMap::new();
    for day in days {
        *counts.entry(day).or_default() += 1;
    }
    counts
}
