//! Asks the breaker about a plan, and about a file before it is believed (domain rule 19).
//!
//! A file that looks wrong is not loaded: what it says could not be taken back, for a date of evidence never moves back.
//! It is put aside, the next run is held for it, and whoever approves that run lets the file in.

use std::collections::BTreeSet;

use jiff::civil::Date;

use super::{
    JobError, Site,
    load::{Candidate, LoadOutcome, LoadReport, LooksWrong},
    vitals::vitals,
};
use crate::{
    domain::{
        breaker::{Limits, check},
        plan::Plan,
        snapshot::Source,
    },
    store::{Doubt, DoubtState, SnapshotRow},
};

/// What trips the breaker for a run: the plan itself, and the files that were found to look wrong since the last one.
/// `fresh` are reports of files that this run would put aside, in a dry run. A file found while the breaker was on is
/// asked about even when it is off by now: nothing else would ever let it in.
///
/// # Errors
/// When the store fails.
pub async fn trips(site: &Site, plan: &Plan, fresh: &[LoadReport]) -> Result<Vec<String>, JobError> {
    let doubts = site.store.list_doubts(None).await?;
    let doubts = doubts.iter().flat_map(|doubt| doubt.why.lines().map(str::to_owned));
    let fresh = fresh.iter().filter_map(|report| report.doubt.as_ref()).filter(|doubt| !doubt.is_noted);
    let fresh = fresh.flat_map(|doubt| doubt.why.clone());
    Ok(of_plan(&site.config.breaker, plan).into_iter().chain(doubts).chain(fresh).collect())
}

/// What in a plan trips the breaker, as sentences.
#[must_use]
pub fn of_plan(limits: &Limits, plan: &Plan) -> Vec<String> {
    let opening: BTreeSet<_> = plan.opened.iter().map(|opened| opened.subject).collect();
    check(limits, opening.len() as u64, plan.report.subjects, &[]).iter().map(ToString::to_string).collect()
}

/// What looks wrong about a file beside the one before it, a sentence or two each.
#[must_use]
pub fn of_file(limits: &Limits, report: &LoadReport, before: Option<&LoadReport>) -> Vec<String> {
    let trips = vitals(report, before).map(|vitals| check(limits, 0, 0, &[vitals])).unwrap_or_default();
    trips.iter().map(ToString::to_string).collect()
}

/// What is known of a file before it is merged; asked for then, so that nothing is asked while it is being written.
#[derive(Debug)]
pub struct Standing {
    /// What a person was asked about it, or has said.
    known: Option<Doubt>,
    /// The report of the file it is held against.
    pub before: Option<LoadReport>,
}

impl Standing {
    /// What is known of a file of this source and day. `fresh` are the reports of files that a dry run merged and that
    /// are not in the store.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn of(site: &Site, candidate: &Candidate, as_of: Date, fresh: &[LoadReport]) -> Result<Self, JobError> {
        let known = site.store.find_doubt(&candidate.sha256).await?;
        Ok(Self { known, before: before(site, candidate.export.source(), as_of, fresh).await? })
    }

    /// What looks wrong about the file beside the one before it; `None` when nothing does, or nobody asks, or somebody
    /// has approved it.
    ///
    /// A file about which a person is asked already stays in doubt, whatever else has come meanwhile.
    #[must_use]
    pub fn doubt(&self, limits: &Limits, report: &LoadReport) -> Option<LooksWrong> {
        match self.known.as_ref().map(|known| (known.state, known)) {
            _ if !limits.enabled => None,
            Some((DoubtState::Believed, _)) => None,
            Some((DoubtState::Doubted, known)) => {
                Some(LooksWrong { why: known.why.lines().map(str::to_owned).collect(), is_noted: true })
            }
            Some((DoubtState::Dismissed, _)) | None => {
                let why = of_file(limits, report, self.before.as_ref());
                (!why.is_empty()).then_some(LooksWrong { why, is_noted: false })
            }
        }
    }
}

/// What a file is held against: the newest of its source that is not of a later day, or else the oldest there is.
async fn before(
    site: &Site,
    source: Source,
    as_of: Date,
    fresh: &[LoadReport],
) -> Result<Option<LoadReport>, JobError> {
    let snapshots = site.store.list_snapshots().await?;
    let of_source: Vec<_> = snapshots.iter().filter(|row| row.source == source).collect();
    let is_earlier = |row: &SnapshotRow| row.as_of_on <= as_of;
    let kept = of_source.iter().rev().find(|row| is_earlier(row)).or(of_source.first());
    let is_of_source = |other: &&LoadReport| other.known_source() == Some(source);
    let merged = fresh.iter().filter(|other| other.outcome == LoadOutcome::Loaded).filter(is_of_source);
    let merged = merged.filter(|other| other.as_of <= Some(as_of)).max_by_key(|other| other.as_of);
    let is_newer = |merged: &&LoadReport| {
        kept.is_none_or(|row| !is_earlier(row) || merged.as_of.is_none_or(|as_of| as_of >= row.as_of_on))
    };
    let kept = || kept.and_then(|row| serde_json::from_str(&row.report).ok());
    Ok(merged.filter(is_newer).cloned().or_else(kept))
}
