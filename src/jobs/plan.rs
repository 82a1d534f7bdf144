//! The plan of a run: look at everybody who is awake, decide everything, write it in one transaction.

use std::collections::BTreeSet;

use super::{
    JobError, Site,
    alerts::{Alerts, Seen, carrier, gather},
    breaker::trips,
    facts::{Facts, gates},
    hold::{HoldReasons, first_rules},
    load::LoadReport,
    naming::names,
    observe::Observed,
    survey::survey,
    window::Window,
};
use crate::{
    domain::{
        message::{Message, MessageKind},
        plan::{Plan, Planning, Refused, climb, plan, settle},
        policy::{OnUnknown, Policy, Rule, Stage},
        register::Register,
        subject::Address,
    },
    mail::render::Alert,
    store::{Changes, Decided, HoldState, NewMessage, RefusedNotice, RunId, Standings, Totals},
};

/// Runs that are looked back upon.
const RUNS_LOOKED_AT: u32 = 400;

/// What a run decided, and on what.
#[derive(Debug)]
pub struct Planned {
    /// The decisions.
    pub plan: Plan,
    /// What its report counts, of everybody.
    pub totals: Totals,
    /// Why messages wait for a person; `None` when none does.
    pub hold: Option<HoldReasons>,
    /// The rules that have something to go by, and whose first plan nobody saw yet.
    pub first_rules: Vec<Rule>,
    /// The operator gets a message of alerts alone: it tells no notice, so the plan does not hold it.
    pub has_bulletin: bool,
}

/// Plans today's run and writes the plan: episodes, notices, messages, ledger and what the operator is told besides,
/// together (rule 22).
///
/// # Errors
/// When the store fails; nothing of the plan is then written.
pub async fn plan_run(site: &Site, run: RunId, observed: &Observed) -> Result<Planned, JobError> {
    let mut window = Window::open(site.store.as_ref()).await?;
    // Of the same moment as who is awake: what is decided later wakes for the next run.
    let standings = window.reading().read_standings().await?;
    let gates = gates(site, &standings, awaiting(site, &standings));
    let planning = Planning { gates: &gates, ..site.planning(site.today()) };
    let mut surveyed = survey(site, window, &standings, planning).await?;
    let (hold, first_rules) = decide(site, &mut surveyed.made.plan, &standings, &[]).await?;
    let plan = &surveyed.made.plan;
    let looked = &surveyed.awake.subjects;
    let seen = Seen { run, observed, plan, looked, hold: hold.as_ref(), standings: &standings };
    let alerts = gather(site, seen).await?;
    let mut messages = [name_all(site, &plan.messages, false), name_all(site, &plan.held, true)].concat();
    attach(site, &alerts, &mut messages);
    let has_bulletin = messages.last().is_some_and(|message| message.message.notices.is_empty());
    let why = hold.as_ref().map(|hold| serde_json::to_string(hold).unwrap_or_default());
    let rules = adopted(site, plan, hold.as_ref(), &first_rules, &waiting_rules(site).await?);
    let decided = Decided {
        plan,
        messages: &messages,
        changes: &Changes { subjects: surveyed.concluded.values().collect(), removed: Vec::new() },
        hold: why.as_deref(),
        adopted: &rules,
        alerts: &alerts.names.iter().map(String::as_str).collect::<Vec<_>>(),
        looked: Some(surveyed.looked()),
    };
    site.store.save_plan(run, &decided, site.clock.now()).await?;
    let totals = site.store.begin_reading().await?.count(plan.on).await?;
    let totals = Totals { subjects: plan.report.subjects, ..totals };
    Ok(Planned { plan: surveyed.made.plan, totals, hold, first_rules, has_bulletin })
}

/// Plans today's run on a register and writes nothing. `fresh` are the files merged into it that are not in the store.
///
/// # Errors
/// When the store fails.
pub async fn plan_dry(site: &Site, mut register: Register, fresh: &[LoadReport]) -> Result<Planned, JobError> {
    let standings = site.store.load_standings().await?;
    let told = site.store.load_told().await?;
    let gates = gates(site, &standings, awaiting(site, &standings));
    let planning = Planning { gates: &gates, ..site.planning(site.today()) };
    let mut plan = tokio::task::block_in_place(|| {
        let missing = settle(planning, &mut register);
        plan(planning, &register, &told, &missing)
    });
    let (hold, first_rules) = decide(site, &mut plan, &standings, fresh).await?;
    let report = &plan.report;
    let totals = Totals {
        subjects: report.subjects,
        resting: report.resting,
        no_date: report.no_date.len() as u64,
        overdue: report.overdue.len() as u64,
        missing: report.missing.len() as u64,
    };
    Ok(Planned { plan, totals, hold, first_rules, has_bulletin: false })
}

/// Whether a plan leaves or waits for a person: why, and the rules whose first plan it is.
async fn decide(
    site: &Site,
    plan: &mut Plan,
    standings: &Standings,
    fresh: &[LoadReport],
) -> Result<(Option<HoldReasons>, Vec<Rule>), JobError> {
    let first = first_rules(&plan.report.fed, &standings.adopted, &site.config.policy);
    let trips = trips(site, plan, fresh).await?;
    if !trips.is_empty() {
        plan.hold_all();
    }
    let hold = HoldReasons::of(plan, trips, &first);
    Ok((hold, first))
}

