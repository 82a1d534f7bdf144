//! An inbox that others write into: links, pipes, devices, strange names, and folders that take nothing.
use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt, fs::symlink, net::UnixListener},
    path::Path,
};

use super::{
    make::gzip,
    program::{ACCOUNTS, CONTACTS, Ran, Trial},
};

fn pipe(path: &Path) {
    rustix::fs::mkfifoat(rustix::fs::CWD, path, rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
}

/// Whether the output names a file as left in the inbox, for a reason.
#[track_caller]
fn is_told(ran: &Ran, file: &str, why: &str) {
    let text = ran.out.split_whitespace().collect::<Vec<_>>().join(" ");
    let told = format!("{file}: left in the inbox");
    let after = text.split(&told).nth(1).unwrap_or_else(|| panic!("{file} is not told: {}", ran.out));
    assert!(after.trim_start().starts_with(why), "{file}: {after}");
}

#[test]
fn packed_exports_and_workbooks_are_loaded_from_the_inbox_and_told() {
    let trial = Trial::new();
    trial.drop_in("2026-11-20 accounts.csv.gz", gzip(ACCOUNTS.as_bytes()));
    trial.drop_in("contacts.xlsx", super::workbooks::plain().bytes());
    let ran = trial.run(&["once"]).ends_with(0);
    assert!(ran.out.contains("unpacked from a gzip file"), "{}", ran.out);
    assert!(ran.out.contains("read from the sheet \"Export\" of a workbook"), "{}", ran.out);
    assert_eq!(trial.names("archive"), ["2026-11-20 accounts.csv.gz", "contacts.xlsx"]);
    let plain = Trial::with_exports();
    plain.run(&["once"]).ends_with(0);
    assert_eq!(trial.recipients(), plain.recipients(), "the same messages as of the plain files");
}

#[test]
fn what_is_no_file_is_never_followed_read_or_moved_and_is_told() {
    let trial = Trial::with_exports();
    let at = |name: &str| trial.path(&format!("inbox/{name}"));
    trial.write("elsewhere.csv", ACCOUNTS.replace("sample1", "outside"));
    symlink(trial.path("elsewhere.csv"), at("link.csv")).unwrap();
    symlink("/etc/passwd", at("passwd.csv")).unwrap();
    symlink(trial.path("nowhere.csv"), at("dangling.csv")).unwrap();
    symlink(trial.path("archive"), at("folder link")).unwrap();
    symlink(at("loop.csv"), at("loop.csv")).unwrap();
    symlink("/dev/zero", at("zero.csv")).unwrap();
    fs::create_dir(at("folder")).unwrap();
    trial.drop_in("folder/inner.csv", ACCOUNTS.replace("sample1", "inner"));
    pipe(&at("pipe.csv"));
    let _socket = UnixListener::bind(at("socket.csv")).unwrap();
    let before = trial.names("inbox").len();
    let ran = trial.run(&["once"]).ends_with(0);
    for name in ["link.csv", "passwd.csv", "dangling.csv", "folder link", "loop.csv", "zero.csv"] {
        is_told(&ran, name, "it is a symbolic link, which is not followed: put the file itself there");
    }
    is_told(&ran, "folder", "it is a folder, which is not looked into: put the files themselves");
    is_told(&ran, "pipe.csv", "it is a named pipe and no file");
    is_told(&ran, "socket.csv", "it is a socket and no file");
    assert_eq!(trial.names("inbox").len(), before - 2, "two were exports");
    assert!(trial.names("quarantine").is_empty());
    let listed = trial.run(&["list"]).ends_with(0).out;
    assert!(!listed.contains("outside") && !listed.contains("inner"), "{listed}");
    let dry = trial.run(&["once", "--dry-run"]).ends_with(0);
    is_told(&dry, "pipe.csv", "it is a named pipe");
    let check = trial.run(&["check"]).ends_with(0);
    assert!(check.out.contains("link.csv is not taken"), "{}", check.out);
}

#[test]
fn hidden_and_unfinished_files_stay_and_are_told() {
    let trial = Trial::with_exports();
    let names = [".hidden.csv", "report.csv.part", "report.tmp", "~$report.xlsx", "report.csv~", "x.crdownload"];
    for name in names {
        trial.drop_in(name, ACCOUNTS.replace("sample1", "half"));
    }
    let ran = trial.run(&["once"]).ends_with(0);
    for name in names {
        is_told(&ran, name, "by its name it is hidden or still being written");
    }
    assert_eq!(trial.names("inbox").len(), names.len());
}

#[test]
fn strange_names_are_taken_and_made_harmless() {
    let trial = Trial::new();
    let long = format!("2026-11-20 {}.csv", "x".repeat(240));
    let strange: [&[u8]; 6] = [
        b"a\nb\x1b[31m.csv",
        b"\xff\xfe.csv",
        "\u{202e}vsc.csv".as_bytes(),
        b"..csv",
        b"-rf $(reboot);'\".csv",
        long.as_bytes(),
    ];
    for (number, name) in (1..).zip(strange) {
        let path = trial.path("inbox").join(OsStr::from_bytes(name));
        fs::write(path, ACCOUNTS.replace("sample1", &format!("sample{number}0"))).unwrap();
        let refused = [name, b".txt"].concat();
        let refused = if refused.len() > 255 { vec![b'y'; 255] } else { refused };
        fs::write(trial.path("inbox").join(OsStr::from_bytes(&refused)), "nothing").unwrap();
    }
    let ran = trial.run(&["once"]).ends_with(7);
    assert!(!ran.out.contains('\u{1b}') && !ran.out.contains('\u{202e}'), "{:?}", ran.out);
    assert_eq!(trial.names("inbox"), ["..csv", "..csv.txt"], "hidden by their names: {}", ran.out);
    for folder in ["archive", "quarantine"] {
        let names = trial.names(folder);
        let bad = names.iter().find(|name| name.chars().any(char::is_control) || name.contains('\u{202e}'));
        assert_eq!(bad, None, "{folder}");
    }
    assert_eq!(trial.names("archive").len(), 5);
    assert_eq!(trial.names("quarantine").len(), 10, "each with its reason: {:?}", trial.names("quarantine"));
}

#[test]
fn nothing_is_written_through_links_in_the_folders() {
    let trial = Trial::with_exports();
    trial.drop_in("empty.csv", "");
    for (folder, name) in [
        ("archive", "site-contacts.csv"),
        ("quarantine", "empty.csv"),
        ("quarantine", "2-empty.csv.reason.txt"),
        ("archive", ".lapsewatch-trial"),
    ] {
        fs::create_dir_all(trial.path(folder)).unwrap();
        symlink(trial.path("planted"), trial.path(folder).join(name)).unwrap();
    }
    pipe(&trial.path("quarantine/trap.reason.txt"));
    trial.run(&["once"]).ends_with(7);
    assert!(!trial.path("planted").exists(), "nothing was written through a link");
    assert!(trial.path("archive/2-site-contacts.csv").is_file());
    assert!(trial.path("quarantine/2-empty.csv").is_file());
    let note = trial.path("quarantine/2-empty.csv.reason.txt");
    assert!(fs::symlink_metadata(&note).unwrap().is_file() && fs::read_to_string(note).unwrap().contains("is empty"));
}

#[test]
fn load_follows_a_link_that_the_operator_named_and_refuses_what_is_no_file() {
    let trial = Trial::new();
    trial.write("2026-11-20 accounts.csv", ACCOUNTS);
    symlink(trial.path("2026-11-20 accounts.csv"), trial.path("latest")).unwrap();
    pipe(&trial.path("pipe.csv"));
    fs::create_dir(trial.path("folder")).unwrap();
    let ran = trial.run(&["load", "pipe.csv", "folder", "/dev/zero", "latest"]).ends_with(7);
    for said in ["it is a named pipe, not a file", "it is a folder, not a file", "it is a device, not a file"] {
        assert!(ran.out.contains(said), "{said}: {}", ran.out);
    }
    assert!(trial.run(&["list"]).out.contains("sam.sample1@nhs.net"), "{}", ran.out);
}

/// To whom messages went, the operator left out.
fn others(trial: &Trial) -> Vec<String> {
    trial.recipients().into_iter().filter(|to| !to.starts_with("operator@")).collect()
}

/// As root every folder can be written: one on a file system that is full, or none, is what root meets.
#[test]
fn a_folder_that_takes_nothing_leaves_its_files_and_the_others_are_told() {
    let full = Path::new("/proc/self");
    for folder in ["archive", "quarantine"] {
        let trial = Trial::with_exports();
        trial.drop_in("empty.csv", "");
        let set = format!("snapshots.{folder}=\"{}\"", full.display());
        let ran = trial.run(&["--set", &set, "once"]).ends_with(7);
        assert_eq!(trial.recipients().len(), 10, "everybody is told: {}", ran.out);
        let stays = if folder == "archive" { "site-contacts.csv" } else { "empty.csv" };
        assert!(ran.out.contains(&format!("{stays}: stays in the inbox")), "{}", ran.out);
        assert!(trial.path(&format!("inbox/{stays}")).is_file());
        let told = others(&trial);
        trial.run(&["once"]);
        assert!(trial.names("inbox").is_empty(), "once it is mended, the files go where they belong");
        assert_eq!(others(&trial), told, "and nobody is told twice");
    }
}

#[test]
fn check_warns_of_an_inbox_that_is_not_there() {
    let trial = Trial::new();
    let ran = trial.run(&["--set", "snapshots.inbox=\"imbox\"", "check"]).ends_with(0);
    assert!(ran.out.contains("imbox is not there: it is made on the first run"), "{}", ran.out);
    assert!(!trial.path("imbox").exists(), "a check makes nothing");
    trial.drop_in("site-contacts.csv", CONTACTS);
    assert!(trial.run(&["check"]).ends_with(0).out.contains("1 file in"), "and counts what waits");
}
