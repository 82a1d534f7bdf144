//! The fields of the operator's message when there is more to tell than notices: alerts first, then the run.

use jiff::civil::Date;
use serde::Serialize;

use super::{
    alert::{Alert, RefusedAddress, RefusedFile, TooOld, Uncovered},
    brief::{Brief, Voice},
    clean,
    day::Day,
    overview::{Row, Run},
    view,
};

/// Longest sentence of somebody else's that is shown.
const LONGEST_SENTENCE: usize = 200;
/// Longest name of a file.
const LONGEST_FILE: usize = 60;
/// A list has a line for so many rows of a table: reasons, files, addresses.
const ROWS_A_LINE: usize = 4;
/// A list too long loses its end, but never its first so many.
const FEWEST_LINES: usize = 3;

/// The fields of the operator's message with alerts: those of a run besides.
#[derive(Debug, Clone, Serialize)]
pub struct Bulletin {
    /// Those of a run's message.
    #[serde(flatten)]
    pub run: Run,
    /// Which alert the message is about first of all: `held`, `stale`, `refused`, `sender`, `coverage`, `unknown`,
    /// `stopped` or `unreachable`.
    pub lead: &'static str,
    /// How many sorts of alerts there are.
    pub alerts: usize,
    /// Runs that are held.
    pub held: Vec<Held>,
    /// How many messages wait in all of them.
    pub held_messages: u64,
    /// How many held runs are not shown.
    pub held_more: usize,
    /// Exports that are too old.
    pub stale: Vec<Stale>,
    /// The day of the newest one of the oldest of them.
    pub stale_since: Option<Day>,
    /// Exports in quarantine.
    pub refused: Lines<File>,
    /// What we send with and that ends.
    pub ends: Vec<End>,
    /// Accounts that nobody was told about.
    pub uncovered: Vec<Row>,
    /// How many there are.
    pub uncovered_total: u64,
    /// How many of them have no row.
    pub uncovered_more: u64,
    /// Messages of which nobody knows whether they arrived.
    pub unknown: u64,
    /// Since when sending had stopped, and why.
    pub stopped: Option<Stopped>,
    /// Addresses that were refused.
    pub unreachable: Lines<Unreachable>,
}

/// A list cut to what a message can hold.
#[derive(Debug, Clone, Serialize)]
pub struct Lines<T> {
    /// What is shown.
    pub rows: Vec<T>,
    /// How many there are.
    pub total: usize,
    /// How many are not shown.
    pub more: usize,
}

impl<T> Default for Lines<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), total: 0, more: 0 }
    }
}

impl<T> Lines<T> {
    fn of<V>(values: &[V], most: usize, view: impl Fn(&V) -> T) -> Self {
        let rows: Vec<T> = values.iter().take(most).map(view).collect();
        Self { total: values.len(), more: values.len() - rows.len(), rows }
    }
}

/// `held[]`: a run that waits for a person.
#[derive(Debug, Clone, Serialize)]
pub struct Held {
    /// Its number.
    pub run: i64,
    /// Its day.
    pub on: Day,
    /// How many messages wait.
    pub messages: u64,
    /// Why, a sentence or two each.
    pub why: Lines<String>,
}

/// `stale[]`: an export that is too old.
#[derive(Debug, Clone, Serialize)]
pub struct Stale {
    /// Which, and how old: two sentences.
    pub what: String,
    /// How many warnings are kept back for it.
    pub silent: u64,
}

/// `refused.rows[]`: an export in quarantine.
#[derive(Debug, Clone, Serialize)]
pub struct File {
    /// Its name.
    pub file: String,
    /// The first sentence of what is wrong with it, without its full stop.
    pub why: String,
}

/// `ends[]`: something we send with.
#[derive(Debug, Clone, Serialize)]
pub struct End {
    /// `password`, `certificate`, …
    pub what: String,
    /// Its last day.
    pub on: Day,
    /// That day is past, or today.
    pub over: bool,
}

/// `stopped.*`
#[derive(Debug, Clone, Serialize)]
pub struct Stopped {
    /// Since when.
    pub since: Day,
    /// The first sentence of the server's words.
    pub why: String,
}

/// `unreachable.rows[]`: an address at which nobody is.
#[derive(Debug, Clone, Serialize)]
pub struct Unreachable {
    /// Which.
    pub address: String,
    /// The first sentence of the server's words.
    pub reply: String,
}

impl Bulletin {
    /// The operator's message, of at most so many rows a table.
    #[must_use]
    pub fn of(brief: &Brief, voice: &Voice, most_rows: usize) -> Self {
        let mut alerts: Vec<&Alert> = brief.alerts.iter().collect();
        alerts.sort();
        let run = Run::of(brief, voice, most_rows);
        let mut bulletin = Self::empty(run, alerts.first().map_or("none", |alert| word(alert)));
        for alert in alerts {
            bulletin.take(alert, brief.today, most_rows);
        }
        bulletin
    }

