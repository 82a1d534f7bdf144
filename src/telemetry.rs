//! Logs: who hears what, and how an address looks in one.
//!
//! Lines go to standard error, so that standard output is left to answers. A line is a sentence and then fields; times
//! are UTC. Under systemd the journal is given sentence, priority and each field by itself, so that `journalctl` finds
//! them: `run.on` is `LAPSEWATCH_RUN_ON`. Where there is no such journal but somebody who passes lines on to one, each
//! begins with its priority (`<3>`). Addresses are [`masked`] by whoever logs them, and those in somebody
//! else's words by [`masked_in`]; libraries that would show them are
//! kept quiet.

use std::{
    borrow::Cow,
    fmt,
    fs::File,
    io::{self, Write as _},
    os::{fd::AsFd, unix::fs::MetadataExt},
};

use tracing::{Event, Level, Subscriber};
use tracing_journald::{Priority, PriorityMappings};
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::LevelFilter,
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

use crate::{
    clock::{Clock, SystemClock},
    config::{Log, LogFormat},
};

/// Libraries that say too much at any lower level: statements, and conversations with addresses in them.
const PINNED: &str = "sqlx=warn,lettre=info,tokio_cron_scheduler=warn";

/// What the journal calls fields of ours begins so.
const FIELD_PREFIX: &str = "LAPSEWATCH";

/// The levels as the journal knows them.
const PRIORITIES: PriorityMappings = PriorityMappings {
    error: Priority::Error,
    warn: Priority::Warning,
    info: Priority::Informational,
    debug: Priority::Debug,
    trace: Priority::Debug,
};

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `log.filter` cannot be read.
    #[error("log.filter: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// Somebody set logging up before.
    #[error("logging was set up twice: {0}")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Sets logging up for the whole program; `color` is for `text` only.
///
/// # Errors
/// When the filter cannot be read, or logging was set up before.
pub fn init(log: &Log, color: bool) -> Result<(), TelemetryError> {
    let filter = filter(&log.filter)?;
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let is_journal = log.format == LogFormat::Auto && is_journal();
    let layer = match (log.format, if is_journal { journal().ok() } else { None }) {
        (_, Some(journal)) => journal.boxed(),
        (LogFormat::Json, _) => lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed(),
        (LogFormat::Text, _) => lines.with_ansi(color).event_format(Lines { journal: false }).boxed(),
        (format, _) => {
            let journal = is_journal || format == LogFormat::Journal;
            lines.with_ansi(color && !journal).event_format(Lines { journal }).boxed()
        }
    };
    tracing_subscriber::registry().with(filter).with(layer).try_init()?;
    Ok(())
}

/// The journal's own socket, which keeps fields apart.
fn journal() -> io::Result<tracing_journald::Layer> {
    let layer = tracing_journald::layer()?.with_field_prefix(Some(FIELD_PREFIX.to_owned()));
    Ok(layer.with_priority_mappings(PRIORITIES).with_syslog_identifier("lapsewatch".to_owned()))
}

/// Says why the program ends, in one line to standard error: for the journal that is an error. It may have been gone
/// already when the journal asks whose words came through its socket; whose standard error that is, it knows.
pub fn last_words(why: &str) {
    let _ = writeln!(io::stderr(), "<{}>{}", priority(Level::ERROR), why.lines().collect::<Vec<_>>().join(" "));
}

fn filter(words: &str) -> Result<EnvFilter, tracing_subscriber::filter::ParseError> {
    let asked = EnvFilter::try_new(words)?;
    // The pins keep libraries down; they must not raise one above what was asked for.
    let is_quieter = asked.max_level_hint().is_some_and(|level| level < LevelFilter::INFO);
    if is_quieter { Ok(asked) } else { EnvFilter::try_new(format!("{words},{PINNED}")) }
}

/// Whether standard error is the journal.
#[must_use]
pub fn is_journal() -> bool {
    is_stream(std::env::var("JOURNAL_STREAM").ok().as_deref())
}

/// Whether standard error is the stream that the service manager names as `device:inode`.
fn is_stream(stream: Option<&str>) -> bool {
    let here = || {
        let about = File::from(io::stderr().as_fd().try_clone_to_owned().ok()?).metadata().ok()?;
        Some(format!("{}:{}", about.dev(), about.ino()))
    };
    stream.is_some_and(|stream| here().as_deref() == Some(stream))
}

