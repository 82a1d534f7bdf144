//! From bytes to text: which encoding a file is in, and a reader of it as UTF-8.
//!
//! The rule, first match wins: a byte-order mark says it; NULs at odd places only are UTF-16LE; text that is strictly
//! UTF-8 is UTF-8; everything else is Windows-1252. The whole file is looked at, because one accented name may stand
//! on its last line.
use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use encoding_rs_io::{DecodeReaderBytes, DecodeReaderBytesBuilder};

/// How much is read at a time, and looked at for NULs.
const CHUNK: usize = 64 * 1024;

/// How the text of a file is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without a byte-order mark.
    Utf8,
    /// UTF-16, low byte first: PowerShell's "Unicode".
    Utf16Le,
    /// UTF-16, high byte first.
    Utf16Be,
    /// The old Western European code page of Windows.
    Windows1252,
}

impl Encoding {
    /// The name people know it by.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Utf16Le => "UTF-16LE",
            Self::Utf16Be => "UTF-16BE",
            Self::Windows1252 => "Windows-1252",
        }
    }

    fn codec(self) -> &'static encoding_rs::Encoding {
        match self {
            Self::Utf8 => encoding_rs::UTF_8,
            Self::Utf16Le => encoding_rs::UTF_16LE,
            Self::Utf16Be => encoding_rs::UTF_16BE,
            Self::Windows1252 => encoding_rs::WINDOWS_1252,
        }
    }
}

/// What the bytes of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// Not one byte.
    Empty,
    /// A zip archive, which a workbook is.
    Zip,
    /// Text.
    Text(Encoding),
}

/// Looks at the whole file and says what it is.
pub(super) fn detect(path: &Path) -> io::Result<Content> {
    let mut file = File::open(path)?;
    let mut chunk = Vec::with_capacity(CHUNK);
    fill(&mut file, &mut chunk)?;
    if let Some(content) = by_first_bytes(&chunk) {
        return Ok(content);
    }
    let mut check = Utf8Check::new();
    while !chunk.is_empty() && check.valid {
        check.feed(&chunk);
        fill(&mut file, &mut chunk)?;
    }
    Ok(Content::Text(if check.passed() { Encoding::Utf8 } else { Encoding::Windows1252 }))
}

/// The file as UTF-8, without its byte-order mark; what cannot be decoded reads as U+FFFD.
pub(super) fn reader(path: &Path, encoding: Encoding) -> io::Result<DecodeReaderBytes<File, Vec<u8>>> {
    Ok(DecodeReaderBytesBuilder::new().encoding(Some(encoding.codec())).build(File::open(path)?))
}

fn fill(file: &mut File, chunk: &mut Vec<u8>) -> io::Result<()> {
    chunk.clear();
    file.take(CHUNK as u64).read_to_end(chunk).map(|_| ())
}

fn by_first_bytes(head: &[u8]) -> Option<Content> {
    match head {
        [] => Some(Content::Empty),
        [b'P', b'K', 3, 4, ..] => Some(Content::Zip),
        [0xEF, 0xBB, 0xBF, ..] => Some(Content::Text(Encoding::Utf8)),
        [0xFF, 0xFE, ..] => Some(Content::Text(Encoding::Utf16Le)),
        [0xFE, 0xFF, ..] => Some(Content::Text(Encoding::Utf16Be)),
        _ => has_nuls_at_odd_places(head).then_some(Content::Text(Encoding::Utf16Le)),
    }
}

/// Western text in UTF-16LE has a NUL in most of its odd bytes and in none of its even ones.
fn has_nuls_at_odd_places(head: &[u8]) -> bool {
    let pairs = head.len() / 2;
    let odd = head.iter().skip(1).step_by(2).filter(|byte| **byte == 0).count();
    let even = head.iter().step_by(2).filter(|byte| **byte == 0).count();
    even == 0 && odd > 0 && odd * 2 >= pairs
}

/// Strict UTF-8, checked piece by piece.
struct Utf8Check {
    carry: Vec<u8>,
    valid: bool,
    beyond_ascii: bool,
}

impl Utf8Check {
    const fn new() -> Self {
        Self { carry: Vec::new(), valid: true, beyond_ascii: false }
    }

    fn feed(&mut self, chunk: &[u8]) {
        self.carry.extend_from_slice(chunk);
        let good = match std::str::from_utf8(&self.carry) {
            Ok(text) => text.len(),
            Err(error) => {
                self.valid = error.error_len().is_none();
                error.valid_up_to()
            }
        };
        self.beyond_ascii |= self.carry.drain(..good).any(|byte| !byte.is_ascii());
    }

    /// A character cut off at the very end is still UTF-8 when the text before it had others: the file was cut.
    fn passed(&self) -> bool {
        self.valid && (self.carry.is_empty() || self.beyond_ascii)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn detected(bytes: &[u8]) -> Content {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(bytes).expect("written");
        detect(file.path()).expect("readable")
    }

    #[test]
    fn a_mark_says_the_encoding() {
        assert_eq!(detected(b"\xEF\xBB\xBFa"), Content::Text(Encoding::Utf8));
        assert_eq!(detected(b"\xFF\xFEa\0"), Content::Text(Encoding::Utf16Le));
        assert_eq!(detected(b"\xFE\xFF\0a"), Content::Text(Encoding::Utf16Be));
    }

    #[test]
    fn without_a_mark_the_bytes_say_it() {
        assert_eq!(detected(b""), Content::Empty);
        assert_eq!(detected(b"PK\x03\x04rest"), Content::Zip);
        assert_eq!(detected("Zoë".as_bytes()), Content::Text(Encoding::Utf8));
        assert_eq!(detected(b"Zo\xEB, Ada"), Content::Text(Encoding::Windows1252));
        assert_eq!(detected(b"I\0d\0,\0A\0"), Content::Text(Encoding::Utf16Le));
    }

    #[test]
    fn a_late_accent_and_one_across_two_chunks_are_seen() {
        let mut late = vec![b'a'; CHUNK * 2];
        late.push(0xEB);
        late.push(b'b');
        assert_eq!(detected(&late), Content::Text(Encoding::Windows1252));
        let mut across = vec![b'a'; CHUNK - 1];
        across.extend("ëë".bytes());
        assert_eq!(detected(&across), Content::Text(Encoding::Utf8));
    }

    #[test]
    fn a_character_cut_off_at_the_end_does_not_turn_the_file_into_windows_1252() {
        assert_eq!(detected(b"Zo\xC3\xAB, Se\xC3"), Content::Text(Encoding::Utf8));
    }
}
