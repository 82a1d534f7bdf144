//! Records and cells of a delimited file, with the line each began on.
//!
//! RFC 4180, read strictly where leniency would lose rows in silence. The usual readers take everything after an
//! unclosed quote as one cell, count `\n` only, and grow a cell without limit; this one knows on which line a quote
//! opened, takes CR, LF and CRLF as line ends, and drops what lies beyond its limits.
//!
//! A record that is one line, with quotes around whole cells only, is cut as it stands in the buffer; nearly all are.
//! Whatever else a record may be is read byte by byte.
use std::{borrow::Cow, io::Read};

use memchr::{memchr, memchr2};

use super::error::ReadError;

/// The longest cell that is kept.
pub(super) const CELL_CAP: usize = 64 * 1024;
/// The longest record that is kept.
pub(super) const RECORD_CAP: usize = 1024 * 1024;
/// The byte-order mark, which stands in the middle of files that were joined.
const MARK: &[u8] = "\u{FEFF}".as_bytes();
/// Its first byte.
const MARK_FIRST: u8 = 0xEF;
/// Control-Z, which ended files of DOS.
const END_MARK: u8 = 0x1A;
/// What a record of hundred cells takes in memory, or of few long ones.
const USUAL_WEIGHT: usize = 8 * 1024;
/// How much text is held.
const BUFFER: usize = 4 * CELL_CAP;

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
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Cells {
    bytes: Vec<u8>,
    /// Where each cell stands in `bytes`.
    spans: Vec<(usize, usize)>,
    /// Where the cell begins that is being read.
    open: usize,
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
        self.spans.clear();
        (self.open, self.size, self.line, self.ended, self.fault) = (0, 0, line, false, None);
    }

    /// Cuts `record`, a whole one without line ends, at its delimiters; false when a quote is not around a whole cell.
    fn cut(&mut self, record: &[u8], delimiter: u8) -> bool {
        let mut at = 0;
        loop {
            let rest = record.get(at..).unwrap_or_default();
            let (from, to, end) = match rest {
                [b'"', b'"', ..] => (at + 1, at + 1, at + 2),
                [b'"', quoted @ ..] => match memchr(b'"', quoted) {
                    Some(length) => (at + 1, at + 1 + length, at + 2 + length),
                    None => return false,
                },
                _ => {
                    let length = memchr(delimiter, rest).unwrap_or(rest.len());
                    (at, at + length, at + length)
                }
            };
            self.spans.push((from, to));
            match record.get(end) {
                Some(byte) if *byte == delimiter => at = end + 1,
                Some(_) => return false,
                None => break,
            }
        }
        self.bytes.extend_from_slice(record);
        true
    }

    /// Takes the cells of a record that another reader has divided.
    pub(super) fn fill<'a>(&mut self, line: u32, texts: impl Iterator<Item = &'a str>) {
        self.reset(line);
        for text in texts {
            text.bytes().for_each(|byte| self.push(byte));
            self.close();
        }
        self.ended = true;
    }

    fn push(&mut self, byte: u8) {
        self.size += 1;
        if self.size > RECORD_CAP {
            self.fault = Some(Fault::RecordTooLong);
        } else if self.bytes.len() - self.open >= CELL_CAP {
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
            self.spans.push((self.open, self.bytes.len()));
            self.open = self.bytes.len();
        }
    }

    fn is_too_long(&self) -> bool {
        matches!(self.fault, Some(Fault::CellTooLong | Fault::RecordTooLong))
    }

    /// How many bytes of memory the record takes.
    pub(super) const fn weight(&self) -> usize {
        self.bytes.len() + size_of_val(self.spans.as_slice())
    }

    /// Gives back what an unusually long record took.
    pub(super) fn forget_what_is_large(&mut self) {
        if self.bytes.capacity() + self.spans.capacity() * size_of::<(usize, usize)>() > USUAL_WEIGHT {
            *self = Self::default();
        }
    }

    /// How many cells there are.
    pub(super) fn len(&self) -> usize {
        self.spans.len()
    }

    /// The bytes of the cell at `index`.
    pub(super) fn bytes(&self, index: usize) -> Option<&[u8]> {
        let (from, to) = *self.spans.get(index)?;
        self.bytes.get(from..to)
    }

    /// The text of the cell at `index`.
    pub(super) fn get(&self, index: usize) -> Option<Cow<'_, str>> {
        let bytes = self.bytes(index)?;
        // The same as the lossy reading alone, which is slow on text that needs none.
        Some(std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed))
    }

    /// Every cell, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Cow<'_, str>> {
        (0..self.len()).filter_map(|index| self.get(index))
    }

    /// Whether there is nothing in the record but blanks: an empty line, what a spreadsheet leaves of one, or the mark
    /// that old programs end a file with.
    pub(super) fn is_blank(&self) -> bool {
        let is_nothing = |byte: &u8| byte.is_ascii_whitespace() || *byte == END_MARK;
        let is_blank = |index| self.bytes(index).is_none_or(|cell| cell.iter().all(is_nothing));
        self.fault.is_none() && (0..self.len()).all(is_blank)
    }

    /// Whether the record ends, without a line end, in a character that was cut in two.
    pub(super) fn is_cut(&self) -> bool {
        let last = || self.len().checked_sub(1).and_then(|last| self.get(last));
        !self.ended && last().is_some_and(|cell| cell.ends_with('\u{FFFD}'))
    }
}

