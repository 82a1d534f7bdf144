//! Nobody waits for ever: a network that is cut without a word leaves a statement without an answer, and neither the
//! system nor the driver notices while nothing is being sent.
//!
//! Bulk writes are not timed here: they send all the while, so the system notices by itself.

use std::{future::Future, io, time::Duration};

use futures_util::{Stream, TryStreamExt, stream};
use sqlx::{PgConnection, Row};
use tokio::time::timeout;

/// How long a statement may go without an answer: longer than any of ours takes, waiting for others included.
const ANSWER: Duration = Duration::from_mins(2);

/// How long a connection that nobody needs at this moment may take to say that it is there.
const PING: Duration = Duration::from_secs(10);

/// What is asked of the server, given up when there is no answer.
pub(super) async fn patient<T>(asked: impl Future<Output = Result<T, sqlx::Error>> + Send) -> Result<T, sqlx::Error> {
    timeout(ANSWER, asked).await.unwrap_or_else(|_| Err(silent()))
}

/// Rows of the server, given up when the next one does not come.
pub(super) fn patient_rows<T: Send>(
    rows: impl Stream<Item = Result<T, sqlx::Error>> + Send + Unpin,
) -> impl Stream<Item = Result<T, sqlx::Error>> + Send {
    stream::try_unfold(rows, |mut rows| async { Ok(patient(rows.try_next()).await?.map(|row| (row, rows))) })
}

/// Whether a connection that is handed back may be used again: it answers, and has no transaction open. Another is thrown
/// away, and makes room for a new one.
///
/// A `BEGIN` whose answer nobody waited for is forgotten by the driver, and not by the server: whoever had the connection
/// next would be in a transaction begun by somebody else, at another time and of another kind.
pub(super) async fn is_free(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    // A statement by itself begins its transaction: both are of one instant. So in the simple protocol only, in which a
    // statement is one message.
    let asked = sqlx::raw_sql("SELECT now() = statement_timestamp()").fetch_one(connection);
    match timeout(PING, asked).await.unwrap_or_else(|_| Err(silent())) {
        Ok(row) => row.try_get(0),
        // In a transaction that has failed nothing can be asked.
        Err(sqlx::Error::Database(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

fn silent() -> sqlx::Error {
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, "the database server does not answer"))
}
