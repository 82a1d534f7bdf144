//! What is wrong with a configuration, and where: one sentence, a place, a caret, at most one tip.
//!
//! Problems are collected, never thrown: an operator sees all of them in one go, in the order in which they stand in
//! the file.
use std::{cell::RefCell, fmt, ops::Range};

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};

use super::layer::Mark;

/// The width that lines are kept to, in columns.
const WIDTH: usize = 80;

/// Whether the program can start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It cannot.
    Error,
    /// It can, and somebody should look.
    Warning,
}

/// One thing that is wrong. Its `Display` is what `check` prints, without colour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Whether the program can start.
    pub severity: Severity,
    /// What is wrong, one sentence without a full stop.
    pub message: String,
    /// What to do about it.
    pub tip: Option<String>,
    /// Where it is; `None` when it is about no place in particular.
    pub place: Option<Place>,
}

/// Where a value was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// A file, an environment variable or a `--set` argument.
    pub name: String,
    /// The line and the caret, in a file.
    pub spot: Option<Spot>,
}

/// A stretch of one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The text of the line.
    pub source: String,
    /// Characters that the caret underlines, at least 1.
    pub length: usize,
}

impl Spot {
    /// The spot of a byte range of `text`; a range over several lines ends with the first.
    pub(super) fn new(text: &str, span: &Range<usize>) -> Self {
        let before = text.get(..span.start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let source = text.get(line_start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        let marked = text.get(span.clone()).and_then(|marked| marked.lines().next()).unwrap_or_default();
        Self {
            line: before.matches('\n').count() + 1,
            column: before.chars().count() - text.get(..line_start).map_or(0, |head| head.chars().count()) + 1,
            source: without_passwords(source),
            length: marked.chars().count().max(1),
        }
    }

    /// The byte range of the caret in `source`.
    fn bytes(&self) -> Range<usize> {
        let byte =
            |character: usize| self.source.char_indices().nth(character).map_or(self.source.len(), |(byte, _)| byte);
        byte(self.column - 1)..byte(self.column - 1 + self.length)
    }

    /// Whether `tip` fits on the caret's line.
    fn has_room_for(&self, tip: &str) -> bool {
        let gutter = self.line.to_string().len() + 3;
        gutter + self.column + self.length + tip.chars().count() <= WIDTH
    }
}

/// A line whose URLs show no password: a `*` for each of its letters, so that carets stay where they were.
pub(super) fn without_passwords(line: &str) -> String {
    let secrets: Vec<_> = line.match_indices("://").flat_map(|(at, mark)| passwords(line, at + mark.len())).collect();
    let is_secret = |at: usize| secrets.iter().any(|secret| secret.contains(&at));
    line.char_indices().map(|(at, letter)| if is_secret(at) { '*' } else { letter }).collect()
}

/// The bytes of the passwords in the URL of which all after `://` begins at `from`.
fn passwords(line: &str, from: usize) -> impl Iterator<Item = Range<usize>> {
    let rest = line.get(from..).unwrap_or_default();
    let is_end = |letter: char| letter.is_whitespace() || matches!(letter, '"' | '\'');
    let url = rest.get(..rest.find(is_end).unwrap_or(rest.len())).unwrap_or_default();
    // The last @: who forgot to escape one in a password shows none of it either.
    let user = url.rfind('@').and_then(|at| url.get(..at)).unwrap_or_default();
    let before_host = user.find(':').map(|colon| from + colon + 1..from + user.len());
    let parameter = url.find("password=").map(|key| from + key + "password=".len()..from + url.len());
    [before_host, parameter].into_iter().flatten()
}

impl Problem {
    /// The problem in one line: `lapsewatch.toml:3:8: must be a whole number (1 to 65535)`.
    #[must_use]
    pub fn one_line(&self) -> String {
        let place = self.place.as_ref().map(|place| match &place.spot {
            Some(spot) => format!("{}:{}:{}: ", place.name, spot.line, spot.column),
            None => format!("{}: ", place.name),
        });
        let tip = self.tip.as_ref().map(|tip| format!(" ({tip})")).unwrap_or_default();
        format!("{}{}{tip}", place.unwrap_or_default(), self.message)
    }

    /// The problem as text for a terminal, several lines without a final newline.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group = level.primary_title(self.message.as_str()).elements(std::iter::empty::<Origin<'_>>());
        let spot = self.place.as_ref().and_then(|place| place.spot.as_ref());
        let beside = self.tip.as_deref().filter(|tip| spot.is_some_and(|spot| spot.has_room_for(tip)));
        if let Some(place) = &self.place {
            group = match &place.spot {
                Some(spot) => group.element(snippet(place, spot, beside)),
                None => group.element(Origin::path(place.name.as_str())),
            };
        }
        if let (Some(tip), Some(_), None) = (&self.tip, &self.place, beside) {
            group = group.element(Level::HELP.with_name("tip").message(tip.as_str()));
        }
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let text = renderer.term_width(WIDTH).render(&[group]);
        match (&self.tip, &self.place) {
            (Some(tip), None) => format!("{text}\n  tip: {tip}"),
            _ => text,
        }
    }
}

fn snippet<'a>(
    place: &'a Place,
    spot: &'a Spot,
    label: Option<&'a str>,
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let caret = AnnotationKind::Primary.span(spot.bytes()).label(label);
    Snippet::source(spot.source.as_str()).line_start(spot.line).path(place.name.as_str()).annotation(caret)
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

/// Everything that is wrong with a configuration, errors and warnings, in the order of the files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.render(false))]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// The problems as text for a terminal, with an empty line between two.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        self.0.iter().map(|problem| problem.render(color)).collect::<Vec<_>>().join("\n\n")
    }
}

