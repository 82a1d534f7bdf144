//! How things stand besides what is told next: holds, stops, quotas, old sources, refused addresses.
//!
//! Reads the store and the clock, writes nothing, decides nothing.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};

use super::{JobError, Site, coverage::coverage, hold::HoldReasons, window::Window};
use crate::{
    domain::{
        day::days_between, facts::Field, outbox::MessageState, quota::finish_estimate, register::Register,
        snapshot::Source,
    },
    mail::sender::expiries,
    store::{RunRow, Stopped, Usage},
};

/// One source of exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceAge {
    /// Which.
    pub source: Source,
    /// The day that its newest file describes.
    pub as_of: Date,
    /// How many days ago that is.
    pub age_days: i32,
    /// How many days it may be; `None` when it never grows old.
    pub max_age_days: Option<i32>,
    /// Rows of that file.
    pub rows: u64,
}

impl SourceAge {
    /// Whether rules that count on it are silent (18).
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.max_age_days.is_some_and(|most| self.age_days > most)
    }
}

/// A run that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Which.
    pub run: RunRow,
    /// How many of its messages wait.
    pub messages: u64,
    /// Why.
    pub reasons: HoldReasons,
}

/// How things stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// The sources, in the order of their words.
    pub sources: Vec<SourceAge>,
    /// Runs that wait for a person, oldest first.
    pub held: Vec<Waiting>,
    /// Why sending has stopped for everybody, if it has.
    pub stopped: Option<Stopped>,
    /// Attempts as the quotas count them.
    pub usage: Usage,
    /// When the last message that waits will have left at the earliest, as far as its day, quota and hours decide.
    pub done_at: Option<Timestamp>,
    /// Addresses that a mail server refused.
    pub refused_addresses: u64,
    /// Findings that nobody but the operator was told of, though it is time (27).
    pub uncovered: u64,
    /// Rules that are snoozed for a subject today (21).
    pub snoozed: u64,
    /// What of our own log-in ends soon, in sentences.
    pub sender: Vec<String>,
}

/// What rules count from.
const TOLD: [Field; 4] = [Field::LastActivityOn, Field::Status, Field::PasswordChangedOn, Field::LastSentOn];

/// Asks how things stand; so many messages wait in the outbox.
///
/// # Errors
/// When the store fails.
pub async fn health(site: &Site, waiting: u64) -> Result<Health, JobError> {
    let usage = site.store.count_usage(site.clock.now()).await?;
    let standings = site.store.load_standings().await?;
    Ok(Health {
        sources: sources(site).await?,
        held: held(site).await?,
        stopped: site.store.find_stopped().await?,
        usage,
        done_at: done_at(site, waiting, usage).await?,
        refused_addresses: standings.unreachable.len() as u64,
        uncovered: coverage(site, &standings, None, 0).await?.total,
        snoozed: standings.snoozes.iter().filter(|snooze| site.today() < snooze.until_on).count() as u64,
        sender: sender(site),
    })
}

pub(super) async fn sources(site: &Site) -> Result<Vec<SourceAge>, JobError> {
    let today = site.today();
    let lists = Window::open(site.store.as_ref()).await?.lists().clone();
    let mut newest: BTreeMap<Source, (Date, u64)> = BTreeMap::new();
    for snapshot in site.store.list_newest_snapshots().await? {
        newest.insert(snapshot.source, (snapshot.as_of_on, snapshot.row_count));
    }
    let age = |(source, (as_of, rows)): (Source, (Date, u64))| {
        let max_age_days = max_age_of(site, &lists, source);
        let age_days = days_between(as_of, today);
        SourceAge { source, as_of, age_days, max_age_days, rows }
    };
    Ok(newest.into_iter().map(age).collect())
}

/// A certificate that cannot be read is the mail server's log-in that fails: `check` says so.
fn sender(site: &Site) -> Vec<String> {
    let ends = expiries(&site.config.mail, &site.config.time_zone).unwrap_or_default();
    ends.iter().filter(|end| end.is_near(site.today())).map(|end| end.words(site.today())).collect()
}

/// The strictest limit among those of what a source tells: a list of passwords is fresh for longer than a list of uses.
fn max_age_of(site: &Site, lists: &Register, source: Source) -> Option<i32> {
    let told = TOLD.into_iter().filter(|field| lists.is_told_by(source, *field));
    told.filter_map(|field| site.config.snapshots.max_age.of(source, field)).min()
}

pub(super) async fn held(site: &Site) -> Result<Vec<Waiting>, JobError> {
    let mut held = Vec::new();
    for run in site.store.list_held_runs().await? {
        let states = site.store.count_messages_of(run.id).await?;
        let messages = states.iter().filter(|(state, _)| *state == MessageState::Held).map(|(_, count)| count).sum();
        let reasons = run.hold.as_ref().map(|hold| HoldReasons::read(&hold.why)).unwrap_or_default();
        held.push(Waiting { run, messages, reasons });
    }
    Ok(held)
}

/// No earlier than the last may leave: what was approved over days waits for its day (20).
async fn done_at(site: &Site, waiting: u64, usage: Usage) -> Result<Option<Timestamp>, JobError> {
    let zone = &site.config.time_zone;
    let now = site.clock.now().to_zoned(zone.clone());
    let quota = &site.config.mail.quota;
    let Some(done_at) = finish_estimate(waiting, usage.in_last_day, quota, site.hours(), &now) else { return Ok(None) };
    let last = site.store.last_attempt_at().await?;
    let last = last.map(|last| site.hours().next_opening(&last.to_zoned(zone.clone()), false));
    Ok(Some(last.map_or(done_at.timestamp(), |last| last.max(done_at).timestamp())))
}
