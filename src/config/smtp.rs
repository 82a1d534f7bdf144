//! `[mail.smtp]`: the mail server.
use std::{net::IpAddr, path::PathBuf};

use super::{
    later,
    layer::Entry,
    section::{Fault, Given, Section},
    values::{choice, path, text, whole},
};

/// `[mail.smtp]`: the mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Smtp {
    /// Name of the server; also the name its certificate must carry. Empty when not set.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How the connection is encrypted.
    pub tls: Tls,
    /// How we log in.
    pub auth: Auth,
    /// Log-in name.
    pub username: Option<String>,
    /// A file whose first line is the password.
    pub password_file: Option<PathBuf>,
    /// A PEM file of certificate authorities to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// The name we greet with; the machine's own when not set.
    pub hello_name: Option<String>,
    /// Connections at once, 1 to 50.
    pub connections: u16,
    /// Longest wait for one step of the conversation, in seconds.
    pub timeout_secs: u64,
}

/// `mail.smtp.tls`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// Plain text: loopback only.
    None,
    /// STARTTLS, required.
    Starttls,
    /// TLS from the first byte.
    Implicit,
}

/// `mail.smtp.auth`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    /// No log-in.
    None,
    /// AUTH PLAIN.
    Plain,
    /// AUTH LOGIN.
    Login,
}

const TLS: [(&str, Tls); 3] = [("none", Tls::None), ("starttls", Tls::Starttls), ("implicit", Tls::Implicit)];
const AUTH: [(&str, Option<Auth>); 4] =
    [("none", Some(Auth::None)), ("plain", Some(Auth::Plain)), ("login", Some(Auth::Login)), ("xoauth2", None)];

pub(super) fn read(mut section: Section<'_>) -> Option<Smtp> {
    let host = section.find("host", text).unwrap_or_default();
    let port = section.value("port", whole(1..=65_535));
    let tls = section.value_at("tls", choice(&TLS));
    let auth = section.value_at("auth", auth);
    let username = section.find_at("username", text);
    let password_file = section.find("password_file", path);
    let ca_file = section.find("ca_file", path);
    let connections = section.value("connections", whole(1..=50));
    let hello_name = section.find("hello_name", text);
    let timeout_secs = section.value("timeout_secs", whole(1..=600));
    later::read_smtp(&mut section);
    if let Some(tls) = &tls {
        check_encrypted(&section, &host, tls);
    }
    if let Some(auth) = &auth {
        check_login(&section, auth, username.as_ref(), password_file.is_some());
    }
    section.finish();
    Some(Smtp {
        host,
        port: port?,
        tls: tls?.value,
        auth: auth?.value,
        username: username.map(|username| username.value),
        password_file,
        ca_file,
        hello_name,
        connections: connections?,
        timeout_secs: timeout_secs?,
    })
}

fn auth(entry: &Entry) -> Result<Auth, Fault> {
    let fault =
        || Fault::new("\"xoauth2\" is not in force in this version").tip(Some("use \"plain\" or \"login\"".into()));
    choice(&AUTH)(entry)?.ok_or_else(fault)
}

/// Passwords and people's names never cross a network in plain text.
fn check_encrypted(section: &Section<'_>, host: &str, tls: &Given<Tls>) {
    if tls.value == Tls::None && !host.is_empty() && !is_loopback(host) {
        let message = "`mail.smtp.tls` \"none\" is only for a server on this machine";
        section.problems.error(Some(&tls.at), message, Some("use \"starttls\" or \"implicit\"".into()));
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn check_login(section: &Section<'_>, auth: &Given<Auth>, username: Option<&Given<String>>, has_password: bool) {
    let needs = |key: &str| {
        section.problems.error(Some(&auth.at), format!("`mail.smtp.auth` needs `mail.smtp.{key}`"), None);
    };
    match (auth.value, username) {
        (Auth::None, Some(username)) => {
            let message = "`mail.smtp.username` is not used while `mail.smtp.auth` is \"none\"";
            section.problems.warn(Some(&username.at), message, None);
        }
        (Auth::Plain | Auth::Login, None) => needs("username"),
        _ => {}
    }
    if auth.value != Auth::None && !has_password {
        needs("password_file");
    }
}
