//! From bytes to text: which encoding a file is in, and a reader of it as UTF-8.
//!
//! The rule, first match wins: a byte-order mark says it; NULs at odd places only are UTF-16LE, at even
//! ones UTF-16BE; text that is strictly UTF-8 is UTF-8; everything else is Windows-1252. One accented name may stand on the last line, so a file without
//! a mark is taken for UTF-8 and checked while it is read; one that proves to be none is begun again.
use std::{
    error::Error,
    fmt,
    io::{self, Read},
};

use encoding_rs_io::DecodeReaderBytesBuilder;

use super::input::Input;

/// How much is looked at for a mark and for NULs.
const HEAD: u64 = 64 * 1024;
/// UTF-8's byte-order mark.
const MARK: &[u8] = b"\xEF\xBB\xBF";

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
    /// Text.
    Text(Encoding),
}

/// Looks at the beginning of a file and says what it is; that it is UTF-8 is only a guess where no mark says so.
pub(super) fn guess(input: &Input) -> io::Result<Content> {
    let mut head = Vec::new();
    input.bytes()?.take(HEAD).read_to_end(&mut head)?;
    Ok(by_first_bytes(&head).unwrap_or(Content::Text(Encoding::Utf8)))
}

/// `bytes` as UTF-8 without a byte-order mark.
///
/// UTF-8 goes through as it is. With a mark it may hold anything; without one, the reader fails as soon as something
/// is not UTF-8 ([`is_not_utf8`]). In every other encoding what cannot be decoded reads as U+FFFD.
pub(super) fn text<'a>(mut bytes: impl Read + Send + 'a, encoding: Encoding) -> io::Result<Box<dyn Read + Send + 'a>> {
    if encoding != Encoding::Utf8 {
        return Ok(Box::new(DecodeReaderBytesBuilder::new().encoding(Some(encoding.codec())).build(bytes)));
    }
    let mut head = Vec::with_capacity(MARK.len());
    bytes.by_ref().take(MARK.len() as u64).read_to_end(&mut head)?;
    if head == MARK {
        return Ok(Box::new(bytes));
    }
    Ok(Box::new(Checked { text: io::Cursor::new(head).chain(bytes), cut: Vec::new(), has_whole: false }))
}

/// Whether reading failed because text that was taken for UTF-8 is none.
pub(super) fn is_not_utf8(error: &io::Error) -> bool {
    matches!(error.get_ref(), Some(inner) if inner.is::<NotUtf8>())
}

/// Text that was taken for UTF-8 is none.
#[derive(Debug)]
struct NotUtf8;

impl fmt::Display for NotUtf8 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the text is not UTF-8")
    }
}

impl Error for NotUtf8 {}

fn by_first_bytes(head: &[u8]) -> Option<Content> {
    match head {
        [] => Some(Content::Empty),
        _ if head.starts_with(MARK) => Some(Content::Text(Encoding::Utf8)),
        [0xFF, 0xFE, ..] => Some(Content::Text(Encoding::Utf16Le)),
        [0xFE, 0xFF, ..] => Some(Content::Text(Encoding::Utf16Be)),
        _ => by_nuls(head).map(Content::Text),
    }
}

/// Western text in UTF-16LE has a NUL in most of its odd bytes and in none of its even ones; in UTF-16BE it is the other
/// way round.
fn by_nuls(head: &[u8]) -> Option<Encoding> {
    let pairs = head.len() / 2;
    let count = |first| head.iter().skip(first).step_by(2).filter(|byte| **byte == 0).count();
    match (count(0), count(1)) {
        (0, odd @ 1..) if odd * 2 >= pairs => Some(Encoding::Utf16Le),
        (even @ 1.., 0) if even * 2 >= pairs => Some(Encoding::Utf16Be),
        _ => None,
    }
}

/// Text that is strictly UTF-8, checked piece by piece on its way through.
struct Checked<R> {
    text: R,
    /// The beginning of a character whose rest is in the next piece.
    cut: Vec<u8>,
    /// There was a whole character beyond ASCII.
    has_whole: bool,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.text.read(buffer)?;
        let piece = buffer.get(..count).unwrap_or_default();
        let is_good = if count == 0 && !buffer.is_empty() { self.may_end() } else { self.check(piece) };
        if is_good { Ok(count) } else { Err(io::Error::new(io::ErrorKind::InvalidData, NotUtf8)) }
    }
}

