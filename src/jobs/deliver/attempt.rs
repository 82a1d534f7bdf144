//! One attempt: the message is checked against current facts, written, and sent; what came of it becomes a settlement.

use std::sync::atomic::Ordering;

use jiff::SignedDuration;

use super::{Batch, Errand};
use crate::{
    domain::{
        delivery::{Decision, Outcome, Step},
        message::{Message, Notice},
        outbox::{Circumstances, Event, MessageState, Next, next},
        plan::standing_finding,
    },
    jobs::{Site, brief::Briefing, facts::Facts},
    mail::{
        Outgoing, Receipt, SendError, Session,
        compose::{ComposeError, Envelope, compose},
        render::{Alert, Brief},
    },
    store::{Settlement, StoredMessage},
};

/// How many days after it was planned a message is tried at least, where its rule goes on after the deadline.
const LEAST_DAYS_OF_TRIES: i32 = 5;

/// Alerts older than this many days are no news: what they say has been said again since.
const DAYS_OF_NEWS: i32 = 3;

/// Connections that may be lost, one after the other, before the server counts as away.
const MOST_SLIPS: u32 = 2;

/// Why a message has no bytes.
enum Unwritable {
    /// Nothing can be sent to that address: the notice climbs, as if a server had refused it.
    Recipient(String),
    /// The words or the headers: somebody must mend them.
    Words(String),
}

/// How an attempt ended, before it is written down.
struct Ended {
    outcome: Outcome,
    gone: Vec<Notice>,
    is_unreachable: bool,
}

impl From<Outcome> for Ended {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, gone: Vec::new(), is_unreachable: false }
    }
}

impl Batch {
    /// Checks a message, writes it and sends it.
    pub(super) async fn attempt(&self, session: &mut dyn Session, errand: &Errand) -> Settlement {
        let Errand { message, facts } = errand;
        let (standing, gone) = self.check(facts, message);
        if standing.notices.is_empty() && !self.has_news(message) {
            return self.settle(message, Ended { gone, ..Outcome::Cancelled.into() });
        }
        let ended = match self.write(facts, message, &standing) {
            Ok(outgoing) => self.sent(session.send(&outgoing).await),
            Err(Unwritable::Recipient(why)) => Outcome::Rejected { why }.into(),
            Err(Unwritable::Words(why)) => {
                tracing::error!(message.reference, why, "{} cannot be written: mend the template", message.reference);
                Outcome::Deferred { why }.into()
            }
        };
        self.settle(message, Ended { gone, ..ended })
    }

    /// Whether a message has more to tell than notices, and it is not old.
    fn has_news(&self, message: &StoredMessage) -> bool {
        let news_until = message.message.on.saturating_add(jiff::Span::new().days(DAYS_OF_NEWS));
        message.bulletin.is_some() && self.site.today() <= news_until
    }

    /// A message that was leased and not tried: its turn comes again.
    pub(super) fn give_back(&self, message: &StoredMessage) -> Settlement {
        settlement(&self.site, message, Outcome::Untried)
    }

    /// A message whose attempt ended in the middle: a fault of ours, which the log shows.
    pub(super) fn cut_off(&self, message: &StoredMessage) -> Settlement {
        let why = "the attempt failed in the middle, so nobody knows whether the message went: see the log".to_owned();
        tracing::error!(message.reference, "the attempt at {} panicked: please report it", message.reference);
        self.settle(message, Outcome::Unknown { why }.into())
    }

    /// Splits a message into what still stands and what does not (rule 24). What rests on exports that have grown too old
    /// does not (18): its stage is told when a fresh one says so again.
    fn check(&self, facts: &Facts, stored: &StoredMessage) -> (Message, Vec<Notice>) {
        let planning = facts.planning(&self.site, self.site.today());
        let stands = |notice: &Notice| {
            let Some(subject) = facts.register.find(notice.subject_id) else { return false };
            let is_stale = || facts.gates.stale(&facts.register, subject, notice.rule, planning.today).is_some();
            standing_finding(planning, &facts.register, &facts.told, subject, notice).is_some() && !is_stale()
        };
        let (standing, gone) = stored.message.notices.iter().cloned().partition(stands);
        (Message { notices: standing, ..stored.message.clone() }, gone)
    }

    fn write(&self, facts: &Facts, stored: &StoredMessage, message: &Message) -> Result<Outgoing, Unwritable> {
        let briefing = Briefing::new(&self.site.config, &facts.register, self.site.today());
        let alerts = stored.bulletin.as_deref().map(Alert::read).transpose();
        let alerts = alerts.map_err(|error| Unwritable::Words(format!("its alerts cannot be read: {error}")))?;
        let brief = Brief { alerts: alerts.unwrap_or_default(), ..briefing.brief(message, &stored.reference) };
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

    fn sent(&self, sent: Result<Receipt, SendError>) -> Ended {
        let error = match sent {
            Ok(receipt) => {
                self.slips.store(0, Ordering::Relaxed);
                return Outcome::from(receipt).into();
            }
            Err(error) => error,
        };
        let decision = error.decision();
        let is_wide = decision.stops_the_batch() || decision == Decision::Unknown;
        if is_wide && !self.is_a_slip(&error) {
            self.stop_batch(&error.to_string());
        }
        let is_unreachable = decision == Decision::RejectedRecipient;
        Ended { is_unreachable, ..error.outcome().into() }
    }

    /// A connection that was lost in the middle of a conversation costs its own message a wait, and an answer that never
    /// came costs a person a decision. Several without one message taken in between mean that the server is away.
    fn is_a_slip(&self, error: &SendError) -> bool {
        let is_slip = match (error, error.step()) {
            (SendError::Lost { .. }, Some(step)) => step >= Step::MailFrom,
            (_, step) => step == Some(Step::Body),
        };
        is_slip && self.slips.fetch_add(1, Ordering::Relaxed) < MOST_SLIPS
    }

    fn settle(&self, message: &StoredMessage, ended: Ended) -> Settlement {
        let Ended { outcome, gone, is_unreachable } = ended;
        let unreachable_on = is_unreachable.then(|| self.site.today());
        let settlement = Settlement { gone, unreachable_on, ..settlement(&self.site, message, outcome) };
        self.note(message, &settlement.outcome, settlement.state);
        settlement
    }
}

/// The settlement of a leased message that ended so.
pub(super) fn settlement(site: &Site, message: &StoredMessage, outcome: Outcome) -> Settlement {
    let now = site.clock.now();
    let about = Circumstances {
        on_unknown: message.on_unknown,
        takes_repeats_as_one: site.mailer.takes_repeats_as_one(),
        attempts: message.attempts,
        jitter: rand::random::<f64>(),
        is_too_late: is_too_late(site, &message.message),
    };
    let held = Next { state: MessageState::Unknown, wait: SignedDuration::ZERO };
    let Next { state, wait } = next(MessageState::Leased, Event::End(&outcome, about)).unwrap_or(held);
    Settlement {
        number: message.number,
        token: message.lease.as_ref().map(|lease| lease.token.clone()).unwrap_or_default(),
        state,
        next_at: now.checked_add(wait).unwrap_or(now),
        at: now,
        gone: Vec::new(),
        unreachable_on: None,
        outcome,
    }
}

/// Whether no further attempt makes sense: every deadline in it has passed, and it was tried for some days.
fn is_too_late(site: &Site, message: &Message) -> bool {
    let today = site.today();
    let tried_until = message.on.saturating_add(jiff::Span::new().days(LEAST_DAYS_OF_TRIES));
    today > tried_until && message.notices.iter().all(|notice| today > notice.deadline_on)
}
