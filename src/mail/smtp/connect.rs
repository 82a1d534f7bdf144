//! From nothing to a connection that is encrypted and logged in.

use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use lettre::transport::smtp::{
    Error as SmtpError, client::AsyncSmtpConnection, extension::ClientId, response::Response,
};
use tokio::{
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{self, pki_types::ServerName},
};

use super::{
    login::Login,
    wire::{Reply, Wire},
};
use crate::{
    config::{Smtp, Tls},
    domain::delivery::Step,
    mail::{SendError, tls},
};

/// What an operator looks at when the server is not trusted.
const KEYS: tls::Keys = tls::Keys {
    ca_file: "mail.smtp.ca_file",
    host: "mail.smtp.host",
    plain: "that mail.smtp.tls suits the port (587 starttls, 465 implicit)",
};

/// One mail server and how to get in.
pub(super) struct Route {
    settings: Smtp,
    /// `smtp.anyshire.example:587`
    server: String,
    hello: ClientId,
    /// None when `mail.smtp.tls` is "none".
    tls: Option<(TlsConnector, ServerName<'static>)>,
    login: Login,
    limit: Duration,
}

impl Route {
    /// Reads what the settings name: certificate authorities and, to fail early, the secrets.
    pub fn new(settings: &Smtp) -> Result<Self, SendError> {
        let tls = match settings.tls {
            Tls::None => None,
            Tls::Starttls | Tls::Implicit => {
                let config = tls::client(KEYS, settings.ca_file.as_deref())?;
                Some((TlsConnector::from(Arc::new(config)), server_name(&settings.host)?))
            }
        };
        Ok(Self {
            server: format!("{}:{}", settings.host, settings.port),
            hello: settings.hello_name.clone().map_or_else(ClientId::default, ClientId::Domain),
            tls,
            login: Login::new(settings)?,
            limit: Duration::from_secs(settings.timeout_secs),
            settings: settings.clone(),
        })
    }

    /// `smtp.anyshire.example:587`
    pub fn server(&self) -> &str {
        &self.server
    }

    /// `smtp.anyshire.example:587, STARTTLS`
    pub fn describe(&self) -> String {
        let tls = match self.settings.tls {
            Tls::None => "unencrypted",
            Tls::Starttls => "STARTTLS",
            Tls::Implicit => "TLS",
        };
        match &self.login {
            Login::Token(bearer) => format!("{}, {tls}, access token from {}", self.server, bearer.source()),
            Login::None | Login::Password(_) => format!("{}, {tls}", self.server),
        }
    }

    /// Longest wait for one step.
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// A connection, encrypted and logged in as the settings say.
    pub async fn open(&self) -> Result<AsyncSmtpConnection, SendError> {
        match &self.login {
            Login::None => self.hello().await,
            Login::Password(password) => {
                let mut connection = self.hello().await?;
                password.log_in(self, &mut connection).await.map(|()| connection)
            }
            Login::Token(bearer) => bearer.open(self).await,
        }
    }

    /// A connection, encrypted as the settings say, on which nobody is logged in yet.
    pub async fn hello(&self) -> Result<AsyncSmtpConnection, SendError> {
        let mut wire = self.connect().await?;
        if self.settings.tls == Tls::Implicit {
            wire = self.encrypt(wire).await?;
        }
        self.reply(Step::Greeting, wire.read_reply(), 220).await?;
        if self.settings.tls == Tls::Starttls {
            wire = self.starttls(wire).await?;
        }
        let hello = AsyncSmtpConnection::connect_with_transport(Box::new(wire.greeted()), &self.hello);
        self.step(Step::Hello, hello).await
    }

    async fn connect(&self) -> Result<Wire, SendError> {
        let dialled = timeout(self.limit, self.dial()).await.map_err(|_| self.no_answer(Step::Connect))?;
        let (stream, peer) = dialled?;
        stream.set_nodelay(true).map_err(|error| self.unreachable(&error))?;
        Ok(Wire::plain(stream, peer))
    }

    /// The first of the host's addresses that answers.
    async fn dial(&self) -> Result<(TcpStream, SocketAddr), SendError> {
        let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        let host = (self.settings.host.as_str(), self.settings.port);
        for address in lookup_host(host).await.map_err(|error| self.unreachable(&error))? {
            self.check_may_be_plain(address)?;
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok((stream, address)),
                Err(error) => failure = error,
            }
        }
        Err(self.unreachable(&failure))
    }

