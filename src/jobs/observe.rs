//! The inbox: complete files are taken, loaded in one transaction each, and moved on.
//!
//! - A file is taken when it has not changed for a while; names that mean "still being written" are left alone.
//! - A loaded or duplicate file goes to the archive, a refused one to quarantine with a `.reason.txt` beside it.
//! - The store commits before the file moves: a crash in between makes a duplicate, never a loss.
//! - A file about a day that has not come yet waits in the inbox for that day.

use std::{
    fs, io,
    panic::resume_unwind,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use jiff::{Timestamp, civil::Date};
use rustix::fs::{Access, access};
use tokio::task::spawn_blocking;

use super::{
    JobError, Site,
    breaker::Standing,
    folder,
    inbox::{Look, Looks, complete, look, look_around},
    intake::{self, Failed, Merged},
    load::{Candidate, LoadOutcome, LoadReport, LooksWrong, file_name, sha256},
    load_log, read_settings,
    shelves::{make_ready, put_away, try_out},
};
use crate::{
    config::Snapshots,
    domain::facts::SnapshotId,
    sources::{ReadError, other_than_file},
    store::{Doubt, DoubtState, SnapshotRow, Taken},
};

/// What a look into the inbox found and did.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// One report per file that was taken.
    pub loads: Vec<LoadReport>,
    /// What stays in the inbox: files that are still being written or wait for their day, and what is no file.
    pub left: Vec<(String, String)>,
    /// Files that should have left the inbox and could not be moved, with the reason: somebody must make room.
    pub stuck: Vec<(String, String)>,
}

impl Observed {
    /// Whether any file was refused.
    #[must_use]
    pub fn has_quarantined(&self) -> bool {
        self.loads.iter().any(|report| report.outcome == super::load::LoadOutcome::Quarantined)
    }

    /// Whether any file could not be put where it belongs.
    #[must_use]
    pub fn has_stuck(&self) -> bool {
        !self.stuck.is_empty()
    }

    /// Whether any file waits for a person to say that it is right.
    #[must_use]
    pub fn has_doubted(&self) -> bool {
        self.loads.iter().any(|report| report.doubt.is_some())
    }
}

/// Takes a look, waits, and loads every file that is complete. For `once`, which looks only one time.
///
/// # Errors
/// When a folder or the store fails.
pub async fn sweep(site: &Site, progress: &(dyn Fn(&str, u64) + Sync)) -> Result<Observed, JobError> {
    let snapshots = &site.config.snapshots;
    make_inbox(site)?;
    let before = look(&snapshots.inbox)?;
    let settle = Duration::from_secs(snapshots.settle_secs);
    if has_recent(&before, settle) {
        wait(settle, progress).await;
    }
    let found = look_around(&snapshots.inbox)?;
    let (ready, unfinished) = complete(&before, &found.files);
    let mut observed = take(site, &ready, progress).await?;
    observed.left.extend(found.passed_over.into_iter().map(|passed| (passed.file, passed.why)));
    let still = |path: &PathBuf| (file_name(path), "it is still being written: it is taken when it is complete".into());
    observed.left.extend(unfinished.iter().map(still));
    Ok(observed)
}

/// Waits, with a sign of life now and then.
async fn wait(span: Duration, progress: &(dyn Fn(&str, u64) + Sync)) {
    let mut left = span;
    while !left.is_zero() {
        let part = left.min(BETWEEN_SIGNS);
        tokio::time::sleep(part).await;
        left -= part;
        progress("the inbox", 0);
    }
}

fn make_inbox(site: &Site) -> Result<(), JobError> {
    let inbox = &site.config.snapshots.inbox;
    if inbox.exists() { Ok(()) } else { fs::create_dir_all(inbox).map_err(folder("make the inbox", inbox)) }
}

/// Makes the folders that exports pass through, and tries whether they can be used.
///
/// # Errors
/// The first folder that cannot be used.
pub fn prepare(site: &Site) -> Result<(), JobError> {
    make_inbox(site)?;
    try_inbox(site)?;
    make_ready(site)?;
    try_out(site)
}

/// Files must be found in the inbox and, unless they stay there, be taken out of it.
fn try_inbox(site: &Site) -> Result<(), JobError> {
    let Snapshots { inbox, keep_in_place, .. } = &site.config.snapshots;
    let look_in = Access::READ_OK | Access::EXEC_OK;
    let wanted = if *keep_in_place { look_in } else { look_in | Access::WRITE_OK };
    let failed = |source: io::Error| JobError::Inbox { path: inbox.display().to_string(), source };
    fs::read_dir(inbox).map_err(failed)?;
    access(inbox, wanted).map_err(|errno| failed(errno.into()))
}

