//! What a word of the command line stands for. Each error says what to write instead.

use jiff::{Timestamp, civil::Date};

use crate::domain::{outbox::Verdict, policy::Rule};

/// The most days that held messages are spread over: a warning that waits longer is no warning.
const MOST_DAYS: u16 = 60;

/// A civil day: `2026-11-20`.
pub(super) fn date(word: &str) -> Result<Date, String> {
    word.parse().map_err(|_| "write a day of the calendar, such as 2026-11-20".to_owned())
}

/// An instant: `2026-11-20T08:00:00Z`.
pub(super) fn instant(word: &str) -> Result<Timestamp, String> {
    word.parse().map_err(|_| "write day, time and zone, such as 2026-11-20T08:00:00Z".to_owned())
}

/// A rule by its name.
pub(super) fn rule(word: &str) -> Result<Rule, String> {
    let names: Vec<_> = Rule::ALL.iter().map(|rule| rule.as_str()).collect();
    Rule::parse(word).ok_or_else(|| format!("the rules are {}", names.join(", ")))
}

/// `5d`, `5 days`, `1w`: whole days, from 1 to [`MOST_DAYS`].
pub(super) fn days(word: &str) -> Result<u16, String> {
    let fault = || format!("write 1d to {MOST_DAYS}d, or weeks");
    let span: jiff::Span = word.parse().map_err(|_| fault())?;
    let days = span.get_weeks().saturating_mul(7).saturating_add(span.get_days());
    let is_whole = span.fieldwise() == jiff::Span::new().weeks(span.get_weeks()).days(span.get_days());
    u16::try_from(days).ok().filter(|days| is_whole && (1..=MOST_DAYS).contains(days)).ok_or_else(fault)
}

/// What a person decides about a message.
pub(super) fn verdict(word: &str) -> Result<Verdict, String> {
    Verdict::parse(word).ok_or_else(|| "decide accepted, resend or drop".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_written_as_a_day_and_the_error_says_how() {
        assert_eq!(date("2026-11-20"), Ok(jiff::civil::date(2026, 11, 20)));
        for word in ["yesterday", "20/11/2026", "2026-11-31", "2026-13-01", ""] {
            assert_eq!(date(word), Err("write a day of the calendar, such as 2026-11-20".to_owned()), "{word}");
        }
    }
}
