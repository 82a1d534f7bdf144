//! What the operator is told besides notices: gathered from what a run saw and decided, and from the store.
//!
//! Each alert has a name, and a name is told once on a civil day: the first run of the day tells what still is so, a
//! later one only what is new. Nobody but the operator ever gets one. Writes nothing: the plan's transaction keeps
//! the names with the message.

use jiff::{Timestamp, civil::Date};

use super::{
    JobError, Site,
    brief::Briefing,
    coverage::{Unwritten, coverage},
    hold::HoldReasons,
    load::LoadOutcome,
    observe::Observed,
    shelves::refused_since,
    watchman::ends,
};
use crate::{
    domain::{coverage::Uncovered, message::MessageKind, plan::Plan, register::SubjectId},
    mail::render::{
        Alert,
        alert::{RefusedAddress, RefusedFile, TooOld, Uncovered as Row},
    },
    store::{MessageState, NewMessage, RunId, RunRow, Standings},
};

/// Most rows of the coverage list that a message carries; the rest is a number.
const MOST_ROWS: usize = 50;

/// How many runs are looked through for the newest one of an earlier day.
const RUNS_LOOKED_AT: u32 = 100;

/// Alerts of one run, and the names by which the store remembers that they were told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Alerts {
    /// What is told.
    pub alerts: Vec<Alert>,
    /// The names, for the store.
    pub names: Vec<String>,
}

impl Alerts {
    fn add(&mut self, told: &[String], name: String, alert: Option<Alert>) {
        let Some(alert) = alert.filter(|_| !told.contains(&name)) else { return };
        self.alerts.push(alert);
        self.names.push(name);
    }
}

/// What a run saw and decided, before it is written.
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    /// The run.
    pub run: RunId,
    /// What its inbox held.
    pub observed: &'a Observed,
    /// What it planned.
    pub plan: &'a Plan,
    /// Whom it looked at, rising.
    pub looked: &'a [SubjectId],
    /// Why messages wait for a person, if any do.
    pub hold: Option<&'a HoldReasons>,
    /// What the store kept besides.
    pub standings: &'a Standings,
}

/// What the operator has to be told now and was not told today.
///
/// # Errors
/// When the store fails or the quarantine cannot be read.
pub async fn gather(site: &Site, seen: Seen<'_>) -> Result<Alerts, JobError> {
    let (today, store) = (site.today(), &site.store);
    let told = store.list_alerts(today).await?;
    let earlier = store.list_runs(RUNS_LOOKED_AT).await?;
    let before_on = earlier.iter().map(|run| run.on_day).find(|on| *on < today);
    let mut alerts = Alerts::default();
    for (run, held) in held_runs(site, seen).await? {
        alerts.add(&told, format!("held:{}", run.0), Some(held));
    }
    alerts.add(&told, "stale".to_owned(), stale(seen.plan));
    add_refused(&mut alerts, &told, refused(site, seen.observed, &earlier)?);
    alerts.add(&told, "sender".to_owned(), sender(site, before_on).await?);
    if !told.iter().any(|name| name == "coverage") {
        alerts.add(&told, "coverage".to_owned(), uncovered(site, seen).await?);
    }
    let counts = store.count_messages().await?;
    let unknown = counts.into_iter().find(|(state, count)| *state == MessageState::Unknown && *count > 0);
    alerts.add(&told, "unknown".to_owned(), unknown.map(|(_, messages)| Alert::Unknown { messages }));
    let stopped = store.find_stopped().await?.map(|stopped| {
        let since_on = stopped.at.to_zoned(site.config.time_zone.clone()).date();
        Alert::Stopped { since_on, why: stopped.why }
    });
    alerts.add(&told, "stopped".to_owned(), stopped);
    alerts.add(&told, "unreachable".to_owned(), unreachable(seen.standings, before_on, today));
    Ok(alerts)
}

/// The runs that wait for a person, this one too.
async fn held_runs(site: &Site, seen: Seen<'_>) -> Result<Vec<(RunId, Alert)>, JobError> {
    let held = |run: RunId, on: Date, hold: &HoldReasons| {
        (run, Alert::Held { run: run.0, on, messages: hold.messages, why: hold.sentences() })
    };
    let waiting = site.store.list_held_runs().await?;
    let earlier = waiting.iter().filter(|row| row.id != seen.run).filter_map(|row| {
        let reasons = HoldReasons::read(&row.hold.as_ref()?.why);
        Some(held(row.id, row.on_day, &reasons))
    });
    let now = seen.hold.map(|hold| held(seen.run, site.today(), hold));
    Ok(earlier.chain(now).collect())
}

