//! Rows before they are read: whom they are about, whether they say anything new, and how they are handed over.
use sha2::{Digest, Sha256};

use super::*;

/// A row as a loader sees it before it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Hashed {
    line: u32,
    key: Option<u64>,
    print: u64,
}

fn hashed_in(bytes: &[u8], settings: &ReadSettings, as_of: Date) -> Vec<Hashed> {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(file.path(), bytes).expect("written");
    let export = sources::open(file.path(), settings).expect("an export");
    let mut all = Vec::new();
    let mut take = |row: Raw<'_>| {
        all.push(Hashed { line: row.line(), key: row.key(), print: row.print() });
        ControlFlow::Continue(())
    };
    export.each(&mut export.census(as_of), &mut take).expect("readable");
    all
}

fn hashed(text: &str) -> Vec<Hashed> {
    let time_zone = TimeZone::get("Europe/London").expect("bundled");
    hashed_in(text.as_bytes(), &ReadSettings { time_zone: &time_zone, day_first: true }, date(2026, 11, 20))
}

const PORTAL: &str = "Id,EmailAddress,UserPrincipalName,DisplayName,MailboxType,Status,CreatedOn,LastUpdated,\
LastLogIn,AUPStatus,DaysUntilRemoval\n\
id-1,ada@nhs.net,ada@nhs.net,\"EXAMPLE, Ada\",User,Active,03/02/2024 09:12,20/11/2026 08:00,23/10/2026,True,30\n\
id-2,kit@nhs.net,kit@nhs.net,\"HILL, Kit\",User,Active,03/02/2024 09:12,20/11/2026 08:00,23/10/2026,True,30\n";

#[test]
fn the_hash_of_a_file_is_of_its_bytes_as_they_lie() {
    for bytes in [PORTAL.as_bytes(), &encoded(PORTAL, 2), &encoded(&PORTAL.replace("Kit", "Zoë"), 5)] {
        let export = opened("x.csv", bytes).expect("read").export;
        let expected = Sha256::digest(bytes).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        assert_eq!(export.sha256(), expected);
    }
    let json = br#"[{"id":"a","userPrincipalName":"a@nhs.net"}]"#;
    assert_eq!(
        opened("x.json", json).expect("read").export.sha256(),
        Sha256::digest(json).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
    );
}

#[test]
fn an_accent_on_the_last_line_of_a_long_file_makes_it_windows_1252_from_the_first() {
    let row = "id,zoe@nhs.net,zoe@nhs.net,Zoe,User,Active,03/02/2024,20/11/2026,23/10/2026,True,30\n";
    let mut bytes = [PORTAL, &row.repeat(8000)].concat().into_bytes();
    bytes.extend(encoded(&row.replace("Zoe", "Zoë"), 5));
    let Opened { export, _folder } = opened("x.csv", &bytes).expect("read");
    assert_eq!((export.summary().encoding, export.summary().rows), (Encoding::Windows1252, 8003));
    let rows = subjects(split(&export).0);
    assert_eq!(rows.last().and_then(|row| row.display_name.as_deref()), Some("Zoë"));
}

#[test]
fn a_print_changes_with_what_the_row_says_and_with_nothing_else() {
    let before = hashed(PORTAL);
    assert_eq!(before.iter().map(|row| row.line).collect::<Vec<_>>(), [2, 3]);
    assert!(before[0].print != before[1].print && before[0].key != before[1].key);
    for (from, to) in [(",30\n", ",29\n"), ("20/11/2026 08:00", "19/11/2026 09:00"), ("\n", "\r\n")] {
        assert_eq!(hashed(&PORTAL.replace(from, to)), before, "{from:?} moves every day for nothing");
    }
    let moved = hashed(&PORTAL.replacen('\n', "\n\n", 1));
    assert_eq!(
        moved.iter().map(|row| (row.key, row.print)).collect::<Vec<_>>(),
        before.iter().map(|row| (row.key, row.print)).collect::<Vec<_>>()
    );
    let changes = [
        ("EXAMPLE, Ada", "SAMPLE, Ada"),
        ("User,Active", "User,Leaver"),
        ("23/10/2026,True", "24/10/2026,True"),
        ("True", "False"),
        ("ada@nhs.net,ada", "ada.e@nhs.net,ada"),
        ("20/11/2026 08:00", "soon"),
        ("23/10/2026,True", ",True"),
    ];
    for (from, to) in changes {
        let after = hashed(&PORTAL.replacen(from, to, 1));
        assert_ne!(after[0].print, before[0].print, "{from} to {to}");
        assert_eq!((after[0].key, after[1]), (before[0].key, before[1]), "{from} to {to}");
    }
}

