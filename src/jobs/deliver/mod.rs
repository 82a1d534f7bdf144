//! Delivery: messages are leased, checked once more, attempted and settled (rules 23 to 26).
//!
//! - The desk alone talks to the store: it leases what is due, records attempts before anything is sent, and
//!   writes down how they ended, many in one transaction.
//! - Workers, one for each connection, attempt one message after the other.
//! - [`recover`] settles what a program that is gone left half done.
//!
//! Decides nothing but *when*, except to cancel what no longer stands. Whatever happens, the store says so. A failed
//! recipient never stops the others; a refusal of ourselves stops the batch and rejects nobody.
mod attempt;
mod desk;
mod recover;

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError, RwLock, atomic::AtomicU32},
    time::Duration,
};

use futures_util::FutureExt;
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

pub use self::recover::{Lapses, recover};
use super::{JobError, Site, facts::Facts};
use crate::{
    config::{Config, Smtp, Transport},
    domain::{delivery::Outcome, outbox::MessageState},
    mail::{
        Session,
        render::{Renderer, Voice},
    },
    store::{Settlement, StoredMessage},
    telemetry::{masked, masked_in},
};

/// Steps of a conversation that may each take the whole time-out.
const STEPS_OF_A_CONVERSATION: u64 = 12;

/// How long one message may be under way without a sign of life.
#[must_use]
pub fn conversation_span(smtp: &Smtp) -> Duration {
    Duration::from_secs(smtp.timeout_secs.saturating_mul(STEPS_OF_A_CONVERSATION).saturating_add(60))
}

/// What a delivery did.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Delivered {
    /// Taken by the mail server, or written into the folder.
    pub accepted: u64,
    /// To be tried again.
    pub deferred: u64,
    /// Refused for good.
    pub rejected: u64,
    /// Not sent: nothing in them stood any longer.
    pub cancelled: u64,
    /// Nobody knows.
    pub unknown: u64,
    /// Why the batch was stopped, if it was.
    pub stopped: Option<String>,
    /// More is due, and waits for the quota of the minute.
    #[serde(skip)]
    pub is_waiting: bool,
}

/// The words and the voice of the messages, from the configuration.
///
/// # Errors
/// When a content file cannot be read.
pub fn renderer(config: &Config) -> Result<Renderer, JobError> {
    Ok(Renderer::new(voice(config), config.mail.templates.as_deref())?)
}

/// The same, with the built-in words whatever the configuration says.
///
/// # Errors
/// As [`renderer`].
pub fn built_in_renderer(config: &Config) -> Result<Renderer, JobError> {
    Ok(Renderer::new(voice(config), None)?)
}

fn voice(config: &Config) -> Voice {
    let mail = &config.mail;
    let reply = mail.reply_to.as_ref().unwrap_or(&mail.from);
    Voice {
        operator: config.operator.clone(),
        from: mail.from.email.to_string(),
        reply: reply.email.to_string(),
        names_in_shared_mailboxes: config.privacy.names_in_shared_mailboxes,
    }
}

/// Delivers everything that is due, until nothing is, a quota or the hours stand in the way, the batch is stopped, or
/// `stop` is asked for. Facts that have grown old meanwhile are read again.
///
/// # Errors
/// When the store fails for longer than a short while, or the messages cannot be written at all.
pub async fn deliver(site: &Site, facts: &mut Facts, stop: &CancellationToken) -> Result<Delivered, JobError> {
    let batch = Arc::new(Batch {
        renderer: renderer(&site.config)?,
        site: site.clone(),
        facts: RwLock::new(Arc::new(facts.clone())),
        stop: stop.child_token(),
        done: Mutex::default(),
        slips: AtomicU32::new(0),
        ours_until: Mutex::new(Instant::now()),
    });
    let ended = desk::Desk::new(Arc::clone(&batch)).serve().await;
    facts.clone_from(&batch.facts());
    ended?;
    let done = batch.done.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok(done)
}

