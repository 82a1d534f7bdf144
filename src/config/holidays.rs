//! Bank holidays: the embedded list of England and Wales, or a file in the JSON form of GOV.UK.
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::{ToSpan, civil::Date};
use serde::Deserialize;

use super::{
    layer::{Kind, Mark, Text},
    problem::Collector,
    section::{Given, nearest},
};
use crate::domain::calendar::Calendar;

/// England and Wales, 2019 to 2028, as published; later years follow the statute.
const EMBEDDED: &str = include_str!("../../config/bank-holidays.json");
/// The division that the embedded list holds.
const EMBEDDED_DIVISION: &str = "england-and-wales";
/// A list that ends sooner than this is a warning.
const ENDS_SOON_DAYS: i32 = 90;

/// GOV.UK's list has some 30 KiB; more than this is not looked at for what it holds.
const LIST_CAP: u64 = 1024 * 1024;

/// Lists by division.
type Divisions = BTreeMap<String, Division>;

#[derive(Deserialize)]
struct Division {
    events: Vec<Event>,
}

#[derive(Deserialize)]
struct Event {
    date: Date,
}

/// The embedded list.
pub(super) fn embedded() -> BTreeSet<Date> {
    let lists: Divisions = serde_json::from_str(EMBEDDED).unwrap_or_default();
    lists.values().flat_map(dates).collect()
}

fn dates(division: &Division) -> impl Iterator<Item = Date> + '_ {
    division.events.iter().map(|event| event.date)
}

/// What a file in GOV.UK's form holds, for whoever has put it where it does not belong: each division with its first and
/// last day. `None` when `policy.bank_holidays` could not read it either.
#[must_use]
pub fn bank_holidays_in(file: &Path) -> Option<String> {
    let mut body = String::new();
    File::open(file).ok()?.take(LIST_CAP).read_to_string(&mut body).ok()?;
    let lists: Divisions = serde_json::from_str(&body).ok()?;
    let words = lists.iter().map(|(name, division)| {
        let days: BTreeSet<_> = dates(division).collect();
        let span = days.first().zip(days.last()).map(|(first, last)| format!(", {first} to {last}"));
        format!("{name}: {} days{}", days.len(), span.unwrap_or_default())
    });
    Some(words.collect::<Vec<_>>().join("; "))
}

/// Open and closed days. `None` always comes with a problem.
pub(super) fn calendar(
    file: Option<Given<PathBuf>>,
    division: &Given<String>,
    today: Date,
    problems: &Collector,
) -> Option<Calendar> {
    let Some(file) = file else { return embedded_calendar(division, today, problems) };
    let configured = read_file(&file, division, problems)?;
    let embedded = embedded();
    let (calendar, replaced) = Calendar::with_fallback(&configured, &embedded);
    let ends = warn_of_end(&configured, Some(&file.at), today, problems);
    warn_of_fallback(&replaced, ends, &file.at, today, problems);
    Some(calendar)
}

fn embedded_calendar(division: &Given<String>, today: Date, problems: &Collector) -> Option<Calendar> {
    if division.value != EMBEDDED_DIVISION {
        let message = format!("the built-in bank holidays have no division \"{}\"", division.value);
        let tip = "name GOV.UK's list in `policy.bank_holidays`";
        problems.error(Some(&division.at), message, Some(tip.into()));
        return None;
    }
    let days = embedded();
    warn_of_end(&days, None, today, problems);
    Some(Calendar::new(days))
}

fn read_file(file: &Given<PathBuf>, division: &Given<String>, problems: &Collector) -> Option<BTreeSet<Date>> {
    let body = match fs::read_to_string(&file.value) {
        Ok(body) => body,
        Err(error) => {
            let message = format!("cannot read the bank holidays {}: {error}", file.value.display());
            problems.error(Some(&file.at), message, None);
            return None;
        }
    };
    let mut lists = parse(&file.value, body, file.at.text.rank, problems)?;
    let Some(list) = lists.remove(&division.value) else {
        let tip =
            nearest(&division.value, lists.keys().map(String::as_str)).map(|near| format!("did you mean \"{near}\"?"));
        let message = format!("{} has no division \"{}\"", file.value.display(), division.value);
        problems.error(Some(if division.at.is_default() { &file.at } else { &division.at }), message, tip);
        return None;
    };
    Some(dates(&list).collect())
}

fn parse(path: &Path, body: String, rank: usize, problems: &Collector) -> Option<Divisions> {
    match serde_json::from_str(&body) {
        Ok(lists) => Some(lists),
        Err(error) => {
            let at = offset(&body, error.line(), error.column());
            let folder = path.parent().unwrap_or(Path::new("")).to_owned();
            let text = Text { name: path.display().to_string(), body, kind: Kind::File(folder), rank };
            let says = error.to_string();
            let says = says.split(" at line ").next().map(str::to_owned);
            let mark = Mark { text: Arc::new(text), span: at..at };
            problems.error(Some(&mark), "not a list of bank holidays in GOV.UK's form", says);
            None
        }
    }
}

/// The byte of a line and column, both from 1.
fn offset(body: &str, line: usize, column: usize) -> usize {
    let before: usize = body.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    (before + column.saturating_sub(1)).min(body.len())
}

/// Warns of a list that ends soon, and says when it does.
fn warn_of_end(days: &BTreeSet<Date>, at: Option<&Mark>, today: Date, problems: &Collector) -> Option<Date> {
    let soon = today.saturating_add(ENDS_SOON_DAYS.days());
    let ends_on = days.last().copied().filter(|ends_on| *ends_on <= soon)?;
    let whose = if at.is_some() { "the list of bank holidays" } else { "the built-in list of bank holidays" };
    let tip = "GOV.UK publishes the next years; name its file in `policy.bank_holidays`";
    problems.warn(at, format!("{whose} ends on {ends_on}"), Some(tip.into()));
    Some(ends_on)
}

/// Warns of this and the next year when the embedded list stands in for them, unless the list's end says so already.
fn warn_of_fallback(replaced: &[i16], ends_on: Option<Date>, at: &Mark, today: Date, problems: &Collector) {
    let near = today.year()..=today.year().saturating_add(1);
    let told = |year: i16| ends_on.is_some_and(|ends_on| year > ends_on.year());
    for year in replaced.iter().copied().filter(|year| near.contains(year) && !told(*year)) {
        let message = format!("the list of bank holidays has fewer than 6 days in {year}");
        problems.warn(Some(at), message, Some("the built-in list is used for that year".into()));
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::{Weekday, date};

    use super::*;

    #[test]
    fn the_embedded_list_holds_ten_whole_years_and_the_special_days() {
        let days = embedded();
        for year in 2019..=2028 {
            assert!(days.iter().filter(|day| day.year() == year).count() >= 8, "{year}");
        }
        assert!(days.iter().all(|day| !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)));
        for day in
            [(2020, 5, 8), (2022, 6, 2), (2022, 6, 3), (2022, 9, 19), (2023, 5, 8), (2027, 12, 28), (2028, 4, 14)]
        {
            assert!(days.contains(&date(day.0, day.1, day.2)), "{day:?}");
        }
        assert!(!days.contains(&date(2020, 5, 4)) && !days.contains(&date(2022, 5, 30)), "these were moved");
    }
}
