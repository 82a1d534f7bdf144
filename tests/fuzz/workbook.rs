//! A small workbook with one part of it replaced: bytes that change by chance would not get past its checksums.
use std::io::{Cursor, Write};

use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// Its parts, each with what stands in it when it is not replaced.
const PARTS: [(&str, &str); 5] = [
    (
        "xl/worksheets/sheet1.xml",
        r#"<worksheet><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c><c r="C1" t="s"><v>2</v></c></row>
<row r="2"><c r="A2" t="inlineStr"><is><t>ada@nhs.net</t></is></c><c r="B2" t="s"><v>3</v></c><c r="C2" s="1"><v>46345</v></c></row>
</sheetData></worksheet>"#,
    ),
    (
        "xl/sharedStrings.xml",
        "<sst><si><t>address</t></si><si><r><t>ki</t></r><r><t>nd</t></r></si><si><t>last_activity_at</t></si><si><t>user</t></si></sst>",
    ),
    (
        "xl/styles.xml",
        r#"<styleSheet><numFmts><numFmt numFmtId="164" formatCode="dd/mm/yyyy"/></numFmts><cellXfs><xf numFmtId="0"/><xf numFmtId="164"/></cellXfs></styleSheet>"#,
    ),
    (
        "xl/workbook.xml",
        r#"<workbook xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="Export" sheetId="1" r:id="rId1"/></sheets></workbook>"#,
    ),
    (
        "xl/_rels/workbook.xml.rels",
        r#"<Relationships><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/><Relationship Id="rId3" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings" Target="sharedStrings.xml"/></Relationships>"#,
    ),
];
/// What every workbook has.
const FRAME: [(&str, &str); 2] = [
    (
        "[Content_Types].xml",
        r#"<Types><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>"#,
    ),
    (
        "_rels/.rels",
        r#"<Relationships><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#,
    ),
];

/// The workbook in which the part that the first byte names is the rest of the bytes; whole without bytes.
pub fn with(bytes: &[u8]) -> Vec<u8> {
    let replaced = bytes.split_first().map(|(which, part)| (usize::from(*which) % PARTS.len(), part));
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut add = |name: &str, part: &[u8]| {
        archive.start_file(name, stored).expect("begun");
        archive.write_all(part).expect("written");
    };
    for (name, part) in FRAME {
        add(name, part.as_bytes());
    }
    for (at, (name, part)) in PARTS.iter().enumerate() {
        add(name, replaced.filter(|(which, _)| *which == at).map_or(part.as_bytes(), |(_, part)| part));
    }
    archive.finish().expect("finished").into_inner()
}