#[test]
fn a_cell_that_moves_to_the_next_column_is_another_row() {
    let with = |cells: &str| {
        hashed(&format!("address,kind,created_at,display_name,org_name,ods\na@nhs.net,user,,{cells}\n"))[0].print
    };
    let prints = [with("A,,"), with(",A,"), with(",,A"), with("\"A,\",,"), with(",,")];
    for (at, print) in prints.iter().enumerate() {
        assert!(!prints[..at].contains(print), "{at}");
    }
}

#[test]
fn what_is_not_in_the_row_and_changes_its_meaning_changes_the_print() {
    let print = |text: &str, zone: &str, day_first, day| {
        let time_zone = TimeZone::get(zone).expect("bundled");
        hashed_in(text.as_bytes(), &ReadSettings { time_zone: &time_zone, day_first }, day)[0].print
    };
    let text = PORTAL.replace("23/10/2026", "03/10/2026").replace("20/11/2026", "10/11/2026");
    let usual = print(&text, "Europe/London", true, date(2026, 11, 20));
    assert_eq!(usual, print(&text, "Europe/London", true, date(2026, 11, 21)), "a day later");
    assert_ne!(usual, print(&text, "Europe/Paris", true, date(2026, 11, 20)), "in another zone");
    assert_ne!(usual, print(&text, "Europe/London", false, date(2026, 11, 20)), "month first");
    assert_ne!(usual, print(&text, "Europe/London", true, date(2024, 1, 1)), "its dates are yet to come");
    let without = text.replace("Status,", "Other,").replacen("AUPOther", "AUPStatus", 1);
    assert_ne!(usual, print(&without, "Europe/London", true, date(2026, 11, 20)), "a column less is read");
}

#[test]
fn a_send_that_the_day_of_the_report_dates_says_something_new_in_the_next_one() {
    let print = |count: &str, period: &str, day: &str| {
        let header = "User Principal Name,Send Count,Read Count,Report Refresh Date,Report Period";
        hashed(&format!("{header}\na@nhs.net,{count},0,{day},{period}\n"))[0].print
    };
    assert_ne!(print("3", "7", "2026-11-17"), print("3", "7", "2026-11-18"), "within the seven days before it");
    for (count, period) in [("0", "7"), ("", "7"), ("3", ""), ("many", "7")] {
        assert_eq!(print(count, period, "2026-11-17"), print(count, period, "2026-11-18"), "{count:?} in {period:?}");
    }
}

#[test]
fn the_sector_that_the_name_of_a_file_tells_of_its_sites_is_in_their_prints() {
    let site = "FVR79,NORTHTOWN,,,,,,NORTHTOWN,,,20150401,,,,,,,,,,,,,,,,\n";
    let print = |name: &str| {
        let Opened { export, _folder } = opened(name, site.as_bytes()).expect("read");
        let mut prints = Vec::new();
        let mut take = |row: Raw<'_>| {
            prints.push(row.print());
            ControlFlow::Continue(())
        };
        export.each(&mut export.census(date(2026, 11, 20)), &mut take).expect("readable");
        prints
    };
    assert_ne!(print("epharmacyhq.csv"), print("eopthq.csv"));
    assert_eq!(print("epharmacyhq.csv"), print("2026-11-20 edispensary.csv"), "pharmacies are pharmacies");
}

