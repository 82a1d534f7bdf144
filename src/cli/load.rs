//! `load`: read exports now, print the load report.

use super::{
    Exit,
    args::{Format, Load},
    json,
    progress::Progress,
    screen::{ATTENTION, BOLD, LABEL, counted, hanging, labelled, say, thousands},
};
use crate::{
    domain::{feeds, snapshot::Source},
    jobs::{
        Site,
        load::{Blanks, LoadOutcome, LoadReport, RuleOff},
        observe::load_files,
    },
};

/// How many rejected rows are named on screen.
const MOST_REJECTED_SHOWN: usize = 20;
/// How many ignored columns are named on screen.
const MOST_COLUMNS_SHOWN: usize = 8;
/// A share of blanks that moves so far is worth a word, whatever the column.
const NOTABLE: f64 = 0.01;

/// Reads the files and prints one report each.
pub async fn load(site: &Site, options: &Load, format: Format) -> anyhow::Result<Exit> {
    let progress = Progress::new();
    let reports = load_files(site, &options.files, &|file, rows| progress.show(file, rows)).await?;
    drop(progress);
    for report in &reports {
        match format {
            Format::Json => json::line(&mut std::io::stdout().lock(), report)?,
            Format::Text => print(report, Detail::Whole),
        }
    }
    let refused = reports.iter().any(|report| report.outcome == LoadOutcome::Quarantined);
    Ok(if refused { Exit::Quarantined } else { Exit::Done })
}

/// How much is said of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// What it changed, and what somebody should look at.
    Brief,
    /// How it was read and what it is good for, too.
    Whole,
}

/// Prints one load report.
pub fn print(report: &LoadReport, detail: Detail) {
    match (report.outcome, report.known_source(), report.as_of) {
        (LoadOutcome::Loaded, Some(source), Some(as_of)) => {
            say!("{BOLD}{}{BOLD:#}: {} of {as_of}", report.file, source.title());
            say!("  {}", hanging(&counts(report), 2));
            if detail == Detail::Whole {
                print_reading(report);
                print_feeds(report, source);
            }
            print_lacks(report, detail);
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
    print_rejected(report);
    for unread in &report.unread {
        say!("  {ATTENTION}unread{ATTENTION:#}     {}", hanging(&unread.to_string(), LABEL));
    }
    for warning in &report.warnings {
        say!("  {ATTENTION}!{ATTENTION:#} {}", hanging(warning, 4));
    }
}

fn print_reading(report: &LoadReport) {
    let encoding = report.encoding.clone();
    let delimiter = report.delimiter.map(|delimiter| match delimiter {
        ',' => "commas".to_owned(),
        ';' => "semicolons".to_owned(),
        '\t' => "tabs".to_owned(),
        other => format!("cells divided by {other}"),
    });
    let dates = report.date_order.as_deref().filter(|_| !report.dates.is_empty());
    let dates = dates.map(|order| if order == "iso" { "ISO dates".to_owned() } else { format!("dates {order}") });
    let read: Vec<_> = [encoding, delimiter, dates].into_iter().flatten().collect();
    if !read.is_empty() {
        labelled("read as", &read.join(", "));
    }
}

fn print_feeds(report: &LoadReport, source: Source) {
    match report.rules_fed.as_slice() {
        [] if report.rules_off.is_empty() => labelled("feeds", &format!("no rule: {}", feeds::instead(source))),
        [] => (),
        fed => labelled("feeds", &fed.join(", ")),
    }
}

/// What the file has not, and what follows.
fn print_lacks(report: &LoadReport, detail: Detail) {
    report.rules_off.iter().filter(|off| off.is_off() || detail == Detail::Whole).for_each(print_off);
    if !report.missing_columns.is_empty() {
        labelled("missing", &report.missing_columns.join(", "));
    }
    if detail == Detail::Whole {
        if !report.ignored_columns.is_empty() {
            labelled("ignored", &listed(&report.ignored_columns));
        }
        print_blanks(report);
    }
}

/// `off        password: lastPasswordChangeDateTime is not in the file`.
pub fn print_off(off: &RuleOff) {
    labelled(&off.state, &format!("{}: {}", off.rule, off.why));
}

/// The first names of a long list, and how many more there are.
fn listed(names: &[String]) -> String {
    let shown: Vec<_> = names.iter().take(MOST_COLUMNS_SHOWN).map(String::as_str).collect();
    match names.len().saturating_sub(MOST_COLUMNS_SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// The columns that rules count from, and those of which much more or much less is blank than before.
fn print_blanks(report: &LoadReport) {
    let has_moved = |blanks: &Blanks| blanks.before.is_some_and(|before| (blanks.share - before).abs() >= NOTABLE);
    let is_anchor = |blanks: &Blanks| report.dates.iter().any(|dates| dates.is_anchor && dates.name == blanks.column);
    let shown = report.blanks.iter().filter(|blanks| is_anchor(blanks) || has_moved(blanks));
    let words = |blanks: &Blanks| {
        let before = blanks.before.map_or_else(String::new, |before| format!(" (was {})", percent(before)));
        format!("{} {}{before}", blanks.column, percent(blanks.share))
    };
    let shown: Vec<_> = shown.map(words).collect();
    if !shown.is_empty() {
        labelled("blank", &shown.join(", "));
    }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn print_rejected(report: &LoadReport) {
    for row in report.rejected.iter().take(MOST_REJECTED_SHOWN) {
        let why = format!("line {}: {}", row.line, row.reason);
        say!("  {ATTENTION}rejected{ATTENTION:#}   {}", hanging(&why, LABEL));
    }
    let more = report.rejected_count.saturating_sub(MOST_REJECTED_SHOWN as u64);
    if more > 0 {
        say!("  … and {} more (the first 1,000 with --format json)", thousands(more));
    }
}

/// `409 rows: 4 new, 31 changed, 370 unchanged, 1 vanished, 2 rejected, 2 passed over`.
fn counts(report: &LoadReport) -> String {
    let passed_over = match report.passed_over {
        0 => String::new(),
        rows => format!(", {} passed over", thousands(rows)),
    };
    if report.known_source() == Some(Source::SiteContacts) {
        let rejected = thousands(report.rejected_count);
        return format!("{}, {rejected} rejected{passed_over}", counted(report.rows, "row"));
    }
    format!(
        "{}: {} new, {} changed, {} unchanged, {} vanished, {} rejected{passed_over}",
        counted(report.rows, "row"),
        thousands(report.new),
        thousands(report.changed),
        thousands(report.unchanged),
        thousands(report.vanished),
        thousands(report.rejected_count)
    )
}
