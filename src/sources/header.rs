//! The first lines of a file: what stands before the header, the delimiter, and which column is which.
//!
//! Columns are found by name, never by position: lower case, letters a to z and digits only, so `ODS Code`, `ODSCode`
//! and `ods_code` are one name.
use super::{
    cells,
    dates::Wall,
    error::ReadError,
    formats::{self, Format, HOPELESS, Row, ods},
    table::{Cells, Records},
    words::Words,
};

/// How many headers an error names.
const HEADERS_NAMED: usize = 12;
/// What PowerShell's screen layout leaves in a header.
const FORMAT_TABLE: &str = "classid2e4f51ef21dd";

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// Anything but a date.
    Text,
    /// A date.
    Date(Wall),
    /// A date that also dates the file, when nothing better does.
    Stamp(Wall),
    /// The day the file describes.
    AsOf,
}

/// A column that a format reads.
#[derive(Debug)]
pub(super) struct Column {
    /// The spellings of its name, normalised; the first is the one the code asks for.
    pub(super) keys: &'static [&'static str],
    /// The name in lists of missing columns; `None` when nobody misses it.
    pub(super) missed_as: Option<&'static str>,
    /// What it holds.
    pub(super) holds: Holds,
    /// A rule counts from it.
    pub(super) is_anchor: bool,
    /// What it is to the record.
    pub(super) part: Part,
    /// Rows may end before it, when it is blank: spreadsheets save sixteen rows at a time, and leave out the last columns
    /// that are blank in all of these.
    pub(super) is_omissible: bool,
    /// The words it may hold; `None` where any text will do.
    pub(super) words: Option<&'static Words>,
}

/// Answers whether a column enters the record of a row.
pub(super) type Says = fn(row: &Row) -> bool;

/// What a column is to the record of its row.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    /// It says who the row is about, by the source's stable id.
    Id,
    /// It says who the row is about, by address, where no id does.
    Address,
    /// It says something about them.
    Says,
    /// It says something about them in these rows, and nothing in any other.
    SaysIn(Says),
    /// Nothing: it is a date that has to be one, and no more.
    Nothing,
}

impl Column {
    /// A column whose absence is worth a word.
    pub(super) const fn wanted(name: &'static str, keys: &'static [&'static str], holds: Holds) -> Self {
        Self {
            keys,
            missed_as: Some(name),
            holds,
            is_anchor: false,
            part: Part::of(holds),
            is_omissible: false,
            words: None,
        }
    }

    /// A column that may be absent.
    pub(super) const fn optional(keys: &'static [&'static str], holds: Holds) -> Self {
        Self { keys, missed_as: None, holds, is_anchor: false, part: Part::of(holds), is_omissible: false, words: None }
    }

    /// The same, as a column that a rule counts from: blank from top to bottom it means a bad export.
    pub(super) const fn anchor(self) -> Self {
        Self { is_anchor: true, ..self }
    }

    /// The same, as the source's stable id of whom the row is about.
    pub(super) const fn id(self) -> Self {
        Self { part: Part::Id, ..self }
    }

    /// The same, as the address of whom the row is about; of several filled ones the format's first counts.
    pub(super) const fn address(self) -> Self {
        Self { part: Part::Address, ..self }
    }

    /// The same, as one that rows may end before.
    pub(super) const fn omissible(self) -> Self {
        Self { is_omissible: true, ..self }
    }

    /// The same, as one that holds one of these words.
    pub(super) const fn of(self, words: &'static Words) -> Self {
        Self { words: Some(words), ..self }
    }

    /// The same, as one that is checked, or dates the file, and does not enter the record.
    pub(super) const fn unkept(self) -> Self {
        Self { part: Part::Nothing, ..self }
    }

    /// The same, as one that enters the record of the rows of which `says` is true, and of no other.
    pub(super) const fn kept_where(self, says: Says) -> Self {
        Self { part: Part::SaysIn(says), ..self }
    }
}

impl Part {
    /// The day of the file is the same in every row, and hardly ever a part of one.
    const fn of(holds: Holds) -> Self {
        if matches!(holds, Holds::AsOf) { Self::Nothing } else { Self::Says }
    }
}

/// The name of a header as it is compared.
pub(super) fn normalise(header: &str) -> String {
    header.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// What stands before the header, and how its cells are divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Preamble {
    /// Lines before the header.
    pub(super) lines: u32,
    /// The delimiter.
    pub(super) delimiter: u8,
}

/// How many lines may stand before the header: a title, the filters of a report, a line of groups of columns.
const MOST_BEFORE: usize = 20;

