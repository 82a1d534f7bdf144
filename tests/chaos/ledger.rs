//! What the program says: what is due, what became of it, and what it lists as unknown. All of it by its own output.
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::site::Site;

/// What one recipient is told: of whom, by which rule, at which stage.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    pub recipient: String,
    pub subject: String,
    pub rule: String,
    pub stage: String,
}

impl Due {
    /// The same thing, whoever is told.
    pub fn stage_of(&self) -> (&str, &str, &str) {
        (&self.subject, &self.rule, &self.stage)
    }

    /// When nobody knows whether it went, it is sent again.
    pub fn is_resent(&self) -> bool {
        self.stage == "final"
    }
}

/// One notice of the ledger, with the message that carries it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    pub due: Due,
    pub message_id: String,
    pub reference: String,
    pub state: String,
}

impl Line {
    /// Its fate is not decided.
    pub fn is_open(&self) -> bool {
        !matches!(self.state.as_str(), "accepted" | "rejected" | "unknown")
    }
}

/// What `once --dry-run` would send.
pub fn due(site: &Site, at: &str) -> BTreeSet<Due> {
    let messages = objects(&site.ask(at, &["--format", "json", "once", "--dry-run"]));
    let notices = |message: &Value| {
        let recipient = word(message, "recipient");
        let due = |notice: &Value| Due {
            recipient: recipient.clone(),
            subject: word(notice, "subject"),
            rule: word(notice, "rule"),
            stage: word(notice, "stage"),
        };
        message["notices"].as_array().unwrap().iter().map(due).collect::<Vec<_>>()
    };
    messages.iter().flat_map(notices).collect()
}

/// The references that `list --unknown` shows, each with its Message-ID. Messages without notices, such as the
/// operator's, are left out: the ledger is about notices.
pub fn unknown(site: &Site, at: &str) -> BTreeMap<String, String> {
    let messages = objects(&site.ask(at, &["--format", "json", "list", "--unknown"]));
    let told = messages.iter().filter(|message| !message["notices"].as_array().unwrap().is_empty());
    told.map(|message| (word(message, "reference"), word(message, "message_id"))).collect()
}

fn objects(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn word(object: &Value, name: &str) -> String {
    object[name].as_str().unwrap_or_else(|| panic!("no {name} in {object}")).to_owned()
}

/// The ledger, one line a notice.
pub fn lines(site: &Site, at: &str) -> Vec<Line> {
    lines_if_answered(site, at).unwrap_or_else(|error| panic!("{error}"))
}

/// The same, of a program that may say instead that it cannot.
pub fn lines_if_answered(site: &Site, at: &str) -> Result<Vec<Line>, String> {
    let lines = objects(&site.try_to_ask(at, &["--format", "json", "audit", "export"])?);
    let line = |line: &Value| Line {
        due: Due {
            recipient: word(line, "recipient"),
            subject: word(line, "subject"),
            rule: word(line, "rule"),
            stage: word(line, "stage"),
        },
        message_id: word(line, "message_id"),
        reference: word(line, "reference"),
        state: word(line, "state"),
    };
    Ok(lines.iter().map(line).collect())
}

/// A person's word on an unknown message: `accepted`, `resend` or `drop`.
pub fn settle(site: &Site, at: &str, reference: &str, verdict: &str) {
    site.ask(at, &["settle", reference, verdict, "--by", "Ada Example"]);
}
