//! One pass over everything: load the inbox, evaluate, plan, deliver, climb, report. What `once` does, and what the
//! daemon does on each civil day.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::{
    JobError, Site,
    breaker::Standing,
    deliver::{Delivered, deliver},
    facts::Facts,
    hold::HoldReasons,
    inbox::look_around,
    load::{Candidate, LoadReport, file_name, merge},
    observe::{Observed, day_of, recognise, sweep, waits_in_place},
    plan::{Planned, climb_refused, plan_dry, plan_run},
    retention::{Removed, prune},
};
use crate::{
    domain::{facts::SnapshotId, message::MessageKind, register::Register},
    store::RunId,
};

/// Rungs a notice can climb: more passes than this find nothing new.
const MOST_CLIMBS: usize = 6;

/// What a run saw, decided and did. Kept in the store as JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunReport {
    /// Files taken, by outcome.
    pub files: BTreeMap<String, u64>,
    /// Subjects looked at.
    pub subjects: u64,
    /// Subjects whose status is in flight.
    pub resting: u64,
    /// Messages planned, by kind.
    pub messages: BTreeMap<String, u64>,
    /// Notices planned.
    pub notices: u64,
    /// Rules that apply and have nothing to count from.
    pub no_date: u64,
    /// Live subjects past a deadline.
    pub overdue: u64,
    /// Findings of which nobody but the operator was told.
    pub operator_only: u64,
    /// Subjects gone from two snapshots running.
    pub missing: u64,
    /// Findings that somebody snoozed.
    #[serde(default)]
    pub snoozed: u64,
    /// Messages that wait for a person.
    #[serde(default)]
    pub held: u64,
    /// Why they wait.
    #[serde(default)]
    pub hold: Option<HoldReasons>,
    /// What was removed for its age.
    #[serde(default)]
    pub removed: Removed,
    /// What delivery did; in the daemon it goes on after the run.
    pub delivered: Delivered,
}

/// A run that ended.
#[derive(Debug)]
pub struct Finished {
    /// Its number.
    pub run: RunId,
    /// The civil day.
    pub on: Date,
    /// What the inbox held.
    pub observed: Observed,
    /// What was decided.
    pub planned: Planned,
    /// The counts.
    pub report: RunReport,
}

/// Runs today. `kind` is `once` or `daemon`.
///
/// # Errors
/// When a folder or the store fails. What was written until then stays, and the next run goes on from there.
pub async fn run_today(
    site: &Site,
    kind: &str,
    progress: &(dyn Fn(&str, u64) + Sync),
    stop: &CancellationToken,
) -> Result<Finished, JobError> {
    let mut finished = plan_today(site, kind, progress).await?;
    loop {
        let delivered = deliver_due(site, stop).await?;
        let is_waiting = delivered.is_waiting && !stop.is_cancelled();
        add(&mut finished.report.delivered, delivered);
        if !is_waiting {
            break;
        }
    }
    finish(site, &finished).await?;
    Ok(finished)
}

/// Loads the inbox and plans today, and leaves the delivery to others.
///
/// # Errors
/// As [`run_today`].
pub async fn plan_today(site: &Site, kind: &str, progress: &(dyn Fn(&str, u64) + Sync)) -> Result<Finished, JobError> {
    let on = site.today();
    check_clock(site, on).await?;
    let observed = sweep(site, progress).await?;
    let run = site.store.begin_run(on, kind, site.clock.now()).await?;
    let planned = plan_run(site, run, &observed).await?;
    let report = RunReport { removed: prune(site).await, ..summarise(&observed, &planned) };
    let finished = Finished { run, on, observed, planned, report };
    finish(site, &finished).await?;
    Ok(finished)
}

/// A run never goes back behind another: what it told would be told twice.
async fn check_clock(site: &Site, today: Date) -> Result<(), JobError> {
    let newest = site.store.list_runs(1).await?.pop().map(|run| run.on_day);
    match newest {
        Some(newest) if newest > today => Err(JobError::ClockBehind { today, newest }),
        _ => Ok(()),
    }
}

async fn finish(site: &Site, finished: &Finished) -> Result<(), JobError> {
    let as_json = serde_json::to_string(&finished.report).unwrap_or_default();
    Ok(site.store.finish_run(finished.run, site.clock.now(), &as_json).await?)
}

