//! Readers of single values: each takes a TOML value as written and says what it should have been.
use std::{
    ops::RangeInclusive,
    path::{Path, PathBuf},
};

use jiff::civil::Date;
use lettre::message::Mailbox;

use super::{
    layer::{Entry, Kind, Value},
    section::{Fault, nearest},
};
use crate::domain::policy::{Rung, Span};

/// No span in a configuration is longer than this many of its units.
const LONGEST_SPAN: i32 = 4000;

/// What was written; outside a file quotes may be left off, so that numbers count as text too.
fn raw(entry: &Entry) -> Option<&str> {
    match &entry.value {
        Value::Text(text) => Some(text),
        Value::List(_) | Value::Table(_) => None,
        _ => (entry.at.text.kind == Kind::Argument).then_some(entry.at.text.body.as_str()),
    }
}

/// Text that is not blank, without blanks at its ends.
pub(super) fn text(entry: &Entry) -> Result<String, Fault> {
    let text = raw(entry).ok_or_else(|| Fault::new("must be text in quotes"))?.trim();
    if text.is_empty() { Err(Fault::new("must not be empty")) } else { Ok(text.to_owned()) }
}

/// `true` or `false`.
pub(super) fn flag(entry: &Entry) -> Result<bool, Fault> {
    match entry.value {
        Value::Flag(flag) => Ok(flag),
        _ => Err(Fault::new("must be true or false, without quotes")),
    }
}

/// A whole number of a range.
pub(super) fn whole<T: TryFrom<i64>>(range: RangeInclusive<i64>) -> impl Fn(&Entry) -> Result<T, Fault> {
    move |entry| {
        let fault = || Fault::new(format!("must be a whole number from {} to {}", range.start(), range.end()));
        match entry.value {
            Value::Integer(number) if range.contains(&number) => T::try_from(number).map_err(|_| fault()),
            _ => Err(fault()),
        }
    }
}

/// A civil date, with or without quotes.
pub(super) fn date(entry: &Entry) -> Result<Date, Fault> {
    let written = match &entry.value {
        Value::Text(text) => Some(text.as_str()),
        Value::Other => entry.at.text.body.get(entry.at.span.clone()),
        _ => None,
    };
    let date = written.and_then(|text| Date::strptime("%Y-%m-%d", text.trim()).ok());
    date.ok_or_else(|| Fault::new("must be a date such as 2027-03-31"))
}

/// A share from 0 to 1.
pub(super) fn share(entry: &Entry) -> Result<f64, Fault> {
    let share = match entry.value {
        Value::Float(share) => Some(share),
        Value::Integer(0) => Some(0.0),
        Value::Integer(1) => Some(1.0),
        _ => None,
    };
    share
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| Fault::new("must be a share from 0 to 1, such as 0.10"))
}

/// A stretch of days, weeks or months; 0 is one too.
pub(super) fn span(entry: &Entry) -> Result<Span, Fault> {
    let such_as = "such as \"21 days\", \"2 weeks\" or \"6 months\"";
    let tip = match entry.value {
        Value::Integer(days) => format!("did you mean \"{days} days\"?"),
        _ => such_as.to_owned(),
    };
    let span = if let Value::Text(text) = &entry.value { parse_span(text) } else { None };
    span.ok_or_else(|| Fault::new("must be a span of time").tip(Some(tip)))
}

fn parse_span(text: &str) -> Option<Span> {
    let text = text.trim();
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let number = number.parse().ok().filter(|number| *number <= LONGEST_SPAN)?;
    match unit.trim().to_lowercase().as_str() {
        "d" | "day" | "days" => Some(Span::Days(number)),
        "w" | "week" | "weeks" => Some(Span::Weeks(number)),
        "m" | "mo" | "month" | "months" => Some(Span::Months(number)),
        _ => None,
    }
}

/// A span of at least one day.
pub(super) fn positive_span(entry: &Entry) -> Result<Span, Fault> {
    match span(entry)? {
        Span::Days(0) | Span::Weeks(0) | Span::Months(0) => Err(Fault::new("must be at least one day")),
        span => Ok(span),
    }
}

/// How long something is kept: a span, 0 too, or `never` for "never removed".
pub(super) fn kept_for(entry: &Entry) -> Result<Option<Span>, Fault> {
    if raw(entry).is_some_and(|word| word.trim().eq_ignore_ascii_case("never")) {
        return Ok(None);
    }
    span(entry).map(Some).map_err(or_never)
}

/// [`kept_for`], at least one day.
pub(super) fn kept_at_all(entry: &Entry) -> Result<Option<Span>, Fault> {
    match kept_for(entry)? {
        Some(_) => positive_span(entry).map(Some).map_err(or_never),
        None => Ok(None),
    }
}

fn or_never(fault: Fault) -> Fault {
    let says = format!("{}, or \"never\"", fault.says);
    Fault { says, ..fault }
}

