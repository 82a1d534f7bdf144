//! What people read: words for rules and dates, columns, and errors with one tip.

use std::{
    io::{self, Write},
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use anstyle::{AnsiColor, Style};
use jiff::civil::Date;

pub use crate::domain::{
    day::days_between,
    words::{counted, day, thousands},
};
use crate::domain::{
    facts::Field,
    message::{Message, MessageKind},
    policy::Rule,
    register::Subject,
};

/// Headings.
pub const BOLD: Style = Style::new().bold();
/// Things that need somebody.
pub const ATTENTION: Style = AnsiColor::Red.on_default().bold();
/// Less important things.
pub const FAINT: Style = Style::new().dimmed();

/// The width that every line keeps to, unless a name or an address in it is wider.
const WIDTH: usize = 80;

/// A line on standard output.
macro_rules! say {
    ($($words:tt)*) => {
        $crate::cli::screen::out(format_args!($($words)*))
    };
}

/// A line on standard error.
macro_rules! tell {
    ($($words:tt)*) => {
        $crate::cli::screen::err(format_args!($($words)*))
    };
}

pub(super) use {say, tell};

/// Whether a line could not be printed, by no fault of whoever reads.
static IS_CUT: AtomicBool = AtomicBool::new(false);

/// Prints a line. A reader that went away is not worth a word: the work goes on, and the exit code stays.
pub fn out(words: std::fmt::Arguments<'_>) {
    if let Err(error) = writeln!(anstream::stdout(), "{words}") {
        IS_CUT.fetch_or(error.kind() != io::ErrorKind::BrokenPipe, Ordering::Relaxed);
    }
}

/// Whether all that was to be printed was, such as into a file on a disk that is not full.
pub fn is_whole() -> bool {
    let is_fault = |error: io::Error| error.kind() != io::ErrorKind::BrokenPipe;
    !io::stdout().flush().is_err_and(is_fault) && !IS_CUT.load(Ordering::Relaxed)
}

/// Prints a line to standard error, as [`out`] does.
pub fn err(words: std::fmt::Arguments<'_>) {
    let _ = writeln!(anstream::stderr(), "{words}");
}

/// Breaks a text into lines of 80 columns: the first goes on where the caller stands, at `column`, and the others
/// begin there.
#[must_use]
pub fn hanging(text: &str, column: usize) -> String {
    let indent = " ".repeat(column);
    let options = textwrap::Options::new(WIDTH)
        .initial_indent(&indent)
        .subsequent_indent(&indent)
        .break_words(false)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    textwrap::fill(text, options).trim_start().to_owned()
}

/// Where the text of a [`labelled`] line begins.
pub const LABEL: usize = 13;

/// `  feeds      inactivity, leaver`: a word, and what it is about beside it.
pub fn labelled(label: &str, text: &str) {
    say!("  {label:<11}{}", hanging(text, LABEL));
}

/// An error with its causes, in one line.
#[must_use]
pub fn causes(error: &anyhow::Error) -> String {
    let mut causes: Vec<String> = Vec::new();
    for cause in error.chain().map(ToString::to_string) {
        if !causes.last().is_some_and(|last| last.contains(&cause)) {
            causes.push(cause);
        }
    }
    causes.join(": ")
}

/// Prints an error with its causes.
pub fn error(error: &anyhow::Error) {
    tell!("{ATTENTION}error{ATTENTION:#}: {}", hanging(&causes(error), 7));
}

/// A line under an error that says what to do.
pub fn tip(text: &str) {
    tell!("  {BOLD}tip{BOLD:#}: {}", hanging(text, 7));
}

/// `Tue 24 Nov 2026`.
#[must_use]
pub fn long_day(date: Date) -> String {
    date.strftime("%a %-d %b %Y").to_string()
}

/// `today`, `in 3 days`, `2 days ago`.
#[must_use]
pub fn distance(from: Date, to: Date) -> String {
    match days_between(from, to) {
        0 => "today".to_owned(),
        1 => "tomorrow".to_owned(),
        -1 => "yesterday".to_owned(),
        days if days > 0 => format!("in {days} days"),
        days => format!("{} days ago", -days),
    }
}

/// What the service does at a rule's deadline.
#[must_use]
pub const fn at_deadline(rule: Rule) -> &'static str {
    match rule {
        Rule::Activation | Rule::Inactivity | Rule::Leaver => "deleted",
        Rule::Password => "password expires",
        Rule::Restore => "restore ends",
        Rule::SharedMailbox => "can be deleted",
    }
}