/// The rules whose plans wait for a person: those of which no plan has gone out yet (20).
fn awaiting(site: &Site, standings: &Standings) -> Vec<Rule> {
    let is_new = |rule: &Rule| !standings.adopted.contains(rule);
    Rule::ALL.into_iter().filter(|rule| site.config.adoption.hold && is_new(rule)).collect()
}

/// The rules of earlier runs that were held and not approved.
async fn waiting_rules(site: &Site) -> Result<BTreeSet<Rule>, JobError> {
    let runs = site.store.list_runs(RUNS_LOOKED_AT).await?;
    let waiting = runs.into_iter().filter_map(|run| run.hold).filter(|hold| hold.state != HoldState::Approved);
    Ok(waiting.flat_map(|hold| HoldReasons::read(&hold.why).rules()).collect())
}

/// The rules that this run adopts: where nothing is held for adoption, all that it could send of; else those that it could
/// send of and has nothing to send of. A rule that an earlier run held waits for its approval, and a day on which
/// something is silent for another reason (closed, exports too old, snoozed) shows nothing.
fn adopted(
    site: &Site,
    plan: &Plan,
    hold: Option<&HoldReasons>,
    first_rules: &[Rule],
    held_before: &BTreeSet<Rule>,
) -> Vec<Rule> {
    let report = &plan.report;
    let is_quiet = report.snoozed > 0 || !report.stale.is_empty() || site.config.calendar.is_closed(plan.on);
    if hold.is_some_and(|hold| !hold.trips.is_empty()) || (site.config.adoption.hold && is_quiet) {
        return Vec::new();
    }
    let waiting = hold.map(HoldReasons::rules).unwrap_or_default();
    let waits = |rule: &Rule| waiting.contains(rule) || held_before.contains(rule);
    first_rules.iter().copied().filter(|rule| !waits(rule)).collect()
}

/// Lets refused notices climb one rung (rules 15 and 25). Returns how many messages that made.
///
/// # Errors
/// When the store fails.
pub async fn climb_refused(site: &Site, run: RunId, facts: &Facts) -> Result<usize, JobError> {
    let refused = site.store.list_refused().await?;
    if refused.is_empty() {
        return Ok(0);
    }
    let as_domain = |row: &RefusedNotice| Refused {
        notice: row.notice.clone(),
        told: row.told.iter().map(|address| Address::new(address)).collect(),
    };
    let climbing: Vec<_> = refused.iter().map(as_domain).collect();
    let subjects: Vec<_> = climbing.iter().map(|refused| refused.notice.subject_id).collect();
    let facts = facts.about(site, &subjects, &[]).await?;
    let planning = facts.planning(site, site.today());
    let messages = name_all(site, &climb(planning, &facts.register, &facts.told, &climbing), false);
    let numbers: Vec<_> = refused.iter().map(|row| row.number).collect();
    let is_written = site.store.save_climb(run, &numbers, &messages, site.clock.now()).await?;
    Ok(if is_written { messages.len() } else { 0 })
}

/// Puts alerts into the operator's message of the run, or into one of their own.
fn attach(site: &Site, alerts: &Alerts, messages: &mut Vec<NewMessage>) {
    if alerts.alerts.is_empty() {
        return;
    }
    let operator = &site.config.policy.operator;
    let (on, recipient, kind) = (site.today(), operator.clone(), MessageKind::Operator);
    let bulletin = Alert::write(&alerts.alerts).ok();
    match carrier(messages).and_then(|place| messages.get_mut(place)) {
        Some(carrier) => *carrier = named(site, &carrier.message, false, bulletin),
        None => messages.push(named(site, &Message { on, recipient, kind, notices: Vec::new() }, false, bulletin)),
    }
}

fn name_all(site: &Site, messages: &[Message], is_held: bool) -> Vec<NewMessage> {
    messages.iter().map(|message| named(site, message, is_held, None)).collect()
}

fn named(site: &Site, message: &Message, is_held: bool, bulletin: Option<String>) -> NewMessage {
    let names = names(message, bulletin.as_deref(), site.config.mail.from.email.domain());
    let policy = &site.config.policy;
    // What must not be lost decides for the rest of its message; alerts must not, and reading one twice harms nobody.
    let is_any = |has: fn(&Stage) -> bool| bulletin.is_some() || any_stage(policy, message, has);
    let resends = is_any(|stage| stage.on_unknown == OnUnknown::Resend);
    NewMessage {
        on_unknown: if resends { OnUnknown::Resend } else { OnUnknown::Hold },
        is_any_day: is_any(|stage| stage.any_day),
        message: message.clone(),
        reference: names.reference,
        message_id: names.message_id,
        is_held,
        bulletin,
    }
}

/// Whether a stage that a message tells of has a property.
pub(super) fn any_stage(policy: &Policy, message: &Message, has: impl Fn(&Stage) -> bool) -> bool {
    message.notices.iter().any(|notice| {
        let stages = &policy.rule(notice.rule).stages;
        stages.iter().any(|stage| stage.name == notice.stage.base() && has(stage))
    })
}