fn connections(site: &Site) -> u16 {
    match site.config.mail.transport {
        Transport::Smtp => site.config.mail.smtp.connections.max(1),
        Transport::Directory => 1,
    }
}

/// What the desk and its workers share.
struct Batch {
    site: Site,
    facts: RwLock<Arc<Facts>>,
    renderer: Renderer,
    stop: CancellationToken,
    done: Mutex<Delivered>,
    /// Connections lost since a message was taken.
    slips: AtomicU32,
    /// Until when leases are surely ours, by a clock that nobody sets: nothing is begun after it.
    ours_until: Mutex<Instant>,
}

/// A message that is to be attempted, and what was known when it was leased.
struct Errand {
    message: StoredMessage,
    facts: Arc<Facts>,
}

/// Errands on their way from the desk to whichever worker is free.
type Queue = Arc<tokio::sync::Mutex<mpsc::Receiver<Errand>>>;

impl Batch {
    fn facts(&self) -> Arc<Facts> {
        Arc::clone(&self.facts.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether what was leased may still be begun. A program that was stopped for a while, or could not reach its
    /// database, must think that somebody else has taken it over.
    fn is_ours(&self) -> bool {
        Instant::now() < *self.ours_until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leases were taken or renewed in the store just now, and last so long from `asked` on.
    fn hold_until(&self, asked: Instant, lease: Duration) {
        *self.ours_until.lock().unwrap_or_else(PoisonError::into_inner) = asked + lease;
    }

    fn renew_facts(&self, facts: Facts) {
        *self.facts.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(facts);
    }

    /// One worker with one session: message after message, until the desk has no more. What is left when the batch
    /// stops goes back untried.
    async fn work(self: Arc<Self>, queue: Queue, ended: mpsc::Sender<Settlement>) {
        let mut session = None;
        loop {
            let next = queue.lock().await.recv().await;
            let Some(errand) = next else { break };
            let settlement = if self.stop.is_cancelled() || !self.is_ours() {
                self.give_back(&errand.message)
            } else {
                self.attempt_or_survive(&mut session, &errand).await
            };
            if ended.send(settlement).await.is_err() {
                break;
            }
        }
        if let Some(mut session) = session {
            session.close().await;
        }
    }

    /// An attempt that panics was cut off: nobody knows how it ended. The worker goes on, in a session of its own; else
    /// the desk would wait for it, and renew its lease, for ever.
    async fn attempt_or_survive(&self, session: &mut Option<Box<dyn Session>>, errand: &Errand) -> Settlement {
        let attempt = async {
            let session = session.get_or_insert_with(|| self.site.mailer.session());
            self.attempt(session.as_mut(), errand).await
        };
        let attempted = AssertUnwindSafe(attempt).catch_unwind().await;
        attempted.unwrap_or_else(|_| {
            *session = None;
            self.cut_off(&errand.message)
        })
    }

    fn stop_batch(&self, why: &str) {
        self.stop.cancel();
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        if done.stopped.is_none() {
            tracing::error!("sending has stopped, nobody was rejected: {}", masked_in(why));
            done.stopped = Some(why.to_owned());
        }
    }

    fn note(&self, message: &StoredMessage, outcome: &Outcome, state: MessageState) {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            Outcome::Accepted { .. } => done.accepted += 1,
            Outcome::Cancelled => done.cancelled += 1,
            Outcome::Unknown { .. } => done.unknown += 1,
            Outcome::Rejected { .. } => done.rejected += 1,
            Outcome::Deferred { .. } if state == MessageState::Rejected => done.rejected += 1,
            Outcome::Deferred { .. } => done.deferred += 1,
            Outcome::Untried => (),
        }
        drop(done);
        let recipient = masked(message.message.recipient.as_str());
        let (outcome, state) = (outcome.as_str(), state.as_str());
        tracing::info!(message.reference, recipient, outcome, state, "{} to {recipient}: {outcome}", message.reference);
    }
}
