//! The breaker: what a run would do and what its exports look like, held against what is usual (domain rule 19).
//!
//! A bad export must not frighten ten thousand people. Each check looks at numbers alone and either says nothing or
//! gives one [`Trip`] with the numbers it saw. It reads no file and holds nothing back itself: the run that asked does.

use std::fmt;

use jiff::civil::Date;

use super::{
    snapshot::Source,
    words::{day_in_full, thousands},
};

/// From when on a run is held. Shares are from 0 to 1, and "more than" means more than.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Whether anything is looked at at all.
    pub enabled: bool,
    /// New episodes for more than this share of all subjects ...
    pub max_new_share: f64,
    /// ... and for at least this many of them.
    pub min_new: u64,
    /// A list with more than this share of its rows, or of its subjects, gone.
    pub max_row_drop: f64,
    /// More than this share of what is filled in a date column cannot be read or believed; also how far the share of
    /// its blanks may rise, and which share of a file's user names may be concealed.
    pub max_bad_dates: f64,
}

/// A file as its operator knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name, without its folder.
    pub name: String,
    /// What kind of export it is.
    pub source: Source,
    /// The day it describes.
    pub as_of: Date,
}

impl fmt::Display for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\" ({}, {})", self.name, self.source.title(), day_in_full(self.as_of))
    }
}

/// What stands in one date column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cells {
    /// Cells there are, one for each row that can be divided into cells.
    pub all: u64,
    /// Of these, blank ones; a placeholder such as 1 January 1601 is blank.
    pub blank: u64,
    /// Of these, filled ones that are no date, or one more than a day after the file's own day.
    pub bad: u64,
}

impl Cells {
    const fn filled(self) -> u64 {
        self.all.saturating_sub(self.blank)
    }

    const fn is_blank(self) -> bool {
        self.all > 0 && self.blank >= self.all
    }
}

/// One date column of a snapshot, beside the same column of the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DateColumn {
    /// The header as printed.
    pub name: String,
    /// A rule counts from it, or from the latest of it: it is not blank without a reason.
    pub is_anchor: bool,
    /// What stands in it.
    pub cells: Cells,
    /// What stood in it before; `None` when there was no such column.
    pub before: Option<Cells>,
    /// The line of the first filled cell that is no date to be believed.
    pub first_bad: Option<u32>,
}

/// What a file looks like beside the snapshot of its source before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vitals {
    /// The snapshot's file.
    pub file: File,
    /// Rows in it.
    pub rows: u64,
    /// Rows in the one before; `None` for the first of its source.
    pub rows_before: Option<u64>,
    /// Subjects that the one before listed; 0 for a source that lists none.
    pub listed_before: u64,
    /// Of these, subjects that this one leaves out. Another tenant's export has as many rows, but other people.
    pub gone: u64,
    /// Its date columns.
    pub dates: Vec<DateColumn>,
    /// Slash dates are read day first; `None` without slash dates.
    pub day_first: Option<bool>,
    /// How they were read in the one before.
    pub day_first_before: Option<bool>,
    /// Rows whose user name is concealed: a code in its place.
    pub concealed: u64,
}

/// Why a run is held, with what was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trip {
    /// The run would open episodes for too many subjects.
    TooManyNew {
        /// Subjects with an episode that would open.
        opening: u64,
        /// All subjects.
        subjects: u64,
    },
    /// A list has lost too many rows.
    RowsFell {
        /// Which.
        file: File,
        /// Its rows.
        rows: u64,
        /// Rows of the one before.
        before: u64,
    },
    /// Too many subjects are gone from a list: it may be another tenant's.
    OtherSubjects {
        /// Which.
        file: File,
        /// Subjects it leaves out.
        gone: u64,
        /// Subjects that the one before listed.
        listed_before: u64,
    },
    /// Too much of a date column cannot be read, or lies in the future.
    DatesUnreadable {
        /// In which file.
        file: File,
        /// In which column.
        column: String,
        /// Filled cells that hold no date to be believed.
        bad: u64,
        /// Filled cells.
        filled: u64,
        /// The line of the first bad one.
        first: Option<u32>,
    },
    /// A date column that a rule counts from is blank, or far blanker than before.
    DatesBlank {
        /// In which file.
        file: File,
        /// In which column.
        column: String,
        /// What stands in it.
        cells: Cells,
        /// What stood in it before.
        before: Option<Cells>,
    },
    /// Days and months have changed places since the file before.
    DateOrderChanged {
        /// In which file.
        file: File,
        /// The day stands first now.
        day_first: bool,
    },
    /// The export hides who is who.
    NamesConcealed {
        /// Which.
        file: File,
        /// Rows with a code in place of the user name.
        concealed: u64,
        /// All rows.
        rows: u64,
    },
}

