//! The exports that were put away: which of them are ours to remove, and from which day on.
//!
//! - Ours is what the archive holds with the bytes of a loaded file, and what the quarantine holds with a note of ours
//!   beside it. Everything else is somebody's: it is counted, and left alone.
//! - Kept are the contacts file in force, for it may be the only copy, and a file that waits for a person.
//! - Only files in the two folders themselves: no link is followed, no folder entered. Where exports stay in place,
//!   nothing is ours.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use jiff::{Timestamp, civil::Date};

use super::{
    JobError, Site, folder,
    inbox::look,
    load::{file_name, sha256},
    shelves::{note_of, parse_note},
};
use crate::{
    domain::snapshot::Source,
    store::{DoubtState, SnapshotRow},
};

/// Bytes of a note that are read at most: ours are shorter, and a file of whatever size may be named like one.
const LONGEST_NOTE: u64 = 1 << 16;

/// A file that was put away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawFile {
    /// Where it is.
    pub path: PathBuf,
    /// The note beside it.
    pub note: Option<PathBuf>,
    /// Why it stays, or from when on it does not.
    pub fate: Fate,
}

/// What becomes of a file that was put away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It goes with the first run on or after this day; `None` when files are kept for ever.
    Goes(Option<Date>),
    /// It is the contacts file in force.
    InForce,
    /// It looks wrong, and a person was asked.
    Waits,
    /// We did not put it there.
    Strange,
}

impl RawFile {
    /// Removes it, and the note beside it.
    ///
    /// # Errors
    /// When the system does not let us.
    pub fn remove(&self) -> Result<(), JobError> {
        fs::remove_file(&self.path).map_err(folder("remove", &self.path))?;
        match &self.note {
            Some(note) => fs::remove_file(note).map_err(folder("remove", note)),
            None => Ok(()),
        }
    }
}

/// The files in archive and quarantine that may have to go by a day, in the order of their paths. A file whose name and
/// age say that it is to stay is not read. Without a day: every file.
///
/// # Errors
/// When a folder cannot be read, or the store fails.
pub async fn raw_files(site: &Site, due_on: Option<Date>) -> Result<Vec<RawFile>, JobError> {
    let snapshots = &site.config.snapshots;
    if snapshots.keep_in_place {
        return Ok(Vec::new());
    }
    let known = Known::new(site.store.list_snapshots().await?);
    let mut files = tokio::task::block_in_place(|| archived(site, &known, due_on))?;
    files.extend(refused(site, due_on).await?);
    Ok(files)
}

/// Loaded files, by their bytes; and the instants at which files of a name were loaded.
struct Known {
    loaded: HashMap<String, Timestamp>,
    by_name: HashMap<String, Vec<Timestamp>>,
    in_force: Option<String>,
}

impl Known {
    fn new(rows: Vec<SnapshotRow>) -> Self {
        let mut known = Self { loaded: HashMap::new(), by_name: HashMap::new(), in_force: None };
        let newest = rows.iter().filter(|row| row.source == Source::SiteContacts).max_by_key(|row| row.id);
        known.in_force = newest.map(|row| row.sha256.clone());
        for row in rows {
            let loaded_at = known.loaded.entry(row.sha256).or_insert(row.loaded_at);
            *loaded_at = row.loaded_at.max(*loaded_at);
            known.by_name.entry(row.file_name).or_default().push(row.loaded_at);
        }
        known
    }

    /// Whether every file that was loaded under this name is too young: then it need not be read.
    fn is_young(&self, name: &str, is_due: impl Fn(Timestamp) -> bool) -> bool {
        let plain = name.split_once('-').filter(|(number, _)| number.parse::<u32>().is_ok()).map(|(_, plain)| plain);
        let mut times = [Some(name), plain].into_iter().flatten().filter_map(|name| self.by_name.get(name)).peekable();
        times.peek().is_some() && times.flatten().all(|at| !is_due(*at))
    }
}

fn archived(site: &Site, known: &Known, due_on: Option<Date>) -> Result<Vec<RawFile>, JobError> {
    let is_due = |at: Timestamp| due_on.is_none_or(|day| goes_on(site, at).is_some_and(|goes| goes <= day));
    let mut files = Vec::new();
    for path in entries(&site.config.snapshots.archive)? {
        if due_on.is_some() && known.is_young(&file_name(&path), is_due) {
            continue;
        }
        let hash = sha256(&path).map_err(folder("read", &path))?;
        let fate = match known.loaded.get(&hash) {
            None => Fate::Strange,
            Some(_) if known.in_force.as_ref() == Some(&hash) => Fate::InForce,
            Some(at) if is_due(*at) => Fate::Goes(goes_on(site, *at)),
            Some(_) => continue,
        };
        files.push(RawFile { path, note: None, fate });
    }
    Ok(files)
}

async fn refused(site: &Site, due_on: Option<Date>) -> Result<Vec<RawFile>, JobError> {
    let mut paths: BTreeSet<PathBuf> = entries(&site.config.snapshots.quarantine)?.collect();
    // Whatever has a note is a file that was refused, though it be named like one.
    let is_note = |path: &&PathBuf| !paths.contains(&note_of((*path).clone()));
    let notes: Vec<_> = paths.iter().filter(is_note).filter_map(|path| Some((path.clone(), noted_at(path)?))).collect();
    let mut files = Vec::new();
    for (note, at) in notes {
        paths.remove(&note);
        // A note whose file somebody took away goes like the file.
        let beside = note.with_extension("").with_extension("");
        let (path, note) = if paths.remove(&beside) { (beside, Some(note)) } else { (note, None) };
        let goes = goes_on(site, at);
        if due_on.is_some_and(|day| goes.is_none_or(|goes| goes > day)) {
            continue;
        }
        let fate = if waits(site, &path).await? { Fate::Waits } else { Fate::Goes(goes) };
        files.push(RawFile { path, note, fate });
    }
    files.extend(paths.into_iter().map(|path| RawFile { path, note: None, fate: Fate::Strange }));
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}

/// When a file was put aside, from the note about it; `None` when it is no note of ours.
fn noted_at(path: &Path) -> Option<Timestamp> {
    file_name(path).ends_with(".reason.txt").then_some(())?;
    let mut note = String::new();
    fs::File::open(path).ok()?.take(LONGEST_NOTE).read_to_string(&mut note).ok()?;
    parse_note(&note).map(|aside| aside.at)
}

/// Whether a person was asked about a file and has not let it go.
async fn waits(site: &Site, path: &Path) -> Result<bool, JobError> {
    let hash = tokio::task::block_in_place(|| sha256(path)).map_err(folder("read", path))?;
    let doubt = site.store.find_doubt(&hash).await?;
    Ok(doubt.is_some_and(|doubt| doubt.state != DoubtState::Dismissed))
}

/// The first day on which a file that was loaded or refused at an instant is no longer kept.
fn goes_on(site: &Site, at: Timestamp) -> Option<Date> {
    let span = site.config.privacy.retention.raw_files?;
    let on = at.to_zoned(site.config.time_zone.clone()).date();
    span.after(on).tomorrow().ok()
}

/// The files of a folder that may not be there.
fn entries(of: &Path) -> Result<impl Iterator<Item = PathBuf> + use<>, JobError> {
    let looks = if of.exists() { look(of)? } else { BTreeMap::new() };
    Ok(looks.into_keys())
}
