//! `status`: is it working?

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Serialize;

use super::{
    Exit,
    args::Format,
    json::line,
    screen::{ATTENTION, BOLD, counted, day, distance, hanging, say, thousands},
};
use crate::{
    domain::snapshot::Source,
    jobs::{Site, forecast::next_messages, run::RunReport},
    store::{MessageState, RunRow},
};

/// How many days ahead the next messages are looked for.
const DAYS_AHEAD: usize = 31;

/// One source, its newest day and its age.
#[derive(Debug, Serialize)]
struct SourceAge {
    source: &'static str,
    as_of: Date,
    age_days: i32,
    rows: u64,
}

/// The JSON of `status`.
#[derive(Debug, Serialize)]
struct Status {
    today: Date,
    sources: Vec<SourceAge>,
    subjects: u64,
    last_run_on: Option<Date>,
    last_run_at: Option<jiff::Timestamp>,
    next_run_on: Option<Date>,
    next_messages: u64,
    outbox: BTreeMap<&'static str, u64>,
    attention: Vec<String>,
    #[serde(skip)]
    last_report: Option<RunReport>,
}

/// Prints how things stand.
pub async fn status(site: &Site, format: Format) -> anyhow::Result<Exit> {
    let status = gather(site).await?;
    match format {
        Format::Json => line(&mut std::io::stdout().lock(), &status)?,
        Format::Text => print(&status),
    }
    Ok(Exit::Done)
}

async fn gather(site: &Site) -> anyhow::Result<Status> {
    let today = site.today();
    let last = site.store.list_runs(1).await?.pop();
    let register = site.store.load_register().await?;
    let subjects = register.subjects().count() as u64;
    let told = site.store.load_told().await?;
    let has_run = last.as_ref().is_some_and(|run| run.on_day >= today);
    let first_on = if has_run { today.tomorrow()? } else { today };
    let next = next_messages(&site.config, register, told, first_on, DAYS_AHEAD);
    let outbox = site.store.count_messages().await?.into_iter().map(|(state, n)| (state.as_str(), n)).collect();
    let last_report = last.as_ref().and_then(|run| serde_json::from_str(run.report.as_deref()?).ok());
    let mut status = Status {
        today,
        sources: sources(site).await?,
        subjects,
        last_run_on: last.as_ref().map(|run| run.on_day),
        last_run_at: last.as_ref().map(|run| run.started_at),
        next_run_on: next.as_ref().map(|(on, _)| *on),
        next_messages: next.map_or(0, |(_, messages)| messages.len() as u64),
        outbox,
        attention: Vec::new(),
        last_report,
    };
    status.attention = attention(&status, last.as_ref());
    Ok(status)
}

async fn sources(site: &Site) -> anyhow::Result<Vec<SourceAge>> {
    let today = site.today();
    let mut newest: BTreeMap<Source, (Date, u64)> = BTreeMap::new();
    for snapshot in site.store.list_snapshots().await? {
        newest.insert(snapshot.source, (snapshot.as_of_on, snapshot.row_count));
    }
    let age = |(source, (as_of, rows)): (Source, (Date, u64))| SourceAge {
        source: source.as_str(),
        as_of,
        age_days: super::screen::days_between(as_of, today),
        rows,
    };
    Ok(newest.into_iter().map(age).collect())
}

fn attention(status: &Status, last: Option<&RunRow>) -> Vec<String> {
    let count = |state: MessageState| status.outbox.get(state.as_str()).copied().unwrap_or(0);
    let mut lines = Vec::new();
    if status.sources.is_empty() {
        lines.push("nothing has been loaded yet: put an export into the inbox".to_owned());
    }
    if last.is_some_and(|run| run.finished_at.is_none()) {
        lines.push("the last run was cut off: the next one goes on from there".to_owned());
    }
    if let Some(why) = status.last_report.as_ref().and_then(|report| report.delivered.stopped.as_ref()) {
        lines.push(format!("sending stopped: {why}"));
    }
    let rejected = status.last_report.as_ref().map_or(0, |report| report.delivered.rejected);
    if rejected > 0 {
        lines.push(format!("{} of the last run refused by the mail server", counted(rejected, "message")));
    }
    let unknown = count(MessageState::Unknown);
    if unknown > 0 {
        lines.push(format!("nobody knows whether {} went: lapsewatch list --unknown", counted(unknown, "message")));
    }
    lines
}

fn print(status: &Status) {
    for line in &status.attention {
        say!("{ATTENTION}ATTENTION{ATTENTION:#}  {}", hanging(line, 11));
    }
    if status.attention.is_empty() {
        say!("{BOLD}Working.{BOLD:#} {} are watched.", counted(status.subjects, "account"));
    }
    for source in &status.sources {
        let title = Source::parse(source.source).map_or(source.source, Source::title);
        let age = if source.age_days == 0 { "today".to_owned() } else { counted_days(source.age_days) };
        say!("data       {}, {age}  ({title}, {})", source.as_of, counted(source.rows, "row"));
    }
    match (status.last_run_on, &status.last_report) {
        (Some(on), Some(report)) => {
            let delivered = &report.delivered;
            let (sent, refused) = (thousands(delivered.accepted), thousands(delivered.rejected));
            say!("last run   {}, {sent} sent, {refused} refused", day(on));
        }
        (Some(on), None) => say!("last run   {}, cut off", day(on)),
        (None, _) => say!("last run   never"),
    }
    match status.next_run_on {
        Some(on) => {
            let messages = counted(status.next_messages, "message");
            say!("next       {} ({}), about {messages}", day(on), distance(status.today, on));
        }
        None => say!("next       nothing due in the next {DAYS_AHEAD} days"),
    }
    let count = |state: MessageState| status.outbox.get(state.as_str()).copied().unwrap_or(0);
    let waiting = count(MessageState::Pending) + count(MessageState::Deferred) + count(MessageState::Leased);
    say!("outbox     {} waiting, {} unknown", thousands(waiting), thousands(count(MessageState::Unknown)));
}

fn counted_days(days: i32) -> String {
    if days == 1 { "1 day old".to_owned() } else { format!("{days} days old") }
}
