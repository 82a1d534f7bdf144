//! One export into the register: the rows merged, the load report written.
//!
//! Used by the inbox, by `load` and by replays alike. It writes nothing: the caller keeps the register or throws it
//! away.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs::File,
    io,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use jiff::civil::Date;
use sha2::{Digest, Sha256};

pub use super::load_report::{LoadOutcome, LoadReport, LooksWrong, RejectedRow};
use crate::{
    domain::{
        facts::SnapshotId,
        policy::Policy,
        register::{Arrival, Effect, EffectKind, Register, SubjectId},
        snapshot::{ContactRow, Record, Source},
        subject::Address,
    },
    sources::{DateOrder, Export, ReadError, ReadSettings, Rejected, open},
};

/// How many rejected rows a report names one by one.
const MOST_REJECTED_NAMED: usize = 1_000;
/// Of how many earlier days a report counts who is left out.
const MOST_DAYS_BACK: usize = 40;

/// A recognised file, waiting to be loaded.
#[derive(Debug)]
pub struct Candidate {
    /// Where it is.
    pub path: PathBuf,
    /// Its name without folder.
    pub name: String,
    /// SHA-256 of its bytes, lower-case hexadecimal.
    pub sha256: String,
    /// What it is.
    pub export: Export,
}

impl Candidate {
    /// Recognises the file at `path`.
    ///
    /// # Errors
    /// Why it is no export that can be read.
    pub fn open(path: &Path, settings: &ReadSettings) -> Result<Self, ReadError> {
        let export = open(path, settings)?;
        Ok(Self { path: path.to_owned(), name: file_name(path), sha256: export.sha256().to_owned(), export })
    }
}

/// A file's name, without its folder.
#[must_use]
pub fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    name.chars().map(|letter| if letter.is_control() { '\u{FFFD}' } else { letter }).collect()
}

/// SHA-256 of a file, lower-case hexadecimal.
///
/// # Errors
/// When it cannot be read.
pub fn sha256(path: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    io::copy(&mut File::open(path)?, &mut hasher)?;
    Ok(hasher.finalize().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}")))
}

/// Merges every row of a file into the register. Returns the report and, for a contacts file, its rows.
///
/// # Errors
/// When the file can no longer be read; the register is then half changed and must be thrown away.
pub fn merge(
    candidate: &Candidate,
    snapshot: SnapshotId,
    as_of: Date,
    register: &mut Register,
    policy: &Policy,
    progress: &dyn Fn(u64),
) -> Result<(LoadReport, Option<Vec<ContactRow>>), ReadError> {
    let arrival = Arrival { snapshot, source: candidate.export.source(), as_of };
    let mut tally = Tally::new(candidate, as_of);
    let mut census = candidate.export.census(as_of);
    let listed: HashMap<_, _> =
        listed_by(arrival.source, register).map(|(id, _)| (id, address_of(register, id))).collect();
    candidate.export.each(&mut census, &mut |row| {
        match row.read() {
            Ok(Record::Subject(row)) => {
                tally.count(register.observe(arrival, &row, policy));
            }
            Ok(Record::Contact(row)) => tally.contacts.push(*row),
            Ok(Record::Member(_) | Record::Site(_)) => {}
            Err(rejected) => tally.reject(rejected),
        }
        tally.seen += 1;
        progress(tally.seen);
        ControlFlow::Continue(())
    })?;
    let is_contacts = arrival.source == Source::SiteContacts;
    tally.check_any(arrival.source)?;
    tally.report.warnings.extend(overtaken(arrival, register));
    register.begin(arrival);
    tally.report.dates = census.into_columns();
    tally.report.absent = tally.absent(arrival.source, register);
    let stays = |id: &&SubjectId| listed.get(id).is_some_and(|before| is_at(register, **id, before.as_ref()));
    tally.report.relisted = Some(tally.subjects.iter().filter(stays).count() as u64);
    let (report, contacts) = tally.finish();
    if is_contacts {
        register.replace_contacts(contacts.clone());
    }
    Ok((report, is_contacts.then_some(contacts)))
}

/// What an operator should know of a file that comes after a newer one. A list of contacts counts all the same.
fn overtaken(arrival: Arrival, register: &Register) -> Option<String> {
    let newest = register.snapshots(arrival.source)?.last().filter(|newest| **newest > arrival.as_of)?;
    let counts = arrival.source != Source::SiteContacts;
    counts.then(|| format!("one of {newest} is loaded already and is newer: its word stands where the two differ"))
}

