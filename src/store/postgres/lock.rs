//! The right to load and plan as an advisory lock, in a session of its own that is watched over.
//!
//! The server gives the lock up when the session ends, however it ends. So a holder that cannot reach its session for
//! a few seconds must count the right as lost: that is sooner than the server gives it to anybody else, for which
//! `tcp_keepalives` allow a silent partner 25 seconds.

use std::time::Duration;

use sqlx::{
    ConnectOptions, Connection, PgConnection,
    postgres::{PgAdvisoryLock, PgConnectOptions},
};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::shown;
use crate::store::{StoreError, StoreLock, sql::doing};

/// How often the session is asked whether it is there.
const BETWEEN: Duration = Duration::from_secs(2);

/// How long it may take to answer.
const ANSWER: Duration = Duration::from_secs(5);

/// How long a session may take to begin.
const BEGIN: Duration = Duration::from_secs(10);

/// Takes the lock when nobody has it. Stores in one database, each in a schema of its own, have a lock each.
pub(in crate::store) async fn try_lock(options: &PgConnectOptions) -> Result<Option<StoreLock>, StoreError> {
    let failed = |source| StoreError::Open { url: shown(options), source };
    let session = timeout(BEGIN, options.connect()).await.map_err(|_| failed(sqlx::Error::PoolTimedOut))?;
    let mut session = session.map_err(failed)?;
    let what = doing("taking the right to load and plan");
    let schema: Option<String> =
        sqlx::query_scalar("SELECT current_schema()").fetch_one(&mut session).await.map_err(&what)?;
    let key = key(&schema.unwrap_or_default());
    let is_ours: bool =
        sqlx::query_scalar("SELECT pg_try_advisory_lock($1)").bind(key).fetch_one(&mut session).await.map_err(&what)?;
    if !is_ours {
        // Whether the server hears of its end or not, the session holds nothing.
        let _ = session.close().await;
        return Ok(None);
    }
    let (lost, stop) = (CancellationToken::new(), CancellationToken::new());
    let watch = tokio::spawn(watch(session, key, lost.clone(), stop.clone()));
    Ok(Some(StoreLock::of_session(lost, stop, watch)))
}

fn key(schema: &str) -> i64 {
    PgAdvisoryLock::new(format!("lapsewatch {schema}")).key().as_bigint().unwrap_or_default()
}

/// Holds the session until `stop`, or until it is gone.
async fn watch(mut session: PgConnection, key: i64, lost: CancellationToken, stop: CancellationToken) {
    let mut next = interval(BETWEEN);
    next.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            _ = next.tick() => {}
        }
        let is_there = timeout(ANSWER, session.ping()).await.is_ok_and(|answer| answer.is_ok());
        if !is_there {
            tracing::error!("the database session that gave us the right to load and plan is gone: somebody else may");
            lost.cancel();
            return;
        }
    }
    // By name and at once, for the server may take a moment to notice that a session has ended.
    let unlock = sqlx::query("SELECT pg_advisory_unlock($1)").bind(key).execute(&mut session);
    let _ = timeout(ANSWER, unlock).await;
    let _ = timeout(ANSWER, session.close()).await;
}
