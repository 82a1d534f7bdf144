//! Erasing subjects: who is gone for good, and everything that is known of them.

use std::collections::{BTreeSet, HashSet};

use jiff::civil::Date;
use sqlx::AssertSqlSafe;

use super::{Cell, Dialect, body::Days, register, rolls, subjects, wake};
use crate::{
    domain::{
        register::{Subject, SubjectId},
        retention::Horizon,
        roll::Roll,
        subject::Address,
    },
    store::StoreError,
};

/// Subjects that no newest snapshot tells of any more, the first after `$3`: not since the day `$1`. The plus keeps SQLite
/// to the index of those who left: by number it would read everybody.
const LEFT: &str = "SELECT id FROM subject WHERE left_on < $1 AND +id > $2 ORDER BY +id LIMIT $3";

/// Of these, the ones that were deleted before the day `$4`.
const LEFT_DELETED: &str =
    "SELECT id FROM subject WHERE left_on < $1 AND deleted_on < $4 AND +id > $2 ORDER BY +id LIMIT $3";

/// At most so many subjects that are gone: deleted, with the restore window over for long enough; or told of by no
/// file for as long as histories are kept.
///
/// Whoever is still in the newest file of a source would be known anew with the next one, and told again. Whom the
/// contacts name is kept for knowing that they are not to be written to.
pub(super) async fn find_gone<DB: Dialect>(
    db: &mut DB::Connection,
    horizon: &Horizon,
    most: u32,
) -> Result<Vec<i64>, StoreError> {
    let named = addresses_in_contacts::<DB>(&mut *db).await?;
    let days = register::days::<DB>(&mut *db).await?;
    let mut gone = BTreeSet::new();
    if let (Some(deleted), Some(unlisted)) = (horizon.deleted, horizon.unlisted) {
        let mut search = Search { sql: LEFT_DELETED, left_before: unlisted, deleted_before: Some(deleted), most };
        gone.extend(search.run::<DB>(&mut *db, &named, &days).await?);
    }
    if let Some(history) = horizon.history {
        let mut search = Search { sql: LEFT, left_before: history, deleted_before: None, most };
        gone.extend(search.run::<DB>(db, &named, &days).await?);
    }
    Ok(gone.into_iter().collect())
}

async fn addresses_in_contacts<DB: Dialect>(db: &mut DB::Connection) -> Result<HashSet<String>, StoreError> {
    let all = "SELECT address FROM contact
         UNION SELECT alternate_address FROM contact WHERE alternate_address IS NOT NULL
         UNION SELECT shared_mailbox FROM contact WHERE shared_mailbox IS NOT NULL";
    let found: Vec<(String,)> = DB::all(db, "reading the addresses of contacts", all, &[]).await?;
    Ok(found.into_iter().map(|(address,)| address).collect())
}

/// A look through those who have left.
struct Search {
    sql: &'static str,
    left_before: Date,
    deleted_before: Option<Date>,
    most: u32,
}

impl Search {
    async fn run<DB: Dialect>(
        &mut self,
        db: &mut DB::Connection,
        named: &HashSet<String>,
        days: &Days,
    ) -> Result<Vec<i64>, StoreError> {
        let (mut gone, mut after) = (Vec::new(), 0_i64);
        let most = usize::try_from(self.most).unwrap_or(usize::MAX);
        while gone.len() < most {
            let mut terms = vec![self.left_before.into(), after.into(), i64::from(self.most).into()];
            terms.extend(self.deleted_before.map(Cell::from));
            let found: Vec<(i64,)> = DB::all(&mut *db, "looking for who is gone", self.sql, &terms).await?;
            let Some((last,)) = found.last() else { break };
            after = *last;
            let found: Vec<_> = found.into_iter().map(|(id,)| SubjectId(id)).collect();
            let subjects = subjects::find::<DB>(&mut *db, &found, &[], days).await?;
            let is_gone = |subject: &&Subject| addresses(subject).all(|address| !named.contains(address.as_str()));
            gone.extend(subjects.iter().filter(is_gone).map(|subject| subject.id.0).take(most - gone.len()));
        }
        Ok(gone)
    }
}

