//! `[schedule]`: when the daemon runs.
use croner::parser::{CronParser, Seconds, Year};
use jiff::{
    civil::{DateTime, date},
    tz::TimeZone,
};

use super::{
    layer::Entry,
    section::{Fault, Section},
    values,
};

/// `[schedule]`: when the daemon runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Cron expression of five or six fields (seconds first), in the policy's zone.
    pub evaluate: String,
}

pub(super) fn read(mut section: Section<'_>) -> Option<Schedule> {
    let evaluate = section.value("evaluate", cron);
    section.finish();
    Some(Schedule { evaluate: evaluate? })
}

fn cron(entry: &Entry) -> Result<String, Fault> {
    let text = values::text(entry)?;
    let fields: Vec<&str> = text.split_whitespace().collect();
    let (day, weekday) = match fields.as_slice() {
        [_, _, day, _, weekday] | [_, _, _, day, _, weekday] => (*day, *weekday),
        _ => return Err(Fault::new("must be a cron expression of five or six fields").tip(Some(EXAMPLE.into()))),
    };
    let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
    let cron = match parser.parse(&text) {
        Ok(cron) => cron,
        Err(error) => {
            let tip = error.to_string().trim_end_matches('.').to_owned();
            return Err(Fault::new("is no cron expression").tip(Some(tip)));
        }
    };
    if cron
        .find_next_occurrence(&SOME_DAY.to_zoned(TimeZone::UTC).map_err(|_| Fault::new("never comes"))?, true)
        .is_err()
    {
        return Err(Fault::new("never comes").tip(Some(EXAMPLE.into())));
    }
    if is_restricted(day) && is_restricted(weekday) {
        let tip = "cron runs on days that match either; restrict one of them";
        return Err(Fault::new("restricts both the day of the month and the weekday").tip(Some(tip.into())));
    }
    Ok(text)
}

/// A day from which an expression that can come, comes.
const SOME_DAY: DateTime = date(2024, 1, 1).at(0, 0, 0, 0);

const EXAMPLE: &str = "\"30 7 * * *\" is 7.30am every day";

fn is_restricted(field: &str) -> bool {
    !matches!(field, "*" | "?")
}
