//! `run`: the daemon.

use std::{path::PathBuf, sync::Arc};

use super::Exit;
use crate::{
    clock::Clock,
    config::{self, Config, Loaded, Problems},
    lifecycle::{self, Start},
};

/// Where the configuration is read from, again at every reload.
pub struct Settings {
    /// The operator's file.
    pub file: Option<PathBuf>,
    /// The `KEY=VALUE` of each `--set`.
    pub overrides: Vec<String>,
    /// For the day on which bank holidays are judged.
    pub clock: Arc<dyn Clock>,
}

impl Settings {
    /// Reads and checks every setting.
    pub fn load(&self) -> Result<Loaded, Problems> {
        config::load(&self.sources())
    }

    /// What is left of settings that cannot be used, to mail somebody of it.
    pub fn salvage(&self) -> Option<Config> {
        config::salvage(&self.sources())
    }

    fn sources(&self) -> config::Sources<'_> {
        config::Sources {
            file: self.file.as_deref(),
            environment: std::env::vars().collect(),
            overrides: &self.overrides,
            today: self.clock.today(&jiff::tz::TimeZone::UTC),
        }
    }
}

/// Runs until it is asked to stop.
pub async fn run(settings: Settings, config: Loaded) -> anyhow::Result<Exit> {
    let clock = Arc::clone(&settings.clock);
    let reload = Box::new(move || settings.load());
    lifecycle::run(Start { config, reload, clock }).await?;
    Ok(Exit::Done)
}
