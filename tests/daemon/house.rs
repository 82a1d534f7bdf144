//! A folder with a configuration, an inbox and a store.
use std::{fmt::Write as _, fs, path::PathBuf, sync::Arc};

use jiff::{Timestamp, civil::Date};
use lapsewatch::{
    config::{self, Config, Sources},
    store::{MessageState, RunRow, Store},
};
use tempfile::TempDir;

use crate::base::Base;

/// Everything one daemon has.
pub struct House {
    pub folder: TempDir,
    base: Base,
}

impl House {
    /// A house whose configuration ends with `more`. Everything is a folder or file of its own below the house.
    pub fn new(more: &str) -> Self {
        let house = Self { folder: tempfile::tempdir().unwrap(), base: Base::new() };
        house.configure(more);
        for name in ["inbox", "archive", "quarantine"] {
            fs::create_dir(house.path(name)).unwrap();
        }
        house
    }

    /// Replaces the configuration. Nothing is held back: a house is too small and too new for the gates.
    pub fn configure(&self, more: &str) {
        self.configure_at(self.base.url(), more);
    }

    /// The same, around another store.
    pub fn configure_at(&self, url: &str, more: &str) {
        let text = format!(
            "[adoption]\nhold = false\n[breaker]\nenabled = false\n\
             [database]\nurl = \"{url}\"\n\
             [snapshots]\ninbox = \"inbox\"\narchive = \"archive\"\nquarantine = \"quarantine\"\n\
             settle_secs = 0\npoll_secs = 1\n{more}\n"
        );
        fs::write(self.path("lapsewatch.toml"), text).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn config(&self) -> Config {
        let file = self.path("lapsewatch.toml");
        let today = "2026-11-20".parse().unwrap();
        let sources = Sources { file: Some(&file), environment: Vec::new(), overrides: &[], today };
        config::load(&sources).unwrap().config
    }

    pub async fn store(&self) -> Arc<dyn Store> {
        self.base.open().await
    }

    /// Notes that a day was run, so that the next start has something to catch up with.
    pub async fn ran_on(&self, day: Date) {
        self.store().await.pass_days(&[day], "baseline", Timestamp::UNIX_EPOCH).await.unwrap();
    }

    /// Drops an export into the inbox.
    pub fn drop_export(&self, name: &str, text: &str) {
        fs::write(self.path("inbox").join(name), text).unwrap();
    }

    pub fn names_in(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.path(folder))
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.starts_with('.'))
            .collect();
        names.sort();
        names
    }

    /// The runs so far, oldest first.
    pub async fn runs(&self) -> Vec<RunRow> {
        let mut runs = self.store().await.list_runs(100).await.unwrap();
        runs.reverse();
        runs
    }

    /// How many messages stand where.
    pub async fn count(&self, state: MessageState) -> u64 {
        let counts = self.store().await.count_messages().await.unwrap();
        counts.iter().filter(|(found, _)| *found == state).map(|(_, count)| count).sum()
    }
}

/// An export about `people` that were active last on `active_on`.
pub fn export(as_of: Date, people: std::ops::Range<usize>, active_on: Date) -> String {
    let mut text = "as_of,id,address,kind,status,created_at,last_activity_at\n".to_owned();
    for number in people {
        writeln!(text, "{as_of},c-{number},person.{number}@nhs.net,user,Active,2024-02-03,{active_on}").unwrap();
    }
    text
}
