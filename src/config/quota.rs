//! `[mail.quota]` and `mail.window`: how much may leave, and in which hours.
use jiff::civil::Time;

use super::{
    layer::Entry,
    section::{Fault, Section},
    values::{choice, text, whole},
};
use crate::domain::{hours::Window, quota::Quota};

/// Reads `[mail.quota]`: a preset's numbers, or none, and over them those that are given.
pub(super) fn read(mut section: Section<'_>) -> Quota {
    let preset = section.find("preset", choice(&Quota::PRESETS)).unwrap_or_default();
    let per_minute = section.find("per_minute", whole(1..=1_000_000));
    let per_day = section.find("per_day", whole(1..=10_000_000));
    let connections = section.find("connections", whole(1..=1_000));
    section.finish();
    Quota {
        per_minute: per_minute.or(preset.per_minute),
        per_day: per_day.or(preset.per_day),
        connections: connections.or(preset.connections),
    }
}

/// `08:00-18:00`
pub(super) fn window(entry: &Entry) -> Result<Window, Fault> {
    let fault = || Fault::new("must be hours of a day such as \"08:00-18:00\"");
    let text = text(entry)?;
    let (from, to) = text.split_once('-').and_then(|(from, to)| Some((time(from)?, time(to)?))).ok_or_else(fault)?;
    if from < to { Ok(Window { from, to }) } else { Err(fault().tip(Some("the first must be the earlier".into()))) }
}

fn time(text: &str) -> Option<Time> {
    Time::strptime("%H:%M", text.trim()).ok()
}
