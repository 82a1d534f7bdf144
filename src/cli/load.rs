//! `load`: read exports now, print the load report.

use super::{
    Exit,
    args::{Format, Load},
    json,
    progress::Progress,
    screen::{ATTENTION, BOLD, FAINT, counted, hanging, say, thousands},
};
use crate::{
    domain::snapshot::Source,
    jobs::{
        Site,
        load::{LoadOutcome, LoadReport},
        observe::load_files,
    },
};

/// How many rejected rows are named on screen.
const MOST_REJECTED_SHOWN: usize = 20;

/// Reads the files and prints one report each.
pub async fn load(site: &Site, options: &Load, format: Format) -> anyhow::Result<Exit> {
    let progress = Progress::new();
    let reports = load_files(site, &options.files, &|file, rows| progress.show(file, rows)).await?;
    drop(progress);
    for report in &reports {
        match format {
            Format::Json => json::line(&mut std::io::stdout().lock(), report)?,
            Format::Text => print(report),
        }
    }
    let refused = reports.iter().any(|report| report.outcome == LoadOutcome::Quarantined);
    Ok(if refused { Exit::Quarantined } else { Exit::Done })
}

/// Prints one load report.
pub fn print(report: &LoadReport) {
    let source = report.source.as_deref().and_then(Source::parse);
    match (report.outcome, source, report.as_of) {
        (LoadOutcome::Loaded, Some(source), Some(as_of)) => {
            say!("{BOLD}{}{BOLD:#}: {} of {as_of}", report.file, source.title());
            say!("  {}", counts(report));
        }
        (LoadOutcome::Duplicate, ..) => {
            say!("{BOLD}{}{BOLD:#}: passed over", report.file);
            say!("  {}", hanging(report.reason.as_deref().unwrap_or("it was loaded before"), 2));
        }
        _ => {
            let reason = report.reason.as_deref().unwrap_or("it cannot be read");
            say!("{BOLD}{}{BOLD:#}: {ATTENTION}refused{ATTENTION:#}", report.file);
            say!("  {}", hanging(reason, 2));
        }
    }
    for warning in &report.warnings {
        say!("  {ATTENTION}!{ATTENTION:#} {}", hanging(warning, 4));
    }
    if !report.missing_columns.is_empty() {
        let columns = format!("not in the file: {}", report.missing_columns.join(", "));
        say!("  {FAINT}{}{FAINT:#}", hanging(&columns, 2));
    }
    for row in report.rejected.iter().take(MOST_REJECTED_SHOWN) {
        let why = format!("line {}: {}", row.line, row.reason);
        say!("  {ATTENTION}rejected{ATTENTION:#} {}", hanging(&why, 11));
    }
    let more = report.rejected_count.saturating_sub(MOST_REJECTED_SHOWN as u64);
    if more > 0 {
        say!("  … and {} more (the first 1,000 with --format json)", thousands(more));
    }
}

fn counts(report: &LoadReport) -> String {
    if report.source.as_deref() == Some(Source::SiteContacts.as_str()) {
        return format!("{}, {} rejected", counted(report.rows, "row"), thousands(report.rejected_count));
    }
    format!(
        "{}: {} new, {} changed, {} unchanged, {} rejected",
        counted(report.rows, "row"),
        thousands(report.new),
        thousands(report.changed),
        thousands(report.unchanged),
        thousands(report.rejected_count)
    )
}
