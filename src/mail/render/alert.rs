//! What the operator is told besides notices: values as a run saw them, kept with the message as JSON until it leaves.
//!
//! Written by the run that saw them, read when the message is sent, maybe days later and by a newer version of the
//! program. So they hold days and numbers, never words that are true on one day only. Nothing in here is safe to
//! print as it is: the views clean it.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::domain::policy::Rule;

/// One thing that the operator alone has to see to. The variants stand in the order in which a message tells them: the
/// first one gives it its subject.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "alert", rename_all = "snake_case")]
pub enum Alert {
    /// The messages of a run wait for a person (domain rules 19 and 20).
    Held {
        /// Number of the run.
        run: i64,
        /// The civil day of the run.
        on: Date,
        /// How many messages wait.
        messages: u64,
        /// Why, a sentence or two each.
        why: Vec<String>,
    },
    /// Exports are too old for some rules to count on (18).
    Stale {
        /// Which.
        sources: Vec<TooOld>,
    },
    /// Exports could not be read and lie in quarantine.
    Refused {
        /// Which.
        files: Vec<RefusedFile>,
    },
    /// What the program itself logs in with ends, or has ended.
    Sender {
        /// What, the soonest first.
        ends: Vec<End>,
    },
    /// Nobody but the operator was told, and the deadline is near or past (27).
    Coverage {
        /// The most urgent of them.
        rows: Vec<Uncovered>,
        /// How many there are.
        total: u64,
    },
    /// Messages of which nobody knows whether a mail server took them (25).
    Unknown {
        /// How many.
        messages: u64,
    },
    /// A mail server let us send nothing at all; once this is read, it does again (25).
    Stopped {
        /// Since which civil day.
        since_on: Date,
        /// The server's words, or ours.
        why: String,
    },
    /// Addresses that a mail server refused since the last run (25).
    Unreachable {
        /// Which.
        addresses: Vec<RefusedAddress>,
    },
}

/// An export that is too old.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TooOld {
    /// Which, since when, and how old it may be: two sentences.
    pub what: String,
    /// The day that the newest one describes.
    pub as_of_on: Date,
    /// How many warnings are kept back for it.
    pub silent: u64,
}

/// An export in quarantine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RefusedFile {
    /// Its name.
    pub name: String,
    /// What is wrong with it.
    pub why: String,
}

/// The last day of something that we send with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct End {
    /// The civil day from which it does not work any more.
    pub ends_on: Date,
    /// What ends, after "our": `password`, `certificate`, `client secret`, `NHSmail account`.
    pub what: String,
}

/// A finding that nobody but the operator hears of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Uncovered {
    /// The day on which the service acts.
    pub deadline_on: Date,
    /// The account or mailbox.
    pub address: String,
    /// The name on the account, where it is known.
    pub name: Option<String>,
    /// The practice's name, where it is known.
    pub site: Option<String>,
    /// The practice's ODS code.
    pub ods: Option<String>,
    /// The concern, in the words of the configuration.
    pub rule: String,
    /// The deadline is a guess.
    pub approximate: bool,
    /// Why nobody was told, in a few words.
    pub why: String,
}

impl Uncovered {
    /// The concern; none for a word that this version does not know.
    #[must_use]
    pub fn rule(&self) -> Option<Rule> {
        Rule::parse(&self.rule)
    }
}

/// An address at which nobody is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RefusedAddress {
    /// Which.
    pub address: String,
    /// The server's words.
    pub reply: String,
}

impl Alert {
    /// Alerts as they are kept with their message.
    ///
    /// # Errors
    /// Never for the values above.
    pub fn write(alerts: &[Self]) -> Result<String, serde_json::Error> {
        serde_json::to_string(alerts)
    }

    /// Alerts that were kept with their message.
    ///
    /// # Errors
    /// When another version wrote them in words that this one does not know.
    pub fn read(json: &str) -> Result<Vec<Self>, serde_json::Error> {
        serde_json::from_str(json)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::render::samples;

    #[test]
    fn every_alert_is_read_as_it_was_written() {
        let alerts: Vec<_> = samples::all().into_iter().flat_map(|(_, brief)| brief.alerts).collect();
        let json = Alert::write(&alerts).expect("written");
        assert_eq!(Alert::read(&json).expect("read"), alerts);
        assert!(json.starts_with(r#"[{"alert":"held","run":12,"on":"2026-11-20""#), "{json}");
        assert!(Alert::read("[{\"alert\":\"flood\"}]").is_err());
    }
}
