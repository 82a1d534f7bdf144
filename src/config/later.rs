//! Settings whose feature comes in a later version: they are read and checked, and an operator who relies on one is
//! warned that it protects nothing yet.
use jiff::civil::Time;

use super::{
    layer::Entry,
    section::{Fault, Given, Section},
    values::{flag, list, positive_span, share, text, whole},
};

/// `[breaker]`, `[adoption]` and `[http]`.
pub(super) fn read(root: &mut Section<'_>) {
    read_breaker(root.section("breaker"));
    let mut adoption = root.section("adoption");
    let hold = adoption.value_at("hold", flag);
    warn_if_on(&adoption, "hold", hold, "the first run sends at once");
    adoption.finish();
    let mut http = root.section("http");
    let listen = http.find_at("listen", listen);
    warn(&http, "listen", listen.as_ref(), "there is no dashboard");
    http.finish();
}

fn read_breaker(mut section: Section<'_>) {
    let enabled = section.value_at("enabled", flag);
    for name in ["max_new_share", "max_row_drop", "max_bad_dates"] {
        section.value(name, share);
    }
    section.value("min_new", whole::<u32>(0..=1_000_000));
    warn_if_on(&section, "enabled", enabled, "nothing holds a run back");
    section.finish();
}

/// `mail.window` and `[mail.quota]`.
pub(super) fn read_mail(mail: &mut Section<'_>) {
    let window = mail.find_at("window", window);
    warn(mail, "window", window.as_ref(), "messages leave at any hour");
    let mut quota = mail.section("quota");
    for name in ["per_minute", "per_day"] {
        let most = quota.find_at(name, whole::<u32>(1..=1_000_000));
        warn(&quota, name, most.as_ref(), "messages leave as fast as the server takes them");
    }
    quota.finish();
}

/// `mail.smtp.token_command`
pub(super) fn read_smtp(smtp: &mut Section<'_>) {
    let command = smtp.find_at("token_command", command);
    warn(smtp, "token_command", command.as_ref(), "it is for \"xoauth2\"");
}

/// `rules.<rule>.max_age`
pub(super) fn read_rule(rule: &mut Section<'_>) {
    let age = rule.find_at("max_age", positive_span);
    warn(rule, "max_age", age.as_ref(), "old exports are used like new ones");
}

fn warn<T>(section: &Section<'_>, name: &str, given: Option<&Given<T>>, tip: &str) {
    if let Some(given) = given {
        let message = format!("`{}` is not in force in this version", section.key(name));
        section.problems.warn(Some(&given.at), message, Some(tip.to_owned()));
    }
}

fn warn_if_on(section: &Section<'_>, name: &str, given: Option<Given<bool>>, tip: &str) {
    warn(section, name, given.filter(|given| given.value).as_ref(), tip);
}

fn listen(entry: &Entry) -> Result<std::net::SocketAddr, Fault> {
    let fault = |_| Fault::new("must be an address and a port such as \"127.0.0.1:8025\"");
    text(entry)?.parse().map_err(fault)
}

/// `08:00-18:00`
fn window(entry: &Entry) -> Result<(Time, Time), Fault> {
    let text = text(entry)?;
    let times = text.split_once('-').and_then(|(from, to)| Some((time(from)?, time(to)?)));
    times.filter(|(from, to)| from < to).ok_or_else(|| Fault::new("must be hours of a day such as \"08:00-18:00\""))
}

fn time(text: &str) -> Option<Time> {
    Time::strptime("%H:%M", text.trim()).ok()
}

/// A command is a list of words, or one string that is split at blanks.
fn command(entry: &Entry) -> Result<Vec<String>, Fault> {
    match text(entry) {
        Ok(line) => Ok(line.split_whitespace().map(str::to_owned).collect()),
        Err(_) => list(text)(entry).map_err(|_| Fault::new("must be a command: a list of words, or text")),
    }
}
