//! The looks of a run: everybody who is awake is looked at, part by part, and nobody else (domain/wake.rs).

use std::collections::BTreeMap;

use jiff::civil::Date;
use tokio::task::block_in_place;
use xxhash_rust::xxh3::xxh3_64;

use super::{
    Site,
    window::{PART, Window},
};
use crate::{
    domain::{
        calendar::Calendar,
        freshness::MaxAges,
        plan::{Planning, settle},
        planner::{Made, OpenFinding, Planner},
        policy::{Policy, Rule},
        register::{Subject, SubjectId},
        subject::Kind,
        wake,
    },
    store::{Awake, Looked, Standings, StoreError, Waking},
};

/// Rises when this version looks at subjects otherwise than the one before.
const LOOKS: u32 = 1;

/// What a run saw of everybody who was awake.
#[derive(Debug)]
pub struct Surveyed {
    /// The plan, and what the looks found out.
    pub made: Made,
    /// Whom it looked at.
    pub awake: Awake,
    /// What was concluded about subjects.
    pub concluded: BTreeMap<SubjectId, Subject>,
    /// What it went by.
    pub went_by: String,
    /// Rules that have something to go by.
    pub fed: Vec<Rule>,
}

impl Surveyed {
    /// What is to be written with the plan.
    #[must_use]
    pub fn looked(&self) -> Looked<'_> {
        let Made { looks, findings, .. } = &self.made;
        Looked { awake: &self.awake, looks, findings, went_by: &self.went_by, fed: &self.fed }
    }
}

/// Asks who is awake on a day, and what that goes by.
///
/// # Errors
/// When the store fails.
pub async fn awake(
    site: &Site,
    window: &mut Window,
    standings: &Standings,
    today: Date,
) -> Result<(Awake, String), StoreError> {
    let config = &site.config;
    let ages = &config.snapshots.max_age;
    let went_by = went_by(&config.policy, &config.calendar, ages, window.lists().sends_watched_since());
    let snoozed = standings.snoozes.iter().filter(|snooze| snooze.until_on > today);
    let snoozed: Vec<_> = snoozed.map(|snooze| snooze.subject).collect();
    let with_findings = wake::is_any_too_old(window.lists(), ages, today);
    let waking = Waking { today, went_by: &went_by, with_findings, also: &snoozed };
    Ok((window.reading().find_awake(waking).await?, went_by))
}

/// A print of everything that a look goes by besides the subject and the day: while it is the same, who sleeps may sleep.
fn went_by(policy: &Policy, calendar: &Calendar, ages: &MaxAges, watched_since: Option<Date>) -> String {
    let everything = format!("{LOOKS} {policy:?} {calendar:?} {ages:?} {watched_since:?}");
    format!("{:016x}", xxh3_64(everything.as_bytes()))
}

/// Looks at everybody who is awake, and plans.
///
/// # Errors
/// When the store fails.
pub async fn survey(
    site: &Site,
    mut window: Window,
    standings: &Standings,
    planning: Planning<'_>,
) -> Result<Surveyed, StoreError> {
    let (awake, went_by) = awake(site, &mut window, standings, planning.today).await?;
    let mut made = make(&mut window, planning, &awake.subjects).await?;
    let report = &mut made.plan.report;
    report.fed.extend(&awake.fed);
    if !awake.is_everybody {
        report.subjects = awake.listed;
    }
    let fed = report.fed.iter().copied().collect();
    Ok(Surveyed { made, awake, concluded: window.into_concluded(), went_by, fed })
}

/// Plans for these subjects as if they were all that there are.
///
/// # Errors
/// When the store fails.
pub async fn make(window: &mut Window, planning: Planning<'_>, subjects: &[SubjectId]) -> Result<Made, StoreError> {
    let last_episode = window.reading().find_told(&[]).await?.last_episode();
    let mut planner = Planner::new(planning, last_episode);
    look(window, planning, subjects, &mut planner).await?;
    address(window, planning, &mut planner).await?;
    Ok(planner.finish())
}

async fn look(
    window: &mut Window,
    planning: Planning<'_>,
    subjects: &[SubjectId],
    planner: &mut Planner<'_>,
) -> Result<(), StoreError> {
    for some in subjects.chunks(PART) {
        let mut part = window.part(some).await?;
        let told = window.reading().find_told(some).await?;
        block_in_place(|| {
            let missing = settle(planning, &mut part);
            planner.look_at(&part, &told, &missing, part.subjects());
        });
        let (mut touched, _) = part.take_changes();
        // What a mailbox is found by follows what is believed of it, which may change without a word of its own.
        let is_believed_anew =
            |subject: &&Subject| subject.facts.kind() == Kind::Shared && wake::wakes_with_load(&part, subject);
        touched.extend(part.subjects().filter(is_believed_anew).map(|subject| subject.id));
        window.conclude(touched.into_iter().filter_map(|id| part.find(id).cloned()));
    }
    Ok(())
}

/// Addresses findings, as many together as have [`PART`] subjects.
async fn address(window: &mut Window, planning: Planning<'_>, planner: &mut Planner<'_>) -> Result<(), StoreError> {
    let is_spoken_of = |finding: &OpenFinding| !finding.is_silent;
    let mut begin = 0;
    while begin < planner.findings().len() {
        let end = planner.findings().len().min(begin + PART);
        let some = planner.findings().get(begin..end).unwrap_or_default();
        let mut ids: Vec<_> = some.iter().filter(|finding| is_spoken_of(finding)).map(|found| found.subject).collect();
        ids.dedup();
        let register = window.around(planning, &ids, &[]).await?;
        block_in_place(|| planner.address(&register, begin..end));
        begin = end;
    }
    Ok(())
}