/// What stood after a cell.
enum Stop {
    Cell,
    Record,
    File,
}

/// Reads records from UTF-8 text.
pub(super) struct Records<R> {
    text: R,
    /// Text from `at` to `end`; what lies outside is used up or not yet there.
    buffer: Vec<u8>,
    at: usize,
    end: usize,
    /// There is no more text than what is held.
    is_all: bool,
    /// There is a NUL in the text held.
    has_nul: bool,
    delimiter: u8,
    line: u32,
}

impl<R: Read> Records<R> {
    /// Records of `text`, after passing over `skip` lines.
    pub(super) fn new(text: R, delimiter: u8, skip: u32) -> Result<Self, ReadError> {
        Self::holding(BUFFER, text, delimiter, skip)
    }

    fn holding(size: usize, text: R, delimiter: u8, skip: u32) -> Result<Self, ReadError> {
        let buffer = vec![0; size];
        let mut records = Self { text, buffer, at: 0, end: 0, is_all: false, has_nul: false, delimiter, line: 1 };
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
        if self.peek()? == Some(MARK_FIRST) {
            self.skip_mark()?;
        }
        if self.peek()?.is_none() {
            return Ok(false);
        }
        if self.read_line(cells)? {
            return Ok(true);
        }
        cells.reset(self.line);
        loop {
            let stop = if self.peek()? == Some(b'"') { self.quoted(cells)? } else { self.plain(cells)? };
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

    fn skip_mark(&mut self) -> Result<(), ReadError> {
        if self.held().len() < MARK.len() {
            self.fill()?;
        }
        if self.held().starts_with(MARK) {
            self.at += MARK.len();
        }
        Ok(())
    }

    /// The quick way: a record that is one line, of no unusual length, with nothing unusual in it. Where it is not,
    /// nothing is used up.
    fn read_line(&mut self, cells: &mut Cells) -> Result<bool, ReadError> {
        let Some((length, end)) = self.next_line()?.filter(|(length, _)| *length <= CELL_CAP && !self.has_nul) else {
            return Ok(false);
        };
        let record = self.buffer.get(self.at..self.at + length).unwrap_or_default();
        if !cells.cut(record, self.delimiter) {
            return Ok(false);
        }
        cells.ended = end > 0;
        self.at += length + end;
        self.line = self.line.saturating_add(u32::from(cells.ended));
        Ok(true)
    }

    /// The length of the line that begins here and of its line end; `None` when it is longer than the buffer.
    fn next_line(&mut self) -> Result<Option<(usize, usize)>, ReadError> {
        loop {
            let held = self.held();
            let found = memchr2(b'\r', b'\n', held);
            match found.and_then(|length| held.get(length..)).map(|rest| (rest.first(), rest.get(1))) {
                Some((Some(b'\r'), Some(b'\n'))) => return Ok(found.map(|length| (length, 2))),
                // Whether a line feed follows is not known yet.
                Some((Some(b'\r'), None)) if !self.is_all => {}
                Some(_) => return Ok(found.map(|length| (length, 1))),
                None if self.is_all => return Ok(Some((held.len(), 0))),
                None => {}
            }
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    fn held(&self) -> &[u8] {
        self.buffer.get(self.at..self.end).unwrap_or_default()
    }

    /// Moves what is held to the front and reads behind it; false when there was neither room nor news.
    fn fill(&mut self) -> Result<bool, ReadError> {
        if self.is_all || (self.at == 0 && self.end == self.buffer.len()) {
            return Ok(false);
        }
        self.buffer.copy_within(self.at..self.end, 0);
        (self.at, self.end) = (0, self.end - self.at);
        while let Some(room) = self.buffer.get_mut(self.end..).filter(|room| !room.is_empty()) {
            match self.text.read(room) {
                Ok(0) => {
                    self.is_all = true;
                    break;
                }
                Ok(count) => self.end += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.has_nul = memchr(0, self.held()).is_some();
        Ok(true)
    }

    fn peek(&mut self) -> Result<Option<u8>, ReadError> {
        if self.at == self.end {
            self.fill()?;
        }
        Ok(self.held().first().copied())
    }

    fn take(&mut self) -> Result<Option<u8>, ReadError> {
        let byte = self.peek()?;
        if byte == Some(0) {
            return Err(ReadError::Nul { line: self.line });
        }
        self.at += usize::from(byte.is_some());
        Ok(byte)
    }

    fn end_line(&mut self, byte: u8) -> Result<(), ReadError> {
        if byte == b'\r' && self.peek()? == Some(b'\n') {
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
                b'"' if self.peek()? == Some(b'"') => {
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
        let next = self.peek()?;
        let at_end = matches!(next, None | Some(b'\r' | b'\n' | b' ')) || next == Some(self.delimiter);
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
#[path = "table_tests.rs"]
mod tests;
