//! The command line: arguments, configuration, one file per command, exit codes.
//!
//! Results go to standard output, everything else to standard error. No command asks a question but `forget`, which
//! cannot be undone.
mod approve;
mod args;
mod audit;
mod backup;
mod check;
mod completions;
mod copy;
mod discard;
mod explain;
mod forget;
mod held;
mod list;
mod load;
mod man;
mod once;
mod person;
mod preview;
mod progress;
mod replay;
mod run;
mod screen;
mod settle;
mod snooze;
mod sources;
mod status;
mod tell_failure;
mod test_mail;

pub mod json;

use std::{path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context;
use clap::Parser;
use jiff::tz::TimeZone;

use self::{
    args::{Access, Arguments, Command, Format},
    run::Settings,
    screen::tell,
};
use crate::{
    app::{self, StartError},
    clock::{Clock, ShiftedClock, SystemClock},
    config::{Config, Loaded, Log, LogFormat, Problems, Severity},
    jobs::JobError,
    lifecycle::RunError,
    mail::SendError,
    store::StoreError,
    telemetry,
};

/// Where the configuration is looked for when nobody says.
const DEFAULT_CONFIG: &str = "/etc/lapsewatch/lapsewatch.toml";

/// How long work that cannot be interrupted may go on after a command has ended.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done,
    /// Failed while working.
    Failed,
    /// It was not said what is needed.
    Usage,
    /// The configuration is wrong.
    Configuration,
    /// A run, or a part of it, waits for a person.
    Held,
    /// The database cannot be used.
    Database,
    /// The mail server refused us, or cannot be reached.
    MailRefused,
    /// Some files were quarantined.
    Quarantined,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

impl Exit {
    /// Every ending, in the order of the codes.
    const ALL: [Self; 8] = [
        Self::Done,
        Self::Failed,
        Self::Usage,
        Self::Configuration,
        Self::Held,
        Self::Database,
        Self::MailRefused,
        Self::Quarantined,
    ];

    const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Configuration => 3,
            Self::Held => 4,
            Self::Database => 5,
            Self::MailRefused => 6,
            Self::Quarantined => 7,
        }
    }

    /// What the code says, in the manual.
    const fn words(self) -> &'static str {
        match self {
            Self::Done => "Done.",
            Self::Failed => "Failed while working.",
            Self::Usage => "Wrong use: unknown commands, options or values.",
            Self::Configuration => "The configuration is wrong, or a secret that it names is not there.",
            Self::Held => "A run, or a part of it, is held until a person approves or discards it.",
            Self::Database => "The database cannot be used.",
            Self::MailRefused => "The mail server refused us, or cannot be reached.",
            Self::Quarantined => "Some files were quarantined, or could not be moved out of the inbox.",
        }
    }
}

/// What every command needs before it begins.
struct Invocation {
    arguments: Arguments,
    clock: Arc<dyn Clock>,
}

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    arguments.color.write_global();
    let clock: Arc<dyn Clock> = match arguments.at {
        Some(at) => Arc::new(ShiftedClock::new(at)),
        None => Arc::new(SystemClock),
    };
    let is_service = matches!(arguments.command, Command::Run | Command::TellFailure(_));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start");
    let outcome = runtime.and_then(|runtime| {
        let outcome = runtime.block_on(dispatch(Invocation { arguments, clock }));
        runtime.shutdown_timeout(LAST_WAIT);
        outcome
    });
    let outcome = outcome.and_then(|exit| {
        anyhow::ensure!(exit != Exit::Done || screen::is_whole(), "not all could be written to standard output");
        Ok(exit)
    });
    match outcome {
        Ok(exit) => exit.into(),
        Err(error) => {
            let exit = exit_of(&error);
            match exit {
                Exit::Done => (),
                _ if is_service && telemetry::is_journal() => telemetry::last_words(&screen::causes(&error)),
                _ => screen::error(&error),
            }
            exit.into()
        }
    }
}

/// The exit code of an error, by what failed.
fn exit_of(error: &anyhow::Error) -> Exit {
    let is_broken_pipe = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
    };
    // Errors that show another's words in place of their own hide it from the chain.
    let is_store = |cause: &(dyn std::error::Error + 'static)| {
        cause.is::<StoreError>()
            || matches!(cause.downcast_ref(), Some(JobError::Store(_)))
            || matches!(cause.downcast_ref(), Some(StartError::Store(_)))
            || cause.downcast_ref::<RunError>().is_some_and(RunError::is_store)
    };
    // What the settings name cannot be used: a secret, a certificate.
    let is_settings = |cause: &(dyn std::error::Error + 'static)| {
        let start = match cause.downcast_ref() {
            Some(RunError::Start(start)) => Some(start),
            _ => cause.downcast_ref(),
        };
        let store = match start {
            Some(StartError::Store(store)) => Some(store),
            _ => cause.downcast_ref(),
        };
        matches!(cause.downcast_ref(), Some(SendError::Settings(_)))
            || matches!(start, Some(StartError::Mail(SendError::Settings(_))))
            || store.is_some_and(StoreError::is_of_a_secret)
    };
    let is_mail = |cause: &(dyn std::error::Error + 'static)| {
        cause.is::<SendError>() || matches!(cause.downcast_ref(), Some(StartError::Mail(_)))
    };
    if error.chain().any(is_broken_pipe) {
        Exit::Done
    } else if error.chain().any(is_settings) {
        Exit::Configuration
    } else if error.chain().any(is_store) {
        Exit::Database
    } else if error.chain().any(is_mail) {
        Exit::MailRefused
    } else {
        Exit::Failed
    }
}