#[expect(clippy::disallowed_methods, reason = "compared with the file system's own times, which --at does not move")]
fn has_recent(looks: &Looks, settle: Duration) -> bool {
    let now = SystemTime::now();
    let age = |look: &Look| look.modified.and_then(|at| now.duration_since(at).ok()).unwrap_or_default();
    looks.values().any(|look| age(look) < settle)
}

/// Loads complete files of the inbox, oldest day first, files without a day before all.
///
/// # Errors
/// When a folder or the store fails; what was loaded until then stays loaded.
pub async fn take(site: &Site, paths: &[PathBuf], progress: &(dyn Fn(&str, u64) + Sync)) -> Result<Observed, JobError> {
    let mut observed = Observed::default();
    if paths.is_empty() {
        return Ok(observed);
    }
    make_ready(site)?;
    let loader = Loader::new(site);
    let mut fresh = Vec::new();
    for path in paths {
        if !loader.is_kept_and_known(path).await? {
            fresh.push(path.clone());
        }
    }
    // A large file is read for a while to find out what it is: on a thread of its own, so that who is to stop need not wait.
    let here = site.clone();
    let recognised = spawn_blocking(move || recognise(&here, &fresh)).await;
    let (candidates, refused) = recognised.unwrap_or_else(|panic| resume_unwind(panic.into_panic()));
    for (path, reason) in refused {
        let report = LoadReport::refused(&file_name(&path), reason);
        observed.stuck.extend(stuck(&path, &report, put_away(site, &path, &report)));
        load_log::tell(&report);
        observed.loads.push(report);
    }
    for candidate in candidates {
        let as_of = day_of(site, &candidate);
        if as_of > site.today() {
            let why = format!("it describes {as_of}, which has not come yet: it is loaded on that day");
            observed.left.push((candidate.name, why));
            continue;
        }
        let report = loader.load(&candidate, as_of, &|rows| progress(&candidate.name, rows)).await?;
        observed.stuck.extend(stuck(&candidate.path, &report, put_away(site, &candidate.path, &report)));
        load_log::tell(&report);
        observed.loads.push(report);
    }
    Ok(observed)
}

/// What an operator is told of a file that could not be moved; nothing of one that somebody else took away.
fn stuck(path: &Path, report: &LoadReport, moved: Result<(), JobError>) -> Option<(String, String)> {
    let failure = moved.err()?;
    let is_there = fs::symlink_metadata(path).is_ok();
    let state = if report.outcome == LoadOutcome::Quarantined { "was refused" } else { "is loaded" };
    let why = format!("it {state}; {failure}; mend those folders or make room, or move the file yourself");
    is_there.then(|| (report.file.clone(), why))
}

/// How long a wait goes on without a sign of life.
const BETWEEN_SIGNS: Duration = Duration::from_secs(30);

/// What the files are, oldest day first and files without a day before all; and those that cannot be read, with the
/// reason.
pub(super) fn recognise(site: &Site, paths: &[PathBuf]) -> (Vec<Candidate>, Vec<(PathBuf, String)>) {
    let (mut candidates, mut refused) = (Vec::new(), Vec::new());
    for path in paths {
        match Candidate::open(path, &read_settings(&site.config)) {
            Ok(candidate) => candidates.push(candidate),
            Err(refusal) => refused.push((path.clone(), refusal.to_string())),
        }
    }
    candidates.sort_by_cached_key(|candidate| (candidate.export.as_of(), candidate.name.clone()));
    (candidates, refused)
}

/// The day a file describes: what it says, else its newest date when that has come, else the day it was last written,
/// but never later than today.
pub(super) fn day_of(site: &Site, candidate: &Candidate) -> Date {
    let written = || {
        let modified = fs::metadata(&candidate.path).and_then(|about| about.modified()).ok()?;
        let instant = Timestamp::try_from(modified).ok()?;
        Some(instant.to_zoned(site.config.time_zone.clone()).date())
    };
    let export = &candidate.export;
    let told = export.as_of().filter(|day| export.says_its_day() || *day <= site.today());
    told.unwrap_or_else(|| written().unwrap_or_else(|| site.today()).min(site.today()))
}

/// Loads files into the store, one transaction each.
pub struct Loader<'a> {
    site: &'a Site,
}

impl<'a> Loader<'a> {
    /// A loader of a site.
    #[must_use]
    pub const fn new(site: &'a Site) -> Self {
        Self { site }
    }

