//! Held runs as people meet them: which there are, why, and the two commands that decide.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Serialize;

use super::{
    Exit,
    args::Format,
    json::line,
    screen::{self, ATTENTION, BOLD, counted, day, hanging, say, tell},
};
use crate::{
    jobs::{Site, approve::DecidedRun, hold::HoldReasons},
    store::{Hold, HoldState, RunRow},
};

/// How many runs back a run that is not held is looked for, to say what became of it.
const RUNS_BACK: u32 = 1_000;

/// The runs to decide on: the one that was named, or all that wait; an exit code when there is nothing to decide.
pub async fn chosen(site: &Site, number: Option<i64>) -> anyhow::Result<Result<Vec<RunRow>, Exit>> {
    let mut held = site.store.list_held_runs().await?;
    let Some(number) = number else {
        if held.is_empty() {
            say!("No run is held: there is nothing to decide.");
            return Ok(Err(Exit::Done));
        }
        return Ok(Ok(held));
    };
    held.retain(|run| run.id.0 == number);
    if held.is_empty() {
        let runs = site.store.list_runs(RUNS_BACK).await?;
        refuse(number, runs.iter().find(|run| run.id.0 == number));
        return Ok(Err(Exit::Failed));
    }
    Ok(Ok(held))
}

fn refuse(number: i64, run: Option<&RunRow>) {
    let said = match run {
        None => format!("there is no run {number}"),
        Some(RunRow { hold: None, .. }) => format!("run {number} was not held"),
        Some(RunRow { hold: Some(hold), .. }) => format!("run {number} is not held any more: {}", decision(hold)),
    };
    tell!("{ATTENTION}error{ATTENTION:#}: {}", hanging(&said, 7));
    screen::tip("lapsewatch list --held shows the runs that wait");
}

fn decision(hold: &Hold) -> String {
    let by = hold.decided_by.as_deref().unwrap_or("somebody");
    format!("{by} {} it", hold.state.as_str())
}

/// The JSON of `approve` and `discard`, a line for each run.
#[derive(Debug, Serialize)]
struct DecidedLine<'a> {
    run: i64,
    on: Date,
    state: &'static str,
    by: &'a str,
    messages: u64,
    days: Vec<DayLine>,
}

#[derive(Debug, Serialize)]
struct DayLine {
    on: Date,
    messages: u64,
}

/// Prints what was decided.
pub fn print_decided(decided: &[DecidedRun], state: HoldState, by: &str, format: Format) -> anyhow::Result<()> {
    match format {
        Format::Json => {
            for one in decided {
                let days: Vec<_> =
                    one.days.iter().map(|(on, messages)| DayLine { on: *on, messages: *messages }).collect();
                let messages = one.days.values().sum();
                let (run, on) = (one.run.id.0, one.run.on_day);
                let row = DecidedLine { run, on, state: state.as_str(), by, messages, days };
                line(&mut std::io::stdout().lock(), &row)?;
            }
        }
        Format::Text => decided.iter().for_each(|one| print_one(one, state)),
    }
    Ok(())
}

fn print_one(one: &DecidedRun, state: HoldState) {
    let messages = counted(one.days.values().sum(), "message");
    let word = if state == HoldState::Approved { "Approved" } else { "Discarded" };
    say!("{BOLD}{word}{BOLD:#} run {} of {}: {messages}", one.run.id.0, day(one.run.on_day));
}

/// Prints on which days how many messages leave, all runs together.
pub fn print_days(decided: &[DecidedRun]) {
    let mut days: BTreeMap<Date, u64> = BTreeMap::new();
    for (on, messages) in decided.iter().flat_map(|one| &one.days) {
        *days.entry(*on).or_default() += messages;
    }
    if days.len() > 1 {
        for (on, messages) in days {
            say!("  {}  {}", day(on), counted(messages, "message"));
        }
    }
}

/// Prints why messages wait for a person, and the commands that decide.
pub fn print_reasons(reasons: &HoldReasons) {
    for sentence in reasons.sentences() {
        say!("  {}", hanging(&sentence, 2));
    }
}

/// The two commands that decide, under whatever said that a run is held.
pub fn print_commands() {
    say!("  send them  lapsewatch approve, or over 5 days: lapsewatch approve --spread 5d");
    say!("  drop them  lapsewatch discard; the next run decides anew");
}
