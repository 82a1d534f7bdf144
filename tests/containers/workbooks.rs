//! `.xlsx`: every sheet reads like the CSV that a person would save of it.
use proptest::prelude::*;

use super::{
    make::{Book, Read, fixture, inline, read, refused, row},
    program::CONTACTS,
};

/// The contacts as a workbook.
pub fn plain() -> Book {
    Book::of(&rows_of(CONTACTS))
}

fn rows_of(csv: &str) -> String {
    (1..).zip(csv.lines()).map(|(number, line)| row(number, &line.split(',').collect::<Vec<_>>())).collect()
}

#[track_caller]
fn book(book: &Book) -> Read {
    read("export.xlsx", &book.bytes()).unwrap()
}

/// A canonical export of one account with these cells in row 2, from column C on.
fn canonical(cells: &str) -> Book {
    let header = [
        "id",
        "address",
        "as_of",
        "created_at",
        "last_activity_at",
        "enabled",
        "removal_in_days",
        "display_name",
        "kind",
    ];
    let (id, address) = (inline("A2", "a-1"), inline("B2", "ada.example@nhs.net"));
    let kind = inline("I2", "user");
    Book::of(&format!("{}<row r=\"2\">{id}{address}{cells}{kind}</row>", row(1, &header)))
}

/// The same as CSV.
fn as_csv(cells: &str) -> Read {
    let header = "id,address,as_of,created_at,last_activity_at,enabled,removal_in_days,display_name,kind";
    read("export.csv", format!("{header}\na-1,ada.example@nhs.net,{cells},user\n").as_bytes()).unwrap()
}

#[test]
fn workbooks_that_other_programs_wrote_are_read() {
    let mailbox = fixture("2026-11-20 Mailbox Report openpyxl.xlsx");
    assert_eq!(mailbox.records.len(), 3, "{:?}", mailbox.rejected);
    let warnings = mailbox.warnings();
    assert!(warnings.contains("read from the sheet \"Mailbox Report\" of a workbook"), "{warnings}");
    assert!(warnings.contains("other sheets of the workbook are not read: \"Read me\""), "{warnings}");
    assert!(!warnings.contains("Lookup"), "nobody sees that one: {warnings}");
    let shown = format!("{:?}", mailbox.records);
    assert!(shown.contains("2026-10-23") && shown.contains("2026-11-19"), "{shown}");
    let written = fixture("canonical xlsxwriter.xlsx");
    assert_eq!(written.records.len(), 2, "{:?}", written.rejected);
    assert!(format!("{:?}", written.records).contains("2024-02-03"), "{:?}", written.records);
}

#[test]
fn what_libreoffice_saves_of_a_csv_file_reads_like_the_csv_file() {
    let (saved, csv) = (fixture("canonical libreoffice.xlsx"), fixture("canonical.csv"));
    assert_eq!(saved.records, csv.records);
    assert_eq!(saved.rejected, csv.rejected, "the lines are the rows of the sheet");
    assert_eq!(saved.export.as_of(), csv.export.as_of());
}

#[test]
fn dates_numbers_booleans_formulas_and_errors_read_as_a_person_sees_them() {
    let cells = "<c r=\"C2\" s=\"2\"><v>46346</v></c><c r=\"D2\" s=\"1\"><v>45325.383333333331</v></c>\
                 <c r=\"E2\" s=\"1\"><f>NOW()</f><v>46345.999988425923</v></c><c r=\"F2\" t=\"b\"><v>1</v></c>\
                 <c r=\"G2\" s=\"3\"><v>3.0E1</v></c><c r=\"H2\" t=\"e\"><v>#N/A</v></c>";
    let seen = as_csv("2026-11-20,2024-02-03T09:12:00,2026-11-19T23:59:59,TRUE,30,");
    assert_eq!(book(&canonical(cells)).records, seen.records);
    let of_1904 = cells.replace("46346", "44884").replace("45325.38", "43863.38").replace("46345.99", "44883.99");
    let mut old = canonical(&of_1904);
    old.properties = "<workbookPr date1904=\"true\"/>".to_owned();
    assert_eq!(book(&old).records, seen.records);
    let text = "<c r=\"C2\" t=\"d\"><v>2026-11-20</v></c><c r=\"D2\" t=\"str\"><f>A1</f><v>2024-02-03T09:12:00</v></c>\
                <c r=\"E2\" t=\"d\"><v>2026-11-19T23:59:59</v></c><c r=\"F2\" t=\"b\"><v>1</v></c><c r=\"G2\"><v>30</v></c>";
    assert_eq!(book(&canonical(text)).records, seen.records, "and in the strict edition");
}

