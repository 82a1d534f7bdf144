//! The store in a PostgreSQL database: for several programs at once on one store.
//!
//! One of them loads and plans, the one with the advisory lock; all of them deliver. A connection over a network is
//! encrypted and the server's certificate checked, or there is none. A connection that breaks is an error of the one
//! statement it broke under; the pool makes a new one for the next.
mod dialect;
mod lock;
mod patience;

use std::{net::IpAddr, time::Duration};

use sqlx::{
    PgPool, Postgres,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions, PgSslMode},
};
use tokio::time::{Instant, sleep};

pub(super) use self::lock::try_lock;
use super::{
    StoreError,
    sql::{self, SqlStore},
};

/// A store in a PostgreSQL database.
pub type PostgresStore = SqlStore<Postgres>;

/// Every migration, compiled in; the numbers and names are those of SQLite.
static MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// Connections of one program at most: statements are short, and servers have few to give.
const CONNECTIONS: u32 = 8;

/// How long a connection may take to be had before that is an error.
const WAIT: Duration = Duration::from_secs(10);

/// How often a migration that runs is taken for progress ...
const BETWEEN_SIGNS: Duration = Duration::from_secs(5);

/// ... and for how long.
const LONGEST_MIGRATION: Duration = Duration::from_mins(30);

/// The settings of a session: a partner that is gone is noticed within half a minute and its locks are freed, not
/// after the two hours that systems come with.
const SESSION: [(&str, &str); 3] =
    [("tcp_keepalives_idle", "10"), ("tcp_keepalives_interval", "5"), ("tcp_keepalives_count", "3")];

/// How a database is reached, from its URL.
///
/// # Errors
/// `Url` when it cannot be read, `Unverified` when it asks for less than a checked certificate over a network.
pub(super) fn options(url: &str) -> Result<PgConnectOptions, StoreError> {
    let bad = |why: &str| StoreError::Url { why: why.to_owned() };
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(bad("it begins with none of sqlite:, postgres:// and postgresql://"));
    }
    let options: PgConnectOptions = url.parse().map_err(|error: sqlx::Error| bad(&reason(&error)))?;
    let options = options.application_name("lapsewatch").options(SESSION);
    let asks = url.split_once('?').is_some_and(|(_, query)| query.contains("sslmode=") || query.contains("ssl-mode="));
    match options.get_ssl_mode() {
        _ if is_local(&options) => Ok(options),
        PgSslMode::VerifyFull => Ok(options),
        mode if asks => Err(StoreError::Unverified { host: options.get_host().to_owned(), mode: word(mode) }),
        _ => Ok(options.ssl_mode(PgSslMode::VerifyFull)),
    }
}

/// What the driver holds against a URL; without its own prefix.
fn reason(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Configuration(why) => why.to_string(),
        other => other.to_string(),
    }
}

/// Whether nobody but this machine can listen.
fn is_local(options: &PgConnectOptions) -> bool {
    let host = options.get_host().trim_start_matches('[').trim_end_matches(']');
    options.get_socket().is_some()
        || host.starts_with('/')
        || host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

const fn word(mode: PgSslMode) -> &'static str {
    match mode {
        PgSslMode::Disable => "disable",
        PgSslMode::Allow => "allow",
        PgSslMode::Prefer => "prefer",
        PgSslMode::Require => "require",
        PgSslMode::VerifyCa => "verify-ca",
        PgSslMode::VerifyFull => "verify-full",
    }
}

/// The URL as it may be shown: who, where, which; no password and no parameters.
pub(super) fn shown(options: &PgConnectOptions) -> String {
    let (user, database) = (options.get_username(), options.get_database().unwrap_or(options.get_username()));
    match options.get_socket() {
        Some(socket) => format!("postgres://{user}@{}/{database}", socket.display()),
        None => format!("postgres://{user}@{}:{}/{database}", options.get_host(), options.get_port()),
    }
}

/// Opens the store, bringing its tables up to date; several programs may try at once. `progress` hears of it when that
/// gets on.
///
/// # Errors
/// `Open` when the database cannot be reached, `Migrate` when it is of a newer version.
pub(super) async fn open(
    options: &PgConnectOptions,
    progress: &(dyn Fn() + Send + Sync),
) -> Result<PostgresStore, StoreError> {
    let pool = connect(options.clone()).await?;
    migrate(&pool, progress).await?;
    Ok(SqlStore::new(pool))
}

