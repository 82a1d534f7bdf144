//! The bytes of a JSON file one after the other, with the line and the column they stand on.
use std::io::{ErrorKind, Read};

use crate::sources::error::ReadError;

/// How much is read at a time.
const CHUNK: usize = 64 * 1024;

/// A place in a file, both from 1; columns count bytes of the text as UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) line: u32,
    pub(super) column: u64,
}

impl Spot {
    /// The beginning.
    pub(super) const START: Self = Self { line: 1, column: 1 };

    /// The refusal of a file that is broken here.
    pub(super) fn broken(self, reason: impl Into<String>) -> ReadError {
        let (line, column) = (self.line as usize, usize::try_from(self.column).unwrap_or(usize::MAX));
        ReadError::Json { line, column, reason: reason.into() }
    }

    /// The place `text` leads to from here. CR, LF and CRLF end a line.
    pub(super) fn after(mut self, text: &[u8]) -> Self {
        let mut before = 0;
        for byte in text {
            self.pass(*byte, before);
            before = *byte;
        }
        self
    }

    const fn pass(&mut self, byte: u8, before: u8) {
        match (byte, before) {
            (b'\n', b'\r') => self.column = 1,
            (b'\n' | b'\r', _) => {
                self.line = self.line.saturating_add(1);
                self.column = 1;
            }
            _ => self.column += 1,
        }
    }
}

/// A text that is read byte by byte.
pub(super) struct Text<R> {
    from: R,
    chunk: Box<[u8]>,
    at: usize,
    end: usize,
    before: u8,
    spot: Spot,
}

impl<R: Read> Text<R> {
    /// Nothing read yet.
    pub(super) fn new(from: R) -> Self {
        let chunk = vec![0; CHUNK].into_boxed_slice();
        Self { from, chunk, at: 0, end: 0, before: 0, spot: Spot::START }
    }

    /// Where the next byte stands.
    pub(super) const fn spot(&self) -> Spot {
        self.spot
    }

    /// The next byte, which stays; `None` at the end.
    pub(super) fn peek(&mut self) -> Result<Option<u8>, ReadError> {
        if self.at == self.end {
            self.fill()?;
        }
        match self.chunk.get(self.at).copied().filter(|_| self.at < self.end) {
            Some(0) => Err(ReadError::Nul { line: self.spot.line }),
            byte => Ok(byte),
        }
    }

    /// Takes the next byte.
    pub(super) fn take(&mut self) -> Result<Option<u8>, ReadError> {
        let byte = self.peek()?;
        if let Some(byte) = byte {
            self.at += 1;
            self.spot.pass(byte, self.before);
            self.before = byte;
        }
        Ok(byte)
    }

    /// Takes the bytes up to one that `stops`, as far as they are at hand. It must stop at NUL and at line ends.
    pub(super) fn run(&mut self, stops: impl Fn(u8) -> bool) -> Result<&[u8], ReadError> {
        self.peek()?;
        let held = self.chunk.get(self.at..self.end).unwrap_or_default();
        let length = held.iter().position(|byte| stops(*byte)).unwrap_or(held.len());
        let run = held.get(..length).unwrap_or_default();
        if let Some(last) = run.last() {
            self.at += length;
            self.spot.column += length as u64;
            self.before = *last;
        }
        Ok(run)
    }

    /// The refusal of a file that ends where it should not.
    pub(super) const fn stops(&self) -> ReadError {
        ReadError::HalfCopied { line: self.spot.line }
    }

    fn fill(&mut self) -> Result<(), ReadError> {
        self.at = 0;
        self.end = loop {
            match self.from.read(&mut self.chunk) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        Ok(())
    }
}
