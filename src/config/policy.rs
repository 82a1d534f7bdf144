//! `[policy]`: time zone, bank holidays, and who counts as reading.
use jiff::{civil::Date, tz::TimeZone};

use super::{
    holidays,
    layer::Entry,
    rules::Rules,
    section::{Fault, Section},
    values::{list, path, text, whole},
};
use crate::domain::{calendar::Calendar, policy::Policy, subject::Address};

/// `[policy]` as written; the domain's own policy holds the rules too.
pub(super) struct Basics {
    pub(super) time_zone: TimeZone,
    pub(super) calendar: Calendar,
    pub(super) covered_domains: Vec<String>,
    pub(super) read_within_days: i32,
    pub(super) episode_tolerance_days: i32,
    pub(super) coverage_within_days: i32,
}

pub(super) fn read(mut section: Section<'_>, today: Date) -> Option<Basics> {
    let time_zone = section.value("time_zone", time_zone);
    let file = section.find_at("bank_holidays", path);
    let division = section.value_at("division", text);
    let covered_domains = section.value("covered_domains", list(domain));
    let read_within_days = section.value("read_within_days", whole(1..=365));
    let episode_tolerance_days = section.value("episode_tolerance_days", whole(0..=60));
    let coverage_within_days = section.value("coverage_within_days", whole(0..=60));
    let calendar = division.and_then(|division| holidays::calendar(file, &division, today, section.problems));
    section.finish();
    Some(Basics {
        time_zone: time_zone?,
        calendar: calendar?,
        covered_domains: covered_domains?,
        read_within_days: read_within_days?,
        episode_tolerance_days: episode_tolerance_days?,
        coverage_within_days: coverage_within_days?,
    })
}

fn time_zone(entry: &Entry) -> Result<TimeZone, Fault> {
    let name = text(entry)?;
    let fault = |_| Fault::new("is no time zone").tip(Some("such as \"Europe/London\"".into()));
    TimeZone::get(&name).map_err(fault)
}

fn domain(entry: &Entry) -> Result<String, Fault> {
    let domain = text(entry)?.to_lowercase();
    let is_word = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '-');
    if domain.split('.').all(is_word) { Ok(domain) } else { Err(Fault::new("must hold domains such as \"nhs.net\"")) }
}

/// The domain's policy.
pub(super) fn join(basics: Basics, rules: Rules, operator: Address) -> Policy {
    Policy {
        inactivity: rules.inactivity,
        activation: rules.activation,
        password: rules.password,
        leaver: rules.leaver,
        restore: rules.restore,
        shared_mailbox: rules.shared_mailbox,
        covered_domains: basics.covered_domains,
        read_within_days: basics.read_within_days,
        episode_tolerance_days: basics.episode_tolerance_days,
        coverage_within_days: basics.coverage_within_days,
        operator,
    }
}