impl<R> Checked<R> {
    fn check(&mut self, mut piece: &[u8]) -> bool {
        while let Some((first, rest)) = piece.split_first().filter(|_| !self.cut.is_empty()) {
            self.cut.push(*first);
            piece = rest;
            match std::str::from_utf8(&self.cut) {
                Ok(_) => {
                    self.cut.clear();
                    self.has_whole = true;
                }
                Err(error) if error.error_len().is_some() => return false,
                Err(_) => {}
            }
        }
        let checked = std::str::from_utf8(piece);
        let (good, cut) = match &checked {
            Ok(_) => (piece, Default::default()),
            Err(error) => piece.split_at(error.valid_up_to()),
        };
        self.has_whole = self.has_whole || !good.is_ascii();
        self.cut.extend(cut);
        checked.map_or_else(|error| error.error_len().is_none(), |_| true)
    }

    /// A character cut off at the very end is still UTF-8 when the text before it had others: the file was cut.
    fn may_end(&self) -> bool {
        self.cut.is_empty() || self.has_whole
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn guessed(bytes: &[u8]) -> Content {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(bytes).expect("written");
        guess(&Input::open(file.path()).expect("a file")).expect("readable")
    }

    /// Gives a few bytes at a time.
    struct Dribble<'a>(&'a [u8], usize);

    impl Read for Dribble<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let most = buffer.len().min(self.1);
            self.0.read(&mut buffer[..most])
        }
    }

    /// Reads text taken for UTF-8 in steps of every size; `None` when it is none.
    fn utf8(bytes: &[u8]) -> Option<Vec<u8>> {
        let read = |step| {
            let mut read = Vec::new();
            match text(Dribble(bytes, step), Encoding::Utf8).expect("opens").read_to_end(&mut read) {
                Ok(_) => Some(read),
                Err(error) => is_not_utf8(&error).then_some(None).expect("no other reason"),
            }
        };
        let whole = read(usize::MAX);
        for step in [1, 2, 3, 7] {
            assert_eq!(read(step), whole, "in steps of {step}");
        }
        whole
    }

    #[test]
    fn a_mark_says_the_encoding() {
        assert_eq!(guessed(b"\xEF\xBB\xBFa"), Content::Text(Encoding::Utf8));
        assert_eq!(guessed(b"\xFF\xFEa\0"), Content::Text(Encoding::Utf16Le));
        assert_eq!(guessed(b"\xFE\xFF\0a"), Content::Text(Encoding::Utf16Be));
    }

    #[test]
    fn without_a_mark_the_bytes_say_it() {
        assert_eq!(guessed(b""), Content::Empty);
        assert_eq!(guessed("Zoë".as_bytes()), Content::Text(Encoding::Utf8));
        assert_eq!(guessed(b"I\0d\0,\0A\0"), Content::Text(Encoding::Utf16Le));
        assert_eq!(guessed(b"\0I\0d\0,\0A"), Content::Text(Encoding::Utf16Be));
        assert_eq!(guessed(b"I\0d\0\0,\0A"), Content::Text(Encoding::Utf8));
    }

    #[test]
    fn utf8_goes_through_without_its_mark_and_what_is_none_is_found_wherever_it_stands() {
        assert_eq!(utf8("Zoë, 漢字 🙂".as_bytes()).as_deref(), Some("Zoë, 漢字 🙂".as_bytes()));
        assert_eq!(utf8(b"\xEF\xBB\xBFZo\xEB").as_deref(), Some(&b"Zo\xEB"[..]), "a mark is believed");
        assert_eq!(utf8(b"").as_deref(), Some(&b""[..]));
        for bad in [&b"Zo\xEB, Ada"[..], b"\xEB", b"Zo\xEB", b"Zo\xC3\xAB Zo\xEB Zo", b"\xED\xA0\x80", b"\xEF\xBBx"] {
            assert_eq!(utf8(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_character_cut_off_at_the_end_does_not_turn_the_file_into_windows_1252() {
        assert_eq!(utf8(b"Zo\xC3\xAB, Se\xC3").as_deref(), Some(&b"Zo\xC3\xAB, Se\xC3"[..]));
    }
}
