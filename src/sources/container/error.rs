//! Why a packed export or a workbook is refused: what it is, and what to do instead.
use std::io;

use thiserror::Error;

use super::super::error::ReadError;

/// Why a packed file or a workbook cannot be read. Every message says what to do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ContainerError {
    /// A kind of file that is not read.
    #[error("the file is {what}; {instead}")]
    Kind {
        /// What it is.
        what: &'static str,
        /// What to do.
        instead: &'static str,
    },
    /// It cannot be unpacked.
    #[error("the {what} is damaged, or was copied only in part; download or copy it again")]
    Damaged {
        /// What is damaged.
        what: &'static str,
    },
    /// It grows beyond all reason.
    #[error(
        "the {what} unpacks to more than {most}, which no export of its size does; export it again, or unpack it and \
         look"
    )]
    TooLarge {
        /// What was unpacked.
        what: &'static str,
        /// The limit, for people.
        most: String,
    },
    /// A packed file in a packed file.
    #[error("inside the {outer} is {inner}; unpack it once and put in what comes out")]
    Nested {
        /// The outer packing.
        outer: &'static str,
        /// What is inside.
        inner: &'static str,
    },
    /// No file in an archive.
    #[error("the zip archive holds no file; pack the export again")]
    NoFile,
    /// Too many files in an archive.
    #[error("the zip archive holds {count} files ({names}), and only one of one file is read; put them in one by one")]
    ManyFiles {
        /// How many.
        count: usize,
        /// The first ones.
        names: String,
    },
    /// A password is needed.
    #[error("{name} in the zip archive is encrypted; unpack it and put in the file itself")]
    Encrypted {
        /// The name in the archive.
        name: String,
    },
    /// A way of packing that is not known.
    #[error("{name} in the zip archive is packed by a method other than Deflate; unpack it and put in the file itself")]
    Method {
        /// The name in the archive.
        name: String,
    },
    /// An archive for more or larger files than any export.
    #[error("the zip archive is made for thousands of files or more than 4 GiB (Zip64); pack the export with gzip")]
    Zip64,
    /// A part of a workbook that must be there is not.
    #[error("the workbook lacks its part {part}; open it in Excel, save it again, or save the sheet as \"CSV UTF-8\"")]
    Missing {
        /// Which part.
        part: String,
    },
    /// A part of a workbook is no XML that a spreadsheet program writes.
    #[error("the workbook's part {part} is broken ({why}); open it in Excel and save the sheet as \"CSV UTF-8\"")]
    Xml {
        /// Which part.
        part: String,
        /// What is wrong.
        why: String,
    },
    /// No sheet that can be read.
    #[error("the workbook has no visible sheet with cells; unhide the sheet that holds the export, and save it again")]
    NoSheet,
    /// Several sheets that can be read.
    #[error("several sheets of the workbook are exports: {names}; save each as a file of its own")]
    ManySheets {
        /// Their names.
        names: String,
    },
    /// Too many different texts.
    #[error("the workbook's texts take more than 128 MiB; save the sheet as \"CSV UTF-8\", which has no such limit")]
    TooMuchText,
}

impl From<ContainerError> for io::Error {
    fn from(error: ContainerError) -> Self {
        Self::other(ReadError::from(error))
    }
}

/// What a file must not be, or must hold once only, in the words of an error.
pub(super) fn damaged(what: &'static str) -> ContainerError {
    ContainerError::Damaged { what }
}
