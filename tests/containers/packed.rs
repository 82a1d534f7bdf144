//! `.gz`, and `.zip` of one file.

use jiff::civil::date;

use super::{
    make::{Book, gzip, read, refused, row, zip},
    program::{ACCOUNTS, CONTACTS},
};

const NAME: &str = "2026-11-20 accounts.csv";

#[test]
fn a_gzip_file_and_a_zip_of_one_file_read_like_the_file_itself_whatever_their_names() {
    let plain = read(NAME, ACCOUNTS.as_bytes()).unwrap();
    let halves = ACCOUNTS.as_bytes().split_at(100);
    let mac = [
        ("__MACOSX/", "".as_bytes()),
        ("out/", b""),
        ("out/accounts.csv", ACCOUNTS.as_bytes()),
        ("__MACOSX/out/._accounts.csv", b"fork"),
        ("out/.DS_Store", b"mess"),
    ];
    let packed = [
        ("x.csv.gz", gzip(ACCOUNTS.as_bytes()), "gzip file"),
        ("two members", [gzip(halves.0), gzip(halves.1)].concat(), "gzip file"),
        ("x.zip", zip(&[("accounts.csv", ACCOUNTS.as_bytes())]), "where it is \"accounts.csv\""),
        ("accounts.csv", zip(&mac), "where it is \"out/accounts.csv\""),
    ];
    for (name, bytes, said) in packed {
        let read = read(name, &bytes).unwrap();
        assert_eq!(read.records, plain.records, "{name}");
        assert!(read.warnings().contains(said), "{name}: {}", read.warnings());
    }
}

#[test]
fn json_and_utf16_are_read_from_inside_too() {
    let json = br#"{"value":[{"id":"1","userPrincipalName":"ada.example@nhs.net","accountEnabled":true}]}"#;
    let wide: Vec<u8> = ACCOUNTS.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(read("a", &gzip(json)).unwrap().records, read("a", json).unwrap().records);
    assert_eq!(read("a", &zip(&[("b", &wide)])).unwrap().records, read("a", ACCOUNTS.as_bytes()).unwrap().records);
}

#[test]
fn a_date_in_the_name_inside_an_archive_dates_the_file_and_the_outer_name_does_otherwise() {
    let json = br#"[{"id":"1","userPrincipalName":"ada.example@nhs.net"}]"#;
    let as_of = |outer: &str, inner: &str| read(outer, &zip(&[(inner, json)])).unwrap().export.as_of();
    assert_eq!(as_of("download.zip", "out/2026-11-19 users.json"), Some(date(2026, 11, 19)));
    assert_eq!(as_of("2026-11-20 users.zip", "users.json"), Some(date(2026, 11, 20)));
    assert_eq!(as_of("2026-11-20 users.zip", "2026-11-19 users.json"), Some(date(2026, 11, 19)));
    let gzipped = read("2026-11-18 users.json.gz", &gzip(json)).unwrap();
    assert_eq!(gzipped.export.as_of(), Some(date(2026, 11, 18)));
}

#[test]
fn an_archive_of_more_files_or_of_none_is_refused_by_name() {
    let (a, c) = (ACCOUNTS.as_bytes(), CONTACTS.as_bytes());
    let two = refused(&zip(&[("accounts.csv", a), ("contacts\u{1b}[1m.csv", c)]));
    assert!(two.contains("2 files (\"accounts.csv\", \"contacts\u{fffd}[1m.csv\")"), "{two}");
    let names: Vec<_> = (0..9).map(|number| format!("{number}.csv")).collect();
    let nine = refused(&zip(&names.iter().map(|name| (name.as_str(), a)).collect::<Vec<_>>()));
    assert!(nine.contains("9 files") && nine.contains("\"4.csv\", …") && !nine.contains("\"5.csv\""), "{nine}");
    for none in [zip(&[]), zip(&[("folder/", b"")]), zip(&[("__MACOSX/._a", b"x")])] {
        assert!(refused(&none).contains("holds no file"));
    }
}

#[test]
fn names_in_an_archive_are_never_paths() {
    for name in ["../../../../tmp/lapsewatch-was-here.csv", "/tmp/lapsewatch-was-here.csv", "C:\\a\\..\\b.csv"] {
        assert_eq!(read("a.zip", &zip(&[(name, ACCOUNTS.as_bytes())])).unwrap().records.len(), 6);
    }
    assert!(!std::path::Path::new("/tmp/lapsewatch-was-here.csv").exists());
}