impl Trip {
    /// The word in the store, in JSON and in the log.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::TooManyNew { .. } => "too_many_new",
            Self::RowsFell { .. } => "rows_fell",
            Self::OtherSubjects { .. } => "other_subjects",
            Self::DatesUnreadable { .. } => "dates_unreadable",
            Self::DatesBlank { .. } => "dates_blank",
            Self::DateOrderChanged { .. } => "date_order_changed",
            Self::NamesConcealed { .. } => "names_concealed",
        }
    }
}

/// One or two plain sentences for the operator: what was seen, in which file.
impl fmt::Display for Trip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyNew { opening, subjects } => {
                let (opening, subjects) = (thousands(*opening), thousands(*subjects));
                write!(f, "This run would start new warnings for {opening} of {subjects} accounts and mailboxes.")
            }
            Self::RowsFell { file, rows, before } => {
                write!(f, "{file} has {} rows. The one before had {}.", thousands(*rows), thousands(*before))
            }
            Self::OtherSubjects { file, gone, listed_before } => {
                let (gone, listed) = (thousands(*gone), thousands(*listed_before));
                write!(f, "{file} leaves out {gone} of {listed} accounts that were listed before. ")?;
                f.write_str("It may be another organisation's.")
            }
            Self::DatesUnreadable { file, column, bad, filled, first } => {
                let (bad, filled) = (thousands(*bad), thousands(*filled));
                write!(f, "{file} has bad dates. In {column}, {bad} of {filled} cannot be read or are in the future.")?;
                first.map_or(Ok(()), |line| write!(f, " The first is on line {line}."))
            }
            Self::DatesBlank { file, column, cells, before } => write_blank(f, file, column, *cells, *before),
            Self::DateOrderChanged { file, day_first } => {
                let (now, before) = if *day_first { ("day", "month") } else { ("month", "day") };
                write!(f, "{file} writes the {now} first. The one before wrote the {before} first.")
            }
            Self::NamesConcealed { file, concealed, rows } => {
                let (concealed, rows) = (thousands(*concealed), thousands(*rows));
                write!(f, "{file} conceals {concealed} of {rows} user names. ")?;
                f.write_str("Switch that off in the Microsoft 365 admin centre, and export it again.")
            }
        }
    }
}

fn write_blank(
    f: &mut fmt::Formatter<'_>,
    file: &File,
    column: &str,
    cells: Cells,
    before: Option<Cells>,
) -> fmt::Result {
    if cells.is_blank() {
        return write!(f, "{file} has no dates. {column} is blank in all {} rows.", thousands(cells.all));
    }
    let (blank, all) = (thousands(cells.blank), thousands(cells.all));
    write!(f, "{file} has {blank} blanks among {all} cells of {column}.")?;
    let Some(before) = before else { return Ok(()) };
    write!(f, " The one before had {} among {}.", thousands(before.blank), thousands(before.all))
}

/// Holds what a run would do, or a file that somebody wants loaded, against the limits.
///
/// - `opening`: subjects for which the run would open an episode; `subjects`: all of them.
/// - Every check stands alone, so one bad file may give several reasons. Nothing trips while the breaker is off.
#[must_use]
pub fn check(limits: &Limits, opening: u64, subjects: u64, vitals: &[Vitals]) -> Vec<Trip> {
    if !limits.enabled {
        return Vec::new();
    }
    let run = check_new(limits, opening, subjects);
    run.into_iter().chain(vitals.iter().flat_map(|vitals| check_snapshot(limits, vitals))).collect()
}

/// More than the share, and at least so many.
fn check_new(limits: &Limits, opening: u64, subjects: u64) -> Option<Trip> {
    let trips = opening >= limits.min_new && share(opening, subjects) > limits.max_new_share;
    trips.then_some(Trip::TooManyNew { opening, subjects })
}

