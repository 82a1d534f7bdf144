//! `[mail.oauth]`: where access tokens for the log-in "xoauth2" come from.
//!
//! It names files and an endpoint; it reads no secret and asks nobody for a token.
use std::path::PathBuf;

use jiff::civil::Date;
use reqwest::Url;

use super::{
    layer::Entry,
    secret::{SecretFile, secret},
    section::{Fault, Given, Section},
    smtp::is_loopback,
    values::{date, path, text},
};

/// Where access tokens come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenSource {
    /// `mail.smtp.token_command`: a program and its arguments; it prints the token.
    Command(Vec<String>),
    /// `[mail.oauth]`: a token endpoint.
    Endpoint(OAuth),
}

/// `[mail.oauth]`: a token endpoint and who we are there (the client credentials grant of RFC 6749).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuth {
    /// The endpoint; `https`, or `http` on this machine only.
    pub token_url: String,
    /// The application's id.
    pub client_id: String,
    /// How the application shows that it is itself.
    pub credential: Credential,
    /// What the token is for.
    pub scope: String,
    /// A PEM file of certificate authorities to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// The HTTP proxy to go through; the environment's is never used.
    pub proxy: Option<String>,
}

/// How an application shows that it is itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// A client secret.
    Secret {
        /// The file whose first line it is.
        file: SecretFile,
        /// Its last day, as the portal showed it.
        expires_on: Option<Date>,
    },
    /// A certificate that the application was registered with.
    Certificate {
        /// The certificate, PEM.
        certificate_file: PathBuf,
        /// Its private RSA key, PEM, not encrypted.
        key_file: SecretFile,
    },
}

/// The section: `None` when nothing but the scope is set, else where it begins and, unless it has faults, its settings.
pub(super) fn read(mut section: Section<'_>) -> Option<Given<Option<OAuth>>> {
    let scope = section.value("scope", text);
    let at = section.first_left()?;
    let token_url = read_token_url(&mut section);
    let client_id = section.value("client_id", text);
    let credential = read_credential(&mut section);
    let ca_file = section.find("ca_file", path);
    let proxy = section.find("proxy", proxy);
    section.finish();
    let settings = || {
        let (token_url, client_id, credential) = (token_url?, client_id?, credential?);
        Some(OAuth { token_url, client_id, credential, scope: scope?, ca_file, proxy })
    };
    Some(Given { value: settings(), at })
}

fn read_token_url(section: &mut Section<'_>) -> Option<String> {
    let is_given = section.has("token_url");
    let token_url = section.find("token_url", endpoint);
    if !is_given {
        let tenant = section.value("tenant", tenant)?;
        return Some(format!("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token"));
    }
    if let Some(tenant) = section.find_at("tenant", tenant) {
        let message = "`mail.oauth.tenant` is not used while `mail.oauth.token_url` is set";
        section.problems.warn(Some(&tenant.at), message, None);
    }
    token_url
}

fn read_credential(section: &mut Section<'_>) -> Option<Credential> {
    let (has_secret, has_certificate) =
        (section.has("client_secret_file"), section.has("certificate_file") || section.has("key_file"));
    let file = section.find("client_secret_file", secret);
    let expires_on = section.find_at("client_secret_expires_on", date);
    if !has_secret && let Some(unused) = &expires_on {
        let message = "`mail.oauth.client_secret_expires_on` is not used without `mail.oauth.client_secret_file`";
        section.problems.warn(Some(&unused.at), message, None);
    }
    if has_certificate && !has_secret {
        let (certificate_file, key_file) = (section.value("certificate_file", path), section.value("key_file", secret));
        return Some(Credential::Certificate { certificate_file: certificate_file?, key_file: key_file? });
    }
    let certificate = section.find_at("certificate_file", path).map(|given| given.at);
    let key = section.find_at("key_file", secret).map(|given| given.at);
    if !has_secret {
        section.refuse_table(None, "needs `client_secret_file`, or `certificate_file` and `key_file`");
    } else if has_certificate {
        section.refuse_table(certificate.or(key).as_ref(), "takes a client secret or a certificate, not both");
        return None;
    }
    Some(Credential::Secret { file: file?, expires_on: expires_on.map(|given| given.value) })
}

/// The directory's id or one of its domains.
fn tenant(entry: &Entry) -> Result<String, Fault> {
    let tenant = text(entry)?;
    let is_name = tenant.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c));
    let fault = || Fault::new("must be the directory's id or domain").tip(Some("such as \"anyshire.example\"".into()));
    if is_name { Ok(tenant) } else { Err(fault()) }
}

/// Secrets go there, so nobody may listen on the way.
fn endpoint(entry: &Entry) -> Result<String, Fault> {
    let url = web_address(entry)?;
    let is_here = url.host_str().is_some_and(is_loopback);
    match url.scheme() {
        "https" => Ok(url.into()),
        "http" if is_here => Ok(url.into()),
        _ => Err(Fault::new("must begin with https://")),
    }
}

fn proxy(entry: &Entry) -> Result<String, Fault> {
    let url = web_address(entry)?;
    if matches!(url.scheme(), "http" | "https") { Ok(url.into()) } else { Err(Fault::new("must begin with http://")) }
}

fn web_address(entry: &Entry) -> Result<Url, Fault> {
    let url: Url = text(entry)?.parse().map_err(|_| Fault::new("must be a web address"))?;
    let has_secret = url.password().is_some() || !url.username().is_empty();
    match url.host_str() {
        None | Some("") => Err(Fault::new("must be a web address")),
        Some(_) if has_secret => Err(Fault::new("must not hold a user name or a password")),
        Some(_) => Ok(url),
    }
}
