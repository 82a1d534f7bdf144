//! `[rules.<rule>]`: limits and ladders as the domain wants them.
use std::collections::BTreeSet;

use jiff::civil::Date;

use super::{
    ladder::{self, Ladder},
    layer::Entry,
    section::{Fault, Given, Section},
    values::{audience, choice, flag, positive_span, span, text, whole},
};
use crate::domain::policy::{OnUnknown, Placement, Rule, RulePolicy, Span, Stage};

/// The rules, each checked.
pub(super) struct Rules {
    pub(super) inactivity: RulePolicy,
    pub(super) activation: RulePolicy,
    pub(super) password: RulePolicy,
    pub(super) leaver: RulePolicy,
    pub(super) restore: RulePolicy,
    pub(super) shared_mailbox: RulePolicy,
}

const ON_UNKNOWN: [(&str, OnUnknown); 2] = [("hold", OnUnknown::Hold), ("resend", OnUnknown::Resend)];

/// Reads every rule; `holidays` are the days the ladders are tried against.
pub(super) fn read(mut section: Section<'_>, holidays: &BTreeSet<Date>) -> Option<Rules> {
    let mut rule = |rule: Rule| read_rule(section.section(rule.as_str()), rule, holidays);
    let inactivity = rule(Rule::Inactivity);
    let activation = rule(Rule::Activation);
    let password = rule(Rule::Password);
    let leaver = rule(Rule::Leaver);
    let restore = rule(Rule::Restore);
    let shared_mailbox = rule(Rule::SharedMailbox);
    section.finish();
    Some(Rules {
        inactivity: inactivity?,
        activation: activation?,
        password: password?,
        leaver: leaver?,
        restore: restore?,
        shared_mailbox: shared_mailbox?,
    })
}

fn read_rule(mut section: Section<'_>, rule: Rule, holidays: &BTreeSet<Date>) -> Option<RulePolicy> {
    let enabled = section.value("enabled", flag);
    let deadline = section.value_at("deadline_after", positive_span);
    let inactive_after = read_inactive_after(&mut section, rule);
    let stages = section.list("stages");
    let problems = section.problems;
    section.finish();
    let ladder = read_ladder(rule, deadline, stages)?;
    ladder::check(&ladder, enabled, inactive_after.as_ref(), holidays, problems);
    Some(RulePolicy {
        enabled: enabled?,
        deadline_after: ladder.deadline.value,
        inactive_after: inactive_after.map(|given| given.value),
        stages: ladder.stages.into_iter().map(|stage| stage.value).collect(),
    })
}

/// Only the rules about unused accounts know a day on which the account becomes inactive.
fn read_inactive_after(section: &mut Section<'_>, rule: Rule) -> Option<Given<Span>> {
    let becomes_inactive = matches!(rule, Rule::Inactivity | Rule::Activation);
    becomes_inactive.then(|| section.value_at("inactive_after", positive_span)).flatten()
}

/// The stages that could be read; a faulty one has its problem already, whatever becomes of the rest.
fn read_ladder(rule: Rule, deadline: Option<Given<Span>>, stages: Option<Given<Vec<Section<'_>>>>) -> Option<Ladder> {
    let Given { value: sections, at: stages_at } = stages?;
    let count = sections.len();
    let stages: Vec<_> = sections.into_iter().filter_map(read_stage).collect();
    let is_whole = stages.len() == count;
    Some(Ladder { rule, deadline: deadline?, stages_at, stages, is_whole })
}

fn read_stage(mut section: Section<'_>) -> Option<Given<Stage>> {
    let name = section.value("name", stage_name);
    let placement = read_placement(&mut section);
    let audience = section.value("audience", audience);
    let mark = |section: &mut Section<'_>, name| section.find(name, flag).unwrap_or(false);
    let states_fact = mark(&mut section, "states_fact");
    let any_day = mark(&mut section, "any_day");
    let alone = mark(&mut section, "alone");
    let (repeat_every, repeat_max) = read_repeat(&mut section);
    let on_unknown = section.find("on_unknown", choice(&ON_UNKNOWN)).unwrap_or_default();
    section.finish();
    let Given { value: placement, at } = placement?;
    let (name, audience) = (name?, audience?);
    let stage = Stage { name, placement, audience, states_fact, any_day, alone, repeat_every, repeat_max, on_unknown };
    Some(Given { value: stage, at })
}

/// Exactly one of `after` and `before`.
fn read_placement(section: &mut Section<'_>) -> Option<Given<Placement>> {
    let (has_after, has_before) = (section.has("after"), section.has("before"));
    let after = section.find_at("after", span);
    let before = section.find_at("before", span);
    let place =
        |given: Given<Span>, placement: fn(Span) -> Placement| Given { value: placement(given.value), at: given.at };
    match (has_after, has_before) {
        (true, false) => after.map(|given| place(given, Placement::After)),
        (false, true) => before.map(|given| place(given, Placement::Before)),
        (true, true) => {
            section.refuse_table(before.as_ref().map(|given| &given.at), "has both `after` and `before`");
            None
        }
        (false, false) => {
            section.refuse_table(None, "needs `after` or `before`");
            None
        }
    }
}

/// Distance between repeats, and how often in all.
fn read_repeat(section: &mut Section<'_>) -> (Option<Span>, u32) {
    let has_every = section.has("repeat_every");
    let every = section.find_at("repeat_every", positive_span);
    let most = section.find_at("repeat_max", whole::<u32>(1..=100));
    match (&every, &most) {
        (None, Some(most)) if !has_every => {
            let message = format!("`{}` needs `repeat_every`", section.key("repeat_max"));
            section.problems.error(Some(&most.at), message, None);
        }
        (Some(every), None) => {
            let message = format!("`{}` needs `repeat_max`", section.key("repeat_every"));
            section.problems.warn(Some(&every.at), message, None);
        }
        _ => {}
    }
    (every.map(|every| every.value), most.map_or(1, |most| most.value))
}

/// Names stand in the ledger and in file names; `#` is for repeats.
fn stage_name(entry: &Entry) -> Result<String, Fault> {
    let name = text(entry)?;
    if name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) {
        Ok(name)
    } else {
        Err(Fault::new("may hold letters, digits, - and _ only"))
    }
}
