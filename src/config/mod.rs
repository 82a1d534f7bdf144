//! The configuration: one TOML file over the compiled-in defaults, the environment and `--set` on top.
//!
//! Each section is a struct in a file of its own. Values here are checked and ready to use: paths are resolved, the
//! zone is loaded, the ladders are a [`Policy`](crate::domain::policy::Policy).
use std::path::PathBuf;

use crate::domain::{calendar::Calendar, policy::Policy};

/// Everything an operator can tune, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// `[database]`
    pub database: Database,
    /// `[snapshots]`
    pub snapshots: Snapshots,
    /// `[schedule]`
    pub schedule: Schedule,
    /// `[policy]` and `[rules.*]`, as the domain wants them.
    pub policy: Policy,
    /// The zone of civil dates, `policy.time_zone`.
    pub time_zone: jiff::tz::TimeZone,
    /// Open and closed days, from `policy.bank_holidays` and the embedded list.
    pub calendar: Calendar,
    /// `[mail]`
    pub mail: Mail,
    /// `[operator]`: who the messages are from, in words.
    pub operator: Operator,
    /// `[helpdesk.NAME]`: who administers accounts, by the lower-cased word in the contacts file.
    pub helpdesks: std::collections::BTreeMap<String, Helpdesk>,
    /// `[privacy]`
    pub privacy: Privacy,
    /// `[log]`
    pub log: Log,
}

/// `[database]`: where the store is.
#[derive(Debug, Clone)]
pub struct Database {
    /// `sqlite:PATH`.
    pub url: String,
}

/// `[snapshots]`: folders that exports pass through, and how they are read.
#[derive(Debug, Clone)]
pub struct Snapshots {
    /// Where operators drop exports.
    pub inbox: PathBuf,
    /// Where loaded files go.
    pub archive: PathBuf,
    /// Where refused files go, each with a `.reason.txt` beside it.
    pub quarantine: PathBuf,
    /// Files stay in the inbox after loading (for a read-only share); known ones are then passed over silently.
    pub keep_in_place: bool,
    /// How many seconds a file must be unchanged before it is taken.
    pub settle_secs: u64,
    /// How often the daemon looks into the inbox, in seconds.
    pub poll_secs: u64,
    /// Slash dates that could be either are read day first.
    pub day_first: bool,
}

/// `[schedule]`: when the daemon runs.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// Cron expression of five or six fields (seconds first), in the policy's zone.
    pub evaluate: String,
}

/// `[mail]`: how messages leave.
#[derive(Debug, Clone)]
pub struct Mail {
    /// From, an address of a domain the operator may send for.
    pub from: lettre::message::Mailbox,
    /// Reply-To, read by people; the From address when not set.
    pub reply_to: Option<lettre::message::Mailbox>,
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
}

/// `mail.transport`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// A mail server.
    Smtp,
    /// `.eml` files in a folder.
    Directory,
}

/// `[mail.smtp]`: the mail server.
#[derive(Debug, Clone)]
pub struct Smtp {
    /// Name of the server; also the name its certificate must carry.
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

/// `[operator]`: who the messages are from, in the words of the messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// `Anyshire LC NHSmail reminders`: the bar of every message and the name of the sender.
    pub sender: String,
    /// `NHSmail reminders team`.
    pub team: String,
    /// `Anyshire Local Committee`.
    pub org: String,
    /// The number on which a reader can check a message; no sentence offers one when it is not set.
    pub phone: Option<String>,
}

/// `[helpdesk.NAME]`: who administers accounts, in the words of the messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Helpdesk {
    /// `the NHSmail helpdesk`.
    pub name: String,
    /// Telephone number as printed.
    pub phone: String,
    /// Address for requests.
    pub email: String,
    /// `24 hours a day, every day`.
    pub hours: String,
    /// The national service, whose telephone menu the texts describe.
    pub national: bool,
}

/// `[privacy]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Privacy {
    /// People appear by name, not by initials, in digests to shared mailboxes (domain rule 17).
    pub names_in_shared_mailboxes: bool,
}

/// `[log]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// A tracing filter: `info`, `lapsewatch=debug`.
    pub filter: String,
    /// How lines look.
    pub format: LogFormat,
}

/// `log.format`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// `journal` when standard error is the journal, else `text`.
    Auto,
    /// For a person at a terminal.
    Text,
    /// One JSON object a line.
    Json,
    /// Text with the journal's `<N>` priority before each line.
    Journal,
}
