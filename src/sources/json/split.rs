//! Cuts the text of a JSON file into its objects, one at a time.
//!
//! Graph answers with `{"@odata.context": …, "value": […]}`; people join such pages to one file, take the list out of
//! them, or write an object a line; PowerShell writes a list of one as that one. What stands around the objects is
//! understood here and held to the grammar. What is inside one is not: an object is what stands between a brace and
//! the one that closes it, so that a bad one costs one row.
//!
//! Nothing is held but the object at hand, up to a limit, and nothing here calls itself.
use std::io::Read;

use super::{
    pages::{Page, Pages},
    piece::{Nesting, Piece, first_fault},
    text::{Spot, Text},
};
use crate::sources::{error::ReadError, header::normalise};

/// How much is kept of a key, or of a word about the page.
const WORD_CAP: usize = 4 * 1024;
/// The byte-order mark, which stands in the middle of files that were joined.
const MARK: &[u8] = "\u{FEFF}".as_bytes();
/// Its first byte.
const MARK_FIRST: u8 = 0xEF;
/// Keys that a person has and a page has not.
const OF_A_PERSON: [&str; 4] = ["id", "userprincipalname", "mail", "displayname"];

/// What is open around the object at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Frame {
    /// A list outside any envelope; its objects may be envelopes themselves.
    Bare { is_fresh: bool, is_page: bool },
    /// The list of an envelope.
    Value { is_fresh: bool },
    /// The one object that stands where an envelope's list should.
    Lone,
    /// An envelope whose list is behind us.
    Envelope,
}

/// Cuts objects out of a text.
pub(super) struct Splitter<R> {
    text: Text<R>,
    frames: Vec<Frame>,
    page: Page,
    pages: Pages,
    /// The document before was one object, as where they are written a line each.
    is_lines: bool,
}

impl<R: Read> Splitter<R> {
    /// Nothing read yet.
    pub(super) fn new(from: R) -> Self {
        let text = Text::new(from);
        Self { text, frames: Vec::new(), page: Page::default(), pages: Pages::default(), is_lines: false }
    }

    /// What was said around the objects so far.
    pub(super) const fn pages(&self) -> Pages {
        self.pages
    }

    /// Where the reader is.
    pub(super) const fn spot(&self) -> Spot {
        self.text.spot()
    }

    /// Reads the next object, or whatever stands in its place, into `piece`; false at the end of the file.
    pub(super) fn read(&mut self, piece: &mut Piece) -> Result<bool, ReadError> {
        loop {
            let behind = self.spot().line;
            self.skip_blanks()?;
            let is_one = match self.frames.pop() {
                None if self.text.peek()?.is_none() => return Ok(false),
                None => self.document(piece, behind)?,
                Some(Frame::Lone) => self.value(piece)?,
                Some(Frame::Envelope) => self.member(piece)?,
                Some(list) => self.element(piece, list)?,
            };
            if is_one {
                return Ok(true);
            }
        }
    }

    /// What begins outside everything; what is there before it ends on the line `behind`.
    fn document(&mut self, piece: &mut Piece, behind: u32) -> Result<bool, ReadError> {
        let was_lines = std::mem::take(&mut self.is_lines);
        match self.text.peek()? {
            Some(b'{') if self.is_envelope(piece)? => Ok(false),
            Some(b'{') => {
                self.pages.count(self.page);
                self.is_lines = true;
                Ok(true)
            }
            Some(b'[') => {
                self.text.take()?;
                self.frames.push(Frame::Bare { is_fresh: true, is_page: false });
                Ok(false)
            }
            // What is torn goes on where it was, or with the signs between values.
            Some(byte) if was_lines && self.spot().line > behind && !matches!(byte, b']' | b'}' | b',' | b':') => {
                self.stray(piece)
            }
            Some(b',') => Err(self.spot().broken("objects with commas between them belong into [ and ]")),
            _ => Err(self.spot().broken("neither an object nor a list begins here")),
        }
    }

    /// Takes a line that is no object to be one bad record: of objects written a line each, another line may be anything.
    fn stray(&mut self, piece: &mut Piece) -> Result<bool, ReadError> {
        self.is_lines = true;
        piece.begin(self.spot());
        while self.text.peek()?.is_some_and(|byte| !matches!(byte, b'\r' | b'\n')) {
            piece.extend(self.text.run(|byte| matches!(byte, 0 | b'\r' | b'\n'))?);
        }
        Ok(true)
    }