    /// Loads one recognised file.
    ///
    /// # Errors
    /// When the store fails; a file that fails half way is refused and changes nothing.
    pub async fn load(
        &self,
        candidate: &Candidate,
        as_of: Date,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<LoadReport, JobError> {
        let store = &self.site.store;
        if let Some(known) = store.find_snapshot(&candidate.sha256).await? {
            return Ok(LoadReport::duplicate(&candidate.name, &known.file_name, known.source, known.as_of_on));
        }
        let id = store.next_snapshot_id().await?;
        let source = candidate.export.source();
        let standing = Standing::of(self.site, candidate, as_of, &[]).await?;
        let mut intake = store.begin_intake(source, as_of).await?;
        let policy = &self.site.config.policy;
        let Merged { mut report, roll, lists, in_place_of } =
            match intake::merge(policy, &mut *intake, candidate, (id, as_of), progress).await {
                Ok(merged) => merged,
                Err(Failed::Job(error)) => return Err(error),
                Err(Failed::Read(refusal)) => return Ok(LoadReport::refused(&candidate.name, refusal.to_string())),
            };
        report.weigh(standing.before.as_ref(), policy);
        if let Some(doubt) = standing.doubt(&self.site.config.breaker, &report) {
            drop(intake);
            self.note(candidate, &doubt).await?;
            return Ok(report.doubted(doubt));
        }
        let snapshot = self.snapshot(candidate, id, as_of, &report);
        intake.commit(Taken { snapshot: &snapshot, roll: roll.as_ref(), lists: &lists, merged: &in_place_of }).await?;
        Ok(report)
    }

    /// Notes for the next run that a file looks wrong. One that a run is held for already stays with that run: whoever
    /// approves it means this file.
    async fn note(&self, candidate: &Candidate, doubt: &LooksWrong) -> Result<(), JobError> {
        if !doubt.is_noted {
            let (sha256, file_name) = (candidate.sha256.clone(), candidate.name.clone());
            let why = doubt.why.join("\n");
            let noted = Doubt { sha256, file_name, why, state: DoubtState::Doubted };
            self.site.store.note_doubt(&noted, self.site.clock.now()).await?;
        }
        Ok(())
    }

    fn snapshot(&self, candidate: &Candidate, id: SnapshotId, as_of: Date, report: &LoadReport) -> SnapshotRow {
        SnapshotRow {
            id,
            source: candidate.export.source(),
            file_name: candidate.name.clone(),
            sha256: candidate.sha256.clone(),
            as_of_on: as_of,
            loaded_at: self.site.clock.now(),
            row_count: report.rows,
            rejected_count: report.rejected_count,
            has_sends: report.has_sends,
            report: serde_json::to_string(report).unwrap_or_default(),
        }
    }

    /// A file that stays in the inbox, and was loaded before or waits for a person, is not worth a word.
    async fn is_kept_and_known(&self, path: &Path) -> Result<bool, JobError> {
        if !self.site.config.snapshots.keep_in_place {
            return Ok(false);
        }
        // One that cannot be read is refused later, with the reason.
        let Ok(hash) = sha256(path) else { return Ok(false) };
        Ok(waits_in_place(self.site, &hash).await? || self.site.store.find_snapshot(&hash).await?.is_some())
    }
}

/// Whether a file stays in the inbox though it looks wrong: it waits for a person, or was dismissed.
pub(super) async fn waits_in_place(site: &Site, sha256: &str) -> Result<bool, JobError> {
    let stays = site.config.snapshots.keep_in_place;
    let doubt = if stays { site.store.find_doubt(sha256).await? } else { None };
    Ok(doubt.is_some_and(|doubt| doubt.state != DoubtState::Believed))
}

/// Reads files named on the command line; they stay where they are.
///
/// # Errors
/// When the store fails.
pub async fn load_files(
    site: &Site,
    paths: &[PathBuf],
    progress: &(dyn Fn(&str, u64) + Sync),
) -> Result<Vec<LoadReport>, JobError> {
    let loader = Loader::new(site);
    let mut reports = Vec::new();
    for path in paths {
        let report = match named(path).and_then(|path| Candidate::open(&path, &read_settings(&site.config))) {
            Ok(candidate) => load_named(site, &loader, &candidate, progress).await?,
            Err(refusal) => LoadReport::refused(&file_name(path), refusal.to_string()),
        };
        load_log::tell(&report);
        reports.push(report);
    }
    Ok(reports)
}

/// The file behind a name that the operator gave: links are followed, but only to a file.
fn named(path: &Path) -> Result<PathBuf, ReadError> {
    match other_than_file(fs::metadata(path)?.file_type()) {
        Some(what) => Err(ReadError::NotAFile { what }),
        None => Ok(fs::canonicalize(path)?),
    }
}

async fn load_named(
    site: &Site,
    loader: &Loader<'_>,
    candidate: &Candidate,
    progress: &(dyn Fn(&str, u64) + Sync),
) -> Result<LoadReport, JobError> {
    let as_of = day_of(site, candidate);
    if as_of > site.today() {
        let why = format!("it describes {as_of}, which has not come yet: load it on that day, or correct its name");
        return Ok(LoadReport::refused(&candidate.name, why));
    }
    loader.load(candidate, as_of, &|rows| progress(&candidate.name, rows)).await
}
