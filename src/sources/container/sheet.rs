//! The rows of one sheet, as the bytes of a CSV file with a line for every row.
//!
//! So everything that reads tables reads sheets too, and its line numbers are the numbers at the sheet's left edge:
//! rows that are not there are empty lines, and a line end in a cell becomes a blank. Cells that are left out at the end
//! of a row are put there as blanks. One row is in memory at a time.
use std::{
    borrow::Cow,
    io::{self, Read},
    sync::Arc,
};

use super::{
    super::{cells, error::ReadError},
    dates::{Epoch, iso},
    strings::{RichText, SharedStrings},
    styles::Styles,
    xml::{Element, Node, Xml},
};

/// The last row that a sheet can have.
const LAST_ROW: u32 = 1_048_576;
/// The last column, XFD.
const LAST_COLUMN: usize = 16_384;
/// Of a cell so much is handed on: more than the reader of tables keeps, so that it sees and says it.
const MOST_CELL: usize = 128 * 1024;
/// Of a row so much is handed on, for the same reason.
const MOST_ROW: usize = 2 << 20;

/// What an error is handed on as that says nothing of itself.
const ERROR: &str = "#ERROR!";

/// What the cells of a sheet refer to.
#[derive(Debug, Clone)]
pub(super) struct Lookup {
    pub(super) strings: Arc<SharedStrings>,
    pub(super) styles: Arc<Styles>,
    pub(super) epoch: Epoch,
}

/// Reads a sheet as CSV.
pub(super) struct SheetReader {
    xml: Xml,
    lookup: Lookup,
    line: Vec<u8>,
    given: usize,
    /// The last row that was written.
    row: u32,
    /// How many cells a row has at least: as many as the header.
    width: usize,
    is_done: bool,
}

impl SheetReader {
    /// Reads the sheet in `xml`, whose header has `width` cells.
    pub(super) const fn new(xml: Xml, lookup: Lookup, width: usize) -> Self {
        Self { xml, lookup, line: Vec::new(), given: 0, row: 0, width, is_done: false }
    }

    /// Writes the next row; none at the end of the sheet.
    fn next_row(&mut self) -> Result<(), ReadError> {
        loop {
            match self.xml.next()? {
                Node::Start(element) if element.name() == "row" => {
                    let number = element.get("r").map(|text| text.parse::<u32>());
                    return self.row(number.transpose().map_err(|_| ()));
                }
                Node::Eof => {
                    self.is_done = true;
                    return Ok(());
                }
                Node::Start(_) | Node::End(_) | Node::Text(_) | Node::Other => {}
            }
        }
    }

    fn row(&mut self, number: Result<Option<u32>, ()>) -> Result<(), ReadError> {
        let number = number.map(|number| number.unwrap_or(self.row.saturating_add(1)));
        let Ok(number @ 1..=LAST_ROW) = number else {
            return Err(self.xml.broken(format!("the row after row {} has a number that no sheet has", self.row)));
        };
        if number <= self.row {
            return Err(self.xml.broken(format!("row {number} comes after row {}", self.row)));
        }
        let passed = number - self.row - 1;
        self.line.extend(std::iter::repeat_n(b'\n', passed as usize));
        self.row = number;
        let begins = self.line.len();
        let cells = self.cells(begins)?;
        if cells > 0 {
            self.line.extend(std::iter::repeat_n(b',', self.width.saturating_sub(cells)));
        }
        self.line.push(b'\n');
        Ok(())
    }

    /// Writes the cells of a row; how many there are up to the last that is not blank.
    fn cells(&mut self, begins: usize) -> Result<usize, ReadError> {
        let (mut next, mut written, mut text) = (0, 0, String::new());
        loop {
            match self.xml.next()? {
                Node::Start(element) if element.name() == "c" => {
                    let cell = Cell::of(&element);
                    let at = match element.get("r") {
                        Some(name) => column(&name).filter(|at| *at >= next),
                        None => Some(next).filter(|at| *at < LAST_COLUMN),
                    };
                    let Some(at) = at else {
                        let why = format!("row {} has a cell that is out of order or beyond column XFD", self.row);
                        return Err(self.xml.broken(why));
                    };
                    next = at + 1;
                    text.clear();
                    Cell::read(&mut self.xml, &mut text)?;
                    let text = cell.shown(&text, &self.lookup).ok_or_else(|| {
                        self.xml.broken(format!("row {} refers to a text that is not there", self.row))
                    })?;
                    if !text.trim().is_empty() && self.line.len() - begins < MOST_ROW {
                        self.line.extend(std::iter::repeat_n(b',', if written == 0 { at } else { next - written }));
                        written = next;
                        push_quoted(&mut self.line, &text);
                    }
                }
                Node::End(end) if end.name() == "row" => return Ok(written),
                Node::Eof => return Ok(written),
                Node::Start(_) | Node::End(_) | Node::Text(_) | Node::Other => {}
            }
        }
    }
}

