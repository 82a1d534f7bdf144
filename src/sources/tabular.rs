//! Both passes over a delimited file.
use std::{io::Read, ops::ControlFlow};

use super::{
    Body, Census, DateColumn, Export, Raw, ReadSettings, Summary, ahead, as_of,
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
    /// Its first record is the header.
    has_header: bool,
    format: &'static Format,
    layout: Layout,
}

/// The first pass: `text` begins with `head`.
pub(super) fn open(
    text: impl Read + Send,
    head: &str,
    input: Input,
    encoding: Encoding,
    settings: &ReadSettings,
) -> Result<Export, ReadError> {
    let (preamble, _) = Preamble::seek(head).ok_or(ReadError::Empty)?;
    let (records, first) = start(text, preamble)?;
    let line = preamble.lines.saturating_add(1);
    let header = header::header_of(&first);
    let (format, header, first) = match header::recognise(&formats::ALL, &header, line) {
        Ok(format) => (format, header, None),
        Err(error) => {
            formats::without_header(&header).map(|(format, header)| (format, header, Some(first))).ok_or(error)?
        }
    };
    let layout = Layout::new(format, header, line)?;
    if let Some(wanted) = layout.lacks_names(format) {
        return Err(ReadError::NobodyNamed { line, wanted });
    }
    let table =
        Table { encoding, preamble, has_header: first.is_none(), format, layout: layout.of_file(&input.name()) };
    let (mut notes, scan) = table.scan(first, records, DateScan::new(settings))?;
    notes.header_on = preamble.is_late_in(head).then_some(line);
    let found = scan.finish()?;
    notes.is_of_days = found.own_differs;
    Ok(Export {
        source: format.source,
        as_of: as_of(found.own, &input, found.newest),
        sha256: String::new(),
        summary: table.summary(notes, found.order),
        dates: found.reading,
        date_columns: table.layout.dated().map(|(of, _, name)| DateColumn::new(name, of.is_anchor)).collect(),
        input,
        body: Body::Table(table),
    })
}

/// Passes over what stands before the first record, which usually is the header, and reads that.
fn start<R: Read>(text: R, preamble: Preamble) -> Result<(Records<R>, Cells), ReadError> {
    let mut records = Records::new(text, preamble.delimiter, preamble.lines)?;
    let mut cells = Cells::default();
    records.read(&mut cells)?;
    Ok((records, cells))
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
        let (records, first) = start(text, self.preamble).map_err(|error| changed(error, 1))?;
        if self.has_header && header::header_of(&first) != self.layout.header {
            return Err(ReadError::Changed { line: self.preamble.lines.saturating_add(1) });
        }
        let mut pass = Pass::new(self.format, &self.layout, dates, census);
        if !self.has_header && pass.row(&first, take).is_break() {
            return Ok(());
        }
        let read = ahead::each(records, |cells, _| pass.row(cells, take));
        read.map_err(|stopped| changed(stopped.error, stopped.line))
    }

    /// Looks at every row; `first` is one that was read already.
    fn scan<R: Read + Send>(
        &self,
        first: Option<Cells>,
        records: Records<R>,
        mut scan: DateScan,
    ) -> Result<(Notes, DateScan), ReadError> {
        let mut notes = Notes::default();
        let look = Look::new(self.format, &self.layout);
        let mut cut_on = None;
        let mut see = |cells: &Cells, line| {
            let is_short = !cells.ended && cells.len() < self.layout.header.len();
            if is_short || cells.is_cut() {
                cut_on = Some(line);
                return ControlFlow::Break(());
            }
            notes.rows += 1;
            look.at(cells, &mut notes, &mut scan);
            ControlFlow::Continue(())
        };
        let line = records.line();
        if first.filter(|first| !first.is_blank()).is_none_or(|first| see(&first, line).is_continue()) {
            ahead::each(records, see).map_err(|stopped| stopped.error)?;
        }
        // Only the last record of a file is without an end.
        cut_on.map_or(Ok((notes, scan)), |line| Err(ReadError::HalfCopied { line }))
    }

    fn summary(&self, notes: Notes, date_order: super::DateOrder) -> Summary {
        Summary {
            encoding: self.encoding,
            delimiter: Some(char::from(self.preamble.delimiter)),
            date_order,
            rows: notes.rows,
            skipped: notes.skipped,
            ignored_columns: self.layout.ignored(),
            missing_columns: self.layout.missing(self.format),
            warnings: notes.warnings(self.encoding, date_order),
            unread: notes.unread,
        }
    }
}
