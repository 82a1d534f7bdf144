//! A mail server that does as it is told, on a loopback port, and remembers what it heard.
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use lapsewatch::{
    config::{Auth, SecretFile, Smtp, Tls},
    mail::{Mailer, Outgoing, Session, smtp::SmtpMailer},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer},
};

/// What the server does next.
#[derive(Clone)]
pub enum Do {
    /// Says these lines, each ended for it.
    Say(&'static str),
    /// Says these pieces as they are, with a pause between.
    Split(&'static [&'static [u8]]),
    /// Says the line after so many milliseconds.
    SayLate(u64, &'static str),
    /// Says nothing ever.
    Hang,
    /// Closes the connection.
    Close,
    /// Says the line and closes.
    SayAndClose(&'static str),
    /// Says 220 and goes over to TLS; `sneak` is sent in clear behind the 220.
    StartTls { sneak: &'static str },
}

/// Decides by connection (from 0) and line; the message's end is the line ".", the connection's beginning is "".
pub type Script = dyn Fn(usize, &str) -> Do + Send + Sync;

pub struct Fake {
    pub port: u16,
    heard: Arc<Mutex<Vec<Vec<String>>>>,
    home: TempDir,
    tls: Option<TlsAcceptor>,
    limit_secs: u64,
}

/// Longer than a busy machine takes for any step.
const PATIENCE_SECS: u64 = 20;

/// What a server that likes us says.
pub fn polite(line: &str) -> Do {
    match line.split_whitespace().next().unwrap_or_default() {
        "" => Do::Say("220 fake ESMTP"),
        "EHLO" => Do::Say("250-fake\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN XOAUTH2"),
        "AUTH" => Do::Say("235 2.7.0 Authentication successful"),
        "DATA" => Do::Say("354 Go on"),
        "." => Do::Say("250 2.0.0 Ok: queued as Q1"),
        "QUIT" => Do::SayAndClose("221 2.0.0 Bye"),
        "STARTTLS" => Do::StartTls { sneak: "" },
        _ => Do::Say("250 2.0.0 Ok"),
    }
}

impl Fake {
    pub async fn start(script: impl Fn(usize, &str) -> Do + Send + Sync + 'static) -> Self {
        Self::listen(None, false, script).await
    }

    /// With a certificate for `name`, from an authority of its own; `implicit` begins with TLS.
    pub async fn start_tls(
        name: &str,
        implicit: bool,
        script: impl Fn(usize, &str) -> Do + Send + Sync + 'static,
    ) -> Self {
        Self::listen(Some(name), implicit, script).await
    }

    async fn listen(
        name: Option<&str>,
        implicit: bool,
        script: impl Fn(usize, &str) -> Do + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let home = tempfile::tempdir().unwrap();
        let tls = name.map(|name| certificates(name, &home.path().join("ca.pem")));
        fs::write(home.path().join("password"), "correct horse\n").unwrap();
        fs::set_permissions(home.path().join("password"), fs::Permissions::from_mode(0o600)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let fake = Self { port, heard: Arc::default(), home, tls: tls.clone(), limit_secs: PATIENCE_SECS };
        let (heard, script) = (Arc::clone(&fake.heard), Arc::new(script));
        tokio::spawn(async move {
            for nth in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                heard.lock().unwrap().push(Vec::new());
                let (tls, heard, script) = (tls.clone(), Arc::clone(&heard), Arc::clone(&script));
                tokio::spawn(async move { serve(stream, nth, implicit, tls, &heard, &*script).await });
            }
        });
        fake
    }

    /// For those that are to wait in vain: its clients give every step one second.
    pub fn in_a_hurry(self) -> Self {
        Self { limit_secs: 1, ..self }
    }

    /// Plain text, no log-in.
    pub fn settings(&self) -> Smtp {
        Smtp {
            host: if self.tls.is_some() { "localhost".into() } else { "127.0.0.1".into() },
            port: self.port,
            tls: Tls::None,
            auth: Auth::None,
            username: Some("reminders@anyshire.example".into()),
            password_file: Some(SecretFile::Path(self.home.path().join("password"))),
            password_changed_on: None,
            tokens: None,
            ca_file: self.tls.as_ref().map(|_| self.ca_file()),
            hello_name: Some("lapsewatch.anyshire.example".into()),
            connections: 1,
            timeout_secs: self.limit_secs,
        }
    }

    pub fn ca_file(&self) -> PathBuf {
        self.home.path().join("ca.pem")
    }

    pub fn mailer(&self, change: impl FnOnce(&mut Smtp)) -> SmtpMailer {
        let mut settings = self.settings();
        change(&mut settings);
        SmtpMailer::new(&settings).unwrap()
    }

    pub fn session(&self) -> Box<dyn Session> {
        self.mailer(|_| ()).session()
    }

    /// Waits until a connection has said a line.
    pub async fn hears(&self, line: &str) {
        while !self.heard().concat().iter().any(|heard| heard == line) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The lines of every connection so far; those of a message included.
    pub fn heard(&self) -> Vec<Vec<String>> {
        self.heard.lock().unwrap().clone()
    }
}

pub fn mail(to: &str) -> Outgoing {
    Outgoing {
        from: "reminders@anyshire.example".into(),
        to: to.into(),
        raw: b"Subject: Sign in to keep your account\r\n\r\nHello\r\n".into(),
        file_stem: "2026-11-20-NR-4K7P-2M2X".into(),
    }
}

fn certificates(name: &str, ca_file: &std::path::Path) -> TlsAcceptor {
    let (ca_key, key) = (rcgen::KeyPair::generate().unwrap(), rcgen::KeyPair::generate().unwrap());
    let mut params = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca = rcgen::CertifiedIssuer::self_signed(params, ca_key).unwrap();
    let leaf = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &ca).unwrap();
    fs::write(ca_file, ca.pem()).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Serves one connection; what goes wrong in here is the client's doing and seen there.
async fn serve(
    stream: TcpStream,
    nth: usize,
    implicit: bool,
    tls: Option<TlsAcceptor>,
    heard: &Mutex<Vec<Vec<String>>>,
    script: &Script,
) -> Option<()> {
    let mut plain = BufReader::new(stream);
    if !implicit && !talk(&mut plain, nth, true, heard, script).await? {
        return None;
    }
    let stream = tls?.accept(plain.into_inner()).await.ok()?;
    talk(&mut BufReader::new(stream), nth, implicit, heard, script).await?;
    None
}

/// Talks until STARTTLS (true) or the end (false).
async fn talk(
    stream: &mut BufReader<impl Stream>,
    nth: usize,
    greets: bool,
    heard: &Mutex<Vec<Vec<String>>>,
    script: &Script,
) -> Option<bool> {
    let mut in_body = false;
    if greets && !act(stream, script(nth, "")).await? {
        return Some(false);
    }
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return Some(false);
        }
        let line = line.trim_end_matches("\r\n");
        heard.lock().unwrap()[nth].push(line.to_owned());
        if in_body && line != "." {
            continue;
        }
        let next = script(nth, line);
        let sneak = if let Do::StartTls { sneak } = &next { Some(*sneak) } else { None };
        in_body = matches!(&next, Do::Say(reply) if reply.starts_with("354"));
        if let Some(sneak) = sneak {
            stream.write_all(format!("220 Go on\r\n{sneak}").as_bytes()).await.ok()?;
            return Some(true);
        }
        if !act(stream, next).await? {
            return Some(false);
        }
    }
}

async fn act(stream: &mut (impl AsyncWrite + Unpin), next: Do) -> Option<bool> {
    match next {
        Do::Say(reply) => stream.write_all(format!("{reply}\r\n").as_bytes()).await.ok()?,
        Do::SayAndClose(reply) => {
            stream.write_all(format!("{reply}\r\n").as_bytes()).await.ok()?;
            stream.flush().await.ok()?;
            return Some(false);
        }
        Do::SayLate(millis, reply) => {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            stream.write_all(format!("{reply}\r\n").as_bytes()).await.ok()?;
        }
        Do::Split(pieces) => {
            for piece in pieces {
                stream.write_all(piece).await.ok()?;
                stream.flush().await.ok()?;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Do::Hang => std::future::pending().await,
        Do::Close | Do::StartTls { .. } => return Some(false),
    }
    stream.flush().await.ok()?;
    Some(true)
}