    fn empty(run: Run, lead: &'static str) -> Self {
        Self {
            run,
            lead,
            alerts: 0,
            held: Vec::new(),
            held_messages: 0,
            held_more: 0,
            stale: Vec::new(),
            stale_since: None,
            refused: Lines::default(),
            ends: Vec::new(),
            uncovered: Vec::new(),
            uncovered_total: 0,
            uncovered_more: 0,
            unknown: 0,
            stopped: None,
            unreachable: Lines::default(),
        }
    }

    fn take(&mut self, alert: &Alert, today: Date, most_rows: usize) {
        self.alerts += 1;
        let most = (most_rows / ROWS_A_LINE).max(FEWEST_LINES);
        match alert {
            Alert::Held { messages, .. } if self.held.len() == most => {
                self.held_messages += messages;
                self.held_more += 1;
            }
            Alert::Held { run, on, messages, why } => {
                let why = Lines::of(why, most, |why| clean::sentences(why, LONGEST_SENTENCE));
                self.held_messages += messages;
                self.held.push(Held { run: *run, on: Day::new(*on, false), messages: *messages, why });
            }
            Alert::Stale { sources } => {
                self.stale_since = sources.iter().map(|source| source.as_of_on).min().map(|on| Day::new(on, false));
                self.stale = sources.iter().take(most).map(Stale::of).collect();
            }
            Alert::Refused { files } => self.refused = Lines::of(files, most, File::of),
            Alert::Sender { ends } => {
                let end = |end: &super::alert::End| End::of(end, today);
                self.ends = ends.iter().take(most).map(end).collect();
            }
            Alert::Coverage { rows, total } => {
                self.uncovered = rows.iter().take(most_rows).map(|row| uncovered(row, today)).collect();
                self.uncovered_total = *total;
                self.uncovered_more = total.saturating_sub(self.uncovered.len() as u64);
            }
            Alert::Unknown { messages } => self.unknown = *messages,
            Alert::Stopped { since_on, why } => {
                self.stopped = Some(Stopped { since: Day::new(*since_on, false), why: first_sentence(why) });
            }
            Alert::Unreachable { addresses } => self.unreachable = Lines::of(addresses, most, Unreachable::of),
        }
    }
}

/// The word by which a content file knows an alert.
const fn word(alert: &Alert) -> &'static str {
    match alert {
        Alert::Held { .. } => "held",
        Alert::Stale { .. } => "stale",
        Alert::Refused { .. } => "refused",
        Alert::Sender { .. } => "sender",
        Alert::Coverage { .. } => "coverage",
        Alert::Unknown { .. } => "unknown",
        Alert::Stopped { .. } => "stopped",
        Alert::Unreachable { .. } => "unreachable",
    }
}

impl Stale {
    fn of(source: &TooOld) -> Self {
        Self { what: clean::sentences(&source.what, LONGEST_SENTENCE), silent: source.silent }
    }
}

impl File {
    fn of(file: &RefusedFile) -> Self {
        Self { file: clean::file(&file.name, LONGEST_FILE), why: first_sentence(&file.why) }
    }
}

impl End {
    fn of(end: &super::alert::End, today: Date) -> Self {
        Self { what: clean::sentences(&end.what, 30), on: Day::new(end.ends_on, false), over: end.ends_on <= today }
    }
}

impl Unreachable {
    fn of(refused: &RefusedAddress) -> Self {
        Self { address: clean::address(&refused.address), reply: first_sentence(&refused.reply) }
    }
}

/// What is wrong, without what to do about it: the whole of it stands beside the file, or in the ledger.
fn first_sentence(text: &str) -> String {
    let text = clean::line(text, LONGEST_SENTENCE);
    let first = text.split_once(". ").map_or(text.as_str(), |(first, _)| first);
    clean::sentences(first.trim_end_matches('.'), LONGEST_SENTENCE)
}

fn uncovered(row: &Uncovered, today: Date) -> Row {
    let ods = row.ods.as_deref().map(clean::code);
    let site = match (row.site.as_deref().and_then(clean::place), ods) {
        (Some(name), Some(ods)) => Some(format!("{name} ({ods})")),
        (name, ods) => name.or(ods),
    };
    let (about, is_past) = (row.approximate, row.deadline_on < today);
    let on = Day::new(row.deadline_on, about).short_noyear;
    let why = clean::sentences(&row.why, 60);
    Row {
        name: clean::name(row.name.as_deref()),
        address: Some(clean::address(&row.address)),
        site,
        by: Day::act_by(row.deadline_on, today).cell,
        what: row.rule().map_or_else(|| format!("Acts on {on}"), |rule| view::happens(rule, &on, is_past)),
        why: (!why.is_empty()).then_some(why),
    }
}
