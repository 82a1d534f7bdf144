//! Every source: how new its newest file is and which rules it feeds; and what no loaded file tells.
//!
//! Reads the newest file of each source with its load report, and no subject: it takes no longer for a million. What a
//! file feeds is asked anew, so that the answer fits the policy of today.

use std::collections::BTreeSet;

use jiff::{Timestamp, civil::Date};

use super::{
    JobError, Site,
    load::LoadReport,
    shelves::{PutAside, refused_since},
    worth::{feeds_of, gives},
};
use crate::{
    domain::{
        day::days_between,
        facts::Field,
        feeds::{self, Feed, Feeding},
        policy::Rule,
        snapshot::Source,
    },
    store::SnapshotRow,
};

/// A source of which a file was loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Supplier {
    /// Which.
    pub source: Source,
    /// Name of its newest file.
    pub file: String,
    /// The day that file describes.
    pub as_of: Date,
    /// When it was loaded.
    pub loaded_at: Timestamp,
    /// How many days ago its day is.
    pub age_days: i32,
    /// How many days that may be; `None` when it never grows old.
    pub max_age_days: Option<i32>,
    /// Rows of the file.
    pub rows: u64,
    /// Of these, rows that could not be read.
    pub rejected: u64,
    /// What it is to the rules that its format can feed.
    pub feeds: Vec<Feed>,
    /// Rules that its format never feeds.
    pub never: Vec<Rule>,
}

impl Supplier {
    /// Whether rules that count on it are silent (18).
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.max_age_days.is_some_and(|most| self.age_days > most)
    }
}

/// What a rule waits for, or all but one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanting {
    /// What the rule counts from.
    Rule(Rule),
    /// Which accounts are people's and which mailboxes are shared.
    Kinds,
}

/// Something that no loaded file tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Want {
    /// What.
    pub wanting: Wanting,
    /// The sources whose complete files would tell.
    pub would: Vec<Source>,
}

/// Where everything that is known comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Supply {
    /// The sources of which a file was loaded, the best first.
    pub suppliers: Vec<Supplier>,
    /// What nobody tells.
    pub wants: Vec<Want>,
    /// The last file that was refused after the newest was loaded.
    pub refused: Option<PutAside>,
}

impl Supply {
    /// Sources never loaded that would feed a rule which waits, each with those rules.
    #[must_use]
    pub fn never_loaded(&self, site: &Site) -> Vec<(Source, Vec<Rule>)> {
        let is_loaded = |source: &Source| self.suppliers.iter().any(|supplier| supplier.source == *source);
        let rules = |source: Source| {
            let wants = self.wants.iter().filter(|want| want.would.contains(&source));
            let rules: BTreeSet<_> = wants.flat_map(|want| waiting(site, want.wanting)).collect();
            (source, rules.into_iter().collect::<Vec<_>>())
        };
        let sources = Source::ALL.into_iter().filter(|source| !is_loaded(source));
        sources.map(rules).filter(|(_, rules)| !rules.is_empty()).collect()
    }
}

/// Asks what every source gives.
///
/// # Errors
/// When the store or the quarantine cannot be read.
pub async fn supply(site: &Site) -> Result<Supply, JobError> {
    let newest = site.store.list_newest_snapshots().await?;
    let mut loaded: Vec<_> = newest.iter().map(|row| (row, report_of(row))).collect();
    loaded.sort_by_key(|(row, _)| Source::ALL.iter().position(|source| *source == row.source));
    let suppliers: Vec<_> = loaded.iter().map(|(row, report)| supplier(site, row, report)).collect();
    let reports: Vec<_> = loaded.into_iter().map(|(_, report)| report).collect();
    let since = suppliers.iter().map(|supplier| supplier.loaded_at).max().unwrap_or(Timestamp::MIN);
    let refused = refused_since(site, since)?.pop();
    Ok(Supply { wants: wants(site, &reports), suppliers, refused })
}

/// The report that the store kept; of one that cannot be read only what the row says.
fn report_of(row: &SnapshotRow) -> LoadReport {
    let kept = serde_json::from_str(&row.report).unwrap_or_else(|_| LoadReport::empty(&row.file_name));
    LoadReport { source: Some(row.source.as_str().to_owned()), ..kept }
}

fn supplier(site: &Site, row: &SnapshotRow, report: &LoadReport) -> Supplier {
    let age_days = days_between(row.as_of_on, site.today());
    let feeds = feeds_of(report, &site.config.policy);
    let is_fed = |rule: &Rule| feeds.iter().any(|feed| feed.rule == *rule);
    Supplier {
        source: row.source,
        file: row.file_name.clone(),
        as_of: row.as_of_on,
        loaded_at: row.loaded_at,
        age_days,
        max_age_days: max_age_of(site, report, row.source),
        rows: row.row_count,
        rejected: row.rejected_count,
        never: enabled(site).filter(|rule| !is_fed(rule)).collect(),
        feeds,
    }
}

/// What rules count from.
const TOLD: [Field; 4] = [Field::LastActivityOn, Field::Status, Field::PasswordChangedOn, Field::LastSentOn];

/// The strictest limit among those of what a file tells: a list of passwords is fresh for longer than a list of uses.
fn max_age_of(site: &Site, report: &LoadReport, source: Source) -> Option<i32> {
    let told = TOLD.into_iter().filter(|field| gives(report, *field));
    told.filter_map(|field| site.config.snapshots.max_age.of(source, field)).min()
}

fn enabled(site: &Site) -> impl Iterator<Item = Rule> {
    Rule::ALL.into_iter().filter(|rule| site.config.policy.rule(*rule).enabled)
}

/// The rules that wait for something.
fn waiting(site: &Site, wanting: Wanting) -> Vec<Rule> {
    match wanting {
        Wanting::Rule(rule) => vec![rule],
        Wanting::Kinds => enabled(site).filter(|rule| *rule != Rule::Restore).collect(),
    }
}

fn wants(site: &Site, reports: &[LoadReport]) -> Vec<Want> {
    let policy = &site.config.policy;
    let feeds = reports.iter().flat_map(|report| feeds_of(report, policy));
    let fed: BTreeSet<_> = feeds.filter(|feed| feed.feeding != Feeding::Off).map(|feed| feed.rule).collect();
    let rules = enabled(site).filter(|rule| !fed.contains(rule));
    let rules = rules.map(|rule| Want { wanting: Wanting::Rule(rule), would: feeds::feeders(rule).collect() });
    let has_kinds = reports.iter().any(|report| gives(report, Field::Kind));
    let kinds = (!has_kinds).then(|| Want { wanting: Wanting::Kinds, would: feeds::givers(Field::Kind).collect() });
    rules.chain(kinds).collect()
}
