//! A row that is split and not yet read, with what tells whether it has to be.
//!
//! Most rows of a day's export say what they said the day before. Two hashes find them: the key says whom a row is
//! about, the print what it says of them. Both are XXH3 in 64 bits, which is the same on every machine and for ever.
use std::borrow::Cow;

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::{
    cells,
    census::Seen,
    dates::Reading,
    error::Rejected,
    formats::{self, Format, Row},
    header::{Column, Layout, Part, Says},
};
use crate::domain::snapshot::{Record, Source};

/// Keeps the keys of ids and of addresses apart.
const ID_SEED: u64 = 1;
const ADDRESS_SEED: u64 = 2;
/// Longer ids are cut when they are read.
const PLAIN_ID: usize = 64;

/// One row of an export, split but not yet read.
pub struct Raw<'a> {
    line: u32,
    key: Option<u64>,
    print: u64,
    read: &'a dyn Fn() -> Result<Record, Rejected>,
}

impl<'a> Raw<'a> {
    /// A row on `line` that `read` reads.
    pub(super) fn new(line: u32, key: Option<u64>, print: u64, read: &'a dyn Fn() -> Result<Record, Rejected>) -> Self {
        Self { line, key, print, read }
    }
}

impl Raw<'_> {
    /// Line on which the row begins, from 1.
    #[must_use]
    pub const fn line(&self) -> u32 {
        self.line
    }

    /// A hash of what names the subject in this source: its stable id, else its address. `None` when neither is there,
    /// the row cannot be divided into cells, or rows of this source are about nobody in particular.
    #[must_use]
    pub const fn key(&self) -> Option<u64> {
        self.key
    }

    /// A hash of all that the row says: two rows of one source with equal prints are read to the same record but for
    /// the line, and their dates are as good or bad for the day of their files.
    #[must_use]
    pub const fn print(&self) -> u64 {
        self.print
    }

    /// What the row says.
    ///
    /// # Errors
    ///
    /// Gives the reason when the row cannot be loaded.
    pub fn read(&self) -> Result<Record, Rejected> {
        (self.read)()
    }
}

/// The key of a subject with this stable id, as it is read.
fn key_of_id(id: &str) -> u64 {
    xxh3_64_with_seed(id.as_bytes(), ID_SEED)
}

/// The key of a subject with this address and no id; the address in its key form.
fn key_of_address(address: &str) -> u64 {
    xxh3_64_with_seed(address.as_bytes(), ADDRESS_SEED)
}

/// Works out the keys and prints of a table's rows.
pub(super) struct Hashes {
    seed: u64,
    /// Columns that enter the print.
    said: Vec<usize>,
    /// Columns that enter the print of some rows, and of which.
    said_in: Vec<(usize, Says)>,
    id: Option<usize>,
    addresses: Vec<usize>,
    buffer: Vec<u8>,
}

impl Hashes {
    /// For rows of `format` under `layout`.
    pub(super) fn new(format: &Format, layout: &Layout, dates: &Reading) -> Self {
        let with = |wanted: fn(Part) -> bool| {
            let places = layout.places.iter().filter(move |(column, _)| wanted(column.part));
            places.map(|(_, at)| *at).collect::<Vec<_>>()
        };
        let said_in = |(column, at): &(&Column, usize)| match column.part {
            Part::SaysIn(says) => Some((*at, says)),
            _ => None,
        };
        Self {
            seed: seed(format.source, dates, layout),
            said: with(|part| matches!(part, Part::Id | Part::Address | Part::Says)),
            said_in: layout.places.iter().filter_map(said_in).collect(),
            id: with(|part| matches!(part, Part::Id)).first().copied(),
            addresses: with(|part| matches!(part, Part::Address)),
            buffer: Vec::new(),
        }
    }

    /// Whom the row is about.
    pub(super) fn key(&self, row: &Row) -> Option<u64> {
        self.id.and_then(|at| id_in(row, at)).map(|id| key_of_id(&id)).or_else(|| {
            let cell = self.addresses.iter().find_map(|at| row.cells.get(*at).filter(|cell| is_filled(cell)))?;
            cells::address(cells::text(&cell)?).ok().map(|address| key_of_address(address.as_str()))
        })
    }

    /// What the row says, and how its dates were counted.
    pub(super) fn print(&mut self, row: &Row, dates: impl Iterator<Item = Seen>) -> u64 {
        self.buffer.clear();
        let at_times = self.said_in.iter().filter(|(_, says)| says(row)).map(|(at, _)| at);
        for at in self.said.iter().chain(at_times) {
            let cell = row.cells.bytes(*at).unwrap_or_default();
            // No letter could divide one cell from the next: the text of a JSON file may hold any.
            self.buffer.extend_from_slice(&(cell.len() as u64).to_le_bytes());
            self.buffer.extend_from_slice(cell);
        }
        self.buffer.extend(dates.map(|seen| seen as u8));
        xxh3_64_with_seed(&self.buffer, self.seed)
    }

    /// The print of a row that cannot be read, whatever is in it, for this reason.
    pub(super) fn print_of_fault(&self, reason: &str) -> u64 {
        xxh3_64_with_seed(reason.as_bytes(), !self.seed)
    }
}

fn is_filled(cell: &str) -> bool {
    cells::text(cell).is_some()
}

/// The id as it is read.
fn id_in<'a>(row: &'a Row, at: usize) -> Option<Cow<'a, str>> {
    let cell = row.cells.get(at)?;
    let text = cells::text(&cell)?;
    let is_plain = text.len() <= PLAIN_ID && text.bytes().all(|byte| byte.is_ascii_graphic());
    match cell {
        Cow::Borrowed(cell) if is_plain => cells::text(cell).map(Cow::Borrowed),
        _ => cells::word(text).map(Cow::Owned),
    }
}

/// The seed of prints: all that changes what a row is read to and is not in the row.
fn seed(source: Source, dates: &Reading, layout: &Layout) -> u64 {
    let zone = dates.zone.iana_name().map_or_else(|| format!("{:?}", dates.zone), str::to_owned);
    let order = if dates.day_first { "day first" } else { "month first" };
    let mut words = vec![source.as_str().to_owned(), formats::VERSION.to_string(), zone, order.to_owned()];
    let columns = layout.places.iter().filter_map(|(column, _)| column.keys.first().copied());
    words.extend(columns.chain(layout.sector).map(str::to_owned));
    xxh3_64(words.join("\0").as_bytes())
}
