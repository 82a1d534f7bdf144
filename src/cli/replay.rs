//! `replay`: the policy over old exports, day by day.

use std::io::{BufWriter, Write};

use anyhow::Context;

use super::{
    Exit,
    args::{Format, Replay as Options},
    json::{MessageLine, line},
    screen::{self, ATTENTION, hanging, tell},
};
use crate::{
    config::Config,
    domain::{message::Message, plan::Plan},
    jobs::replay::{Holds, Replay},
};

/// Replays the folder and prints every message it would have planned.
pub fn replay(config: &Config, options: &Options, format: Format) -> anyhow::Result<Exit> {
    let mut replay = Replay::open(&options.snapshots, config)?;
    let days = replay.days();
    let from =
        options.from.or(days.map(|(first, _)| first)).context("no file in the folder says which day it is of")?;
    let to = options.to.or(days.map(|(_, last)| last)).unwrap_or(from);
    anyhow::ensure!(from <= to, "--from {from} is after --to {to}");
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut printed = Ok(());
    let holds = if options.with_holds { Holds::On } else { Holds::Off };
    replay.run(config, holds, from, to, |today, plan| {
        let result = match format {
            Format::Json => MessageLine::all(&plan).iter().try_for_each(|message| line(&mut out, message)),
            Format::Text => print_day(&mut out, today, &plan),
        };
        if let Err(error) = result {
            printed = Err(error);
        }
    });
    printed.and_then(|()| out.flush()).context("cannot print")?;
    for refused in &replay.refused {
        let why = format!("{}: {}", refused.file, refused.reason);
        tell!("{ATTENTION}refused{ATTENTION:#}: {}", hanging(&why, 9));
    }
    Ok(if replay.refused.is_empty() { Exit::Done } else { Exit::Quarantined })
}

fn print_day(out: &mut impl Write, today: jiff::civil::Date, plan: &Plan) -> std::io::Result<()> {
    for (messages, held) in [(&plan.messages, ""), (&plan.held, ", held")] {
        if !messages.is_empty() {
            let count = screen::counted(messages.len() as u64, "message");
            writeln!(out, "{}: {count}{held}", screen::day(today))?;
            print_messages(out, messages)?;
        }
    }
    Ok(())
}

fn print_messages(out: &mut impl Write, messages: &[Message]) -> std::io::Result<()> {
    for message in messages {
        writeln!(out, "  {} to {}", message.kind.as_str(), message.recipient)?;
        for notice in &message.notices {
            let (rule, stage) = (notice.rule, &notice.stage);
            writeln!(out, "    {} {rule} {stage}, {}", notice.subject, notice.deadline_on)?;
        }
    }
    Ok(())
}
