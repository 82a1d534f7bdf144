//! Access tokens for the log-in "xoauth2": fetched once for everybody who waits, kept until shortly before they end.
//!
//! Reads the secrets that the configuration names, and asks the token endpoint or the operator's own command. Keeps a
//! token in memory only, and never logs or shows one, nor a secret, nor what the endpoint or the command answered as
//! a whole.

mod answer;
mod assertion;
mod certificate;
mod command;
mod endpoint;

use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use tokio::{sync::Mutex, time::Instant};

pub(super) use self::certificate::Certificate;
use self::{command::Command, endpoint::Endpoint};
use super::SendError;
use crate::{config::TokenSource, domain::delivery::Decision};

/// A token is given up this long before it ends, so that it does not end during a log-in ...
const LONGEST_MARGIN: Duration = Duration::from_mins(5);

/// ... or, of a short life, at this part of it.
const MARGIN_PART: u32 = 10;

/// How long a token of unknown life is kept.
const UNKNOWN_LIFE: Duration = Duration::from_mins(5);

/// A token that replaced a refused one is not replaced again before this time is over, however many connections ask.
const BETWEEN_REPLACEMENTS: Duration = Duration::from_mins(1);

/// A longer token would not fit into the line of a log-in (RFC 4954 allows 12288 octets in base64).
const LONGEST_TOKEN: usize = 8 * 1024;

/// A token as its source gave it.
#[derive(Debug)]
struct Fresh {
    token: SecretString,
    /// How long it lives; none when the source did not say.
    life: Option<Duration>,
}

/// Why no token was had.
#[derive(Debug, Clone)]
struct Failure {
    error: SendError,
    /// How long the source wants to be left alone.
    wait: Duration,
}

impl Failure {
    fn new(from: &str, decision: Decision, why: impl Into<String>) -> Self {
        let error = SendError::NoToken { from: from.to_owned(), why: why.into(), decision };
        Self { error, wait: Duration::ZERO }
    }

    fn and_wait(self, wait: Duration) -> Self {
        Self { wait, ..self }
    }
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Self {
        Self { error, wait: Duration::ZERO }
    }
}

/// Somebody who gives tokens.
#[async_trait]
trait Source: Send + Sync {
    /// One new token.
    async fn fetch(&self) -> Result<Fresh, Failure>;

    /// Who gives them, in words.
    fn name(&self) -> &str;
}

/// A token, and which of those we had.
#[derive(Debug, Clone)]
pub(super) struct Token {
    /// The token itself: visible ASCII without blanks.
    pub secret: SecretString,
    /// Counts from 1.
    number: u64,
}

/// The tokens of one sender, shared by its connections.
pub(super) struct Tokens {
    source: Box<dyn Source>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    kept: Option<Kept>,
    /// How many tokens there were: the newest one's number.
    fetched: u64,
    /// When a refused token was last replaced.
    replaced_at: Option<Instant>,
    failed: Option<Failed>,
}

struct Kept {
    token: Token,
    until: Instant,
}

struct Failed {
    failure: Failure,
    at: Instant,
}

impl Tokens {
    /// Reads what the settings name, to fail early, and asks nobody yet. `limit` is the longest wait for a token.
    ///
    /// # Errors
    /// A file cannot be used.
    pub fn new(source: &TokenSource, limit: Duration) -> Result<Self, SendError> {
        let source: Box<dyn Source> = match source {
            TokenSource::Command(words) => Box::new(Command::new(words, limit)),
            TokenSource::Endpoint(settings) => Box::new(Endpoint::new(settings, limit)?),
        };
        Ok(Self { source, state: Mutex::default() })
    }

    /// Who gives the tokens, in words: `login.microsoftonline.com`.
    pub fn source(&self) -> &str {
        self.source.name()
    }

    /// The token to log in with.
    ///
    /// # Errors
    /// Why there is none, and what that decides.
    pub async fn current(&self) -> Result<Token, SendError> {
        let asked_at = Instant::now();
        self.newer_than(0, &mut *self.state.lock().await, asked_at).await
    }

    /// A newer token than the one that a mail server refused, fetched unless another connection has done so meanwhile.
    /// None when the refused one was just put in place of another: then it is not for its age that it was refused.
    ///
    /// # Errors
    /// Why there is none, and what that decides.
    pub async fn instead_of(&self, refused: &Token) -> Result<Option<Token>, SendError> {
        let asked_at = Instant::now();
        let mut state = self.state.lock().await;
        let is_newest = state.fetched == refused.number;
        if is_newest && state.replaced_at.is_some_and(|at| at.elapsed() < BETWEEN_REPLACEMENTS) {
            return Ok(None);
        }
        let newer = self.newer_than(refused.number, &mut state, asked_at).await?;
        if is_newest {
            state.replaced_at = Some(Instant::now());
        }
        Ok(Some(newer))
    }

    /// Whoever waited for the state while another fetched shares what came of it, a failure too.
    async fn newer_than(&self, number: u64, state: &mut State, asked_at: Instant) -> Result<Token, SendError> {
        let now = Instant::now();
        if let Some(kept) = state.kept.as_ref().filter(|kept| kept.token.number > number && now < kept.until) {
            return Ok(kept.token.clone());
        }
        let is_shared = |failed: &&Failed| failed.at >= asked_at || now < failed.at + failed.failure.wait;
        if let Some(failed) = state.failed.as_ref().filter(is_shared) {
            return Err(failed.failure.error.clone());
        }
        let fetched = self.source.fetch().await;
        fetched.map(|fresh| state.keep(fresh)).map_err(|failure| state.remember(failure))
    }
}

impl State {
    fn keep(&mut self, fresh: Fresh) -> Token {
        tracing::debug!(life_secs = fresh.life.map(|life| life.as_secs()), "a new access token");
        self.fetched += 1;
        self.failed = None;
        let token = Token { secret: fresh.token, number: self.fetched };
        let until = Instant::now() + fresh.life.map_or(UNKNOWN_LIFE, usable_part);
        self.kept = Some(Kept { token: token.clone(), until });
        token
    }

    fn remember(&mut self, failure: Failure) -> SendError {
        let error = failure.error.clone();
        self.failed = Some(Failed { failure, at: Instant::now() });
        error
    }
}

fn usable_part(life: Duration) -> Duration {
    life.saturating_sub(LONGEST_MARGIN.min(life / MARGIN_PART))
}

/// Whether text is an access token (RFC 6750, `b64token`), and so cannot break out of the line of a log-in.
fn is_token(text: &str) -> bool {
    let is_good = |c: char| c.is_ascii_alphanumeric() || "-._~+/=".contains(c);
    !text.is_empty() && text.len() <= LONGEST_TOKEN && text.chars().all(is_good)
}

#[cfg(test)]
#[path = "tokens_tests.rs"]
mod tests;
