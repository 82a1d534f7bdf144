//! What a file is good for: the rules it feeds and leaves off, who has vanished since the file before it, and how much of
//! its date columns is blank beside that one.
//!
//! Pure: load reports in, load reports out. Nothing is held back for it; that is the breaker's part.

use super::load::{Blanks, Earlier, LoadReport, RuleOff};
use crate::{
    domain::{
        facts::Field,
        feeds::{self, Feed, Feeding, Lack},
        policy::Policy,
        snapshot::Source,
    },
    sources::DateColumn,
};

impl LoadReport {
    /// Fills in what a file that was read is good for, beside the one of its source before it.
    pub(super) fn weigh(&mut self, before: Option<&Self>, policy: &Policy) {
        let feeds = feeds_of(self, policy);
        let fed = feeds.iter().filter(|feed| feed.feeding != Feeding::Off);
        self.rules_fed = fed.map(|feed| feed.rule.to_string()).collect();
        self.rules_off = feeds.iter().filter(|feed| feed.feeding != Feeding::Full).map(RuleOff::from).collect();
        self.before = before.map(|before| Earlier { file: before.file.clone(), as_of: before.as_of });
        let listed_on = before.and_then(|before| before.as_of);
        self.vanished = listed_on.and_then(|day| self.absent.get(&day).copied()).unwrap_or_default();
        let earlier = before.map(|before| before.dates.as_slice()).unwrap_or_default();
        self.blanks = self.dates.iter().map(|column| blanks(column, earlier)).collect();
    }

    /// Its source, if this version knows it.
    #[must_use]
    pub fn known_source(&self) -> Option<Source> {
        self.source.as_deref().and_then(Source::parse)
    }

    /// Why a column tells nothing.
    fn lack(&self, column: &str) -> Option<Lack> {
        if self.missing_columns.iter().any(|missing| missing == column) {
            return Some(Lack::Missing);
        }
        let dates = self.dates.iter().find(|dates| dates.name == column)?;
        (dates.cells > 0 && dates.blank >= dates.cells).then_some(Lack::Blank)
    }
}

/// What a file is to the rules that are asked at all.
pub(super) fn feeds_of(report: &LoadReport, policy: &Policy) -> Vec<Feed> {
    let Some(source) = report.known_source() else { return Vec::new() };
    let mut feeds = feeds::feeds(source, |column| report.lack(column));
    feeds.retain(|feed| policy.rule(feed.rule).enabled);
    feeds
}

/// Whether a file gives a field.
pub(super) fn gives(report: &LoadReport, field: Field) -> bool {
    report.known_source().is_some_and(|source| feeds::gives(source, field, |column| report.lack(column)))
}

impl From<&Feed> for RuleOff {
    fn from(feed: &Feed) -> Self {
        let state = if feed.feeding == Feeding::Off { "off" } else { "weaker" };
        Self {
            rule: feed.rule.to_string(),
            state: state.to_owned(),
            columns: feed.columns.iter().map(|column| (*column).to_owned()).collect(),
            why: feed.why.clone(),
        }
    }
}

fn blanks(column: &DateColumn, earlier: &[DateColumn]) -> Blanks {
    let before = earlier.iter().find(|other| other.name == column.name).map(share);
    Blanks { column: column.name.clone(), share: share(column), before }
}

/// The share of blanks, to the thousandth: as many digits as anybody compares.
fn share(column: &DateColumn) -> f64 {
    let all = u128::from(column.cells.max(1));
    let thousandths = (u128::from(column.blank) * 1_000 + all / 2) / all;
    f64::from(u32::try_from(thousandths).unwrap_or(1_000)) / 1_000.0
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::config;

    fn policy() -> Policy {
        let sources = config::Sources { today: date(2026, 11, 20), ..config::Sources::default() };
        config::load(&sources).expect("the defaults are right").config.policy
    }

    fn column(name: &str, cells: u64, blank: u64) -> DateColumn {
        DateColumn { name: name.to_owned(), is_anchor: true, cells, blank, bad: 0, first_bad: None }
    }

    fn portal(day: i8, dates: Vec<DateColumn>) -> LoadReport {
        LoadReport {
            source: Some("portal_mailbox".to_owned()),
            as_of: Some(date(2026, 11, day)),
            dates,
            ..LoadReport::empty(&format!("2026-11-{day} Mailbox Report.csv"))
        }
    }

    #[test]
    fn a_file_is_held_against_the_one_before_it() {
        let before = portal(19, vec![column("LastLogIn", 1_000, 14)]);
        let mut report = portal(20, vec![column("LastLogIn", 2_000, 1_001), column("CreatedOn", 0, 0)]);
        report.absent = [(date(2026, 11, 18), 7), (date(2026, 11, 19), 3)].into();
        report.weigh(Some(&before), &policy());
        assert_eq!(report.vanished, 3, "who was gone before is not gone again");
        assert_eq!(report.before.map(|before| before.file).as_deref(), Some("2026-11-19 Mailbox Report.csv"));
        let shares: Vec<_> = report.blanks.iter().map(|b| (b.column.as_str(), b.share, b.before)).collect();
        assert_eq!(shares, [("LastLogIn", 0.501, Some(0.014)), ("CreatedOn", 0.0, None)]);
    }

    #[test]
    fn rules_that_are_turned_off_are_no_loss() {
        let mut policy = policy();
        policy.leaver.enabled = false;
        let mut report = portal(20, vec![column("CreatedOn", 9, 9)]);
        report.missing_columns = vec!["MarkAsLeaverDate".to_owned()];
        report.weigh(None, &policy);
        assert_eq!(report.rules_fed, ["inactivity", "restore"], "CreatedOn is what activation counts from");
        let off: Vec<_> = report.rules_off.iter().map(|off| (off.rule.as_str(), off.state.as_str())).collect();
        assert_eq!(off, [("activation", "off")]);
        assert_eq!(report.rules_off.first().map(|off| off.why.as_str()), Some("CreatedOn is blank in every row"));
    }
}