impl Preamble {
    /// Looks for the line that a format knows as its header, and reads it; where there is none, for the first line that
    /// could be one. `None` when there is nothing in the text.
    pub(super) fn seek(head: &str) -> Option<(Self, Cells)> {
        let first = Self::of(head)?;
        let begin = first.begin(head).unwrap_or_default();
        let is_known = |cells: &Cells| recognise(&formats::ALL, &header_of(cells), 1).is_ok();
        if is_known(&begin) || formats::without_header(&header_of(&begin)).is_some() {
            return Some((first, begin));
        }
        let after = (0..).zip(split_lines(head)).skip(first.lines as usize + 1).take(MOST_BEFORE);
        let later = after.map(|(lines, line)| Self { lines, delimiter: delimiter_of(line) });
        let read = later.filter_map(|preamble| Some((preamble, preamble.begin(head)?)));
        read.into_iter().find(|(_, cells)| is_known(cells)).or(Some((first, begin)))
    }

    /// Whether anything stands before the header that has to be told of.
    pub(super) fn is_late_in(self, head: &str) -> bool {
        Self::of(head).is_some_and(|first| first.lines < self.lines)
    }

    /// The first record after it.
    fn begin(self, head: &str) -> Option<Cells> {
        let mut cells = Cells::default();
        Records::new(head.as_bytes(), self.delimiter, self.lines).ok()?.read(&mut cells).ok()?;
        Some(cells)
    }

    /// Looks at the beginning of a file; `None` when there is no header in it.
    fn of(head: &str) -> Option<Self> {
        let is_blank = |line: &str| line.trim_matches([' ', '\t', ',', ';', '"']).is_empty();
        let is_before = |line: &str| is_blank(line) || is_type_line(line) || is_separator_line(line);
        let (lines, header) = (0..).zip(split_lines(head)).find(|(_, line)| !is_before(line))?;
        Some(Self { lines, delimiter: delimiter_of(header) })
    }
}

/// Lines that end in CR, LF or CRLF.
fn split_lines(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive('\n').flat_map(|line| {
        let line = line.strip_suffix('\n').unwrap_or(line);
        line.strip_suffix('\r').unwrap_or(line).split('\r')
    })
}

fn is_type_line(line: &str) -> bool {
    line.trim_start_matches('"').starts_with("#TYPE")
}

fn is_separator_line(line: &str) -> bool {
    let line = line.trim_matches([' ', '"']);
    line.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("sep=")) && line.chars().count() <= 5
}

/// The candidate that stands most often outside quotes; the comma when none does.
fn delimiter_of(header: &str) -> u8 {
    let mut counts = [(b',', 0_usize), (b';', 0), (b'\t', 0)];
    let mut quoted = false;
    for byte in header.bytes() {
        quoted ^= byte == b'"';
        counts.iter_mut().filter(|(candidate, _)| !quoted && *candidate == byte).for_each(|(_, count)| *count += 1);
    }
    counts.into_iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(candidate, _)| candidate)
}

/// Which column of a file is which.
#[derive(Debug)]
pub(super) struct Layout {
    /// The headers as printed.
    pub(super) header: Vec<String>,
    /// The format's columns, and where they are.
    pub(super) places: Vec<(&'static Column, usize)>,
    /// The sector of the sites that the file lists, which no column says but its name may.
    pub(super) sector: Option<&'static str>,
}

impl Layout {
    /// Finds the columns of `format` under `header`, which stands on `line`.
    pub(super) fn new(format: &'static Format, header: Vec<String>, line: u32) -> Result<Self, ReadError> {
        let keys: Vec<_> = header.iter().map(|name| normalise(name)).collect();
        let mut places = Vec::new();
        for column in format.columns {
            let mut found = (0..).zip(&keys).filter(|(_, key)| column.keys.contains(&key.as_str()));
            if let Some((at, _)) = found.next() {
                places.push((column, at));
            }
            if let Some((again, _)) = found.next() {
                let column = header.get(again).map(|name| cells::quote(name)).unwrap_or_default();
                return Err(ReadError::HeaderTwice { line, column: column.trim_matches('"').to_owned() });
            }
        }
        Ok(Self { header, places, sector: None })
    }

    /// The same, of a file of this name.
    pub(super) fn of_file(self, name: &str) -> Self {
        Self { sector: ods::sector(name), ..self }
    }

    /// Whether a row may end after so many cells: what is missing then is known to be blank for nearly everybody.
    pub(super) fn may_end_after(&self, cells: usize) -> bool {
        let is_whole = |(column, at): &(&Column, usize)| *at < cells || column.is_omissible;
        self.places.iter().any(|(column, _)| column.is_omissible) && self.places.iter().all(is_whole)
    }

    /// The columns of `format` that tell whom a row is about, in words, when none of them is there.
    pub(super) fn lacks_names(&self, format: &'static Format) -> Option<String> {
        let names = |column: &&Column| matches!(column.part, Part::Id | Part::Address);
        let wanted: Vec<_> = format.columns.iter().filter(names).filter_map(|column| column.missed_as).collect();
        let is_there = self.places.iter().any(|(column, _)| names(column));
        (!is_there && !wanted.is_empty()).then(|| wanted.join(" or "))
    }

    /// Headers that nothing is read from, as printed.
    pub(super) fn ignored(&self) -> Vec<String> {
        let is_read = |at| self.places.iter().any(|(_, place)| *place == at);
        (0..)
            .zip(&self.header)
            .filter(|(at, name)| !is_read(*at) && !name.is_empty())
            .map(|(_, name)| name.clone())
            .collect()
    }

