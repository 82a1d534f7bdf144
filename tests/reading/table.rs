//! One table in all the ways in which people, spreadsheets and scripts write it.
use jiff::{
    civil::{Date, DateTime},
    tz::TimeZone,
};
use lapsewatch::domain::snapshot::Observation;
use proptest::prelude::*;

use super::word;

/// The columns, as the manual spells them.
pub const HEADER: [&str; 16] = [
    "id",
    "address",
    "display_name",
    "kind",
    "status",
    "ods",
    "org_name",
    "created_at",
    "last_activity_at",
    "last_sent_at",
    "last_password_change_at",
    "leaver_at",
    "deleted_at",
    "password_never_expires",
    "enabled",
    "aup_accepted",
];
/// How many encodings there are.
pub const ENCODINGS: u8 = 7;

/// What a style of dates says about days and months.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    None,
    DayFirst,
    MonthFirst,
}

/// A style of dates.
#[derive(Debug, Clone, Copy)]
pub struct Dates {
    pub order: Order,
    write: fn(Date) -> String,
}

/// At noon in London it is the same day everywhere that matters.
fn noon(day: Date) -> DateTime {
    day.at(12, 34, 56, 0)
}

fn seconds(day: Date) -> i64 {
    TimeZone::UTC.to_timestamp(noon(day)).expect("a day of the service").as_second()
}

const DATES: [Dates; 14] = [
    Dates { order: Order::None, write: |day| day.to_string() },
    Dates { order: Order::None, write: |day| noon(day).strftime("%Y-%m-%d %H:%M:%S").to_string() },
    Dates { order: Order::None, write: |day| noon(day).strftime("%Y-%m-%dT%H:%M:%S.1234567Z").to_string() },
    Dates { order: Order::None, write: |day| noon(day).strftime("%Y-%m-%dT%H:%M:%S+03:00").to_string() },
    Dates { order: Order::None, write: |day| day.strftime("%Y%m%d").to_string() },
    Dates { order: Order::None, write: |day| format!("/Date({}000)/", seconds(day)) },
    Dates { order: Order::None, write: |day| ((seconds(day) + 11_644_473_600) * 10_000_000).to_string() },
    Dates { order: Order::DayFirst, write: |day| day.strftime("%d/%m/%Y").to_string() },
    Dates { order: Order::DayFirst, write: |day| noon(day).strftime("%d/%m/%Y %H:%M").to_string() },
    Dates { order: Order::DayFirst, write: |day| noon(day).strftime("%d.%m.%Y %H:%M:%S").to_string() },
    Dates { order: Order::DayFirst, write: |day| day.strftime("%-d-%-m-%Y").to_string() },
    Dates { order: Order::MonthFirst, write: |day| day.strftime("%m/%d/%Y").to_string() },
    Dates { order: Order::MonthFirst, write: |day| noon(day).strftime("%-m/%-d/%Y %-I:%M:%S %p").to_string() },
    Dates { order: Order::MonthFirst, write: |day| noon(day).strftime("%-m/%-d/%Y %-I:%M %p").to_string() },
];

/// A way of writing a table.
#[derive(Debug, Clone)]
pub struct Way {
    pub encoding: u8,
    pub delimiter: u8,
    pub dates: Dates,
    pub blank_lines_after: usize,
    pub end: &'static str,
    pub quotes_all: bool,
    pub ends_last_line: bool,
    pub before: &'static str,
    pub spelling: u8,
    pub blank: &'static str,
    pub flags: [&'static str; 2],
    /// Where each column stands; with two that nobody reads.
    pub places: Vec<usize>,
}

/// Any way.
pub fn way() -> impl Strategy<Value = Way> {
    let cells = (
        word(b",;\t"),
        word(&["\n", "\r\n", "\r"]),
        any::<bool>(),
        any::<bool>(),
        word(&["", "#TYPE Selected.System.Object\n", "sep=?\n", "#TYPE System.Object\nsep=?\n", "\n\n", "\"sep=?\"\n"]),
        0..3_usize,
    );
    let words = (
        0..4_u8,
        word(&["", " ", "NULL", "null", "N/A", "-", "Never", "System.Object[]"]),
        word(&[["true", "false"], ["TRUE", "FALSE"], ["Yes", "No"], ["1", "0"], ["Enabled", "Disabled"]]),
        Just((0..HEADER.len() + 2).collect::<Vec<_>>()).prop_shuffle(),
    );
    (0..ENCODINGS, word(&DATES), cells, words).prop_map(|(encoding, dates, cells, words)| {
        let (delimiter, end, quotes_all, ends_last_line, before, blank_lines_after) = cells;
        let (spelling, blank, flags, places) = words;
        Way {
            encoding,
            delimiter,
            dates,
            blank_lines_after,
            end,
            quotes_all,
            ends_last_line,
            before,
            spelling,
            blank,
            flags,
            places,
        }
    })
}

impl Way {
    /// The same, with dates that tell this order.
    pub fn in_order(&self, order: Order) -> Self {
        let dates = DATES.into_iter().find(|dates| dates.order == order).unwrap_or(self.dates);
        Self { dates: if self.dates.order == order { self.dates } else { dates }, ends_last_line: true, ..self.clone() }
    }

