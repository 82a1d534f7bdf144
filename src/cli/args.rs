//! The arguments, as the program's help shows them.

use std::{io::IsTerminal, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum, builder::styling};
use jiff::{Timestamp, civil::Date};

use self::values::{date, instant, rule};
use crate::domain::policy::Rule;

mod decisions;
mod values;

pub use self::decisions::{Approve, Decider, Discard, Forget, Settle, Snooze};

const STYLES: styling::Styles = styling::Styles::styled()
    .header(styling::AnsiColor::Blue.on_default().bold())
    .usage(styling::AnsiColor::Blue.on_default().bold())
    .literal(styling::Style::new().bold())
    .placeholder(styling::Style::new());

const HELP: &str = "\
{about}

{usage-heading} {usage}

Look:
  status      Is it working? Data age, last and next run, messages waiting
  sources     Every export: how old its data is, and which rules it feeds
  list        Accounts that need action, soonest first
  explain     One account: dates, why, what was told, what comes next
Do:
  run         The daemon: load, evaluate and send, every day
  once        Load the inbox and send what is due now (--dry-run: only say so)
  load        Read exports now
Decide:
  approve     Send what is held, at once or over days
  discard     Drop what is held; the next run decides anew
  snooze      End a rule's notices for one account until a date
  settle      A message of which nobody knows whether it went
  forget      Erase one person; the ledger keeps its lines without them
Try out:
  check       Check configuration, messages, folders and mail server
  preview     Write any message to files, without sending
  replay      Run the rules over old exports, day by day
  test-mail   Send 1 test message
Records:
  audit       Export what was told, to whom and why
  backup      The database into one file, while the daemon works
  copy        The database into another: from SQLite to PostgreSQL

Options:
{options}

More: lapsewatch man, lapsewatch completions SHELL, each command's --help.
Environment: LAPSEWATCH_CONFIG=FILE, LAPSEWATCH__MAIL__OPERATOR=ADDRESS etc.
Exit codes: 0 done, 1 failed, 2 wrong use, 3 configuration, 4 held,
            5 database, 6 mail refused, 7 files quarantined
";

const BACKUP: &str = "\
The file is a SQLite store, whichever database it comes from. To restore it,
stop every daemon, remove the old store with its -wal, -shm and -journal files,
and put the file where database.url points; into PostgreSQL, copy it. It knows
nothing of what was sent after it was written: that would be sent again.";

const COPY: &str = "\
Stop every daemon on both databases first, and start none before this has ended.
The old database stays as it is; set database.url to the new one.";

const FORGET: &str = "\
The ledger keeps what was told, when and with what result, and not of whom or
to whom. Exports in the archive cannot be edited: the command says which ones
name the person, and when they go. It cannot be undone.";

/// Watch NHSmail accounts and remind people before they lose them
#[derive(Debug, Parser)]
#[command(name = "lapsewatch", version, styles = STYLES, help_template = HELP, max_term_width = 80, next_display_order = 100)]
pub struct Arguments {
    /// Settings [default: /etc/lapsewatch/lapsewatch.toml]
    #[arg(short, long, global = true, env = "LAPSEWATCH_CONFIG", value_name = "FILE", hide_env = true)]
    pub config: Option<PathBuf>,
    /// One setting over the file's, mail.transport="smtp"
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Act as if it were then: 2026-11-20T08:00:00Z
    #[arg(long, global = true, value_name = "INSTANT", value_parser = instant)]
    pub at: Option<Timestamp>,
    /// text or json
    #[arg(long, global = true, value_enum, default_value_t = Format::Text, hide_possible_values = true)]
    pub format: Format,
    /// auto, always or never
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t = Color::Auto,
        value_name = "WHEN",
        hide_possible_values = true
    )]
    pub color: Color,
    /// Say more; twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Say only what failed
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// How results look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// One object per line.
    Json,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Color {
    /// Makes it so for everything that is printed from now on.
    pub fn write_global(self) {
        match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::AlwaysAnsi,
            Self::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }

    /// Whether the log, on standard error, is coloured.
    #[must_use]
    pub fn wants_log_color(self) -> bool {
        match self {
            Self::Auto => std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
            Self::Always => true,
            Self::Never => false,
        }
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// The daemon: load, evaluate and send, every day
    Run,
    /// Load the inbox, evaluate, send what is due, exit
    Once(Once),
    /// Check configuration, messages, folders, contacts and mail server; every
    /// problem at once
    Check(Check),
    /// Read exports now and print the load report; the files stay where they are
    Load(Load),
    /// Accounts that need action, soonest first
    List(List),
    /// One account: facts, dates and why, what was told, what comes next
    Explain(Explain),
    /// Is it working? Data age, last and next run, messages waiting
    Status,
    /// Every source: its newest file and that one's age, the rules it feeds or leaves off
    Sources,
    /// Send what is held: all of it, or one run's
    Approve(Approve),
    /// Drop what is held: all of it, or one run's; the next run decides anew
    Discard(Discard),
    /// End a rule's notices for one account until a date before its deadline
    Snooze(Snooze),
    /// Decide on a message of which nobody knows whether it went
    Settle(Settle),
    /// Erase one person: facts, history, contacts, snoozes, waiting messages
    #[command(after_help = FORGET)]
    Forget(Forget),
    /// Run the rules over old exports, day by day, against an empty store in memory
    Replay(Replay),
    /// Write messages as .eml, .html and .txt without sending
    Preview(Preview),
    /// Send one sample message through the real transport
    TestMail(TestMail),
    /// Mail the operator that a unit has failed; systemd calls it
    TellFailure(TellFailure),
    /// What was told, to whom and why
    Audit(Audit),
    /// Write the database into one file, while the daemon works
    #[command(after_help = BACKUP)]
    Backup(Backup),
    /// Copy the database into another that is empty: from SQLite to PostgreSQL
    #[command(after_help = COPY)]
    Copy(Copy),
    /// Print what completes this command line in a shell
    Completions(Completions),
    /// Print a page of the manual, for man -l
    Man(Man),
}

/// What a command does to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Only reads.
    Reads,
    /// Writes one small decision, also while the daemon runs.
    Decides,
    /// Works on it, alone.
    Works,
    /// Loads files, and does nothing beside it.
    Loads,
}

