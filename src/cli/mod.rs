//! The command line: arguments, configuration, one file per command, exit codes.
//!
//! Results go to standard output, everything else to standard error. No command asks a question.
mod args;
mod check;
mod explain;
mod list;
mod load;
mod once;
mod preview;
mod progress;
mod replay;
mod screen;
mod status;
mod test_mail;

pub mod json;

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::Context;
use clap::Parser;

use self::{
    args::{Arguments, Command, Format, Once},
    screen::tell,
};
use crate::{
    app::{self, StartError},
    clock::{Clock, ShiftedClock, SystemClock},
    config::{self, Config, Loaded, Problems},
    jobs::{JobError, Site},
    mail::SendError,
    store::StoreError,
};

/// Where the configuration is looked for when nobody says.
const DEFAULT_CONFIG: &str = "/etc/lapsewatch/lapsewatch.toml";

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done,
    /// Failed while working.
    Failed,
    /// The configuration is wrong.
    Configuration,
    /// The database cannot be used.
    Database,
    /// The mail server refused us, or cannot be reached.
    MailRefused,
    /// Some files were quarantined.
    Quarantined,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Configuration => 3,
            Exit::Database => 5,
            Exit::MailRefused => 6,
            Exit::Quarantined => 7,
        })
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
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start");
    let outcome = runtime.and_then(|runtime| runtime.block_on(dispatch(Invocation { arguments, clock })));
    match outcome {
        Ok(exit) => exit.into(),
        Err(error) => {
            screen::error(&error);
            exit_of(&error).into()
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
    };
    let is_mail = |cause: &(dyn std::error::Error + 'static)| {
        cause.is::<SendError>() || matches!(cause.downcast_ref(), Some(StartError::Mail(_)))
    };
    if error.chain().any(is_broken_pipe) {
        Exit::Done
    } else if error.chain().any(is_store) {
        Exit::Database
    } else if error.chain().any(is_mail) {
        Exit::MailRefused
    } else {
        Exit::Failed
    }
}

async fn dispatch(context: Invocation) -> anyhow::Result<Exit> {
    let loaded = match context.load_config() {
        Ok(loaded) => loaded,
        Err(problems) => {
            tell!("{}", problems.render(true));
            return Ok(Exit::Configuration);
        }
    };
    let format = context.arguments.format;
    if !matches!(context.arguments.command, Command::Check) {
        for warning in &loaded.warnings {
            if !context.arguments.quiet {
                tell!("{}", warning.render(true));
            }
        }
    }
    let Loaded { config, warnings } = loaded;
    context.start_log(&config);
    match &context.arguments.command {
        Command::Check => check::check(config, &warnings, context.clock).await,
        Command::Replay(options) => replay::replay(&config, options, format),
        Command::Preview(options) => preview::preview(&config, options),
        Command::Run => anyhow::bail!("not here yet"),
        command => with_site(command, config, &context, format).await,
    }
}

async fn with_site(command: &Command, config: Config, context: &Invocation, format: Format) -> anyhow::Result<Exit> {
    let writes = matches!(command, Command::Once(Once { dry_run: false }) | Command::Load(_));
    let _lock = if writes { app::lock_store(&config)? } else { None };
    let config = if writes { config } else { app::leaving_no_trace(config) };
    let site: Site = app::open(config, Arc::clone(&context.clock)).await?;
    match command {
        Command::Once(options) => once::once(&site, options, format).await,
        Command::Load(options) => load::load(&site, options, format).await,
        Command::List(options) => list::list(&site, options, format).await,
        Command::Explain(options) => explain::explain(&site, options, format).await,
        Command::Status => status::status(&site, format).await,
        Command::TestMail(options) => test_mail::test_mail(&site, options).await,
        Command::Check | Command::Replay(_) | Command::Preview(_) | Command::Run => Ok(Exit::Done),
    }
}

impl Invocation {
    fn config_file(&self) -> Option<PathBuf> {
        let default = PathBuf::from(DEFAULT_CONFIG);
        self.arguments.config.clone().or_else(|| default.exists().then_some(default))
    }

    fn load_config(&self) -> Result<Loaded, Problems> {
        let file = self.config_file();
        config::load(&config::Sources {
            file: file.as_deref(),
            environment: std::env::vars().collect(),
            overrides: &self.arguments.set,
            today: self.clock.today(&jiff::tz::TimeZone::UTC),
        })
    }

    fn start_log(&self, _config: &Config) {
        let _ = self.arguments.verbose;
    }
}