fn stale(plan: &Plan) -> Option<Alert> {
    let too_old = plan.report.stale.values();
    let source = |(stale, silent): &(crate::domain::freshness::Stale, u64)| TooOld {
        what: stale.to_string(),
        as_of_on: stale.as_of,
        silent: *silent,
    };
    let sources: Vec<_> = too_old.map(source).collect();
    (!sources.is_empty()).then_some(Alert::Stale { sources })
}

/// The files that this run refused, and those that were refused since the run before it ended.
fn refused(site: &Site, observed: &Observed, earlier: &[RunRow]) -> Result<Vec<RefusedFile>, JobError> {
    let is_refused = |outcome| outcome == LoadOutcome::Quarantined;
    let loads = observed.loads.iter().filter(|load| is_refused(load.outcome));
    let file = |name: &str, why: &str| RefusedFile { name: name.to_owned(), why: why.to_owned() };
    let mut files: Vec<_> = loads.map(|load| file(&load.file, load.reason.as_deref().unwrap_or_default())).collect();
    let ended = earlier.iter().find(|run| run.finished_at.is_some());
    let since = ended.map_or(Timestamp::MIN, |run| run.started_at);
    for aside in refused_since(site, since)? {
        let other = file(&aside.file, &aside.why);
        if !files.contains(&other) {
            files.push(other);
        }
    }
    Ok(files)
}

/// One alert for all files, and a name for each: the same file offered again is no news on the same day.
fn add_refused(alerts: &mut Alerts, told: &[String], files: Vec<RefusedFile>) {
    let name = |file: &RefusedFile| format!("refused:{}", file.name);
    let files: Vec<_> = files.into_iter().filter(|file| !told.contains(&name(file))).collect();
    if !files.is_empty() {
        alerts.names.extend(files.iter().map(name));
        alerts.alerts.push(Alert::Refused { files });
    }
}

async fn sender(site: &Site, before_on: Option<Date>) -> Result<Option<Alert>, JobError> {
    let ends = ends(site, before_on).await?;
    Ok((!ends.is_empty()).then_some(Alert::Sender { ends }))
}

async fn uncovered(site: &Site, seen: Seen<'_>) -> Result<Option<Alert>, JobError> {
    let unwritten = Unwritten { plan: seen.plan, looked: seen.looked };
    let coverage = coverage(site, seen.standings, Some(unwritten), MOST_ROWS).await?;
    let register = &coverage.register;
    let briefing = Briefing::new(&site.config, register, site.today());
    let row = |line: &Uncovered| {
        let subject = register.find(line.subject)?;
        let site = briefing.site(subject);
        Some(Row {
            deadline_on: line.deadline_on,
            address: subject.address().as_str().to_owned(),
            name: briefing.name(subject),
            ods: site.as_ref().map(|site| site.ods.clone()),
            site: site.map(|site| site.name),
            rule: line.rule.as_str().to_owned(),
            approximate: line.is_approximate,
            why: line.gap.words().to_owned(),
        })
    };
    let rows: Vec<_> = coverage.lines.iter().filter_map(row).collect();
    Ok((!rows.is_empty()).then_some(Alert::Coverage { rows, total: coverage.total }))
}

/// The addresses that were refused since the run of an earlier day, up to yesterday: each is told once.
fn unreachable(standings: &Standings, before_on: Option<Date>, today: Date) -> Option<Alert> {
    let is_news = |since_on: Date| before_on.is_some_and(|before_on| (before_on..today).contains(&since_on));
    let refused = standings.unreachable.iter().filter(|refused| is_news(refused.since_on));
    let address = |refused: &crate::store::Unreachable| RefusedAddress {
        address: refused.address.as_str().to_owned(),
        reply: refused.reply.clone(),
    };
    let addresses: Vec<_> = refused.map(address).collect();
    (!addresses.is_empty()).then_some(Alert::Unreachable { addresses })
}

/// The message that carries alerts: the operator's own of the run, if one leaves (17).
#[must_use]
pub fn carrier(messages: &[NewMessage]) -> Option<usize> {
    messages.iter().position(|message| message.message.kind == MessageKind::Operator && !message.is_held)
}