#[test]
fn a_key_is_the_id_else_the_address_however_they_are_written() {
    let key = |id: &str, address: &str, upn: &str| {
        hashed(&format!("id,address,upn,kind,created_at\n{id},{address},{upn},user,2024-02-03\n"))[0].key
    };
    let ada = key("id-1", "ada@nhs.net", "");
    assert!(ada.is_some());
    assert_eq!(ada, key(" id-1 ", "ada.e@nhs.net", "x@nhs.net"), "the id names her");
    assert_eq!(ada, key("\"id\u{200B}-1\"", "", ""), "as it is read");
    let nameless = key("", "kit@nhs.net", "");
    assert!(nameless.is_some() && nameless != ada);
    for (address, upn) in [("KIT@nhs.net", ""), ("SMTP:kit@NHS.net", "x@nhs.net"), ("-", "kit@nhs.net")] {
        assert_eq!(key("NULL", address, upn), nameless, "{address} {upn}");
    }
    assert_ne!(key("kit@nhs.net", "", ""), nameless, "an id is no address");
    for (address, upn) in [("", ""), ("kit", ""), ("kit", "kit@nhs.net")] {
        assert_eq!(key("", address, upn), None, "{address} {upn}");
    }
}

#[test]
fn keys_are_the_same_for_ever() {
    let text = "id,address,kind,created_at\nid-1,a@nhs.net,user,\n,a@nhs.net,user,\n";
    let keys: Vec<_> = hashed(text).iter().filter_map(|row| row.key).collect();
    assert_eq!(keys, [15_997_181_041_985_167_987, 18_417_976_660_055_116_099], "a store holds them");
}

#[test]
fn a_row_that_cannot_be_divided_is_handed_over_without_a_key() {
    let Opened { export, _folder } = opened("x.csv", format!("{PORTAL}id-3,short\n").as_bytes()).expect("read");
    let mut last = None;
    let mut take = |row: Raw<'_>| {
        last = Some((row.line(), row.key(), row.read().map_err(|rejected| rejected.to_string())));
        ControlFlow::Continue(())
    };
    export.each(&mut export.census(date(2026, 11, 20)), &mut take).expect("readable");
    assert_eq!(
        last,
        Some((
            4,
            None,
            Err("line 4: the row has 2 cells, the header has 11; put what holds a delimiter or a line end in quotes"
                .into())
        ))
    );
}

#[test]
fn whoever_takes_the_rows_may_stop() {
    let Opened { export, _folder } = opened("x.csv", PORTAL.as_bytes()).expect("read");
    let mut census = export.census(date(2026, 11, 20));
    let mut taken = 0;
    let mut take = |_: Raw<'_>| {
        taken += 1;
        ControlFlow::Break(())
    };
    export.each(&mut census, &mut take).expect("readable");
    assert_eq!((taken, census.into_columns()[0].cells), (1, 1));
}

#[test]
fn a_file_that_is_another_one_the_second_time_is_not_loaded() {
    let Opened { export, _folder: folder } = opened("x.csv", PORTAL.as_bytes()).expect("read");
    let again = || export.each(&mut export.census(date(2026, 11, 20)), &mut |_| ControlFlow::Continue(()));
    let path = folder.path().join("x.csv");
    for (text, line) in [("Id,Other\n1,2\n".to_owned(), 1), (format!("{PORTAL}\"id-3,"), 4), (format!("{PORTAL}\0"), 4)]
    {
        fs::write(&path, text).expect("written");
        let again = again();
        assert!(matches!(again, Err(ReadError::Changed { line: found }) if found == line), "{again:?}");
    }
    fs::remove_file(&path).expect("there");
    assert!(matches!(again(), Err(ReadError::Io(_))));
}
