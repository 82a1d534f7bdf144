//! The table formats, a room each; and what one is to the reader: its columns, how it is recognised, and what one row
//! becomes.
mod active_users;
mod ad;
mod app_users;
mod audit;
mod canonical;
mod contacts;
mod dspt;
mod email_activity;
mod entra;
mod exchange;
pub(in crate::sources) mod graph;
mod mailbox_usage;
mod mfa;
pub(in crate::sources) mod ods;
mod permissions;
mod portal;
mod sends;
mod statistics;
mod usage;

use jiff::civil::Date;

use super::{
    cells,
    dates::{Reading, Wall},
    error::Rejected,
    header::{Column, Holds, Layout, Part},
    table::Cells,
};
use crate::domain::{
    snapshot::{Observation, Record, Source},
    subject::{Address, OdsCode},
};

/// Every table format, in the order in which a header is tried on them.
pub(in crate::sources) const ALL: [&Format; 17] = [
    &portal::FORMAT,
    &mfa::FORMAT,
    &email_activity::FORMAT,
    &mailbox_usage::FORMAT,
    &active_users::FORMAT,
    &app_users::FORMAT,
    &contacts::FORMAT,
    &canonical::FORMAT,
    &sends::FORMAT,
    &audit::FORMAT,
    &entra::FORMAT,
    &exchange::FORMAT,
    &statistics::FORMAT,
    &permissions::FORMAT,
    &ad::FORMAT,
    &dspt::FORMAT,
    &ods::FORMAT,
];

/// Exports that are known and of no use as they are, tried when a header is no format's.
pub(in crate::sources) const HOPELESS: [&Hopeless; 3] =
    [&statistics::WITHOUT_ADDRESS, &ad::WITHOUT_ADDRESS, &graph::AS_TABLE];

/// The format of a file without a header, and what its columns would be called, told by its first row.
pub(in crate::sources) fn without_header(first: &[String]) -> Option<(&'static Format, Vec<String>)> {
    ods::header(first).map(|header| (&ods::FORMAT, header))
}

/// Raised when the same row would be read to another record than before, whatever the format: then no row counts as
/// unchanged once.
pub(in crate::sources) const VERSION: u32 = 2;

/// Answers from the normalised names of a header whether it is a format's.
pub(in crate::sources) type Recognise = fn(has: &dyn Fn(&str) -> bool) -> bool;

/// A kind of table, one constant per file.
#[derive(Debug)]
pub(in crate::sources) struct Format {
    /// Whose export it is.
    pub(in crate::sources) source: Source,
    /// The headers it is recognised by, for people.
    pub(in crate::sources) known_by: &'static str,
    /// Whether the headers are this format's.
    pub(in crate::sources) recognises: Recognise,
    /// The columns that are read; every other one is dropped.
    pub(in crate::sources) columns: &'static [Column],
    /// Whether a row, though well formed, tells nothing.
    pub(in crate::sources) skips: fn(&Row) -> bool,
    /// What the row says.
    pub(in crate::sources) read: fn(&Row) -> Result<Record, Rejected>,
}

/// An export that lacks what it takes to read it.
#[derive(Debug)]
pub(in crate::sources) struct Hopeless {
    /// Whether the headers are such an export's.
    pub(in crate::sources) recognises: Recognise,
    /// What it is, what it lacks, and how to get that.
    pub(in crate::sources) remedy: &'static str,
}

/// One row of a table with its columns by name.
pub(in crate::sources) struct Row<'a> {
    /// The cells.
    pub(in crate::sources) cells: &'a Cells,
    /// Which is which.
    pub(in crate::sources) layout: &'a Layout,
    /// How dates are read.
    pub(in crate::sources) dates: &'a Reading,
}

