//! Where a file goes from the inbox: into the archive, into quarantine with a note beside it, and back when somebody lets
//! it in.
//!
//! - Moves files and writes notes; asks the store nothing. A file is moved after the store has committed.
//! - Never writes over another file: a name that is taken gets a number.
//! - Where files stay in place, nothing moves and no note is written.

use std::{
    fs,
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use super::{
    JobError, Site, folder,
    load::{LoadOutcome, LoadReport, file_name, sha256},
    observe::{Looks, look},
};
use crate::store::Doubt;

/// Makes sure that files can be put away before any is loaded.
///
/// # Errors
/// The first folder that cannot be used.
pub fn make_ready(site: &Site) -> Result<(), JobError> {
    let snapshots = &site.config.snapshots;
    if snapshots.keep_in_place {
        return Ok(());
    }
    for path in [&snapshots.archive, &snapshots.quarantine] {
        fs::create_dir_all(path).map_err(folder("make the folder", path))?;
        let trial = path.join(".lapsewatch-trial");
        fs::write(&trial, b"").map_err(folder("write into", path))?;
        fs::remove_file(&trial).map_err(folder("write into", path))?;
    }
    Ok(())
}

/// Puts a file away that was looked at: into the archive, or into quarantine with the reason beside it.
///
/// # Errors
/// When a folder cannot be used.
pub fn put_away(site: &Site, path: &Path, report: LoadReport) -> Result<LoadReport, JobError> {
    match &report.reason {
        Some(reason) if report.outcome == LoadOutcome::Quarantined => {
            let refused = quarantine(site, path, reason.clone())?;
            Ok(LoadReport { doubt: report.doubt, ..refused })
        }
        _ => {
            move_into(site, path, &site.config.snapshots.archive)?;
            Ok(report)
        }
    }
}

/// Puts a refused file aside, with the reason beside it.
///
/// # Errors
/// When a folder cannot be used.
pub fn quarantine(site: &Site, path: &Path, reason: String) -> Result<LoadReport, JobError> {
    if let Some(moved) = move_into(site, path, &site.config.snapshots.quarantine)? {
        let note = note_of(moved);
        let text = format!("{}\n\n{reason}{}{}\n", file_name(path), REFUSED_AT, site.clock.now());
        fs::write(&note, text).map_err(folder("write", &note))?;
    }
    Ok(LoadReport::refused(&file_name(path), reason))
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
        let note = fs::read_to_string(&path).unwrap_or_default();
        refused.extend(parse_note(&note).filter(|aside| aside.at > since));
    }
    refused.sort();
    Ok(refused)
}

/// When a file was put aside, its name and the reason, from the note beside it.
fn parse_note(note: &str) -> Option<PutAside> {
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
    carry(&path, &free_name(&snapshots.inbox, &doubt.file_name))?;
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
fn note_of(file: PathBuf) -> PathBuf {
    let mut note = file.into_os_string();
    note.push(".reason.txt");
    PathBuf::from(note)
}

/// Moves a file without ever writing over another; `None` when files stay in place.
fn move_into(site: &Site, path: &Path, into: &Path) -> Result<Option<PathBuf>, JobError> {
    if site.config.snapshots.keep_in_place {
        return Ok(None);
    }
    let target = free_name(into, &file_name(path));
    carry(path, &target)?;
    Ok(Some(target))
}

/// Moves a file, also to another file system. The time of its last change goes along: it may be the day it describes.
fn carry(path: &Path, target: &Path) -> Result<(), JobError> {
    if fs::rename(path, target).is_ok() {
        return Ok(());
    }
    fs::copy(path, target).map_err(folder("move a file to", target))?;
    let modified = fs::metadata(path).and_then(|about| about.modified());
    let keep = |at| fs::File::options().write(true).open(target).and_then(|file| file.set_modified(at));
    modified.and_then(keep).map_err(folder("move a file to", target))?;
    fs::remove_file(path).map_err(folder("remove", path))
}

fn free_name(into: &Path, name: &str) -> PathBuf {
    let mut path = into.join(name);
    let mut number = 1_u32;
    while path.exists() {
        number += 1;
        path = into.join(format!("{number}-{name}"));
    }
    path
}
