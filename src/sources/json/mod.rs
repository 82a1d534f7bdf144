//! Both passes over a JSON file: objects in, rows of a table out.
//!
//! An object is laid out as the row of a table and read by the same formats: Graph's users are one, the JSON of the
//! usage reports and what PowerShell's `ConvertTo-Json` makes of anything come with it. One object is held at a time.
mod names;
mod object;
mod pages;
mod piece;
mod split;
mod text;

use std::{collections::BTreeSet, io::Read, ops::ControlFlow};

use self::{
    names::Names,
    object::{Property, Unread},
    pages::Pages,
    piece::Piece,
    split::Splitter,
};
use super::{
    Body, Census, DateColumn, Export, Raw, ReadSettings, Summary, as_of,
    dates::Reading,
    decode::{self, Encoding},
    error::{ReadError, Rejected},
    formats::{
        self, Format, Row,
        graph::{self, Deletions},
    },
    header,
    input::Input,
    rows::{Look, Pass, changed},
    scan::DateScan,
    summary::Notes,
    table::{Cells, RECORD_CAP},
};
use crate::domain::snapshot::Source;

/// How many objects are looked at for what they are. A property that has no value is left out by some programs.
const FIRST: usize = 100;

/// Keys of GOV.UK's bank holidays, one of which each of its lists has.
const DIVISIONS: [&str; 3] = ["englandandwales", "scotland", "northernireland"];

/// Columns by which a table is known, and what its JSON has instead: the app users' report has a list.
const INSTEAD: [(&str, &str); 1] = [("outlookwindows", "details")];

/// A JSON file that was recognised.
#[derive(Debug)]
pub(super) struct Objects {
    encoding: Encoding,
    names: Names,
}

/// The first pass.
pub(super) fn open(
    text: impl Read,
    input: Input,
    encoding: Encoding,
    settings: &ReadSettings,
) -> Result<Export, ReadError> {
    let mut splitter = Splitter::new(text);
    let mut piece = Piece::new();
    let mut first = First::read(&mut splitter, &mut piece)?;
    let mut scan = Scan::new(first.recognise()?, settings);
    first.objects.iter().for_each(|(line, object)| scan.take(*line, object.as_deref()));
    while splitter.read(&mut piece)? {
        match object::parse(&piece) {
            Ok(properties) => scan.take(piece.spot.line, Some(&properties)),
            Err(unread) => unread.into_row().map(|_| scan.take(piece.spot.line, None))?,
        }
    }
    scan.finish(input, encoding, splitter.pages())
}

/// The first objects of a file.
#[derive(Default)]
struct First {
    /// Line and properties; `None` of one that cannot be read.
    objects: Vec<(u32, Option<Vec<Property>>)>,
    /// Why the first one of these cannot be read, where the text is at fault.
    broken: Option<ReadError>,
    /// Why the first one of these cannot be read that is an object all the same.
    lost: Option<Rejected>,
}

impl First {
    fn read(splitter: &mut Splitter<impl Read>, piece: &mut Piece) -> Result<Self, ReadError> {
        let (mut first, mut size) = (Self::default(), 0);
        while first.objects.len() < FIRST && size < RECORD_CAP && splitter.read(piece)? {
            let object = match object::parse(piece) {
                Ok(properties) => {
                    size += piece.text.len();
                    Some(properties)
                }
                Err(Unread::Row(rejected)) => {
                    let is_object = piece.text.first() == Some(&b'{');
                    first.lost = first.lost.take().or(is_object.then_some(rejected));
                    None
                }
                Err(Unread::Broken(_, error)) => {
                    first.broken.get_or_insert(error);
                    None
                }
                Err(Unread::Torn(error)) => return Err(error),
            };
            first.objects.push((piece.spot.line, object));
        }
        Ok(first)
    }

    /// What the objects are. Users, when there is none: an empty list has no names.
    fn recognise(&mut self) -> Result<&'static Format, ReadError> {
        let Some((line, _)) = self.objects.first() else { return Ok(&graph::USERS) };
        let properties: Vec<_> = self.objects.iter().filter_map(|(_, object)| object.as_ref()).flatten().collect();
        if properties.is_empty() {
            let lost = || {
                Some(ReadError::NoRows {
                    rows: self.objects.len() as u64,
                    first: Some(self.lost.as_ref()?.to_string()),
                })
            };
            return Err(self.broken.take().or_else(lost).unwrap_or(ReadError::NoObjects { line: *line }));
        }
        let keys: BTreeSet<_> = properties.iter().map(|property| property.key()).collect();
        let is_instead = |key: &str| INSTEAD.iter().any(|(column, own)| *column == key && keys.contains(*own));
        let has = |key: &str| keys.contains(key) || is_instead(key);
        if keys.len() == 1 && has("error") {
            return Err(ReadError::GraphError { line: *line });
        }
        if DIVISIONS.iter().any(|key| has(key)) {
            return Err(ReadError::BankHolidays { holds: String::new() });
        }
        let tables = formats::ALL.into_iter().filter(|format| format.source != Source::EntraUsers);
        let mut known = tables.chain([&graph::USERS, &graph::DELETED]);
        known.find(|format| (format.recognises)(&has)).ok_or_else(|| {
            let names: BTreeSet<_> = properties.iter().map(|property| property.name.as_str()).collect();
            header::unknown(&names.into_iter().map(str::to_owned).collect::<Vec<_>>())
        })
    }
}

