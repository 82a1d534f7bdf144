//! Delivery: each message is leased, checked once more, attempted and settled (rules 23 to 25).
//!
//! Decides nothing but *when*, except to cancel what no longer stands. An attempt is recorded before the first byte
//! leaves; whatever happens then, the store says so. A failed recipient never stops the others; a refusal of
//! ourselves stops the batch and rejects nobody.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{JobError, Site, brief::Briefing};
use crate::{
    config::{Config, Smtp, Transport},
    domain::{
        delivery::{Decision, retry_delay},
        message::{Message, Notice},
        plan::{Told, standing_finding},
        policy::OnUnknown,
        register::Register,
    },
    mail::{
        Outgoing, Receipt, SendError, Session,
        compose::{ComposeError, Envelope, compose},
        render::{Renderer, Voice},
    },
    store::{Lease, MessageState, Settlement, StoredMessage},
    telemetry::masked,
};

/// Steps of a conversation that may each take the whole time-out, before a lease can be taken for lapsed.
const STEPS_OF_A_LEASE: u64 = 12;

/// How long the right to try a message lasts at most.
#[must_use]
pub fn lease_span(smtp: &Smtp) -> Duration {
    Duration::from_secs(smtp.timeout_secs.saturating_mul(STEPS_OF_A_LEASE).saturating_add(60))
}

/// How long a message that cannot be written waits for a better template, in hours.
const UNWRITABLE_WAIT_HOURS: i64 = 1;

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
}

/// The words and the voice of the messages, from the configuration.
///
/// # Errors
/// When a content file cannot be read.
pub fn renderer(config: &Config) -> Result<Renderer, JobError> {
    let mail = &config.mail;
    let reply = mail.reply_to.as_ref().unwrap_or(&mail.from);
    let voice = Voice {
        operator: config.operator.clone(),
        from: mail.from.email.to_string(),
        reply: reply.email.to_string(),
        names_in_shared_mailboxes: config.privacy.names_in_shared_mailboxes,
    };
    Ok(Renderer::new(voice, mail.templates.as_deref())?)
}

/// Delivers everything that is due, until nothing is, the batch is stopped, or `stop` is asked for.
///
/// # Errors
/// When the store fails or the messages cannot be written at all.
pub async fn deliver(site: &Site, register: Arc<Register>, stop: &CancellationToken) -> Result<Delivered, JobError> {
    recover(site, site.clock.now()).await?;
    let batch = Arc::new(Batch {
        renderer: renderer(&site.config)?,
        site: site.clone(),
        register,
        told: site.store.load_told().await?,
        stop: stop.child_token(),
        done: Mutex::default(),
    });
    let mut workers = JoinSet::new();
    for _ in 0..connections(site) {
        workers.spawn(Arc::clone(&batch).work());
    }
    let mut failed = None;
    while let Some(worker) = workers.join_next().await {
        match worker {
            Ok(Ok(())) => {}
            // The others finish the message they are at: dropping them now would leave its outcome unknown.
            Ok(Err(error)) => {
                batch.stop.cancel();
                failed.get_or_insert(error);
            }
            Err(failure) => tracing::error!(%failure, "a delivery worker ended early; its message is settled later"),
        }
    }
    if let Some(error) = failed {
        return Err(error);
    }
    let done = batch.done.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok(done)
}

fn connections(site: &Site) -> u16 {
    match site.config.mail.transport {
        Transport::Smtp => site.config.mail.smtp.connections.max(1),
        Transport::Directory => 1,
    }
}

/// Settles attempts that were cut off, those whose lease ends by `before`: nobody knows how they ended (rule 25).
///
/// Who has just taken the right to work on the store knows that every lease in it belongs to a program that is gone,
/// and says [`Timestamp::MAX`].
///
/// # Errors
/// When the store fails.
pub async fn recover(site: &Site, before: Timestamp) -> Result<(), JobError> {
    for (message, token) in site.store.list_lapsed_leases(before).await? {
        let why = "the program was cut off during the attempt, so nobody knows whether the message went".to_owned();
        let settlement = unknown(site, &message, why);
        site.store.settle_message(message.number, &token, &settlement).await?;
        tracing::warn!(
            message.reference,
            state = settlement.state.as_str(),
            "an attempt at {} was cut off",
            message.reference
        );
    }
    Ok(())
}

/// Why a message has no bytes.
enum Unwritable {
    /// Nothing can be sent to that address: the notice climbs, as if a server had refused it.
    Recipient(String),
    /// The words or the headers: somebody must mend them.
    Words(String),
}

struct Batch {
    site: Site,
    register: Arc<Register>,
    told: Told,
    renderer: Renderer,
    stop: CancellationToken,
    done: Mutex<Delivered>,
}

impl Batch {
    /// One worker with one session: message after message, until nothing is due.
    async fn work(self: Arc<Self>) -> Result<(), JobError> {
        let mut session = self.site.mailer.session();
        while !self.stop.is_cancelled() {
            let lease = self.lease();
            let Some(message) = self.site.store.lease_message(&lease).await? else { break };
            let settlement = self.attempt(session.as_mut(), &message).await?;
            self.note(&message, &settlement);
            if !self.site.store.settle_message(message.number, &lease.token, &settlement).await? {
                tracing::warn!(message.reference, "the lease of {} ended before its settlement", message.reference);
            }
        }
        session.close().await;
        Ok(())
    }

    fn lease(&self) -> Lease {
        let now = self.site.clock.now();
        let span = SignedDuration::try_from(lease_span(&self.site.config.mail.smtp)).unwrap_or(SignedDuration::MAX);
        let until = now.checked_add(span).unwrap_or(Timestamp::MAX);
        Lease { token: format!("{:032x}", rand::random::<u128>()), now, until }
    }

