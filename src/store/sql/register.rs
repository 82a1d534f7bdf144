//! Loaded files, and the register made of them, the lists and the subjects.

use super::{Dialect, body::Days, lists, subjects};
use crate::{
    domain::{
        facts::SnapshotId,
        register::{Loaded, Register},
    },
    store::{SnapshotRow, StoreError, rows},
};

type SnapshotColumns = (i64, String, String, String, String, i64, i64, i64, i64, String);

fn snapshot_of(columns: SnapshotColumns) -> Result<SnapshotRow, StoreError> {
    let (id, source, file_name, sha256, as_of_on, loaded_at, row_count, rejected_count, has_sends, report) = columns;
    Ok(SnapshotRow {
        id: SnapshotId(id),
        source: rows::source(&source)?,
        file_name,
        sha256,
        as_of_on: rows::date(&as_of_on)?,
        loaded_at: rows::instant(loaded_at)?,
        row_count: rows::uncount(row_count),
        rejected_count: rows::uncount(rejected_count),
        has_sends: has_sends == 1,
        report,
    })
}

pub(super) async fn find_snapshot<DB: Dialect>(
    db: &mut DB::Connection,
    sha256: &str,
) -> Result<Option<SnapshotRow>, StoreError> {
    let found = DB::first(
        db,
        "looking for a file that was loaded before",
        "SELECT id, source, file_name, sha256, as_of_on, loaded_at, row_count, rejected_count, has_sends, report
         FROM snapshot WHERE sha256 = $1 AND (source <> 'site_contacts'
             OR id = (SELECT max(id) FROM snapshot WHERE source = 'site_contacts'))",
        &[sha256.into()],
    )
    .await?;
    found.map(snapshot_of).transpose()
}

pub(super) async fn list_snapshots<DB: Dialect>(db: &mut DB::Connection) -> Result<Vec<SnapshotRow>, StoreError> {
    let found: Vec<SnapshotColumns> = DB::all(
        db,
        "listing the loaded files",
        "SELECT id, source, file_name, sha256, as_of_on, loaded_at, row_count, rejected_count, has_sends, report
         FROM snapshot ORDER BY as_of_on, id",
        &[],
    )
    .await?;
    found.into_iter().map(snapshot_of).collect()
}

pub(super) async fn list_newest_snapshots<DB: Dialect>(
    db: &mut DB::Connection,
) -> Result<Vec<SnapshotRow>, StoreError> {
    let found: Vec<SnapshotColumns> = DB::all(
        db,
        "listing the newest file of each source",
        "SELECT id, source, file_name, sha256, as_of_on, loaded_at, row_count, rejected_count, has_sends, report
         FROM snapshot WHERE id IN (SELECT max(id) FROM snapshot AS of_day
             WHERE as_of_on = (SELECT max(as_of_on) FROM snapshot AS any_day WHERE any_day.source = of_day.source)
             GROUP BY source)
         ORDER BY source",
        &[],
    )
    .await?;
    found.into_iter().map(snapshot_of).collect()
}

pub(super) async fn next_snapshot_id<DB: Dialect>(db: &mut DB::Connection) -> Result<SnapshotId, StoreError> {
    let (last,): (i64,) = DB::one(db, "numbering a file", "SELECT coalesce(max(id), 0) FROM snapshot", &[]).await?;
    Ok(SnapshotId(last + 1))
}

pub(super) async fn insert_snapshot<DB: Dialect>(
    db: &mut DB::Connection,
    snapshot: &SnapshotRow,
) -> Result<(), StoreError> {
    DB::execute(
        db,
        "noting a loaded file",
        "INSERT INTO snapshot (id, source, file_name, sha256, as_of_on, loaded_at, row_count, rejected_count,
         has_sends, report) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        &[
            snapshot.id.0.into(),
            snapshot.source.as_str().into(),
            (&snapshot.file_name).into(),
            (&snapshot.sha256).into(),
            snapshot.as_of_on.into(),
            snapshot.loaded_at.into(),
            rows::count(snapshot.row_count).into(),
            rows::count(snapshot.rejected_count).into(),
            snapshot.has_sends.into(),
            (&snapshot.report).into(),
        ],
    )
    .await?;
    Ok(())
}

/// Which snapshots there are.
async fn loaded<DB: Dialect>(db: &mut DB::Connection) -> Result<Vec<Loaded>, StoreError> {
    let all = "SELECT source, as_of_on, max(has_sends) FROM snapshot GROUP BY source, as_of_on";
    let found: Vec<(String, String, i64)> = DB::all(db, "listing the loaded files", all, &[]).await?;
    let loaded = found.into_iter().map(|(source, as_of_on, has_sends)| {
        Ok(Loaded { source: rows::source(&source)?, as_of: rows::date(&as_of_on)?, has_sends: has_sends == 1 })
    });
    loaded.collect()
}

/// The days of the snapshots of each source.
pub(super) async fn days<DB: Dialect>(db: &mut DB::Connection) -> Result<Days, StoreError> {
    let mut days = Days::new();
    for loaded in loaded::<DB>(db).await? {
        days.entry(loaded.source).or_default().insert(loaded.as_of);
    }
    Ok(days)
}

/// Reads everything; in one transaction, or it may be of two moments.
pub(super) async fn load<DB: Dialect>(db: &mut DB::Connection) -> Result<Register, StoreError> {
    let days = days::<DB>(&mut *db).await?;
    let subjects = subjects::all::<DB>(&mut *db, &days).await?;
    Ok(lists::<DB>(db).await?.holding(subjects))
}

/// Reads everything but the subjects.
pub(super) async fn lists<DB: Dialect>(db: &mut DB::Connection) -> Result<Register, StoreError> {
    let said = subjects::said::<DB>(&mut *db).await?;
    let contacts = lists::contacts::<DB>(&mut *db).await?;
    let sites = lists::sites::<DB>(&mut *db).await?;
    let members = lists::members::<DB>(&mut *db).await?;
    let snapshots = loaded::<DB>(db).await?;
    Ok(Register::new([], contacts, snapshots).with_said(said).with_lists(sites, members))
}
