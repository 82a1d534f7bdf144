//! The store, written once: every statement that both databases read, and the little in which they differ.
//!
//! SQLite and PostgreSQL understand the same SQL wherever we need it: `$1`, `ON CONFLICT`, `RETURNING`. Columns are
//! 64-bit numbers or text and nothing else, so a row of one is a row of the other. What is left is [`Dialect`]: how a
//! transaction begins, how many rows are written at once, how a message is leased. A new method of the store is
//! written here, and both databases have it; nothing here names one of them but the rows they give.
mod body;
mod cell;
mod copy;
mod doubts;
mod forget;
mod holds;
mod intake;
mod lease;
mod ledger;
mod lists;
mod messages;
mod outbox;
mod person;
mod reading;
mod refused;
mod register;
mod retention;
mod rolls;
mod settle;
mod sql_store;
mod standings;
mod subjects;
mod wake;

use std::future::Future;

use futures_util::{TryStreamExt, stream::BoxStream};
use sqlx::{AssertSqlSafe, Database, FromRow, Pool, SqlSafeStr, Transaction, postgres::PgRow, sqlite::SqliteRow};

pub use self::cell::Cell;
pub use self::sql_store::SqlStore;
use super::StoreError;

/// A row that either database can give.
pub trait Record: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin + 'static {}

impl<T> Record for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin + 'static {}

/// A table with the columns that rows of ours fill: as many as a row has cells.
#[derive(Debug, Clone, Copy)]
pub struct Table<const N: usize> {
    /// Its name.
    pub name: &'static str,
    /// The columns, in the order of the cells.
    pub columns: [&'static str; N],
    /// What becomes of a row that is there already.
    pub twice: Twice<'static>,
}

/// Where many rows go.
#[derive(Debug, Clone, Copy)]
pub struct Target<'t> {
    /// The table.
    pub table: &'t str,
    /// The columns that the cells of a row fill, in this order.
    pub columns: &'t [&'t str],
    /// What becomes of a row that is there already.
    pub twice: Twice<'t>,
}

impl Target<'_> {
    /// `a = excluded.a, b = excluded.b` for the columns that are no key.
    pub fn replacement(&self, key: &[&str]) -> String {
        let values = self.columns.iter().filter(|column| !key.contains(column));
        values.map(|column| format!("{column} = excluded.{column}")).collect::<Vec<_>>().join(", ")
    }
}

/// What becomes of a row that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Twice<'t> {
    /// The statement fails.
    Fails,
    /// The old one stays.
    Stays,
    /// The new one replaces that with the same values in these columns.
    Replaces(&'t [&'t str]),
}

/// What differs between the databases.
pub trait Dialect: Database {
    /// What stands after `IN` for the values of `$1`, which is [`Cell::Numbers`] or [`Cell::Texts`].
    const LISTED: &'static str;
    /// What stands after `FROM` for the objects of `$1`, a JSON array: a table with the column `value`, whose fields are
    /// `value ->> 'name'`.
    const UNPACKED: &'static str;
    /// Leases the `$5` most urgent messages that are due at `$3`, of which the column `any_day` is at least `$4`, with
    /// token `$1` until `$2`; `RETURNING` may follow. Who leases at the same time gets others.
    const LEASE: &'static str;
    /// What ends a SELECT that takes the rows it gives for the rest of the transaction, one after the other. Whoever
    /// takes several rows of a table takes them in one order: else two who want the same ones wait for each other.
    const TAKEN: &'static str;
    /// Whether very many rows are written into an empty table before its indexes are made: who reads meanwhile must
    /// not have to wait.
    const INDEXES_LAST: bool;
    /// Whether several programs may work on one store at the same time.
    const IS_SHARED: bool;

    /// Begins a transaction that may write; it never fails half way because somebody else writes too.
    fn begin(pool: &Pool<Self>) -> impl Future<Output = Result<Transaction<'static, Self>, sqlx::Error>> + Send;

