//! What SQLite says in its own way.

use std::borrow::Cow;

use futures_util::{StreamExt, stream::BoxStream};
use sqlx::{
    AssertSqlSafe, QueryBuilder, SqlSafeStr, Sqlite, SqliteConnection, SqlitePool, Transaction, query::Query,
    sqlite::SqliteArguments,
};

use crate::store::sql::{Cell, Dialect, Record, Target, Twice};

/// Rows a bulk statement carries; the widest has some 20 columns, and SQLite allows 32,766 values.
const ROWS_A_STATEMENT: usize = 500;

/// What a transaction of very many rows may hold in memory, in KiB. The connection keeps it only that long.
const BULK_CACHE_KIB: u32 = 32 * 1024;

/// The same where rows are appended and no page is needed again; also what each thread that sorts them for an index may
/// hold.
const APPEND_CACHE_KIB: u32 = 8 * 1024;

impl Dialect for Sqlite {
    const LISTED: &'static str = "(SELECT value FROM json_each($1))";

    const UNPACKED: &'static str = "json_each($1)";

    const LEASE: &'static str = "UPDATE message
         SET state = 'leased', lease_token = $1, lease_until_at = $2, attempts = attempts + 1
         WHERE id IN (SELECT id FROM message INDEXED BY message_open
                      WHERE state IN ('pending', 'deferred', 'leased') AND state <> 'leased' AND next_at <= $3
                      AND any_day >= $4 ORDER BY urgent_on, id LIMIT $5)";

    /// Who writes in SQLite has taken everything.
    const TAKEN: &'static str = "";

    const INDEXES_LAST: bool = true;

    const IS_SHARED: bool = false;

    /// Takes the write lock at once, so that it is never asked for half way and denied.
    async fn begin(pool: &SqlitePool) -> Result<Transaction<'static, Self>, sqlx::Error> {
        pool.begin_with("BEGIN IMMEDIATE").await
    }

    /// Room for an index of some million rows: without it, each insert writes a page to the log and reads another back.
    ///
    /// Who is alone writes the first rows straight into the file: a log would be as long, and be copied into it at the
    /// end. Others wait for that end; where somebody has the file open already, the log is kept.
    async fn begin_bulk(pool: &SqlitePool, is_alone: bool) -> Result<Transaction<'static, Self>, sqlx::Error> {
        let is_first = is_alone && !sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM subject)").fetch_one(pool).await?;
        let without_log = "PRAGMA journal_mode = DELETE; BEGIN IMMEDIATE";
        let begun = if is_first { pool.begin_with(without_log).await.ok() } else { None };
        let mut transaction = if let Some(begun) = begun { begun } else { Self::begin(pool).await? };
        hold(&mut transaction, BULK_CACHE_KIB).await?;
        Ok(transaction)
    }

    async fn append(db: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        hold(db, APPEND_CACHE_KIB).await?;
        // The index is sorted beside reading what it is made of.
        sqlx::query("PRAGMA threads = 2").execute(db).await.map(drop)
    }

    async fn begin_reading(pool: &SqlitePool) -> Result<Transaction<'static, Self>, sqlx::Error> {
        pool.begin().await
    }

    /// Who writes in SQLite is alone.
    async fn alone(_: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        Ok(())
    }

    fn rows<'e, T: Record>(
        db: &'e mut SqliteConnection,
        sql: impl SqlSafeStr,
        cells: &[Cell<'_>],
    ) -> BoxStream<'e, Result<T, sqlx::Error>> {
        query(sql, cells).fetch(db).map(|row| T::from_row(&row?)).boxed()
    }

    fn run<'e>(
        db: &'e mut SqliteConnection,
        sql: impl SqlSafeStr,
        cells: &[Cell<'_>],
    ) -> impl Future<Output = Result<u64, sqlx::Error>> + Send + 'e {
        let query = query(sql, cells);
        async move { query.execute(db).await.map(|done| done.rows_affected()) }
    }

    async fn write<'a, R: IntoIterator<Item = Cell<'a>> + Send>(
        db: &mut SqliteConnection,
        target: Target<'_>,
        mut rows: impl Iterator<Item = R> + Send,
    ) -> Result<(), sqlx::Error> {
        let head = format!("INSERT INTO {} ({}) ", target.table, target.columns.join(", "));
        let tail = on_conflict(target);
        loop {
            let batch: Vec<R> = rows.by_ref().take(ROWS_A_STATEMENT).collect();
            if batch.is_empty() {
                return Ok(());
            }
            let mut query = QueryBuilder::<Self>::new(&head);
            query.push_values(batch, |mut row, cells| {
                for cell in cells {
                    match cell {
                        Cell::Number(number) => row.push_bind(number),
                        Cell::Text(text) => row.push_bind(text.map(Cow::into_owned)),
                        Cell::Bytes(bytes) => row.push_bind(bytes.map(Cow::into_owned)),
                        Cell::Numbers(_) | Cell::Texts(_) => row.push_bind(listed(&cell)),
                    };
                }
            });
            query.push(&tail).build().execute(&mut *db).await?;
        }
    }

    async fn number_messages(db: &mut SqliteConnection, count: usize) -> Result<Vec<i64>, sqlx::Error> {
        let last: i64 = sqlx::query_scalar("SELECT coalesce(max(id), 0) FROM message").fetch_one(db).await?;
        Ok((last + 1..).take(count).collect())
    }

    /// SQLite asks the table for its highest number.
    async fn go_on_numbering(_: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        Ok(())
    }
}

/// Lets a connection hold so much of the file in memory.
async fn hold(db: &mut SqliteConnection, kib: u32) -> Result<(), sqlx::Error> {
    sqlx::query(AssertSqlSafe(format!("PRAGMA cache_size = -{kib}"))).execute(db).await.map(drop)
}

/// What is said about rows that are there already.
fn on_conflict(target: Target<'_>) -> String {
    match target.twice {
        Twice::Fails => String::new(),
        Twice::Stays => " ON CONFLICT DO NOTHING".to_owned(),
        Twice::Replaces(key) => format!(" ON CONFLICT ({}) DO UPDATE SET {}", key.join(", "), target.replacement(key)),
    }
}

fn query(sql: impl SqlSafeStr, cells: &[Cell<'_>]) -> Query<'static, Sqlite, SqliteArguments> {
    cells.iter().fold(sqlx::query(sql), |query, cell| match cell {
        Cell::Number(number) => query.bind(*number),
        Cell::Text(text) => query.bind(text.as_deref()),
        Cell::Bytes(bytes) => query.bind(bytes.as_deref()),
        Cell::Numbers(_) | Cell::Texts(_) => query.bind(listed(cell)),
    })
}

/// Several values as a JSON array: SQLite has no other list.
fn listed(cell: &Cell<'_>) -> Option<String> {
    match cell {
        Cell::Numbers(numbers) => serde_json::to_string(numbers).ok(),
        Cell::Texts(texts) => serde_json::to_string(texts).ok(),
        Cell::Number(_) | Cell::Text(_) | Cell::Bytes(_) => None,
    }
}