/// Brings the tables up to date. While a statement runs the server says nothing: it is believed for a while, which ends,
/// for somebody may hold a lock that it waits for.
async fn migrate(pool: &PgPool, progress: &(dyn Fn() + Send + Sync)) -> Result<(), StoreError> {
    let (migrated, begun) = (MIGRATIONS.run(pool), Instant::now());
    tokio::pin!(migrated);
    loop {
        tokio::select! {
            ended = &mut migrated => return Ok(ended?),
            () = sleep(BETWEEN_SIGNS) => (),
        }
        if begun.elapsed() < LONGEST_MIGRATION {
            progress();
        }
    }
}

/// Opens the store for a small decision beside the programs that work on it; its tables stay as they are.
///
/// # Errors
/// As [`open_to_read`].
pub(super) async fn open_beside(options: &PgConnectOptions) -> Result<PostgresStore, StoreError> {
    of_our_version(connect(options.clone()).await?).await
}

/// Opens the store for reading, in sessions that the server lets write nothing.
///
/// # Errors
/// `Open` when the database cannot be reached, `Migrate` when it is of a newer version, `Older` when of an older one.
pub(super) async fn open_to_read(options: &PgConnectOptions) -> Result<PostgresStore, StoreError> {
    of_our_version(connect(options.clone().options([("default_transaction_read_only", "on")])).await?).await
}

async fn of_our_version(pool: PgPool) -> Result<PostgresStore, StoreError> {
    let is_made: bool = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
        .fetch_one(&pool)
        .await
        .map_err(sql::doing("reading the database's version"))?;
    if is_made { SqlStore::new(pool).of_version(&MIGRATIONS).await } else { Err(StoreError::Older) }
}

async fn connect(options: PgConnectOptions) -> Result<PgPool, StoreError> {
    let url = shown(&options);
    PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(WAIT)
        .after_release(|connection, _| Box::pin(patience::is_free(connection)))
        .connect_with(options)
        .await
        .map_err(|source| StoreError::Open { url, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_a_network_the_certificate_is_checked_or_there_is_no_connection() {
        let mode = |url: &str| options(url).map(|options| word(options.get_ssl_mode()));
        for url in [
            "postgres://lw@db.example/lw",
            "postgresql://lw@db.example:5433/lw?sslmode=verify-full",
            "postgres://lw@localhost/lw?host=db.example",
            "postgres://lw@localhost/lw?hostaddr=192.0.2.7",
        ] {
            assert_eq!(mode(url).unwrap(), "verify-full", "{url}");
        }
        for low in ["disable", "allow", "prefer", "require", "verify-ca"] {
            let refused = mode(&format!("postgres://lw@db.example/lw?sslmode={low}")).unwrap_err();
            assert!(matches!(refused, StoreError::Unverified { .. }) && refused.to_string().contains(low), "{refused}");
            let local = format!("postgres://lw@127.0.0.1/lw?sslmode={low}");
            assert_eq!(mode(&local).unwrap(), low);
        }
        for local in ["postgres://lw@[::1]/lw", "postgres://lw@%2Frun%2Fpostgresql/lw", "postgres:///lw?host=/run/pg"] {
            assert_eq!(mode(local).unwrap(), "prefer", "{local}");
        }
    }

    #[test]
    fn a_password_is_shown_nowhere() {
        let place = crate::store::Place::new("postgres://lw:hunter2@db.example/lw?application_name=hunter2", None);
        let place = place.unwrap();
        assert_eq!(place.to_string(), "postgres://lw@db.example:5432/lw");
        assert_eq!(format!("{place:?}"), "Place(postgres://lw@db.example:5432/lw)");
        for url in ["postgres://lw:hunter2@db.example:port/lw", "postgres://lw:hunter2@db.example/lw?sslmode=none"] {
            let refused = options(url).unwrap_err();
            assert!(!format!("{refused} {refused:?}").contains("hunter2"), "{refused:?}");
        }
        let mistyped = options("postgress://lw:hunter2@db.example/lw").unwrap_err();
        assert!(!format!("{mistyped} {mistyped:?}").contains("hunter2"), "{mistyped:?}");
    }
}
