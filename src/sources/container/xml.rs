//! XML of a workbook's part, an event at a time, with a bound on everything that could grow.
//!
//! The quick-xml crate keeps one event whole in memory, as long as it is: so no event may be longer than
//! [`MOST_EVENT`]. It expands no entities; the five that XML has are put in here, and a document type, in which others
//! could be made, is refused. Elements are told by their local names: both editions of the format, whatever their
//! prefixes, read alike.
use std::{
    borrow::Cow,
    io::{self, BufRead, BufReader, Read},
};

use quick_xml::{
    Reader,
    escape::{resolve_predefined_entity, unescape},
    events::{BytesEnd, BytesRef, BytesStart, Event},
};

use super::{
    super::{cells, error::ReadError},
    error::ContainerError,
};

/// The longest event: a cell holds at most 32,767 characters.
const MOST_EVENT: usize = 1 << 20;
/// How deep elements may lie in each other; the format needs about ten.
const MOST_DEPTH: usize = 64;

/// What comes next in a part.
pub(super) enum Node<'a> {
    /// An element begins.
    Start(Element<'a>),
    /// An element ends.
    End(Ending<'a>),
    /// Text, or a piece of it.
    Text(Cow<'a, str>),
    /// Nothing that matters: a comment, an instruction.
    Other,
    /// The part ends.
    Eof,
}

/// The beginning of an element.
pub(super) struct Element<'a>(BytesStart<'a>);

/// The end of an element.
pub(super) struct Ending<'a>(BytesEnd<'a>);

impl Element<'_> {
    /// Its name without a prefix.
    pub(super) fn name(&self) -> &str {
        self.0.local_name().into_inner()
    }

    /// The attribute of that name without a prefix; `None` when it is not there or cannot be read.
    pub(super) fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut attributes = self.0.attributes();
        // Checking for doubles takes a time that grows with the square of their number.
        let mut found = attributes.with_checks(false).filter_map(Result::ok);
        let attribute = found.find(|attribute| attribute.key.local_name().into_inner() == name)?;
        match attribute.value {
            Cow::Borrowed(value) => unescape(value).ok(),
            Cow::Owned(value) => unescape(&value).ok().map(|value| Cow::Owned(value.into_owned())),
        }
    }

    /// Whether an attribute says yes.
    pub(super) fn is(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| matches!(&*value, "1" | "true" | "on"))
    }
}

impl Ending<'_> {
    /// Its name without a prefix.
    pub(super) fn name(&self) -> &str {
        self.0.local_name().into_inner()
    }
}

/// Reads one part.
pub(super) struct Xml {
    reader: Reader<Fuse>,
    buffer: Vec<u8>,
    depth: usize,
    part: String,
}

impl Xml {
    /// Reads the part called `part` from `bytes`.
    pub(super) fn new(bytes: Box<dyn Read + Send>, part: &str) -> Self {
        let inner = BufReader::with_capacity(64 * 1024, bytes);
        let mut reader = Reader::from_reader(Fuse { inner, left: MOST_EVENT });
        reader.config_mut().expand_empty_elements = true;
        Self { reader, buffer: Vec::new(), depth: 0, part: part.to_owned() }
    }

    /// A refusal of the part.
    pub(super) fn broken(&self, why: impl Into<String>) -> ReadError {
        broken(&self.part, why)
    }

    /// What comes next.
    pub(super) fn next(&mut self) -> Result<Node<'_>, ReadError> {
        self.buffer.clear();
        self.reader.get_mut().left = MOST_EVENT;
        match self.reader.read_event_into(&mut self.buffer).map_err(|error| fault(error, &self.part))? {
            Event::Start(start) => {
                self.depth += 1;
                match self.depth {
                    ..=MOST_DEPTH => Ok(Node::Start(Element(start))),
                    _ => Err(broken(&self.part, format!("elements lie more than {MOST_DEPTH} deep in each other"))),
                }
            }
            Event::End(end) => {
                self.depth = self.depth.saturating_sub(1);
                Ok(Node::End(Ending(end)))
            }
            Event::Text(text) => Ok(Node::Text(text.into_inner())),
            Event::CData(text) => Ok(Node::Text(text.into_inner())),
            Event::GeneralRef(name) => referred(&name)
                .map(Node::Text)
                .ok_or_else(|| broken(&self.part, "it refers to an entity that XML does not have")),
            Event::DocType(_) => Err(broken(&self.part, "it has a document type, which no spreadsheet program writes")),
            Event::Eof if self.depth > 0 => Err(broken(&self.part, "it ends in the middle")),
            Event::Eof => Ok(Node::Eof),
            Event::Comment(_) | Event::PI(_) | Event::Decl(_) | Event::Empty(_) => Ok(Node::Other),
        }
    }
}

fn referred(name: &BytesRef) -> Option<Cow<'static, str>> {
    match name.resolve_char_ref() {
        Ok(Some(letter)) => Some(Cow::Owned(letter.to_string())),
        Ok(None) => resolve_predefined_entity(name).map(Cow::Borrowed),
        Err(_) => None,
    }
}

/// The refusal of a part of a workbook. Its name stands in the workbook, and a parser quotes what it read: neither may
/// move a cursor.
pub(super) fn broken(part: &str, why: impl Into<String>) -> ReadError {
    let clean = |text: &str| cells::word(text).unwrap_or_default();
    ContainerError::Xml { part: clean(part), why: clean(&why.into()) }.into()
}

fn fault(error: quick_xml::Error, part: &str) -> ReadError {
    let quick_xml::Error::Io(error) = error else { return broken(part, error.to_string()) };
    match std::sync::Arc::try_unwrap(error) {
        Ok(error) if error.kind() == io::ErrorKind::FileTooLarge => broken(part, "a cell or an element has no end"),
        Ok(error) => error.into(),
        Err(shared) => io::Error::new(shared.kind(), shared.to_string()).into(),
    }
}

/// Gives way after so many bytes, until it is mended.
struct Fuse {
    inner: BufReader<Box<dyn Read + Send>>,
    left: usize,
}

impl Read for Fuse {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.inner.read(into)
    }
}

impl BufRead for Fuse {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 { Err(io::ErrorKind::FileTooLarge.into()) } else { self.inner.fill_buf() }
    }

    fn consume(&mut self, bytes: usize) {
        self.left = self.left.saturating_sub(bytes);
        self.inner.consume(bytes);
    }
}
