//! Both passes over a delimited file.
use std::{io::Read, ops::ControlFlow};

use super::{
    Body, Census, DateColumn, Export, Raw, ReadSettings, Summary, as_of,
    dates::Reading,
    decode::{self, Encoding},
    error::ReadError,
    formats::{self, Format},
    header::{self, Layout, Preamble},
    input::Input,
    rows::{Look, Pass, changed},
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
    let table = Table { encoding, preamble, format, layout };
    let (mut notes, scan) = table.scan(&mut records, DateScan::new(settings))?;
    let found = scan.finish()?;
    notes.is_of_days = found.own_differs;
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
        let mut pass = Pass::new(self.format, &self.layout, dates, census);
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
        let look = Look::new(self.format, &self.layout);
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
                look.at(&cells, &mut notes, &mut scan);
            }
        }
        Ok((notes, scan))
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
