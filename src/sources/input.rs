//! Where the bytes of an export come from. Nothing else in `sources` opens a file.
use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

/// How much is read at a time where nobody else says.
const CHUNK: usize = 64 * 1024;

/// A file that may be an export. It can be read as often as one likes.
#[derive(Debug)]
pub(super) struct Input {
    path: PathBuf,
}

impl Input {
    /// The file at `path`.
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Its name, without a folder.
    pub(super) fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The bytes of the export.
    pub(super) fn bytes(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(File::open(&self.path)?))
    }

    /// The same, while what lies on the disk is hashed on the way.
    pub(super) fn hashed(&self) -> io::Result<Hashed> {
        Ok(Hashed { bytes: self.bytes()?, hasher: Sha256::new() })
    }
}

/// Bytes that are hashed while they are read.
pub(super) struct Hashed {
    bytes: Box<dyn Read + Send>,
    hasher: Sha256,
}

impl Hashed {
    /// SHA-256 of the whole file, lower-case hexadecimal; what has not been read yet is read now.
    pub(super) fn finish(mut self) -> io::Result<String> {
        let mut rest = vec![0; CHUNK];
        while self.read(&mut rest)? > 0 {}
        Ok(self.hasher.finalize().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}")))
    }
}

impl Read for Hashed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.bytes.read(buffer)?;
        self.hasher.update(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}
