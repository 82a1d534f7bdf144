//! `[mail]`: how messages leave.
use std::path::PathBuf;

use lettre::message::Mailbox;

use super::{
    layer::Mark,
    oauth, quota,
    section::{Given, Section},
    smtp::{self, Smtp},
    values::{address, choice, flag, mailbox, path},
};
use crate::domain::{hours::Window, quota::Quota};

/// The addresses of the compiled-in defaults, which nobody reads.
const PLACEHOLDERS: [&str; 2] = ["reminders@example.org", "operator@example.org"];

/// `[mail]`: how messages leave.
#[derive(Debug, Clone)]
pub struct Mail {
    /// From, an address of a domain the operator may send for.
    pub from: Mailbox,
    /// Reply-To, read by people; the From address when not set.
    pub reply_to: Option<Mailbox>,
    /// Where the operator's messages go.
    pub operator: String,
    /// How messages leave.
    pub transport: Transport,
    /// Where the directory transport writes `.eml` files.
    pub directory: PathBuf,
    /// The mail server.
    pub smtp: Smtp,
    /// A folder of message texts that replace the built-in ones, file by file.
    pub templates: Option<PathBuf>,
    /// The hours in which messages leave, in the policy's zone; all of them when not set.
    pub window: Option<Window>,
    /// Messages without a notice of an `any_day` stage leave on open days only.
    pub working_days: bool,
    /// The most that may leave, all replicas together.
    pub quota: Quota,
}

/// `mail.transport`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// A mail server.
    Smtp,
    /// `.eml` files in a folder.
    Directory,
}

const TRANSPORTS: [(&str, Transport); 2] = [("smtp", Transport::Smtp), ("directory", Transport::Directory)];

pub(super) fn read(mut section: Section<'_>) -> Option<Mail> {
    let from = section.value_at("from", mailbox);
    let reply_to = section.find("reply_to", mailbox);
    let operator = section.value_at("operator", address);
    let transport = section.value_at("transport", choice(&TRANSPORTS));
    let directory = section.value("directory", path);
    let templates = section.find("templates", path);
    let window = section.find("window", quota::window);
    let working_days = section.value("working_days", flag);
    let quota = quota::read(section.section("quota"));
    let oauth = oauth::read(section.section("oauth"));
    let smtp = smtp::read(section.section("smtp"), oauth);
    if let (Some(transport), Some(smtp)) = (&transport, &smtp) {
        check_leaving(&section, transport, smtp, from.as_ref(), operator.as_ref());
    }
    section.finish();
    Some(Mail {
        from: from?.value,
        reply_to,
        operator: operator?.value,
        transport: transport?.value,
        directory: directory?,
        smtp: smtp?,
        templates,
        window,
        working_days: working_days?,
        quota,
    })
}

/// What must be so before messages leave this machine, and what an operator has copied without filling it in.
fn check_leaving(
    section: &Section<'_>,
    transport: &Given<Transport>,
    smtp: &Smtp,
    from: Option<&Given<Mailbox>>,
    operator: Option<&Given<String>>,
) {
    let leaves = transport.value == Transport::Smtp;
    if leaves && smtp.host.is_empty() {
        let tip = "set `mail.smtp.host`, or write files with \"directory\"";
        section.problems.error(Some(&transport.at), "`mail.transport` \"smtp\" needs a server", Some(tip.into()));
    }
    if let Some(from) = from.filter(|from| leaves || !from.at.is_default()) {
        check_placeholder(section, "from", from.value.email.as_ref(), shown(&from.at, &transport.at));
        if leaves {
            check_spoofing(section, from, smtp);
        }
    }
    if let Some(operator) = operator.filter(|operator| leaves || !operator.at.is_default()) {
        check_placeholder(section, "operator", &operator.value, shown(&operator.at, &transport.at));
    }
}

/// The place an operator can change: a default's is where the transport was chosen.
fn shown<'a>(at: &'a Mark, transport: &'a Mark) -> &'a Mark {
    if at.is_default() { transport } else { at }
}

fn check_placeholder(section: &Section<'_>, name: &str, address: &str, at: &Mark) {
    if PLACEHOLDERS.contains(&address) {
        let message = format!("`{}` is still the placeholder {address}", section.key(name));
        section.problems.warn(Some(at), message, Some(format!("set `{}` to an address of yours", section.key(name))));
    }
}

/// Mail from elsewhere that poses as nhs.net goes to Junk or gets a banner.
fn check_spoofing(section: &Section<'_>, from: &Given<Mailbox>, smtp: &Smtp) {
    let address = &from.value.email;
    let is_account = smtp.username.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(address.as_ref()));
    if address.domain().eq_ignore_ascii_case("nhs.net") && !is_account {
        let tip = "use it only if the mail truly leaves through that account";
        section.problems.warn(Some(&from.at), "`mail.from` is an nhs.net address", Some(tip.into()));
    }
}