    /// The next element of a list.
    fn element(&mut self, piece: &mut Piece, list: Frame) -> Result<bool, ReadError> {
        let is_fresh = matches!(list, Frame::Bare { is_fresh: true, .. } | Frame::Value { is_fresh: true });
        if self.text.peek()? == Some(b']') {
            self.text.take()?;
            return Ok(false);
        }
        if !is_fresh {
            self.expect(b',', "expected `,` or `]`")?;
        }
        let Frame::Bare { is_page, .. } = list else {
            self.frames.push(Frame::Value { is_fresh: false });
            return self.value(piece);
        };
        let at = self.frames.len();
        self.frames.push(Frame::Bare { is_fresh: false, is_page });
        if self.text.peek()? != Some(b'{') {
            return self.value(piece);
        }
        if self.is_envelope(piece)? {
            return Ok(false);
        }
        if let Some(list) = self.frames.get_mut(at).filter(|_| !is_page) {
            *list = Frame::Bare { is_fresh: false, is_page: true };
            self.pages.count(Page::default());
        }
        Ok(true)
    }

    /// What follows the list of an envelope: another member, or the end.
    fn member(&mut self, piece: &mut Piece) -> Result<bool, ReadError> {
        if self.text.peek()? == Some(b'}') {
            self.text.take()?;
            self.pages.count(self.page);
            return Ok(false);
        }
        self.expect(b',', "expected `,` or `}`")?;
        self.frames.push(Frame::Envelope);
        let spot = self.spot();
        piece.begin(spot);
        match self.text.peek()? {
            Some(b'"') => {}
            None => return Err(self.text.stops()),
            Some(_) => return Err(spot.broken("expected a key in quotes")),
        }
        let key = normalise(&self.word(piece)?);
        self.skip_blanks()?;
        self.expect(b':', "expected `:`")?;
        if key == "value" {
            return Err(spot.broken("the key \"value\" is there twice"));
        }
        piece.begin(self.spot());
        self.about_page(&key, piece)?;
        Ok(false)
    }

    /// Takes `byte` and the blanks after it.
    fn expect(&mut self, byte: u8, or: &str) -> Result<(), ReadError> {
        match self.text.peek()? {
            Some(next) if next == byte => self.text.take()?,
            Some(_) => return Err(self.spot().broken(or)),
            None => return Err(self.text.stops()),
        };
        self.skip_blanks()
    }

