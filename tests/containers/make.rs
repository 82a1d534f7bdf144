//! Makes archives and workbooks, and reads exports through the public door.
use std::{
    fs,
    io::{Cursor, Write},
    ops::ControlFlow,
    path::Path,
};

use flate2::{Compression, write::GzEncoder};
use jiff::{civil::date, tz::TimeZone};
use lapsewatch::{
    domain::snapshot::Record,
    sources::{self, Export, ReadError, ReadSettings, Rejected},
};
use zip::{ZipWriter, write::SimpleFileOptions};

/// What came out of a file.
#[derive(Debug)]
pub struct Read {
    pub export: Export,
    pub records: Vec<Record>,
    pub rejected: Vec<Rejected>,
}

impl Read {
    pub fn warnings(&self) -> String {
        self.export.summary().warnings.join("\n")
    }
}

pub fn open(path: &Path) -> Result<Read, ReadError> {
    let time_zone = TimeZone::get("Europe/London").unwrap();
    let export = sources::open(path, &ReadSettings { time_zone: &time_zone, day_first: true })?;
    let mut census = export.census(date(2026, 11, 20));
    let (mut records, mut rejected) = (Vec::new(), Vec::new());
    export.each(&mut census, &mut |row| {
        match row.read() {
            Ok(record) => records.push(record),
            Err(fault) => rejected.push(fault),
        }
        ControlFlow::Continue(())
    })?;
    Ok(Read { export, records, rejected })
}

pub fn fixture(name: &str) -> Read {
    open(&Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/exports")).join(name)).unwrap()
}

pub fn read(name: &str, bytes: &[u8]) -> Result<Read, ReadError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    open(&path)
}

/// The words in which it is refused.
#[track_caller]
pub fn refused(bytes: &[u8]) -> String {
    read("export.csv", bytes).map(|_| ()).expect_err("it should be refused").to_string()
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

/// A zip archive of files, and of folders where a name ends in `/`.
pub fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::DEFLATE);
    for (name, bytes) in files {
        if let Some(folder) = name.strip_suffix('/') {
            archive.add_directory(folder, options).unwrap();
        } else {
            archive.start_file(*name, options).unwrap();
            archive.write_all(bytes).unwrap();
        }
    }
    archive.finish().unwrap().into_inner()
}

/// A workbook, part by part.
pub struct Book {
    /// Name, state and rows of each sheet.
    sheets: Vec<(String, String, String)>,
    pub strings: String,
    pub styles: String,
    pub properties: String,
    pub prologue: String,
    /// Parts that replace or, without text, remove those that are made.
    pub changed: Vec<(String, Option<String>)>,
}

impl Book {
    /// With one sheet of these rows.
    pub fn of(rows: &str) -> Self {
        Self::new().sheet("Export", "visible", rows)
    }

    pub fn new() -> Self {
        // Of the looks, 1 is a date by a code of its own and 2 one that every program knows.
        let styles = "<numFmts><numFmt numFmtId=\"164\" formatCode=\"dd/mm/yyyy\\ hh:mm\"/></numFmts><cellStyleXfs>\
                      <xf numFmtId=\"14\"/></cellStyleXfs><cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"164\"/>\
                      <xf numFmtId=\"14\"/><xf numFmtId=\"2\"/></cellXfs>";
        let (strings, styles, properties, prologue) = (String::new(), styles.to_owned(), String::new(), String::new());
        Self { sheets: Vec::new(), strings, styles, properties, prologue, changed: Vec::new() }
    }

    pub fn sheet(mut self, name: &str, state: &str, rows: &str) -> Self {
        self.sheets.push((name.to_owned(), state.to_owned(), rows.to_owned()));
        self
    }

    pub fn with(mut self, part: &str, text: Option<&str>) -> Self {
        self.changed.push((part.to_owned(), text.map(str::to_owned)));
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        let relation = |id: &str, kind: &str, target: &str| {
            format!("<Relationship Id=\"{id}\" Type=\"http://schemas.example/{kind}\" Target=\"{target}\"/>")
        };
        let relations = |all: String| format!("<Relationships>{all}</Relationships>");
        let (mut listed, mut related, mut parts) = (String::new(), String::new(), Vec::new());
        for (number, (name, state, rows)) in (1..).zip(&self.sheets) {
            let ids = format!("sheetId=\"{number}\" r:id=\"rId{number}\"");
            listed.push_str(&["<sheet name=\"", name, "\" state=\"", state, "\" ", &ids, "/>"].concat());
            related += &relation(&format!("rId{number}"), "worksheet", &format!("worksheets/sheet{number}.xml"));
            let sheet = format!("{}<worksheet><sheetData>{rows}</sheetData></worksheet>", self.prologue);
            parts.push((format!("xl/worksheets/sheet{number}.xml"), sheet));
        }
        related += &relation("rIdA", "sharedStrings", "/xl/sharedStrings.xml");
        related += &relation("rIdB", "styles", "../xl/styles.xml");
        let workbook = format!("<workbook>{}<sheets>{listed}</sheets></workbook>", self.properties);
        let all = [
            ("[Content_Types].xml", "<Types/>".to_owned()),
            ("_rels/.rels", relations(relation("rId1", "officeDocument", "xl/workbook.xml"))),
            ("xl/workbook.xml", workbook),
            ("xl/_rels/workbook.xml.rels", relations(related)),
            ("xl/sharedStrings.xml", format!("<sst>{}</sst>", self.strings)),
            ("xl/styles.xml", format!("<styleSheet>{}</styleSheet>", self.styles)),
        ];
        parts.splice(0..0, all.map(|(name, text)| (name.to_owned(), text)));
        for (name, text) in &self.changed {
            parts.retain(|(other, _)| other != name);
            parts.extend(text.clone().map(|text| (name.clone(), text)));
        }
        let files: Vec<_> = parts.iter().map(|(name, text)| (name.as_str(), text.as_bytes())).collect();
        zip(&files)
    }
}

/// A cell with its text in it.
pub fn inline(name: &str, text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    format!("<c r=\"{name}\" t=\"inlineStr\"><is><t xml:space=\"preserve\">{text}</t></is></c>")
}

/// A row of cells with their texts in them, from column A on.
pub fn row(number: u32, texts: &[&str]) -> String {
    let cell = |(at, text): (u8, &&str)| inline(&format!("{}{number}", char::from(b'A' + at)), text);
    format!("<row r=\"{number}\">{}</row>", (0..).zip(texts).map(cell).collect::<String>())
}
