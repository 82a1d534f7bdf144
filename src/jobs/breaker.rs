//! Asks the breaker about a plan, and about a file before it is believed (domain rule 19).
//!
//! A file that looks wrong is not loaded: what it says could not be taken back, for a date of evidence never moves back.
//! It is put aside, the next run is held for it, and whoever approves that run lets the file in.

use std::collections::BTreeSet;

use super::{JobError, Site, load::LoadReport, vitals::vitals};
use crate::{
    domain::{
        breaker::{Limits, check},
        plan::Plan,
        snapshot::Source,
    },
    store::SnapshotRow,
};

/// What trips the breaker for a run: the plan itself, and the files that were found to look wrong since the last one.
/// `fresh` are reports of files that this run put aside and that are not in the store.
///
/// # Errors
/// When the store fails.
pub async fn trips(site: &Site, plan: &Plan, fresh: &[LoadReport]) -> Result<Vec<String>, JobError> {
    let limits = &site.config.breaker;
    if !limits.enabled {
        return Ok(Vec::new());
    }
    let doubts = site.store.list_doubts(None).await?.into_iter().map(|doubt| doubt.why);
    let fresh = fresh.iter().filter_map(|report| report.doubt.clone());
    Ok(of_plan(limits, plan).into_iter().chain(doubts).chain(fresh).collect())
}

/// What in a plan trips the breaker, as sentences.
#[must_use]
pub fn of_plan(limits: &Limits, plan: &Plan) -> Vec<String> {
    let opening: BTreeSet<_> = plan.opened.iter().map(|opened| opened.subject).collect();
    check(limits, opening.len() as u64, plan.report.subjects, &[]).iter().map(ToString::to_string).collect()
}

/// What looks wrong about a file beside the one before it, in sentences; `None` when nothing does.
#[must_use]
pub fn of_file(limits: &Limits, report: &LoadReport, before: Option<&LoadReport>) -> Option<String> {
    let trips = vitals(report, before).map(|vitals| check(limits, 0, 0, &[vitals])).unwrap_or_default();
    let sentences: Vec<_> = trips.iter().map(ToString::to_string).collect();
    (!sentences.is_empty()).then(|| sentences.join(" "))
}

/// What looks wrong about a file beside the snapshots in the store; `None` when nothing does, or nobody asks.
///
/// # Errors
/// When the store fails.
pub async fn doubt(site: &Site, report: &LoadReport) -> Result<Option<String>, JobError> {
    if !site.config.breaker.enabled {
        return Ok(None);
    }
    let source = report.source.as_deref().and_then(Source::parse);
    let known = site.store.list_snapshots().await?;
    let of_source: Vec<_> = known.iter().filter(|row| Some(row.source) == source).collect();
    let before = before(&of_source, report).and_then(|row| serde_json::from_str(&row.report).ok());
    Ok(of_file(&site.config.breaker, report, before.as_ref()))
}

/// The snapshot that a file is held against: the newest that is not of a later day, or else the oldest there is.
fn before<'a>(of_source: &[&'a SnapshotRow], report: &LoadReport) -> Option<&'a SnapshotRow> {
    let earlier = of_source.iter().rev().find(|row| report.as_of.is_none_or(|as_of| row.as_of_on <= as_of));
    earlier.or(of_source.first()).copied()
}
