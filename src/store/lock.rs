//! The right to load and plan: one program at a time has it, whatever the database.
//!
//! For a SQLite file it is a file lock, given up by the system when the program dies. For PostgreSQL it is a session's
//! advisory lock, given up by the server when the session ends; a holder whose session is cut off must stop planning,
//! for somebody else may have begun. Delivering needs no such right: messages are leased one by one.

use std::fs::File;

use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

/// The right to load and plan; given up when dropped, and when the program dies.
#[derive(Debug)]
pub struct StoreLock {
    held: Held,
}

#[derive(Debug)]
enum Held {
    /// The store is in memory: nobody else knows it.
    NobodyElse,
    /// The lock of a file; nothing but ourselves can take it away.
    File { _file: File },
    /// A database session that a task of ours watches over.
    Session { lost: CancellationToken, stop: DropGuard, watch: JoinHandle<()> },
}

impl StoreLock {
    pub(super) const fn nobody_else() -> Self {
        Self { held: Held::NobodyElse }
    }

    pub(super) const fn of_file(file: File) -> Self {
        Self { held: Held::File { _file: file } }
    }

    /// `watch` ends the session when `stop` is cancelled, and cancels `lost` when the session ended by itself.
    pub(super) fn of_session(lost: CancellationToken, stop: CancellationToken, watch: JoinHandle<()>) -> Self {
        Self { held: Held::Session { lost, stop: stop.drop_guard(), watch } }
    }

    /// Whether the right is still ours, as far as we know.
    #[must_use]
    pub fn is_held(&self) -> bool {
        !matches!(&self.held, Held::Session { lost, .. } if lost.is_cancelled())
    }

    /// Waits until the right is lost: for ever, unless a database server's session ends.
    pub async fn lost(&self) {
        match &self.held {
            Held::Session { lost, .. } => lost.cancelled().await,
            Held::NobodyElse | Held::File { .. } => std::future::pending().await,
        }
    }

    /// Gives the right up, and returns when somebody else can have it.
    pub async fn release(self) {
        if let Held::Session { stop, watch, .. } = self.held {
            drop(stop);
            // A watch that panicked has ended its session too.
            let _ = watch.await;
        }
    }
}
