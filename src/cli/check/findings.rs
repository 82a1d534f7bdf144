//! What a check found, as people or scripts read it.

use anstyle::Style;
use serde::Serialize;

use crate::{
    cli::{
        args::Format,
        screen::{ATTENTION, BOLD, counted, hanging, say},
    },
    config::{Problem, Problems, Severity},
};

/// Columns of the mark before a part.
const MARK: usize = 6;

/// Where the text of a line begins.
const COLUMN: usize = 19;

/// The JSON of one finding.
#[derive(Debug, Serialize)]
struct FindingLine<'a> {
    /// `ok`, `warning` or `error`.
    severity: &'static str,
    /// What was looked at.
    part: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tip: Option<&'a str>,
    /// A file, an environment variable or a `--set` argument.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
}

impl<'a> FindingLine<'a> {
    const fn plain(severity: &'static str, part: &'a str, message: &'a str) -> Self {
        Self { severity, part, message, tip: None, file: None, line: None, column: None }
    }

    /// On standard output; a reader that went away changes nothing of how the check ends.
    fn print(&self) {
        if let Ok(line) = serde_json::to_string(self) {
            say!("{line}");
        }
    }
}

impl<'a> From<&'a Problem> for FindingLine<'a> {
    fn from(problem: &'a Problem) -> Self {
        let severity = match problem.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let spot = problem.place.as_ref().and_then(|place| place.spot.as_ref());
        Self {
            tip: problem.tip.as_deref(),
            file: problem.place.as_ref().map(|place| place.name.as_str()),
            line: spot.map(|spot| spot.line),
            column: spot.map(|spot| spot.column),
            ..Self::plain(severity, "config", &problem.message)
        }
    }
}

/// Prints what is wrong with a configuration that cannot be used, a line of JSON each.
pub fn print_problems(problems: &Problems) {
    for problem in &problems.0 {
        FindingLine::from(problem).print();
    }
}

/// Says what is found as it is found, and counts it.
pub(super) struct Findings {
    format: Format,
    /// Only errors are said.
    is_quiet: bool,
    warnings: u64,
    errors: u64,
}

impl Findings {
    pub(super) const fn new(format: Format, is_quiet: bool) -> Self {
        Self { format, is_quiet, warnings: 0, errors: 0 }
    }

    /// What somebody should look at in the settings.
    pub(super) fn problem(&mut self, problem: &Problem) {
        self.warnings += 1;
        match self.format {
            _ if self.is_quiet => {}
            Format::Text => say!("{}", problem.render(true)),
            Format::Json => FindingLine::from(problem).print(),
        }
    }

    /// All is well with a part.
    pub(super) fn ok(&self, part: &str, text: &str) {
        if !self.is_quiet {
            self.say("ok", ("ok", BOLD), part, text);
        }
    }

    /// Somebody should look at a part.
    pub(super) fn warn(&mut self, part: &str, text: &str) {
        self.warnings += 1;
        if !self.is_quiet {
            self.say("warning", ("warn", ATTENTION), part, text);
        }
    }

    /// The daemon cannot work with a part.
    pub(super) fn error(&mut self, part: &str, text: &str) {
        self.errors += 1;
        self.say("error", ("error", ATTENTION), part, text);
    }

    /// `severity` is the word for scripts, `mark` what people see in its place.
    fn say(&self, severity: &'static str, mark: (&str, Style), part: &str, text: &str) {
        let (word, style) = mark;
        match self.format {
            Format::Text => {
                let (room, text) = (MARK - word.len(), hanging(text, COLUMN));
                say!("{style}{word}{style:#}{:room$}{part:<12} {text}", "");
            }
            Format::Json => FindingLine::plain(severity, part, text).print(),
        }
    }

    /// Says how it ended, to people; whether the daemon can work.
    pub(super) fn conclude(&self) -> bool {
        let warned = counted(self.warnings, "warning");
        match (self.format, self.errors) {
            (Format::Json, _) => {}
            _ if self.is_quiet => {}
            (Format::Text, 0) => say!("{warned}. Nothing was sent."),
            (Format::Text, _) => say!("{ATTENTION}There are problems{ATTENTION:#}, {warned}. Nothing was sent."),
        }
        self.errors == 0
    }
}
