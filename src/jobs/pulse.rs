//! Signs of life: the worker and what it works with say that they got on, the watchdog listens.
//!
//! The pulse goes on each beat, each stretch of rows read from a file, and before and after each message. Between two
//! of them lies at most one conversation with a mail server, one plan, or one transaction; [`Pulse::is_alive`] allows
//! as long as a message's lease, so that a slow server does not look like a stuck program.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::time::{Duration, Instant};

use crate::mail::{Mailer, Outgoing, Receipt, SendError, Session};

/// When somebody last got on with their work.
#[derive(Debug, Clone)]
pub struct Pulse(Arc<Mutex<Instant>>);

impl Default for Pulse {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }
}

impl Pulse {
    /// Says that work goes on.
    pub fn beat(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Whether work went on within `span`.
    #[must_use]
    pub fn is_alive(&self, span: Duration) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).elapsed() <= span
    }
}

/// A mailer whose every message is a sign of life.
pub struct PulsedMailer {
    /// The way out.
    pub mailer: Arc<dyn Mailer>,
    /// Who is told.
    pub pulse: Pulse,
}

#[async_trait]
impl Mailer for PulsedMailer {
    fn session(&self) -> Box<dyn Session> {
        Box::new(PulsedSession { session: self.mailer.session(), pulse: self.pulse.clone() })
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
}

#[async_trait]
impl Session for PulsedSession {
    async fn send(&mut self, mail: &Outgoing) -> Result<Receipt, SendError> {
        self.pulse.beat();
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

    #[tokio::test(start_paused = true)]
    async fn every_message_is_a_sign_of_life() {
        let pulse = Pulse::default();
        let mailer = PulsedMailer { mailer: Arc::new(MemoryMailer::new()), pulse: pulse.clone() };
        let minute = Duration::from_mins(1);
        tokio::time::sleep(minute * 2).await;
        assert!(!pulse.is_alive(minute));
        let (from, to) = ("a@anyshire.example".into(), "b@anyshire.example".into());
        let mail = Outgoing { from, to, raw: Vec::new(), file_stem: "one".into() };
        mailer.session().send(&mail).await.unwrap();
        assert!(pulse.is_alive(minute));
    }
}
