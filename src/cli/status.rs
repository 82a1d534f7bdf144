//! `status`: is it working?

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::Serialize;

use super::{
    Exit,
    args::Format,
    json::line,
    screen::{ATTENTION, BOLD, counted, day, distance, hanging, say, thousands},
};
use crate::{
    domain::{quota::Quota, snapshot::Source, words::age},
    jobs::{
        Site,
        attention::{Standing, attention, is_cut_off},
        forecast::{Forecast, forecast},
        health::{SourceAge, Waiting, health},
    },
    store::{MessageState, Usage},
};

/// How many days ahead the next messages are looked for.
const DAYS_AHEAD: i32 = 31;

/// One source, its newest day and its age.
#[derive(Debug, Serialize)]
struct SourceLine {
    source: &'static str,
    as_of: Date,
    age_days: i32,
    /// `null` when it never grows old.
    max_age_days: Option<i32>,
    rows: u64,
}

/// A run that waits for a person.
#[derive(Debug, Serialize)]
struct HeldRun {
    run: i64,
    on: Date,
    since: Timestamp,
    messages: u64,
    why: Vec<String>,
}

/// What the quotas count, beside their limits.
#[derive(Debug, Serialize)]
struct QuotaUse {
    in_last_minute: u64,
    per_minute: Option<u32>,
    in_last_day: u64,
    per_day: Option<u32>,
}

/// The JSON of `status`.
#[derive(Debug, Serialize)]
struct Status {
    today: Date,
    sources: Vec<SourceLine>,
    subjects: u64,
    last_run_on: Option<Date>,
    last_run_at: Option<Timestamp>,
    last_run_messages: BTreeMap<&'static str, u64>,
    next_run_on: Option<Date>,
    next_messages: u64,
    outbox: BTreeMap<&'static str, u64>,
    held: Vec<HeldRun>,
    stopped: Option<String>,
    quota: QuotaUse,
    /// When the last message that waits will have left at the earliest, as far as its day, quota and hours decide.
    done_at: Option<Timestamp>,
    refused_addresses: u64,
    uncovered: u64,
    snoozed: u64,
    sender: Vec<String>,
    attention: Vec<String>,
}

/// Prints how things stand.
pub async fn status(site: &Site, format: Format) -> anyhow::Result<Exit> {
    let status = gather(site).await?;
    match format {
        Format::Json => line(&mut std::io::stdout().lock(), &status)?,
        Format::Text => print(&status, &site.config.time_zone),
    }
    Ok(Exit::Done)
}

async fn gather(site: &Site) -> anyhow::Result<Status> {
    let today = site.today();
    let last = site.store.list_runs(1).await?.pop();
    let subjects = site.store.begin_reading().await?.count(today).await?.subjects;
    let has_run = last.as_ref().is_some_and(|run| run.on_day >= today);
    let first_on = if has_run { today.tomorrow()? } else { today };
    let outbox = words(site.store.count_messages().await?);
    let health = health(site, waiting(&outbox)).await?;
    let next = match forecast(site, first_on, DAYS_AHEAD, usize::MAX).await? {
        Forecast::Messages(on, messages) => Some((on, messages.len() as u64)),
        Forecast::Looks(on, _) => Some((on, 0)),
        Forecast::Nothing => None,
    };
    let last_run_messages = match &last {
        Some(run) => words(site.store.count_messages_of(run.id).await?),
        None => BTreeMap::new(),
    };
    let mut status = Status {
        today,
        sources: health.sources.iter().map(SourceLine::from).collect(),
        subjects,
        last_run_on: last.as_ref().map(|run| run.on_day),
        last_run_at: last.as_ref().map(|run| run.started_at),
        next_run_on: next.as_ref().map(|(on, _)| *on),
        next_messages: next.map_or(0, |(_, messages)| messages),
        last_run_messages,
        outbox,
        held: health.held.iter().map(HeldRun::from).collect(),
        stopped: health.stopped.as_ref().map(|stopped| stopped.why.clone()),
        quota: QuotaUse::of(&site.config.mail.quota, health.usage),
        done_at: health.done_at,
        refused_addresses: health.refused_addresses,
        uncovered: health.uncovered,
        snoozed: health.snoozed,
        sender: health.sender.clone(),
        attention: Vec::new(),
    };
    status.attention = attention(Standing {
        sources: &health.sources,
        is_cut_off: is_cut_off(site, last.as_ref()),
        held: &health.held,
        stopped: health.stopped.as_ref(),
        rejected: count(&status.last_run_messages, MessageState::Rejected),
        unknown: count(&status.outbox, MessageState::Unknown),
    });
    Ok(status)
}

