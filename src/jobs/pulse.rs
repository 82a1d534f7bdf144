//! Signs of life: the worker and what it works with say that they got on, the watchdog listens.
//!
//! The pulse goes on each beat, each stretch of rows read from a file, and before and after each message. Each says for
//! how long nothing more need be heard: the longest part of a plan, a transaction, a database that is away and asked
//! again, or a conversation with a slow mail server. Who is silent for longer is stuck.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::time::{Duration, Instant};

use crate::mail::{Mailer, Outgoing, Receipt, SendError, Session};

/// How long work that is no conversation may go on without a sign. A delivery asks a database that is away again for 5
/// minutes; a statement waits 2 for another transaction.
const STRETCH: Duration = Duration::from_mins(7);

/// Until when somebody who gets on with their work need not be heard of.
#[derive(Debug, Clone)]
pub struct Pulse(Arc<Mutex<Instant>>);

impl Default for Pulse {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Instant::now() + STRETCH)))
    }
}

impl Pulse {
    /// Says that work goes on.
    pub fn beat(&self) {
        self.beat_for(STRETCH);
    }

    /// Says that work goes on, and that the next part of it may take so long. It takes back no more than was said before:
    /// several may be at work.
    pub fn beat_for(&self, span: Duration) {
        let mut until = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *until = (*until).max(Instant::now() + span);
    }

    /// Whether work goes on, as far as anybody can know.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        Instant::now() <= *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A mailer whose every message is a sign of life.
pub struct PulsedMailer {
    /// The way out.
    pub mailer: Arc<dyn Mailer>,
    /// Who is told.
    pub pulse: Pulse,
    /// The longest that a message may be under way.
    pub span: Duration,
}

#[async_trait]
impl Mailer for PulsedMailer {
    fn session(&self) -> Box<dyn Session> {
        Box::new(PulsedSession { session: self.mailer.session(), pulse: self.pulse.clone(), span: self.span })
    }

    fn takes_repeats_as_one(&self) -> bool {
        self.mailer.takes_repeats_as_one()
    }

    fn describe(&self) -> String {
        self.mailer.describe()
    }

    async fn probe(&self) -> Result<(), SendError> {
        self.mailer.probe().await
    }
}

struct PulsedSession {
    session: Box<dyn Session>,
    pulse: Pulse,
    span: Duration,
}

#[async_trait]
impl Session for PulsedSession {
    async fn send(&mut self, mail: &Outgoing) -> Result<Receipt, SendError> {
        self.pulse.beat_for(self.span);
        let sent = self.session.send(mail).await;
        self.pulse.beat();
        sent
    }

    async fn close(&mut self) {
        self.session.close().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::memory::MemoryMailer;

    const HOUR: Duration = Duration::from_hours(1);

    fn mail() -> Outgoing {
        let (from, to) = ("a@anyshire.example".into(), "b@anyshire.example".into());
        Outgoing { from, to, raw: Vec::new(), file_stem: "one".into() }
    }

    /// A mail server that takes a message and never says so.
    struct Silent;

    #[async_trait]
    impl Session for Silent {
        async fn send(&mut self, _: &Outgoing) -> Result<Receipt, SendError> {
            std::future::pending().await
        }

        async fn close(&mut self) {}
    }

    #[tokio::test(start_paused = true)]
    async fn every_message_is_a_sign_of_life() {
        let pulse = Pulse::default();
        let mailer = PulsedMailer { mailer: Arc::new(MemoryMailer::new()), pulse: pulse.clone(), span: STRETCH };
        tokio::time::sleep(STRETCH * 2).await;
        assert!(!pulse.is_alive());
        mailer.session().send(&mail()).await.unwrap();
        assert!(pulse.is_alive());
    }

    #[tokio::test(start_paused = true)]
    async fn a_conversation_may_take_as_long_as_its_limits_allow_and_no_longer() {
        let pulse = Pulse::default();
        let mut session = PulsedSession { session: Box::new(Silent), pulse: pulse.clone(), span: HOUR };
        let hung = tokio::spawn(async move { session.send(&mail()).await });
        tokio::time::sleep(HOUR.saturating_sub(STRETCH)).await;
        // Others that get on meanwhile do not make it shorter.
        pulse.beat();
        tokio::time::sleep(STRETCH.saturating_sub(Duration::from_secs(1))).await;
        assert!(pulse.is_alive());
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(!pulse.is_alive());
        hung.abort();
    }
}
