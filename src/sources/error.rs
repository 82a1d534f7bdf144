//! What can go wrong with a file, in words an operator can act on.
//!
//! [`ReadError`] refuses a whole file; [`Rejected`] refuses one row and lets the rest load. Neither holds more of a
//! cell than is needed to find it again.
use std::{fmt, io};

use thiserror::Error;

use super::container::ContainerError;

/// Why a file is refused as a whole. Every message says what is wrong, where, and what to do about it.
#[derive(Debug, Error)]
pub enum ReadError {
    /// A header and nothing below it, or no row that can be read.
    #[error("{}", no_rows(*rows, first.as_deref()))]
    NoRows {
        /// How many rows there are.
        rows: u64,
        /// Where the first one is that cannot be read, and why; `None` when all are passed over.
        first: Option<String>,
    },
    /// A report of Microsoft 365 that hides who is who.
    #[error(
        "{concealed} of its {rows} user names are concealed; in the Microsoft 365 admin centre, under Org settings, \
         Reports, switch off concealed names, and export it again"
    )]
    Concealed {
        /// Rows with a code in place of the user name.
        concealed: u64,
        /// All rows.
        rows: u64,
    },
    /// The file cannot be opened or read.
    #[error("the file cannot be read, {0}; check that it is still there and that the service may read it")]
    Io(#[source] io::Error),
    /// Not a file.
    #[error("it is {what}, not a file; put the export itself in its place")]
    NotAFile {
        /// What it is.
        what: &'static str,
    },
    /// It is packed in a way, or holds more, than can be read.
    #[error(transparent)]
    Container(#[from] ContainerError),
    /// The second reading found another file than the first.
    #[error("line {line}: the file changed while it was read; copy it again and wait until the copy is whole")]
    Changed {
        /// Line on which it was noticed.
        line: u32,
    },
    /// Nothing but blank lines.
    #[error("the file is empty; export it again and wait until the download has finished")]
    Empty,
    /// HTML or XML, which a browser saves where it should have saved an export.
    #[error(
        "it is a web page or an XML file and not an export, as when a log-in has run out; log in again where it came from \
         and download it once more"
    )]
    WebPage,
    /// HTML or XML that was made to open in Excel.
    #[error(
        "it is a web page (or XML) made to open in Excel, whatever its name says; open it there and save the sheet as \
         \"CSV UTF-8\" or .xlsx"
    )]
    DressedUp,
    /// What PowerShell shows on the screen, saved as a file.
    #[error(
        "line {line}: this is what PowerShell shows on the screen, not data, and long values in it are cut off; send the objects \
         to a file instead: … | Export-Csv export.csv -NoTypeInformation -Encoding utf8"
    )]
    Screen {
        /// Line that shows it.
        line: u32,
    },
    /// No column says whom a row is about.
    #[error("line {line}: no column tells whom a row is about; export it again with {wanted}")]
    NobodyNamed {
        /// Line of the header.
        line: u32,
        /// The columns of which one must be there.
        wanted: String,
    },
    /// Graph's answer to a question it does not answer.
    #[error(
        "line {line}: this is an error that Graph answered with, and no export; its \"message\" says what was missing, \
         often a permission; mend that and ask again"
    )]
    GraphError {
        /// Line on which it begins.
        line: u32,
    },
    /// No format has these columns.
    #[error(
        "no known export has these columns: {seen}. {}{known}. Match the columns or take the file away",
        one_column(seen)
    )]
    UnknownHeader {
        /// The first headers, as printed.
        seen: String,
        /// The formats it is nearest to, each with the headers it is recognised by, or all that there are.
        known: String,
    },
    /// An export that is known, without the column that would make it of use.
    #[error("line {line}: {remedy}")]
    Lacking {
        /// Line of the header.
        line: u32,
        /// What it lacks, and how to get that.
        remedy: &'static str,
    },
    /// `Format-Table | Export-Csv` wrote layout objects instead of data.
    #[error(
        "line {line}: the columns (ClassId2e4f51…) are PowerShell's screen layout, not data; take Format-Table or \
         Format-List out of the command, use Select-Object, and export again"
    )]
    FormatTable {
        /// Line of the header.
        line: u32,
    },
    /// Two columns of one name.
    #[error("line {line}: the column \"{column}\" is there twice; delete one of the two and export again")]
    HeaderTwice {
        /// Line of the header.
        line: u32,
        /// The header as printed.
        column: String,
    },
    /// A quote that is never closed, or closed in the middle of a later line.
    #[error(
        "line {line}: a quote opens here and is not closed where a cell ends; close it or, if the file was copied only \
         in part, copy it again"
    )]
    UnclosedQuote {
        /// Line on which the cell opens.
        line: u32,
    },
    /// The end of the file is missing.
    #[error("line {line}: the file stops in the middle of a record; it was copied only in part, copy it again")]
    HalfCopied {
        /// Line on which the file ends.
        line: u32,
    },
    /// Days and months are in two orders.
    #[error(
        "line {day_line} has the day first ({day_text}), line {month_line} the month first ({month_text}); one file \
         has one order of dates, export it again on one machine or write the dates as 2026-11-21"
    )]
    MixedDates {
        /// A line on which only day-first makes a date.
        day_line: u32,
        /// Its date as printed.
        day_text: String,
        /// A line on which only month-first makes a date.
        month_line: u32,
        /// Its date as printed.
        month_text: String,
    },
    /// A NUL byte in text.
    #[error("line {line}: there is a NUL byte in the text; the file is damaged or not text, export it again as UTF-8")]
    Nul {
        /// Line of the byte.
        line: u32,
    },
    /// GOV.UK's bank holidays, which are not loaded but named in the configuration.
    #[error(
        "this is GOV.UK's list of bank holidays{holds}, not an export of accounts; keep it outside the inbox and name \
         it in policy.bank_holidays of the configuration"
    )]
    BankHolidays {
        /// The days it holds, in words.
        holds: String,
    },
    /// JSON without objects, or none that can be read.
    #[error(
        "line {line}: no record is an object with named properties; export the users as objects, as Graph writes them"
    )]
    NoObjects {
        /// Line of the first record.
        line: u32,
    },
    /// Not well-formed JSON.
    #[error("line {line}, column {column}: the JSON is broken ({reason}); export the file again")]
    Json {
        /// Line of the fault.
        line: usize,
        /// Column of the fault.
        column: usize,
        /// The parser's words.
        reason: String,
    },
}

