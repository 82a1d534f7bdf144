//! The words of every message: from a [`Brief`] to a subject, a text part and an HTML part.
//!
//! Reads the content files (compiled in, or an operator's folder) once, when the [`Renderer`] is made. Writes nothing.
//! No code in here can make a link, an image or a script.

pub mod alert;
pub mod brief;
mod bulletin;
mod check;
mod clean;
mod content;
mod day;
mod failure;
mod html;
mod markup;
mod overview;
mod samples;
mod templates;
mod text;
mod view;

use std::path::Path;

use jiff::civil::Date;
use minijinja::{Value, value::Serde};

pub use alert::Alert;
pub use brief::{Brief, NoticeBrief, Person, SiteBrief, SubjectBrief, Voice};
pub use failure::Failure;

use self::{
    bulletin::Bulletin,
    day::Day,
    overview::{Digest, Run},
    templates::{Page, Templates},
    view::{Letter, Operator},
};
use crate::domain::policy::Rule;

/// Most rows of a digest or of the operator's message; the rest is a number.
const MOST_ROWS: usize = 50;
/// A message too heavy loses so many rows at a time.
const ROWS_LOST: usize = 10;
/// It never loses its last so many.
const FEWEST_ROWS: usize = 5;
/// Mail programs cut a message off at about 100 KB; ours stay below 60 KB, headers and all.
const HEAVIEST: usize = 56_000;
/// Longest preview line.
const LONGEST_PREVIEW: usize = 150;

/// Why a message could not be written.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// A file of the override folder cannot be read.
    #[error("{path}: {source}")]
    ReadOverride {
        /// The file or folder.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A message with nothing to tell.
    #[error("message {reference} has nothing to tell")]
    NoNotices {
        /// Its reference.
        reference: String,
    },
    /// A content file cannot be filled in.
    #[error("{0}")]
    Template(TemplateProblem),
}

/// What is wrong with a content file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TemplateProblem {
    /// The content file, such as `user.delete_soon.md`.
    pub file: String,
    /// The line in it, counted from 1, where it is known.
    pub line: Option<usize>,
    /// What is wrong, with the name of the missing field.
    pub what: String,
    /// The program works, but the operator would want to know.
    pub warning: bool,
}

impl std::fmt::Display for TemplateProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.what),
            None => write!(f, "{}: {}", self.file, self.what),
        }
    }
}

/// A message, ready to be composed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// One line, at most 70 characters.
    pub subject: String,
    /// The text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
}

impl Rendered {
    /// About how many bytes the message has when sent: once it has a letter beyond ASCII, each byte of such letters is
    /// written as three, and so is `=`.
    fn weight(&self) -> usize {
        let length = self.html.len() + self.text.len();
        if self.html.is_ascii() && self.text.is_ascii() {
            return length;
        }
        let is_written_longer = |byte: &u8| !byte.is_ascii() || *byte == b'=';
        length + 2 * self.html.bytes().chain(self.text.bytes()).filter(is_written_longer).count()
    }
}

/// Writes messages.
#[derive(Debug)]
pub struct Renderer {
    voice: Voice,
    templates: Templates,
}

impl Renderer {
    /// Reads and compiles every content file; those in `overrides` replace the built-in ones, file by file.
    ///
    /// # Errors
    /// When a file of the folder cannot be read or its syntax is wrong.
    pub fn new(voice: Voice, overrides: Option<&Path>) -> Result<Self, RenderError> {
        Ok(Self { voice, templates: Templates::load(overrides)? })
    }

    /// Writes one message.
    ///
    /// # Errors
    /// When the brief tells nothing, or a content file names a field that is not known.
    pub fn render(&self, brief: &Brief) -> Result<Rendered, RenderError> {
        self.render_as(brief, &self.voice)
    }

    /// Writes one message in somebody's voice, with as many rows as it can carry.
    fn render_as(&self, brief: &Brief, voice: &Voice) -> Result<Rendered, RenderError> {
        let nothing = || RenderError::NoNotices { reference: brief.reference.clone() };
        let mut rows = MOST_ROWS;
        loop {
            let (file, fields) = fields(brief, voice, rows).ok_or_else(nothing)?;
            let message = self.write(file, &fields, voice)?;
            if message.weight() <= HEAVIEST || rows <= FEWEST_ROWS {
                return Ok(message);
            }
            rows = rows.saturating_sub(ROWS_LOST).max(FEWEST_ROWS);
        }
    }

