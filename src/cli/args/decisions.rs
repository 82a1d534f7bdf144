//! The arguments of commands that write down what a person decides.

use clap::{Args, builder::NonEmptyStringValueParser};
use jiff::civil::Date;

use super::values::{date, days, rule, verdict};
use crate::domain::{outbox::Verdict, policy::Rule};

/// Who decides, for commands that write down a decision.
#[derive(Debug, Args)]
pub struct Decider {
    /// Who decides, for the ledger [default: who runs it]
    #[arg(long = "by", value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub name: Option<String>,
}

/// `approve`
#[derive(Debug, Args)]
pub struct Approve {
    /// Number of a run, from list --held [default: all that are held]
    pub run: Option<i64>,
    /// Over so many days from now on, the urgent first: 5d, 1w
    #[arg(long, value_name = "SPAN", value_parser = days)]
    pub spread: Option<u16>,
    #[command(flatten)]
    pub decider: Decider,
}

/// `discard`
#[derive(Debug, Args)]
pub struct Discard {
    /// Number of a run, from list --held [default: all that are held]
    pub run: Option<i64>,
    #[command(flatten)]
    pub decider: Decider,
}

/// `snooze`
#[derive(Debug, Args)]
pub struct Snooze {
    /// The account or shared mailbox
    #[arg(required_unless_present = "list")]
    pub address: Option<String>,
    /// Of which rule
    #[arg(long, value_name = "RULE", value_parser = rule, required_unless_present = "list")]
    pub rule: Option<Rule>,
    /// The day on which notices begin again, before the deadline
    #[arg(long, value_name = "DATE", value_parser = date, required_unless_present_any = ["list", "end"])]
    pub until: Option<Date>,
    /// Why
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new(), required_unless_present_any = ["list", "end"])]
    pub reason: Option<String>,
    /// End it now: notices begin again
    #[arg(long, conflicts_with_all = ["until", "reason"])]
    pub end: bool,
    /// Those in force: of whom, until when, by whom and why
    #[arg(long, conflicts_with_all = ["address", "rule", "until", "reason", "end"])]
    pub list: bool,
    #[command(flatten)]
    pub decider: Decider,
}

/// `settle`
#[derive(Debug, Args)]
pub struct Settle {
    /// Of the message: NR-XXXXX-XXXXX, from list --unknown
    pub reference: String,
    /// accepted (it arrived), resend (once more, under the same Message-ID) or
    /// drop (never)
    #[arg(value_parser = verdict)]
    pub verdict: Verdict,
    #[command(flatten)]
    pub decider: Decider,
}

/// `forget`
#[derive(Debug, Args)]
pub struct Forget {
    /// Whoever has it; if nobody has, whoever had it
    pub address: String,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Remove the exports too that name them, from archive and quarantine
    #[arg(long)]
    pub files: bool,
    #[command(flatten)]
    pub decider: Decider,
}
