//! How we show a mail server who we are: not at all, with a password, or with an access token.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use lettre::transport::smtp::{
    Error as SmtpError,
    authentication::{Credentials, Mechanism},
    client::AsyncSmtpConnection,
    commands,
    response::Response,
};
use secrecy::{ExposeSecret, SecretString};

use super::connect::Route;
use crate::{
    config::{Auth, SecretFile, Smtp, Tls},
    domain::delivery::{Decision, Step},
    mail::{
        SendError,
        error::one_line,
        oauth::{Token, Tokens},
        secret,
    },
};

/// The setting that names the password's file.
const PASSWORD_KEY: &str = "mail.smtp.password_file";

/// LOGIN asks twice; a server that asks more often is not asking for a log-in.
const MOST_CHALLENGES: usize = 2;

/// A longer word of a server's refusal, in bytes, tells an operator nothing.
const LONGEST_WORD: usize = 60;

/// The answer to a refused token's challenge, so that the server says its refusal in full.
const NOTHING: &str = "\r\n";

/// Who we are and how we show it.
pub(super) enum Login {
    /// We do not say.
    None,
    /// With a password.
    Password(Password),
    /// With an access token.
    Token(Bearer),
}

/// A name and the file of its password.
pub(super) struct Password {
    mechanism: Mechanism,
    username: String,
    file: SecretFile,
}

/// A mailbox and the tokens to send from it.
pub(super) struct Bearer {
    username: String,
    tokens: Tokens,
}

impl Login {
    /// Reads what the settings name, to fail early.
    pub fn new(settings: &Smtp) -> Result<Self, SendError> {
        let mechanism = match settings.auth {
            Auth::None => return Ok(Self::None),
            Auth::Xoauth2 => return Bearer::new(settings).map(Self::Token),
            Auth::Plain => Mechanism::Plain,
            Auth::Login => Mechanism::Login,
        };
        let (Some(username), Some(file)) = (settings.username.clone(), settings.password_file.clone()) else {
            return Err(SendError::Settings("a log-in needs both mail.smtp.username and password_file".into()));
        };
        let password = Password { mechanism, username, file };
        password.read().map(|_| Self::Password(password))
    }
}

impl Password {
    /// Read at every log-in, so that a changed password needs no restart.
    fn read(&self) -> Result<SecretString, SendError> {
        secret::first_line(PASSWORD_KEY, &self.file)
    }

    /// Words of the server's without the password, in any form in which we have sent it.
    fn hidden(&self, words: &str, password: &SecretString) -> String {
        let plain = password.expose_secret();
        let forms = [
            plain.to_owned(),
            STANDARD.encode(plain),
            STANDARD.encode(format!("\0{}\0{plain}", self.username)),
            STANDARD.encode(format!("{0}\0{0}\0{plain}", self.username)),
        ];
        forms.into_iter().fold(words.to_owned(), |words, form| secret::hidden(&words, &SecretString::from(form)))
    }

    /// Logs in over a fresh connection.
    pub async fn log_in(&self, route: &Route, connection: &mut AsyncSmtpConnection) -> Result<(), SendError> {
        check_offer(route, connection, self.mechanism)?;
        let password = self.read()?;
        let credentials = Credentials::new(self.username.clone(), password.expose_secret().to_owned());
        let first = commands::Auth::new(self.mechanism, credentials.clone(), None);
        let mut reply = self.auth(route, connection, &password, first).await?;
        for _ in 0..MOST_CHALLENGES {
            if reply.has_code(334) {
                let next = commands::Auth::new_from_response(self.mechanism, credentials.clone(), &reply);
                reply = self.auth(route, connection, &password, next).await?;
            }
        }
        route.expect(Step::Auth, reply, |code| code == 235).map(|_| ())
    }

    async fn auth(
        &self,
        route: &Route,
        connection: &mut AsyncSmtpConnection,
        password: &SecretString,
        command: Result<commands::Auth, SmtpError>,
    ) -> Result<Response, SendError> {
        let command =
            command.map_err(|error| route.lost(Step::Auth, format!("its question was not understood: {error}")))?;
        route.step(Step::Auth, connection.command(command)).await.map_err(|error| match error {
            SendError::Refused { server, reply, decision, .. } if reply.starts_with('5') => {
                let reply = self.hidden(&reply, password);
                SendError::LoginRefused { server, username: self.username.clone(), reply, decision }
            }
            other => other,
        })
    }
}

