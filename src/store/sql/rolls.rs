//! Rolls as bytes: parts of 24-byte entries, written and read as a whole.

use std::collections::HashMap;

use futures_util::TryStreamExt;

use super::{Cell, Dialect, Table, Twice, doing};
use crate::{
    domain::{
        register::SubjectId,
        roll::{Entry, Roll},
        snapshot::Source,
    },
    store::{StoreError, rows},
};

/// Bytes of an entry: three numbers, little end first.
const ENTRY: usize = 24;

/// Entries of a part.
const ENTRIES_A_PART: usize = 4_096;

/// Parts that are written in one statement.
const PARTS_AT_ONCE: usize = 16;

const ROLL: Table<3> = Table { name: "roll", columns: ["source", "part", "entries"], twice: Twice::Fails };

fn corrupt() -> StoreError {
    StoreError::Corrupt { what: "roll", value: "its bytes cannot be read".to_owned() }
}

fn to_bytes(entry: &Entry) -> [u8; ENTRY] {
    let mut bytes = [0; ENTRY];
    for (place, number) in bytes.chunks_exact_mut(8).zip(entry.to_numbers()) {
        place.copy_from_slice(&number.to_le_bytes());
    }
    bytes
}

fn from_bytes(bytes: &[u8]) -> Option<Entry> {
    let mut numbers = bytes.chunks_exact(8).map(|word| word.try_into().map(u64::from_le_bytes));
    let mut next = || numbers.next()?.ok();
    Some(Entry::from_numbers([next()?, next()?, next()?]))
}

/// One entry in so many may join before a roll has to be moved.
const ROOM: usize = 50;

/// The roll of a source; empty when it has none.
pub(super) async fn read<DB: Dialect>(db: &mut DB::Connection, source: Source) -> Result<Roll, StoreError> {
    let what = "reading a roll";
    let by_source = [source.as_str().into()];
    let count = "SELECT CAST(coalesce(sum(length(entries)), 0) AS BIGINT) FROM roll WHERE source = $1";
    let (bytes,): (i64,) = DB::one(&mut *db, what, count, &by_source).await?;
    let count = usize::try_from(bytes).unwrap_or(0) / ENTRY;
    // Room for those who join: to move millions for a few would need twice the memory.
    let mut entries = Vec::with_capacity(count + count / ROOM);
    let mut parts = DB::rows::<(Vec<u8>,)>(db, "SELECT entries FROM roll WHERE source = $1 ORDER BY part", &by_source);
    while let Some((part,)) = parts.try_next().await.map_err(doing(what))? {
        for bytes in part.chunks(ENTRY) {
            entries.push(from_bytes(bytes).ok_or_else(corrupt)?);
        }
    }
    Ok(Roll::new(entries))
}

/// The sources that have a roll.
pub(super) async fn sources<DB: Dialect>(db: &mut DB::Connection) -> Result<Vec<Source>, StoreError> {
    let all = "SELECT DISTINCT source FROM roll ORDER BY source";
    let found: Vec<(String,)> = DB::all(db, "listing rolls", all, &[]).await?;
    found.into_iter().map(|(word,)| rows::source(&word)).collect()
}

/// Lets every roll name merged subjects by their new numbers.
pub(super) async fn merge<DB: Dialect>(
    db: &mut DB::Connection,
    merged: &HashMap<SubjectId, SubjectId>,
) -> Result<(), StoreError> {
    for source in sources::<DB>(&mut *db).await? {
        if let Some(roll) = read::<DB>(&mut *db, source).await?.after_merging(merged) {
            write::<DB>(&mut *db, source, &roll).await?;
        }
    }
    Ok(())
}

/// Replaces the roll of a source.
pub(super) async fn write<DB: Dialect>(db: &mut DB::Connection, source: Source, roll: &Roll) -> Result<(), StoreError> {
    let what = "writing a roll";
    DB::execute(&mut *db, what, "DELETE FROM roll WHERE source = $1", &[source.as_str().into()]).await?;
    let mut parts = (0_i64..).zip(roll.entries().chunks(ENTRIES_A_PART));
    loop {
        let some: Vec<_> = parts.by_ref().take(PARTS_AT_ONCE).collect();
        if some.is_empty() {
            return Ok(());
        }
        let written = some.into_iter().map(|(part, entries)| {
            let bytes: Vec<u8> = entries.iter().flat_map(to_bytes).collect();
            [source.as_str().into(), part.into(), Cell::Bytes(Some(bytes.into()))]
        });
        DB::fill(&mut *db, what, &ROLL, written).await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_comes_back_from_its_bytes() {
        let entry = Entry::listed(0xDEAD_BEEF_0000_0001, SubjectId(i64::MAX), 7);
        assert_eq!(from_bytes(&to_bytes(&entry)), Some(entry));
        assert_eq!(from_bytes(&[0; ENTRY - 1]), None);
    }
}
