//! A mail server, a token endpoint and the settings that lead to both.
use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use base64::{Engine, engine::general_purpose::STANDARD};
use lapsewatch::{
    config::{Auth, Credential, OAuth, SecretFile, Smtp, Tls, TokenSource},
    mail::smtp::SmtpMailer,
};
use tempfile::TempDir;
use tracing_subscriber::{filter::LevelFilter, layer::SubscriberExt, util::SubscriberInitExt};
use wiremock::{Mock, MockServer, Request, ResponseTemplate, matchers::any};

use crate::fake::{Do, Fake, polite};

/// The application's id and secret.
pub const CLIENT: &str = "8f1c0d3e-0000-4000-8000-000000000001";
pub const SECRET: &str = "correct~horse~battery";

const USER: &str = "reminders@anyshire.example";

/// What a server says before it refuses a token: `{"status":"401","schemes":"bearer","scope":"mail"}`.
const CHALLENGE: &str = "334 eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIiwic2NvcGUiOiJtYWlsIn0=";
const REFUSAL: &str = "535 5.7.3 Authentication unsuccessful";

/// The line of a log-in with this token.
fn log_in(token: &str) -> String {
    format!("AUTH XOAUTH2 {}", STANDARD.encode(format!("user={USER}\u{1}auth=Bearer {token}\u{1}\u{1}")))
}

/// A server with STARTTLS that takes these tokens and refuses others at once.
pub async fn server(good: &'static [&'static str]) -> Fake {
    Fake::start_tls("localhost", false, move |_, line| {
        let is_good = good.iter().any(|token| log_in(token) == line);
        if line.starts_with("AUTH") && !is_good { Do::Say(REFUSAL) } else { polite(line) }
    })
    .await
}

/// One that refuses with a challenge first, and waits for the answer.
pub async fn challenging(good: &'static [&'static str]) -> Fake {
    challenging_and(Do::Say(REFUSAL), good).await
}

/// One that ends a challenge so.
pub async fn challenging_and(ending: Do, good: &'static [&'static str]) -> Fake {
    let challenged = Mutex::new(BTreeSet::new());
    Fake::start_tls("localhost", false, move |connection, line| {
        let is_good = good.iter().any(|token| log_in(token) == line);
        if line.starts_with("AUTH") && !is_good {
            challenged.lock().unwrap().insert(connection);
            return Do::Say(CHALLENGE);
        }
        if challenged.lock().unwrap().remove(&connection) { ending.clone() } else { polite(line) }
    })
    .await
}

/// One that answers every log-in so.
pub async fn refusing(reply: &'static str) -> Fake {
    let script = move |_, line: &str| if line.starts_with("AUTH") { Do::Say(reply) } else { polite(line) };
    Fake::start_tls("localhost", false, script).await
}

/// An endpoint that gives `hunter2-1`, `hunter2-2` and so on, each for so many seconds.
pub async fn tokens(life: u64) -> MockServer {
    let endpoint = MockServer::start().await;
    let given = AtomicUsize::new(0);
    let answer = move |_: &Request| {
        let token = format!("hunter2-{}", given.fetch_add(1, Ordering::SeqCst) + 1);
        let body = serde_json::json!({ "token_type": "Bearer", "expires_in": life, "access_token": token });
        ResponseTemplate::new(200).set_body_json(body)
    };
    Mock::given(any()).respond_with(answer).mount(&endpoint).await;
    endpoint
}

/// The fields of a form.
pub fn form(request: &Request) -> BTreeMap<String, String> {
    let body = String::from_utf8(request.body.clone()).unwrap();
    let url = reqwest::Url::parse(&format!("http://form.example/?{body}")).unwrap();
    url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

pub struct World {
    pub smtp: Fake,
    pub endpoint: MockServer,
    home: TempDir,
}

impl World {
    pub fn new(smtp: Fake, endpoint: MockServer) -> Self {
        let world = Self { smtp, endpoint, home: tempfile::tempdir().unwrap() };
        world.keep("secret", format!("{SECRET}\n").as_bytes());
        world
    }

    /// Writes a file that nobody else may open.
    fn keep(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.home.path().join(name);
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    pub fn secret_file(&self) -> PathBuf {
        self.home.path().join("secret")
    }

    pub fn token_url(&self) -> String {
        format!("{}/anyshire/oauth2/v2.0/token", self.endpoint.uri())
    }

    pub fn certificate(&self) -> Credential {
        let data = |name: &str| [env!("CARGO_MANIFEST_DIR"), "tests/data/oauth", name].iter().collect::<PathBuf>();
        let key_file = self.keep("key.pem", &fs::read(data("key.pem")).unwrap());
        Credential::Certificate { certificate_file: data("certificate.pem"), key_file: SecretFile::Path(key_file) }
    }

    pub fn oauth(&self) -> OAuth {
        OAuth {
            token_url: self.token_url(),
            client_id: CLIENT.into(),
            credential: Credential::Secret { file: SecretFile::Path(self.secret_file()), expires_on: None },
            scope: "https://outlook.office365.com/.default".into(),
            ca_file: None,
            proxy: None,
        }
    }

    pub fn settings(&self, change: impl FnOnce(&mut OAuth)) -> Smtp {
        let mut oauth = self.oauth();
        change(&mut oauth);
        let tokens = Some(TokenSource::Endpoint(oauth));
        Smtp { tls: Tls::Starttls, auth: Auth::Xoauth2, password_file: None, tokens, ..self.smtp.settings() }
    }

    pub fn mailer(&self, change: impl FnOnce(&mut OAuth)) -> SmtpMailer {
        SmtpMailer::new(&self.settings(change)).unwrap()
    }

    /// With tokens from a command.
    pub fn commanded(&self, words: Vec<String>) -> SmtpMailer {
        let tokens = Some(TokenSource::Command(words));
        SmtpMailer::new(&Smtp { tokens, ..self.settings(|_| ()) }).unwrap()
    }

    /// How often the endpoint was asked.
    pub async fn asked(&self) -> usize {
        self.endpoint.received_requests().await.unwrap().len()
    }
}

/// Everything that this process logs, at every level, from the first call on.
#[derive(Clone, Default)]
pub struct Logs(Arc<Mutex<Vec<u8>>>);

impl Logs {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl io::Write for Logs {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Listens to all libraries of the process, those that use `log` too.
pub fn logs() -> Logs {
    static LOGS: OnceLock<Logs> = OnceLock::new();
    let listen = || {
        let logs = Logs::default();
        let writer = logs.clone();
        let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(move || writer.clone());
        tracing_subscriber::registry().with(LevelFilter::TRACE).with(layer).try_init().unwrap();
        logs
    };
    LOGS.get_or_init(listen).clone()
}
