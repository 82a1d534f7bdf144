//! Both passes over a delimited file.
use std::{io::Read, ops::ControlFlow};

use jiff::civil::Date;

use super::{
    Body, Census, DateColumn, Export, Raw, ReadSettings, Summary, as_of, cells,
    dates::{BadDate, Reading, Wall},
    decode::{self, Encoding},
    error::ReadError,
    formats::{self, Format, Row},
    header::{self, Holds, Layout, Preamble},
    input::Input,
    raw::Hashes,
    scan::DateScan,
    summary::Notes,
    table::{Cells, Records},
};

/// A delimited file that was recognised.
#[derive(Debug)]
pub(super) struct Table {
    encoding: Encoding,
    preamble: Preamble,
    format: &'static Format,
    layout: Layout,
    /// Where the dates are that are counted, and in which zone.
    dated: Vec<(usize, Wall)>,
}

/// The first pass: `text` begins with `head`.
pub(super) fn open(
    text: impl Read,
    head: &str,
    input: Input,
    encoding: Encoding,
    settings: &ReadSettings,
) -> Result<Export, ReadError> {
    let preamble = Preamble::of(head).ok_or(ReadError::Empty)?;
    let (mut records, header) = start(text, preamble)?;
    let line = preamble.lines.saturating_add(1);
    let format = header::recognise(&formats::ALL, &header, line)?;
    let layout = Layout::new(format, header, line)?;
    let dated = layout.dated().map(|(column, at, _)| (at, column.holds.wall())).collect();
    let table = Table { encoding, preamble, format, layout, dated };
    let (notes, scan) = table.scan(&mut records, DateScan::new(settings))?;
    let found = scan.finish()?;
    Ok(Export {
        source: format.source,
        as_of: as_of(found.own, &input, found.newest),
        sha256: String::new(),
        summary: table.summary(&notes, found.order),
        dates: found.reading,
        date_columns: table.layout.dated().map(|(of, _, name)| DateColumn::new(name, of.is_anchor)).collect(),
        input,
        body: Body::Table(table),
    })
}

/// Passes over what stands before the header and reads that.
fn start<R: Read>(text: R, preamble: Preamble) -> Result<(Records<R>, Vec<String>), ReadError> {
    let mut records = Records::new(text, preamble.delimiter, preamble.lines)?;
    let mut cells = Cells::default();
    records.read(&mut cells)?;
    Ok((records, header::header_of(&cells)))
}

impl Table {
    /// The second pass.
    pub(super) fn each(
        &self,
        input: &Input,
        dates: &Reading,
        census: &mut Census,
        take: &mut dyn FnMut(Raw<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let text = decode::text(input.bytes()?, self.encoding)?;
        let (mut records, header) = start(text, self.preamble).map_err(|error| changed(error, 1))?;
        if header != self.layout.header {
            return Err(ReadError::Changed { line: self.preamble.lines.saturating_add(1) });
        }
        let mut pass = Pass { table: self, dates, hashes: Hashes::new(self.format, &self.layout, dates), census };
        let mut cells = Cells::default();
        loop {
            match records.read(&mut cells) {
                Ok(false) => return Ok(()),
                Ok(true) if cells.is_blank() => {}
                Ok(true) if pass.row(&cells, take).is_break() => return Ok(()),
                Ok(true) => {}
                Err(error) => return Err(changed(error, records.line())),
            }
        }
    }

    fn scan<R: Read>(&self, records: &mut Records<R>, mut scan: DateScan) -> Result<(Notes, DateScan), ReadError> {
        let (mut notes, mut cells) = (Notes::default(), Cells::default());
        let name_at = self.layout.find("displayname").map(|(_, at)| at);
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
                let row = Row { cells: &cells, layout: &self.layout, dates: scan.any_reading() };
                notes.skipped += usize::from((self.format.skips)(&row));
                notes.bad_names +=
                    usize::from(name_at.and_then(|at| cells.get(at)).is_some_and(|name| is_bad_name(&name)));
                notes.type_names += self.layout.places.iter().filter(|(_, at)| holds_type_name(&cells, *at)).count();
                self.see_dates(&cells, &mut scan);
            }
        }
        Ok((notes, scan))
    }

    fn see_dates(&self, cells: &Cells, scan: &mut DateScan) {
        for (column, at, _) in self.layout.dated() {
            let Some(cell) = cells.get(at) else { continue };
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

/// Whatever was wrong with the text the first time has been said then.
fn changed(error: ReadError, line: u32) -> ReadError {
    match error {
        ReadError::Io(error) if !decode::is_not_utf8(&error) => ReadError::Io(error),
        _ => ReadError::Changed { line },
    }
}

fn is_bad_name(cell: &str) -> bool {
    !cells::is_plain_name(cell) && cells::text(cell).is_some_and(|name| cells::name(name).is_none())
}

fn holds_type_name(cells: &Cells, at: usize) -> bool {
    let bytes = cells.bytes(at).unwrap_or_default();
    // Only these can begin one, or be trimmed off before it.
    let may = bytes.first().is_some_and(|byte| matches!(byte, b'S' | b'M') || !byte.is_ascii_graphic());
    may && cells.get(at).is_some_and(|cell| cells::is_type_name(cell.trim()))
}

/// The second pass at work.
struct Pass<'a> {
    table: &'a Table,
    dates: &'a Reading,
    hashes: Hashes,
    census: &'a mut Census,
}

impl Pass<'_> {
    fn row(&mut self, cells: &Cells, take: &mut dyn FnMut(Raw<'_>) -> ControlFlow<()>) -> ControlFlow<()> {
        let row = Row { cells, layout: &self.table.layout, dates: self.dates };
        if let Some(fault) = row.fault() {
            let print = self.hashes.print_of_fault(&fault.reason);
            return take(Raw::new(row.line(), None, print, &|| Err(fault.clone())));
        }
        if (self.table.format.skips)(&row) {
            return ControlFlow::Continue(());
        }
        let key = self.hashes.key(&row);
        let seen =
            (0..).zip(&self.table.dated).map(|(index, (at, wall))| self.census.see(index, date(&row, *at, *wall)));
        let print = self.hashes.print(&row, seen);
        take(Raw::new(row.line(), key, print, &|| (self.table.format.read)(&row)))
    }
}

fn date(row: &Row, at: usize, wall: Wall) -> Result<Option<Date>, BadDate> {
    let Some(cell) = row.cells.get(at) else { return Ok(None) };
    cells::text(&cell).map_or(Ok(None), |text| row.dates.date(text, wall))
}
