//! Records and cells of a delimited file, with the line each began on.
//!
//! RFC 4180, read strictly where leniency would lose rows in silence. The usual readers take everything after an
//! unclosed quote as one cell, count `\n` only, and grow a cell without limit; this one knows on which line a quote
//! opened, takes CR, LF and CRLF as line ends, and drops what lies beyond its limits.
use std::{
    borrow::Cow,
    io::{BufReader, Bytes, Read},
};

use super::error::ReadError;

/// The longest cell that is kept.
pub(super) const CELL_CAP: usize = 64 * 1024;
/// The longest record that is kept.
pub(super) const RECORD_CAP: usize = 1024 * 1024;

/// What is wrong with one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// A cell beyond [`CELL_CAP`].
    CellTooLong,
    /// A record beyond [`RECORD_CAP`].
    RecordTooLong,
    /// Text after a closing quote.
    StrayQuote,
}

impl Fault {
    /// The reason for the row's rejection.
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::CellTooLong => "a cell is longer than 64 KiB",
            Self::RecordTooLong => "the row is longer than 1 MiB",
            Self::StrayQuote => "a quoted cell has text after its closing quote; write a quote inside a cell twice",
        }
    }
}

/// The cells of one record, in one buffer that is used again for the next.
#[derive(Debug, Default)]
pub(super) struct Cells {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    size: usize,
    /// Line on which the record begins, from 1.
    pub(super) line: u32,
    /// Whether a line end follows the record.
    pub(super) ended: bool,
    /// Why the record cannot be used.
    pub(super) fault: Option<Fault>,
}

impl Cells {
    fn reset(&mut self, line: u32) {
        self.bytes.clear();
        self.ends.clear();
        *self =
            Self { bytes: std::mem::take(&mut self.bytes), ends: std::mem::take(&mut self.ends), ..Self::default() };
        self.line = line;
    }

    fn push(&mut self, byte: u8) {
        self.size += 1;
        let cell = self.bytes.len() - self.ends.last().copied().unwrap_or(0);
        if self.size > RECORD_CAP {
            self.fault = Some(Fault::RecordTooLong);
        } else if cell >= CELL_CAP {
            self.fault = self.fault.or(Some(Fault::CellTooLong));
        } else {
            self.bytes.push(byte);
        }
    }

    fn close(&mut self) {
        self.size += 1;
        if self.size > RECORD_CAP {
            self.fault = Some(Fault::RecordTooLong);
        } else {
            self.ends.push(self.bytes.len());
        }
    }

    fn is_too_long(&self) -> bool {
        matches!(self.fault, Some(Fault::CellTooLong | Fault::RecordTooLong))
    }

    /// How many cells there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The text of the cell at `index`.
    pub(super) fn get(&self, index: usize) -> Option<Cow<'_, str>> {
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.bytes.get(start..end).map(String::from_utf8_lossy)
    }

    /// Every cell, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Cow<'_, str>> {
        (0..self.len()).filter_map(|index| self.get(index))
    }

    /// Whether there is nothing in the record but blanks: an empty line, or what a spreadsheet leaves of one.
    pub(super) fn is_blank(&self) -> bool {
        self.fault.is_none() && self.bytes.iter().all(u8::is_ascii_whitespace)
    }

    /// Whether the record ends, without a line end, in a character that was cut in two.
    pub(super) fn is_cut(&self) -> bool {
        !self.ended && self.bytes.ends_with("\u{FFFD}".as_bytes())
    }
}

/// What stood after a cell.
enum Stop {
    Cell,
    Record,
    File,
}

/// Reads records from UTF-8 text.
pub(super) struct Records<R: Read> {
    bytes: Bytes<BufReader<R>>,
    next: Option<u8>,
    delimiter: u8,
    line: u32,
}

impl<R: Read> Records<R> {
    /// Records of `text`, after passing over `skip` lines.
    pub(super) fn new(text: R, delimiter: u8, skip: u32) -> Result<Self, ReadError> {
        let mut bytes = BufReader::with_capacity(CELL_CAP, text).bytes();
        let next = bytes.next().transpose()?;
        let mut records = Self { bytes, next, delimiter, line: 1 };
        while records.line <= skip {
            match records.take()? {
                Some(byte @ (b'\r' | b'\n')) => records.end_line(byte)?,
                Some(_) => {}
                None => break,
            }
        }
        Ok(records)
    }

    /// The line the reader is on.
    pub(super) const fn line(&self) -> u32 {
        self.line
    }

    /// Reads the next record into `cells`; false at the end of the file.
    pub(super) fn read(&mut self, cells: &mut Cells) -> Result<bool, ReadError> {
        cells.reset(self.line);
        if self.next.is_none() {
            return Ok(false);
        }
        loop {
            let stop = if self.next == Some(b'"') { self.quoted(cells)? } else { self.plain(cells)? };
            cells.close();
            match stop {
                Stop::Cell => {}
                Stop::Record => cells.ended = true,
                Stop::File => cells.ended = false,
            }
            if !matches!(stop, Stop::Cell) {
                return Ok(true);
            }
        }
    }

