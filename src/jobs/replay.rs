//! The policy over old exports, day by day, against an empty store in memory.
//!
//! Files are loaded on the civil day of their as-of, before that day's run; files with no date of their own before
//! the first day; files dated before the first day in their order before the first run; later ones than the last day
//! never. A run happens on every day. With holds, a plan that would wait for a person is handed on as such and taken as
//! approved before the next day's run.

use std::{
    collections::{BTreeMap, HashSet},
    path::Path,
};

use jiff::{Span, civil::Date};

use super::{
    JobError, breaker, folder,
    hold::first_rules,
    inbox::look,
    load::{Candidate, LoadReport, merge},
    read_settings,
};
use crate::{
    config::Config,
    domain::{
        facts::SnapshotId,
        gates::{self, Gates},
        plan::{Plan, Planning, Told, plan, settle},
        policy::Rule,
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

    /// Runs every day from `from` to `to` and hands each day's plan to `each`.
    pub fn run(&mut self, config: &Config, holds: Holds, from: Date, to: Date, mut each: impl FnMut(Date, Plan)) {
        let mut world = World::new(config, holds);
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

/// Whether adoption, the breaker and staleness count, as far as they are configured (rules 18 to 20).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// They do not.
    Off,
    /// They do.
    On,
}

struct World<'a> {
    config: &'a Config,
    holds: Holds,
    register: Register,
    told: Told,
    files: i64,
    /// The newest load report of each source.
    reports: BTreeMap<String, LoadReport>,
    /// What looks wrong about files loaded since the last run.
    doubts: Vec<String>,
    adopted: Vec<Rule>,
}

impl<'a> World<'a> {
    fn new(config: &'a Config, holds: Holds) -> Self {
        let (register, told) = (Register::default(), Told::default());
        Self {
            config,
            holds,
            register,
            told,
            files: 0,
            reports: BTreeMap::new(),
            doubts: Vec::new(),
            adopted: Vec::new(),
        }
    }

    fn load(&mut self, candidate: &Candidate, as_of: Date) -> Option<Refused> {
        self.files += 1;
        let policy = &self.config.policy;
        let merged = merge(candidate, SnapshotId(self.files), as_of, &mut self.register, policy);
        match merged {
            Ok(report) => self.keep(report),
            Err(reason) => return Some(Refused { file: candidate.name.clone(), reason: reason.to_string() }),
        }
        None
    }

    /// A file that looks wrong is loaded all the same: a replay takes whatever is held as approved.
    fn keep(&mut self, report: LoadReport) {
        let Some(source) = report.source.clone() else { return };
        self.doubts.extend(breaker::of_file(&self.config.breaker, &report, self.reports.get(&source)));
        self.reports.insert(source, report);
    }

    fn run(&mut self, today: Date) -> Plan {
        let gates = self.gates();
        let planning = Planning { policy: &self.config.policy, calendar: &self.config.calendar, today, gates: &gates };
        let missing = settle(planning, &mut self.register);
        let mut plan = plan(planning, &self.register, &self.told, &missing);
        let doubts = std::mem::take(&mut self.doubts);
        let trips = !doubts.is_empty() || !breaker::of_plan(&self.config.breaker, &plan).is_empty();
        if self.holds == Holds::On && trips {
            plan.hold_all();
        }
        self.told.apply(&plan);
        self.approve(&plan);
        plan
    }

    fn gates(&self) -> Gates {
        if self.holds == Holds::Off {
            return gates::OPEN.clone();
        }
        let is_new = |rule: &Rule| !self.adopted.contains(rule);
        let awaiting = Rule::ALL.into_iter().filter(|rule| self.config.adoption.hold && is_new(rule));
        Gates::new([], [], awaiting).with_max_ages(&self.config.snapshots.max_age)
    }

    /// Whatever was held is approved before the next day: its rules are adopted.
    fn approve(&mut self, plan: &Plan) {
        let first = first_rules(&plan.report.fed, &self.adopted, &self.config.policy);
        self.adopted.extend(first);
    }
}
