//! Files that look wrong, and what a person said of them (domain rule 19).

use jiff::Timestamp;

use super::Dialect;
use crate::store::{Doubt, DoubtState, RunId, StoreError, rows};

#[derive(sqlx::FromRow)]
struct DoubtColumns {
    sha256: String,
    file_name: String,
    why: String,
    state: String,
}

impl DoubtColumns {
    fn doubt(self) -> Result<Doubt, StoreError> {
        let state = rows::doubt_state(&self.state)?;
        Ok(Doubt { sha256: self.sha256, file_name: self.file_name, why: self.why, state })
    }
}

/// A file that was dismissed and is offered again is in doubt again.
pub(super) async fn note<DB: Dialect>(
    db: &mut DB::Connection,
    doubt: &Doubt,
    now: Timestamp,
) -> Result<(), StoreError> {
    DB::execute(
        db,
        "noting a file that looks wrong",
        "INSERT INTO doubted_file (sha256, file_name, why, found_at, state) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (sha256) DO UPDATE SET file_name = excluded.file_name, why = excluded.why,
         found_at = excluded.found_at, state = excluded.state, run_id = NULL",
        &[
            (&doubt.sha256).into(),
            (&doubt.file_name).into(),
            (&doubt.why).into(),
            now.into(),
            doubt.state.as_str().into(),
        ],
    )
    .await?;
    Ok(())
}

pub(super) async fn find<DB: Dialect>(db: &mut DB::Connection, sha256: &str) -> Result<Option<Doubt>, StoreError> {
    let find = "SELECT sha256, file_name, why, state FROM doubted_file WHERE sha256 = $1";
    let found: Option<DoubtColumns> =
        DB::first(db, "asking whether a file looks wrong", find, &[sha256.into()]).await?;
    found.map(DoubtColumns::doubt).transpose()
}

pub(super) async fn list<DB: Dialect>(db: &mut DB::Connection, run: Option<RunId>) -> Result<Vec<Doubt>, StoreError> {
    let list = "SELECT sha256, file_name, why, state FROM doubted_file
         WHERE coalesce(run_id, 0) = $1 ORDER BY found_at, sha256";
    let run = run.map_or(0, |run| run.0);
    let found: Vec<DoubtColumns> = DB::all(db, "listing files that look wrong", list, &[run.into()]).await?;
    found.into_iter().map(DoubtColumns::doubt).collect()
}

/// Notes the run that is held for every file that no run was held for yet.
pub(super) async fn hand_to<DB: Dialect>(db: &mut DB::Connection, run: RunId) -> Result<(), StoreError> {
    let hand = "UPDATE doubted_file SET run_id = $1 WHERE run_id IS NULL";
    DB::execute(db, "noting for which files a run is held", hand, &[run.0.into()]).await?;
    Ok(())
}

pub(super) async fn decide<DB: Dialect>(
    db: &mut DB::Connection,
    run: RunId,
    state: DoubtState,
) -> Result<(), StoreError> {
    let decide = "UPDATE doubted_file SET state = $1 WHERE run_id = $2";
    DB::execute(db, "noting what somebody says of a file", decide, &[state.as_str().into(), run.0.into()]).await?;
    Ok(())
}
