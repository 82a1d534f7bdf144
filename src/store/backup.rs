//! A copy of a store in one SQLite file, made while others work on it.
//!
//! The file appears under its name when it is whole and on the disk, and never in place of another.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use super::{Place, StoreError};

impl Place {
    /// Writes a copy of the store as it is at one moment into a new SQLite file that nobody else may read. It opens
    /// as a store.
    ///
    /// # Errors
    /// `Backup` when the file exists or cannot be written; else what reading the store gave.
    pub async fn backup(&self, file: &Path) -> Result<(), StoreError> {
        let failed = |source| StoreError::Backup { path: file.display().to_string(), source };
        if file.exists() {
            return Err(failed(io::ErrorKind::AlreadyExists.into()));
        }
        let part = Part::new(file).map_err(failed)?;
        self.write_copy(&part.path).await?;
        part.finish(file).map_err(failed)
    }
}

/// The file while it is being written; gone when dropped.
struct Part {
    path: PathBuf,
}

impl Part {
    fn new(file: &Path) -> io::Result<Self> {
        let name = file.file_name().ok_or(io::ErrorKind::InvalidFilename)?.to_string_lossy();
        let path = file.with_file_name(format!(".{name}.{}.part", std::process::id()));
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        Ok(Self { path })
    }

    /// A hard link, unlike a rename, never takes the place of a file.
    fn finish(self, file: &Path) -> io::Result<()> {
        File::open(&self.path)?.sync_all()?;
        fs::hard_link(&self.path, file)?;
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // What cannot be removed is a hidden file that nothing reads.
        let _ = fs::remove_file(&self.path);
    }
}
