//! One object as text, and what its brackets say.
use serde::de::IgnoredAny;

use super::text::Spot;
use crate::sources::{error::ReadError, table::RECORD_CAP};

/// The deepest nesting that is read, which is as deep as `serde_json` goes.
const DEEPEST: u32 = 127;
/// Why a longer one is not read.
const TOO_LONG: &str = "the record is longer than 1 MiB";

/// One object, or whatever stands in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// The text; not all of it where there is a fault.
    pub(super) text: Vec<u8>,
    /// Where it begins.
    pub(super) spot: Spot,
    /// Why it cannot be read.
    pub(super) fault: Option<&'static str>,
}

impl Piece {
    /// Nothing yet.
    pub(super) const fn new() -> Self {
        Self { text: Vec::new(), spot: Spot::START, fault: None }
    }

    /// Nothing any more, at another place.
    pub(super) fn begin(&mut self, spot: Spot) {
        self.text.clear();
        (self.spot, self.fault) = (spot, None);
    }

    /// Adds a byte, up to the limit.
    pub(super) fn push(&mut self, byte: u8) {
        if self.text.len() < RECORD_CAP {
            self.text.push(byte);
        } else {
            self.fault = Some(TOO_LONG);
        }
    }

    /// Adds bytes, up to the limit.
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        let room = RECORD_CAP.saturating_sub(self.text.len());
        self.text.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        if bytes.len() > room {
            self.fault = Some(TOO_LONG);
        }
    }

    /// How many bytes stand before a fault that the parser found.
    pub(super) fn before(&self, fault: &serde_json::Error) -> usize {
        let lines = self.text.split_inclusive(|byte| *byte == b'\n').take(fault.line().saturating_sub(1));
        lines.map(<[u8]>::len).sum::<usize>() + fault.column().saturating_sub(1)
    }

    /// The place in the file of the byte at `at`.
    pub(super) fn spot_at(&self, at: usize) -> Spot {
        self.spot.after(self.text.get(..at).unwrap_or(&self.text))
    }
}

/// The parser's words, without the place in the text of one object.
pub(super) fn words_of(fault: &serde_json::Error) -> String {
    fault.to_string().split(" at line ").next().unwrap_or_default().to_owned()
}

/// Where an object that never ends goes wrong for the first time. `None` when it only lacks its end.
pub(super) fn first_fault(piece: &Piece) -> Option<ReadError> {
    let fault = serde_json::from_slice::<IgnoredAny>(&piece.text).err()?;
    (!fault.is_eof()).then(|| piece.spot_at(piece.before(&fault)).broken(words_of(&fault)))
}

/// The brackets that are open.
#[derive(Debug, Default)]
pub(super) struct Nesting {
    depth: u32,
    /// The kinds of the innermost ones that are read, one bit each.
    lists: u128,
}

impl Nesting {
    /// How many are open.
    pub(super) const fn depth(&self) -> u32 {
        self.depth
    }

    /// Whether more are open than is read.
    pub(super) const fn is_too_deep(&self) -> bool {
        self.depth > DEEPEST
    }

    /// Takes a byte that is in no string into account; false when it closes what is not open. The kinds of those that
    /// are too deep are not kept.
    pub(super) const fn pass(&mut self, byte: u8) -> bool {
        match byte {
            b'{' | b'[' => {
                self.depth = self.depth.saturating_add(1);
                if !self.is_too_deep() {
                    self.lists = self.lists << 1 | (byte == b'[') as u128;
                }
                true
            }
            b'}' | b']' if self.is_too_deep() => {
                self.depth -= 1;
                true
            }
            b'}' | b']' => {
                let fits = self.depth > 0 && (self.lists & 1 == 1) == (byte == b']');
                self.lists >>= 1;
                self.depth = self.depth.saturating_sub(1);
                fits
            }
            _ => true,
        }
    }
}