/// What the objects show.
struct Scan {
    names: Names,
    notes: Notes,
    dates: DateScan,
    cells: Cells,
    deletions: Deletions,
}

impl Scan {
    fn new(format: &'static Format, settings: &ReadSettings) -> Self {
        Self {
            names: Names::new(format),
            notes: Notes::default(),
            dates: DateScan::new(settings),
            cells: Cells::default(),
            deletions: Deletions::default(),
        }
    }

    /// Takes one object into account, or one that cannot be read.
    fn take(&mut self, line: u32, object: Option<&[Property]>) {
        self.notes.rows += 1;
        let Some(properties) = object else { return };
        self.names.learn(properties);
        if self.names.fill(&mut self.cells, line, properties, self.dates.any_reading()).is_err() {
            return;
        }
        let Names { format, layout, .. } = &self.names;
        let is_kept = Look::new(format, layout).at(&self.cells, &mut self.notes, &mut self.dates);
        if is_kept && is_graph(format) {
            self.deletions.see(&Row { cells: &self.cells, layout, dates: self.dates.any_reading() });
        }
    }

    /// The format that all of the file has turned out to be, and what there is to say about it.
    fn settled(&self, pages: Pages, name: &str) -> (&'static Format, Option<String>) {
        if !is_graph(self.names.format) {
            return (self.names.format, None);
        }
        let was_asked = self.names.layout.find("deleteddatetime").is_some();
        let (are_deleted, word) = self.deletions.decide(pages.are_deleted(), was_asked, name);
        (if are_deleted { &graph::DELETED } else { &graph::USERS }, word)
    }

    fn finish(mut self, input: Input, encoding: Encoding, pages: Pages) -> Result<Export, ReadError> {
        self.notes.is_partial = pages.is_partial();
        let (format, word) = self.settled(pages, &input.name());
        self.names.settle(format);
        let found = self.dates.finish()?;
        self.notes.is_of_days = found.own_differs;
        let Names { format, layout, ignored, .. } = &self.names;
        let mut warnings = self.notes.warnings(encoding, found.order);
        warnings.extend(word);
        Ok(Export {
            source: format.source,
            as_of: as_of(found.own, &input, found.newest),
            sha256: String::new(),
            summary: Summary {
                encoding,
                delimiter: None,
                date_order: found.order,
                rows: self.notes.rows,
                skipped: self.notes.skipped,
                ignored_columns: ignored.clone(),
                missing_columns: if self.notes.rows == 0 { Vec::new() } else { layout.missing(format) },
                unread: self.notes.unread,
                warnings,
            },
            dates: found.reading,
            date_columns: layout.dated().map(|(of, _, name)| DateColumn::new(name, of.is_anchor)).collect(),
            input,
            body: Body::Json(Objects { encoding, names: self.names }),
        })
    }
}

fn is_graph(format: &Format) -> bool {
    matches!(format.source, Source::GraphUsers | Source::GraphDeleted)
}

impl Objects {
    /// The second pass.
    pub(super) fn each(
        &self,
        input: &Input,
        dates: &Reading,
        census: &mut Census,
        take: &mut dyn FnMut(Raw<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let mut splitter = Splitter::new(decode::text(input.bytes()?, self.encoding)?);
        let mut pass = Pass::new(self.names.format, &self.names.layout, dates, census);
        let (mut piece, mut cells) = (Piece::new(), Cells::default());
        while splitter.read(&mut piece).map_err(|error| changed(error, splitter.spot().line))? {
            let line = piece.spot.line;
            let row = match object::parse(&piece) {
                Ok(properties) => self.names.fill(&mut cells, line, &properties, dates),
                Err(unread) => Err(unread.into_row().map_err(|_| ReadError::Changed { line })?),
            };
            let next = match row {
                Ok(()) => pass.row(&cells, take),
                Err(lost) => pass.lost(&lost, take),
            };
            if next.is_break() {
                break;
            }
        }
        Ok(())
    }
}
