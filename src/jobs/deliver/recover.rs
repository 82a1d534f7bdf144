//! Attempts that were cut off: the program died, or lost its database, between an attempt and its settlement. Nobody
//! knows how they ended (rule 25).

use std::collections::HashMap;

use jiff::Timestamp;
use tokio::time::{Duration, Instant};

use super::attempt::settlement;
use crate::{
    domain::delivery::Outcome,
    jobs::{JobError, Site},
    store::{MessageNumber, Settlement, StoredMessage},
};

/// How long a lease of another program must stay as it is before it counts as left: a holder that lives renews it
/// several times in that span, whatever its clock or ours says.
const PATIENCE: Duration = Duration::from_secs(16);

/// Settles attempts that were cut off, those whose lease ends by `before`.
///
/// Who alone works on the store knows that every lease in it belongs to a program that is gone, and says
/// [`Timestamp::MAX`].
///
/// # Errors
/// When the store fails.
pub async fn recover(site: &Site, before: Timestamp) -> Result<u64, JobError> {
    if before == Timestamp::MAX {
        // Whoever held connections is gone too.
        site.store.hold_connections("", 0, 0, Timestamp::MAX, Timestamp::MAX).await?;
    }
    settle(site, site.store.list_lapsed_leases(before).await?).await
}

async fn settle(site: &Site, lapsed: Vec<StoredMessage>) -> Result<u64, JobError> {
    let settlements: Vec<_> = lapsed.iter().map(|message| cut_off(site, message)).collect();
    if settlements.is_empty() {
        return Ok(0);
    }
    site.store.exchange(&settlements, None).await?;
    for (message, settlement) in lapsed.iter().zip(&settlements) {
        let (reference, state) = (&message.reference, settlement.state.as_str());
        tracing::warn!(message.reference = reference, state, "an attempt at {reference} was cut off");
    }
    Ok(settlements.len() as u64)
}

fn cut_off(site: &Site, message: &StoredMessage) -> Settlement {
    let why = "the program was cut off during the attempt, so nobody knows whether the message went".to_owned();
    settlement(site, message, Outcome::Unknown { why })
}

/// Leases of other programs that looked ended, and since when they have not moved.
///
/// A clock that jumps makes living leases look ended; only a lease that nobody renews stays the same.
#[derive(Debug, Default)]
pub struct Lapses {
    seen: HashMap<MessageNumber, (Timestamp, Instant)>,
}

impl Lapses {
    /// Settles the leases that ended and have not moved for a while, on a store that other programs work on too.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn recover(&mut self, site: &Site) -> Result<u64, JobError> {
        let lapsed = site.store.list_lapsed_leases(site.clock.now()).await?;
        let known = std::mem::take(&mut self.seen);
        let (mut left, now) = (Vec::new(), Instant::now());
        for message in lapsed {
            let until = message.lease.as_ref().map_or(Timestamp::MIN, |lease| lease.until);
            let before = known.get(&message.number).filter(|(seen, _)| *seen == until);
            let since = before.map_or(now, |(_, since)| *since);
            if since.elapsed() >= PATIENCE {
                left.push(message);
            } else {
                self.seen.insert(message.number, (until, since));
            }
        }
        settle(site, left).await
    }
}
