//! How a file was read, for the operator's report.
use super::{dates::DateOrder, decode::Encoding, unread::Unread};

/// How a file was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The encoding of the text.
    pub encoding: Encoding,
    /// What divides the cells; `None` for JSON.
    pub delimiter: Option<char>,
    /// The order of slash dates, and why.
    pub date_order: DateOrder,
    /// Rows in the file, readable or not, without blank lines.
    pub rows: usize,
    /// Of those, rows that were passed over because they tell nothing: sends that did not leave, guests.
    pub skipped: usize,
    /// Headers from which nothing is read, as printed.
    pub ignored_columns: Vec<String>,
    /// Columns the format usually has and the file has not.
    pub missing_columns: Vec<String>,
    /// What could not be read in cells whose rows could.
    pub unread: Vec<Unread>,
    /// Sentences for the operator.
    pub warnings: Vec<String>,
}

/// What was noticed while the file was read for the first time.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) rows: usize,
    pub(super) skipped: usize,
    pub(super) bad_names: usize,
    /// Names of which not every byte is a character.
    pub(super) undecoded: usize,
    pub(super) type_names: usize,
    pub(super) orphans: usize,
    pub(super) unread: Vec<Unread>,
    pub(super) is_partial: bool,
    /// The line of the header, when something else stands before it.
    pub(super) header_on: Option<u32>,
    /// The column that says which day the file describes says two.
    pub(super) is_of_days: bool,
}

impl Notes {
    /// The sentences about what was noticed.
    pub(super) fn warnings(&self, encoding: Encoding, order: DateOrder) -> Vec<String> {
        let all = [
            (encoding == Encoding::Windows1252).then(|| "read as Windows-1252: the text is not UTF-8".to_owned()),
            assumption(order),
            self.header_on.map(|line| format!("the header is on line {line}: what stands before it is not read")),
            self.is_partial.then(|| "partial file: @odata.nextLink names a page that is not in it".to_owned()),
            self.is_of_days.then(|| "its rows are of more than one day: the newest counts for all of them".to_owned()),
            (self.rows == 0).then(|| "the file has no rows".to_owned()),
            counted(
                self.bad_names,
                "names left out because they hold / : < > @, a web address, a formula or a concealed name",
            ),
            counted(
                self.undecoded,
                "names with bytes that are no character, shown as \u{FFFD} (export it again as UTF-8)",
            ),
            counted(self.orphans, "orphan rights, of people who are deleted (S-1-5-21-…)"),
            counted(self.type_names, "cells taken as blank because they hold the name of a .NET type"),
        ];
        all.into_iter().flatten().collect()
    }
}

fn assumption(order: DateOrder) -> Option<String> {
    let DateOrder::Assumed { day_first } = order else { return None };
    let first = if day_first { "day" } else { "month" };
    Some(format!("dates are read {first} first as configured: none in the file settles it"))
}

fn counted(count: usize, what: &str) -> Option<String> {
    (count > 0).then(|| format!("{what}: {count}"))
}

#[cfg(test)]
mod tests {
    use std::{fs, io};

    use jiff::tz::TimeZone;

    use crate::{
        domain::{feeds, snapshot::Source},
        sources::{ReadSettings, formats, open},
    };

    /// What a rule goes by is found missing by name, so the name must be the one that the format misses it by.
    #[test]
    fn a_format_misses_each_column_that_feeds_a_rule_by_the_name_that_the_rules_know() {
        for format in formats::ALL {
            for (_, column) in feeds::columns().filter(|(source, _)| *source == format.source) {
                let is_missed = format.columns.iter().any(|other| other.missed_as == Some(column));
                assert!(is_missed, "{:?}: no column is missed as {column:?}", format.source);
            }
        }
    }

    #[test]
    fn so_do_graph_users() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("users.json");
        fs::write(&path, r#"[{"userPrincipalName": "ada.example@nhs.net"}]"#)?;
        let settings = ReadSettings { time_zone: &TimeZone::UTC, day_first: true };
        let export = open(&path, &settings).map_err(io::Error::other)?;
        for (_, column) in feeds::columns().filter(|(source, _)| *source == Source::GraphUsers) {
            let missing = &export.summary().missing_columns;
            assert!(missing.iter().any(|name| name == column), "{column} is not among {missing:?}");
        }
        Ok(())
    }
}
