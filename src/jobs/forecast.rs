//! What will go out next if nothing changes: the planner, run ahead on what is known.

use jiff::{Span, civil::Date};

use crate::{
    config::Config,
    domain::{
        gates,
        message::Message,
        plan::{Planning, Told, plan, settle},
        register::Register,
    },
};

/// The first of the `days` days from `first` on on which messages would be planned, and those messages.
#[must_use]
pub fn next_messages(
    config: &Config,
    mut register: Register,
    mut told: Told,
    first: Date,
    days: usize,
) -> Option<(Date, Vec<Message>)> {
    for day in first.series(Span::new().days(1)).take(days) {
        let planning = Planning { policy: &config.policy, calendar: &config.calendar, today: day, gates: &gates::OPEN };
        let missing = settle(planning, &mut register);
        let plan = plan(planning, &register, &told, missing);
        if !plan.messages.is_empty() {
            return Some((day, plan.messages));
        }
        told.apply(&plan);
    }
    None
}