impl From<io::Error> for ReadError {
    /// A refusal travels through readers as an input error, and is itself again here.
    fn from(error: io::Error) -> Self {
        error.downcast().unwrap_or_else(Self::Io)
    }
}

/// Why a header may have come out as one column.
fn one_column(seen: &str) -> &'static str {
    if seen.matches('|').count() > 1 {
        "They are divided by | which is not read: export it with commas. "
    } else if seen.matches("\", \"").count() == 0 && seen.contains([',', ';', '\t']) {
        "It is one column: each line stands in quotes as a whole, take these away. "
    } else {
        ""
    }
}

fn no_rows(rows: u64, first: Option<&str>) -> String {
    match (rows, first) {
        (0, _) => "it has no rows: export it again".to_owned(),
        (_, Some(first)) => format!("none of its {rows} rows can be read ({first}): export it again"),
        (_, None) => format!("none of its {rows} rows says anything that is kept: export it again"),
    }
}

/// One row that is not loaded, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Line on which the row begins, from 1.
    pub line: u32,
    /// The column at fault, as printed in the header.
    pub column: Option<String>,
    /// What is wrong, in words.
    pub reason: String,
    /// There is a code in place of the user name.
    pub is_concealed: bool,
}

impl Rejected {
    /// A row at fault as a whole.
    pub(super) fn row(line: u32, reason: impl Into<String>) -> Self {
        Self { line, column: None, reason: reason.into(), is_concealed: false }
    }

    /// A row at fault in one column.
    pub(super) fn cell(line: u32, column: &str, reason: impl Into<String>) -> Self {
        Self { line, column: Some(column.to_owned()), reason: reason.into(), is_concealed: false }
    }

    /// The same, of a row that hides who it is about, if it does.
    pub(super) fn concealing(self, is_concealed: bool) -> Self {
        Self { is_concealed, ..self }
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.column {
            Some(column) => write!(f, "line {}, {column}: {}", self.line, self.reason),
            None => write!(f, "line {}: {}", self.line, self.reason),
        }
    }
}