    fn header(&self, name: &str) -> String {
        match self.spelling {
            0 => name.to_owned(),
            1 => name.to_uppercase(),
            2 => name.replace('_', " "),
            _ => name.split('_').map(capital).collect(),
        }
    }

    fn cells(&self, row: &Observation) -> Vec<String> {
        let day = |day: Option<Date>| day.map(self.dates.write).unwrap_or_default();
        let flag = |flag: Option<bool>| flag.map(|flag| self.flags[usize::from(!flag)].to_owned()).unwrap_or_default();
        let cells = [
            row.id.clone().unwrap_or_default(),
            row.address.as_ref().map(|address| address.as_str().to_owned()).unwrap_or_default(),
            row.display_name.clone().unwrap_or_default(),
            row.kind.as_str().to_owned(),
            row.status.as_ref().map(|status| status.as_str().to_owned()).unwrap_or_default(),
            row.ods.as_ref().map(|ods| ods.as_str().to_owned()).unwrap_or_default(),
            row.org_name.clone().unwrap_or_default(),
            day(row.created_on),
            day(row.last_activity_on),
            day(row.last_sent_on),
            day(row.password_changed_on),
            day(row.leaver_on),
            day(row.deleted_on),
            flag(row.password_never_expires),
            flag(row.enabled),
            flag(row.aup_accepted),
        ];
        let blank = |cell: String| if cell.is_empty() { self.blank.to_owned() } else { cell };
        let noise = ["a note,\nwith; \"all\"\tthat divides".to_owned(), "Zoë".to_owned()];
        cells.into_iter().map(blank).chain(noise).collect()
    }

    fn line(&self, cells: &[String]) -> String {
        let quotes = if self.quotes_all { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary };
        let mut writer =
            csv::WriterBuilder::new().delimiter(self.delimiter).quote_style(quotes).from_writer(Vec::new());
        writer.write_record(self.places.iter().map(|at| &cells[*at])).expect("written");
        String::from_utf8(writer.into_inner().expect("flushed")).expect("UTF-8")
    }
}

fn capital(word: &str) -> String {
    word.get(..1).unwrap_or_default().to_uppercase() + word.get(1..).unwrap_or_default()
}

/// The rows below their header, written in a way.
pub fn written(rows: &[Observation], way: &Way) -> Vec<u8> {
    let names = HEADER.iter().map(|name| way.header(name)).chain(["Notes".to_owned(), "Nickname".to_owned()]);
    let before = way.before.replace('?', &char::from(way.delimiter).to_string());
    let mut text = before + &way.line(&names.collect::<Vec<_>>()) + &body(rows, way);
    if way.ends_last_line {
        text += &"\n".repeat(way.blank_lines_after);
    } else {
        text.truncate(text.trim_end_matches('\n').len());
    }
    encoded(&text.replace('\n', way.end), way.encoding)
}

/// The rows alone, in UTF-8.
pub fn rows_only(rows: &[Observation], way: &Way) -> Vec<u8> {
    body(rows, way).replace('\n', way.end).into_bytes()
}

fn body(rows: &[Observation], way: &Way) -> String {
    rows.iter().map(|row| way.line(&way.cells(row))).collect()
}

/// A text in one of the encodings.
pub fn encoded(text: &str, encoding: u8) -> Vec<u8> {
    let utf16 = || text.encode_utf16();
    match encoding {
        0 => text.as_bytes().to_vec(),
        1 => [b"\xEF\xBB\xBF", text.as_bytes()].concat(),
        2 => [vec![0xFF, 0xFE], utf16().flat_map(u16::to_le_bytes).collect()].concat(),
        // No mark: the NULs tell.
        3 => utf16().flat_map(u16::to_le_bytes).collect(),
        5 => utf16().flat_map(u16::to_be_bytes).collect(),
        4 => [vec![0xFE, 0xFF], utf16().flat_map(u16::to_be_bytes).collect()].concat(),
        _ => encoding_rs::WINDOWS_1252.encode(text).0.into_owned(),
    }
}
