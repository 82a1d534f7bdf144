//! Nobody waits for ever: a network that is cut without a word leaves a statement without an answer, and neither the
//! system nor the driver notices while nothing is being sent.
//!
//! Bulk writes are not timed here: they send all the while, so the system notices by itself.

use std::{future::Future, io, time::Duration};

use futures_util::{Stream, TryStreamExt, stream};
use sqlx::{Connection, PgConnection};
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

/// Whether a connection that is handed back may be used again; one that does not answer is thrown away, and makes room
/// for another.
pub(super) async fn is_there(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    timeout(PING, connection.ping()).await.unwrap_or_else(|_| Err(silent())).map(|()| true)
}

fn silent() -> sqlx::Error {
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, "the database server does not answer"))
}
