//! Both passes over a JSON file.
use std::{collections::BTreeSet, io::Read, ops::ControlFlow};

use super::{
    Body, Census, DateColumn, Export, Raw, ReadSettings, Summary, as_of,
    dates::{Reading, Wall},
    decode::Encoding,
    error::ReadError,
    graph::{self, Pages, User},
    header,
    input::Input,
    raw,
    scan::DateScan,
    summary::Notes,
};
use crate::domain::snapshot::Source;

/// The first pass.
pub(super) fn open(
    text: impl Read,
    input: Input,
    encoding: Encoding,
    settings: &ReadSettings,
) -> Result<Export, ReadError> {
    let pages = Pages::new(read(text)?)?;
    let mut seen = Seen::new(settings);
    pages.spots().iter().for_each(|spot| seen.take(pages.user(spot).ok()));
    seen.notes.is_partial = pages.is_partial;
    if seen.users == 0 && !pages.spots().is_empty() {
        return Err(header::unknown(&seen.names.into_iter().collect::<Vec<_>>()));
    }
    let found = seen.scan.finish()?;
    let keys = seen.names.iter().map(|name| header::normalise(name)).collect();
    let counted = graph::COUNTED.into_iter().filter(|(key, ..)| BTreeSet::contains(&keys, *key));
    let date_columns = counted.map(|(_, name, is_anchor)| DateColumn::new(name, is_anchor)).collect();
    let is_known = !pages.spots().is_empty();
    Ok(Export {
        source: Source::GraphUsers,
        as_of: as_of(found.own, &input, found.newest),
        sha256: String::new(),
        summary: Summary {
            encoding,
            delimiter: None,
            date_order: found.order,
            rows: seen.notes.rows,
            skipped: seen.notes.skipped,
            ignored_columns: seen.names.into_iter().filter(|name| !User::reads(name)).collect(),
            missing_columns: if is_known { graph::missing(&keys) } else { Vec::new() },
            warnings: seen.notes.warnings(encoding, found.order),
        },
        dates: found.reading,
        date_columns,
        input,
        body: Body::Json(pages),
    })
}

/// The second pass.
pub(super) fn each(
    pages: &Pages,
    dates: &Reading,
    census: &mut Census,
    take: &mut dyn FnMut(Raw<'_>) -> ControlFlow<()>,
) {
    let seed = raw::seed(Source::GraphUsers, dates, std::iter::empty());
    for spot in pages.spots() {
        let print = raw::print_of_text(pages.text_at(spot), seed);
        let flow = match pages.user(spot) {
            Ok(user) if user.is_guest() => continue,
            Ok(user) => {
                user.count_dates(dates, census);
                take(Raw::new(user.line(), user.key(), print, &|| user.read(dates)))
            }
            Err(rejected) => take(Raw::new(rejected.line, None, print, &|| Err(rejected.clone()))),
        };
        if flow.is_break() {
            break;
        }
    }
}

fn read(mut text: impl Read) -> Result<String, ReadError> {
    let mut bytes = Vec::new();
    text.read_to_end(&mut bytes)?;
    // Behind a byte-order mark there may be anything.
    let text = String::from_utf8(bytes).unwrap_or_else(|bad| String::from_utf8_lossy(bad.as_bytes()).into_owned());
    match text.split_once('\0') {
        Some((before, _)) => {
            let lines = before.matches('\n').count();
            Err(ReadError::Nul { line: u32::try_from(lines).unwrap_or(u32::MAX).saturating_add(1) })
        }
        None => Ok(text),
    }
}

/// What the objects have shown.
struct Seen {
    notes: Notes,
    scan: DateScan,
    names: BTreeSet<String>,
    users: usize,
}

impl Seen {
    fn new(settings: &ReadSettings) -> Self {
        Self { notes: Notes::default(), scan: DateScan::new(settings), names: BTreeSet::new(), users: 0 }
    }

    /// Takes one object into account; `None` when it cannot be read.
    fn take(&mut self, user: Option<User>) {
        self.notes.rows += 1;
        let Some(user) = user else { return };
        self.users += usize::from(user.is_user());
        for name in user.names() {
            if !self.names.contains(name) {
                self.names.insert(name.to_owned());
            }
        }
        if user.is_guest() {
            self.notes.skipped += 1;
            return;
        }
        self.notes.bad_names += usize::from(user.has_bad_name());
        user.dates().iter().for_each(|date| self.scan.see_stamp(date, user.line(), Wall::Utc));
    }
}
