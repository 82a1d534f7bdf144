//! Which looks of a workbook's cells show dates.
use std::collections::HashSet;

use super::{
    super::error::ReadError,
    dates::{is_date_code, is_known_date},
    xml::{Node, Xml},
};

/// By the number of a look, whether it shows a date.
#[derive(Debug, Default)]
pub(super) struct Styles {
    dated: Vec<bool>,
}

impl Styles {
    /// Reads the part that holds them.
    pub(super) fn read(mut xml: Xml) -> Result<Self, ReadError> {
        let (mut styles, mut dates, mut others) = (Self::default(), HashSet::new(), HashSet::new());
        let mut is_cells = false;
        loop {
            match xml.next()? {
                Node::Start(element) => match element.name() {
                    "numFmt" => {
                        let number: Option<u32> = element.get("numFmtId").and_then(|text| text.parse().ok());
                        let is_date = element.get("formatCode").is_some_and(|code| is_date_code(&code));
                        if is_date { &mut dates } else { &mut others }.extend(number);
                    }
                    "cellXfs" => is_cells = true,
                    "xf" if is_cells => {
                        let number = element.get("numFmtId").and_then(|text| text.parse().ok()).unwrap_or(0);
                        let is_date = dates.contains(&number) || (is_known_date(number) && !others.contains(&number));
                        styles.dated.push(is_date);
                    }
                    _ => {}
                },
                Node::End(end) if end.name() == "cellXfs" => is_cells = false,
                Node::End(_) | Node::Text(_) | Node::Other => {}
                Node::Eof => return Ok(styles),
            }
        }
    }

    /// Whether the look of that number shows a date.
    pub(super) fn is_date(&self, look: usize) -> bool {
        self.dated.get(look).copied().unwrap_or(false)
    }
}
