//! Everything a store holds, from one database into another that is empty: table by table, row by row, one moment of
//! the source into one transaction of the target. Backups of PostgreSQL are made by it too.

use futures_util::TryStreamExt;
use sqlx::{Column, ColumnIndex, Decode, FromRow, Row, Type, TypeInfo};

use super::{Cell, Dialect, SqlStore, Target, Twice, doing};
use crate::store::StoreError;

/// Every table, those that others refer to first; but for the connections that programs hold at this moment.
pub(in crate::store) const TABLES: [&str; 27] = [
    "snapshot",
    "subject",
    "former_address",
    "said",
    "wake",
    "stirred",
    "mark",
    "survey",
    "fed",
    "roll",
    "contact",
    "member",
    "site",
    "erasure",
    "run",
    "due_day",
    "episode",
    "stage_told",
    "message",
    "notice",
    "attempt",
    "adopted_rule",
    "doubted_file",
    "told_alert",
    "snooze",
    "unreachable",
    "stopped",
];

/// Rows that are in memory at once.
const ROWS_AT_ONCE: usize = 2_000;

/// One row of any table, as cells.
struct Cells(Vec<Cell<'static>>);

impl<'r, R: Row> FromRow<'r, R> for Cells
where
    usize: ColumnIndex<R>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let cells = row.columns().iter().map(|column| match column.type_info().name() {
            "INTEGER" | "INT8" => row.try_get::<Option<i64>, _>(column.ordinal()).map(Cell::from),
            "BLOB" | "BYTEA" => {
                row.try_get::<Option<Vec<u8>>, _>(column.ordinal()).map(|bytes| Cell::Bytes(bytes.map(Into::into)))
            }
            _ => row.try_get::<Option<String>, _>(column.ordinal()).map(Cell::from),
        });
        cells.collect::<Result<_, _>>().map(Self)
    }
}

impl IntoIterator for Cells {
    type Item = Cell<'static>;
    type IntoIter = std::vec::IntoIter<Cell<'static>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// The names of a table's columns.
struct Names(Vec<String>);

impl<R: Row> FromRow<'_, R> for Names {
    fn from_row(row: &R) -> Result<Self, sqlx::Error> {
        Ok(Self(row.columns().iter().map(|column| column.name().to_owned()).collect()))
    }
}

impl<A: Dialect> SqlStore<A> {
    /// Copies everything into a store that holds nothing; `tell` hears of each table and how many rows it has.
    ///
    /// # Errors
    /// `NotEmpty` when the target holds anything, `Incomplete` when fewer rows arrived than were read: then nothing is
    /// written.
    pub(in crate::store) async fn copy_to<B: Dialect>(
        &self,
        to: &SqlStore<B>,
        tell: &(dyn Fn(&'static str, u64) + Sync),
    ) -> Result<(), StoreError> {
        let mut from = self.moment().await?;
        let mut into = to.begin().await?;
        for table in TABLES {
            if count::<B>(&mut into, table).await? > 0 {
                return Err(StoreError::NotEmpty { table });
            }
            let read = copy_table::<A, B>(&mut from, &mut into, table).await?;
            if count::<B>(&mut into, table).await? != read {
                return Err(StoreError::Incomplete { table });
            }
            tell(table, read);
        }
        B::go_on_numbering(&mut into).await.map_err(doing("numbering rows"))?;
        B::commit(into).await.map_err(doing("committing"))?;
        A::commit(from).await.map_err(doing("ending to read"))
    }
}

async fn count<DB: Dialect>(db: &mut DB::Connection, table: &str) -> Result<u64, StoreError> {
    let all = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
    let (count,): (i64,) = DB::one(db, "counting rows", all, &[]).await?;
    Ok(crate::store::rows::uncount(count))
}

async fn copy_table<A: Dialect, B: Dialect>(
    from: &mut A::Connection,
    into: &mut B::Connection,
    table: &'static str,
) -> Result<u64, StoreError> {
    let first = sqlx::AssertSqlSafe(format!("SELECT * FROM {table} LIMIT 1"));
    let Some(Names(names)) = A::first(&mut *from, "reading a table", first, &[]).await? else { return Ok(0) };
    let columns: Vec<&str> = names.iter().map(String::as_str).collect();
    let target = Target { table, columns: &columns, twice: Twice::Fails };
    let every = sqlx::AssertSqlSafe(format!("SELECT {} FROM {table}", columns.join(", ")));
    let mut rows = A::rows::<Cells>(from, every, &[]);
    let (mut batch, mut read) = (Vec::with_capacity(ROWS_AT_ONCE), 0);
    loop {
        let row = rows.try_next().await.map_err(doing("reading a table"))?;
        let is_last = row.is_none();
        batch.extend(row);
        if is_last || batch.len() == ROWS_AT_ONCE {
            read += batch.len() as u64;
            B::write(&mut *into, target, batch.drain(..)).await.map_err(doing("writing a table"))?;
        }
        if is_last {
            return Ok(read);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::store::sqlite::SqliteStore;

    /// Tables that are not copied: the driver's own, and who holds a connection at this moment.
    const NOT_OURS: &str = "'_sqlx_migrations', 'connection'";

    #[tokio::test]
    async fn every_table_of_the_schema_is_copied_after_those_that_it_refers_to() {
        let store = SqliteStore::in_memory().await.unwrap();
        let mut db = store.moment().await.unwrap();
        let tables = sqlx::AssertSqlSafe(format!(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT IN ({NOT_OURS})"
        ));
        let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut *db).await.unwrap();
        assert_eq!(BTreeSet::from(TABLES), tables.iter().map(String::as_str).collect());
        for (at, table) in TABLES.iter().enumerate() {
            let refers = sqlx::query_scalar("SELECT \"table\" FROM pragma_foreign_key_list($1)").bind(*table);
            let refers: Vec<String> = refers.fetch_all(&mut *db).await.unwrap();
            let is_before = |other: &String| TABLES[..at].contains(&other.as_str()) || other == table;
            assert!(refers.iter().all(is_before), "{table} refers to {refers:?}");
        }
    }
}