/// Whom a source has listed, and on which day last.
fn listed_by(source: Source, register: &Register) -> impl Iterator<Item = (SubjectId, Date)> {
    register.subjects().filter_map(move |subject| Some((subject.id, subject.listed_by(source)?)))
}

fn address_of(register: &Register, id: SubjectId) -> Option<Address> {
    register.find(id).and_then(|subject| subject.facts.address())
}

/// Whether a subject is where it was, or back where it once was.
fn is_at(register: &Register, id: SubjectId, before: Option<&Address>) -> bool {
    let Some(subject) = register.find(id) else { return false };
    let now = subject.facts.address();
    now.as_ref() == before || now.is_some_and(|now| subject.former_addresses.contains(&now))
}

struct Tally {
    report: LoadReport,
    contacts: Vec<ContactRow>,
    subjects: HashSet<SubjectId>,
    bad_dates: u64,
    repeated: u64,
    seen: u64,
}

impl Tally {
    fn new(candidate: &Candidate, as_of: Date) -> Self {
        let summary = candidate.export.summary();
        let report = LoadReport {
            source: Some(candidate.export.source().as_str().to_owned()),
            as_of: Some(as_of),
            rows: summary.rows as u64,
            ignored_columns: summary.ignored_columns.clone(),
            missing_columns: summary.missing_columns.clone(),
            warnings: summary.warnings.clone(),
            day_first: (summary.date_order != DateOrder::Iso).then(|| summary.date_order.is_day_first()),
            has_sends: candidate.export.source() == Source::Sends,
            ..LoadReport::empty(&candidate.name)
        };
        Self { report, contacts: Vec::new(), subjects: HashSet::new(), bad_dates: 0, repeated: 0, seen: 0 }
    }

    fn count(&mut self, effect: Effect) {
        self.bad_dates += u64::from(effect.bad_dates);
        self.report.has_sends |= effect.tells_of_send;
        if !self.subjects.insert(effect.subject) {
            self.repeated += 1;
            return;
        }
        match effect.kind {
            EffectKind::New => self.report.new += 1,
            EffectKind::Changed => self.report.changed += 1,
            EffectKind::Unchanged => self.report.unchanged += 1,
            EffectKind::Waiting => self.report.waiting += 1,
        }
    }

    fn reject(&mut self, rejected: Rejected) {
        self.report.rejected_count += 1;
        self.report.concealed += u64::from(rejected.is_concealed);
        if self.report.rejected.len() < MOST_REJECTED_NAMED {
            self.report.rejected.push(rejected.into());
        }
    }

    /// A list without a row that can be read would say that everybody is gone. That nobody sent is news, though.
    fn check_any(&self, source: Source) -> Result<(), ReadError> {
        if source == Source::Sends || !self.subjects.is_empty() || !self.contacts.is_empty() {
            return Ok(());
        }
        let (rows, concealed) = (self.report.rows, self.report.concealed);
        if concealed > 0 {
            return Err(ReadError::Concealed { concealed, rows });
        }
        let first = self.report.rejected.first();
        let first = first.map(|row| format!(" (line {}: {})", row.line, row.reason)).unwrap_or_default();
        Err(ReadError::NoRows { rows, first })
    }

    /// Whom the source has listed before and this file leaves out, by the day on which it last listed them.
    fn absent(&self, source: Source, register: &Register) -> BTreeMap<Date, u64> {
        let mut absent = BTreeMap::new();
        for (_, day) in listed_by(source, register).filter(|(id, _)| !self.subjects.contains(id)) {
            *absent.entry(day).or_default() += 1;
        }
        while absent.len() > MOST_DAYS_BACK {
            absent.pop_first();
        }
        absent
    }

    fn finish(mut self) -> (LoadReport, Vec<ContactRow>) {
        let is_contacts = !self.contacts.is_empty();
        self.report.subjects = if is_contacts { self.contacts.len() as u64 } else { self.subjects.len() as u64 };
        if self.bad_dates > 0 {
            let line =
                format!("{} dates lie more than a day after the file's own day and count as blank", self.bad_dates);
            self.report.warnings.push(line);
        }
        if self.repeated > 0 && !self.report.has_sends {
            let line = format!("{} rows are about an account that another row of the file names too", self.repeated);
            self.report.warnings.push(line);
        }
        if self.report.waiting > 0 {
            let line = format!("{} addresses are in no export yet: what is said of them waits", self.report.waiting);
            self.report.warnings.push(line);
        }
        (self.report, self.contacts)
    }
}
