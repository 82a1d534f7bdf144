//! The policy over old exports, day by day, against an empty store in memory.
//!
//! Files are loaded on the civil day of their as-of, before that day's run; files with no date of their own before
//! the first day; files dated before the first day in their order before the first run; later ones than the last day
//! never. A run happens on every day.

use std::{
    collections::{BTreeMap, HashSet},
    path::Path,
};

use jiff::{Span, civil::Date};

use super::{
    JobError, folder,
    load::{Candidate, merge},
    observe::look,
    read_settings,
};
use crate::{
    config::Config,
    domain::{
        facts::SnapshotId,
        gates,
        message::Message,
        plan::{Planning, Told, plan, settle},
        register::Register,
    },
};

/// A file that a replay could not use, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its name.
    pub file: String,
    /// Why.
    pub reason: String,
}

/// Old exports, recognised and in order.
#[derive(Debug)]
pub struct Replay {
    undated: Vec<Candidate>,
    by_day: BTreeMap<Date, Vec<Candidate>>,
    /// Files that were left out.
    pub refused: Vec<Refused>,
}

impl Replay {
    /// Recognises every file of a folder.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn open(snapshots: &Path, config: &Config) -> Result<Self, JobError> {
        std::fs::metadata(snapshots).map_err(folder("read", snapshots))?;
        let mut replay = Self { undated: Vec::new(), by_day: BTreeMap::new(), refused: Vec::new() };
        let mut known = HashSet::new();
        for path in look(snapshots)?.into_keys() {
            replay.add(&path, config, &mut known);
        }
        Ok(replay)
    }

    fn add(&mut self, path: &Path, config: &Config, known: &mut HashSet<String>) {
        match Candidate::open(path, &read_settings(config)) {
            Ok(candidate) if !known.insert(candidate.sha256.clone()) => {}
            Ok(candidate) => match candidate.export.as_of() {
                Some(as_of) => self.by_day.entry(as_of).or_default().push(candidate),
                None => self.undated.push(candidate),
            },
            Err(refusal) => {
                let file = super::load::file_name(path);
                self.refused.push(Refused { file, reason: refusal.to_string() });
            }
        }
    }

    /// The first and the last day that a file describes.
    #[must_use]
    pub fn days(&self) -> Option<(Date, Date)> {
        Some((*self.by_day.first_key_value()?.0, *self.by_day.last_key_value()?.0))
    }

    /// Runs every day from `from` to `to` and hands each day's messages to `each`.
    pub fn run(&mut self, config: &Config, from: Date, to: Date, mut each: impl FnMut(Date, Vec<Message>)) {
        let mut world = World { config, register: Register::default(), told: Told::default(), files: 0 };
        for candidate in std::mem::take(&mut self.undated) {
            self.refused.extend(world.load(&candidate, from));
        }
        let mut days = std::mem::take(&mut self.by_day);
        let later = days.split_off(&from);
        for (as_of, candidates) in days {
            self.refused.extend(candidates.iter().filter_map(|candidate| world.load(candidate, as_of)));
        }
        let mut later = later;
        for today in from.series(Span::new().days(1)).take_while(|day| *day <= to) {
            let candidates = later.remove(&today).unwrap_or_default();
            self.refused.extend(candidates.iter().filter_map(|candidate| world.load(candidate, today)));
            each(today, world.run(today));
        }
    }
}

struct World<'a> {
    config: &'a Config,
    register: Register,
    told: Told,
    files: i64,
}

impl World<'_> {
    fn load(&mut self, candidate: &Candidate, as_of: Date) -> Option<Refused> {
        self.files += 1;
        let policy = &self.config.policy;
        let merged = merge(candidate, SnapshotId(self.files), as_of, &mut self.register, policy, &|_| ());
        let reason = merged.err()?.to_string();
        Some(Refused { file: candidate.name.clone(), reason })
    }

    fn run(&mut self, today: Date) -> Vec<Message> {
        let planning =
            Planning { policy: &self.config.policy, calendar: &self.config.calendar, today, gates: &gates::OPEN };
        let missing = settle(planning, &mut self.register);
        let plan = plan(planning, &self.register, &self.told, missing);
        self.told.apply(&plan);
        plan.messages
    }
}
