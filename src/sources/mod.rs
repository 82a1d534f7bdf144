//! Readers of exports: a file in, records out.
//!
//! [`open`] reads a file once to learn what it is: its encoding, its format by the headers, the order of its dates,
//! whether its end is there. [`Export::rows`] reads it a second time and gives one record or one rejection per row, so
//! that memory does not grow with the file (JSON excepted, which is held). What the program has no use for is dropped
//! here and goes no further. Nothing in here writes, logs, or knows what day it is.
mod cells;
mod census;
mod dates;
mod decode;
mod error;
mod formats;
mod graph;
mod header;
mod json;
mod scan;
mod summary;
mod table;
mod tabular;

use std::{io::Read, path::Path};

use jiff::{civil::Date, tz::TimeZone};

pub use self::{
    census::{Census, DateColumn},
    dates::DateOrder,
    decode::Encoding,
    error::{ReadError, Rejected},
    summary::Summary,
};
use self::{dates::Reading, decode::Content, graph::Pages, tabular::Table};
use crate::domain::snapshot::{Record, Source};

/// How much of a file is looked at for what stands before its header.
const HEAD_BYTES: u64 = 64 * 1024;

/// What the reader must know that no file says.
#[derive(Debug, Clone, Copy)]
pub struct ReadSettings<'a> {
    /// The policy's zone: instants become civil dates in it, and times without an offset are in it.
    pub time_zone: &'a TimeZone,
    /// Slash dates that could be either are read day first.
    pub day_first: bool,
}

/// A file that was recognised and can be read.
#[derive(Debug)]
pub struct Export {
    source: Source,
    as_of: Option<Date>,
    summary: Summary,
    dates: Reading,
    /// The date columns it has, nothing counted.
    date_columns: Vec<DateColumn>,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Table(Table),
    Json(Pages),
}

/// Reads the file at `path` once: recognises it, settles its dates, and makes sure that it is whole.
///
/// # Errors
///
/// Refuses, with a [`ReadError`] that says what to do, a file that is empty, unknown, cut off, damaged, or in two
/// orders of dates. Bad rows are no reason to refuse a file.
pub fn open(path: &Path, settings: &ReadSettings) -> Result<Export, ReadError> {
    let encoding = match decode::detect(path)? {
        Content::Empty => return Err(ReadError::Empty),
        Content::Zip => return Err(ReadError::Workbook),
        Content::Text(encoding) => encoding,
    };
    let mut head = Vec::new();
    decode::reader(path, encoding)?.take(HEAD_BYTES).read_to_end(&mut head)?;
    let head = String::from_utf8_lossy(&head);
    match head.trim_start().chars().next() {
        None => Err(ReadError::Empty),
        Some('{' | '[') => json::open(path, encoding, settings),
        Some(_) => tabular::open(path, encoding, &head, settings),
    }
}

impl Export {
    /// What kind of export it is.
    #[must_use]
    pub const fn source(&self) -> Source {
        self.source
    }

    /// The day the file describes: its own column for it, else the date in its name, else the newest date in it that
    /// tells when it was made. `None` when nothing tells.
    #[must_use]
    pub const fn as_of(&self) -> Option<Date> {
        self.as_of
    }

    /// How the file was read.
    #[must_use]
    pub const fn summary(&self) -> &Summary {
        &self.summary
    }

    /// What is to be counted of its dates, when it describes `as_of`; [`Export::rows`] counts.
    #[must_use]
    pub fn census(&self, as_of: Date) -> Census {
        Census::new(self.date_columns.clone(), as_of)
    }

    /// Reads the rows, in the order of the file, and counts their dates; rows that tell nothing are passed over.
    ///
    /// # Errors
    ///
    /// Fails when the file cannot be opened again.
    pub fn rows<'a>(
        &'a self,
        census: &'a mut Census,
    ) -> Result<impl Iterator<Item = Result<Record, Rejected>> + Send + 'a, ReadError> {
        let rows: Box<dyn Iterator<Item = _> + Send + 'a> = match &self.body {
            Body::Table(table) => Box::new(table.rows(&self.dates, census)?),
            Body::Json(pages) => Box::new(json::rows(pages, &self.dates, census)),
        };
        Ok(rows)
    }
}

/// Every format with the headers it is recognised by, for an error.
fn known_formats() -> impl Iterator<Item = String> {
    let tables = formats::ALL.into_iter().map(|format| (format.source, format.known_by));
    tables.chain([(Source::GraphUsers, graph::KNOWN_BY)]).map(|(source, by)| format!("{} ({by})", source.title()))
}

/// The day a file describes, the best source first.
fn as_of(own: Option<Date>, path: &Path, newest: Option<Date>) -> Option<Date> {
    let named = || path.file_name().and_then(|name| dates::in_file_name(&name.to_string_lossy()));
    own.or_else(named).or(newest)
}
