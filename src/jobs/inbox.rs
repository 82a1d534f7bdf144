//! What lies in the inbox: files to take, and what is passed over, each with the reason.
//!
//! The inbox is written by others. Only regular files in it are looked at; links are not followed and folders not
//! entered. What stays untaken is named, so that nobody waits for it in vain.
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::{JobError, folder, load::file_name};
use crate::sources::other_than_file;

/// Endings of files that somebody is still writing, or that are not meant for us.
const UNFINISHED: [&str; 6] = ["part", "partial", "tmp", "crdownload", "filepart", "swp"];

/// How a file looked: it is complete when two looks some time apart are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    bytes: u64,
    pub(super) modified: Option<SystemTime>,
}

/// What the inbox looked like.
pub type Looks = BTreeMap<PathBuf, Look>;

/// Something in the inbox that is not taken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PassedOver {
    /// Its name.
    pub file: String,
    /// Why, and what to do.
    pub why: String,
}

/// What a look into the inbox has found.
#[derive(Debug, Default)]
pub struct Found {
    /// The files to take when they are complete.
    pub files: Looks,
    /// Everything else.
    pub passed_over: BTreeSet<PassedOver>,
}

/// Looks at the files of a folder.
///
/// # Errors
/// When the folder cannot be read.
pub fn look(inbox: &Path) -> Result<Looks, JobError> {
    look_around(inbox).map(|found| found.files)
}

/// Looks at everything in a folder.
///
/// # Errors
/// When the folder cannot be read.
pub fn look_around(inbox: &Path) -> Result<Found, JobError> {
    let mut found = Found::default();
    for entry in fs::read_dir(inbox).map_err(folder("read the inbox", inbox))? {
        let path = entry.map_err(folder("read the inbox", inbox))?.path();
        let Ok(about) = fs::symlink_metadata(&path) else { continue };
        if let Some(why) = reason(&path, &about) {
            found.passed_over.insert(PassedOver { file: file_name(&path), why });
        } else {
            found.files.insert(path, Look { bytes: about.len(), modified: about.modified().ok() });
        }
    }
    Ok(found)
}

/// Why something in the inbox is not taken; `None` for a file.
fn reason(path: &Path, about: &fs::Metadata) -> Option<String> {
    let told = match other_than_file(about.file_type()) {
        Some(what @ "a folder") => {
            format!("it is {what}, which is not looked into: put the files themselves into the inbox")
        }
        Some(what @ "a symbolic link") => format!("it is {what}, which is not followed: put the file itself there"),
        Some(what) => format!("it is {what} and no file: take it away"),
        None if is_unfinished(path) => {
            "by its name it is hidden or still being written: give it another name if it is an export".to_owned()
        }
        None => return None,
    };
    Some(told)
}

fn is_unfinished(path: &Path) -> bool {
    let name = file_name(path);
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    name.starts_with(['.', '~']) || name.ends_with('~') || ending.is_some_and(|e| UNFINISHED.contains(&e.as_str()))
}

/// The files that look the same in both, and those that do not.
#[must_use]
pub fn complete(before: &Looks, now: &Looks) -> (Vec<PathBuf>, Vec<PathBuf>) {
    now.keys().cloned().partition(|path| before.get(path) == now.get(path))
}
