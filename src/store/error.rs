//! Why a store could not do what it was asked, in words a person can act on.

use sqlx::migrate::MigrateError;

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be opened.
    #[error("cannot open the database {url}: {source}")]
    Open {
        /// Where it was looked for.
        url: String,
        /// What the driver says.
        source: sqlx::Error,
    },
    /// The database's tables cannot be brought up to date.
    #[error("cannot bring the database up to date: {0}")]
    Migrate(#[source] MigrateError),
    /// The tables are of a newer version.
    #[error(
        "the database is of a newer lapsewatch, which brought its tables to version {version}: install that one again, \
         or go back to a backup of the time before"
    )]
    Newer {
        /// The version of its tables.
        version: i64,
    },
    /// The tables are of an older version, and a command that only reads does not change them.
    #[error(
        "the database is of an older lapsewatch: run `lapsewatch once`, or start the daemon, to bring it up to date"
    )]
    Older,
    /// A statement failed.
    #[error("database error while {doing}: {source}")]
    Statement {
        /// What the statement was for.
        doing: &'static str,
        /// What the driver says.
        source: sqlx::Error,
    },
    /// A stored value has no meaning.
    #[error("the database holds {value:?} as a {what}, which means nothing: was it edited by hand?")]
    Corrupt {
        /// What the value should be.
        what: &'static str,
        /// The value.
        value: String,
    },
    /// The URL names no database that we know.
    #[error("the database URL cannot be used: {why}")]
    Url {
        /// What is wrong with it; never the URL, which may hold a password.
        why: String,
    },
    /// The password of the database cannot be read.
    #[error("no password for the database: {why}")]
    Password {
        /// Which file, and what is wrong with it.
        why: String,
    },
    /// A connection over a network on which anybody could answer.
    #[error(
        "sslmode={mode} would give the password for {host} to whoever answers: leave it out, and the server's \
         certificate is checked; name a private authority with sslrootcert=FILE"
    )]
    Unverified {
        /// The server.
        host: String,
        /// What the URL asks for.
        mode: &'static str,
    },
    /// Another program has the right to load and plan.
    #[error("another lapsewatch is at work on {place}: wait for it, or stop it")]
    Busy {
        /// The store, without a password.
        place: String,
    },
    /// There is nothing to copy.
    #[error("there is no store at {place} yet")]
    Missing {
        /// Where it was looked for.
        place: String,
    },
    /// A store that something would be copied into holds something.
    #[error("the store to copy into is not empty: its table {table} has rows")]
    NotEmpty {
        /// The first table with a row.
        table: &'static str,
    },
    /// Fewer rows arrived than were read.
    #[error("not every row of {table} arrived: nothing was written, try again")]
    Incomplete {
        /// Of which table.
        table: &'static str,
    },
    /// Somebody was forgotten while a run was planned that may tell of them.
    #[error("somebody was forgotten while this run was planned: nothing of it was written, run it again")]
    ForgottenMeanwhile,
    /// A backup cannot be written.
    #[error("cannot write the backup {path}: {source}")]
    Backup {
        /// The file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The lock file cannot be made.
    #[error("cannot lock {path}: {source}")]
    Lock {
        /// The lock file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
}

impl From<MigrateError> for StoreError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::VersionMissing(version) => Self::Newer { version },
            other => Self::Migrate(other),
        }
    }
}

impl StoreError {
    /// Whether asking again later may go well: the database was away, busy or full, not wrong.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        matches!(self, Self::Statement { .. } | Self::Open { .. } | Self::Busy { .. })
    }

    /// Whether a secret is missing that the settings name: no database was asked.
    #[must_use]
    pub const fn is_of_a_secret(&self) -> bool {
        matches!(self, Self::Password { .. })
    }
}
