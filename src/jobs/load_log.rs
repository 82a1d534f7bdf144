//! What the log says of a file: one line with its counts, and one for everything that somebody should look at.
//!
//! Nothing of a row is told, only on which line it stands: the log is not a place for people's data.

use super::load::{LoadOutcome, LoadReport};
use crate::{domain::words::counted, telemetry::masked_in};

/// Tells of one file that was taken.
pub(super) fn tell(load: &LoadReport) {
    let file = &load.file;
    match load.outcome {
        LoadOutcome::Loaded => {
            tell_counts(load);
            tell_warnings(load);
        }
        LoadOutcome::Duplicate => tracing::info!(file, "{file} was loaded before and changes nothing"),
        LoadOutcome::Quarantined => {
            // It may quote a row.
            let why = masked_in(load.reason.as_deref().unwrap_or_default());
            tracing::error!(file, "{file} was refused and put into quarantine: {why}");
        }
    }
}

fn tell_counts(load: &LoadReport) {
    let (file, rows) = (&load.file, load.rows);
    let off: Vec<_> = load.rules_off.iter().filter(|off| off.is_off()).map(|off| off.rule.as_str()).collect();
    tracing::info!(
        file,
        load.source = load.source.as_deref(),
        load.as_of = load.as_of.map(tracing::field::display),
        load.rows = rows,
        load.new = load.new,
        load.changed = load.changed,
        load.unchanged = load.unchanged,
        load.vanished = load.vanished,
        load.rejected = load.rejected_count,
        load.passed_over = load.passed_over,
        load.feeds = load.rules_fed.join(" "),
        load.off = off.join(" "),
        load.missing = load.missing_columns.len(),
        load.ignored = load.ignored_columns.len(),
        load.dates = load.date_order.as_deref(),
        load.encoding = load.encoding.as_deref(),
        "{file} was loaded: {}",
        counted(rows, "row")
    );
}

fn tell_warnings(load: &LoadReport) {
    let file = &load.file;
    for warning in &load.warnings {
        tracing::warn!(file, "{file}: {warning}");
    }
    for unread in &load.unread {
        tracing::warn!(file, "{file}: {}", unread.without_texts());
    }
    if let Some(first) = load.rejected.first() {
        let (rejected, line) = (load.rejected_count, first.line);
        tracing::warn!(
            file,
            load.rejected = rejected,
            "{file}: {} rejected, the first on line {line}",
            counted(rejected, "row")
        );
    }
}
