//! A recognised file, and how one is merged into a register that is in memory as a whole.
//!
//! Replays and dry runs do that: they write nothing, and throw the register away. What goes into the store goes through
//! `intake`.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    io,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::civil::Date;
use sha2::{Digest, Sha256};

pub use super::load_report::{Blanks, Earlier, LoadOutcome, LoadReport, LooksWrong, RejectedRow, RuleOff};
use super::tally::{Listed, Tally};
use crate::{
    config,
    domain::{
        facts::SnapshotId,
        policy::Policy,
        register::{Arrival, Register, SubjectId},
        snapshot::Source,
    },
    sources::{Export, ReadError, ReadSettings, open, open_file},
};

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
    pub export: Arc<Export>,
}

impl Candidate {
    /// Recognises the file at `path`.
    ///
    /// # Errors
    /// Why it is no export that can be read.
    pub fn open(path: &Path, settings: &ReadSettings) -> Result<Self, ReadError> {
        let export = Arc::new(open(path, settings).map_err(|refusal| tell_holidays(path, refusal))?);
        Ok(Self { path: path.to_owned(), name: file_name(path), sha256: export.sha256().to_owned(), export })
    }
}

/// Adds the days it holds to the refusal of a list of bank holidays: the configuration knows how to read one.
fn tell_holidays(path: &Path, refusal: ReadError) -> ReadError {
    let ReadError::BankHolidays { .. } = refusal else { return refusal };
    let holds = config::bank_holidays_in(path).map(|lists| format!(" ({lists})")).unwrap_or_default();
    ReadError::BankHolidays { holds }
}

/// A file's name, without its folder. Letters that would steer a screen are taken out.
#[must_use]
pub fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    name.chars().map(|letter| if is_steering(letter) { '\u{FFFD}' } else { letter }).collect()
}

/// Control characters, and those that turn the direction of writing: a name could look like another.
fn is_steering(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// SHA-256 of a file, lower-case hexadecimal.
///
/// # Errors
/// When it cannot be read.
pub fn sha256(path: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    io::copy(&mut open_file(path)?, &mut hasher)?;
    Ok(hasher.finalize().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}")))
}

/// Merges every row of a file into a register.
///
/// # Errors
/// When the file can no longer be read; the register is then half changed and must be thrown away.
pub fn merge(
    candidate: &Candidate,
    snapshot: SnapshotId,
    as_of: Date,
    register: &mut Register,
    policy: &Policy,
) -> Result<LoadReport, ReadError> {
    let arrival = Arrival { snapshot, source: candidate.export.source(), as_of };
    let newest = register.snapshots(arrival.source).and_then(|days| days.last().copied());
    let listed = listed_by(arrival.source, register);
    let mut tally = Tally::new(candidate, as_of);
    let mut census = candidate.export.census(as_of);
    let mut seen = HashSet::new();
    candidate.export.each(&mut census, &mut |row| {
        match row.read().map(|record| tally.keep(record)) {
            Ok(Some(row)) => {
                tally.compare(&row, policy);
                let effect = register.observe(arrival, &row, policy);
                let was = listed.get(&effect.subject);
                let is_relisted = was.is_some_and(|was| was.is_still_at(register, effect.subject));
                tally.count(effect, is_relisted, seen.insert(effect.subject));
            }
            Ok(None) => {}
            Err(rejected) => tally.reject(rejected),
        }
        ControlFlow::Continue(())
    })?;
    let mut absent = BTreeMap::new();
    let left_out = |id: &SubjectId| !seen.contains(id) && register.find(*id).is_some();
    for (_, left) in listed.iter().filter(|(id, _)| left_out(id)) {
        *absent.entry(left.on).or_default() += 1;
    }
    let (report, lists) = tally.finish(arrival, newest, census, absent)?;
    register.begin(arrival);
    register.take_up(arrival, lists);
    Ok(report)
}

/// Whom a source has listed, where and when.
fn listed_by(source: Source, register: &Register) -> HashMap<SubjectId, Listed> {
    let listed = register.subjects().filter_map(|subject| {
        Some((subject.id, Listed { address: subject.facts.address(), on: subject.listed_by(source)? }))
    });
    listed.collect()
}