impl Bearer {
    fn new(settings: &Smtp) -> Result<Self, SendError> {
        let (Some(username), Some(source)) = (settings.username.clone(), &settings.tokens) else {
            let why = "xoauth2 needs mail.smtp.username, and mail.oauth or mail.smtp.token_command";
            return Err(SendError::Settings(why.into()));
        };
        if settings.tls == Tls::None {
            return Err(SendError::Settings("access tokens need mail.smtp.tls \"starttls\" or \"implicit\"".into()));
        }
        Ok(Self { username, tokens: Tokens::new(source, Duration::from_secs(settings.timeout_secs))? })
    }

    /// Who gives the tokens, in words.
    pub fn source(&self) -> &str {
        self.tokens.source()
    }

    /// A connection that is logged in. A token that the server refuses is replaced once: it may have ended early.
    pub async fn open(&self, route: &Route) -> Result<AsyncSmtpConnection, SendError> {
        let token = self.tokens.current().await?;
        let refused = match self.open_with(route, &token).await {
            Err(error @ SendError::TokenRefused { is_about_token: true, .. }) => error,
            done => return done,
        };
        let Some(newer) = self.tokens.instead_of(&token).await? else { return Err(refused) };
        tracing::info!("log-in again, with a new token: {refused}");
        self.open_with(route, &newer).await
    }

    async fn open_with(&self, route: &Route, token: &Token) -> Result<AsyncSmtpConnection, SendError> {
        let mut connection = route.hello().await?;
        check_offer(route, &connection, Mechanism::Xoauth2)?;
        self.log_in(route, &mut connection, token).await.map(|()| connection)
    }

    async fn log_in(
        &self,
        route: &Route,
        connection: &mut AsyncSmtpConnection,
        token: &Token,
    ) -> Result<(), SendError> {
        let credentials = Credentials::new(self.username.clone(), token.secret.expose_secret().to_owned());
        let command = commands::Auth::new(Mechanism::Xoauth2, credentials, None)
            .map_err(|error| SendError::Settings(format!("the log-in cannot be written: {error}")))?;
        let reply = route.step(Step::Auth, connection.command(command)).await;
        let reply = reply.map_err(|error| self.refused(error))?;
        if !reply.has_code(334) {
            return route.expect(Step::Auth, reply, |code| code == 235).map(|_| ());
        }
        let challenge = challenge_of(&reply, token);
        let last = route.step(Step::Auth, connection.command(NOTHING)).await;
        let last = last.and_then(|reply| route.expect(Step::Auth, reply, |code| code == 235));
        last.map(|_| ()).map_err(|error| self.refused_after(&challenge, error, route))
    }

    /// A permanent refusal as the refusal of the token; anything else as it is.
    fn refused(&self, error: SendError) -> SendError {
        match error {
            SendError::Refused { server, reply, decision, .. } if reply.starts_with('5') => SendError::TokenRefused {
                server,
                username: self.username.clone(),
                is_about_token: reply.starts_with("535"),
                reply: without_long_words(&reply),
                decision,
            },
            other => other,
        }
    }

    /// What came after a challenge: a refusal of the token, even when the server only hangs up, unless it put us off.
    fn refused_after(&self, challenge: &str, error: SendError, route: &Route) -> SendError {
        let reply = match error.reply() {
            Some(reply) if reply.starts_with('4') => return error,
            Some(reply) if reply.starts_with('5') => format!("{}, {challenge}", without_long_words(reply)),
            _ => format!("334 {challenge}"),
        };
        SendError::TokenRefused {
            server: route.server().to_owned(),
            username: self.username.clone(),
            is_about_token: true,
            reply,
            decision: Decision::SenderWide,
        }
    }
}

fn check_offer(route: &Route, connection: &AsyncSmtpConnection, mechanism: Mechanism) -> Result<(), SendError> {
    if connection.server_info().supports_auth_mechanism(mechanism) {
        return Ok(());
    }
    Err(SendError::Settings(format!(
        "{} does not offer the log-in \"{mechanism}\": check mail.smtp.auth, tls and port",
        route.server()
    )))
}

/// The status that a server sends with a refusal, JSON in base64, on one line.
fn challenge_of(reply: &Response, token: &Token) -> String {
    let status = reply.first_word().and_then(|word| STANDARD.decode(word).ok());
    let status = status.map(|bytes| secret::hidden(&String::from_utf8_lossy(&bytes), &token.secret));
    status.filter(|status| !status.is_empty()).map_or_else(|| "no status".to_owned(), |status| one_line(&status))
}

/// A reply without what could be our own log-in, or a piece of it, sent back to us.
fn without_long_words(reply: &str) -> String {
    let short = |word| if str::len(word) > LONGEST_WORD { "…" } else { word };
    reply.split(' ').map(short).collect::<Vec<_>>().join(" ")
}
