//! Where a file goes from the inbox: into the archive, into quarantine with a note beside it, and back when somebody lets
//! it in.
//!
//! - Moves files and writes notes; asks the store nothing. A file is moved after the store has committed.
//! - Never writes over another file: a name that is taken gets a number.
//! - Where files stay in place, nothing moves and no note is written.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Read, Write},
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use super::{
    JobError, Site,
    carry::carry,
    folder,
    inbox::{Looks, look},
    load::{LoadOutcome, LoadReport, file_name, sha256},
};
use crate::{sources::open_file, store::Doubt};

/// The longest note that is read.
const MOST_NOTE: u64 = 1 << 20;

/// Makes the folders that files are put away in.
///
/// # Errors
/// The first folder that cannot be made.
pub fn make_ready(site: &Site) -> Result<(), JobError> {
    let snapshots = &site.config.snapshots;
    if snapshots.keep_in_place {
        return Ok(());
    }
    for path in [&snapshots.archive, &snapshots.quarantine] {
        fs::create_dir_all(path).map_err(folder("make the folder", path))?;
    }
    Ok(())
}

/// Tries whether files can be put away, with one that vanishes again.
///
/// # Errors
/// The first folder that cannot be written into.
pub fn try_out(site: &Site) -> Result<(), JobError> {
    let snapshots = &site.config.snapshots;
    if snapshots.keep_in_place {
        return Ok(());
    }
    for path in [&snapshots.archive, &snapshots.quarantine] {
        tempfile::Builder::new().prefix(".lapsewatch-").tempfile_in(path).map_err(folder("write into", path))?;
    }
    Ok(())
}

/// Puts a file away that was looked at: into the archive, or into quarantine with the reason beside it.
///
/// # Errors
/// When it cannot be moved; it is then where it was, without a note.
pub fn put_away(site: &Site, path: &Path, report: &LoadReport) -> Result<(), JobError> {
    let snapshots = &site.config.snapshots;
    if snapshots.keep_in_place {
        return Ok(());
    }
    match &report.reason {
        Some(reason) if report.outcome == LoadOutcome::Quarantined => quarantine(site, path, reason),
        _ => {
            let archive = &snapshots.archive;
            carry(path, archive, &file_name(path)).map_err(moving(path, archive)).map(|_| ())
        }
    }
}

/// Puts a refused file aside, with the reason beside it.
fn quarantine(site: &Site, path: &Path, reason: &str) -> Result<(), JobError> {
    let quarantine = &site.config.snapshots.quarantine;
    let moved = carry(path, quarantine, &file_name(path)).map_err(moving(path, quarantine))?;
    let text = format!("{}\n\n{reason}{REFUSED_AT}{}\n", file_name(path), site.clock.now());
    let noted = write_note(&note_of(moved.clone()), &text).map_err(folder("write the reason into", quarantine));
    if noted.is_err()
        && let Some(inbox) = path.parent()
    {
        // Without its reason it would lie there and tell nobody anything.
        carry(&moved, inbox, &file_name(path)).map_err(moving(&moved, inbox))?;
    }
    noted
}

/// Names both folders: either may be closed to us.
fn moving(path: &Path, into: &Path) -> impl FnOnce(io::Error) -> JobError {
    let from = path.parent().unwrap_or(path);
    let path = format!("from {} into {}", from.display(), into.display());
    move |source| JobError::Folder { doing: "move it", path, source }
}

/// Writes a note whole, or none. One that is left from a file that is gone makes room.
fn write_note(note: &Path, text: &str) -> io::Result<()> {
    match fs::remove_file(note) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = File::options().write(true).create_new(true).open(note)?;
    let written = file.write_all(text.as_bytes());
    if written.is_err() {
        let _ = fs::remove_file(note);
    }
    written
}

/// What stands between the reason and the instant in a note beside a refused file.
const REFUSED_AT: &str = "\n\nNothing of this file was loaded.\nRefused at ";

/// A file that was put aside.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PutAside {
    /// When.
    pub at: Timestamp,
    /// Its name, without its folder.
    pub file: String,
    /// Why.
    pub why: String,
}

/// The files put aside after an instant, in that order. A note that is not one of ours is passed over.
///
/// # Errors
/// When the quarantine cannot be read.
pub fn refused_since(site: &Site, since: Timestamp) -> Result<Vec<PutAside>, JobError> {
    let quarantine = &site.config.snapshots.quarantine;
    if site.config.snapshots.keep_in_place || !quarantine.exists() {
        return Ok(Vec::new());
    }
    let mut refused = Vec::new();
    for entry in fs::read_dir(quarantine).map_err(folder("read the quarantine", quarantine))? {
        let path = entry.map_err(folder("read the quarantine", quarantine))?.path();
        if !file_name(&path).ends_with(".reason.txt") {
            continue;
        }
        let note = read_note(&path).unwrap_or_default();
        refused.extend(parse_note(&note).filter(|aside| aside.at > since));
    }
    refused.sort();
    Ok(refused)
}

/// The beginning of a note: whoever can write into the quarantine may put anything there.
fn read_note(path: &Path) -> io::Result<String> {
    let mut note = String::new();
    open_file(path)?.take(MOST_NOTE).read_to_string(&mut note)?;
    Ok(note)
}

/// When a file was put aside, its name and the reason, from the note beside it.
pub(super) fn parse_note(note: &str) -> Option<PutAside> {
    let (told, at) = note.trim_end().rsplit_once(REFUSED_AT)?;
    let (file, why) = told.split_once("\n\n")?;
    Some(PutAside { at: at.parse().ok()?, file: file.to_owned(), why: why.to_owned() })
}

/// Puts a file that somebody approved back into the inbox, from which it is loaded next. `false` when it is neither there
/// nor in quarantine.
///
/// # Errors
/// When a folder cannot be used.
pub fn let_in(site: &Site, doubt: &Doubt) -> Result<bool, JobError> {
    let snapshots = &site.config.snapshots;
    if find_in(&snapshots.inbox, &doubt.sha256)?.is_some() {
        return Ok(true);
    }
    let Some(path) = find_in(&snapshots.quarantine, &doubt.sha256)? else { return Ok(false) };
    carry(&path, &snapshots.inbox, &doubt.file_name).map_err(folder("move a file to", &snapshots.inbox))?;
    let note = note_of(path);
    if note.exists() {
        fs::remove_file(&note).map_err(folder("remove", &note))?;
    }
    Ok(true)
}

/// The file with these bytes, in a folder that may not be there.
fn find_in(folder: &Path, hash: &str) -> Result<Option<PathBuf>, JobError> {
    let looks = if folder.exists() { look(folder)? } else { Looks::new() };
    Ok(looks.into_keys().find(|path| sha256(path).is_ok_and(|found| found == hash)))
}

/// Where the reason stands why a file is in quarantine.
pub(super) fn note_of(file: PathBuf) -> PathBuf {
    let mut note = file.into_os_string();
    note.push(".reason.txt");
    PathBuf::from(note)
}