    /// Checks a message against current facts, writes it and sends it.
    async fn attempt(&self, session: &mut dyn Session, message: &StoredMessage) -> Result<Settlement, JobError> {
        let (standing, gone) = self.check(&message.message);
        if !gone.is_empty() {
            self.site.store.cancel_notices(message.number, &gone).await?;
        }
        let now = self.site.clock.now();
        if standing.notices.is_empty() {
            let reply = "nothing in it stood any longer".to_owned();
            return Ok(settlement("cancelled", MessageState::Cancelled, reply, now, now));
        }
        let outgoing = match self.write(message, &standing) {
            Ok(outgoing) => outgoing,
            Err(Unwritable::Recipient(why)) => {
                return Ok(settlement("rejected", MessageState::Rejected, why, now, now));
            }
            Err(Unwritable::Words(why)) => {
                tracing::error!(message.reference, why, "{} cannot be written: mend the template", message.reference);
                let later = now.checked_add(SignedDuration::from_hours(UNWRITABLE_WAIT_HOURS)).unwrap_or(now);
                return Ok(settlement("deferred", MessageState::Deferred, why, now, later));
            }
        };
        let sent = session.send(&outgoing).await;
        Ok(self.outcome(message, sent))
    }

    /// Splits a message into what still stands and what does not (rule 24).
    fn check(&self, message: &Message) -> (Message, Vec<Notice>) {
        let planning = self.site.planning(self.site.today());
        let stands = |notice: &Notice| {
            let subject = self.register.find(notice.subject_id);
            let finding = |found| standing_finding(planning, &self.register, &self.told, found, notice);
            subject.and_then(finding).is_some()
        };
        let (standing, gone) = message.notices.iter().cloned().partition(stands);
        (Message { notices: standing, ..message.clone() }, gone)
    }

    fn write(&self, stored: &StoredMessage, message: &Message) -> Result<Outgoing, Unwritable> {
        let briefing = Briefing::new(&self.site.config, &self.register, self.site.today());
        let brief = briefing.brief(message, &stored.reference);
        let rendered = self.renderer.render(&brief).map_err(|error| Unwritable::Words(error.to_string()))?;
        let mail = &self.site.config.mail;
        let envelope = Envelope {
            from: &mail.from,
            reply_to: mail.reply_to.as_ref(),
            to: &message.recipient,
            to_name: brief.recipient.name.as_deref(),
            message_id: &stored.message_id,
            date: self.site.clock.now(),
            reference: &stored.reference,
        };
        let raw = compose(&envelope, &rendered).map_err(|error| match error {
            ComposeError::Recipient(_) => Unwritable::Recipient(error.to_string()),
            _ => Unwritable::Words(error.to_string()),
        })?;
        let (from, to) = (mail.from.email.to_string(), message.recipient.as_str().to_owned());
        Ok(Outgoing { from, to, raw, file_stem: format!("{}-{}", message.on, stored.reference) })
    }

    fn outcome(&self, message: &StoredMessage, sent: Result<Receipt, SendError>) -> Settlement {
        let now = self.site.clock.now();
        let error = match sent {
            Ok(receipt) => {
                let assigned_id = receipt.assigned_id;
                let accepted = settlement("accepted", MessageState::Accepted, receipt.reply, now, now);
                return Settlement { assigned_id, ..accepted };
            }
            Err(error) => error,
        };
        let why = error.to_string();
        let decision = error.decision();
        if decision.stops_the_batch() {
            self.stop_batch(&why, decision);
        }
        match decision {
            Decision::RejectedRecipient => settlement("rejected", MessageState::Rejected, why, now, now),
            Decision::Unknown => unknown(&self.site, message, why),
            Decision::DeferredMessage | Decision::TransportDown | Decision::SenderWide => {
                settlement("deferred", MessageState::Deferred, why, now, retry_at(message, now))
            }
        }
    }

    fn stop_batch(&self, why: &str, decision: Decision) {
        self.stop.cancel();
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        if done.stopped.is_none() {
            tracing::error!(decision = decision.as_str(), "sending has stopped, nobody was rejected: {why}");
            done.stopped = Some(why.to_owned());
        }
    }

    fn note(&self, message: &StoredMessage, settlement: &Settlement) {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        match settlement.outcome {
            "accepted" => done.accepted += 1,
            "rejected" => done.rejected += 1,
            "cancelled" => done.cancelled += 1,
            "unknown" => done.unknown += 1,
            _ => done.deferred += 1,
        }
        drop(done);
        tracing::info!(
            message.reference,
            recipient = masked(message.message.recipient.as_str()),
            outcome = settlement.outcome,
            "{} to {}: {}",
            message.reference,
            masked(message.message.recipient.as_str()),
            settlement.outcome
        );
    }
}

fn settlement(
    outcome: &'static str,
    state: MessageState,
    reply: String,
    at: Timestamp,
    next_at: Timestamp,
) -> Settlement {
    Settlement { outcome, state, reply, assigned_id: None, next_at, at }
}

/// Resent under the same Message-ID where the stage says so, else held for a person (rule 25).
fn unknown(site: &Site, message: &StoredMessage, why: String) -> Settlement {
    let now = site.clock.now();
    match message.on_unknown {
        _ if site.mailer.takes_repeats_as_one() => settlement("unknown", MessageState::Deferred, why, now, now),
        OnUnknown::Resend => settlement("unknown", MessageState::Deferred, why, now, retry_at(message, now)),
        OnUnknown::Hold => settlement("unknown", MessageState::Unknown, why, now, now),
    }
}

fn retry_at(message: &StoredMessage, now: Timestamp) -> Timestamp {
    now.checked_add(retry_delay(message.attempts, rand::random::<f64>())).unwrap_or(now)
}