impl Command {
    /// What the command does to the store.
    #[must_use]
    pub const fn access(&self) -> Access {
        match self {
            Self::Once(Once { dry_run: false }) | Self::Run => Access::Works,
            Self::Load(_) => Access::Loads,
            Self::Snooze(Snooze { list: false, .. })
            | Self::Approve(_)
            | Self::Discard(_)
            | Self::Settle(_)
            | Self::Forget(_) => Access::Decides,
            _ => Access::Reads,
        }
    }
}

/// `once`
#[derive(Debug, Args)]
pub struct Once {
    /// Say what it would do, change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `load`
#[derive(Debug, Args)]
pub struct Load {
    /// Exports to read
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// `list`
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of which clap lets at most one be set")]
pub struct List {
    /// Messages whose outcome is unknown
    #[arg(long, group = "what")]
    pub unknown: bool,
    /// Messages that are held
    #[arg(long, group = "what")]
    pub held: bool,
    /// Findings that nobody was reached for
    #[arg(long, group = "what")]
    pub coverage: bool,
    /// Live accounts past a deadline
    #[arg(long, group = "what")]
    pub overdue: bool,
}

/// `explain`
#[derive(Debug, Args)]
pub struct Explain {
    /// The account or shared mailbox
    pub address: String,
}

/// `audit`
#[derive(Debug, Args)]
pub struct Audit {
    /// Which record.
    #[command(subcommand)]
    pub record: Record,
}

/// The records of `audit`.
#[derive(Debug, Subcommand)]
pub enum Record {
    /// The ledger, a line for each notice: CSV, or JSON lines with --format json
    Export(Export),
}

/// `audit export`
#[derive(Debug, Args)]
pub struct Export {
    /// First day [default: of the ledger]
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub from: Option<Date>,
    /// Last day [default: of the ledger]
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub to: Option<Date>,
    /// File to write [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `backup`
#[derive(Debug, Args)]
pub struct Backup {
    /// A new file; only you can read it
    pub file: PathBuf,
}

/// `copy`
#[derive(Debug, Args)]
pub struct Copy {
    /// The new database, written as database.url is
    #[arg(long, value_name = "URL")]
    pub to: String,
    /// Its first line is the password of the new database [default: the URL's,
    /// or PGPASSFILE's]
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
}

/// `replay`
#[derive(Debug, Args)]
pub struct Replay {
    /// Folder with exports
    #[arg(long, value_name = "DIR")]
    pub snapshots: PathBuf,
    /// Adoption, breaker and staleness count too; what is held is taken as
    /// approved the next day
    #[arg(long)]
    pub with_holds: bool,
    /// First day [default: the first that a file describes]
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub from: Option<Date>,
    /// Last day [default: the last that a file describes]
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub to: Option<Date>,
}

/// `preview`
#[derive(Debug, Args)]
pub struct Preview {
    /// Only this rule
    #[arg(long, value_name = "RULE", value_parser = rule)]
    pub rule: Option<Rule>,
    /// Only this stage of it
    #[arg(long, value_name = "STAGE", requires = "rule")]
    pub stage: Option<String>,
    /// Folder to write to
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
}

/// `check`
#[derive(Debug, Clone, Copy, Args)]
pub struct Check {
    /// All but the mail server
    #[arg(long)]
    pub offline: bool,
}

/// `tell-failure`
#[derive(Debug, Args)]
pub struct TellFailure {
    /// The unit, such as lapsewatch
    pub unit: String,
}

/// `test-mail`
#[derive(Debug, Args)]
pub struct TestMail {
    /// Who gets it
    pub address: String,
}

/// `completions`
#[derive(Debug, Args)]
pub struct Completions {
    /// bash, zsh, fish, elvish or powershell
    #[arg(value_enum, hide_possible_values = true)]
    pub shell: clap_complete::Shell,
}

/// `man`
#[derive(Debug, Args)]
pub struct Man {
    /// lapsewatch (the program) or lapsewatch.toml (its settings)
    #[arg(value_enum, default_value_t = Page::Program, hide_possible_values = true)]
    pub page: Page,
}

/// The pages of the manual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Page {
    /// lapsewatch(1)
    #[value(name = "lapsewatch")]
    Program,
    /// lapsewatch.toml(5)
    #[value(name = "lapsewatch.toml")]
    Settings,
}
