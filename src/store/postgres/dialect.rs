//! What PostgreSQL says in its own way.

use std::fmt::Write as _;

use futures_util::{StreamExt, stream::BoxStream};
use sqlx::{
    AssertSqlSafe, PgConnection, PgPool, Postgres, SqlSafeStr, Transaction, postgres::PgArguments, query::Query,
};

use super::patience::{patient, patient_rows};
use crate::store::sql::{Cell, Dialect, Record, Target, Twice};

/// Bytes of rows that are sent at once.
const CHUNK: usize = 256 * 1024;

/// The tables whose rows the database numbers.
const NUMBERED: [&str; 6] = ["erasure", "run", "message", "notice", "snooze", "stirred"];

/// The advisory lock of those who count and then take; any number nobody else has.
const COUNTING: i64 = 0x6c61_7073_6577_6174;

impl Dialect for Postgres {
    const LISTED: &'static str = "(SELECT unnest($1))";

    const UNPACKED: &'static str = "json_array_elements(CAST($1 AS json))";

    /// Rows that somebody else is leasing at this moment are passed over, not waited for. They are chosen once, before
    /// anything is changed: hence MATERIALIZED.
    const LEASE: &'static str = "WITH due AS MATERIALIZED
         (SELECT id AS due_id FROM message WHERE state IN ('pending', 'deferred') AND next_at <= $3 AND any_day >= $4
          ORDER BY urgent_on, id LIMIT $5 FOR UPDATE SKIP LOCKED)
         UPDATE message SET state = 'leased', lease_token = $1, lease_until_at = $2, attempts = attempts + 1
         FROM due WHERE id = due_id";

    const TAKEN: &'static str = "FOR NO KEY UPDATE";

    /// An index that is dropped locks readers out until the transaction ends.
    const INDEXES_LAST: bool = false;

    const IS_SHARED: bool = true;

    async fn begin(pool: &PgPool) -> Result<Transaction<'static, Self>, sqlx::Error> {
        patient(pool.begin()).await
    }

    async fn begin_reading(pool: &PgPool) -> Result<Transaction<'static, Self>, sqlx::Error> {
        patient(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")).await
    }

    async fn commit(transaction: Transaction<'static, Self>) -> Result<(), sqlx::Error> {
        patient(transaction.commit()).await
    }

    async fn alone(db: &mut PgConnection) -> Result<(), sqlx::Error> {
        // One lock for every store of the database: counting takes a moment, and two stores rarely share one.
        patient(sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(COUNTING).execute(db)).await.map(drop)
    }

    fn rows<'e, T: Record>(
        db: &'e mut PgConnection,
        sql: impl SqlSafeStr,
        cells: &[Cell<'_>],
    ) -> BoxStream<'e, Result<T, sqlx::Error>> {
        patient_rows(query(sql, cells).fetch(db)).map(|row| T::from_row(&row?)).boxed()
    }

    fn run<'e>(
        db: &'e mut PgConnection,
        sql: impl SqlSafeStr,
        cells: &[Cell<'_>],
    ) -> impl Future<Output = Result<u64, sqlx::Error>> + Send + 'e {
        let query = query(sql, cells);
        async move { patient(query.execute(db)).await.map(|done| done.rows_affected()) }
    }

    /// One `COPY`, however many rows; where rows may be there already, into a table of our own first, and on from
    /// there in one statement.
    async fn write<'a, R: IntoIterator<Item = Cell<'a>> + Send>(
        db: &mut PgConnection,
        target: Target<'_>,
        rows: impl Iterator<Item = R> + Send,
    ) -> Result<(), sqlx::Error> {
        let Target { table, columns, twice } = target;
        let mut rows = rows.peekable();
        if rows.peek().is_none() {
            return Ok(());
        }
        let columns = columns.join(", ");
        let otherwise = match twice {
            Twice::Fails => return copy(db, &format!("{table} ({columns})"), rows).await,
            Twice::Stays => "NOTHING".to_owned(),
            Twice::Replaces(key) => format!("UPDATE SET {}", target.replacement(key)),
        };
        let make = format!("CREATE TEMPORARY TABLE incoming ON COMMIT DROP AS SELECT {columns} FROM {table} LIMIT 0");
        sqlx::query(AssertSqlSafe(make)).execute(&mut *db).await?;
        copy(&mut *db, &format!("incoming ({columns})"), rows).await?;
        let conflict = match twice {
            Twice::Replaces(key) => format!("({}) ", key.join(", ")),
            Twice::Fails | Twice::Stays => String::new(),
        };
        let join = format!(
            "INSERT INTO {table} ({columns}) SELECT {columns} FROM incoming ON CONFLICT {conflict}DO {otherwise}"
        );
        sqlx::query(AssertSqlSafe(join)).execute(&mut *db).await?;
        sqlx::query("DROP TABLE incoming").execute(db).await?;
        Ok(())
    }

    async fn number_messages(db: &mut PgConnection, count: usize) -> Result<Vec<i64>, sqlx::Error> {
        let next = "SELECT nextval(pg_get_serial_sequence('message', 'id')) FROM generate_series(1, $1)";
        sqlx::query_scalar(next).bind(i64::try_from(count).unwrap_or(i64::MAX)).fetch_all(db).await
    }

    async fn go_on_numbering(db: &mut PgConnection) -> Result<(), sqlx::Error> {
        for table in NUMBERED {
            let next = format!(
                "SELECT setval(pg_get_serial_sequence('{table}', 'id'), coalesce(max(id), 0) + 1, false) FROM {table}"
            );
            sqlx::query(AssertSqlSafe(next)).execute(&mut *db).await?;
        }
        Ok(())
    }
}