    /// Begins a transaction that may write very many rows at scattered places. `_is_alone` says that nobody else
    /// needs the store until it ends.
    fn begin_bulk(
        pool: &Pool<Self>,
        _is_alone: bool,
    ) -> impl Future<Output = Result<Transaction<'static, Self>, sqlx::Error>> + Send {
        Self::begin(pool)
    }

    /// Goes on with such a transaction whose rows come one behind the other.
    fn append(_: &mut Self::Connection) -> impl Future<Output = Result<(), sqlx::Error>> + Send {
        async { Ok(()) }
    }

    /// Begins a transaction that sees one moment of the database and writes nothing.
    fn begin_reading(pool: &Pool<Self>)
    -> impl Future<Output = Result<Transaction<'static, Self>, sqlx::Error>> + Send;

    /// Ends a transaction for good.
    fn commit(transaction: Transaction<'static, Self>) -> impl Future<Output = Result<(), sqlx::Error>> + Send {
        transaction.commit()
    }

    /// Waits until nobody else is alone, and is so until the transaction ends: for what is counted and then taken.
    fn alone(db: &mut Self::Connection) -> impl Future<Output = Result<(), sqlx::Error>> + Send;

    /// The rows that a statement gives, as they come.
    fn rows<'e, T: Record>(
        db: &'e mut Self::Connection,
        sql: impl SqlSafeStr,
        cells: &[Cell<'_>],
    ) -> BoxStream<'e, Result<T, sqlx::Error>>;

    /// Runs a statement; gives how many rows it changed.
    fn run<'e>(
        db: &'e mut Self::Connection,
        sql: impl SqlSafeStr,
        cells: &[Cell<'_>],
    ) -> impl Future<Output = Result<u64, sqlx::Error>> + Send + 'e;

    /// Writes many rows, inside a transaction.
    fn write<'a, R: IntoIterator<Item = Cell<'a>> + Send>(
        db: &mut Self::Connection,
        target: Target<'_>,
        rows: impl Iterator<Item = R> + Send,
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;

    /// The numbers of `count` new messages, rising.
    fn number_messages(
        db: &mut Self::Connection,
        count: usize,
    ) -> impl Future<Output = Result<Vec<i64>, sqlx::Error>> + Send;

    /// Lets the numbers of new rows go on after those that were copied.
    fn go_on_numbering(db: &mut Self::Connection) -> impl Future<Output = Result<(), sqlx::Error>> + Send;

    /// Every row of a statement.
    fn all<'e, T: Record>(
        db: &'e mut Self::Connection,
        what: &'static str,
        sql: impl SqlSafeStr,
        cells: &[Cell<'_>],
    ) -> impl Future<Output = Result<Vec<T>, StoreError>> + Send + 'e {
        let rows = Self::rows(db, sql, cells);
        async move { rows.try_collect().await.map_err(doing(what)) }
    }

    /// The first row of a statement, if there is one.
    fn first<'e, T: Record>(
        db: &'e mut Self::Connection,
        what: &'static str,
        sql: impl SqlSafeStr,
        cells: &[Cell<'_>],
    ) -> impl Future<Output = Result<Option<T>, StoreError>> + Send + 'e {
        let rows = Self::rows(db, sql, cells);
        async move { rows.try_collect::<Vec<T>>().await.map(|rows| rows.into_iter().next()).map_err(doing(what)) }
    }

    /// The row of a statement that always gives one.
    fn one<'e, T: Record>(
        db: &'e mut Self::Connection,
        what: &'static str,
        sql: impl SqlSafeStr,
        cells: &[Cell<'_>],
    ) -> impl Future<Output = Result<T, StoreError>> + Send + 'e {
        let row = Self::first(db, what, sql, cells);
        async move { row.await?.ok_or_else(|| doing(what)(sqlx::Error::RowNotFound)) }
    }

    /// Hands every row of a statement on as it comes, so that they are never all in memory.
    fn each<'e, T: Record>(
        db: &'e mut Self::Connection,
        what: &'static str,
        sql: impl SqlSafeStr,
        mut keep: impl FnMut(T) -> Result<(), StoreError> + Send + 'e,
    ) -> impl Future<Output = Result<(), StoreError>> + Send + 'e {
        let mut rows = Self::rows(db, sql, &[]);
        async move {
            while let Some(row) = rows.try_next().await.map_err(doing(what))? {
                keep(row)?;
            }
            Ok(())
        }
    }

    /// Runs a statement; gives how many rows it changed.
    fn execute<'e>(
        db: &'e mut Self::Connection,
        what: &'static str,
        sql: impl SqlSafeStr,
        cells: &[Cell<'_>],
    ) -> impl Future<Output = Result<u64, StoreError>> + Send + 'e {
        let run = Self::run(db, sql, cells);
        async move { run.await.map_err(doing(what)) }
    }

    /// Writes many rows, inside a transaction.
    fn fill<'a, const N: usize>(
        db: &mut Self::Connection,
        what: &'static str,
        table: &Table<N>,
        rows: impl Iterator<Item = [Cell<'a>; N]> + Send,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        let target = Target { table: table.name, columns: &table.columns, twice: table.twice };
        async move { Self::write(db, target, rows).await.map_err(doing(what)) }
    }
}

/// Runs a statement about rows of these numbers, which stand behind its `IN`.
async fn on_numbers<DB: Dialect>(
    db: &mut DB::Connection,
    what: &'static str,
    statement: &str,
    numbers: &[i64],
) -> Result<(), StoreError> {
    if !numbers.is_empty() {
        let sql = AssertSqlSafe(format!("{statement} {}", DB::LISTED));
        DB::execute(db, what, sql, &[Cell::Numbers(numbers)]).await?;
    }
    Ok(())
}

/// Names what a statement was for.
pub(super) fn doing(doing: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    move |source| StoreError::Statement { doing, source }
}
