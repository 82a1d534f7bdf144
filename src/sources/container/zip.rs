//! The directory of a zip archive, and the bytes of one of its entries.
//!
//! The zip crate reads the directory; entries are read here, so that a reader owns its file, the limits hold while it
//! reads, and an entry is no longer, no shorter and no other than the directory says. No name from an archive is ever a
//! path.
use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use flate2::{Crc, bufread::DeflateDecoder};
use zip::{CompressionMethod, ZipArchive};

use super::{
    super::{error::ReadError, files::open_file},
    error::{ContainerError, damaged},
    limits::Bounded,
};

/// What it is called in errors.
const ZIP: &str = "zip archive";
/// How much is read to learn what is in an archive: enough for 65,535 entries, the most without Zip64.
const MOST_DIRECTORY: u64 = 16 << 20;
/// Where the end of the directory may stand: before a comment of at most 64 KiB.
const TAIL: u64 = 64 * 1024 + 22 + 20;
/// What stands before the end of a Zip64 directory.
const ZIP64_LOCATOR: &[u8] = b"PK\x06\x07";

/// What is in an archive.
pub(super) struct Directory {
    path: PathBuf,
    archive: ZipArchive<Metered>,
    names: Vec<String>,
}

/// Where the bytes of one entry are, and what they must come to.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    path: PathBuf,
    start: u64,
    packed: u64,
    size: u64,
    crc: u32,
    is_stored: bool,
}

impl Directory {
    /// Reads the directory of the archive at `path`.
    pub(super) fn read(path: &Path) -> Result<Self, ReadError> {
        refuse_zip64(path)?;
        let file = Metered { file: BufReader::new(open_file(path)?), left: MOST_DIRECTORY };
        let archive = ZipArchive::new(file).map_err(refusal)?;
        let names = archive.file_names_raw().map(|name| clean(&String::from_utf8_lossy(name))).collect();
        Ok(Self { path: path.to_owned(), archive, names })
    }

    /// The names in it, with `/` between folders, in order. For recognising and for messages only.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// The entry of that name, in capitals or not.
    pub(super) fn find(&mut self, name: &str) -> Result<Option<Entry>, ReadError> {
        let place = |is: &dyn Fn(&String) -> bool| self.names.iter().position(is);
        let at = place(&|other| other == name).or_else(|| place(&|other| other.eq_ignore_ascii_case(name)));
        at.map(|at| self.entry(at)).transpose()
    }

    /// The entry at a place.
    pub(super) fn entry(&mut self, at: usize) -> Result<Entry, ReadError> {
        let name = || self.names.get(at).map(|name| format!("\"{name}\"")).unwrap_or_default();
        let entry = self.archive.by_index_raw(at).map_err(refusal)?;
        if entry.encrypted() {
            return Err(ContainerError::Encrypted { name: name() }.into());
        }
        let is_stored = match entry.compression() {
            CompressionMethod::Stored => true,
            CompressionMethod::DEFLATE => false,
            _ => return Err(ContainerError::Method { name: name() }.into()),
        };
        Ok(Entry {
            path: self.path.clone(),
            start: entry.data_start().ok_or_else(|| damaged(ZIP))?,
            packed: entry.compressed_size(),
            size: entry.size(),
            crc: entry.crc32(),
            is_stored,
        })
    }
}

impl Entry {
    /// How many bytes come out, if the directory is right.
    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// The bytes, unpacked.
    pub(super) fn bytes(&self) -> io::Result<Box<dyn Read + Send>> {
        let mut file = open_file(&self.path)?;
        file.seek(SeekFrom::Start(self.start))?;
        let packed = BufReader::new(file.take(self.packed));
        let unpacked: Box<dyn Read + Send> =
            if self.is_stored { Box::new(packed) } else { Box::new(DeflateDecoder::new(packed)) };
        let checked = Checked { inner: unpacked, crc: Crc::new(), left: self.size, is: self.crc };
        Ok(Box::new(Bounded::new(checked, ZIP, self.packed)))
    }
}

/// Reads as many bytes as the directory says, with the sum that it says, or fails.
struct Checked<R> {
    inner: R,
    crc: Crc,
    left: u64,
    is: u32,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        let read = self.inner.read(into)?;
        let is_whole = read > 0 || (self.left == 0 && self.crc.sum() == self.is);
        self.left = match self.left.checked_sub(read as u64) {
            Some(left) if is_whole => left,
            _ => return Err(damaged(ZIP).into()),
        };
        self.crc.update(into.get(..read).unwrap_or_default());
        Ok(read)
    }
}

/// A file of which only so much is read: whoever looks for a directory that is not there gives up.
struct Metered {
    file: BufReader<File>,
    left: u64,
}

impl Read for Metered {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(into)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| damaged(ZIP))?;
        Ok(read)
    }
}

impl Seek for Metered {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

/// The zip crate makes room for as many entries as a Zip64 directory claims, and no export needs one.
fn refuse_zip64(path: &Path) -> Result<(), ReadError> {
    let mut file = open_file(path)?;
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut tail = Vec::new();
    file.take(TAIL).read_to_end(&mut tail)?;
    let is_zip64 = tail.windows(ZIP64_LOCATOR.len()).any(|bytes| bytes == ZIP64_LOCATOR);
    if is_zip64 { Err(ContainerError::Zip64.into()) } else { Ok(()) }
}

fn refusal(error: zip::result::ZipError) -> ReadError {
    match error {
        zip::result::ZipError::Io(error) => error.into(),
        _ => damaged(ZIP).into(),
    }
}

/// A name from an archive, fit to be shown.
fn clean(name: &str) -> String {
    let shown = |letter: char| if letter.is_control() { '\u{FFFD}' } else { letter };
    name.chars().map(|letter| if letter == '\\' { '/' } else { shown(letter) }).take(200).collect()
}
