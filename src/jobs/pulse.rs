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