/// A span of at least one day that has the same number of days whenever it is, in days.
pub(super) fn whole_days(entry: &Entry) -> Result<i32, Fault> {
    match positive_span(entry)? {
        Span::Days(days) => Ok(days),
        Span::Weeks(weeks) => Ok(weeks.saturating_mul(7)),
        Span::Months(_) => Err(Fault::new("must be days or weeks").tip(Some("months differ in length".into()))),
    }
}

/// One of a few words.
pub(super) fn choice<T: Copy>(choices: &[(&str, T)]) -> impl Fn(&Entry) -> Result<T, Fault> {
    move |entry| {
        let word = raw(entry).unwrap_or_default();
        let known = choices.iter().find(|(known, _)| *known == word);
        known.map(|(_, value)| *value).ok_or_else(|| {
            let words: Vec<String> = choices.iter().map(|(known, _)| format!("\"{known}\"")).collect();
            let near = nearest(word, choices.iter().map(|(known, _)| *known));
            Fault::new(format!("must be {}", or(&words))).tip(near.map(|near| format!("did you mean \"{near}\"?")))
        })
    }
}

/// `a, b or c`
pub(super) fn or(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [only] => only.clone(),
        [head @ .., last] => format!("{} or {last}", head.join(", ")),
    }
}

/// Who is told: at least one of the known words.
pub(super) fn audience(entry: &Entry) -> Result<Vec<Rung>, Fault> {
    let rungs = list(rung)(entry)?;
    if rungs.is_empty() { Err(Fault::new("must name somebody")) } else { Ok(rungs) }
}

fn rung(entry: &Entry) -> Result<Rung, Fault> {
    let word = text(entry)?;
    let near = || nearest(&word, Rung::ALL.map(Rung::as_str)).map(|near| format!("did you mean \"{near}\"?"));
    Rung::parse(&word).ok_or_else(|| {
        let tip = near().unwrap_or_else(|| format!("known are {}", Rung::ALL.map(Rung::as_str).join(", ")));
        Fault::new(format!("has an unknown word, \"{word}\"")).tip(Some(tip))
    })
}

/// A list of values.
pub(super) fn list<T>(read: impl Fn(&Entry) -> Result<T, Fault>) -> impl Fn(&Entry) -> Result<Vec<T>, Fault> {
    move |entry| {
        let Value::List(items) = &entry.value else { return Err(Fault::new("must be a list in [brackets]")) };
        let mut values = Vec::new();
        let mut faults = Vec::new();
        for item in items {
            match read(item) {
                Ok(value) => values.push(value),
                Err(fault) => faults.push(Fault { at: fault.at.or_else(|| Some(item.at.clone())), ..fault }),
            }
        }
        faults.into_iter().reduce(Fault::and).map_or(Ok(values), Err)
    }
}

/// A command: a list of words, or one string that is split at blanks.
pub(super) fn command(entry: &Entry) -> Result<Vec<String>, Fault> {
    let fault = || Fault::new("must be a command: a list of words, or text");
    let words = match text(entry) {
        Ok(line) => line.split_whitespace().map(str::to_owned).collect(),
        Err(_) => list(text)(entry).map_err(|_| fault())?,
    };
    if words.is_empty() { Err(fault()) } else { Ok(words) }
}

/// A path; a relative one counts from the folder of the file that names it.
pub(super) fn path(entry: &Entry) -> Result<PathBuf, Fault> {
    text(entry).map(|path| resolve(entry, Path::new(&path)))
}

/// `path` as seen from where `entry` was written.
pub(super) fn resolve(entry: &Entry, path: &Path) -> PathBuf {
    match &entry.at.text.kind {
        Kind::File(folder) => folder.join(path).components().collect(),
        Kind::Defaults | Kind::Argument => path.to_owned(),
    }
}

/// An address, with or without a name.
pub(super) fn mailbox(entry: &Entry) -> Result<Mailbox, Fault> {
    let tip = "such as \"Reminders <reminders@example.org>\"";
    let fault = |_| Fault::new("must be an address").tip(Some(tip.into()));
    text(entry)?.parse().map_err(fault)
}

/// A bare address.
pub(super) fn address(entry: &Entry) -> Result<String, Fault> {
    let address = text(entry)?;
    let fault = || Fault::new("must be a bare address").tip(Some("such as \"operator@example.org\"".into()));
    address.parse::<lettre::Address>().map(|_| address).map_err(|_| fault())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_in_long_and_short_forms() {
        let table = [
            ("21 days", Some(Span::Days(21))),
            ("1 day", Some(Span::Days(1))),
            ("0d", Some(Span::Days(0))),
            (" 2  Weeks ", Some(Span::Weeks(2))),
            ("2w", Some(Span::Weeks(2))),
            ("4 months", Some(Span::Months(4))),
            ("4mo", Some(Span::Months(4))),
            ("4 m", Some(Span::Months(4))),
            ("4000 days", Some(Span::Days(4000))),
            ("4001 days", None),
            ("99999999999 days", None),
            ("days", None),
            ("4", None),
            ("", None),
            ("-4 days", None),
            ("1.5 days", None),
            ("4 years", None),
            ("4 days 2 weeks", None),
        ];
        for (text, span) in table {
            assert_eq!(parse_span(text), span, "{text:?}");
        }
    }
}