async fn dispatch(context: Invocation) -> anyhow::Result<Exit> {
    match &context.arguments.command {
        Command::Completions(options) => return completions::completions(options),
        Command::Man(options) => return man::man(options, context.clock.today(&TimeZone::UTC)),
        _ => {}
    }
    let settings = context.settings();
    if let Command::TellFailure(options) = &context.arguments.command {
        context.start_log(&Log { filter: "info".to_owned(), format: LogFormat::Auto })?;
        return tell_failure::tell_failure(&settings, options).await;
    }
    let loaded = match settings.load() {
        Ok(loaded) => loaded,
        Err(problems) => {
            match (&context.arguments.command, context.arguments.format) {
                (Command::Check(_), Format::Json) => check::print_problems(&problems),
                _ => context.tell(&problems),
            }
            return Ok(Exit::Configuration);
        }
    };
    let format = context.arguments.format;
    // The daemon logs them.
    if !matches!(context.arguments.command, Command::Check(_) | Command::Run) {
        for warning in &loaded.warnings {
            if !context.arguments.quiet {
                tell!("{}", warning.render(true));
            }
        }
    }
    context.start_log(&loaded.config.log)?;
    if matches!(context.arguments.command, Command::Run) {
        return run::run(settings, loaded).await;
    }
    let Loaded { config, warnings } = loaded;
    match &context.arguments.command {
        Command::Check(options) => check::check(config, &warnings, &context, *options).await,
        Command::Replay(options) => replay::replay(&config, options, format),
        Command::Preview(options) => preview::preview(&config, options),
        Command::Backup(options) => backup::backup(&config, options, format).await,
        Command::Copy(options) => copy::copy(&config, options, format).await,
        command => with_site(command, config, &context, format).await,
    }
}

async fn with_site(command: &Command, config: Config, context: &Invocation, format: Format) -> anyhow::Result<Exit> {
    let access = command.access();
    let needs_lock = matches!(access, Access::Works | Access::Loads);
    let lock = if needs_lock { Some(app::lock_store(&config).await?) } else { None };
    let clock = Arc::clone(&context.clock);
    let site = match access {
        Access::Works => app::open(config, clock).await?,
        Access::Loads => app::open_alone(config, clock).await?,
        Access::Decides => app::open_beside(config, clock).await?,
        Access::Reads => app::open_to_read(config, clock).await?,
    };
    let ended = match command {
        Command::Once(options) => once::once(&site, options, format).await,
        Command::Load(options) => load::load(&site, options, format).await,
        Command::List(options) => list::list(&site, options, format).await,
        Command::Explain(options) => explain::explain(&site, options, format).await,
        Command::Status => status::status(&site, format).await,
        Command::Sources => sources::sources(&site, format).await,
        Command::Approve(options) => approve::approve(&site, options, format).await,
        Command::Discard(options) => discard::discard(&site, options, format).await,
        Command::Snooze(options) => snooze::snooze(&site, options, format).await,
        Command::Settle(options) => settle::settle(&site, options, format).await,
        Command::Forget(options) => forget::forget(&site, options, format).await,
        Command::Audit(options) => audit::audit(&site, options, format).await,
        Command::TestMail(options) => test_mail::test_mail(&site, options).await,
        Command::Check(_)
        | Command::TellFailure(_)
        | Command::Replay(_)
        | Command::Preview(_)
        | Command::Backup(_)
        | Command::Copy(_)
        | Command::Completions(_)
        | Command::Man(_)
        | Command::Run => Ok(Exit::Done),
    };
    site.store.close().await;
    if let Some(lock) = lock {
        lock.release().await;
    }
    ended
}

impl Invocation {
    fn settings(&self) -> Settings {
        let default = PathBuf::from(DEFAULT_CONFIG);
        let file = self.arguments.config.clone().or_else(|| default.exists().then_some(default));
        Settings { file, overrides: self.arguments.set.clone(), clock: Arc::clone(&self.clock) }
    }

    /// Says what is wrong with the configuration: in full to a person, in a line each to the journal.
    fn tell(&self, problems: &Problems) {
        if !(matches!(self.arguments.command, Command::Run) && telemetry::is_journal()) {
            tell!("{}", problems.render(true));
            return;
        }
        for problem in problems.0.iter().filter(|problem| problem.severity == Severity::Error) {
            telemetry::last_words(&format!("configuration: {}", problem.one_line()));
        }
    }

    /// The daemon logs as configured; a command prints its result, and its log only when asked.
    fn start_log(&self, log: &Log) -> anyhow::Result<()> {
        let is_daemon = matches!(self.arguments.command, Command::Run | Command::TellFailure(_));
        let filter = match (self.arguments.verbose, self.arguments.quiet) {
            (0, true) if is_daemon => "error",
            (0, false) if is_daemon => &log.filter,
            (0, _) => "off",
            (1, _) => "info",
            (_, _) => "debug",
        };
        let log = Log { filter: filter.to_owned(), format: log.format };
        Ok(telemetry::init(&log, self.arguments.color.wants_log_color())?)
    }
}