    /// Renders every message with sample data, and names what is wrong.
    #[must_use]
    pub fn check(&self) -> Vec<TemplateProblem> {
        check::check(self)
    }

    /// Invented briefs for every message, by name, such as `letter.inactivity.warn`; of one rule or stage if asked.
    #[must_use]
    pub fn samples(&self, filter: Option<(Rule, Option<&str>)>) -> Vec<(String, Brief)> {
        let is_wanted = |brief: &Brief| match (filter, brief.notices.first()) {
            (Some((rule, stage)), Some(lead)) => {
                lead.rule == rule && stage.is_none_or(|stage| [lead.stage.as_str(), lead.stage.base()].contains(&stage))
            }
            (asked, _) => asked.is_none(),
        };
        samples::all().into_iter().filter(|(_, brief)| is_wanted(brief)).collect()
    }

    /// The message of `test-mail`, from the machine `host`.
    ///
    /// # Errors
    /// When its content file cannot be filled in.
    pub fn test_message(&self, host: &str, on: Date) -> Result<Rendered, RenderError> {
        self.write("admin.test.md", &test_fields(host, on, &self.voice), &self.voice)
    }

    /// Writes the message that a unit has failed.
    ///
    /// # Errors
    /// When its content file cannot be filled in.
    pub fn failure_message(&self, failure: &Failure) -> Result<Rendered, RenderError> {
        self.write("admin.failure.md", &failure.fields(&self.voice), &self.voice)
    }

    /// Fills in a content file and writes both parts from it.
    fn write(&self, file: &str, fields: &Value, voice: &Voice) -> Result<Rendered, RenderError> {
        let page = self.templates.fill(file, fields)?;
        let blocks = markup::parse(&page.body);
        let subject = self.fitted_subject(file, fields, &page)?;
        let preview = clean::line(&clean::reveal(&page.preheader), LONGEST_PREVIEW);
        let sender = Operator::of(voice).sender;
        let html = html::write(&html::Frame { title: &subject, preview: &preview, sender: &sender }, &blocks);
        Ok(Rendered { subject, text: text::write(&blocks), html })
    }

    /// The subject, with names and addresses shortened until the date fits as well.
    fn fitted_subject(&self, file: &str, fields: &Value, page: &Page) -> Result<String, RenderError> {
        let mut subject = clean::reveal(&page.subject);
        for longest in [40, 34, 28, 22, 17, 13, 9] {
            if subject.chars().count() <= check::LONGEST_SUBJECT {
                break;
            }
            let page = self.templates.fill(file, &shortened(fields, longest))?;
            subject = clean::reveal(&page.subject);
        }
        Ok(clean::line(&subject, check::LONGEST_SUBJECT))
    }
}

/// The fields of the message of `test-mail`.
fn test_fields(host: &str, on: Date, voice: &Voice) -> Value {
    minijinja::context! {
        operator => Value::from(Serde(Operator::of(voice))),
        host => clean::line(host, 60),
        sent_on => Day::new(on, false).day,
    }
}

/// The content file of a message, and its fields with at most so many rows; `None` for a brief that tells nothing.
fn fields(brief: &Brief, voice: &Voice, rows: usize) -> Option<(&'static str, Value)> {
    let file = content::choose(brief)?;
    let fields = match file {
        "admin.alerts.md" => Value::from(Serde(Bulletin::of(brief, voice, rows))),
        "admin.run.md" => Value::from(Serde(Run::of(brief, voice, rows))),
        "owner.digest.md" => Value::from(Serde(Digest::of(brief, voice, rows))),
        _ => Value::from(Serde(Letter::of(brief, brief.notices.first()?, voice))),
    };
    Some((file, fields))
}

/// The fields with every name and address of at most `longest` characters.
fn shortened(fields: &Value, longest: usize) -> Value {
    let keys = fields.try_iter().into_iter().flatten();
    let entry = |key: Value| {
        let value = fields.get_item(&key).unwrap_or_default();
        let value = match (key.as_str(), value.as_str()) {
            (Some("account"), _) => shortened(&value, longest),
            (Some("name" | "address" | "mailbox"), Some(text)) => Value::from(clean::shorten(text, longest)),
            _ => value,
        };
        (key, value)
    };
    Value::from_pairs(keys.map(entry))
}
