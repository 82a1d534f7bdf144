//! What stands in cells and cannot be read, though their rows can: errors of a spreadsheet, words that nobody knows.
//!
//! Such a value counts as blank, which does no harm to what was known before. But a file in which many have gone wrong
//! must not pass for a good one, so every cell is counted, and the first ones are named.
use std::fmt;

use serde::{Deserialize, Serialize};

use super::cells;

/// How many different texts are named of one column.
const NAMED: usize = 3;

/// What could not be read in one column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// The column, as printed in the header.
    pub column: String,
    /// Why.
    pub why: Why,
    /// What such a cell is taken as.
    pub taken_as: String,
    /// How many cells.
    pub cells: u64,
    /// The first ones that differ.
    pub first: Vec<UnreadCell>,
}

/// Why a cell cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// A spreadsheet could not reckon it, and says so in its place.
    SpreadsheetError,
    /// A word that nobody knows in this column.
    UnknownWord,
}

/// One cell that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreadCell {
    /// Line on which its row begins, from 1.
    pub line: u32,
    /// The beginning of its text, fit for a terminal.
    pub text: String,
}

impl Unread {
    /// The same without a word of what stands in the file, for the log.
    #[must_use]
    pub fn without_texts(&self) -> String {
        let first = self.first.first().map_or_else(String::new, |cell| format!(", the first on line {}", cell.line));
        format!("{}{first}", self.count())
    }

    fn count(&self) -> String {
        let Self { column, why, taken_as, cells, .. } = self;
        let what = match (why, cells) {
            (Why::SpreadsheetError, 1) => "error of a spreadsheet",
            (Why::SpreadsheetError, _) => "errors of a spreadsheet",
            (Why::UnknownWord, 1) => "word that is not known",
            (Why::UnknownWord, _) => "words that are not known",
        };
        format!("{column}: {cells} {what}, taken as {taken_as}")
    }
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.count())?;
        for (at, cell) in self.first.iter().enumerate() {
            let sign = if at == 0 { ':' } else { ',' };
            write!(f, "{sign} \"{}\" (line {})", cell.text, cell.line)?;
        }
        if self.cells > self.first.len() as u64 { f.write_str(" …") } else { Ok(()) }
    }
}

/// Counts one cell on `line`, with `text` in it.
pub(super) fn see(found: &mut Vec<Unread>, column: &str, (why, taken_as): (Why, &str), line: u32, text: &str) {
    let at = found.iter().position(|unread| unread.column == column && unread.why == why);
    let at = at.unwrap_or_else(|| {
        let (column, taken_as) = (column.to_owned(), taken_as.to_owned());
        found.push(Unread { column, why, taken_as, cells: 0, first: Vec::new() });
        found.len() - 1
    });
    let Some(unread) = found.get_mut(at) else { return };
    unread.cells += 1;
    if unread.first.len() < NAMED {
        let text = cells::excerpt(text);
        if unread.first.iter().all(|cell| cell.text != text) {
            unread.first.push(UnreadCell { line, text });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_is_counted_and_the_first_that_differ_are_named() {
        let mut found = Vec::new();
        for (line, text) in [(2, "Robot"), (3, "Robot"), (5, "a\u{1b}[31m"), (7, "Ghost"), (9, "Golem")] {
            see(&mut found, "MailboxType", (Why::UnknownWord, "blank"), line, text);
        }
        see(&mut found, "LastLogIn", (Why::SpreadsheetError, "blank"), 4, "#N/A");
        assert_eq!(
            found.iter().map(ToString::to_string).collect::<Vec<_>>(),
            [
                "MailboxType: 5 words that are not known, taken as blank: \"Robot\" (line 2), \"a[31m\" (line 5), \
                 \"Ghost\" (line 7) …",
                "LastLogIn: 1 error of a spreadsheet, taken as blank: \"#N/A\" (line 4)",
            ]
        );
        assert_eq!(
            found.iter().map(Unread::without_texts).collect::<Vec<_>>(),
            [
                "MailboxType: 5 words that are not known, taken as blank, the first on line 2",
                "LastLogIn: 1 error of a spreadsheet, taken as blank, the first on line 4",
            ]
        );
    }
}
