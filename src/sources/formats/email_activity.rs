//! Microsoft 365's email activity report: who read or sent mail, and when last.
//!
//! It covers licensed mailboxes only. Its date is of a send or a read, so it is no send; a count of sends above nought
//! proves one on some day of the period, and the cautious reading is the first day.
use jiff::{ToSpan, civil::Date};

use super::{Format, Row, usage};
use crate::domain::snapshot::{Observation, Record, Source};
use crate::sources::{
    cells,
    error::Rejected,
    header::{Column, Holds},
};

/// The longest period a report can be of, in days: half a year is the most there is.
const LONGEST_PERIOD: u32 = 366;

/// The format.
pub(super) const FORMAT: Format = Format {
    source: Source::EmailActivity,
    known_by: "Send Count, Read Count and Report Refresh Date",
    recognises: |has| has("sendcount") && has("readcount") && has("reportrefreshdate"),
    columns: &[
        usage::REFRESHED.kept_where(|row| matches!(sent_within(row), Ok(Some(_)))),
        usage::WHO,
        usage::NAME,
        usage::IS_DELETED,
        usage::DELETED,
        usage::USED,
        Column::wanted("Send Count", &["sendcount"], Holds::Text),
        Column::wanted("Report Period", &["reportperiod"], Holds::Text),
    ],
    skips: usage::is_guest,
    read,
};

fn read(row: &Row) -> Result<Record, Rejected> {
    Ok(Record::Subject(Box::new(Observation {
        last_activity_on: row.date("lastactivitydate")?,
        last_sent_on: sent_on(row)?,
        ..usage::account(row)?
    })))
}

/// The first day on which the newest send can have been.
///
/// It moves with the day of the report: a row that says the same in a later one tells of a later send, or bounds the
/// same one better.
fn sent_on(row: &Row) -> Result<Option<Date>, Rejected> {
    let Some((refreshed_on, days)) = row.date("reportrefreshdate")?.zip(sent_within(row)?) else { return Ok(None) };
    Ok(refreshed_on.checked_sub(i64::from(days).days()).ok())
}

/// Within how many days before the report there was a send; `None` where the row tells of none.
fn sent_within(row: &Row) -> Result<Option<u32>, Rejected> {
    let has_sent = usage::number(row, "sendcount")?.is_some_and(|count| count > 0);
    Ok(period(row)?.filter(|_| has_sent))
}

/// The days that the report looks back, written `7` or `D7`.
fn period(row: &Row) -> Result<Option<u32>, Rejected> {
    let Some(text) = row.text("reportperiod") else { return Ok(None) };
    let days = text.trim_start_matches(['D', 'd']).parse().ok().filter(|days| (1..=LONGEST_PERIOD).contains(days));
    let bad = || row.reject("reportperiod", format!("{} is no period such as 7 or D180", cells::quote(&text)));
    days.map(Some).ok_or_else(bad)
}