#[test]
fn shared_texts_lose_their_looks_and_how_they_are_pronounced_and_keep_to_one_line() {
    let mut named = canonical("<c r=\"C2\" s=\"2\"><v>46346</v></c><c r=\"H2\" t=\"s\"><v>1</v></c>");
    named.strings =
        "<si><t>no</t></si><si><r><rPr><b/></rPr><t>EXAMPLE,</t></r><r><t xml:space=\"preserve\">\n</t></r>\
                     <r><t><![CDATA[\"Ada\"]]>_x000D_&amp; Co</t></r><rPh><t>ada</t></rPh></si>"
            .to_owned();
    assert_eq!(book(&named).records, as_csv("2026-11-20,,,,,\"EXAMPLE, \"\"Ada\"\" & Co\"").records);
    named.strings = "<si><t>no</t></si>".to_owned();
    assert!(refused(&named.bytes()).contains("row 2 refers to a text that is not there"));
}

#[test]
fn rows_are_padded_gaps_keep_the_numbering_and_cells_need_no_names() {
    let header = "<row><c t=\"inlineStr\"><is><t>ods_code</t></is></c><c t=\"inlineStr\"><is><t>address</t></is></c>\
                  <c t=\"inlineStr\"><is><t>role</t></is></c><c t=\"inlineStr\"><is><t>town</t></is></c>\
                  <c s=\"1\"/><c s=\"1\"/></row>";
    let short = row(5, &["TP1A2", "ada.example@nhs.net", "owner"]);
    let bad = row(9, &["TP1A2", "nobody", "owner", "Northtown"]);
    let wide = row(10, &["TP1A2", "sam@northtown.example", "owner", "Northtown", "and more"]);
    let read = book(&Book::of(&format!("{header}<row r=\"3\"><c r=\"B3\"/></row>{short}{bad}{wide}")));
    assert_eq!(read.records.len(), 1);
    assert_eq!(read.rejected.iter().map(|row| row.line).collect::<Vec<_>>(), [9, 10]);
    assert!(read.rejected[1].reason.contains("5 cells, the header has 4"), "{:?}", read.rejected);
}

#[test]
fn the_one_visible_sheet_that_is_an_export_is_read() {
    let contacts = rows_of(CONTACTS);
    let notes = row(1, &["Notes", "of", "ours"]);
    let read = book(
        &Book::new()
            .sheet("Notes", "visible", &notes)
            .sheet("Sites &amp; co", "visible", &contacts)
            .sheet("Old", "hidden", &contacts)
            .sheet("Older", "veryHidden", &contacts)
            .sheet("Empty", "visible", ""),
    );
    assert_eq!(read.records, super::make::read("a.csv", CONTACTS.as_bytes()).unwrap().records);
    assert!(read.warnings().contains("the sheet \"Sites & co\"") && read.warnings().ends_with("not read: \"Notes\""));
    let two = refused(&Book::of(&contacts).sheet("Again", "visible", &contacts).bytes());
    assert!(two.contains("several sheets of the workbook are exports: \"Export\", \"Again\""), "{two}");
    let unknown = refused(&Book::new().sheet("Empty", "visible", "").sheet("Notes", "visible", &notes).bytes());
    assert!(unknown.contains("no known export has these columns: \"Notes\", \"of\", \"ours\""), "{unknown}");
    for none in [Book::new().sheet("Old", "hidden", &contacts), Book::new(), Book::of("")] {
        assert!(refused(&none.bytes()).contains("no visible sheet with cells"));
    }
}

#[test]
fn prefixes_and_the_strict_edition_make_no_difference() {
    let sheet = format!(
        "<x:worksheet xmlns:x=\"urn:x\"><x:sheetData>{}</x:sheetData></x:worksheet>",
        rows_of(CONTACTS).replace("</", "<\u{1}").replace('<', "<x:").replace("<x:\u{1}", "</x:")
    );
    let prefixed = book(&plain().with("xl/worksheets/sheet1.xml", Some(&sheet)));
    assert_eq!(prefixed.records, book(&plain()).records);
}

#[test]
fn rows_and_columns_that_no_sheet_has_are_refused() {
    let header = row(1, &["ods_code", "address", "role"]);
    let with = |rest: &str| refused(&Book::of(&format!("{header}{rest}")).bytes());
    for number in ["0", "-1", "1048577", "4294967296", "99999999999999999999", "x", "1.5", ""] {
        let why = with(&format!("<row r=\"{number}\"/>"));
        assert!(why.contains("the row after row 1 has a number that no sheet has"), "{number}: {why}");
    }
    assert!(with("<row r=\"1\"/>").contains("row 1 comes after row 1"));
    for name in ["XFE2", "ZZZZZZZZZZZ2", "2", "", "$A$2", "\u{e9}2"] {
        let why = with(&format!("<row r=\"2\">{}</row>", inline(name, "x")));
        assert!(why.contains("row 2 has a cell that is out of order or beyond column XFD"), "{name}: {why}");
    }
    let twice = format!("<row r=\"2\">{}{}</row>", inline("B2", "x"), inline("B2", "y"));
    assert!(with(&twice).contains("out of order"));
    let cells = "<c/>".repeat(16_385);
    assert!(with(&format!("<row r=\"2\">{cells}</row>")).contains("beyond column XFD"));
    let last = Book::of(&format!("{header}<row r=\"1048576\">{}</row>", inline("XFD1048576", "x")));
    assert_eq!(book(&last).rejected[0].line, 1_048_576, "the last cell of all is a cell");
}

