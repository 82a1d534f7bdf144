//! Opens a file for reading, and nothing that only looks like one.
//!
//! An inbox is written by others. A link could point at a file of ours, a named pipe would hold the reader for ever, a
//! device never ends. So no link is followed, no open waits, and what was opened is looked at once more: between a look
//! into a folder and the opening, anything may have taken a file's place.
use std::{
    fs::{File, FileType},
    io,
    os::unix::fs::FileTypeExt,
    path::Path,
};

use rustix::{
    fs::{Mode, OFlags},
    io::Errno,
};

use super::error::ReadError;

/// Opens the regular file at `path`.
///
/// # Errors
///
/// When it is a link, a folder, a pipe, a socket or a device, with a [`ReadError::NotAFile`] inside; or cannot be opened.
pub fn open_file(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let opened = rustix::fs::open(path, flags, Mode::empty());
    let file = File::from(opened.map_err(|error| match error {
        Errno::LOOP => refusal("a symbolic link"),
        Errno::NXIO => refusal("a socket or a device"),
        error => error.into(),
    })?);
    match other_than_file(file.metadata()?.file_type()) {
        Some(what) => Err(refusal(what)),
        None => Ok(file),
    }
}

/// What something in a folder is, when it is no regular file.
#[must_use]
pub fn other_than_file(kind: FileType) -> Option<&'static str> {
    if kind.is_file() {
        None
    } else if kind.is_dir() {
        Some("a folder")
    } else if kind.is_symlink() {
        Some("a symbolic link")
    } else if kind.is_fifo() {
        Some("a named pipe")
    } else if kind.is_socket() {
        Some("a socket")
    } else {
        Some("a device")
    }
}

fn refusal(what: &'static str) -> io::Error {
    io::Error::other(ReadError::NotAFile { what })
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink, os::unix::net::UnixListener};

    use super::*;

    #[test]
    fn only_a_regular_file_is_opened_and_nothing_waits() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "text").expect("written");
        symlink(at("file"), at("link")).expect("linked");
        rustix::fs::mkfifoat(rustix::fs::CWD, at("pipe"), Mode::from_raw_mode(0o600)).expect("a pipe");
        let _socket = UnixListener::bind(at("socket")).expect("a socket");
        let what = |path: &Path| open_file(path).map(|_| ()).map_err(|error| ReadError::from(error).to_string());
        assert_eq!(what(&at("file")), Ok(()));
        for (path, said) in [
            (at("link"), "a symbolic link"),
            (at("pipe"), "a named pipe"),
            (at("socket"), "a socket"),
            (folder.path().to_owned(), "a folder"),
            ("/dev/null".into(), "a device"),
        ] {
            assert!(what(&path).expect_err("refused").contains(said), "{}", path.display());
        }
        assert!(what(&at("nowhere")).expect_err("refused").contains("still there"));
    }
}