fn words(states: Vec<(MessageState, u64)>) -> BTreeMap<&'static str, u64> {
    states.into_iter().map(|(state, count)| (state.as_str(), count)).collect()
}

fn count(states: &BTreeMap<&'static str, u64>, state: MessageState) -> u64 {
    states.get(state.as_str()).copied().unwrap_or(0)
}

/// Messages that leave by themselves.
fn waiting(states: &BTreeMap<&'static str, u64>) -> u64 {
    MessageState::ALL.into_iter().filter(|state| state.is_waiting()).map(|state| count(states, state)).sum()
}

impl From<&SourceAge> for SourceLine {
    fn from(age: &SourceAge) -> Self {
        let SourceAge { source, as_of, age_days, max_age_days, rows } = *age;
        Self { source: source.as_str(), as_of, age_days, max_age_days, rows }
    }
}

impl From<&Waiting> for HeldRun {
    fn from(waiting: &Waiting) -> Self {
        Self {
            run: waiting.run.id.0,
            on: waiting.run.on_day,
            since: waiting.run.started_at,
            messages: waiting.messages,
            why: waiting.reasons.sentences(),
        }
    }
}

impl QuotaUse {
    const fn of(quota: &Quota, usage: Usage) -> Self {
        Self {
            in_last_minute: usage.in_last_minute,
            per_minute: quota.per_minute,
            in_last_day: usage.in_last_day,
            per_day: quota.per_day,
        }
    }
}

fn print(status: &Status, zone: &TimeZone) {
    for line in &status.attention {
        say!("{ATTENTION}ATTENTION{ATTENTION:#}  {}", hanging(line, 11));
    }
    if status.attention.is_empty() {
        let are = if status.subjects == 1 { "is" } else { "are" };
        say!("{BOLD}Working.{BOLD:#} {} {are} watched.", counted(status.subjects, "account"));
    }
    status.sources.iter().for_each(print_source);
    print_runs(status);
    print_outbox(status, zone);
}

fn print_source(source: &SourceLine) {
    let title = Source::parse(source.source).map_or(source.source, Source::title);
    let age = age(source.age_days);
    let limit = source.max_age_days.map_or_else(String::new, |most| format!(", limit {most}"));
    say!("data       {}, {age}{limit}  ({title}, {})", source.as_of, counted(source.rows, "row"));
}

fn print_runs(status: &Status) {
    let of_run = |state| thousands(count(&status.last_run_messages, state));
    match status.last_run_on {
        Some(on) => {
            let (sent, refused) = (of_run(MessageState::Accepted), of_run(MessageState::Rejected));
            let to_leave = match waiting(&status.last_run_messages) {
                0 => String::new(),
                count => format!(", {} waiting", thousands(count)),
            };
            say!("last run   {}, {sent} sent{to_leave}, {refused} refused", day(on));
        }
        None => say!("last run   never"),
    }
    match status.next_run_on {
        Some(on) => {
            let messages = counted(status.next_messages, "message");
            say!("next       {} ({}), about {messages}", day(on), distance(status.today, on));
        }
        None => say!("next       nothing due in the next {DAYS_AHEAD} days"),
    }
}

fn print_outbox(status: &Status, zone: &TimeZone) {
    let waiting = waiting(&status.outbox);
    let of = |state| count(&status.outbox, state);
    let held = of(MessageState::Held);
    let held = if held > 0 { format!(", {} held", thousands(held)) } else { String::new() };
    say!("outbox     {} waiting, {} unknown{held}", thousands(waiting), thousands(of(MessageState::Unknown)));
    if let Some(at) = status.done_at {
        say!(
            "           done about {}, if the mail server is fast enough",
            at.to_zoned(zone.clone()).strftime("%H:%M on %a %-d %b")
        );
    }
    let quota = &status.quota;
    let used = [(quota.in_last_minute, quota.per_minute, "a minute"), (quota.in_last_day, quota.per_day, "24 hours")];
    let used: Vec<_> = used
        .iter()
        .filter_map(|(used, most, span)| {
            Some(format!("{} of {} in {span}", thousands(*used), thousands(u64::from((*most)?))))
        })
        .collect();
    if !used.is_empty() {
        say!("quota      {}", used.join(", "));
    }
    if status.refused_addresses > 0 {
        say!("refused    {}", counted(status.refused_addresses, "address"));
    }
    if status.uncovered > 0 {
        say!("coverage   {} nobody was told of: lapsewatch list --coverage", counted(status.uncovered, "finding"));
    }
    if status.snoozed > 0 {
        say!("snoozed    {}: lapsewatch snooze --list", counted(status.snoozed, "rule"));
    }
    for line in &status.sender {
        say!("sender     {}", hanging(line, 11));
    }
}
