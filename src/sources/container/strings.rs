//! The texts of a workbook: cells share them, by number.
use super::{
    super::error::ReadError,
    error::ContainerError,
    xml::{Node, Xml},
};

/// How much all of them may take. A sheet of a million rows with its own id, name and address on each takes 110 MiB.
const MOST_TEXT: usize = 128 << 20;
/// The most a sheet of a million rows can sensibly share; a text of no length takes memory too.
const MOST_TEXTS: usize = 8 << 20;

/// The texts that cells share, one after the other in one piece of memory.
#[derive(Debug, Default)]
pub(super) struct SharedStrings {
    text: String,
    ends: Vec<u32>,
}

impl SharedStrings {
    /// Reads the part that holds them.
    pub(super) fn read(mut xml: Xml) -> Result<Self, ReadError> {
        let mut strings = Self::default();
        let mut rich = RichText::default();
        loop {
            match xml.next()? {
                Node::Start(element) if element.name() == "si" => rich = RichText::default(),
                Node::Start(element) => rich.start(element.name()),
                Node::End(end) if end.name() == "si" => strings.close()?,
                Node::End(end) => rich.end(end.name()),
                Node::Text(text) if rich.counts() => strings.text.push_str(&text),
                Node::Text(_) | Node::Other => {}
                Node::Eof => return Ok(strings),
            }
            if strings.text.len() > MOST_TEXT {
                return Err(ContainerError::TooMuchText.into());
            }
        }
    }

    fn close(&mut self) -> Result<(), ReadError> {
        let end = u32::try_from(self.text.len()).map_err(|_| ContainerError::TooMuchText)?;
        self.ends.push(end);
        if self.ends.len() > MOST_TEXTS { Err(ContainerError::TooMuchText.into()) } else { Ok(()) }
    }

    /// The text of that number.
    pub(super) fn get(&self, number: usize) -> Option<&str> {
        let end = *self.ends.get(number)? as usize;
        let start = number.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |end| *end as usize);
        self.text.get(start..end)
    }
}

/// Where one is in a text that may have runs of its own looks, and how it is pronounced, which is not part of it.
#[derive(Debug, Default)]
pub(super) struct RichText {
    is_text: bool,
    is_phonetic: bool,
}

impl RichText {
    /// An element begins.
    pub(super) fn start(&mut self, name: &str) {
        match name {
            "t" => self.is_text = true,
            "rPh" => self.is_phonetic = true,
            _ => {}
        }
    }

    /// An element ends.
    pub(super) fn end(&mut self, name: &str) {
        match name {
            "t" => self.is_text = false,
            "rPh" => self.is_phonetic = false,
            _ => {}
        }
    }

    /// Whether text here belongs to the cell.
    pub(super) const fn counts(&self) -> bool {
        self.is_text && !self.is_phonetic
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(xml: &str) -> Result<SharedStrings, ReadError> {
        SharedStrings::read(Xml::new(Box::new(std::io::Cursor::new(xml.as_bytes().to_vec())), "sharedStrings"))
    }

    #[test]
    fn runs_are_joined_and_phonetic_text_is_left_out() {
        let xml = "<sst><si><t>Ada</t></si><si/><si><r><t xml:space=\"preserve\">Z&#x6F;&amp; </t></r><r><rPr><b/></rPr>\
                   <t>o</t></r><rPh sb=\"0\" eb=\"1\"><t>zed</t></rPh></si></sst>";
        let strings = read(xml).expect("readable");
        assert_eq!([0, 1, 2, 3].map(|at| strings.get(at)), [Some("Ada"), Some(""), Some("Zo& o"), None]);
    }

    #[test]
    fn texts_without_end_are_refused_before_they_are_kept() {
        let long = format!("<sst><si><t>{}", "x".repeat(2 << 20));
        assert!(read(&long).expect_err("refused").to_string().contains("no end"));
        let entity = "<!DOCTYPE a [<!ENTITY b \"bbbb\">]><sst><si><t>&b;</t></si></sst>";
        assert!(read(entity).expect_err("refused").to_string().contains("document type"));
        assert!(read("<sst><si><t>&b;</t></si></sst>").expect_err("refused").to_string().contains("entity"));
        assert!(read(&"<a>".repeat(100_000)).expect_err("refused").to_string().contains("deep"));
        assert!(read("<sst><si><t>x").expect_err("refused").to_string().contains("middle"));
    }
}
