//! What a file held and what it changed, as `load` shows it and the store keeps it.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{
    domain::snapshot::Source,
    sources::{DateColumn, Rejected, Unread},
};

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LoadOutcome {
    /// Its rows are in the store.
    Loaded,
    /// The same bytes were loaded before.
    Duplicate,
    /// It was refused whole; the reason says why.
    Quarantined,
}

/// One row that was not loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedRow {
    /// Line on which it begins, from 1.
    pub line: u32,
    /// The column and what is wrong with it.
    pub reason: String,
}

impl From<Rejected> for RejectedRow {
    fn from(rejected: Rejected) -> Self {
        let reason = match rejected.column {
            Some(column) => format!("{column}: {}", rejected.reason),
            None => rejected.reason,
        };
        Self { line: rejected.line, reason }
    }
}

/// The file that another is held against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earlier {
    /// Its name, without its folder.
    pub file: String,
    /// The day it describes.
    pub as_of: Option<Date>,
}

/// A rule that a file does not feed, or not as well as its format can.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleOff {
    /// The rule's name.
    pub rule: String,
    /// `off`, or `weaker`.
    pub state: String,
    /// The columns it would count from.
    pub columns: Vec<String>,
    /// What is lacking and what follows.
    pub why: String,
}

impl RuleOff {
    /// Whether the rule learns nothing from the file.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.state == "off"
    }
}

/// How much of a date column is blank.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Blanks {
    /// The column.
    pub column: String,
    /// From 0 to 1, to the thousandth.
    pub share: f64,
    /// The same of the file before; `None` when it had no such column.
    pub before: Option<f64>,
}

/// What a file held and what it changed; the JSON of `load --format json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoadReport {
    /// Name of the file, without its folder.
    pub file: String,
    /// Which kind of export.
    pub source: Option<String>,
    /// The day it describes.
    pub as_of: Option<Date>,
    /// Rows in it.
    pub rows: u64,
    /// Different subjects its rows are about.
    pub subjects: u64,
    /// Subjects not listed before.
    pub new: u64,
    /// Subjects with a new value.
    pub changed: u64,
    /// Subjects with nothing new.
    pub unchanged: u64,
    /// Addresses no source has listed yet: their facts wait.
    pub waiting: u64,
    /// Rows not loaded; at most 1,000 are named.
    pub rejected: Vec<RejectedRow>,
    /// How many rows were not loaded.
    pub rejected_count: u64,
    /// Rows that tell nothing and were passed over: guests, sends that did not leave, other folders.
    #[serde(default)]
    pub passed_over: u64,
    /// What could not be read in cells whose rows could: errors of a spreadsheet, words that nobody knows.
    #[serde(default)]
    pub unread: Vec<Unread>,
    /// Columns the program has no use for: dropped, never stored.
    pub ignored_columns: Vec<String>,
    /// Columns the format usually has and this file has not.
    pub missing_columns: Vec<String>,
    /// What an operator should know about how it was read.
    pub warnings: Vec<String>,
    /// What became of it.
    pub outcome: LoadOutcome,
    /// Why, unless it was loaded.
    pub reason: Option<String>,
    /// What stands in its date columns. This and what follows is for the breaker; older reports have none of it.
    #[serde(default)]
    pub dates: Vec<DateColumn>,
    /// Slash dates are read day first; `None` without slash dates.
    #[serde(default)]
    pub day_first: Option<bool>,
    /// How slash dates are read, and why. What follows, to the last, is for people; older reports have none of it.
    #[serde(default)]
    pub date_order: Option<String>,
    /// The encoding of its text.
    #[serde(default)]
    pub encoding: Option<String>,
    /// What divides its cells; `None` for JSON.
    #[serde(default)]
    pub delimiter: Option<char>,
    /// The file of its source that it is held against: the newest that is no later, else the oldest there is.
    #[serde(default)]
    pub before: Option<Earlier>,
    /// Subjects that the file before listed and this one does not.
    #[serde(default)]
    pub vanished: u64,
    /// Rules that it feeds, also those that it could feed better.
    #[serde(default)]
    pub rules_fed: Vec<String>,
    /// Rules that it does not feed though its format can, or could feed better.
    #[serde(default)]
    pub rules_off: Vec<RuleOff>,
    /// How much of each date column is blank, beside the file before.
    #[serde(default)]
    pub blanks: Vec<Blanks>,
    /// Rows, all rejected, with a code in place of the user name.
    #[serde(default)]
    pub concealed: u64,
    /// Subjects that its source has listed and it does not, by the day on which the source last listed them; of the
    /// newest 40 such days.
    #[serde(default)]
    pub absent: BTreeMap<Date, u64>,
    /// Subjects in it that its source had listed before, on whatever day, and at the same address; `None` in older
    /// reports.
    #[serde(default)]
    pub relisted: Option<u64>,
    /// It tells of sends.
    #[serde(skip)]
    pub has_sends: bool,
    /// Why it was put aside and not loaded though it can be read (rule 19).
    #[serde(skip)]
    pub doubt: Option<LooksWrong>,
}

/// What looks wrong about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LooksWrong {
    /// What was seen, a sentence or two each.
    pub why: Vec<String>,
    /// The store has it from an earlier look: a run is held for it, or the next one will be.
    pub is_noted: bool,
}

impl LoadReport {
    /// The report of a file that was refused whole.
    #[must_use]
    pub fn refused(file: &str, reason: String) -> Self {
        Self { outcome: LoadOutcome::Quarantined, reason: Some(reason), ..Self::empty(file) }
    }

    /// The report of a file that looks wrong: nothing of it is loaded before somebody approves.
    #[must_use]
    pub fn doubted(self, doubt: LooksWrong) -> Self {
        let held = if doubt.is_noted { "It waits for a person already" } else { "The run after it is held" };
        // The operator's message has room for the first sentence; its reasons for the hold are the rest.
        let reason = format!(
            "it looks wrong, and is not loaded unless `lapsewatch approve` lets it in. {} {held}; \
             `lapsewatch discard` leaves it out",
            doubt.why.join(" ")
        );
        Self { doubt: Some(doubt), ..Self::refused(&self.file, reason) }
    }

    /// The report of a file that was loaded before.
    #[must_use]
    pub fn duplicate(file: &str, before: &str, source: Source, as_of: Date) -> Self {
        let reason = Some(format!("the same file was loaded before, as {before}"));
        let (source, as_of) = (Some(source.as_str().to_owned()), Some(as_of));
        Self { outcome: LoadOutcome::Duplicate, reason, source, as_of, ..Self::empty(file) }
    }

    pub(super) fn empty(file: &str) -> Self {
        Self {
            file: file.to_owned(),
            source: None,
            as_of: None,
            rows: 0,
            subjects: 0,
            new: 0,
            changed: 0,
            unchanged: 0,
            waiting: 0,
            rejected: Vec::new(),
            rejected_count: 0,
            passed_over: 0,
            unread: Vec::new(),
            ignored_columns: Vec::new(),
            missing_columns: Vec::new(),
            warnings: Vec::new(),
            outcome: LoadOutcome::Loaded,
            reason: None,
            dates: Vec::new(),
            day_first: None,
            date_order: None,
            encoding: None,
            delimiter: None,
            before: None,
            vanished: 0,
            rules_fed: Vec::new(),
            rules_off: Vec::new(),
            blanks: Vec::new(),
            concealed: 0,
            absent: BTreeMap::new(),
            relisted: None,
            has_sends: false,
            doubt: None,
        }
    }
}