fn check_snapshot(limits: &Limits, vitals: &Vitals) -> impl Iterator<Item = Trip> {
    let whole =
        [check_rows(limits, vitals), check_subjects(limits, vitals), check_order(vitals), check_names(limits, vitals)];
    let unreadable = vitals.dates.iter().filter_map(|column| check_readable(limits, &vitals.file, column));
    let blank = vitals.dates.iter().filter_map(|column| check_filled(limits, &vitals.file, column));
    whole.into_iter().flatten().chain(unreadable).chain(blank)
}

/// Rows fell by more than the share. A row of a list of sends is one send: a quiet week is no bad export.
fn check_rows(limits: &Limits, vitals: &Vitals) -> Option<Trip> {
    let before = vitals.rows_before.filter(|_| vitals.file.source != Source::Sends)?;
    let lost = before.saturating_sub(vitals.rows);
    let trips = share(lost, before) > limits.max_row_drop;
    trips.then(|| Trip::RowsFell { file: vitals.file.clone(), rows: vitals.rows, before })
}

/// More than the share of those listed before are not listed any more.
fn check_subjects(limits: &Limits, vitals: &Vitals) -> Option<Trip> {
    let Vitals { gone, listed_before, .. } = *vitals;
    let trips = share(gone, listed_before) > limits.max_row_drop;
    trips.then(|| Trip::OtherSubjects { file: vitals.file.clone(), gone, listed_before })
}

/// Both orders can be read, but who changed one may have changed more; a file that settles no order is read wrongly.
fn check_order(vitals: &Vitals) -> Option<Trip> {
    let day_first = vitals.day_first?;
    let trips = vitals.day_first_before.is_some_and(|before| before != day_first);
    trips.then(|| Trip::DateOrderChanged { file: vitals.file.clone(), day_first })
}

/// The setting that conceals names is the whole tenant's, so one odd cell is not it.
fn check_names(limits: &Limits, vitals: &Vitals) -> Option<Trip> {
    let Vitals { concealed, rows, .. } = *vitals;
    let trips = share(concealed, rows) > limits.max_bad_dates;
    trips.then(|| Trip::NamesConcealed { file: vitals.file.clone(), concealed, rows })
}

/// More than the share of the filled cells are no dates.
fn check_readable(limits: &Limits, file: &File, column: &DateColumn) -> Option<Trip> {
    let (bad, filled) = (column.cells.bad, column.cells.filled());
    let trips = share(bad, filled) > limits.max_bad_dates;
    trips.then(|| {
        let (file, column, first) = (file.clone(), column.name.clone(), column.first_bad);
        Trip::DatesUnreadable { file, column, bad, filled, first }
    })
}

/// A column that a rule counts from is blank from top to bottom and was not before, or its share of blanks rose by
/// more than the limit. New accounts are blank too, so the rise must be of at least `min_new` cells.
fn check_filled(limits: &Limits, file: &File, column: &DateColumn) -> Option<Trip> {
    let DateColumn { cells, before, .. } = *column;
    let is_news = !before.is_some_and(Cells::is_blank);
    let rose = before.is_some_and(|before| {
        let more = cells.blank.saturating_sub(before.blank);
        more >= limits.min_new && rise(before, cells) > limits.max_bad_dates
    });
    let trips = column.is_anchor && ((cells.is_blank() && is_news) || rose);
    trips.then(|| Trip::DatesBlank { file: file.clone(), column: column.name.clone(), cells, before })
}

/// `part` of `whole`, from 0 on; of nothing, nothing.
///
/// One division is rounded once, to the very number that a limit written in decimals is read as: so "more than" is
/// exact, which `part > limit * whole` is not.
#[expect(clippy::cast_precision_loss, reason = "counts of rows are far below 2^53")]
fn share(part: u64, whole: u64) -> f64 {
    if part == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// How far the share of blanks rose: both shares on one denominator, for the same reason.
#[expect(clippy::cast_precision_loss, reason = "products of counts of rows are far below 2^53")]
fn rise(before: Cells, now: Cells) -> f64 {
    let more = i128::from(now.blank) * i128::from(before.all) - i128::from(before.blank) * i128::from(now.all);
    let whole = i128::from(before.all) * i128::from(now.all);
    if whole == 0 { 0.0 } else { more as f64 / whole as f64 }
}

#[cfg(test)]
#[path = "breaker_tests.rs"]
mod tests;
