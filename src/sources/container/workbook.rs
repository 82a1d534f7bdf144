//! A workbook: which of its sheets is the export.
//!
//! Of the visible sheets one must have a header that a format recognises. Only the parts that matter are opened, each
//! under the limits of what is unpacked; the sheet itself is read as a stream, every time anew.
//!
//! The usual readers of workbooks hold every part whole and set no limit to one, so this one is built on an XML reader.
use std::{
    collections::HashMap,
    io::{self, Read},
    sync::Arc,
};

use super::{
    super::{cells, error::ReadError, formats, header},
    dates::Epoch,
    error::ContainerError,
    sheet::{Lookup, SheetReader},
    strings::SharedStrings,
    styles::Styles,
    xml::{Node, Xml, broken},
    zip::{Directory, Entry},
};

/// The part that says what a package of parts is.
const CONTENT_TYPES: &str = "[Content_Types].xml";
/// Where the relations of the whole package stand.
const PACKAGE: &str = "_rels/.rels";
/// Parts other than sheets and texts are small: this is a hundred times what is usual.
const MOST_PART: u64 = 16 << 20;
/// How many sheets are looked at.
const MOST_SHEETS: usize = 256;
/// How much of a sheet is looked at for its header.
const HEAD_BYTES: u64 = 64 * 1024;

/// The sheet of a workbook that is read.
#[derive(Debug)]
pub(super) struct Workbook {
    sheet: Sheet,
    parts: Parts,
    /// Other visible sheets with something in them.
    others: Vec<String>,
}

/// What cells refer to. The texts are read anew with every reading: an inbox may hold many workbooks at once.
#[derive(Debug)]
struct Parts {
    strings: Option<(String, Entry)>,
    styles: Arc<Styles>,
    epoch: Epoch,
}

#[derive(Debug, Clone)]
struct Sheet {
    name: String,
    part: String,
    entry: Entry,
    /// How many cells its header has.
    width: usize,
}

/// Whether an archive is a package of Office's parts.
pub(super) fn is_package(directory: &Directory) -> bool {
    directory.names().iter().any(|name| name.eq_ignore_ascii_case(CONTENT_TYPES))
}

impl Workbook {
    /// Finds the sheet to read.
    pub(super) fn open(directory: &mut Directory) -> Result<Self, ReadError> {
        let path = workbook_part(directory)?;
        let relations = Relations::read(directory, &relations_of(&path), folder_of(&path))?;
        let (listed, epoch) = list_sheets(part(directory, &path)?)?;
        let strings = match relations.of_kind("/sharedStrings") {
            Some(path) => Some((path.to_owned(), entry(directory, path)?)),
            None => None,
        };
        let styles = match relations.of_kind("/styles") {
            Some(path) => Styles::read(part(directory, path)?)?,
            None => Styles::default(),
        };
        let mut sheets = Vec::new();
        for (name, id) in listed.into_iter().take(MOST_SHEETS) {
            // What is no worksheet has no cells: a chart, a macro.
            let Some(path) = relations.worksheet(&id) else { continue };
            sheets.push(Sheet { name, part: path.to_owned(), entry: entry(directory, path)?, width: 0 });
        }
        choose(sheets, Parts { strings, styles: Arc::new(styles), epoch })
    }

    /// The sheet as CSV.
    pub(super) fn bytes(&self) -> io::Result<Box<dyn Read + Send>> {
        let lookup = self.parts.load().map_err(io::Error::other)?;
        Ok(Box::new(self.sheet.reader(&lookup)?))
    }

    /// What an operator should know.
    pub(super) fn notes(&self) -> Vec<String> {
        let read =
            format!("read from the sheet {} of a workbook; line numbers are its rows", cells::quote(&self.sheet.name));
        let others = (!self.others.is_empty())
            .then(|| format!("other sheets of the workbook are not read: {}", self.others.join(", ")));
        [Some(read), others].into_iter().flatten().collect()
    }
}

impl Parts {
    fn load(&self) -> Result<Lookup, ReadError> {
        let strings = match &self.strings {
            Some((path, entry)) => SharedStrings::read(Xml::new(entry.bytes()?, path))?,
            None => SharedStrings::default(),
        };
        Ok(Lookup { strings: Arc::new(strings), styles: Arc::clone(&self.styles), epoch: self.epoch })
    }
}

impl Sheet {
    fn reader(&self, lookup: &Lookup) -> io::Result<SheetReader> {
        Ok(SheetReader::new(Xml::new(self.entry.bytes()?, &self.part), lookup.clone(), self.width))
    }

    /// Finds the header: whether a format knows it; `None` when there is nothing in the sheet.
    fn header(&mut self, lookup: &Lookup) -> Result<Option<bool>, ReadError> {
        let mut head = Vec::new();
        self.reader(lookup)?.take(HEAD_BYTES).read_to_end(&mut head)?;
        let head = String::from_utf8_lossy(&head);
        let Some((_, cells)) = header::Preamble::seek(&head) else { return Ok(None) };
        self.width = cells.len();
        let found = header::recognise(&formats::ALL, &header::header_of(&cells), 1);
        Ok(Some(found.is_ok()))
    }
}

