//! From load reports to what the breaker looks at (rule 19): one file beside an earlier one of its source.
//!
//! Pure: two stored reports in, numbers out. Which earlier one, the caller decides.

use super::load::{LoadOutcome, LoadReport};
use crate::{
    domain::{
        breaker::{self, Cells, Vitals},
        snapshot::Source,
    },
    sources::DateColumn,
};

/// What a file looks like beside the one of its source before it, for the breaker; `None` unless it could be read.
///
/// A column that a rule counts from and that is gone altogether is taken as blank in every row.
#[must_use]
pub fn vitals(report: &LoadReport, before: Option<&LoadReport>) -> Option<Vitals> {
    let source = report.source.as_deref().and_then(Source::parse).filter(|_| report.outcome == LoadOutcome::Loaded)?;
    let file = breaker::File { name: report.file.clone(), source, as_of: report.as_of? };
    let lists = before.filter(|_| source.lists_subjects());
    Some(Vitals {
        file,
        rows: report.rows,
        rows_before: before.map(different_rows),
        listed_before: lists.map_or(0, |before| before.subjects),
        gone: lists.map_or(0, |before| gone(report, before)),
        dates: date_columns(report, before),
        day_first: report.day_first,
        day_first_before: before.and_then(|before| before.day_first),
        concealed: report.concealed,
    })
}

/// The rows that repeat nothing: a file that had each row twice does not make half of the next one's seem gone.
fn different_rows(report: &LoadReport) -> u64 {
    let is_list = report.source.as_deref().and_then(Source::parse).is_some_and(Source::lists_subjects);
    if is_list { report.rows.min(report.subjects + report.rejected_count) } else { report.rows }
}

/// How many of those that the earlier file listed are left out. Several files of one day hide some from either count, and
/// so does an address that changed hands. The greater count is right.
fn gone(report: &LoadReport, before: &LoadReport) -> u64 {
    let since = before.as_of.and_then(|day| report.absent.get(&day).copied()).unwrap_or_default();
    let missed = report.relisted.map_or(0, |relisted| before.subjects.saturating_sub(relisted));
    since.max(missed)
}

fn date_columns(report: &LoadReport, before: Option<&LoadReport>) -> Vec<breaker::DateColumn> {
    let earlier = before.map(|before| before.dates.as_slice()).unwrap_or_default();
    let beside = |column: &DateColumn| {
        let now = named(&report.dates, &column.name);
        breaker::DateColumn {
            name: column.name.clone(),
            is_anchor: column.is_anchor,
            cells: now.map_or(Cells { all: report.rows, blank: report.rows, bad: 0 }, cells),
            before: named(earlier, &column.name).map(cells),
            first_bad: now.and_then(|now| now.first_bad),
        }
    };
    let lost = earlier.iter().filter(|column| named(&report.dates, &column.name).is_none());
    report.dates.iter().chain(lost).map(beside).collect()
}

fn named<'a>(columns: &'a [DateColumn], name: &str) -> Option<&'a DateColumn> {
    columns.iter().find(|column| column.name == name)
}

fn cells(column: &DateColumn) -> Cells {
    Cells { all: column.cells, blank: column.blank, bad: column.bad }
}
