//! Why a store could not do what it was asked, in words a person can act on.

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
    #[error("cannot bring the database up to date: {0} (was it written by a newer lapsewatch?)")]
    Migrate(#[from] sqlx::migrate::MigrateError),
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
    /// Another program works on the same store.
    #[error("another lapsewatch is at work on {path}: wait for it, or stop it")]
    Busy {
        /// The lock file.
        path: String,
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

impl StoreError {
    /// Whether asking again later may go well: the database was away, busy or full, not wrong.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        matches!(self, Self::Statement { .. } | Self::Open { .. } | Self::Busy { .. })
    }
}