    fn take(&mut self) -> Result<Option<u8>, ReadError> {
        let byte = self.next;
        if byte == Some(0) {
            return Err(ReadError::Nul { line: self.line });
        }
        if byte.is_some() {
            self.next = self.bytes.next().transpose()?;
        }
        Ok(byte)
    }

    fn end_line(&mut self, byte: u8) -> Result<(), ReadError> {
        if byte == b'\r' && self.next == Some(b'\n') {
            self.take()?;
        }
        self.line = self.line.saturating_add(1);
        Ok(())
    }

    fn plain(&mut self, cells: &mut Cells) -> Result<Stop, ReadError> {
        while let Some(byte) = self.take()? {
            match byte {
                _ if byte == self.delimiter => return Ok(Stop::Cell),
                b'\r' | b'\n' => return self.end_line(byte).map(|()| Stop::Record),
                _ => cells.push(byte),
            }
        }
        Ok(Stop::File)
    }

    fn quoted(&mut self, cells: &mut Cells) -> Result<Stop, ReadError> {
        let opened = self.line;
        self.take()?;
        while let Some(byte) = self.take()? {
            match byte {
                b'"' if self.next == Some(b'"') => {
                    self.take()?;
                    cells.push(b'"');
                }
                b'"' => return self.after_quote(opened, cells),
                b'\r' | b'\n' => {
                    self.end_line(byte)?;
                    cells.push(b'\n');
                }
                _ => cells.push(byte),
            }
        }
        Err(ReadError::UnclosedQuote { line: opened })
    }

    /// A cell that went on over lines and ends where no cell ends, or is too long to be one, took rows with it.
    fn after_quote(&mut self, opened: u32, cells: &mut Cells) -> Result<Stop, ReadError> {
        let at_end = matches!(self.next, None | Some(b'\r' | b'\n' | b' ')) || self.next == Some(self.delimiter);
        if self.line > opened && (!at_end || cells.is_too_long()) {
            return Err(ReadError::UnclosedQuote { line: opened });
        }
        if !at_end {
            cells.fault = cells.fault.or(Some(Fault::StrayQuote));
        }
        self.plain(cells)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Read = Vec<(u32, Vec<String>)>;

    fn read(text: &str) -> Result<Read, ReadError> {
        let mut records = Records::new(text.as_bytes(), b',', 0)?;
        let mut cells = Cells::default();
        let mut all = Vec::new();
        while records.read(&mut cells)? {
            all.push((cells.line, cells.iter().map(Cow::into_owned).collect()));
        }
        Ok(all)
    }

    #[test]
    fn every_line_end_counts_a_line_also_inside_quotes() {
        for end in ["\n", "\r\n", "\r"] {
            let text = ["a,b", "\"x", "y\",z", "c,\"d\"\"e\""].join(end);
            let all = read(&text).expect("readable");
            let lines: Vec<_> = all.iter().map(|(line, _)| *line).collect();
            assert_eq!(lines, [1, 2, 4]);
            assert_eq!(all[1].1, ["x\ny", "z"]);
            assert_eq!(all[2].1, ["c", "d\"e"]);
        }
    }

    #[test]
    fn an_unclosed_quote_is_found_on_the_line_where_it_opens() {
        for text in ["a,b\n1,\"2\n3,4\n", "\"a\",\"b\"\n\"1\",\"2\n\"3\",\"4\"\n"] {
            assert!(matches!(read(text), Err(ReadError::UnclosedQuote { line: 2 })), "{text}");
        }
    }

    #[test]
    fn a_quoted_cell_that_swallows_a_long_stretch_of_rows_is_an_unclosed_quote() {
        let text = format!("a,b\n1,\"2\n{}\",3\n", "x,y\n".repeat(20_000));
        assert!(matches!(read(&text), Err(ReadError::UnclosedQuote { line: 2 })));
    }

    #[test]
    fn what_is_too_long_is_dropped_and_marked() {
        let long = "x".repeat(CELL_CAP + 10);
        let wide = "y,".repeat(RECORD_CAP);
        for (text, fault) in [(long, Fault::CellTooLong), (wide, Fault::RecordTooLong)] {
            let mut records = Records::new(text.as_bytes(), b',', 0).expect("opens");
            let mut cells = Cells::default();
            assert!(records.read(&mut cells).expect("reads"));
            assert_eq!(cells.fault, Some(fault));
            assert!(cells.bytes.len() <= RECORD_CAP && cells.ends.len() <= RECORD_CAP);
        }
    }

    #[test]
    fn a_nul_byte_is_refused_with_its_line() {
        assert!(matches!(read("a\nb\0c\n"), Err(ReadError::Nul { line: 2 })));
    }
}