/// One event as one line, or several with the same beginning.
struct Lines {
    journal: bool,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, ctx: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut text = String::new();
        ctx.format_fields(Writer::new(&mut text), event)?;
        let level = *event.metadata().level();
        if self.journal {
            return text.lines().try_for_each(|line| writeln!(out, "<{}>{line}", priority(level)));
        }
        let (on, off) = if out.has_ansi_escapes() { (paint(level), "\x1b[0m") } else { ("", "") };
        let now = SystemClock.now().strftime("%Y-%m-%dT%H:%M:%SZ");
        writeln!(out, "{now} {on}{level:>5}{off} {}", text.trim_end().replace('\n', "\n    "))
    }
}

/// The syslog priority of a level.
const fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}

const fn paint(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\x1b[31m",
        Level::WARN => "\x1b[33m",
        Level::INFO => "\x1b[32m",
        _ => "\x1b[2m",
    }
}

/// An address as logs may show it: the first letter and the domain, `s…@nhs.net`.
#[must_use]
pub fn masked(address: &str) -> String {
    let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    let first: String = local.chars().take(1).collect();
    format!("{first}…@{domain}")
}

/// Words that are somebody else's, with every address in them [`masked`].
#[must_use]
pub fn masked_in(words: &str) -> String {
    let is_around = |c: char| c.is_whitespace() || "<>()[]{},;:=\"“”".contains(c);
    let shown = |piece| if str::contains(piece, '@') { Cow::Owned(masked(piece)) } else { Cow::Borrowed(piece) };
    words.split_inclusive(is_around).map(shown).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Heard(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Heard {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn hear(journal: bool, color: bool, say: impl FnOnce()) -> String {
        let heard = Heard::default();
        let writer = heard.clone();
        let layer = tracing_subscriber::fmt::layer()
            .with_writer(move || writer.clone())
            .with_ansi(color)
            .event_format(Lines { journal });
        let logs = tracing_subscriber::registry().with(filter("debug").unwrap()).with(layer);
        tracing::subscriber::with_default(logs, say);
        let bytes = heard.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_line_is_a_sentence_and_then_its_fields() {
        let line = hear(false, false, || tracing::info!(run.id = 3, "the run ended"));
        let (time, rest) = line.split_once(' ').unwrap();
        assert!(time.len() == 20 && time.ends_with('Z'), "{time}");
        assert_eq!(rest, " INFO the run ended run.id=3\n");
        let colored = hear(false, true, || tracing::error!("stop"));
        assert!(colored.ends_with(" \x1b[31mERROR\x1b[0m stop\n"), "{colored:?}");
    }

    #[test]
    fn every_line_for_the_journal_begins_with_its_priority() {
        let lines = hear(true, false, || {
            tracing::error!("first\nsecond");
            tracing::warn!("careful");
            tracing::info!("fine");
            tracing::debug!("detail");
        });
        assert_eq!(lines, "<3>first\n<3>second\n<4>careful\n<6>fine\n<7>detail\n");
    }

    #[test]
    fn libraries_that_would_show_addresses_stay_quiet() {
        let lines = hear(true, false, || {
            tracing::debug!(target: "lettre::transport", "MAIL FROM");
            tracing::info!(target: "sqlx::query", "SELECT");
            tracing::warn!(target: "sqlx::query", "slow");
        });
        assert_eq!(lines, "<4>slow\n");
    }

    #[test]
    fn auto_is_the_journal_only_when_standard_error_is_it() {
        let about = File::from(io::stderr().as_fd().try_clone_to_owned().unwrap()).metadata().unwrap();
        assert!(is_stream(Some(&format!("{}:{}", about.dev(), about.ino()))));
        assert!(!is_stream(Some("8:1")));
        assert!(!is_stream(None));
    }

    #[test]
    fn a_log_shows_the_first_letter_and_the_domain() {
        assert_eq!(masked("sam.sample1@nhs.net"), "s…@nhs.net");
        assert_eq!(masked(""), "…@");
        let said = "454 4.7.1 <sam.sample1@nhs.net>: Relay access denied (\"o'neil@@nhs.net\", 3 @ 4)";
        let shown = "454 4.7.1 <s…@nhs.net>: Relay access denied (\"o…@nhs.net\", 3 …@ 4)";
        assert_eq!(masked_in(said), shown);
    }
}
