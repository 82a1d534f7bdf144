//! A copy of a store in one SQLite file, made while others work on it.
//!
//! The file appears under its name when it is whole and on the disk, and never in place of another. Until then it is
//! in a hidden folder beside it, whose name nobody has had before: what a crash leaves there is in nobody's way.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use tempfile::{Builder, PathPersistError, TempDir, TempPath};

use super::{Place, StoreError};

impl Place {
    /// Writes a copy of the store as it is at one moment into a new SQLite file that nobody else may read. It opens
    /// as a store. Takes no lock.
    ///
    /// # Errors
    /// `Missing` when there is no store yet, `Backup` when the file exists or cannot be written; else what reading
    /// the store gave.
    pub async fn backup(&self, file: &Path) -> Result<(), StoreError> {
        self.expect_store()?;
        let failed = |source| StoreError::Backup { path: file.display().to_string(), source };
        // Seen before the work, so that nobody waits for a refusal; it is the last step that spares an old file.
        if file.symlink_metadata().is_ok() {
            return Err(failed(io::Error::new(io::ErrorKind::AlreadyExists, "it is there already")));
        }
        File::open(folder_of(file)).map_err(failed)?;
        let part = Part::new(file).map_err(failed)?;
        self.write_copy(&part.file).await?;
        part.finish(file).map_err(failed)
    }
}

/// The file while it is being written; gone when dropped, with whatever the database put beside it.
struct Part {
    file: TempPath,
    _folder: TempDir,
}

impl Part {
    fn new(file: &Path) -> io::Result<Self> {
        let name = file.file_name().ok_or(io::ErrorKind::InvalidFilename)?.to_string_lossy();
        let folder = Builder::new().prefix(&format!(".{name}.")).suffix(".part").tempdir_in(folder_of(file))?;
        // Closed at once: SQLite loses its locks on a file when the program closes it elsewhere.
        let file = Builder::new().tempfile_in(&folder)?.into_temp_path();
        Ok(Self { file, _folder: folder })
    }

    fn finish(self, file: &Path) -> io::Result<()> {
        File::open(&self.file)?.sync_all()?;
        match self.file.persist_noclobber(file) {
            Ok(()) => {}
            Err(PathPersistError { error, .. }) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
            Err(PathPersistError { path, .. }) => take_name(path, file)?,
        }
        File::open(folder_of(file))?.sync_all()
    }
}

/// For file systems, such as some network shares, that neither know hard links nor can rename without replacing: an
/// empty file takes the name, unless somebody has it, and only that file is replaced.
fn take_name(part: TempPath, file: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    part.persist(file).map_err(|refused| {
        // It is empty, and ours.
        let _ = fs::remove_file(file);
        refused.error
    })
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(folder: &Path, text: &str) -> Part {
        let part = Part::new(&folder.join("backup.db")).unwrap();
        fs::write(&part.file, text).unwrap();
        part
    }

    fn names(folder: &Path) -> Vec<String> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_takes_its_name_when_it_is_whole_and_nobodys_place() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("backup.db");
        let (first, second) = (part(folder.path(), "first"), part(folder.path(), "second"));
        fs::write(first.file.with_extension("wal"), "beside it").unwrap();
        assert!(!file.exists());
        first.finish(&file).unwrap();
        assert_eq!(second.finish(&file).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&file).unwrap(), "first");
        assert_eq!(names(folder.path()), ["backup.db"], "and nothing is left beside it");
    }

    #[test]
    fn without_hard_links_it_takes_nobodys_place_either() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("backup.db");
        let (first, second) = (part(folder.path(), "first"), part(folder.path(), "second"));
        take_name(first.file, &file).unwrap();
        assert_eq!(take_name(second.file, &file).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&file).unwrap(), "first");
    }
}
