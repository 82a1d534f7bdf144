//! Which subjects the next run looks at: those to which something happened, and those whose day has come.

use super::{Cell, Dialect, Table, Twice};
use crate::{domain::register::SubjectId, store::StoreError};

const STIRRED: Table<2> = Table { name: "stirred", columns: ["first_id", "last_id"], twice: Twice::Fails };

/// Notes that something happened to subjects. `ids` rise.
pub(super) async fn stir<DB: Dialect>(
    db: &mut DB::Connection,
    ids: impl IntoIterator<Item = SubjectId>,
) -> Result<(), StoreError> {
    let mut ranges: Vec<(i64, i64)> = Vec::new();
    for SubjectId(id) in ids {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == id => *last = id,
            _ => ranges.push((id, id)),
        }
    }
    let rows = ranges.into_iter().map(|(first, last)| -> [Cell<'_>; 2] { [first.into(), last.into()] });
    DB::fill(db, "noting what happened to subjects", &STIRRED, rows).await
}

/// Notes that a file was loaded: it may change what is believed of subjects that it says nothing new of.
pub(super) async fn stir_with_load<DB: Dialect>(db: &mut DB::Connection) -> Result<(), StoreError> {
    let stir = "INSERT INTO stirred (first_id, last_id) SELECT subject_id, subject_id FROM mark WHERE mark = 'load'";
    DB::execute(db, "noting what a file may change", stir, &[]).await.map(drop)
}