    fn check_may_be_plain(&self, address: SocketAddr) -> Result<(), SendError> {
        if self.tls.is_some() || address.ip().is_loopback() {
            return Ok(());
        }
        let (server, ip) = (&self.server, address.ip());
        Err(SendError::Settings(format!(
            "mail.smtp.tls = \"none\" is for a server on this machine only, and {server} is at {ip}"
        )))
    }

    /// STARTTLS or nothing: a server that does not offer it is not told anything more.
    async fn starttls(&self, mut wire: Wire) -> Result<Wire, SendError> {
        let hello = format!("EHLO {}", self.hello);
        let offers = self.reply(Step::Hello, wire.ask(&hello), 250).await?;
        if !offers.lines.iter().any(|line| line.eq_ignore_ascii_case("STARTTLS")) {
            return Err(self.untrusted(
                "it does not offer STARTTLS; check mail.smtp.port and tls, and whether something in between takes it away"
                    .into(),
            ));
        }
        self.reply(Step::Tls, wire.ask("STARTTLS"), 220).await?;
        self.encrypt(wire).await
    }

    async fn encrypt(&self, wire: Wire) -> Result<Wire, SendError> {
        let (Some((connector, name)), Some((stream, peer))) = (&self.tls, wire.into_plain()) else {
            return Err(self.untrusted("TLS was asked for twice or not at all".into()));
        };
        match timeout(self.limit, connector.connect(name.clone(), stream)).await {
            Ok(Ok(stream)) => Ok(Wire::encrypted(stream, peer)),
            Ok(Err(error)) => Err(match error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>()) {
                Some(cause) => self.untrusted(tls::distrust(cause, KEYS, &self.settings.host)),
                None => self.lost(Step::Tls, error.to_string()),
            }),
            Err(_) => Err(self.no_answer(Step::Tls)),
        }
    }

    /// Waits for one step of lettre's, no longer than the limit.
    pub async fn step<T>(&self, step: Step, work: impl Future<Output = Result<T, SmtpError>>) -> Result<T, SendError> {
        match timeout(self.limit, work).await {
            Ok(done) => done.map_err(|error| self.explain(step, &error)),
            Err(_) => Err(self.no_answer(step)),
        }
    }

    /// Takes a positive reply for what it must be at this step, or for nonsense.
    pub fn expect(&self, step: Step, reply: Response, good: impl Fn(u16) -> bool) -> Result<Response, SendError> {
        let code = u16::from(reply.code());
        if good(code) { Ok(reply) } else { Err(SendError::refused(&self.server, step, code, &words(&reply))) }
    }

    async fn reply(
        &self,
        step: Step,
        work: impl Future<Output = io::Result<Reply>>,
        good: u16,
    ) -> Result<Reply, SendError> {
        match timeout(self.limit, work).await {
            Ok(Ok(reply)) if reply.code == good => Ok(reply),
            Ok(Ok(reply)) if reply.code == 0 => Err(self.lost(step, format!("it answered {:?}", reply.text()))),
            Ok(Ok(reply)) => Err(SendError::refused(&self.server, step, reply.code, &reply.text())),
            Ok(Err(error)) => Err(self.lost(step, in_words(&error.to_string()))),
            Err(_) => Err(self.no_answer(step)),
        }
    }

    fn explain(&self, step: Step, error: &SmtpError) -> SendError {
        let text = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
        match error.status() {
            Some(code) => SendError::refused(&self.server, step, code.into(), &text),
            None => self.lost(step, in_words(&text)),
        }
    }

    /// The connection was lost, or is no use any more.
    pub fn lost(&self, step: Step, why: String) -> SendError {
        SendError::Lost { server: self.server.clone(), step, why }
    }

    fn unreachable(&self, error: &io::Error) -> SendError {
        SendError::Unreachable { server: self.server.clone(), why: error.to_string() }
    }

    fn no_answer(&self, step: Step) -> SendError {
        SendError::NoAnswer { server: self.server.clone(), step, secs: self.limit.as_secs() }
    }

    fn untrusted(&self, why: String) -> SendError {
        SendError::Untrusted { server: self.server.clone(), why }
    }
}

fn server_name(host: &str) -> Result<ServerName<'static>, SendError> {
    ServerName::try_from(host.to_owned())
        .map_err(|_| SendError::Settings(format!("mail.smtp.host {host:?} is neither a host name nor an address")))
}

/// The lines of a reply as one.
pub(super) fn words(reply: &Response) -> String {
    reply.message().collect::<Vec<_>>().join(" ")
}

/// The libraries' words for a closed connection, in ours.
fn in_words(why: &str) -> String {
    match why {
        "incomplete response" | "early eof" => "the server closed it".into(),
        other => other.into(),
    }
}
