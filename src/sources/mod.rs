//! Readers of exports: a file in, records out.
//!
//! [`open`] reads a file once to learn what it is: its encoding, its hash, its format by the headers, the order of its
//! dates, whether its end is there. [`Export::each`] reads it a second time and gives one row after the other, split but
//! not read, so that rows that say nothing new cost little and memory does not grow with the file. What the program has
//! no use for is dropped here and goes no further. Nothing in here writes, logs, or knows what day it is.
mod ahead;
mod cells;
mod census;
mod container;
mod dates;
mod decode;
mod error;
mod files;
mod formats;
mod header;
mod input;
mod json;
mod raw;
mod rows;
mod scan;
mod summary;
mod table;
mod tabular;
mod unread;
mod words;

use std::{
    io::{Cursor, Read},
    ops::ControlFlow,
    path::Path,
};

use jiff::{civil::Date, tz::TimeZone};

pub use self::{
    census::{Census, DateColumn},
    container::ContainerError,
    dates::DateOrder,
    decode::Encoding,
    error::{ReadError, Rejected},
    files::{open_file, other_than_file},
    raw::Raw,
    summary::Summary,
    unread::{Unread, UnreadCell, Why},
};
use self::{dates::Reading, decode::Content, input::Input, json::Objects, tabular::Table};
use crate::domain::snapshot::Source;

/// How many formats an error names that a header is near to.
const NEAREST_NAMED: usize = 3;

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
    as_of: Option<Day>,
    sha256: String,
    summary: Summary,
    dates: Reading,
    /// The date columns it has, nothing counted.
    date_columns: Vec<DateColumn>,
    input: Input,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Table(Table),
    Json(Objects),
}

/// The day that a file describes.
#[derive(Debug, Clone, Copy)]
struct Day {
    on: Date,
    /// The file or its name says so.
    is_said: bool,
}

/// Reads the file at `path` once: recognises it, settles its dates, and makes sure that it is whole.
///
/// # Errors
///
/// Refuses, with a [`ReadError`] that says what to do, a file that is empty, unknown, cut off, damaged, or in two
/// orders of dates. Bad rows are no reason to refuse a file.
pub fn open(path: &Path, settings: &ReadSettings) -> Result<Export, ReadError> {
    let input = Input::open(path)?;
    let notes = input.notes();
    let encoding = match decode::guess(&input)? {
        Content::Empty => return Err(ReadError::Empty),
        Content::Text(encoding) => encoding,
    };
    let mut export = match open_as(encoding, input.clone(), settings) {
        Err(ReadError::Io(error)) if decode::is_not_utf8(&error) => open_as(Encoding::Windows1252, input, settings)?,
        opened => opened?,
    };
    export.summary.warnings.splice(0..0, notes);
    Ok(export)
}

/// The first pass, with the hash of what goes by.
fn open_as(encoding: Encoding, input: Input, settings: &ReadSettings) -> Result<Export, ReadError> {
    let mut bytes = input.hashed()?;
    let export = first_pass(decode::text(&mut bytes, encoding)?, encoding, input, settings)?;
    Ok(Export { sha256: bytes.finish()?, ..export })
}

fn first_pass(
    mut text: impl Read + Send,
    encoding: Encoding,
    input: Input,
    settings: &ReadSettings,
) -> Result<Export, ReadError> {
    let mut head = Vec::new();
    text.by_ref().take(HEAD_BYTES).read_to_end(&mut head)?;
    let begin = String::from_utf8_lossy(&head).into_owned();
    let text = Cursor::new(head).chain(text);
    match begin.trim_start().chars().next() {
        None => Err(ReadError::Empty),
        Some('<') if is_dressed_up(&begin) => Err(ReadError::DressedUp),
        Some('<') => Err(ReadError::WebPage),
        Some('{' | '[') => json::open(text, input, encoding, settings),
        Some(_) => tabular::open(text, &begin, input, encoding, settings),
    }
}

/// Whether a web page, or XML, is one that was made to open in Excel: some portals call it `.xls`.
fn is_dressed_up(begin: &str) -> bool {
    begin.contains("schemas-microsoft-com:office")
        || begin.trim_start().get(..6).is_some_and(|tag| tag.eq_ignore_ascii_case("<table"))
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
    pub fn as_of(&self) -> Option<Date> {
        self.as_of.map(|day| day.on)
    }

    /// Whether the file or its name says which day that is. Else it is the newest date in the file, and one bad date
    /// puts it far into the future.
    #[must_use]
    pub fn says_its_day(&self) -> bool {
        self.as_of.is_some_and(|day| day.is_said)
    }

    /// How the file was read.
    #[must_use]
    pub const fn summary(&self) -> &Summary {
        &self.summary
    }

    /// SHA-256 of the file as it lies on the disk, lower-case hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// What is to be counted of its dates, when it describes `as_of`; [`Export::each`] counts.
    #[must_use]
    pub fn census(&self, as_of: Date) -> Census {
        Census::new(self.date_columns.clone(), as_of)
    }

    /// Calls `take` for each row that tells something, in the order of the file, and counts its dates into `census`;
    /// `take` may end it.
    ///
    /// # Errors
    ///
    /// Fails when the file cannot be read again, or is not the one that was opened.
    pub fn each(&self, census: &mut Census, take: &mut dyn FnMut(Raw<'_>) -> ControlFlow<()>) -> Result<(), ReadError> {
        match &self.body {
            Body::Table(table) => table.each(&self.input, &self.dates, census, take),
            Body::Json(objects) => objects.each(&self.input, &self.dates, census, take),
        }
    }
}

/// The formats that an unknown header is nearest to, each with the headers it is recognised by; without a column in
/// common with any, the names of all.
fn nearest_formats(keys: &[String]) -> String {
    let all = || formats::ALL.into_iter().chain([&formats::graph::USERS, &formats::graph::DELETED]);
    let has = |column: &header::Column| column.keys.iter().any(|key| keys.iter().any(|other| other == key));
    let mut near: Vec<_> = all()
        .map(|format| (format.columns.iter().filter(|column| has(column)).count(), format))
        .filter(|(shared, _)| *shared > 0)
        .collect();
    near.sort_by_key(|(shared, _)| std::cmp::Reverse(*shared));
    let told: Vec<_> = near
        .into_iter()
        .take(NEAREST_NAMED)
        .map(|(_, format)| format!("{} ({})", format.source.title(), format.known_by))
        .collect();
    if !told.is_empty() {
        return format!("The nearest are: {}", told.join("; "));
    }
    let titles: std::collections::BTreeSet<_> = all().map(|format| format.source.title()).collect();
    format!("Known are: {}", titles.into_iter().collect::<Vec<_>>().join(", "))
}

/// The day a file describes, the best source first.
fn as_of(own: Option<Date>, input: &Input, newest: Option<Date>) -> Option<Day> {
    let named = || input.names().find_map(|name| dates::in_file_name(&name));
    let said = own.or_else(named).map(|on| Day { on, is_said: true });
    said.or(newest.map(|on| Day { on, is_said: false }))
}
