//! The coverage list from what the store holds: the same for the operator's message, for `status` and for
//! `list --coverage` (domain rule 27). Reads who was told; writes nothing.
//!
//! Who sleeps since the newest run is asked by index: the overdue, those near a deadline of whom nobody was told, those
//! about whom nobody else read at the newest look. Who is awake is looked at.

use std::collections::BTreeSet;

use jiff::Span;
use tokio::task::block_in_place;

use super::{
    Site,
    facts::gates,
    survey::awake,
    window::{PART, Window},
};
use crate::{
    domain::{
        coverage::{Gap, Uncovered, uncovered},
        message::Message,
        plan::{Plan, Planning, settle},
        policy::{Rule, Rung},
        register::{Register, SubjectId},
    },
    store::{Candidate, MessageState, Standings, StoreError},
};

/// Messages planned today that are still on their way: what they tell is being told.
const ON_THEIR_WAY: [MessageState; 3] = [MessageState::Pending, MessageState::Leased, MessageState::Deferred];

/// The coverage list of a day, or as much of it as was asked for.
pub struct Coverage {
    /// The findings, soonest deadline first.
    pub lines: Vec<Uncovered>,
    /// How many there are in all.
    pub total: u64,
    /// Their subjects, and everybody around them.
    pub register: Register,
}

/// A plan that is not written yet.
#[derive(Clone, Copy)]
pub struct Unwritten<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// Whom its run looked at, rising.
    pub looked: &'a [SubjectId],
}

/// Today's coverage list, at most so many lines of it.
///
/// # Errors
/// When the store fails.
pub async fn coverage(
    site: &Site,
    standings: &Standings,
    unwritten: Option<Unwritten<'_>>,
    most: usize,
) -> Result<Coverage, StoreError> {
    let today = site.today();
    let gates = gates(site, standings, []);
    let planning = Planning { gates: &gates, ..site.planning(today) };
    let told = ToldNow::of(site, unwritten.map(|unwritten| unwritten.plan)).await?;
    let mut window = Window::open(site.store.as_ref()).await?;
    let looked = match unwritten {
        Some(unwritten) => unwritten.looked.to_vec(),
        None => awake(site, &mut window, standings, today).await?.0.subjects,
    };
    let near_on = today.saturating_add(Span::new().days(site.config.policy.coverage_within_days));
    let is_asleep = |subject: SubjectId| looked.binary_search(&subject).is_err();
    let untold = window.reading().list_untold(today, near_on).await?;
    let (gaps, gap_count) = window.reading().list_gaps(today, &looked, most).await?;
    let of_candidate = |found: &Candidate| (found.subject, found.rule);
    let named: BTreeSet<_> = untold.iter().map(of_candidate).collect();
    let asked = looked.iter().copied().chain(untold.iter().map(|found| found.subject)).collect();
    let mut lines = of(&mut window, planning, asked, &told).await?;
    // Of those who sleep only what was asked for: their other gaps are counted by what the newest look found.
    lines.retain(|line| {
        !is_asleep(line.subject) || (named.contains(&(line.subject, line.rule)) && line.gap != Gap::Overdue)
    });
    let asked_count = lines.len() as u64;
    let named: BTreeSet<_> = gaps.iter().map(of_candidate).collect();
    let asked = gaps.iter().map(|found| found.subject).collect();
    let of_gaps = of(&mut window, planning, asked, &told).await?;
    lines.extend(of_gaps.into_iter().filter(|line| named.contains(&(line.subject, line.rule))));
    lines.sort();
    lines.dedup();
    let is_whole = gaps.len() as u64 == gap_count;
    let total = if is_whole { lines.len() as u64 } else { asked_count + gap_count };
    lines.truncate(most);
    let mut shown: Vec<_> = lines.iter().map(|line| line.subject).collect();
    shown.sort_unstable();
    shown.dedup();
    let register = window.around(planning, &shown, &[]).await?;
    Ok(Coverage { lines, total, register })
}

/// What is told today beside what the store knows to have been accepted.
struct ToldNow {
    /// Planned and on its way.
    told: BTreeSet<(SubjectId, Rule)>,
    /// Episodes that end: what was told in them counts no more.
    closed: BTreeSet<(SubjectId, Rule)>,
}

impl ToldNow {
    async fn of(site: &Site, plan: Option<&Plan>) -> Result<Self, StoreError> {
        let today = site.today();
        let stored = site.store.list_messages(&ON_THEIR_WAY).await?;
        let stored: Vec<_> = stored.into_iter().map(|stored| stored.message).filter(|told| told.on == today).collect();
        let planned = plan.map(|plan| plan.messages.as_slice()).unwrap_or_default();
        let closed = plan.map(|plan| plan.closed.as_slice()).unwrap_or_default();
        Ok(Self {
            told: told_to_others(&stored).chain(told_to_others(planned)).collect(),
            closed: closed.iter().map(|closed| (closed.subject, closed.rule)).collect(),
        })
    }
}

fn told_to_others(messages: &[Message]) -> impl Iterator<Item = (SubjectId, Rule)> {
    let notices = messages.iter().flat_map(|message| &message.notices);
    notices.filter(|notice| notice.rung != Rung::Operator).map(|notice| (notice.subject_id, notice.rule))
}

/// The lines of some subjects.
async fn of(
    window: &mut Window,
    planning: Planning<'_>,
    subjects: BTreeSet<SubjectId>,
    now: &ToldNow,
) -> Result<Vec<Uncovered>, StoreError> {
    let subjects: Vec<_> = subjects.into_iter().collect();
    let mut lines = Vec::new();
    for some in subjects.chunks(PART) {
        let mut register = window.around(planning, some, &[]).await?;
        let accepted = window.reading().list_accepted(some).await?.into_iter();
        let covered = accepted.filter(|told| !now.closed.contains(told)).chain(now.told.iter().copied()).collect();
        block_in_place(|| {
            settle(planning, &mut register);
            let asked = some.iter().filter_map(|id| register.find(*id)).filter(|subject| subject.is_listed());
            lines.extend(uncovered(planning, &register, asked, &covered));
        });
    }
    Ok(lines)
}