#[test]
fn xml_that_no_spreadsheet_program_writes_is_refused_and_bounded() {
    let mut bomb = plain();
    bomb.prologue = "<!DOCTYPE x [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;\">]>".to_owned();
    for (broken, said) in [
        (bomb.bytes(), "it has a document type"),
        (
            Book::of("<row r=\"1\"><c r=\"A1\" t=\"str\"><v>&b;</v></c></row>").bytes(),
            "an entity that XML does not have",
        ),
        (Book::of(&"<a>".repeat(100_000)).bytes(), "deep in each other"),
        (Book::of(&format!("<row r=\"1\"><c r=\"A1\" t=\"str\"><v>{}", "x".repeat(4 << 20))).bytes(), "has no end"),
        (Book::of(&format!("<row r=\"1\" a=\"{}\"/>", "x".repeat(4 << 20))).bytes(), "has no end"),
        (Book::of(&format!("<row {}/>", "a=\"\" ".repeat(200_000))).bytes(), "no visible sheet"),
        (
            plain().with("xl/worksheets/sheet1.xml", Some("<worksheet><sheetData><row r=\"1\">")).bytes(),
            "in the middle",
        ),
        (plain().with("xl/worksheets/sheet1.xml", Some("<a></b>")).bytes(), "sheet1.xml is broken"),
        (plain().with("xl/styles.xml", Some(&"<!-- -->".repeat(3 << 20))).bytes(), "larger than 16 MiB"),
    ] {
        let why = refused(&broken);
        assert!(why.contains(said), "{said}: {why}");
    }
}

#[test]
fn parts_that_are_missing_are_named() {
    for part in [
        "_rels/.rels",
        "xl/workbook.xml",
        "xl/_rels/workbook.xml.rels",
        "xl/worksheets/sheet1.xml",
        "xl/sharedStrings.xml",
        "xl/styles.xml",
    ] {
        let why = refused(&plain().with(part, None).bytes());
        assert!(why.contains(&format!("lacks its part \"{part}\"")), "{part}: {why}");
    }
    let rels = |target| {
        format!("<Relationships><Relationship Id=\"a\" Type=\"x/officeDocument\" Target=\"{target}\"/></Relationships>")
    };
    for (target, said) in [
        ("xl/workbook.bin", "binary Excel workbook (.xlsb)"),
        ("word/document.xml", "no Excel workbook"),
        ("../../etc/passwd", "no Excel workbook"),
    ] {
        let why = refused(&plain().with("_rels/.rels", Some(&rels(target))).bytes());
        assert!(why.contains(said), "{why}");
    }
}

#[test]
fn a_cell_or_a_row_too_long_costs_its_row_and_no_more() {
    let header = row(1, &["ods_code", "address", "role", "town"]);
    let long = row(2, &["TP1A2", "ada.example@nhs.net", "owner", &"x".repeat(100_000)]);
    let wide: String =
        (0..12_u8).map(|at| inline(&format!("{}3", char::from(b'A' + at)), &"é".repeat(60_000))).collect();
    let good = row(4, &["TP1A2", "sam@northtown.example", "owner"]);
    let read = book(&Book::of(&format!("{header}{long}<row r=\"3\">{wide}</row>{good}")));
    assert_eq!(read.records.len(), 1);
    assert_eq!(read.rejected.iter().map(|row| row.line).collect::<Vec<_>>(), [2, 3], "{:?}", read.rejected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever stands in the cells, a workbook reads like the CSV file of the same table.
    #[test]
    fn any_table_reads_the_same_from_a_workbook(
        table in prop::collection::vec(prop::collection::vec("[ -~äé€𝄞]{0,12}", 4), 0..8),
        gap in 0..3_u32,
    ) {
        let header = ["ods_code", "address", "role", "town"];
        let (mut rows, mut csv) = (row(1, &header), header.join(",") + "\n");
        for (number, cells) in (1..).zip(&table) {
            let cells: Vec<_> = cells.iter().map(|cell| cell.replace("_x", "-x")).collect();
            rows += &row(number * (gap + 1) + 1, &cells.iter().map(String::as_str).collect::<Vec<_>>());
            let quoted: Vec<_> = cells.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
            csv += &("\n".repeat(gap as usize) + &quoted.join(",") + "\n");
        }
        let (workbook, plain) = (book(&Book::of(&rows)), read("a.csv", csv.as_bytes()).unwrap());
        prop_assert_eq!(workbook.records, plain.records);
        prop_assert_eq!(workbook.rejected, plain.rejected);
    }
}
