//! The message that a unit has failed: written without the store, and from the built-in words if need be.

use jiff::civil::Date;
use minijinja::{Value, value::Serde};

use super::{brief::Voice, clean, day::Day, view::Operator};

/// Most problems that are told.
const MOST_PROBLEMS: usize = 20;

/// Longest line about one of them.
const LONGEST_PROBLEM: usize = 300;

/// What is known of a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The unit, as the service manager names it.
    pub unit: String,
    /// The machine.
    pub host: String,
    /// The day.
    pub on: Date,
    /// What the service manager says, one or two sentences.
    pub what: String,
    /// What is wrong with the configuration, a line each.
    pub problems: Vec<String>,
}

impl Failure {
    pub(super) fn fields(&self, voice: &Voice) -> Value {
        let problems: Vec<_> =
            self.problems.iter().take(MOST_PROBLEMS).map(|problem| clean::line(problem, LONGEST_PROBLEM)).collect();
        minijinja::context! {
            operator => Value::from(Serde(Operator::of(voice))),
            unit => clean::line(&self.unit, 60),
            host => clean::line(&self.host, 60),
            on => Value::from(Serde(Day::new(self.on, false))),
            what => clean::line(&self.what, LONGEST_PROBLEM),
            problems => problems,
        }
    }

    /// An invented one.
    pub(super) fn sample(on: Date) -> Self {
        Self {
            unit: "lapsewatch".to_owned(),
            host: "reminders1".to_owned(),
            on,
            what: "it ended with exit code 3, its settings are wrong.".to_owned(),
            problems: vec!["/etc/lapsewatch/lapsewatch.toml:3:8: `mail.smtp.port` must be a whole number".to_owned()],
        }
    }
}
