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
    /// What an operator can change: a default stage is only wrong because of the deadline.
    fn shown<'a>(&'a self, at: &'a Mark) -> &'a Mark {
        if at.is_default() { &self.deadline.at } else { at }
    }

    fn deadline_tip(&self) -> String {
        format!("the deadline is after {}", self.deadline.value)
    }
}

/// A ladder laid out from one anchor.
struct Trial {
    anchor: Date,
    deadline: Date,
    /// The days of each stage: the first one's nominal day, then its repeats.
    days: Vec<(Date, Vec<Date>)>,
}

impl Trial {
    fn new(ladder: &Ladder, anchor: Date) -> Self {
        let deadline = ladder.deadline.value.after(anchor);
        let days = ladder.stages.iter().map(|stage| days(&stage.value, anchor, deadline)).collect();
        Self { anchor, deadline, days }
    }

    /// The first day of the stage at this place of the ladder.
    fn nominal(&self, stage: usize) -> Option<Date> {
        self.days.get(stage).map(|(first, _)| *first)
    }

    fn share_a_day(&self, one: usize, other: usize) -> bool {
        let (Some(one), Some(other)) = (self.days.get(one), self.days.get(other)) else { return false };
        let has = |(first, repeats): &(Date, Vec<Date>), day: &Date| first == day || repeats.contains(day);
        has(one, &other.0) || other.1.iter().any(|day| has(one, day))
    }
}

fn days(stage: &Stage, anchor: Date, deadline: Date) -> (Date, Vec<Date>) {
    let first = match stage.placement {
        Placement::After(span) => span.after(anchor),
        Placement::Before(span) => span.before(deadline),
    };
    let times = i32::try_from(stage.repeat_max).unwrap_or(i32::MAX);
    let repeats = stage.repeat_every.map(|every| (1..times).map(|n| every.times(n).after(first)).collect());
    (first, repeats.unwrap_or_default())
}

/// Every anchor of a leap year and the year after it.
fn trials(ladder: &Ladder) -> Vec<Trial> {
    let anchors = date(2024, 1, 1).series(1.day()).take_while(|day| day.year() <= 2025);
    anchors.map(|anchor| Trial::new(ladder, anchor)).collect()
}

/// Reports everything that is wrong with a ladder; a rule that is off need not leave anybody a day.
pub(super) fn check(
    ladder: &Ladder,
    enabled: Option<bool>,
    inactive_after: Option<&Given<Span>>,
    holidays: &BTreeSet<Date>,
    problems: &Collector,
) {
    let trials = trials(ladder);
    check_inactive(ladder, &trials, inactive_after, problems);
    for (at, stage) in ladder.stages.iter().enumerate() {
        check_inside(ladder, &trials, (at, stage), problems);
        for (earlier_at, earlier) in ladder.stages.iter().enumerate().take(at) {
            check_names(ladder, earlier, stage, problems);
            if trials.iter().any(|trial| trial.share_a_day(earlier_at, at)) {
                report_one_day(ladder, earlier, stage, problems);
            }
        }
    }
    if enabled == Some(true) && ladder.is_whole {
        check_leaves_a_day(ladder, &trials, holidays, problems);
    }
}

fn check_inactive(ladder: &Ladder, trials: &[Trial], inactive_after: Option<&Given<Span>>, problems: &Collector) {
    let Some(inactive) = inactive_after else { return };
    if trials.iter().any(|trial| inactive.value.after(trial.anchor) > trial.deadline) {
        let message = format!("`rules.{}.inactive_after` is after the deadline", ladder.rule);
        problems.error(Some(ladder.shown(&inactive.at)), message, Some(ladder.deadline_tip()));
    }
}

fn check_inside(ladder: &Ladder, trials: &[Trial], (at, stage): (usize, &Given<Stage>), problems: &Collector) {
    let nominals = || trials.iter().filter_map(|trial| Some((trial, trial.nominal(at)?)));
    let says = match stage.value.placement {
        Placement::After(_) if nominals().any(|(trial, day)| day > trial.deadline) => "comes after its deadline",
        Placement::Before(_) if nominals().any(|(trial, day)| day < trial.anchor) => "comes before the rule begins",
        _ => return,
    };
    let message = format!("stage `{}` of `rules.{}` {says}", stage.value.name, ladder.rule);
    problems.error(Some(ladder.shown(&stage.at)), message, Some(ladder.deadline_tip()));
}

fn check_names(ladder: &Ladder, earlier: &Given<Stage>, later: &Given<Stage>, problems: &Collector) {
    if earlier.value.name == later.value.name {
        let message = format!("`rules.{}` has two stages named `{}`", ladder.rule, later.value.name);
        problems.error(Some(&later.at), message, None);
    }
}

fn report_one_day(ladder: &Ladder, earlier: &Given<Stage>, later: &Given<Stage>, problems: &Collector) {
    let names = format!("`{}` and `{}`", earlier.value.name, later.value.name);
    let message = format!("stages {names} of `rules.{}` fall on one day", ladder.rule);
    problems.error(Some(ladder.shown(&later.at)), message, Some("only the later one would be sent".into()));
}

fn check_leaves_a_day(ladder: &Ladder, trials: &[Trial], holidays: &BTreeSet<Date>, problems: &Collector) {
    let calendar = Calendar::new(holidays.iter().copied());
    let always = |at: usize, stage: &Stage| {
        let mut days = trials.iter().filter_map(|trial| Some((trial, trial.nominal(at)?)));
        days.all(|(trial, nominal)| leaves_a_day(stage, nominal, trial.deadline, &calendar))
    };
    if !ladder.stages.iter().enumerate().any(|(at, stage)| always(at, &stage.value)) {
        let message = format!("no stage of `rules.{}` leaves its reader a working day to act", ladder.rule);
        let tip =
            if ladder.stages.is_empty() { "it has no stage" } else { "set one earlier, before every long weekend" };
        problems.error(Some(ladder.shown(&ladder.stages_at)), message, Some(tip.into()));
    }
}

/// Whether an open day lies between the day the stage fires on, counted, and the deadline, not counted.
fn leaves_a_day(stage: &Stage, nominal: Date, deadline: Date, calendar: &Calendar) -> bool {
    let fires_on = match stage {
        Stage { any_day: true, .. } => nominal,
        Stage { states_fact: true, .. } => calendar.open_on_or_after(nominal),
        _ => calendar.open_on_or_before(nominal),
    };
    calendar.open_on_or_after(fires_on) < deadline
}
