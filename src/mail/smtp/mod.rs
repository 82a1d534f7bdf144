//! The mail server: one message at a time over a connection that is kept.
//!
//! lettre speaks the protocol; the connection is ours. lettre's own pool hands a half-finished connection to the next
//! message when a send is cancelled, and the next message is then told the last one's answer. Here a connection is taken
//! out of its slot before use and put back only after a clean ending, so a dropped future drops the socket.

mod connect;
mod login;
mod wire;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use lettre::{
    Address,
    transport::smtp::{
        client::AsyncSmtpConnection,
        commands::{Data, Mail, Rcpt, Rset},
        response::Response,
    },
};
use tokio::time::timeout;

use self::connect::{Route, words};
use super::{Mailer, Outgoing, Receipt, SendError, Session, error::one_line};
use crate::{
    config::Smtp,
    domain::delivery::{Decision, Step, assigned_id},
};

/// Longest wait for the server to say goodbye.
const GOODBYE: Duration = Duration::from_secs(5);

/// Sends through a mail server.
#[derive(Clone)]
pub struct SmtpMailer {
    route: Arc<Route>,
}

impl SmtpMailer {
    /// Reads what the settings name, and connects to nothing yet.
    ///
    /// # Errors
    /// The certificate authorities or a secret cannot be read, or the host is no name.
    pub fn new(settings: &Smtp) -> Result<Self, SendError> {
        Ok(Self { route: Arc::new(Route::new(settings)?) })
    }
}

impl std::fmt::Debug for SmtpMailer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SmtpMailer").field(&self.route.describe()).finish()
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    fn session(&self) -> Box<dyn Session> {
        Box::new(SmtpSession { route: Arc::clone(&self.route), kept: None })
    }

    fn describe(&self) -> String {
        self.route.describe()
    }

    async fn probe(&self) -> Result<(), SendError> {
        take_leave(self.route.open().await?).await;
        Ok(())
    }
}

/// One connection, opened when the first message needs it.
struct SmtpSession {
    route: Arc<Route>,
    /// The connection between messages; empty while one is under way.
    kept: Option<AsyncSmtpConnection>,
}

#[async_trait]
impl Session for SmtpSession {
    async fn send(&mut self, mail: &Outgoing) -> Result<Receipt, SendError> {
        let envelope = Envelope::of(mail)?;
        if let Some(connection) = self.kept.take() {
            match self.send_over(connection, &envelope, mail).await {
                Err(error) if had_ended_already(&error) => {}
                done => return done,
            }
        }
        let connection = self.route.open().await?;
        self.send_over(connection, &envelope, mail).await
    }

    async fn close(&mut self) {
        if let Some(connection) = self.kept.take() {
            take_leave(connection).await;
        }
    }
}

impl SmtpSession {
    async fn send_over(
        &mut self,
        mut connection: AsyncSmtpConnection,
        envelope: &Envelope,
        mail: &Outgoing,
    ) -> Result<Receipt, SendError> {
        let sent = self.converse(&mut connection, envelope, mail).await;
        let keep = match &sent {
            Ok(_) => true,
            Err(error) => leaves_the_connection_usable(error) && self.reset(&mut connection).await,
        };
        self.kept = keep.then_some(connection);
        sent
    }

    async fn converse(
        &self,
        connection: &mut AsyncSmtpConnection,
        envelope: &Envelope,
        mail: &Outgoing,
    ) -> Result<Receipt, SendError> {
        let route = &self.route;
        let is_completed = |code| (200..300).contains(&code);
        let reply =
            route.step(Step::MailFrom, connection.command(Mail::new(Some(envelope.from.clone()), vec![]))).await?;
        route.expect(Step::MailFrom, reply, is_completed)?;
        let reply = route.step(Step::RcptTo, connection.command(Rcpt::new(envelope.to.clone(), vec![]))).await?;
        route.expect(Step::RcptTo, reply, is_completed)?;
        let reply = route.step(Step::Data, connection.command(Data)).await?;
        route.expect(Step::Data, reply, |code| code == 354)?;
        let reply = route.step(Step::Body, connection.message(&for_the_wire(&mail.raw))).await?;
        route.expect(Step::Body, reply, is_completed).map(|reply| receipt(&reply))
    }

    async fn reset(&self, connection: &mut AsyncSmtpConnection) -> bool {
        matches!(timeout(self.route.limit(), connection.command(Rset)).await, Ok(Ok(_)))
    }
}

struct Envelope {
    from: Address,
    to: Address,
}

impl Envelope {
    fn of(mail: &Outgoing) -> Result<Self, SendError> {
        let from = address(&mail.from)
            .map_err(|why| SendError::Settings(format!("mail.from {:?} cannot be used: {why}", mail.from)))?;
        let to = address(&mail.to).map_err(|why| SendError::Unsendable { to: mail.to.clone(), why })?;
        Ok(Self { from, to })
    }
}

fn address(text: &str) -> Result<Address, String> {
    if !text.is_ascii() {
        return Err("the address has characters beyond ASCII".into());
    }
    text.parse().map_err(|error: lettre::address::AddressError| error.to_string())
}

fn receipt(reply: &Response) -> Receipt {
    let reply = one_line(&format!("{} {}", reply.code(), words(reply)));
    Receipt { assigned_id: assigned_id(&reply), reply }
}

/// A kept connection that the server had ended meanwhile (idle for too long, or enough messages): nothing was begun, so
/// a new connection may have the same message.
fn had_ended_already(error: &SendError) -> bool {
    error.step() == Some(Step::MailFrom)
        && match error {
            SendError::Lost { .. } => true,
            SendError::Refused { reply, .. } => reply.starts_with("421"),
            _ => false,
        }
}

/// Only a plain refusal of one recipient or message does: after anything else the two ends may be out of step.
fn leaves_the_connection_usable(error: &SendError) -> bool {
    matches!(
        error,
        SendError::Refused {
            decision: Decision::RejectedRecipient | Decision::RejectedMessage | Decision::DeferredMessage,
            ..
        }
    )
}

/// Every line end as CRLF, so that no server sees a line, or an end, that we did not; without the last one, which
/// lettre puts before the final dot. lettre doubles the dots.
fn for_the_wire(raw: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(raw.len() + raw.len() / 32);
    let mut rest = raw;
    while let Some(end) = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
        let (line, ending) = rest.split_at(end);
        wire.extend_from_slice(line);
        wire.extend_from_slice(b"\r\n");
        rest = ending.strip_prefix(b"\r\n").or_else(|| ending.get(1..)).unwrap_or_default();
    }
    wire.extend_from_slice(rest);
    if wire.ends_with(b"\r\n") {
        wire.truncate(wire.len() - 2);
    }
    wire
}

async fn take_leave(mut connection: AsyncSmtpConnection) {
    // Every message was answered already, so how the goodbye goes changes nothing.
    let _ = timeout(GOODBYE, connection.quit()).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_end_becomes_crlf_and_the_last_is_left_to_the_final_dot() {
        for (raw, wire) in [
            ("a\r\nb\r\n", "a\r\nb"),
            ("a\nb", "a\r\nb"),
            ("a\rb\r\n\r\n", "a\r\nb\r\n"),
            ("a\n.\r\nb", "a\r\n.\r\nb"),
            ("", ""),
        ] {
            assert_eq!(for_the_wire(raw.as_bytes()), wire.as_bytes(), "{raw:?}");
        }
    }
}
