//! From a checked configuration to something the worker can work with, at the start and at a reload.
//!
//! Everything that can be wrong is tried here, so that a configuration either works as a whole or changes nothing.

use std::sync::Arc;

use super::RunError;
use crate::{
    app::{self, StartError},
    config::{Config, Loaded, Problem, Severity, Transport, needs_restart},
    jobs::{
        Site,
        deliver::{conversation_span, renderer},
        observe::prepare,
        pulse::{Pulse, PulsedMailer},
        scheduler::Timetable,
        worker::Plant,
    },
    mail::directory::DirectoryMailer,
};

/// A plant around an open site: templates compile, folders can be used, the schedule is known.
///
/// # Errors
/// The first thing that cannot be used.
pub fn build(site: Site, pulse: &Pulse) -> Result<Plant, RunError> {
    renderer(&site.config)?;
    prepare(&site)?;
    let mail = &site.config.mail;
    if mail.transport == Transport::Directory {
        // Made by the service, it is the service's: made by a command of root's, it would be closed to it.
        DirectoryMailer::make_ready(&mail.directory).map_err(StartError::from)?;
    }
    let timetable = Timetable::new(&site.config.schedule.evaluate, site.config.time_zone.clone())?;
    let span = conversation_span(&site.config.mail.smtp);
    let mailer = Arc::new(PulsedMailer { mailer: site.mailer, pulse: pulse.clone(), span });
    Ok(Plant { site: Site { mailer, ..site }, timetable })
}

/// The plant of another configuration, around the same store and clock. Settings that need a restart keep their
/// values, and are named in the log.
///
/// # Errors
/// The first thing that cannot be used; the old plant still can.
pub fn rebuild(old: &Plant, loaded: Loaded, pulse: &Pulse) -> Result<Plant, RunError> {
    let config = keep_until_restart(&old.site.config, loaded.config);
    let mailer = app::mailer(&config).map_err(StartError::from)?;
    let site = Site { config: Arc::new(config), mailer, ..old.site.clone() };
    let plant = build(site, pulse)?;
    tell(&loaded.warnings);
    Ok(plant)
}

fn keep_until_restart(old: &Config, new: Config) -> Config {
    for key in needs_restart(old, &new) {
        tracing::warn!(key, "{key} has changed and counts after a restart");
    }
    Config { database: old.database.clone(), log: old.log.clone(), ..new }
}

/// Logs what is wrong with a configuration, one line for each problem.
pub fn tell(problems: &[Problem]) {
    for problem in problems {
        let line = problem.one_line();
        match problem.severity {
            Severity::Error => tracing::error!("configuration: {line}"),
            Severity::Warning => tracing::warn!("configuration: {line}"),
        }
    }
}
