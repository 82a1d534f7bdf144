//! The jobs: what happens between a file in the inbox and a message at a mail server.
//!
//! A job takes no argument but the [`Site`], reads what is due from the store, is safe to repeat, and ends with a
//! report. Only this room knows both the store and the mailer; it decides *when*, never *what*: that is the plan's.
pub mod account;
pub mod alerts;
pub mod approve;
pub mod attention;
mod breaker;
pub mod brief;
mod carry;
pub mod coverage;
pub mod deliver;
pub mod deliverer;
pub mod facts;
pub mod forecast;
pub mod forget;
pub mod health;
pub mod hold;
pub mod inbox;
mod intake;
mod jumps;
pub mod likeness;
pub mod load;
mod load_log;
mod load_report;
pub mod naming;
pub mod observe;
pub mod plan;
pub mod pulse;
mod raw_files;
pub mod replay;
mod rest;
pub mod retention;
pub mod right;
pub mod run;
pub mod scheduler;
pub mod shelves;
mod shown;
pub mod snooze;
pub mod supply;
pub mod survey;
mod tally;
pub mod vitals;
pub mod watch;
mod watchman;
pub mod window;
pub mod worker;
mod worth;

use std::sync::Arc;

use jiff::{Timestamp, civil::Date};

use crate::{
    clock::Clock,
    config::Config,
    domain::{gates, hours::Hours, plan::Planning},
    mail::{Mailer, render::RenderError},
    sources::{ReadError, ReadSettings},
    store::{Store, StoreError},
};

/// Everything a job works with. A reload makes a new one; a job that has begun keeps the one it has.
#[derive(Clone)]
pub struct Site {
    /// The checked configuration.
    pub config: Arc<Config>,
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// How messages leave.
    pub mailer: Arc<dyn Mailer>,
}

impl Site {
    /// The civil date, in the policy's zone.
    #[must_use]
    pub fn today(&self) -> Date {
        self.clock.today(&self.config.time_zone)
    }

    /// When messages leave.
    #[must_use]
    pub fn hours(&self) -> Hours<'_> {
        let mail = &self.config.mail;
        Hours { window: mail.window, working_days: mail.working_days, calendar: &self.config.calendar }
    }

    /// Whether the hours of sending let a message out at `now`.
    #[must_use]
    pub fn may_leave(&self, now: Timestamp, is_any_day: bool) -> bool {
        self.hours().may_leave(&now.to_zoned(self.config.time_zone.clone()), is_any_day)
    }

    /// What the planner reads, for a day on which nothing is kept back.
    #[must_use]
    pub fn planning(&self, today: Date) -> Planning<'_> {
        Planning { policy: &self.config.policy, calendar: &self.config.calendar, today, gates: &gates::OPEN }
    }
}

/// How files are read under a configuration.
#[must_use]
pub fn read_settings(config: &Config) -> ReadSettings<'_> {
    ReadSettings { time_zone: &config.time_zone, day_first: config.snapshots.day_first }
}

/// Why a job could not do its work. A bad row, file or recipient is not an error but a line of the report.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The clock is behind what was done: planning now would close what is open and tell it again later.
    #[error(
        "it is {today} by this machine's clock, and the run of {newest} was done already: set the clock right, or wait; \
         nothing was loaded or planned"
    )]
    ClockBehind {
        /// The civil day now.
        today: Date,
        /// The civil day of the newest run.
        newest: Date,
    },
    /// Another replica may load and plan now.
    #[error("the right to load and plan was lost: another replica goes on")]
    RightLost,
    /// The messages cannot be written.
    #[error("cannot write the messages: {0}")]
    Render(#[from] RenderError),
    /// A folder cannot be used.
    #[error("cannot {doing} {path}: {source}")]
    Folder {
        /// What was tried.
        doing: &'static str,
        /// On which file or folder.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// Files cannot be found in the inbox, or not be taken out of it.
    #[error(
        "cannot use the inbox {path}: {source}; the service's user must read and write there (see the example \
         shared-inbox.conf), or only read with snapshots.keep_in_place = true"
    )]
    Inbox {
        /// The folder.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file cannot be read.
    #[error("{path}: {source}")]
    Read {
        /// Which file.
        path: String,
        /// What is wrong with it.
        source: ReadError,
    },
}

/// Names the file or folder of an input or output error.
fn folder(doing: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> JobError {
    let path = path.display().to_string();
    move |source| JobError::Folder { doing, path, source }
}
