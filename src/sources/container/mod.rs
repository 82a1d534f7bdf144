//! What a file is packed in: nothing, gzip, a zip archive of one file, or a workbook.
//!
//! It is the first bytes that tell, never the name. What is inside is read as a stream and never written to a disk; its
//! name serves the date in it and the operator's eyes, and is no path. One layer is taken off, no more. How much may
//! come out is limited while it comes.
mod dates;
mod error;
mod limits;
mod sheet;
mod strings;
mod styles;
mod workbook;
mod xml;
mod zip;

use std::{
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
};

use flate2::bufread::MultiGzDecoder;

pub use self::error::ContainerError;
use self::{
    limits::Bounded,
    workbook::Workbook,
    zip::{Directory, Entry},
};
use super::{cells, error::ReadError, files::open_file};

/// What the formats are called in errors.
const GZIP: &str = "gzip file";
/// How many names of an archive an error shows.
const NAMES_SHOWN: usize = 5;
/// What to do about a file of a kind that is not read.
const SAVE_AS_CSV: &str = "open it and save the sheet as \"CSV UTF-8\" or, without a password, as .xlsx";
/// What to do about an archive of a kind that is not read.
const UNPACK: &str = "unpack it and put in the export itself";

/// A file, and what it is packed in.
#[derive(Debug)]
pub(super) struct Container {
    path: PathBuf,
    packing: Packing,
}

#[derive(Debug)]
enum Packing {
    Plain,
    Gzip,
    Zip { name: String, entry: Entry },
    Workbook(Workbook),
}

impl Container {
    /// Looks at the file at `path`.
    ///
    /// # Errors
    ///
    /// When it is of a kind that is not read, holds more than one file, or is packed twice.
    pub(super) fn open(path: &Path) -> Result<Self, ReadError> {
        let packing = match Kind::of(&head(&mut open_file(path)?)?) {
            Kind::Plain => Packing::Plain,
            Kind::Gzip => Packing::Gzip,
            Kind::Zip => open_zip(path)?,
            Kind::Other { what, instead } => return Err(ContainerError::Kind { what, instead }.into()),
        };
        let container = Self { path: path.to_owned(), packing };
        container.refuse_nested()?;
        Ok(container)
    }

    /// The bytes of the export, from their beginning.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened. Reading fails with a [`ContainerError`] inside when it is damaged or too large.
    pub(super) fn bytes(&self) -> io::Result<Box<dyn Read + Send>> {
        match &self.packing {
            Packing::Plain => Ok(Box::new(open_file(&self.path)?)),
            Packing::Gzip => {
                let file = open_file(&self.path)?;
                let packed = file.metadata()?.len();
                Ok(Box::new(Bounded::new(MultiGzDecoder::new(BufReader::new(file)), GZIP, packed)))
            }
            Packing::Zip { entry, .. } => entry.bytes(),
            Packing::Workbook(workbook) => workbook.bytes(),
        }
    }

    /// Whether its bytes are not the file's own.
    pub(super) const fn is_packed(&self) -> bool {
        !matches!(self.packing, Packing::Plain)
    }

    /// The name of the export in its archive, without folders.
    pub(super) fn inner_name(&self) -> Option<&str> {
        match &self.packing {
            Packing::Zip { name, .. } => Some(name.rsplit('/').next().unwrap_or(name)),
            Packing::Plain | Packing::Gzip | Packing::Workbook(_) => None,
        }
    }

    /// What an operator should know of how it was unpacked.
    pub(super) fn notes(&self) -> Vec<String> {
        match &self.packing {
            Packing::Plain => Vec::new(),
            Packing::Gzip => vec!["unpacked from a gzip file".to_owned()],
            Packing::Zip { name, .. } => {
                vec![format!("unpacked from a zip archive, where it is {}", cells::quote(name))]
            }
            Packing::Workbook(workbook) => workbook.notes(),
        }
    }

    fn refuse_nested(&self) -> Result<(), ReadError> {
        let outer = match &self.packing {
            Packing::Plain | Packing::Workbook(_) => return Ok(()),
            Packing::Gzip => GZIP,
            Packing::Zip { .. } => "zip archive",
        };
        let inner = match Kind::of(&head(&mut self.bytes()?)?) {
            Kind::Plain => return Ok(()),
            Kind::Gzip => "another gzip file",
            Kind::Zip => "a workbook or another zip archive",
            Kind::Other { what, .. } => what,
        };
        Err(ContainerError::Nested { outer, inner }.into())
    }
}

/// A zip archive: a workbook, or one file.
fn open_zip(path: &Path) -> Result<Packing, ReadError> {
    let mut directory = Directory::read(path)?;
    if workbook::is_package(&directory) {
        return Workbook::open(&mut directory).map(Packing::Workbook);
    }
    if directory.names().first().is_some_and(|name| name == "mimetype") {
        let what = "an OpenDocument file (.ods)";
        return Err(ContainerError::Kind { what, instead: SAVE_AS_CSV }.into());
    }
    let files: Vec<_> = (0..).zip(directory.names()).filter(|(_, name)| is_payload(name)).collect();
    match files.as_slice() {
        [] => Err(ContainerError::NoFile.into()),
        [(at, name)] => {
            let (at, name) = (*at, (*name).clone());
            Ok(Packing::Zip { name, entry: directory.entry(at)? })
        }
        several => {
            let mut names: Vec<_> = several.iter().take(NAMES_SHOWN).map(|(_, name)| cells::quote(name)).collect();
            names.extend((several.len() > NAMES_SHOWN).then(|| "…".to_owned()));
            Err(ContainerError::ManyFiles { count: several.len(), names: names.join(", ") }.into())
        }
    }
}

/// Whether an entry is a file that somebody put there: no folder, and nothing that a Mac adds.
fn is_payload(name: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or_default();
    !last.is_empty() && !name.starts_with("__MACOSX/") && last != ".DS_Store"
}

/// What the first bytes say.
enum Kind {
    Plain,
    Gzip,
    Zip,
    Other { what: &'static str, instead: &'static str },
}

impl Kind {
    fn of(head: &[u8]) -> Self {
        let save = |what| Self::Other { what, instead: SAVE_AS_CSV };
        let unpack = |what| Self::Other { what, instead: UNPACK };
        match head {
            [0x1F, 0x8B, 8, ..] => Self::Gzip,
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] | [b'P', b'K', 7, 8, ..] => Self::Zip,
            [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1, ..] => {
                save("an old Excel workbook (.xls), or a workbook with a password")
            }
            [b'%', b'P', b'D', b'F', b'-', ..] => save("a PDF document"),
            [b'7', b'z', 0xBC, 0xAF, 0x27, 0x1C, ..] => unpack("a 7z archive"),
            [b'R', b'a', b'r', b'!', 0x1A, 7, ..] => unpack("a RAR archive"),
            [0xFD, b'7', b'z', b'X', b'Z', 0, ..] => unpack("packed with xz"),
            [0x28, 0xB5, 0x2F, 0xFD, ..] => unpack("packed with zstd"),
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..] => unpack("packed with bzip2"),
            _ => Self::Plain,
        }
    }
}

/// The first bytes.
fn head(bytes: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    bytes.take(16).read_to_end(&mut head)?;
    Ok(head)
}
