//! For tests: keeps messages in memory and answers as told.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::{Mailer, Outgoing, Receipt, SendError, Session};

type Answer = dyn Fn(&Outgoing, usize) -> Result<Receipt, SendError> + Send + Sync;

/// Keeps every message it is given, and answers as its script says; without one it takes everything.
#[derive(Clone)]
pub struct MemoryMailer {
    tried: Arc<Mutex<Vec<(Outgoing, bool)>>>,
    answer: Arc<Answer>,
}

impl Default for MemoryMailer {
    fn default() -> Self {
        Self::answering(|_, nth| Ok(Self::accepted(nth)))
    }
}

impl MemoryMailer {
    /// Takes everything.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers each message as `answer` says, which is also told how many messages came before it.
    pub fn answering(answer: impl Fn(&Outgoing, usize) -> Result<Receipt, SendError> + Send + Sync + 'static) -> Self {
        Self { tried: Arc::default(), answer: Arc::new(answer) }
    }

    /// What a server says when it takes the message that `nth` others came before.
    #[must_use]
    pub fn accepted(nth: usize) -> Receipt {
        Receipt { reply: format!("250 2.0.0 Ok: queued as M{nth}"), assigned_id: Some(format!("M{nth}")) }
    }

    /// Every message that was taken, in order.
    #[must_use]
    pub fn sent(&self) -> Vec<Outgoing> {
        self.with(|tried| tried.iter().filter(|(_, taken)| *taken).map(|(mail, _)| mail.clone()).collect())
    }

    /// Every message that was tried, in order, taken or not.
    #[must_use]
    pub fn tried(&self) -> Vec<Outgoing> {
        self.with(|tried| tried.iter().map(|(mail, _)| mail.clone()).collect())
    }

    fn with<T>(&self, work: impl FnOnce(&mut Vec<(Outgoing, bool)>) -> T) -> T {
        work(&mut self.tried.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl std::fmt::Debug for MemoryMailer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryMailer").field("tried", &self.tried).finish_non_exhaustive()
    }
}

#[async_trait]
impl Mailer for MemoryMailer {
    fn session(&self) -> Box<dyn Session> {
        Box::new(self.clone())
    }

    fn describe(&self) -> String {
        "memory".into()
    }

    async fn probe(&self) -> Result<(), SendError> {
        Ok(())
    }
}

#[async_trait]
impl Session for MemoryMailer {
    async fn send(&mut self, mail: &Outgoing) -> Result<Receipt, SendError> {
        let before = self.with(|tried| tried.len());
        let answer = (self.answer)(mail, before);
        self.with(|tried| tried.push((mail.clone(), answer.is_ok())));
        answer
    }

    async fn close(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::delivery::Step;

    #[tokio::test]
    async fn it_answers_as_told_and_keeps_what_it_took_apart_from_what_it_was_given() {
        let mailer = MemoryMailer::answering(|mail, nth| match nth {
            0 => Err(SendError::refused("memory", Step::RcptTo, 550, "5.1.1 No such user")),
            _ if mail.to.starts_with("jo") => Ok(MemoryMailer::accepted(nth)),
            _ => Err(SendError::NoAnswer { server: "memory".into(), step: Step::Body, secs: 1 }),
        });
        let mail = |to: &str| Outgoing {
            from: "reminders@anyshire.example".into(),
            to: format!("{to}@anyshire.example"),
            raw: vec![],
            file_stem: "one".into(),
        };
        let mut session = mailer.session();
        let mut outcomes = Vec::new();
        for to in ["jo", "jo", "al"] {
            let sent = session.send(&mail(to)).await;
            outcomes.push(sent.map_or_else(|error| error.outcome(), Into::into).as_str());
        }
        assert_eq!(outcomes, ["rejected", "accepted", "unknown"]);
        assert_eq!((mailer.tried().len(), mailer.sent()), (3, vec![mail("jo")]));
    }
}