    fn skip_blanks(&mut self) -> Result<(), ReadError> {
        while let Some(byte) = self.text.peek()? {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => _ = self.text.take()?,
                _ if self.frames.is_empty() && byte == MARK_FIRST => self.skip_mark()?,
                _ => break,
            }
        }
        Ok(())
    }

    fn skip_mark(&mut self) -> Result<(), ReadError> {
        let spot = self.spot();
        for byte in MARK {
            if self.text.take()? != Some(*byte) {
                return Err(spot.broken("neither an object nor a list begins here"));
            }
        }
        Ok(())
    }

    /// Reads the value of an envelope's key, which may tell of the page.
    fn about_page(&mut self, key: &str, piece: &mut Piece) -> Result<(), ReadError> {
        if self.text.peek()? != Some(b'"') {
            return self.inside(piece, &mut Nesting::default());
        }
        let word = self.word(piece)?;
        match key {
            "odatacontext" => self.page.is_deleted = word.to_lowercase().contains("deleteditems"),
            "odatanextlink" => self.page.is_linked = !word.trim().is_empty(),
            _ => {}
        }
        Ok(())
    }

    /// Reads an object whole, or up to the list in it that makes it an envelope.
    fn is_envelope(&mut self, piece: &mut Piece) -> Result<bool, ReadError> {
        self.page = Page::default();
        piece.begin(self.spot());
        let mut nesting = Nesting::default();
        self.step(piece, &mut nesting)?;
        let list = match self.list_in(piece, &mut nesting) {
            Ok(list) => list,
            Err(error) => return Err(first_fault(piece).unwrap_or(error)),
        };
        match list {
            Some(list) => self.frames.extend([Frame::Envelope, list]),
            None => self.rest(piece, &mut nesting)?,
        }
        Ok(list.is_some())
    }

    /// Reads members up to the list that makes the object an envelope. `None` when there is none in sight: the rest is
    /// then between braces, whatever it is.
    fn list_in(&mut self, piece: &mut Piece, nesting: &mut Nesting) -> Result<Option<Frame>, ReadError> {
        let (mut is_person, mut is_plain) = (false, true);
        loop {
            self.blanks(piece)?;
            if self.text.peek()? != Some(b'"') {
                return Ok(None);
            }
            let word = self.word(piece)?;
            let key = normalise(&word);
            self.blanks(piece)?;
            if self.text.peek()? != Some(b':') {
                return Ok(None);
            }
            self.step(piece, nesting)?;
            self.blanks(piece)?;
            let next = self.text.peek()?;
            if key == "value" && next == Some(b'{') && is_plain {
                return Ok(Some(Frame::Lone));
            }
            if key == "value" && next == Some(b'[') && !is_person {
                self.step(piece, nesting)?;
                self.blanks(piece)?;
                let is_list = is_plain || matches!(self.text.peek()?, Some(b'{' | b']'));
                return Ok(is_list.then_some(Frame::Value { is_fresh: true }));
            }
            is_person |= OF_A_PERSON.contains(&key.as_str());
            is_plain &= word.starts_with('@') || key == "count";
            self.about_page(&key, piece)?;
            self.blanks(piece)?;
            if self.text.peek()? != Some(b',') {
                return Ok(None);
            }
            self.step(piece, nesting)?;
        }
    }

    /// Reads one value whole.
    fn value(&mut self, piece: &mut Piece) -> Result<bool, ReadError> {
        piece.begin(self.spot());
        self.inside(piece, &mut Nesting::default())?;
        Ok(true)
    }

    fn inside(&mut self, piece: &mut Piece, nesting: &mut Nesting) -> Result<(), ReadError> {
        match self.text.peek()? {
            Some(b'{' | b'[') => {
                let outer = nesting.depth();
                self.step(piece, nesting)?;
                self.down_to(outer, piece, nesting)
            }
            Some(b'"') => self.string(piece, |_| {}),
            _ => self.scalar(piece),
        }
    }

    /// Reads on until everything that was opened is closed.
    fn rest(&mut self, piece: &mut Piece, nesting: &mut Nesting) -> Result<(), ReadError> {
        self.down_to(0, piece, nesting)
    }

    fn down_to(&mut self, depth: u32, piece: &mut Piece, nesting: &mut Nesting) -> Result<(), ReadError> {
        while nesting.depth() > depth {
            piece.extend(self.text.run(|byte| matches!(byte, 0..=b'\x1F' | b'"' | b'{' | b'}' | b'[' | b']'))?);
            let read = match self.text.peek()? {
                Some(b'"') => self.string(piece, |_| {}),
                Some(_) => self.step(piece, nesting),
                None => Err(self.text.stops()),
            };
            read.map_err(|error| first_fault(piece).unwrap_or(error))?;
        }
        Ok(())
    }

    /// Takes one byte that is in no string.
    fn step(&mut self, piece: &mut Piece, nesting: &mut Nesting) -> Result<(), ReadError> {
        let spot = self.spot();
        let Some(byte) = self.text.take()? else { return Err(self.text.stops()) };
        if !nesting.pass(byte) {
            return Err(spot.broken("this bracket does not close what is open"));
        }
        if nesting.is_too_deep() {
            piece.fault = Some("the record is nested deeper than 127 levels");
        }
        piece.push(byte);
        Ok(())
    }

    fn blanks(&mut self, piece: &mut Piece) -> Result<(), ReadError> {
        while let Some(byte @ (b' ' | b'\t' | b'\r' | b'\n')) = self.text.peek()? {
            self.text.take()?;
            piece.push(byte);
        }
        Ok(())
    }

    /// Reads a number or a word, however it is spelt.
    fn scalar(&mut self, piece: &mut Piece) -> Result<(), ReadError> {
        let spot = self.spot();
        while let Some(byte) = self.text.peek()? {
            if matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',' | b':' | b'"' | b'[' | b']' | b'{' | b'}') {
                break;
            }
            self.text.take()?;
            piece.push(byte);
        }
        match self.text.peek()? {
            None => Err(self.text.stops()),
            Some(_) if self.spot() == spot => Err(spot.broken("expected a value")),
            Some(_) => Ok(()),
        }
    }

    /// Reads a string and says what it means, as far as it is short.
    fn word(&mut self, piece: &mut Piece) -> Result<String, ReadError> {
        let mut raw = Vec::new();
        self.string(piece, |bytes| {
            let room = WORD_CAP.saturating_sub(raw.len());
            raw.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        })?;
        let short = || String::from_utf8_lossy(&raw).trim_matches('"').to_owned();
        Ok(serde_json::from_slice(&raw).unwrap_or_else(|_| short()))
    }

    /// Reads a string with its quotes. It cannot go over the end of a line: that is what a lost quote looks like.
    fn string(&mut self, piece: &mut Piece, mut see: impl FnMut(&[u8])) -> Result<(), ReadError> {
        let spot = self.spot();
        let (mut opened, mut escaped) = (false, false);
        loop {
            if opened && !escaped {
                let run = self.text.run(|byte| matches!(byte, 0..=b'\x1F' | b'"' | b'\\'))?;
                piece.extend(run);
                see(run);
            }
            match self.text.peek()? {
                None => return Err(self.text.stops()),
                Some(b'\r' | b'\n') => return Err(spot.broken("the quote that opens here is not closed on its line")),
                Some(byte) => {
                    self.text.take()?;
                    piece.push(byte);
                    see(&[byte]);
                    if byte == b'"' && opened && !escaped {
                        return Ok(());
                    }
                    escaped = byte == b'\\' && !escaped;
                    opened = true;
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "split_tests.rs"]
mod tests;
