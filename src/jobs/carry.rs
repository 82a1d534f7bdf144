//! Moves a file into another folder, and never over or through anything that is there.
//!
//! Whoever can write into one of the folders may put anything in the way: a file of the same name, or a link that points
//! elsewhere. A move that would replace something takes another name instead; a copy, where folders lie on different
//! file systems, makes a new file or none.
use std::{
    fs::{self, File},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{CWD, RenameFlags, renameat_with},
    io::Errno,
};

use crate::sources::open_file;

/// The longest name a file is given: file systems take 255 bytes, and a note's name is longer than its file's.
const MOST_NAME: usize = 240;
/// How many files of one name a folder holds: one a day for a century.
const MOST_NUMBER: u32 = 40_000;

/// Moves the file at `from` into a folder, under `name` or the nearest one that is free. Returns where it is.
///
/// # Errors
/// When it cannot be moved; it is then where it was.
pub fn carry(from: &Path, into: &Path, name: &str) -> io::Result<PathBuf> {
    for target in free_names(into, name) {
        match rename(from, &target) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) if error.kind() == ErrorKind::CrossesDevices => match copy(from, &target) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                copied => return copied.and_then(|()| fs::remove_file(from)).map(|()| target),
            },
            moved => return moved.map(|()| target),
        }
    }
    Err(ErrorKind::AlreadyExists.into())
}

/// The paths a file may get: its name, then with numbers before it. A name that is too long loses its middle.
fn free_names(into: &Path, name: &str) -> impl Iterator<Item = PathBuf> {
    let numbered = move |number| if number == 1 { name.to_owned() } else { format!("{number}-{name}") };
    let paths = (1..=MOST_NUMBER).map(move |number| into.join(fitting(&numbered(number))));
    paths.filter(|path| fs::symlink_metadata(path).is_err())
}

fn fitting(name: &str) -> String {
    if name.len() <= MOST_NAME {
        return name.to_owned();
    }
    let (head, tail) = (name.floor_char_boundary(MOST_NAME - 40), name.ceil_char_boundary(name.len() - 36));
    let part = |range| name.get(range).unwrap_or_default();
    format!("{}…{}", part(0..head), part(tail..name.len()))
}

/// Renames without replacing.
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Some network file systems know no such renaming; the name was free a moment ago.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => fs::rename(from, to),
        renamed => Ok(renamed?),
    }
}

/// Copies to another file system. The time of the last change goes along: it may be the day the file describes.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut source = open_file(from)?;
    let mut target = File::options().write(true).create_new(true).open(to)?;
    let copied = copy_all(&mut source, &mut target);
    if copied.is_err() {
        let _ = fs::remove_file(to);
    }
    copied
}

fn copy_all(source: &mut File, target: &mut File) -> io::Result<()> {
    io::copy(source, target)?;
    let about = source.metadata()?;
    target.set_permissions(about.permissions())?;
    target.set_modified(about.modified()?)?;
    target.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn nothing_is_replaced_and_no_link_is_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let (inbox, archive) = (folder.path().join("inbox"), folder.path().join("archive"));
        for path in [&inbox, &archive] {
            fs::create_dir(path).unwrap();
        }
        fs::write(archive.join("a.csv"), "old").unwrap();
        symlink(folder.path().join("elsewhere"), archive.join("2-a.csv")).unwrap();
        for copied in [false, true] {
            let from = inbox.join("a.csv");
            fs::write(&from, "new").unwrap();
            let target = free_names(&archive, "a.csv").next().unwrap();
            let to = if copied {
                copy(&from, &target).map(|()| target).unwrap()
            } else {
                carry(&from, &archive, "a.csv").unwrap()
            };
            assert_eq!(fs::read_to_string(to).unwrap(), "new");
            for taken in ["a.csv", "2-a.csv"] {
                let refused = [rename(&from, &archive.join(taken)), copy(&from, &archive.join(taken))];
                assert!(refused.iter().all(Result::is_err), "{taken}");
            }
        }
        assert_eq!(fs::read_to_string(archive.join("a.csv")).unwrap(), "old");
        assert!(!folder.path().join("elsewhere").exists());
    }

    #[test]
    fn a_name_that_is_too_long_keeps_its_beginning_and_its_end() {
        let name = format!("2026-11-20 {}.csv", "é".repeat(120));
        let short = fitting(&name);
        assert!(short.len() <= MOST_NAME && short.starts_with("2026-11-20 é") && short.ends_with("é.csv"), "{short}");
        assert_eq!(fitting("short.csv"), "short.csv");
    }
}
