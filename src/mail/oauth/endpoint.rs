//! A token endpoint: one form out, one small JSON answer in (the client credentials grant of RFC 6749).
//!
//! By hand and not with a library: `oauth2` is bound to an older `reqwest`, and Microsoft's own brings all of its SDK
//! for what is one request of five fields.

use std::{error::Error, io, time::Duration};

use async_trait::async_trait;
use jiff::{Timestamp, fmt::rfc2822};
use reqwest::{Client, Proxy, Response, Url, header::RETRY_AFTER, redirect::Policy};
use secrecy::{ExposeSecret, SecretString};
use tokio_rustls::rustls;

use super::{Failure, Fresh, Source, answer, assertion::Signer};
use crate::{
    clock::{Clock, SystemClock},
    config::{Credential, OAuth},
    domain::delivery::Decision,
    mail::{SendError, secret, tls},
};

/// The setting that names the secret's file.
const SECRET_KEY: &str = "mail.oauth.client_secret_file";

/// What an operator looks at when the endpoint is not trusted.
const KEYS: tls::Keys =
    tls::Keys { ca_file: "mail.oauth.ca_file", host: "mail.oauth.token_url", plain: "mail.oauth.token_url" };

/// The kind of proof that a signed statement is (RFC 7523).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// An answer longer than this many bytes is none.
const LONGEST_ANSWER: usize = 64 * 1024;

/// The endpoint is left alone no longer than this, whatever it asks for.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// What shows that we are ourselves: fields of the form.
type Proof = Vec<(&'static str, SecretString)>;

/// A token endpoint and who we are there.
pub(super) struct Endpoint {
    settings: OAuth,
    client: Client,
    /// `login.microsoftonline.com`
    host: String,
    limit: Duration,
}

impl Endpoint {
    /// Reads the files that the settings name, to fail early, and asks nobody yet.
    pub fn new(settings: &OAuth, limit: Duration) -> Result<Self, SendError> {
        let unusable = |key: &str| SendError::Settings(format!("{key} cannot be used"));
        let url: Url = settings.token_url.parse().map_err(|_| unusable(KEYS.host))?;
        let host = url.host_str().ok_or_else(|| unusable(KEYS.host))?;
        let mut client = Client::builder()
            .tls_backend_preconfigured(tls::client(KEYS, settings.ca_file.as_deref())?)
            .redirect(Policy::none())
            .no_proxy()
            .timeout(limit);
        if let Some(proxy) = &settings.proxy {
            client = client.proxy(Proxy::all(proxy).map_err(|_| unusable("mail.oauth.proxy"))?);
        }
        let client = client.build().map_err(|_| unusable("mail.oauth"))?;
        let endpoint = Self { host: host.to_owned(), settings: settings.clone(), client, limit };
        endpoint.proof().map(|_| endpoint)
    }

    /// Read at every use, so that a new secret or certificate needs no restart.
    fn proof(&self) -> Result<Proof, SendError> {
        match &self.settings.credential {
            Credential::Secret { file, .. } => Ok(vec![("client_secret", secret::first_line(SECRET_KEY, file)?)]),
            Credential::Certificate { certificate_file, key_file } => {
                let OAuth { token_url, client_id, .. } = &self.settings;
                let signer = Signer::read(certificate_file, key_file)?;
                let assertion = signer.assertion(token_url, client_id, SystemClock.now())?;
                let kind = SecretString::from(ASSERTION_TYPE);
                Ok(vec![("client_assertion_type", kind), ("client_assertion", assertion)])
            }
        }
    }

    async fn post(&self, proof: &Proof) -> Result<Response, Failure> {
        let who = [
            ("grant_type", "client_credentials"),
            ("client_id", self.settings.client_id.as_str()),
            ("scope", self.settings.scope.as_str()),
        ];
        let proof = proof.iter().map(|(name, secret)| (*name, secret.expose_secret()));
        let form: Vec<_> = who.into_iter().chain(proof).collect();
        let request = self.client.post(self.settings.token_url.as_str()).form(&form);
        request.send().await.map_err(|error| self.unanswered(&error))
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unanswered(&error))? {
            body.extend_from_slice(&chunk);
            if body.len() > LONGEST_ANSWER {
                let why = "its answer has no end; check mail.oauth.token_url";
                return Err(self.failure(Decision::TransportDown, why));
            }
        }
        Ok(body)
    }

    fn failure(&self, decision: Decision, why: impl Into<String>) -> Failure {
        Failure::new(&self.host, decision, why)
    }

    fn unanswered(&self, error: &reqwest::Error) -> Failure {
        if let Some(distrust) = find_distrust(error) {
            let why = format!("it cannot be trusted: {}", tls::distrust(distrust, KEYS, &self.host));
            return self.failure(Decision::SenderWide, why);
        }
        let why = if error.is_timeout() {
            format!("it gave no answer within {} s", self.limit.as_secs())
        } else {
            format!("it cannot be reached ({})", root_cause(error))
        };
        self.failure(Decision::TransportDown, format!("{why}: check that the firewall lets us out to it"))
    }
}

#[async_trait]
impl Source for Endpoint {
    async fn fetch(&self) -> Result<Fresh, Failure> {
        let proof = self.proof()?;
        let response = self.post(&proof).await?;
        let status = response.status().as_u16();
        let asked_for = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let wait = asked_for.and_then(|value| retry_after(value, SystemClock.now()));
        let body = self.body(response).await?;
        answer::read(status, &body).map_err(|(decision, why)| {
            let why = proof.iter().fold(why, |why, (_, secret)| secret::hidden(&why, secret));
            match wait.filter(|_| decision == Decision::TransportDown) {
                Some(wait) => {
                    let why = format!("{why} and asks us to wait {} s", wait.as_secs());
                    self.failure(decision, why).and_wait(wait)
                }
                None => self.failure(decision, why),
            }
        })
    }

    fn name(&self) -> &str {
        &self.host
    }
}

/// Seconds, or a date of HTTP.
fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let seconds = if let Ok(seconds) = value.trim().parse() {
        seconds
    } else {
        let until = rfc2822::DateTimeParser::new().parse_timestamp(value.trim()).ok()?;
        u64::try_from(until.as_second() - now.as_second()).ok()?
    };
    Some(Duration::from_secs(seconds).min(LONGEST_WAIT))
}

/// What TLS said, somewhere below the error: errors of input and output, one in another, hide it from the chain.
fn find_distrust(error: &reqwest::Error) -> Option<&rustls::Error> {
    causes(error).find_map(distrust_within)
}

fn distrust_within<'a>(cause: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let within = |error: &'a io::Error| distrust_within(error.get_ref()?);
    cause.downcast_ref().or_else(|| within(cause.downcast_ref()?))
}

fn root_cause(error: &reqwest::Error) -> String {
    causes(error).last().map_or_else(|| "no reason given".to_owned(), ToString::to_string)
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |cause| (*cause).source())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_to_wait_is_a_number_or_a_date_and_never_for_ever() {
        let now = "2026-11-20T08:00:00Z".parse().unwrap();
        for (value, seconds) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Fri, 20 Nov 2026 08:02:00 GMT", Some(120)),
            ("Fri, 20 Nov 2026 07:00:00 GMT", None),
            ("99999999", Some(3600)),
            ("soon", None),
            ("-1", None),
        ] {
            assert_eq!(retry_after(value, now), seconds.map(Duration::from_secs), "{value:?}");
        }
    }
}