/// What happens at a rule's deadline and how far away that is: `deleted in 4 days`, at most 26 columns.
#[must_use]
pub fn in_short(rule: Rule, today: Date, deadline_on: Date) -> String {
    let when = distance(today, deadline_on);
    let what = match (rule, deadline_on < today) {
        (Rule::Password, true) => "expired",
        (Rule::Restore, true) => "restore ended",
        (_, true) => "was due",
        (Rule::Activation | Rule::Inactivity, _) => "deleted",
        (Rule::Leaver, _) => "leaver: deleted",
        (Rule::Password, _) => "password ends",
        (Rule::Restore, _) => "restore ends",
        (Rule::SharedMailbox, _) => "can be deleted",
    };
    format!("{what} {when}")
}

/// What a rule counts from.
#[must_use]
pub fn anchor_word(rule: Rule, subject: &Subject) -> &'static str {
    match rule {
        Rule::Activation => "created",
        Rule::Inactivity if subject.is_never_used() => "created, and never used",
        Rule::Inactivity => "last used",
        Rule::Leaver => "marked as leaver",
        Rule::Password => "password changed",
        Rule::Restore => "deleted",
        Rule::SharedMailbox if subject.facts.date(Field::LastSentOn).is_none() => "nothing sent since",
        Rule::SharedMailbox => "last sent",
    }
}

/// A path as short as it can be said from here.
#[must_use]
pub fn path(path: &Path) -> String {
    let Ok(real) = path.canonicalize() else { return path.display().to_string() };
    let here = std::env::current_dir().and_then(|here| here.canonicalize()).unwrap_or_default();
    real.strip_prefix(&here).unwrap_or(&real).display().to_string()
}

/// Cuts a text to a width, with an ellipsis.
#[must_use]
pub fn fit(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// A table of messages: deadline, recipient, what, why; 80 columns.
pub fn messages(messages: &[Message], today: Date, most: usize) {
    say!("{BOLD}{:<10} {:<28} {:<12} {}{BOLD:#}", "DEADLINE", "TO", "WHAT", "WHY");
    let mut by_deadline: Vec<_> = messages.iter().collect();
    by_deadline.sort_by_key(|message| (message.notices.first().map(|notice| notice.deadline_on), &message.recipient));
    for message in by_deadline.iter().take(most) {
        let Some(first) = message.notices.first() else { continue };
        let line = format!(
            "{:<10} {:<28} {:<12} {}",
            first.deadline_on.to_string(),
            fit(message.recipient.as_str(), 28),
            kind(message),
            in_short(first.rule, today, first.deadline_on)
        );
        say!("{}", line.trim_end());
    }
    if by_deadline.len() > most {
        say!("{FAINT}… and {} more{FAINT:#}", thousands((by_deadline.len() - most) as u64));
    }
}

fn kind(message: &Message) -> String {
    match (message.kind, message.notices.len()) {
        (MessageKind::Letter, _) => "letter".to_owned(),
        (kind, 1) => kind.as_str().to_owned(),
        (kind, notices) => format!("{}, {notices}", kind.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn numbers_and_distances_read_as_people_say_them() {
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(counted(1, "file"), "1 file");
        assert_eq!(counted(1_200, "row"), "1,200 rows");
        assert_eq!(distance(date(2026, 11, 20), date(2026, 11, 24)), "in 4 days");
        assert_eq!(distance(date(2026, 11, 20), date(2026, 11, 18)), "2 days ago");
        assert_eq!(in_short(Rule::Leaver, date(2026, 11, 20), date(2026, 12, 20)), "leaver: deleted in 30 days");
        assert_eq!(in_short(Rule::Inactivity, date(2026, 11, 20), date(2026, 7, 31)), "was due 112 days ago");
        assert_eq!(
            hanging("a word that is too long", 70),
            "a word\n                                                                      that is\n                                                                      too long"
        );
        assert_eq!(fit("optometry.tp001@nhs.net", 10), "optometry…");
    }
}