fn query(sql: impl SqlSafeStr, cells: &[Cell<'_>]) -> Query<'static, Postgres, PgArguments> {
    cells.iter().fold(sqlx::query(sql), |query, cell| match cell {
        Cell::Number(number) => query.bind(*number),
        Cell::Text(text) => query.bind(text.as_deref()),
        Cell::Bytes(bytes) => query.bind(bytes.as_deref()),
        Cell::Numbers(numbers) => query.bind(*numbers),
        Cell::Texts(texts) => query.bind(*texts),
    })
}

/// Sends rows in PostgreSQL's text format, chunk by chunk.
async fn copy<'a, R: IntoIterator<Item = Cell<'a>>>(
    db: &mut PgConnection,
    into: &str,
    rows: impl Iterator<Item = R>,
) -> Result<(), sqlx::Error> {
    let mut copy = db.copy_in_raw(&format!("COPY {into} FROM STDIN")).await?;
    let mut chunk = String::with_capacity(CHUNK + CHUNK / 8);
    for row in rows {
        write_row(&mut chunk, row);
        if chunk.len() >= CHUNK {
            copy.send(chunk.as_bytes()).await?;
            chunk.clear();
        }
    }
    copy.send(chunk.as_bytes()).await?;
    copy.finish().await?;
    Ok(())
}

/// One line: values between tabs, `\N` where there is none.
fn write_row<'a>(chunk: &mut String, cells: impl IntoIterator<Item = Cell<'a>>) {
    for (at, cell) in cells.into_iter().enumerate() {
        if at > 0 {
            chunk.push('\t');
        }
        match cell {
            // Writing into a String cannot fail.
            Cell::Number(Some(number)) => drop(write!(chunk, "{number}")),
            Cell::Text(Some(text)) => push_escaped(chunk, &text),
            Cell::Bytes(Some(bytes)) => push_hex(chunk, &bytes),
            Cell::Number(None) | Cell::Text(None) | Cell::Bytes(None) | Cell::Numbers(_) | Cell::Texts(_) => {
                chunk.push_str("\\N");
            }
        }
    }
    chunk.push('\n');
}

/// Bytes as `\\x` and two digits each; the backslash is escaped once for `COPY`.
fn push_hex(chunk: &mut String, bytes: &[u8]) {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or('0');
    chunk.push_str("\\\\x");
    for byte in bytes {
        chunk.push(digit(byte >> 4));
        chunk.push(digit(byte & 15));
    }
}

fn push_escaped(chunk: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find(['\\', '\n', '\r', '\t']) {
        let (plain, special) = rest.split_at(at);
        chunk.push_str(plain);
        let mut letters = special.chars();
        chunk.push_str(match letters.next() {
            Some('\n') => "\\n",
            Some('\r') => "\\r",
            Some('\t') => "\\t",
            _ => "\\\\",
        });
        rest = letters.as_str();
    }
    chunk.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_format_gives_a_meaning_is_escaped() {
        let mut line = String::new();
        let cells = ["a\tb", "c\\N", "\r\n", "", "ü🦉"].map(Cell::from);
        write_row(&mut line, cells);
        write_row(&mut line, [7.into(), Cell::Text(None), Cell::Number(None), "\\N".into()]);
        assert_eq!(line, "a\\tb\tc\\\\N\t\\r\\n\t\tü🦉\n7\t\\N\t\\N\t\\\\N\n");
    }
}
