//! The unified audit log (F13): sends as, and on behalf of, another mailbox.
//!
//! `Search-UnifiedAuditLog` and the Purview portal both write it, times in UTC. Everything is in one JSON cell a row;
//! whose mailbox it was and whether the send went through is taken from there, the rest is dropped here.
use serde::Deserialize;

use super::{Format, Row};
use crate::domain::snapshot::{Observation, Record, Source};
use crate::sources::{
    cells,
    dates::Wall,
    error::Rejected,
    header::{Column, Holds},
};

/// Operations that tell of a send from a mailbox by somebody else.
const SENDS: [&str; 2] = ["sendas", "sendonbehalf"];

/// The format. The command calls the operation `Operations`, the portal `Operation`.
pub(super) const FORMAT: Format = Format {
    source: Source::Sends,
    known_by: "AuditData, CreationDate and Operations",
    recognises: |has| has("auditdata") && DATES.into_iter().any(has) && OPERATIONS.into_iter().any(has),
    columns: &[
        Column::wanted("CreationDate", &DATES, Holds::Stamp(Wall::Utc)),
        Column::wanted("Operations", &OPERATIONS, Holds::Text),
        Column::wanted("AuditData", &["auditdata"], Holds::Text),
    ],
    skips,
    read,
};

const DATES: [&str; 2] = ["creationdate", "creationdates"];
const OPERATIONS: [&str; 2] = ["operations", "operation"];

/// What is read of the JSON.
#[derive(Deserialize)]
struct Detail {
    #[serde(rename = "SendAsUserSmtp")]
    sent_as: Option<String>,
    #[serde(rename = "SendOnBehalfOfUserSmtp")]
    sent_on_behalf_of: Option<String>,
    #[serde(rename = "ResultStatus")]
    result: Option<String>,
}

fn skips(row: &Row) -> bool {
    let is_send = row.text("operations").is_some_and(|text| SENDS.contains(&text.to_lowercase().as_str()));
    let failed = || detail(row).is_some_and(|detail| detail.result.is_some_and(|word| is_failure(&word)));
    !is_send || row.text("creationdate").is_none() || failed()
}

fn is_failure(word: &str) -> bool {
    word.to_lowercase().starts_with("fail")
}

fn detail(row: &Row) -> Option<Detail> {
    serde_json::from_str(&row.text("auditdata")?).ok()
}

fn read(row: &Row) -> Result<Record, Rejected> {
    let detail = detail(row).ok_or_else(|| row.reject("auditdata", "the cell is no JSON; export it again"))?;
    let mailbox = [detail.sent_as, detail.sent_on_behalf_of].into_iter().flatten().find(|text| !text.trim().is_empty());
    let mailbox = mailbox.ok_or_else(|| row.reject("auditdata", "it names no mailbox that was sent from"))?;
    let address = cells::address(&mailbox).map_err(|reason| row.reject("auditdata", reason))?;
    let observation = Observation {
        line: row.line(),
        address: Some(address),
        last_sent_on: row.date("creationdate")?,
        ..Observation::default()
    };
    Ok(Record::Subject(Box::new(observation)))
}
