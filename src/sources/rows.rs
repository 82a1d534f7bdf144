//! What either pass does with a row, whatever file it was split from.
use std::ops::ControlFlow;

use jiff::civil::Date;

use super::{
    Census, Raw, cells,
    dates::{BadDate, Reading, Wall},
    decode,
    error::{ReadError, Rejected},
    formats::{Format, Row},
    header::{Holds, Layout, Part},
    raw::Hashes,
    scan::DateScan,
    summary::Notes,
    table::Cells,
    unread::{self, Why},
};

/// The first pass at work: what is noticed.
pub(super) struct Look<'a> {
    format: &'static Format,
    layout: &'a Layout,
    name_at: Option<usize>,
}

impl<'a> Look<'a> {
    /// At rows of `format` under `layout`.
    pub(super) fn new(format: &'static Format, layout: &'a Layout) -> Self {
        Self { format, layout, name_at: layout.find("displayname").map(|(_, at)| at) }
    }

    /// Notes what a row has to show that is whole; true when it is, and is not passed over.
    pub(super) fn at(&self, cells: &Cells, notes: &mut Notes, scan: &mut DateScan) -> bool {
        let row = Row { cells, layout: self.layout, dates: scan.any_reading() };
        if row.fault().is_some() {
            return false;
        }
        let is_skipped = (self.format.skips)(&row);
        notes.skipped += usize::from(is_skipped);
        let name = self.name_at.and_then(|at| cells.get(at)).filter(|name| !cells::is_plain_name(name));
        notes.bad_names += usize::from(name.as_deref().is_some_and(is_bad_name));
        notes.undecoded += usize::from(name.is_some_and(|name| name.contains('\u{FFFD}')));
        self.see_oddities(cells, notes);
        self.see_dates(cells, scan);
        !is_skipped
    }

    fn see_oddities(&self, cells: &Cells, notes: &mut Notes) {
        for (column, at) in &self.layout.places {
            let cell = cells.bytes(*at).unwrap_or_default();
            let name = || self.layout.header.get(*at).map_or("", String::as_str);
            if may_be_odd(cell) {
                let cell = String::from_utf8_lossy(cell);
                let text = cell.trim();
                notes.type_names += usize::from(cells::is_type_name(text));
                notes.orphans += usize::from(cells::is_sid(text));
                // Of a row about nobody it is said when that is rejected.
                if cells::is_error(text) && self.may_name_somebody(cells) {
                    unread::see(&mut notes.unread, name(), (Why::SpreadsheetError, "blank"), cells.line, text);
                }
            }
            if let Some((words, text)) = column.words.and_then(|words| Some((words, words.unknown(cell)?))) {
                unread::see(&mut notes.unread, name(), (Why::UnknownWord, words.else_as), cells.line, text);
            }
        }
    }

    /// Whether the row names somebody, or is of a format in which rows do not.
    fn may_name_somebody(&self, cells: &Cells) -> bool {
        let is_name = |part| matches!(part, Part::Id | Part::Address);
        let mut names = self.layout.places.iter().filter(|(column, _)| is_name(column.part)).peekable();
        names.peek().is_none() || names.any(|(_, at)| cells.get(*at).is_some_and(|cell| cells::text(&cell).is_some()))
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
}

fn is_bad_name(cell: &str) -> bool {
    cells::text(cell).is_some_and(|name| cells::name(name).is_none())
}

/// Whether a cell may hold the name of a type, a SID or an error: only these letters can begin one, or be trimmed off
/// before it.
fn may_be_odd(cell: &[u8]) -> bool {
    let is_first = |byte: &u8| matches!(byte, b'S' | b'M' | b'#') || !byte.is_ascii_graphic();
    cell.first().is_some_and(is_first) || cell.starts_with(b"Err:")
}

/// The second pass at work: rows with their key and print, and their dates counted.
pub(super) struct Pass<'a> {
    format: &'static Format,
    layout: &'a Layout,
    dates: &'a Reading,
    /// Where the dates are that are counted, and in which zone.
    counted: Vec<(usize, Wall)>,
    hashes: Hashes,
    census: &'a mut Census,
}

impl<'a> Pass<'a> {
    /// Over rows of `format` under `layout`.
    pub(super) fn new(format: &'static Format, layout: &'a Layout, dates: &'a Reading, census: &'a mut Census) -> Self {
        let counted = layout.dated().map(|(column, at, _)| (at, column.holds.wall())).collect();
        Self { format, layout, dates, counted, hashes: Hashes::new(format, layout, dates), census }
    }

    /// Hands a row on, unless it is passed over.
    pub(super) fn row(&mut self, cells: &Cells, take: &mut dyn FnMut(Raw<'_>) -> ControlFlow<()>) -> ControlFlow<()> {
        let row = Row { cells, layout: self.layout, dates: self.dates };
        if let Some(fault) = row.fault() {
            return self.lost(&fault, take);
        }
        if (self.format.skips)(&row) {
            return ControlFlow::Continue(());
        }
        let key = self.hashes.key(&row);
        let counted = (0..).zip(&self.counted);
        let seen = counted.map(|(index, (at, wall))| self.census.see(index, row.line(), date(&row, *at, *wall)));
        let print = self.hashes.print(&row, seen);
        take(Raw::new(row.line(), key, print, &|| (self.format.read)(&row)))
    }

    /// Hands on that a row cannot be read, whatever is in it.
    pub(super) fn lost(&self, fault: &Rejected, take: &mut dyn FnMut(Raw<'_>) -> ControlFlow<()>) -> ControlFlow<()> {
        let print = self.hashes.print_of_fault(&fault.reason);
        take(Raw::new(fault.line, None, print, &|| Err(fault.clone())))
    }
}

fn date(row: &Row, at: usize, wall: Wall) -> Result<Option<Date>, BadDate> {
    let Some(cell) = row.cells.get(at) else { return Ok(None) };
    match cells::text(&cell) {
        Some(text) => row.dates.date(text, wall),
        None if cells::is_error(cell.trim()) => Err(BadDate),
        None => Ok(None),
    }
}

/// What a fault in the second pass means: whatever was wrong with the text was said in the first.
pub(super) fn changed(error: ReadError, line: u32) -> ReadError {
    match error {
        ReadError::Io(error) if !decode::is_not_utf8(&error) => ReadError::Io(error),
        _ => ReadError::Changed { line },
    }
}