    /// Columns of `format` that the file should have and has not.
    pub(super) fn missing(&self, format: &'static Format) -> Vec<String> {
        let is_there = |column: &Column| self.places.iter().any(|(place, _)| place.keys == column.keys);
        format
            .columns
            .iter()
            .filter(|column| !is_there(column))
            .filter_map(|column| column.missed_as)
            .map(str::to_owned)
            .collect()
    }

    /// The columns that hold dates, each with its place and its usual name; the printed one where it has none.
    pub(super) fn dated(&self) -> impl Iterator<Item = (&'static Column, usize, &str)> {
        let dated = self.places.iter().filter(|(column, _)| column.holds != Holds::Text);
        dated.filter_map(|(column, at)| {
            let printed = || self.header.get(*at).map(String::as_str);
            Some((*column, *at, column.missed_as.or_else(printed)?))
        })
    }

    /// The place and the printed header of the column the code calls `key`.
    pub(super) fn find(&self, key: &str) -> Option<(&'static Column, usize)> {
        self.places.iter().copied().find(|(column, _)| column.keys.first() == Some(&key))
    }
}

/// The headers of a record, trimmed.
pub(super) fn header_of(cells: &Cells) -> Vec<String> {
    cells.iter().map(|name| cells::word(&name).unwrap_or_default()).collect()
}

/// The format whose header this is, or an error that names what is there and what is known.
pub(super) fn recognise(
    formats: &[&'static Format],
    header: &[String],
    line: u32,
) -> Result<&'static Format, ReadError> {
    let keys: Vec<_> = header.iter().map(|name| normalise(name)).collect();
    if keys.iter().any(|key| key.starts_with(FORMAT_TABLE)) {
        return Err(ReadError::FormatTable { line });
    }
    if is_on_screen(header) {
        return Err(ReadError::Screen { line });
    }
    let has = |key: &str| keys.iter().any(|other| other == key);
    let hopeless = || HOPELESS.iter().find(|export| (export.recognises)(&has));
    let refusal =
        || hopeless().map_or_else(|| unknown(header), |export| ReadError::Lacking { line, remedy: export.remedy });
    formats.iter().copied().find(|format| (format.recognises)(&has)).ok_or_else(refusal)
}

/// Whether a first line is one of PowerShell's lists (`Id   : 7c1e…`) or tables (names with blanks between them).
fn is_on_screen(header: &[String]) -> bool {
    let [line] = header else { return header.first().is_some_and(|first| is_listed(first)) };
    let names: Vec<_> = line.split("  ").map(str::trim).filter(|name| !name.is_empty()).collect();
    is_listed(line) || (names.len() > 2 && names.iter().all(|name| name.chars().all(|c| c.is_ascii_alphanumeric())))
}

/// `Name   : value`, with the colons of the lines below one another.
fn is_listed(text: &str) -> bool {
    text.split_once(" : ")
        .is_some_and(|(name, _)| !name.trim().is_empty() && name.trim().chars().all(|c| c.is_ascii_alphanumeric()))
}

/// The refusal of a header that nobody knows.
pub(super) fn unknown(header: &[String]) -> ReadError {
    let mut seen: Vec<_> = header.iter().take(HEADERS_NAMED).map(|name| cells::quote(name)).collect();
    if header.len() > HEADERS_NAMED {
        seen.push(format!("and {} more", header.len() - HEADERS_NAMED));
    }
    if seen.is_empty() {
        seen.push("none".to_owned());
    }
    // A row about somebody: nobody should read it in an error.
    if header.iter().any(|name| name.contains('@')) {
        seen = vec!["an email address, where the names of the columns belong".to_owned()];
    }
    let keys: Vec<_> = header.iter().map(|name| normalise(name)).collect();
    ReadError::UnknownHeader { seen: seen.join(", "), known: super::nearest_formats(&keys) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_line_a_separator_line_and_empty_lines_stand_before_the_header() {
        let head = "\r\n#TYPE System.Object\r\nsep=;\r\nId;Address\r\n1;2";
        assert_eq!(Preamble::of(head), Some(Preamble { lines: 3, delimiter: b';' }));
        assert_eq!(Preamble::of("sep=,\rId,Address\r"), Some(Preamble { lines: 1, delimiter: b',' }));
        assert_eq!(Preamble::of("\n\n"), None);
    }

    #[test]
    fn the_delimiter_is_what_divides_the_header() {
        for (header, delimiter) in [("a,b", b','), ("\"a,b,c\";d", b';'), ("a\tb", b'\t'), ("a", b',')] {
            assert_eq!(delimiter_of(header), delimiter, "{header}");
        }
    }

    #[test]
    fn one_name_in_many_spellings_is_one_key() {
        assert!(
            ["ODS Code", "ODSCode", "ods_code", "\u{FEFF}Ods-Code"].iter().all(|name| normalise(name) == "odscode")
        );
    }
}
