//! Both passes over a delimited file.
use std::{
    fs::File,
    path::{Path, PathBuf},
};

use encoding_rs_io::DecodeReaderBytes;

use super::{
    Body, Census, DateColumn, Export, ReadSettings, Summary, as_of, cells,
    dates::{BadDate, Reading},
    decode::{self, Encoding},
    error::{ReadError, Rejected},
    formats::{self, Format, Row},
    header::{self, Holds, Layout, Preamble},
    scan::DateScan,
    summary::Notes,
    table::{Cells, Records},
};
use crate::domain::snapshot::Record;

type Text = DecodeReaderBytes<File, Vec<u8>>;

/// A delimited file that was recognised.
#[derive(Debug)]
pub(super) struct Table {
    path: PathBuf,
    encoding: Encoding,
    preamble: Preamble,
    format: &'static Format,
    layout: Layout,
}

/// The first pass.
pub(super) fn open(path: &Path, encoding: Encoding, head: &str, settings: &ReadSettings) -> Result<Export, ReadError> {
    let preamble = Preamble::of(head).ok_or(ReadError::Empty)?;
    let (mut records, header) = start(path, encoding, preamble)?;
    let line = preamble.lines.saturating_add(1);
    let format = header::recognise(&formats::ALL, &header, line)?;
    let layout = Layout::new(format, header, line)?;
    let table = Table { path: path.to_owned(), encoding, preamble, format, layout };
    let (notes, scan) = table.scan(&mut records, DateScan::new(settings))?;
    let found = scan.finish()?;
    Ok(Export {
        source: format.source,
        as_of: as_of(found.own, path, found.newest),
        summary: table.summary(&notes, found.order),
        dates: found.reading,
        date_columns: table.layout.date_columns().map(|(of, name)| DateColumn::new(name, of.is_anchor)).collect(),
        body: Body::Table(table),
    })
}

/// Opens the file and reads its header.
fn start(path: &Path, encoding: Encoding, preamble: Preamble) -> Result<(Records<Text>, Vec<String>), ReadError> {
    let mut records = Records::new(decode::reader(path, encoding)?, preamble.delimiter, preamble.lines)?;
    let mut cells = Cells::default();
    records.read(&mut cells)?;
    Ok((records, header::header_of(&cells)))
}

impl Table {
    /// The second pass.
    pub(super) fn rows<'a>(&'a self, dates: &'a Reading, census: &'a mut Census) -> Result<Rows<'a>, ReadError> {
        let (records, _) = start(&self.path, self.encoding, self.preamble)?;
        Ok(Rows { table: self, dates, census, records: Some(records), cells: Cells::default() })
    }

    fn scan(&self, records: &mut Records<Text>, mut scan: DateScan) -> Result<(Notes, DateScan), ReadError> {
        let (mut notes, mut cells) = (Notes::default(), Cells::default());
        while records.read(&mut cells)? {
            if cells.is_blank() {
                continue;
            }
            let is_short = !cells.ended && cells.len() < self.layout.header.len();
            if is_short || cells.is_cut() {
                return Err(ReadError::HalfCopied { line: records.line() });
            }
            notes.rows += 1;
            if cells.fault.is_none() && cells.len() == self.layout.header.len() {
                self.note(&Row { cells: &cells, layout: &self.layout, dates: scan.any_reading() }, &mut notes);
                self.see_dates(&cells, &mut scan);
            }
        }
        Ok((notes, scan))
    }

    fn note(&self, row: &Row, notes: &mut Notes) {
        let is_type_name = |at: usize| row.cells.get(at).is_some_and(|cell| cells::is_type_name(cell.trim()));
        notes.type_names += self.layout.places.iter().filter(|(_, at)| is_type_name(*at)).count();
        notes.bad_names += usize::from(row.text("displayname").is_some_and(|name| cells::name(&name).is_none()));
        notes.skipped += usize::from((self.format.skips)(row));
    }

    fn see_dates(&self, cells: &Cells, scan: &mut DateScan) {
        for (column, at) in &self.layout.places {
            let Some(cell) = cells.get(*at) else { continue };
            let Some(text) = cells::text(&cell) else { continue };
            match column.holds {
                Holds::Text => {}
                Holds::Date(_) => scan.see(text, cells.line),
                Holds::Stamp(wall) => scan.see_stamp(text, cells.line, wall),
                Holds::AsOf => scan.see_own(text, cells.line),
            }
        }
    }

    fn summary(&self, notes: &Notes, date_order: super::DateOrder) -> Summary {
        Summary {
            encoding: self.encoding,
            delimiter: Some(char::from(self.preamble.delimiter)),
            date_order,
            rows: notes.rows,
            skipped: notes.skipped,
            ignored_columns: self.layout.ignored(),
            missing_columns: self.layout.missing(self.format),
            warnings: notes.warnings(self.encoding, date_order),
        }
    }
}

/// The rows of a table.
pub(super) struct Rows<'a> {
    table: &'a Table,
    dates: &'a Reading,
    census: &'a mut Census,
    /// `None` once the end, or a fault that was not there in the first pass, is reached.
    records: Option<Records<Text>>,
    cells: Cells,
}

impl Iterator for Rows<'_> {
    type Item = Result<Record, Rejected>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let records = self.records.as_mut()?;
            match records.read(&mut self.cells) {
                Ok(true) if self.cells.is_blank() => {}
                Ok(true) => {
                    let row = Row { cells: &self.cells, layout: &self.table.layout, dates: self.dates };
                    match row.fault() {
                        Some(fault) => return Some(Err(fault)),
                        None if (self.table.format.skips)(&row) => {}
                        None => {
                            count_dates(&row, self.census);
                            return Some((self.table.format.read)(&row));
                        }
                    }
                }
                Ok(false) => return None,
                Err(error) => {
                    let line = records.line();
                    self.records = None;
                    return Some(Err(Rejected::row(line, format!("the file changed while it was read: {error}"))));
                }
            }
        }
    }
}

fn count_dates(row: &Row, census: &mut Census) {
    for (column, name) in row.layout.date_columns() {
        let key = column.keys.first().copied().unwrap_or_default();
        census.see(name, row.date(key).map_err(|_| BadDate));
    }
}
