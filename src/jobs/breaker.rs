//! Asks the breaker about a plan and the snapshots it rests on (domain rule 19).
//!
//! Reads the load reports that were kept with the snapshots; changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    JobError, Site,
    load::{LoadOutcome, LoadReport},
    vitals::vitals,
};
use crate::domain::{
    breaker::{Limits, Trip, Vitals, check},
    plan::Plan,
    snapshot::Source,
};

/// What trips the breaker: the plan itself, or a snapshot that no run has gone by yet. `fresh` are the reports of files
/// that are merged for this plan and not in the store.
///
/// # Errors
/// When the store fails.
pub async fn trips(site: &Site, plan: &Plan, fresh: &[LoadReport]) -> Result<Vec<Trip>, JobError> {
    let limits = &site.config.breaker;
    if !limits.enabled {
        return Ok(Vec::new());
    }
    let kept = site.store.list_snapshots().await?;
    let kept = kept.iter().filter_map(|row| Some((serde_json::from_str(&row.report).ok()?, row.is_cleared)));
    let reports: Vec<_> = kept.chain(fresh.iter().map(|report| (report.clone(), false))).collect();
    Ok(trips_of(limits, plan, &reports))
}

/// As [`trips`], for load reports at hand, oldest first, each with whether its snapshot is cleared.
#[must_use]
pub fn trips_of(limits: &Limits, plan: &Plan, reports: &[(LoadReport, bool)]) -> Vec<Trip> {
    let opening: BTreeSet<_> = plan.opened.iter().map(|opened| opened.subject).collect();
    check(limits, opening.len() as u64, plan.report.subjects, &all_vitals(reports))
}

/// The newest snapshots of each source that are not cleared, each beside the newest that is, or else the one before.
fn all_vitals(reports: &[(LoadReport, bool)]) -> Vec<Vitals> {
    let mut by_source: BTreeMap<Source, Vec<(LoadReport, bool)>> = BTreeMap::new();
    for (report, is_cleared) in reports.iter().filter(|(report, _)| report.outcome == LoadOutcome::Loaded) {
        if let Some(source) = report.source.as_deref().and_then(Source::parse) {
            by_source.entry(source).or_default().push((report.clone(), *is_cleared));
        }
    }
    by_source.into_values().flat_map(|reports| newest_vitals(&reports)).collect()
}

fn newest_vitals(reports: &[(LoadReport, bool)]) -> Vec<Vitals> {
    let newest_on = reports.iter().map(|(report, _)| report.as_of).max().flatten();
    let cleared = reports.iter().rev().find(|(_, is_cleared)| *is_cleared);
    let earlier = reports.iter().rev().find(|(report, _)| report.as_of < newest_on);
    let before = cleared.or(earlier).map(|(report, _)| report);
    let is_asked = |(report, is_cleared): &&(LoadReport, bool)| !is_cleared && report.as_of == newest_on;
    reports.iter().filter(is_asked).filter_map(|(report, _)| vitals(report, before)).collect()
}
