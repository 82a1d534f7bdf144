//! What stands in the date columns of a file, counted while its rows are read.
//!
//! A row is rejected at its first unreadable date and tells nothing of the others, so the columns are counted on their
//! own: every row that can be divided into cells, whatever becomes of it. The breaker looks at the counts.
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::dates::BadDate;
use crate::domain::observe::latest_good;

/// What stands in one date column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DateColumn {
    /// The usual name of the column; as printed where it has none.
    pub name: String,
    /// A rule counts from it: it is not blank without a reason.
    pub is_anchor: bool,
    /// Cells counted: one for each row that tells something.
    pub cells: u64,
    /// Of these, blank ones and placeholders.
    pub blank: u64,
    /// Of these, filled ones that are no date, or one more than a day after the file's own day.
    pub bad: u64,
    /// The first row with such a one, by its line in the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_bad: Option<u32>,
}

impl DateColumn {
    /// A column of which nothing is counted yet.
    pub(super) fn new(name: &str, is_anchor: bool) -> Self {
        Self { name: name.to_owned(), is_anchor, cells: 0, blank: 0, bad: 0, first_bad: None }
    }
}

/// What a date cell was counted as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// Nothing, or a placeholder.
    Blank,
    /// A date that the file can know.
    Good,
    /// A date more than a day after the file's own day.
    Ahead,
    /// No date.
    Bad,
}

/// Counts the date columns of one file.
#[derive(Debug)]
pub struct Census {
    columns: Vec<DateColumn>,
    /// The last day that the file can know.
    latest: Date,
}

impl Census {
    /// Nothing counted yet, of a file that describes `as_of`.
    pub(super) fn new(columns: Vec<DateColumn>, as_of: Date) -> Self {
        Self { columns, latest: latest_good(as_of) }
    }

    /// Counts one cell of the column at `index` in the row on `line`, and says what it was counted as.
    pub(super) fn see(&mut self, index: usize, line: u32, date: Result<Option<Date>, BadDate>) -> Seen {
        let seen = match date {
            Ok(None) => Seen::Blank,
            Ok(Some(day)) if day <= self.latest => Seen::Good,
            Ok(Some(_)) => Seen::Ahead,
            Err(BadDate) => Seen::Bad,
        };
        if let Some(column) = self.columns.get_mut(index) {
            column.cells += 1;
            column.blank += u64::from(seen == Seen::Blank);
            if matches!(seen, Seen::Ahead | Seen::Bad) {
                column.bad += 1;
                column.first_bad.get_or_insert(line);
            }
        }
        seen
    }

    /// The counts, in the order of the format's columns.
    #[must_use]
    pub fn into_columns(self) -> Vec<DateColumn> {
        self.columns
    }
}
