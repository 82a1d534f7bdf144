//! Reports of the Organisation Data Service (F16): sites, their names, towns and parents, when they opened and closed.
//!
//! The files have no header: 27 columns that are always in one order. So this is the one format that is found by its
//! first row, after every header was tried. Which sector the sites are of, only the name of the report says
//! (`epharmacyhq.csv`). Telephone numbers and addresses other than the town are dropped.
use super::{Format, Row};
use crate::domain::snapshot::{Record, SiteRow, Source};
use crate::domain::subject::OdsCode;
use crate::sources::{
    cells,
    dates::Wall,
    error::Rejected,
    header::{Column, Holds},
};

const DAY: Holds = Holds::Date(Wall::Local);

/// What its columns would be called; those without a name are not read.
const HEADER: [&str; 27] = [
    "Code",
    "Name",
    "",
    "",
    "",
    "",
    "",
    "Town",
    "",
    "",
    "Open Date",
    "Close Date",
    "",
    "",
    "Parent",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
];
/// Where the opening day is, which no site is without.
const OPENED_AT: usize = 10;
/// Where the closing day is.
const CLOSED_AT: usize = 11;

/// How the names of reports begin, and the sector of their sites.
const SECTORS: [(&str, &str); 6] = [
    ("edispensary", "pharmacy"),
    ("epharmacy", "pharmacy"),
    ("eopt", "optometry"),
    ("egdp", "dental"),
    ("ecarehome", "care"),
    ("eappliance", "dac"),
];

/// The format.
pub(super) const FORMAT: Format = Format {
    source: Source::OdsReport,
    known_by: "27 columns without a header, the site's code first",
    recognises: |_| false,
    columns: &[
        Column::wanted("Code", &["code"], Holds::Text),
        Column::wanted("Name", &["name"], Holds::Text),
        Column::wanted("Town", &["town"], Holds::Text),
        Column::wanted("Open Date", &["opendate"], DAY),
        Column::wanted("Close Date", &["closedate"], DAY),
        Column::wanted("Parent", &["parent"], Holds::Text),
    ],
    skips: |_| false,
    read,
};

/// The names of the columns, when `first` is the first row of such a report.
pub(super) fn header(first: &[String]) -> Option<Vec<String>> {
    let is_day = |text: &String| text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
    let opened = first.get(OPENED_AT).is_some_and(is_day);
    let closed = first.get(CLOSED_AT).is_some_and(|text| text.is_empty() || is_day(text));
    let is_row = first.len() == HEADER.len() && first.first().is_some_and(|code| is_code(code)) && opened && closed;
    is_row.then(|| HEADER.map(str::to_owned).to_vec())
}

/// Whether `text` may be a site's code: up to nine letters and digits.
pub(super) fn is_code(text: &str) -> bool {
    (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn read(row: &Row) -> Result<Record, Rejected> {
    Ok(Record::Site(Box::new(SiteRow {
        line: row.line(),
        ods: code(row, "code")?,
        name: row.place("name"),
        town: row.place("town"),
        sector: row.layout.sector.map(str::to_owned),
        parent: row.ods("parent"),
        opened_on: row.date("opendate")?,
        closed_on: row.date("closedate")?,
        dspt_status: None,
        dspt_published_on: None,
    })))
}

/// The site's code, without which a row is about nothing.
pub(super) fn code(row: &Row, key: &str) -> Result<OdsCode, Rejected> {
    let text = row.text(key).ok_or_else(|| row.reject(key, "the row has no site code"))?;
    let code = OdsCode::new(&text).filter(|_| is_code(&text));
    code.ok_or_else(|| row.reject(key, format!("{} is no site code: up to 9 letters and digits", cells::quote(&text))))
}

/// The sector of the report with this file name, a date before or after it or not.
pub(in crate::sources) fn sector(file_name: &str) -> Option<&'static str> {
    let lower = file_name.to_lowercase();
    let mut words = lower.split(|c: char| !c.is_ascii_alphanumeric());
    words.find_map(|word| SECTORS.iter().find(|(name, _)| word.starts_with(name)).map(|(_, sector)| *sector))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(code: &str, opened: &str, closed: &str) -> Vec<String> {
        let mut row = vec![String::new(); HEADER.len()];
        for (at, text) in [(0, code), (OPENED_AT, opened), (CLOSED_AT, closed)] {
            row[at] = text.to_owned();
        }
        row
    }

    #[test]
    fn a_report_is_known_by_its_first_row() {
        assert!(header(&row("FVR79", "20150401", "")).is_some());
        assert!(header(&row("VLAXL", "20150401", "20200331")).is_some());
        for (code, opened, closed) in [
            ("Organisation", "20150401", ""),
            ("", "20150401", ""),
            ("Code", "Open", ""),
            ("FVR79", "", ""),
            ("FVR79", "20150401", "soon"),
        ] {
            assert_eq!(header(&row(code, opened, closed)), None, "{code} {opened} {closed}");
        }
        assert_eq!(header(&row("FVR79", "20150401", "")[..26]), None);
    }

    #[test]
    fn the_name_of_a_report_tells_the_sector() {
        let sectors = [
            ("epharmacyhq.csv", Some("pharmacy")),
            ("2026-11-20 edispensary.csv", Some("pharmacy")),
            ("EOPTHQ.CSV", Some("optometry")),
            ("eopticians.csv", Some("optometry")),
            ("eoptsite_20261120.csv", Some("optometry")),
            ("egdpprac.csv", Some("dental")),
            ("ecarehomesite.csv", Some("care")),
            ("eappliance.csv", Some("dac")),
            ("epraccur.csv", None),
            ("adopted.csv", None),
        ];
        for (name, expected) in sectors {
            assert_eq!(sector(name), expected, "{name}");
        }
    }
}