/// The address of a subject and those it had.
fn addresses(subject: &Subject) -> impl Iterator<Item = Address> {
    subject.facts.address().into_iter().chain(subject.former_addresses.iter().cloned())
}

/// The subjects with an address: whoever has it now, or else whoever had it.
pub(super) async fn find_subjects<DB: Dialect>(
    db: &mut DB::Connection,
    address: &Address,
) -> Result<Vec<i64>, StoreError> {
    let days = register::days::<DB>(&mut *db).await?;
    let found = subjects::find::<DB>(db, &[], &[address], &days).await?;
    let ids = |is_it: &dyn Fn(&&Subject) -> bool| found.iter().filter(is_it).map(|s| s.id.0).collect::<Vec<_>>();
    let holders = ids(&|subject| subject.facts.address().as_ref() == Some(address));
    let former = || ids(&|subject| subject.former_addresses.contains(address));
    Ok(if holders.is_empty() { former() } else { holders })
}

/// The addresses that subjects have, and those they had that nobody else has now.
pub(super) async fn addresses_of<DB: Dialect>(
    db: &mut DB::Connection,
    subjects: &[i64],
) -> Result<BTreeSet<Address>, StoreError> {
    let days = register::days::<DB>(&mut *db).await?;
    let ids: Vec<_> = subjects.iter().copied().map(SubjectId).collect();
    let mut found = BTreeSet::new();
    for subject in subjects::find::<DB>(&mut *db, &ids, &[], &days).await? {
        found.extend(subject.facts.address());
        for former in &subject.former_addresses {
            if !is_held::<DB>(&mut *db, former, &days).await? {
                found.insert(former.clone());
            }
        }
    }
    Ok(found)
}

/// Whether a subject has an address now.
pub(super) async fn is_held<DB: Dialect>(
    db: &mut DB::Connection,
    address: &Address,
    days: &Days,
) -> Result<bool, StoreError> {
    let at = subjects::find::<DB>(db, &[], &[address], days).await?;
    Ok(at.iter().any(|subject| subject.facts.address().as_ref() == Some(address)))
}

/// Erases subjects with everything known about them. What the ledger tells of them stays, and hangs on no number any
/// more, which may be another's one day.
pub(super) async fn erase<DB: Dialect>(
    db: &mut DB::Connection,
    subjects: &[i64],
    today: Date,
) -> Result<(), StoreError> {
    let what = "erasing subjects";
    let of = Cell::Numbers(subjects);
    let close = "UPDATE episode SET closed_on = $2 WHERE closed_on IS NULL AND subject_id IN";
    let close = AssertSqlSafe(format!("{close} {}", DB::LISTED));
    DB::execute(&mut *db, what, close, &[of.clone(), today.into()]).await?;
    for statement in [
        "UPDATE episode SET subject_id = 0 WHERE subject_id IN",
        "UPDATE notice SET subject_id = 0 WHERE subject_id IN",
        "DELETE FROM snooze WHERE subject_id IN",
        "DELETE FROM former_address WHERE subject_id IN",
        "DELETE FROM subject WHERE id IN",
    ] {
        let sql = AssertSqlSafe(format!("{statement} {}", DB::LISTED));
        DB::execute(&mut *db, what, sql, std::slice::from_ref(&of)).await?;
    }
    wake::forget::<DB>(&mut *db, subjects).await?;
    strike::<DB>(db, subjects).await
}

/// Takes subjects off every roll: when a source lists them again, they are read, and known anew.
async fn strike<DB: Dialect>(db: &mut DB::Connection, subjects: &[i64]) -> Result<(), StoreError> {
    let gone: HashSet<_> = subjects.iter().copied().map(SubjectId).collect();
    for source in rolls::sources::<DB>(&mut *db).await? {
        let roll = rolls::read::<DB>(&mut *db, source).await?;
        let before = roll.entries().len();
        let kept: Vec<_> = roll.entries().iter().filter(|entry| !gone.contains(&entry.subject())).copied().collect();
        if kept.len() < before {
            rolls::write::<DB>(&mut *db, source, &Roll::new(kept)).await?;
        }
    }
    Ok(())
}