/// The one sheet with a header that is known, else the first with anything in it, which is then refused for what it has.
fn choose(sheets: Vec<Sheet>, parts: Parts) -> Result<Workbook, ReadError> {
    let lookup = parts.load()?;
    let (mut known, mut filled) = (Vec::new(), Vec::new());
    for mut sheet in sheets {
        match sheet.header(&lookup)? {
            Some(true) => known.push(sheet),
            Some(false) => filled.push(sheet),
            None => {}
        }
    }
    let names = |sheets: &[Sheet]| sheets.iter().map(|sheet| cells::quote(&sheet.name)).collect::<Vec<_>>();
    if known.len() > 1 {
        return Err(ContainerError::ManySheets { names: names(&known).join(", ") }.into());
    }
    let mut rest = filled.into_iter();
    let sheet = known.pop().or_else(|| rest.next()).ok_or(ContainerError::NoSheet)?;
    let others = names(rest.as_slice());
    Ok(Workbook { sheet, parts, others })
}

/// The visible sheets, each with the id of its part, and from which day the workbook counts.
fn list_sheets(mut xml: Xml) -> Result<(Vec<(String, String)>, Epoch), ReadError> {
    let (mut sheets, mut epoch) = (Vec::new(), Epoch::Of1900);
    loop {
        match xml.next()? {
            Node::Start(element) => match element.name() {
                "workbookPr" if element.is("date1904") => epoch = Epoch::Of1904,
                "sheet" if element.get("state").is_none_or(|state| state == "visible") => {
                    let name = element.get("name").unwrap_or_default().into_owned();
                    // `r:id` is told from `sheetId` by its name, and has no other in the element beside it.
                    sheets.extend(element.get("id").map(|id| (name, id.into_owned())));
                }
                _ => {}
            },
            Node::Eof => return Ok((sheets, epoch)),
            Node::End(_) | Node::Text(_) | Node::Other => {}
        }
    }
}

/// Which part another part means by an id.
struct Relations {
    by_id: HashMap<String, (String, String)>,
}

impl Relations {
    /// Reads the relations in `path` of a part that lies in `folder`; none when there are none.
    fn read(directory: &mut Directory, path: &str, folder: &str) -> Result<Self, ReadError> {
        let mut xml = part(directory, path)?;
        let mut by_id = HashMap::new();
        loop {
            match xml.next()? {
                Node::Start(element) if element.name() == "Relationship" => {
                    let [id, kind, target] = ["Id", "Type", "Target"].map(|name| element.get(name).map(String::from));
                    if let (Some(id), Some(kind), Some(target)) = (id, kind, target) {
                        by_id.insert(id, (kind, resolve(folder, &target)));
                    }
                }
                Node::Eof => return Ok(Self { by_id }),
                Node::Start(_) | Node::End(_) | Node::Text(_) | Node::Other => {}
            }
        }
    }

    fn of_kind(&self, kind: &str) -> Option<&str> {
        let mut all = self.by_id.values();
        all.find(|(other, _)| other.ends_with(kind)).map(|(_, target)| target.as_str())
    }

    fn worksheet(&self, id: &str) -> Option<&str> {
        let (kind, target) = self.by_id.get(id)?;
        kind.ends_with("/worksheet").then_some(target)
    }
}

/// The path of the part that lists the sheets.
fn workbook_part(directory: &mut Directory) -> Result<String, ReadError> {
    let relations = Relations::read(directory, PACKAGE, "")?;
    let path = relations.of_kind("/officeDocument").unwrap_or("xl/workbook.xml").to_owned();
    let kind = |what| ContainerError::Kind { what, instead: "open it and save the sheet as \"CSV UTF-8\" or as .xlsx" };
    match path.rsplit_once('.') {
        Some((_, "bin")) => Err(kind("a binary Excel workbook (.xlsb)").into()),
        _ if !path.starts_with("xl/") => Err(kind("an Office document and no Excel workbook").into()),
        _ => Ok(path),
    }
}

/// A path in the package: from its root, or from the folder of the part that names it.
fn resolve(folder: &str, target: &str) -> String {
    let whole = match target.strip_prefix('/') {
        Some(rooted) => rooted.to_owned(),
        None => format!("{folder}{target}"),
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop(),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// `xl/` of `xl/workbook.xml`.
fn folder_of(path: &str) -> &str {
    path.rfind('/').and_then(|at| path.get(..=at)).unwrap_or_default()
}

/// `xl/_rels/workbook.xml.rels` of `xl/workbook.xml`.
fn relations_of(path: &str) -> String {
    let folder = folder_of(path);
    let name = path.strip_prefix(folder).unwrap_or(path);
    format!("{folder}_rels/{name}.rels")
}

fn entry(directory: &mut Directory, path: &str) -> Result<Entry, ReadError> {
    let missing = || ContainerError::Missing { part: cells::quote(path) };
    Ok(directory.find(path)?.ok_or_else(missing)?)
}

/// A small part.
fn part(directory: &mut Directory, path: &str) -> Result<Xml, ReadError> {
    let entry = entry(directory, path)?;
    if entry.size() > MOST_PART {
        return Err(broken(path, format!("it is larger than {} MiB", MOST_PART >> 20)));
    }
    Ok(Xml::new(entry.bytes()?, path))
}