impl Row<'_> {
    /// Why the row cannot be read whatever it says.
    pub(in crate::sources) fn fault(&self) -> Option<Rejected> {
        let (has, wants) = (self.cells.len(), self.layout.header.len());
        let shape = || (has != wants && !self.is_as_good_as_whole()).then(|| shape(has, wants));
        let again = || self.is_header().then(|| HEADER_AGAIN.to_owned());
        let reason = self.cells.fault.map(|fault| fault.reason().to_owned()).or_else(shape).or_else(again)?;
        Some(Rejected::row(self.line(), reason))
    }

    /// Whether a row of another length than the header's says all the same what it has to say. Spreadsheets leave
    /// blanks at the end of rows, or leave them out.
    fn is_as_good_as_whole(&self) -> bool {
        let (has, wants) = (self.cells.len(), self.layout.header.len());
        let is_blank = |at| self.cells.bytes(at).is_none_or(|cell| cell.iter().all(u8::is_ascii_whitespace));
        if has > wants { (wants..has).all(is_blank) } else { self.layout.may_end_after(has) }
    }

    /// Whether the row says what the header says.
    fn is_header(&self) -> bool {
        let header = &self.layout.header;
        // Of nearly all rows the first cell tells.
        self.cells.bytes(0) == header.first().map(String::as_bytes)
            && header.iter().zip(self.cells.iter()).all(|(name, cell)| *name == cell.trim())
    }

    /// Line on which the row begins.
    pub(in crate::sources) const fn line(&self) -> u32 {
        self.cells.line
    }

    /// The cell of a column, trimmed; `None` when it is blank or not there.
    pub(in crate::sources) fn text(&self, key: &str) -> Option<String> {
        self.with(key, str::to_owned)
    }

    /// The cell as a word to keep.
    pub(in crate::sources) fn word(&self, key: &str) -> Option<String> {
        self.with(key, cells::word).flatten()
    }

    /// The cell as an organisation's or a place's name.
    pub(in crate::sources) fn place(&self, key: &str) -> Option<String> {
        self.with(key, cells::place).flatten()
    }

    /// The cell as a site code.
    pub(in crate::sources) fn ods(&self, key: &str) -> Option<OdsCode> {
        self.word(key).and_then(|text| OdsCode::new(&text))
    }

    /// The cell as an address.
    pub(in crate::sources) fn address(&self, key: &str) -> Result<Option<Address>, Rejected> {
        let reject = |text: &str, reason| self.reject(key, reason).concealing(cells::is_concealed(text));
        self.with(key, |text| cells::address(text).map_err(|reason| reject(text, reason))).transpose()
    }

    /// Whether one of the cells is the user name of another organisation's guest.
    pub(in crate::sources) fn is_guest(&self, keys: &[&str]) -> bool {
        let cell = |key: &&str| self.layout.find(key).and_then(|(_, at)| self.cells.get(at));
        keys.iter().filter_map(cell).any(|cell| cells::is_guest(&cell))
    }

    /// The cell as a date.
    pub(in crate::sources) fn date(&self, key: &str) -> Result<Option<Date>, Rejected> {
        let wall = || self.layout.find(key).map_or(Wall::Local, |(column, _)| column.holds.wall());
        let read = |text: &str| self.dates.date(text, wall()).map_err(|_| self.reject(key, bad_date(text)));
        self.with(key, read).transpose().map(Option::flatten)
    }

    /// The cell as yes or no; a word that is neither is blank.
    pub(in crate::sources) fn flag(&self, key: &str) -> Option<bool> {
        self.with(key, cells::flag).flatten()
    }

    /// The cell as yes or no, and nothing else.
    pub(in crate::sources) fn strict_flag(&self, key: &str) -> Result<Option<bool>, Rejected> {
        let reject = |text: &str| self.reject(key, format!("{} is neither yes nor no", cells::quote(text)));
        self.with(key, |text| cells::flag(text).ok_or_else(|| reject(text))).transpose()
    }

    /// What `read` makes of the trimmed cell of a column that is filled.
    fn with<T>(&self, key: &str, read: impl FnOnce(&str) -> T) -> Option<T> {
        let (_, at) = self.layout.find(key)?;
        cells::text(&self.cells.get(at)?).map(read)
    }

    /// A rejection of this row for the column the code calls `key`.
    pub(in crate::sources) fn reject(&self, key: &str, reason: impl Into<String>) -> Rejected {
        let printed = self.layout.find(key).and_then(|(_, at)| self.layout.header.get(at));
        Rejected::cell(self.line(), printed.map_or(key, String::as_str), reason)
    }

    /// What the row says of a subject, if it names one: by address, or by what can be an id. At the end of a list there
    /// may be a word about it (`Total`) where the id should be.
    pub(in crate::sources) fn about_somebody(&self, says: Observation) -> Result<Record, Rejected> {
        let is_id = |text: &String| text.contains(|c: char| c.is_ascii_digit()) && !text.contains(char::is_whitespace);
        match &says.id {
            Some(text) if says.address.is_none() && !is_id(text) => {
                let reason = format!("the row has no address, and {} is no id", cells::quote(text));
                Err(Rejected::row(self.line(), reason))
            }
            None if says.address.is_none() => Err(self.nobody()),
            _ => Ok(Record::Subject(Box::new(says))),
        }
    }

    /// A rejection for want of an address and an id.
    pub(in crate::sources) fn nobody(&self) -> Rejected {
        let names = self.layout.places.iter().filter(|(column, _)| matches!(column.part, Part::Id | Part::Address));
        let mut cells = names.filter_map(|(_, at)| self.cells.get(*at));
        match cells.find(|cell| cells::is_error(cell.trim())) {
            Some(error) => Rejected::row(self.line(), format!("{NOBODY}, but {} of a spreadsheet", error.trim())),
            None => Rejected::row(self.line(), NOBODY),
        }
    }
}

impl Holds {
    /// The zone of a time of day in the column.
    pub(in crate::sources) const fn wall(self) -> Wall {
        match self {
            Self::Date(wall) | Self::Stamp(wall) => wall,
            Self::Text | Self::AsOf => Wall::Local,
        }
    }
}

/// The reason for rejecting a row that is the header once more.
const HEADER_AGAIN: &str = "the header stands here again, as where two files were put together";

/// The reason for rejecting a row that is longer or shorter than the header.
fn shape(has: usize, wants: usize) -> String {
    let cells = if has == 1 { "cell" } else { "cells" };
    format!("the row has {has} {cells}, the header has {wants}; put what holds a delimiter or a line end in quotes")
}

/// The reason for rejecting a row that is about nobody.
pub(in crate::sources) const NOBODY: &str = "the row has neither an address nor an id";

/// The reason for rejecting a row with this in a date column.
pub(in crate::sources) fn bad_date(text: &str) -> String {
    let days = text.split_once('.').map_or(text, |(days, _)| days);
    let is_number = || days.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let why = if text.bytes().all(|byte| byte == b'#') {
        ": its column was too narrow in the spreadsheet; widen it and save again"
    } else if cells::is_invisible_in(text) {
        ": there are invisible characters in it; type it anew"
    } else if is_number() {
        ": a spreadsheet's number of a day; give the column the format of a date and save again"
    } else {
        ""
    };
    format!("{} is no date{why}", cells::quote(text))
}

#[cfg(test)]
#[path = "formats_tests.rs"]
mod tests;