/// Collects problems while the sections are read.
#[derive(Debug, Default)]
pub(super) struct Collector(RefCell<Vec<(Order, Problem)>>);

/// Where a problem stands among the others: the layer, then the byte.
type Order = (usize, usize);

impl Collector {
    /// Something that the program cannot start with.
    pub(super) fn error(&self, at: Option<&Mark>, message: impl Into<String>, tip: Option<String>) {
        self.push(Severity::Error, at, message.into(), tip);
    }

    /// Something that somebody should look at.
    pub(super) fn warn(&self, at: Option<&Mark>, message: impl Into<String>, tip: Option<String>) {
        self.push(Severity::Warning, at, message.into(), tip);
    }

    fn push(&self, severity: Severity, at: Option<&Mark>, message: String, tip: Option<String>) {
        let order = at.map_or((usize::MAX, 0), Mark::order);
        let problem = Problem { severity, message, tip, place: at.map(Mark::place) };
        self.0.borrow_mut().push((order, problem));
    }

    /// Whether the program cannot start.
    pub(super) fn has_errors(&self) -> bool {
        self.0.borrow().iter().any(|(_, problem)| problem.severity == Severity::Error)
    }

    /// All problems, in the order of the files.
    pub(super) fn into_sorted(self) -> Vec<Problem> {
        let mut found = self.0.into_inner();
        found.sort_by_key(|(order, _)| *order);
        found.into_iter().map(|(_, problem)| problem).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spot_counts_characters_and_stays_on_its_line() {
        let text = "a = 1\r\nnäme = \"é\" # x\nlist = [\n]\n";
        let spot = |marked: &str| {
            let start = text.find(marked).unwrap();
            let spot = Spot::new(text, &(start..start + marked.len()));
            (spot.line, spot.column, spot.length, spot.source)
        };
        assert_eq!(spot("1"), (1, 5, 1, "a = 1".to_owned()));
        assert_eq!(spot("\"é\""), (2, 8, 3, "näme = \"é\" # x".to_owned()));
        assert_eq!(spot("[\n]"), (3, 8, 1, "list = [".to_owned()));
    }

    #[test]
    fn a_spot_at_or_beyond_the_end_is_still_one() {
        for (text, at) in [("", 0..0), ("a =", 3..3), ("a", 7..9), ("a\n", 2..2)] {
            let spot = Spot::new(text, &at);
            assert!(spot.line >= 1 && spot.column >= 1 && spot.length == 1, "{spot:?}");
            let place = Some(Place { name: "x.toml".into(), spot: Some(spot) });
            let problem = Problem { severity: Severity::Error, message: "m".into(), tip: None, place };
            assert!(problem.to_string().contains(" --> x.toml:"), "{problem}");
        }
    }

    #[test]
    fn a_tip_without_a_place_stands_on_a_line_of_its_own() {
        let problem = Problem { severity: Severity::Warning, message: "m".into(), tip: Some("t".into()), place: None };
        assert_eq!(problem.to_string(), "warning: m\n  tip: t");
    }

    #[test]
    fn a_url_shows_no_password() {
        for (line, shown) in [
            ("url = \"postgress://lw:hünt@r2@db/lw\" # mine", "url = \"postgress://lw:*******@db/lw\" # mine"),
            ("postgres://lw@db/lw?sslmode=x&password=hunter2", "postgres://lw@db/lw?sslmode=x&password=*******"),
            ("postgres://lw@db:5433/lw", "postgres://lw@db:5433/lw"),
            ("sqlite:/var/lib/a:b@c", "sqlite:/var/lib/a:b@c"),
        ] {
            assert_eq!(without_passwords(line), shown);
        }
    }
}
