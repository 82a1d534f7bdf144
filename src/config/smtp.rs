//! `[mail.smtp]`: the mail server, and how we log in there.
use std::{net::IpAddr, path::PathBuf};

use jiff::civil::Date;

use super::{
    layer::Mark,
    oauth::{OAuth, TokenSource},
    secret::{SecretFile, secret},
    section::{Given, Section},
    values::{choice, command, date, path, text, whole},
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
    /// Log-in name; with access tokens, the mailbox that is sent from.
    pub username: Option<String>,
    /// The file whose first line is the password.
    pub password_file: Option<SecretFile>,
    /// The day on which that password was set.
    pub password_changed_on: Option<Date>,
    /// Where access tokens come from: `mail.smtp.token_command` or `[mail.oauth]`; set when `auth` is XOAUTH2.
    pub tokens: Option<TokenSource>,
    /// A PEM file of certificate authorities to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// The name we greet with; the machine's own when not set.
    pub hello_name: Option<String>,
    /// Connections at once, 1 to 50.
    pub connections: u16,
    /// Longest wait for one step of the conversation, for the token endpoint and for the token command, in seconds.
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
    /// AUTH XOAUTH2: an access token in place of a password; over TLS only.
    Xoauth2,
}

impl Auth {
    /// The word in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Plain => "plain",
            Self::Login => "login",
            Self::Xoauth2 => "xoauth2",
        }
    }
}

const TLS: [(&str, Tls); 3] = [("none", Tls::None), ("starttls", Tls::Starttls), ("implicit", Tls::Implicit)];
const AUTH: [(&str, Auth); 4] = [
    (Auth::None.as_str(), Auth::None),
    (Auth::Plain.as_str(), Auth::Plain),
    (Auth::Login.as_str(), Auth::Login),
    (Auth::Xoauth2.as_str(), Auth::Xoauth2),
];

/// What a log-in can need, and where each was given.
struct Means {
    username: Option<Given<String>>,
    password_file: Option<Given<SecretFile>>,
    password_changed_on: Option<Given<Date>>,
    token_command: Option<Given<Vec<String>>>,
    oauth: Option<Given<Option<OAuth>>>,
}

/// Reads the section; `oauth` is what `[mail.oauth]` says.
pub(super) fn read(mut section: Section<'_>, oauth: Option<Given<Option<OAuth>>>) -> Option<Smtp> {
    let host = section.find("host", text).unwrap_or_default();
    let port = section.value("port", whole(1..=65_535));
    let tls = section.value_at("tls", choice(&TLS));
    let auth = section.value_at("auth", choice(&AUTH));
    let means = Means {
        username: section.find_at("username", text),
        password_file: section.find_at("password_file", secret),
        password_changed_on: section.find_at("password_changed_on", date),
        token_command: section.find_at("token_command", command),
        oauth,
    };
    let ca_file = section.find("ca_file", path);
    let connections = section.value("connections", whole(1..=50));
    let hello_name = section.find("hello_name", text);
    let timeout_secs = section.value("timeout_secs", whole(1..=600));
    if let (Some(tls), Some(auth)) = (&tls, &auth) {
        check_encrypted(&section, &host, tls, auth.value);
    }
    if let Some(auth) = &auth {
        check_login(&section, auth, &means);
    }
    section.finish();
    let auth = auth?.value;
    Some(Smtp {
        host,
        port: port?,
        tls: tls?.value,
        auth,
        tokens: if auth == Auth::Xoauth2 { tokens(means.token_command, means.oauth) } else { None },
        username: means.username.map(|given| given.value),
        password_file: means.password_file.map(|given| given.value),
        password_changed_on: means.password_changed_on.map(|given| given.value),
        ca_file,
        hello_name,
        connections: connections?,
        timeout_secs: timeout_secs?,
    })
}

fn tokens(command: Option<Given<Vec<String>>>, oauth: Option<Given<Option<OAuth>>>) -> Option<TokenSource> {
    let command = command.map(|given| TokenSource::Command(given.value));
    command.or_else(|| oauth?.value.map(TokenSource::Endpoint))
}

/// Passwords, tokens and people's names never cross a network in plain text; a token not even this machine's.
fn check_encrypted(section: &Section<'_>, host: &str, tls: &Given<Tls>, auth: Auth) {
    let tip = || Some("use \"starttls\" or \"implicit\"".into());
    if tls.value == Tls::None && auth == Auth::Xoauth2 {
        let message = "`mail.smtp.tls` \"none\" is not for access tokens";
        section.problems.error(Some(&tls.at), message, tip());
    } else if tls.value == Tls::None && !host.is_empty() && !is_loopback(host) {
        let message = "`mail.smtp.tls` \"none\" is only for a server on this machine";
        section.problems.error(Some(&tls.at), message, tip());
    }
}

/// Whether a host name or address, with or without brackets, is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn check_login(section: &Section<'_>, auth: &Given<Auth>, means: &Means) {
    let needs = |key: &str| {
        section.problems.error(Some(&auth.at), format!("`mail.smtp.auth` needs `mail.smtp.{key}`"), None);
    };
    if auth.value != Auth::None && means.username.is_none() {
        needs("username");
    }
    match auth.value {
        Auth::Plain | Auth::Login if means.password_file.is_none() => needs("password_file"),
        Auth::Xoauth2 => check_token_source(section, auth, means),
        _ => {}
    }
    warn_of_unused(section, auth.value, means);
}

fn check_token_source(section: &Section<'_>, auth: &Given<Auth>, means: &Means) {
    match (&means.token_command, &means.oauth) {
        (None, None) => {
            let message = "`mail.smtp.auth` \"xoauth2\" needs `[mail.oauth]` or `mail.smtp.token_command`";
            section.problems.error(Some(&auth.at), message, None);
        }
        (Some(command), Some(_)) => {
            let message = "`mail.smtp.token_command` and `[mail.oauth]` are two sources of tokens";
            section.problems.error(Some(&command.at), message, Some("keep one of them".into()));
        }
        _ => {}
    }
}

fn warn_of_unused(section: &Section<'_>, auth: Auth, means: &Means) {
    let word = auth.as_str();
    let unused = |is_used: bool, key: &str, at: Option<&Mark>| {
        if let Some(at) = at.filter(|_| !is_used) {
            let message = format!("`{key}` is not used while `mail.smtp.auth` is \"{word}\"");
            section.problems.warn(Some(at), message, None);
        }
    };
    let (has_password, has_token) = (matches!(auth, Auth::Plain | Auth::Login), auth == Auth::Xoauth2);
    unused(auth != Auth::None, "mail.smtp.username", at(means.username.as_ref()));
    unused(has_password, "mail.smtp.password_file", at(means.password_file.as_ref()));
    unused(has_password, "mail.smtp.password_changed_on", at(means.password_changed_on.as_ref()));
    unused(has_token, "mail.smtp.token_command", at(means.token_command.as_ref()));
    unused(has_token, "mail.oauth", at(means.oauth.as_ref()));
}

fn at<T>(given: Option<&Given<T>>) -> Option<&Mark> {
    given.map(|given| &given.at)
}
