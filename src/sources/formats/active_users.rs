//! Microsoft 365's active users report: when each service was last used. Any of those that are read keeps an account
//! alive.
use jiff::civil::Date;

use super::{Format, Row, usage};
use crate::domain::snapshot::{Observation, Record, Source};
use crate::sources::{error::Rejected, header::Column};

/// The columns of a service's newest use. Yammer is Viva Engage in newer files. Skype is not among them: to have used
/// that is not what keeps an account.
const SERVICES: [&str; 6] = [
    "exchangelastactivitydate",
    "onedrivelastactivitydate",
    "sharepointlastactivitydate",
    "teamslastactivitydate",
    "yammerlastactivitydate",
    "vivaengagelastactivitydate",
];

/// The format.
pub(super) const FORMAT: Format = Format {
    source: Source::ActiveUsers,
    known_by: "Exchange Last Activity Date",
    recognises: |has| has("exchangelastactivitydate"),
    columns: &[
        usage::REFRESHED,
        usage::WHO,
        usage::NAME,
        usage::IS_DELETED,
        usage::DELETED,
        Column::wanted("Exchange Last Activity Date", &["exchangelastactivitydate"], usage::DAY).anchor(),
        Column::wanted("OneDrive Last Activity Date", &["onedrivelastactivitydate"], usage::DAY),
        Column::wanted("SharePoint Last Activity Date", &["sharepointlastactivitydate"], usage::DAY),
        Column::wanted("Teams Last Activity Date", &["teamslastactivitydate"], usage::DAY),
        Column::optional(&["yammerlastactivitydate"], usage::DAY),
        Column::optional(&["vivaengagelastactivitydate"], usage::DAY),
    ],
    skips: usage::is_guest,
    read,
};

fn read(row: &Row) -> Result<Record, Rejected> {
    let mut used_on: Option<Date> = None;
    for service in SERVICES {
        used_on = used_on.max(row.date(service)?);
    }
    Ok(Record::Subject(Box::new(Observation { last_activity_on: used_on, ..usage::account(row)? })))
}
