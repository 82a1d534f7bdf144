//! The right to load and plan, as the daemon has it: alone, or passed on between replicas.
//!
//! A replica without it only delivers. It asks again and again, so that the work of one that is gone is taken over;
//! and one whose database session was cut off stops planning, for somebody else may have begun.

use std::future::pending;

use crate::store::{Place, StoreError, StoreLock};

/// The right to load and plan.
#[derive(Debug, Default)]
pub struct Right {
    /// Where to ask for it again; `None` when nobody else can have it.
    place: Option<Place>,
    lock: Option<StoreLock>,
}

impl Right {
    /// Takes the right: at once where one program works on a store, when it is free where replicas do.
    ///
    /// # Errors
    /// `Busy` when another program has a store that only one can have; else what keeps it from being asked for.
    pub async fn take(place: Place) -> Result<Self, StoreError> {
        if place.is_shared() {
            let lock = place.try_lock().await?;
            Ok(Self { place: Some(place), lock })
        } else {
            Ok(Self { place: None, lock: Some(place.lock().await?) })
        }
    }

    /// Whether it is ours; asks for it when it is not. Says when it comes and goes.
    pub async fn is_ours(&mut self) -> bool {
        let Some(place) = &self.place else { return true };
        if self.lock.as_ref().is_some_and(StoreLock::is_held) {
            return true;
        }
        self.lock = None;
        match place.try_lock().await {
            Ok(lock) => self.lock = lock,
            Err(failure) => tracing::debug!(%failure, "nobody can be asked for the right to load and plan"),
        }
        if self.lock.is_some() {
            tracing::info!("this replica loads and plans from now on");
        }
        self.lock.is_some()
    }

    /// Waits until it is lost: for ever where nobody else can have it.
    pub async fn lost(&self) {
        match &self.lock {
            Some(lock) => lock.lost().await,
            None => pending().await,
        }
    }
}