impl Read for SheetReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.given == self.line.len() && !self.is_done {
            self.line.clear();
            self.given = 0;
            self.next_row().map_err(io::Error::other)?;
        }
        let read = self.line.get(self.given..).unwrap_or_default().read(into)?;
        self.given += read;
        Ok(read)
    }
}

/// What a cell holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    Number,
    Shared,
    Text,
    Boolean,
    Error,
}

/// What the beginning of a cell says.
struct Cell {
    holds: Holds,
    look: usize,
}

impl Cell {
    fn of(element: &Element) -> Self {
        let holds = match element.get("t").as_deref() {
            None | Some("n") => Holds::Number,
            Some("s") => Holds::Shared,
            Some("b") => Holds::Boolean,
            Some("e") => Holds::Error,
            Some(_) => Holds::Text,
        };
        Self { holds, look: element.get("s").and_then(|text| text.parse().ok()).unwrap_or(0) }
    }

    /// Collects the cell's value, not its formula.
    fn read(xml: &mut Xml, text: &mut String) -> Result<(), ReadError> {
        let (mut rich, mut is_value) = (RichText::default(), false);
        loop {
            match xml.next()? {
                Node::Start(element) if element.name() == "v" => is_value = true,
                Node::Start(element) => rich.start(element.name()),
                Node::End(end) if end.name() == "c" => return Ok(()),
                Node::End(end) if end.name() == "v" => is_value = false,
                Node::End(end) => rich.end(end.name()),
                Node::Text(piece) if (is_value || rich.counts()) && text.len() < MOST_CELL => text.push_str(&piece),
                Node::Text(_) | Node::Other => {}
                Node::Eof => return Ok(()),
            }
        }
    }

    /// The cell as a person sees it; `None` when it refers to a text that is not there.
    fn shown<'a>(&self, text: &'a str, lookup: &'a Lookup) -> Option<Cow<'a, str>> {
        match self.holds {
            Holds::Error if cells::is_error(text.trim()) => Some(text.into()),
            Holds::Error => Some(ERROR.into()),
            Holds::Text => Some(unescaped(text)),
            Holds::Boolean if text.trim() == "1" => Some("TRUE".into()),
            Holds::Boolean if text.trim() == "0" => Some("FALSE".into()),
            Holds::Boolean => Some(text.into()),
            Holds::Shared if text.trim().is_empty() => Some("".into()),
            Holds::Shared => lookup.strings.get(text.trim().parse().ok()?).map(unescaped),
            Holds::Number => Some(number(text.trim(), lookup.styles.is_date(self.look), lookup.epoch)),
        }
    }
}

/// A number: a date where the cell shows one, and without the noise of a computer's fractions where it is whole.
fn number(text: &str, is_date: bool, epoch: Epoch) -> Cow<'_, str> {
    let Some(value) = text.parse::<f64>().ok().filter(|value| value.is_finite()) else { return text.into() };
    if let Some(date) = Some(value).filter(|_| is_date).and_then(|days| iso(days, epoch)) {
        return date.into();
    }
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    if is_plain { text.into() } else { value.to_string().into() }
}

/// The place of a cell's column, from 0: `C5` is 2.
fn column(name: &str) -> Option<usize> {
    let letters = name.bytes().take_while(u8::is_ascii_alphabetic);
    let place =
        letters.take(4).fold(0, |place, letter| place * 26 + usize::from(letter.to_ascii_uppercase() - b'A') + 1);
    (1..=LAST_COLUMN).contains(&place).then(|| place - 1)
}

/// A text with the letters that XML cannot hold, which spreadsheets write as `_x000D_`.
fn unescaped(text: &str) -> Cow<'_, str> {
    let mut pieces = text.split("_x");
    let Some(first) = pieces.next().filter(|first| first.len() < text.len()) else { return text.into() };
    let mut whole = first.to_owned();
    for piece in pieces {
        let code = piece.get(..5).and_then(|code| code.strip_suffix('_'));
        let code = code.filter(|code| code.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let letter = code.and_then(|code| u32::from_str_radix(code, 16).ok()).and_then(char::from_u32);
        if let (Some(letter), Some(rest)) = (letter, piece.get(5..)) {
            whole.push(letter);
            whole.push_str(rest);
        } else {
            whole.push_str("_x");
            whole.push_str(piece);
        }
    }
    whole.into()
}

fn push_quoted(line: &mut Vec<u8>, text: &str) {
    line.push(b'"');
    let (kept, _) = text.split_at(text.floor_char_boundary(MOST_CELL));
    for byte in kept.bytes() {
        match byte {
            b'"' => line.extend(b"\"\""),
            b'\r' | b'\n' => line.push(b' '),
            byte => line.push(byte),
        }
    }
    line.push(b'"');
}
