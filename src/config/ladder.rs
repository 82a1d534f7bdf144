//! What can be wrong with a ladder although each of its stages can be read:
//!
//! - two stages of one name;
//! - a stage after its deadline, or before the anchor;
//! - two stages on one day, repeats counted;
//! - no stage that leaves its reader a working day to act.
//!
//! Months and weekends make the answer depend on the anchor, so every anchor of two years is tried, always the same
//! two: what passes today passes tomorrow.
use std::collections::BTreeSet;

use jiff::{
    ToSpan,
    civil::{Date, date},
};

use super::{layer::Mark, problem::Collector, section::Given};
use crate::domain::{
    calendar::Calendar,
    policy::{Placement, Rule, Span, Stage},
};

/// A rule's ladder with the places of its parts.
pub(super) struct Ladder {
    pub(super) rule: Rule,
    /// From the anchor to the deadline.
    pub(super) deadline: Given<Span>,
    pub(super) stages_at: Mark,
    /// Each with the place of its span.
    pub(super) stages: Vec<Given<Stage>>,
    /// Whether every configured stage could be read.
    pub(super) is_whole: bool,
}

impl Ladder {
    fn deadline_of(&self, anchor: Date) -> Date {
        self.deadline.value.after(anchor)
    }

    fn nominal(&self, stage: &Stage, anchor: Date) -> Date {
        match stage.placement {
            Placement::After(span) => span.after(anchor),
            Placement::Before(span) => span.before(self.deadline_of(anchor)),
        }
    }

    /// The days of a stage and its repeats.
    fn days(&self, stage: &Stage, anchor: Date) -> Vec<Date> {
        let first = self.nominal(stage, anchor);
        let times = i32::try_from(stage.repeat_max).unwrap_or(i32::MAX);
        let repeats =
            stage.repeat_every.into_iter().flat_map(|every| (1..times).map(move |n| every.times(n).after(first)));
        std::iter::once(first).chain(repeats).collect()
    }

    /// What an operator can change: a default stage is only wrong because of the deadline.
    fn shown<'a>(&'a self, at: &'a Mark) -> &'a Mark {
        if at.is_default() { &self.deadline.at } else { at }
    }
}

/// The anchors that ladders are tried with: a leap year and the year after it.
fn anchors() -> impl Iterator<Item = Date> {
    date(2024, 1, 1).series(1.day()).take_while(|day| day.year() <= 2025)
}

/// Reports everything that is wrong with a ladder; a rule that is off need not leave anybody a day.
pub(super) fn check(
    ladder: &Ladder,
    enabled: Option<bool>,
    inactive_after: Option<&Given<Span>>,
    holidays: &BTreeSet<Date>,
    problems: &Collector,
) {
    check_inactive(ladder, inactive_after, problems);
    for stage in &ladder.stages {
        check_inside(ladder, stage, problems);
    }
    check_pairs(ladder, problems);
    if enabled == Some(true) && ladder.is_whole {
        check_leaves_a_day(ladder, holidays, problems);
    }
}

fn check_inactive(ladder: &Ladder, inactive_after: Option<&Given<Span>>, problems: &Collector) {
    let Some(inactive) = inactive_after else { return };
    if anchors().any(|anchor| inactive.value.after(anchor) > ladder.deadline_of(anchor)) {
        let message = format!("`rules.{}.inactive_after` is after the deadline", ladder.rule);
        problems.error(Some(ladder.shown(&inactive.at)), message, Some(deadline_tip(ladder)));
    }
}

fn deadline_tip(ladder: &Ladder) -> String {
    format!("the deadline is after {}", ladder.deadline.value)
}

fn check_inside(ladder: &Ladder, stage: &Given<Stage>, problems: &Collector) {
    let nominal = |anchor| ladder.nominal(&stage.value, anchor);
    let says = match stage.value.placement {
        Placement::After(_) if anchors().any(|anchor| nominal(anchor) > ladder.deadline_of(anchor)) => {
            "comes after its deadline"
        }
        Placement::Before(_) if anchors().any(|anchor| nominal(anchor) < anchor) => "comes before the rule begins",
        _ => return,
    };
    let message = format!("stage `{}` of `rules.{}` {says}", stage.value.name, ladder.rule);
    problems.error(Some(ladder.shown(&stage.at)), message, Some(deadline_tip(ladder)));
}

fn check_pairs(ladder: &Ladder, problems: &Collector) {
    for (at, later) in ladder.stages.iter().enumerate() {
        for earlier in ladder.stages.iter().take(at) {
            check_pair(ladder, &earlier.value, later, problems);
        }
    }
}

fn check_pair(ladder: &Ladder, earlier: &Stage, later: &Given<Stage>, problems: &Collector) {
    let (rule, name) = (ladder.rule, &later.value.name);
    if earlier.name == *name {
        problems.error(Some(&later.at), format!("`rules.{rule}` has two stages named `{name}`"), None);
    }
    if anchors().any(|anchor| share_a_day(ladder, earlier, &later.value, anchor)) {
        let message = format!("stages `{}` and `{name}` of `rules.{rule}` fall on one day", earlier.name);
        let tip = "only the later one would be sent".to_owned();
        problems.error(Some(ladder.shown(&later.at)), message, Some(tip));
    }
}

fn share_a_day(ladder: &Ladder, one: &Stage, other: &Stage, anchor: Date) -> bool {
    let days = ladder.days(one, anchor);
    ladder.days(other, anchor).iter().any(|day| days.contains(day))
}

fn check_leaves_a_day(ladder: &Ladder, holidays: &BTreeSet<Date>, problems: &Collector) {
    let calendar = Calendar::new(holidays.iter().copied());
    let always = |stage: &Stage| anchors().all(|anchor| leaves_a_day(ladder, stage, anchor, &calendar));
    if !ladder.stages.iter().any(|stage| always(&stage.value)) {
        let message = format!("no stage of `rules.{}` leaves its reader a working day to act", ladder.rule);
        let tip = "a weekend or a bank holiday can fill all days up to the deadline";
        problems.error(Some(ladder.shown(&ladder.stages_at)), message, Some(tip.into()));
    }
}

/// Whether an open day lies between the day the stage fires on, counted, and the deadline, not counted.
fn leaves_a_day(ladder: &Ladder, stage: &Stage, anchor: Date, calendar: &Calendar) -> bool {
    let nominal = ladder.nominal(stage, anchor);
    let fires_on = match stage {
        Stage { any_day: true, .. } => nominal,
        Stage { states_fact: true, .. } => calendar.open_on_or_after(nominal),
        _ => calendar.open_on_or_before(nominal),
    };
    calendar.open_on_or_after(fires_on) < ladder.deadline_of(anchor)
}
