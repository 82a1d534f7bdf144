//! The words of every message: from a [`Brief`] to a subject, a text part and an HTML part.
//!
//! Reads the content files (compiled in, or an operator's folder) once, when the [`Renderer`] is made. Writes nothing.
//! No code in here can make a link, an image or a script.

pub mod brief;

use std::path::Path;

use jiff::civil::Date;

pub use brief::{Brief, NoticeBrief, Person, SiteBrief, SubjectBrief, Voice};

use crate::domain::policy::Rule;

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
    #[error("message {reference} has no notices")]
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

/// Writes messages.
#[derive(Debug)]
pub struct Renderer {
    voice: Voice,
}

impl Renderer {
    /// Reads and compiles every content file; those in `overrides` replace the built-in ones, file by file.
    ///
    /// # Errors
    /// When a file of the folder cannot be read or its syntax is wrong.
    pub fn new(voice: Voice, overrides: Option<&Path>) -> Result<Self, RenderError> {
        let _ = overrides;
        Ok(Self { voice })
    }

    /// Writes one message.
    ///
    /// # Errors
    /// When the brief has no notices, or a content file names a field that is not known.
    pub fn render(&self, brief: &Brief) -> Result<Rendered, RenderError> {
        let _ = &self.voice;
        Err(RenderError::NoNotices { reference: brief.reference.clone() })
    }

    /// Renders every message with sample data, and names what is wrong.
    #[must_use]
    pub fn check(&self) -> Vec<TemplateProblem> {
        Vec::new()
    }

    /// Invented briefs for every message, by name, such as `letter.inactivity.warn`; of one rule or stage if asked.
    #[must_use]
    pub fn samples(&self, filter: Option<(Rule, Option<&str>)>) -> Vec<(String, Brief)> {
        let _ = filter;
        Vec::new()
    }

    /// The message of `test-mail`, from the machine `host`.
    ///
    /// # Errors
    /// When its content file cannot be filled in.
    pub fn test_message(&self, host: &str, on: Date) -> Result<Rendered, RenderError> {
        Err(RenderError::NoNotices { reference: format!("{host} {on}") })
    }
}