/// Delivers what is due: what the newest run planned, deferred messages whose time has come, and what an earlier
/// delivery left. What is refused climbs a rung and is delivered to the next, until nothing climbs.
///
/// # Errors
/// When the store fails or the messages cannot be written at all.
pub async fn deliver_due(site: &Site, stop: &CancellationToken) -> Result<Delivered, JobError> {
    let Some(run) = site.store.list_runs(1).await?.pop() else { return Ok(Delivered::default()) };
    let mut facts = Facts::load(site).await?;
    let mut delivered = Delivered::default();
    for _ in 0..=MOST_CLIMBS {
        add(&mut delivered, deliver(site, &mut facts, stop).await?);
        if stop.is_cancelled() || climb_refused(site, run.id, &facts).await? == 0 {
            break;
        }
    }
    Ok(delivered)
}

/// Says what today's run would do, and changes nothing.
///
/// # Errors
/// When a folder or the store fails.
pub async fn run_dry(site: &Site) -> Result<(Observed, Planned), JobError> {
    let mut register = site.store.load_register().await?;
    let observed = preview_inbox(site, &mut register).await?;
    let planned = plan_dry(site, register, &observed.loads).await?;
    Ok((observed, planned))
}

/// Merges the inbox into a register that is thrown away afterwards.
async fn preview_inbox(site: &Site, register: &mut Register) -> Result<Observed, JobError> {
    let mut observed = Observed::default();
    let inbox = &site.config.snapshots.inbox;
    if !inbox.exists() {
        return Ok(observed);
    }
    let found = look_around(inbox)?;
    observed.left.extend(found.passed_over.into_iter().map(|passed| (passed.file, passed.why)));
    let (candidates, refused) = recognise(site, &found.files.into_keys().collect::<Vec<_>>());
    observed.loads.extend(refused.into_iter().map(|(path, why)| LoadReport::refused(&file_name(&path), why)));
    let next = site.store.next_snapshot_id().await?;
    for candidate in candidates {
        let as_of = day_of(site, &candidate);
        let is_known = site.store.find_snapshot(&candidate.sha256).await?.is_some();
        if as_of > site.today() || is_known || waits_in_place(site, &candidate.sha256).await? {
            continue;
        }
        let report = preview(site, &candidate, (next, as_of), register, &observed.loads).await?;
        observed.loads.push(report);
    }
    Ok(observed)
}

/// Merges one file; one that cannot be read or looks wrong leaves the register as it was. `fresh` were merged before it.
async fn preview(
    site: &Site,
    candidate: &Candidate,
    (id, as_of): (SnapshotId, Date),
    register: &mut Register,
    fresh: &[LoadReport],
) -> Result<LoadReport, JobError> {
    let standing = Standing::of(site, candidate, as_of, fresh).await?;
    let untouched = register.clone();
    let mut report = match merge(candidate, id, as_of, register, &site.config.policy) {
        Ok(report) => report,
        Err(why) => {
            *register = untouched;
            return Ok(LoadReport::refused(&candidate.name, why.to_string()));
        }
    };
    report.weigh(standing.before.as_ref(), &site.config.policy);
    match standing.doubt(&site.config.breaker, &report) {
        Some(doubt) => {
            *register = untouched;
            Ok(report.doubted(doubt))
        }
        None => Ok(report),
    }
}

fn summarise(observed: &Observed, planned: &Planned) -> RunReport {
    let plan = &planned.plan;
    let mut report = RunReport {
        subjects: planned.totals.subjects,
        resting: planned.totals.resting,
        no_date: planned.totals.no_date,
        overdue: planned.totals.overdue,
        operator_only: plan.report.operator_only.len() as u64,
        missing: planned.totals.missing,
        snoozed: plan.report.snoozed,
        held: plan.held.len() as u64,
        hold: planned.hold.clone(),
        ..RunReport::default()
    };
    for load in &observed.loads {
        let outcome = format!("{:?}", load.outcome).to_lowercase();
        *report.files.entry(outcome).or_default() += 1;
    }
    let messages = || plan.messages.iter().chain(&plan.held);
    for kind in [MessageKind::Letter, MessageKind::Digest, MessageKind::Operator] {
        let count = messages().filter(|message| message.kind == kind).count() as u64;
        report.messages.insert(kind.as_str().to_owned(), count);
    }
    report.notices = messages().map(|message| message.notices.len() as u64).sum();
    report
}

fn add(total: &mut Delivered, more: Delivered) {
    total.accepted += more.accepted;
    total.deferred += more.deferred;
    total.rejected += more.rejected;
    total.cancelled += more.cancelled;
    total.unknown += more.unknown;
    total.stopped = more.stopped.or(total.stopped.take());
    total.is_waiting = more.is_waiting;
}
