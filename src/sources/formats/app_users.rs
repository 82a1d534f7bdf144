//! Microsoft 365's app users report, as CSV: when somebody last used an Office app.
//!
//! To have activated Office is not to have used it, so that date is not read.
use super::{Format, Row, usage};
use crate::domain::snapshot::{Observation, Record, Source};
use crate::sources::error::Rejected;

/// The format.
pub(super) const FORMAT: Format = Format {
    source: Source::AppUsers,
    known_by: "Last Activation Date and Outlook (Windows)",
    recognises: |has| has("lastactivationdate") && has("outlookwindows"),
    columns: &[usage::REFRESHED, usage::WHO, usage::USED],
    skips: usage::is_guest,
    read,
};

fn read(row: &Row) -> Result<Record, Rejected> {
    let used_on = row.date("lastactivitydate")?;
    Ok(Record::Subject(Box::new(Observation { last_activity_on: used_on, ..usage::account(row)? })))
}
