//! `[snapshots]`: folders that exports pass through, and how they are read.
use std::path::PathBuf;

use super::{
    section::{Given, Section},
    values::{flag, path, whole, whole_days},
};
use crate::domain::{freshness::MaxAges, snapshot::Source};

/// Sources whose greatest age has a key of its own: `sends` is one too, but asked for by name, and contacts never grow
/// old.
const AGED: [Source; 13] = [
    Source::PortalMailbox,
    Source::PortalMfa,
    Source::GraphUsers,
    Source::GraphDeleted,
    Source::ExchangeMailboxes,
    Source::ExchangeStatistics,
    Source::EmailActivity,
    Source::MailboxUsage,
    Source::ActiveUsers,
    Source::AppUsers,
    Source::EntraUsers,
    Source::AdUsers,
    Source::Canonical,
];

/// `[snapshots]`: folders that exports pass through, and how they are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshots {
    /// Where operators drop exports.
    pub inbox: PathBuf,
    /// Where loaded files go.
    pub archive: PathBuf,
    /// Where refused files go, each with a `.reason.txt` beside it.
    pub quarantine: PathBuf,
    /// Files stay in the inbox after loading (for a read-only share); known ones are then passed over silently.
    pub keep_in_place: bool,
    /// How many seconds a file must be unchanged before it is taken.
    pub settle_secs: u64,
    /// How often the daemon looks into the inbox, in seconds.
    pub poll_secs: u64,
    /// Slash dates that could be either are read day first.
    pub day_first: bool,
    /// `[snapshots.max_age]`: how old what each source says may be.
    pub max_age: MaxAges,
}

pub(super) fn read(mut section: Section<'_>) -> Option<Snapshots> {
    let folders = ["inbox", "archive", "quarantine"].map(|name| (name, section.value_at(name, path)));
    let keep_in_place = section.value("keep_in_place", flag);
    let settle_secs = section.value("settle_secs", whole(0..=3_600));
    let poll_secs = section.value("poll_secs", whole(1..=86_400));
    let day_first = section.value("day_first", flag);
    let max_age = read_max_age(section.section("max_age"));
    check_differ(&section, &folders);
    section.finish();
    let [(_, inbox), (_, archive), (_, quarantine)] = folders;
    Some(Snapshots {
        inbox: inbox?.value,
        archive: archive?.value,
        quarantine: quarantine?.value,
        keep_in_place: keep_in_place?,
        settle_secs: settle_secs?,
        poll_secs: poll_secs?,
        day_first: day_first?,
        max_age: max_age?,
    })
}

fn read_max_age(mut section: Section<'_>) -> Option<MaxAges> {
    let own = AGED.map(|source| Some((source, section.find(source.as_str(), whole_days)?)));
    let [passwords, sends, others] = ["passwords", "sends", "others"].map(|name| section.value(name, whole_days));
    section.finish();
    let by_source = own.into_iter().flatten().collect();
    Some(MaxAges { passwords: passwords?, sends: sends?, by_source, others: others? })
}

/// A file that is loaded or refused must leave the folder it came from.
fn check_differ(section: &Section<'_>, folders: &[(&str, Option<Given<PathBuf>>)]) {
    let mut seen: Vec<(&str, &Given<PathBuf>)> = Vec::new();
    for (name, folder) in folders.iter().filter_map(|(name, folder)| Some((*name, folder.as_ref()?))) {
        if let Some((other, earlier)) = seen.iter().find(|(_, earlier)| earlier.value == folder.value) {
            let at = if folder.at.is_default() { &earlier.at } else { &folder.at };
            let message = format!("`{}` and `{}` are the same folder", section.key(other), section.key(name));
            section.problems.error(Some(at), message, None);
        }
        seen.push((name, folder));
    }
}