#[test]
fn one_layer_is_taken_off_and_no_more() {
    let gz = gzip(ACCOUNTS.as_bytes());
    let book = Book::of(&row(1, &["ods_code"])).bytes();
    for (packed, said) in [
        (zip(&[("a.csv.gz", &gz)]), "inside the zip archive is another gzip file"),
        (gzip(&gz), "inside the gzip file is another gzip file"),
        (gzip(&zip(&[("a", b"b")])), "inside the gzip file is a workbook or another zip archive"),
        (zip(&[("a.xlsx", &book)]), "unpack it once"),
        (zip(&[("a.xls", b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1")]), "old Excel workbook"),
    ] {
        let why = refused(&packed);
        assert!(why.contains(said), "{why}");
    }
}

#[test]
fn what_is_damaged_or_cut_off_is_refused_and_never_half_loaded() {
    let long = ACCOUNTS.repeat(50);
    let (gz, archive) = (gzip(long.as_bytes()), zip(&[("a.csv", long.as_bytes())]));
    for whole in [&gz, &archive] {
        for length in [12, 30, whole.len() / 2, whole.len() - 30, whole.len() - 1] {
            let why = refused(&whole[..length]);
            assert!(why.contains("damaged") || why.contains("empty"), "{length}: {why}");
        }
    }
    let mut sum = gz.clone();
    let at = sum.len() - 8;
    sum[at] ^= 1;
    assert!(refused(&sum).contains("the gzip file is damaged"));
}

/// Changes four bytes after each of the signatures of an entry, in its own header and in the directory.
fn lie(archive: &[u8], own: usize, listed: usize, value: [u8; 4]) -> Vec<u8> {
    let mut bytes = archive.to_vec();
    for (signature, offset) in [(b"PK\x03\x04", own), (b"PK\x01\x02", listed)] {
        let at = bytes.windows(4).position(|four| four == signature).unwrap() + offset;
        bytes[at..at + 4].copy_from_slice(&value);
    }
    bytes
}

#[test]
fn an_entry_that_lies_about_its_size_or_its_sum_is_refused() {
    let archive = zip(&[("a.csv", ACCOUNTS.as_bytes())]);
    let size = u32::try_from(ACCOUNTS.len()).unwrap();
    for wrong in [0, 1, size - 1, size + 1, u32::MAX - 1] {
        let why = refused(&lie(&archive, 22, 24, wrong.to_le_bytes()));
        assert!(why.contains("the zip archive is damaged"), "{wrong}: {why}");
    }
    assert!(refused(&lie(&archive, 14, 16, [1, 2, 3, 4])).contains("damaged"));
    assert!(refused(&lie(&archive, 18, 20, 7_u32.to_le_bytes())).contains("damaged"));
}

#[test]
fn encrypted_entries_and_other_methods_are_refused_with_what_to_do() {
    let archive = zip(&[("a.csv", ACCOUNTS.as_bytes())]);
    // Version, flags and method: bit 0 means encrypted, method 9 is Deflate64.
    let encrypted = refused(&lie(&archive, 6, 8, [1, 0, 8, 0]));
    assert!(encrypted.contains("\"a.csv\" in the zip archive is encrypted; unpack it"), "{encrypted}");
    let other = refused(&lie(&archive, 6, 8, [0, 0, 9, 0]));
    assert!(other.contains("other than Deflate; unpack it"), "{other}");
    let mut zip64 = archive.clone();
    let end = zip64.len() - 22;
    zip64.splice(end..end, *b"PK\x06\x07\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    assert!(refused(&zip64).contains("Zip64"));
}

/// Blanks pack to a thousandth.
#[test]
fn a_bomb_is_refused() {
    let header = ACCOUNTS.lines().next().unwrap_or_default();
    let bomb = format!("{header}\n{}", " ".repeat(66 << 20));
    for (packed, what) in [(gzip(bomb.as_bytes()), "gzip file"), (zip(&[("a.csv", bomb.as_bytes())]), "zip archive")] {
        assert!(packed.len() < 400_000, "it is a bomb: {}", packed.len());
        let why = refused(&packed);
        assert!(why.contains(&format!("the {what} unpacks to more than")), "{why}");
    }
}

#[test]
fn other_kinds_of_files_are_told_by_their_first_bytes() {
    for (bytes, said) in [
        (
            &b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1 and so on"[..],
            "old Excel workbook (.xls), or a workbook with a password",
        ),
        (b"%PDF-1.7", "a PDF document"),
        (b"7z\xBC\xAF\x27\x1C", "a 7z archive"),
        (b"Rar!\x1A\x07\x01", "a RAR archive"),
        (b"\xFD7zXZ\0", "packed with xz"),
        (b"BZh91AY&SY", "packed with bzip2"),
        (b"\x28\xB5\x2F\xFD", "packed with zstd"),
    ] {
        let why = refused(bytes);
        assert!(why.contains(said) && (why.contains("unpack it") || why.contains("CSV UTF-8")), "{why}");
    }
    let ods = zip(&[("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"), ("content.xml", b"<x/>")]);
    assert!(refused(&ods).contains("OpenDocument file (.ods); open it and save the sheet as"));
}

#[test]
fn no_bytes_that_begin_like_a_container_make_it_panic() {
    use proptest::prelude::*;
    let archive = zip(&[("a.csv", ACCOUNTS.as_bytes())]);
    let gz = gzip(ACCOUNTS.as_bytes());
    let book = super::workbooks::plain().bytes();
    let mutated = (0..3_usize, proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6));
    proptest!(ProptestConfig::with_cases(400), |((which, changes) in mutated)| {
        let mut bytes = [&archive, &gz, &book][which].clone();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let _ = read("a", &bytes);
    });
}
