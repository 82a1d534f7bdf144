//! Each command as a script or a person at a terminal uses it.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod program;

use std::{
    fs,
    io::Read,
    process::{Command, Stdio},
};

use program::{ACCOUNTS, MORNING, Ran, Trial};
use serde_json::Value;

const MESSAGES: usize = 10;

#[track_caller]
fn snapshot(name: &str, ran: &Ran) {
    insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!(name, ran.screen()) });
}

/// No line of what people read is wider than 80 columns.
#[track_caller]
fn fits(ran: &Ran) {
    for line in ran.out.lines().chain(ran.err.lines()) {
        assert!(line.chars().count() <= 80, "{} columns: {line}", line.chars().count());
    }
}

/// One object per line, without a word besides.
#[track_caller]
fn lines(ran: &Ran) -> Vec<Value> {
    ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The keys of an object as they were printed.
#[track_caller]
fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn sorted<const N: usize>(mut words: [&str; N]) -> Vec<&str> {
    words.sort_unstable();
    words.to_vec()
}

fn texts<'a>(objects: &'a [Value], key: &str) -> Vec<&'a str> {
    objects.iter().map(|object| object[key].as_str().unwrap()).collect()
}

const NOTICE_KEYS: [&str; 7] = ["subject", "rule", "stage", "anchor_on", "deadline_on", "episode_on", "reason"];

// --- once

#[test]
fn once_loads_tells_and_says_what_comes_next() {
    let trial = Trial::with_exports();
    let ran = trial.run(&["once"]).ends_with(0);
    fits(&ran);
    snapshot("once", &ran);
    assert_eq!(trial.recipients().len(), MESSAGES);
    let again = trial.run(&["once"]).ends_with(0);
    fits(&again);
    snapshot("once_again", &again);
    assert_eq!(trial.recipients().len(), MESSAGES, "nobody is told twice");
}

#[test]
fn a_dry_run_changes_nothing_on_disk_and_says_what_the_run_then_does() {
    let trial = Trial::with_exports();
    for _ in 0..2 {
        let before = trial.tree();
        let dry = trial.run(&["once", "--dry-run"]).ends_with(0);
        fits(&dry);
        let planned = trial.run(&["once", "--dry-run", "--format", "json"]).ends_with(0);
        assert_eq!(trial.tree(), before, "not a byte has changed");
        let done = trial.run(&["once", "--format", "json"]).ends_with(0);
        assert_eq!(planned.out, done.out);
        trial.drop_in("2026-11-20 more.csv", ACCOUNTS.replace("sample1", "sample2").replace("a-2", "a-9"));
    }
}

#[test]
fn a_dry_run_prints_one_line_per_message_with_the_agreed_keys_in_the_agreed_order() {
    let trial = Trial::with_exports();
    let ran = trial.run(&["once", "--dry-run", "--format", "json"]).ends_with(0);
    assert_eq!(ran.err, "");
    let messages = lines(&ran);
    assert_eq!(messages.len(), MESSAGES);
    let first = ran.out.lines().next().unwrap();
    assert!(
        first.starts_with(
            r#"{"on":"2026-11-20","recipient":"ada.example@nhs.net","kind":"digest","notices":[{"subject":"#
        )
    );
    assert!(first.ends_with(r#""reason":"stage_reached"}],"held":false}"#), "{first}");
    let order = |message: &Value| {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let notice = &message["notices"][0];
        let head = ["on", "recipient", "kind"].map(|key| text(&message[key]));
        (head, ["deadline_on", "subject", "rule", "stage"].map(|key| text(&notice[key])))
    };
    assert!(messages.is_sorted_by_key(order));
    for message in &messages {
        assert_eq!(keys(message), sorted(["on", "recipient", "kind", "notices", "held"]));
        let notices = message["notices"].as_array().unwrap();
        assert!(notices.iter().all(|notice| keys(notice) == sorted(NOTICE_KEYS)));
        let by_deadline =
            |notice: &Value| ["deadline_on", "subject", "rule", "stage"].map(|key| notice[key].to_string());
        assert!(notices.is_sorted_by_key(by_deadline));
    }
}

#[test]
fn a_replay_says_what_running_once_a_day_says() {
    let trial = Trial::with_exports();
    for (day, used) in [("24", "2026-09-25"), ("27", "2026-11-26")] {
        let text = ACCOUNTS.replace("2026-11-20,", &format!("2026-11-{day},")).replace("2026-09-25", used);
        trial.drop_in(&format!("2026-11-{day} accounts.csv"), text);
    }
    fs::create_dir(trial.path("old")).unwrap();
    for name in trial.names("inbox") {
        fs::copy(trial.path("inbox").join(&name), trial.path("old").join(&name)).unwrap();
    }
    let range = ["--from", "2026-11-20", "--to", "2026-11-30"];
    let replay = ["replay", "--snapshots", "old", "--format", "json"];
    let replayed = trial.run(&[&replay[..], &range].concat()).ends_with(0);
    let mut daily = String::new();
    for day in 20..=30 {
        let morning = format!("2026-11-{day}T08:00:00Z");
        let dry = trial.run_at(&morning, &["once", "--dry-run", "--format", "json"]).ends_with(0);
        let done = trial.run_at(&morning, &["once", "--format", "json"]).ends_with(0);
        assert_eq!(dry.out, done.out, "{day} November");
        daily += &done.out;
    }
    assert_eq!(replayed.out, daily);
    assert!(daily.contains("\"stage\":\"final\"") && daily.lines().count() > MESSAGES, "{daily}");
    let with_holds = [&["--set", "adoption.hold=true"], &replay[..], &range, &["--with-holds"]].concat();
    let messages = lines(&trial.run(&with_holds).ends_with(0));
    let (held, free): (Vec<_>, Vec<_>) = messages.iter().partition(|message| message["held"] == true);
    assert!(held.iter().all(|message| message["on"] == "2026-11-20"), "approved by the next day");
    assert_eq!((held.len(), free.len() + held.len()), (MESSAGES, daily.lines().count()));
    let before = trial.tree();
    fits(&trial.run(&[&replay[..3], &range].concat()).ends_with(0));
    assert_eq!(trial.tree(), before, "a replay writes nothing");
    snapshot("replay_nothing", &trial.run(&["replay", "--snapshots", "quarantine"]).ends_with(1));
    snapshot("replay_nowhere", &trial.run(&["replay", "--snapshots", "nowhere"]).ends_with(1));
}

// --- load, list, explain, status

#[test]
fn load_reports_each_file_on_screen_and_as_json_and_moves_none() {
    let trial = Trial::with_exports();
    let before = trial.names("inbox");
    let ran = trial.run(&["load", "--format", "json", "inbox/2026-11-20 accounts.csv", "inbox/site-contacts.csv"]);
    let reports = lines(&ran.ends_with(0));
    for report in &reports {
        for key in [
            "file",
            "source",
            "as_of",
            "rows",
            "subjects",
            "new",
            "changed",
            "unchanged",
            "rejected",
            "ignored_columns",
            "missing_columns",
            "outcome",
            "reason",
        ] {
            assert!(report.get(key).is_some(), "{key} is missing: {report}");
        }
    }
    assert_eq!(texts(&reports, "outcome"), ["loaded", "loaded"]);
    assert_eq!(
        (&reports[0]["rows"], &reports[0]["new"], &reports[0]["as_of"]),
        (&6.into(), &6.into(), &"2026-11-20".into())
    );
    assert_eq!(trial.names("inbox"), before);
    let ran = trial.run(&["load", "inbox/site-contacts.csv"]).ends_with(0);
    snapshot("load_duplicate", &ran);
}

#[test]
fn list_names_what_needs_action_soonest_first() {
    let trial = Trial::with_exports();
    let unloaded = trial.run(&["list"]).ends_with(0);
    assert!(unloaded.out.starts_with("Nothing has been loaded yet"), "{}", unloaded.out);
    trial.run(&["once"]).ends_with(0);
    let ran = trial.run(&["list"]).ends_with(0);
    fits(&ran);
    snapshot("list", &ran);
    let rows = lines(&trial.run(&["list", "--format", "json"]).ends_with(0));
    assert!(
        rows.iter().all(|row| keys(row) == sorted(["subject", "rule", "stage", "anchor_on", "deadline_on", "told"]))
    );
    assert!(texts(&rows, "deadline_on").is_sorted());
    let named = [
        "pat.past@nhs.net",
        "lee.mockford@nhs.net",
        "sam.sample1@nhs.net",
        "optometry.tp1a2@nhs.net",
        "kit.hill@nhs.net",
    ];
    assert_eq!(texts(&rows, "subject"), named);
}

#[test]
fn list_shows_overdue_accounts_and_those_nobody_was_told_of() {
    let trial = Trial::with_exports();
    trial.run(&["load", "inbox/2026-11-20 accounts.csv"]).ends_with(0);
    let subjects = |flag: &str| {
        let rows = lines(&trial.run(&["list", flag, "--format", "json"]).ends_with(0));
        texts(&rows, "subject").into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(subjects("--overdue"), ["pat.past@nhs.net"]);
    let listed = ["pat.past@nhs.net", "lee.mockford@nhs.net", "sam.sample1@nhs.net"];
    assert_eq!(subjects("--coverage")[..3], listed, "past its date; near, and nobody told yet");
    trial.run(&["once"]).ends_with(0);
    assert!(!subjects("--coverage").contains(&"sam.sample1@nhs.net".to_owned()), "somebody was told");
    for flag in ["--overdue", "--coverage", "--unknown", "--held"] {
        let ran = trial.run(&["list", flag]).ends_with(0);
        fits(&ran);
        snapshot(&format!("list{}", flag.replace('-', "_")), &ran);
    }
    trial.run(&["list", "--unknown", "--held"]).ends_with(2);
}

#[test]
fn explain_shows_facts_sums_and_messages_of_one_account() {
    let trial = Trial::with_exports();
    trial.run(&["once"]).ends_with(0);
    for (name, address) in [
        ("explain_warned", "SAM.Sample1@nhs.net"),
        ("explain_read", "ada.example@nhs.net"),
        ("explain_overdue", "pat.past@nhs.net"),
        ("explain_mailbox", "optometry.tp1a2@nhs.net"),
    ] {
        let ran = trial.run(&["explain", address]).ends_with(0);
        fits(&ran);
        snapshot(name, &ran);
    }
    let explained = lines(&trial.run(&["explain", "sam.sample1@nhs.net", "--format", "json"]).ends_with(0));
    assert_eq!(explained.len(), 1);
    assert_eq!(keys(&explained[0]), sorted(["subject", "facts", "findings", "ledger", "next"]));
    let facts = explained[0]["facts"].as_array().unwrap();
    let used = facts.iter().find(|fact| fact["field"] == "last_activity_on").unwrap();
    assert_eq!((&used["file"], &used["line"]), (&"2026-11-20 accounts.csv".into(), &3.into()));
    assert_eq!((&used["value"], &used["as_of"]), (&"2026-09-25".into(), &"2026-11-20".into()));
    assert_eq!((&used["source"], &used["overruled"]), (&"canonical".into(), &Value::Array(Vec::new())));
    assert_eq!(explained[0]["next"]["stage"], "final");
}

#[test]
fn explain_guesses_a_mistyped_address() {
    let trial = Trial::with_exports();
    snapshot("explain_before_anything", &trial.run(&["explain", "sam.sample1@nhs.net"]).ends_with(1));
    trial.run(&["once"]).ends_with(0);
    snapshot("explain_typo", &trial.run(&["explain", "sam.smple1@nhs.net"]).ends_with(1));
}

#[test]
fn status_says_whether_it_works() {
    let trial = Trial::with_exports();
    let before = trial.tree();
    snapshot("status_before_anything", &trial.run(&["status"]).ends_with(0));
    assert_eq!(trial.tree(), before, "asking makes no database");
    trial.run(&["once"]).ends_with(0);
    let ran = trial.run_at("2026-11-21T08:00:00Z", &["status"]).ends_with(0);
    fits(&ran);
    snapshot("status", &ran);
    let status = lines(&trial.run(&["status", "--format", "json"]).ends_with(0));
    assert_eq!(status[0]["outbox"]["accepted"], MESSAGES);
    assert_eq!(status[0]["attention"], Value::Array(Vec::new()));
}

// --- audit

#[test]
fn the_ledger_is_exported_whole_or_by_days_as_csv_and_as_json() {
    let trial = Trial::with_exports();
    snapshot("audit_before_anything", &trial.run(&["audit", "export"]).ends_with(0));
    trial.run(&["once"]).ends_with(0);
    trial.run_at("2026-11-21T08:00:00Z", &["once"]).ends_with(0);
    let all = trial.run(&["audit", "export"]).ends_with(0).out;
    let objects = lines(&trial.run(&["audit", "export", "--format", "json"]).ends_with(0));
    let mut reader = csv::Reader::from_reader(all.as_bytes());
    let header = reader.headers().unwrap().clone();
    let mut names: Vec<_> = header.iter().collect();
    names.sort_unstable();
    for (row, object) in reader.records().map(Result::unwrap).zip(&objects) {
        assert_eq!(keys(object), names);
        for (name, cell) in header.iter().zip(&row) {
            let value = &object[name];
            assert_eq!(cell, value.as_str().map_or_else(|| value.to_string().replace("null", ""), str::to_owned));
        }
    }
    assert_eq!(all.lines().count(), objects.len() + 1);
    let notices = |days: &[&str]| {
        let ran = trial.run(&[&["audit", "export", "--format", "json"], days].concat()).ends_with(0);
        lines(&ran)
    };
    let by_day = |day: &str| objects.iter().filter(|object| object["on"] == day).cloned().collect::<Vec<_>>();
    assert!(!by_day("2026-11-21").is_empty());
    assert_eq!(notices(&["--to", "2026-11-20"]), by_day("2026-11-20"));
    assert_eq!(notices(&["--from", "2026-11-21"]), by_day("2026-11-21"));
    let ran = trial.run(&["audit", "export", "-o", "ledger.csv"]).ends_with(0);
    snapshot("audit_file", &ran);
    let written = fs::read_to_string(trial.path("ledger.csv")).unwrap();
    assert_eq!(written.replace(trial.path("ledger.csv").parent().unwrap().to_str().unwrap(), "[HOME]"), all);
    snapshot("audit_nowhere", &trial.run(&["audit", "export", "-o", "no/ledger.csv"]).ends_with(1));
    let reversed = ["audit", "export", "--from", "2026-11-21", "--to", "2026-11-20"];
    snapshot("audit_reversed", &trial.run(&reversed).ends_with(1));
}

// --- backup, copy

/// The lock of a trial's store, as a daemon has it.
fn lock_store(trial: &Trial) -> fs::File {
    let file = fs::File::options().append(true).open(trial.path("data/lapsewatch.lock")).unwrap();
    file.try_lock().unwrap();
    file
}

#[test]
fn a_restored_backup_sends_nothing_that_its_ledger_knows() {
    let trial = Trial::with_exports();
    let before = trial.tree();
    snapshot("backup_before_anything", &trial.run(&["backup", "backup.db"]).ends_with(5));
    assert_eq!(trial.tree(), before, "asking makes no database");
    trial.run(&["once"]).ends_with(0);
    let ledger = trial.run(&["audit", "export"]).ends_with(0).out;
    let _daemon = lock_store(&trial);
    let ran = trial.run(&["backup", "backup.db"]).ends_with(0);
    fits(&ran);
    snapshot("backup", &ran);
    let refused = trial.run(&["backup", "backup.db"]).ends_with(1);
    fits(&refused);
    snapshot("backup_twice", &refused);
    snapshot("backup_nowhere", &trial.run(&["backup", "no/backup.db"]).ends_with(1));
    let written = lines(&trial.run(&["backup", "second.db", "--format", "json"]).ends_with(0));
    assert_eq!(keys(&written[0]), ["bytes", "file", "of"]);
    assert_eq!(written[0]["bytes"], fs::metadata(trial.path("second.db")).unwrap().len());
    assert!(trial.names(".").iter().all(|name| !name.contains("part")), "{:?}", trial.names("."));

    let restored = Trial::new();
    fs::create_dir(restored.path("data")).unwrap();
    fs::copy(trial.path("backup.db"), restored.path("data/lapsewatch.db")).unwrap();
    let kept = restored.run(&["audit", "export"]).ends_with(0).out;
    assert_eq!(kept.replace(trial.path("").to_str().unwrap(), "[HOME]/"), ledger);
    restored.run(&["once"]).ends_with(0);
    assert_eq!(restored.recipients(), Vec::<String>::new());
    let told = lines(&trial.run_at("2026-11-23T08:00:00Z", &["once", "--dry-run", "--format", "json"]).ends_with(0));
    let tells = restored.run_at("2026-11-23T08:00:00Z", &["once", "--dry-run", "--format", "json"]).ends_with(0);
    assert_eq!(lines(&tells), told, "and what is new it tells like the store it comes from");
    assert!(!told.is_empty());
}

#[test]
fn a_copy_is_the_same_store_in_another_database() {
    let trial = Trial::with_exports();
    let before = trial.tree();
    snapshot("copy_before_anything", &trial.run(&["copy", "--to", "sqlite:new.db"]).ends_with(5));
    assert_eq!(trial.tree(), before, "asking makes no database");
    trial.run(&["once"]).ends_with(0);
    let daemon = lock_store(&trial);
    let busy = trial.run(&["copy", "--to", "sqlite:new.db"]).ends_with(5);
    fits(&busy);
    snapshot("copy_busy", &busy);
    drop(daemon);
    let ran = trial.run(&["copy", "--to", "sqlite:new.db"]).ends_with(0);
    fits(&ran);
    snapshot("copy", &ran);
    let same = ["--set", "database.url=\"sqlite:new.db\"", "audit", "export"];
    assert_eq!(trial.run(&same).ends_with(0).out, trial.run(&["audit", "export"]).ends_with(0).out);
    let refused = trial.run(&["copy", "--to", "sqlite:new.db"]).ends_with(5);
    fits(&refused);
    snapshot("copy_twice", &refused);
    let json = lines(&trial.run(&["copy", "--to", "sqlite:newer.db", "--format", "json"]).ends_with(0));
    assert!(json.iter().all(|table| keys(table) == ["rows", "table"]));
    assert_eq!(json.len() + 2, ran.out.lines().count(), "a line a table, and on screen what comes next");
}

#[test]
fn no_password_of_a_database_is_shown() {
    let trial = Trial::with_exports();
    trial.run(&["once"]).ends_with(0);
    trial.write("password", "hunter2\n");
    let refuse = |arguments: &[&str], code: i32, words: &str| {
        let ran = trial.run(arguments).ends_with(code);
        fits(&ran);
        let said = ran.err.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(words), "{}", ran.screen());
        let loud = trial.run(&[arguments, &["-v", "-v"]].concat()).ends_with(code);
        assert!(!(ran.screen() + &loud.screen()).contains("hunter2"), "{}", loud.screen());
    };
    refuse(&["copy", "--to", "postgres://lw:hunter2@127.0.0.1:1/lw"], 5, "postgres://lw@127.0.0.1:1/lw");
    refuse(&["copy", "--to", "postgress://lw:hunter2@127.0.0.1/lw"], 5, "begins with none of");
    refuse(&["copy", "--to", "postgres://lw:hunter2@db.example/lw?sslmode=require"], 5, "sslmode=require");
    let elsewhere = "database.url=\"postgres://lw@127.0.0.1:1/lw\"";
    let file = format!("database.password_file=\"{}\"", trial.path("password").display());
    refuse(&["--set", elsewhere, "--set", &file, "status"], 3, "chmod 600");
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(trial.path("password"), private).unwrap();
    refuse(&["--set", elsewhere, "--set", &file, "status"], 5, "cannot open the database");
    let to = ["copy", "--to", "postgres://lw@127.0.0.1:1/lw", "--password-file", "password"];
    refuse(&to, 5, "cannot open the database");
    let credential = "database.password_file=\"credential:database\"";
    refuse(&["--set", elsewhere, "--set", credential, "status"], 3, "/etc/credstore/lapsewatch.database");
}

// --- check, preview, test-mail

#[test]
fn check_says_every_problem_at_once_and_changes_nothing() {
    let trial = Trial::with_exports();
    fs::create_dir(trial.path("outgoing")).unwrap();
    let before = trial.tree();
    let good = trial.run(&["check"]).ends_with(0);
    fits(&good);
    snapshot("check", &good);
    let text = fs::read_to_string(trial.path("lapsewatch.toml")).unwrap();
    let bad = "[policy]\ntime_zone = 5\ncoverd_domains = []\n[rules.password]\nenabled = \"yes\"\n";
    trial.write("bad.toml", text + bad);
    let mut command = trial.command();
    command.args(["check", "--config", "bad.toml"]);
    let bare = trial.finish(command).ends_with(3);
    fits(&bare);
    snapshot("check_bad", &bare);
    fs::remove_file(trial.path("bad.toml")).unwrap();
    assert_eq!(trial.tree(), before);
}

#[test]
fn check_says_the_same_to_scripts_a_line_each() {
    let trial = Trial::with_exports();
    let good = lines(&trial.run(&["check", "--format", "json"]).ends_with(0));
    assert_eq!(texts(&good, "part"), ["config", "messages", "inbox", "data", "mail"]);
    assert_eq!(texts(&good, "severity"), ["ok"; 5]);
    let wrong = lines(&trial.run(&["--set", "mail.frm=1", "check", "--format", "json"]).ends_with(3));
    assert_eq!(texts(&wrong, "file"), ["--set mail.frm=1"]);
    trial.write("bad.toml", "[mail]\nfrom = 5\n[schedule]\nevaluate = \"whenever\"\n");
    let mut command = trial.command();
    command.args(["check", "--config", "bad.toml", "--format", "json"]);
    let bad = lines(&trial.finish(command).ends_with(3));
    let places: Vec<_> = bad.iter().map(|line| (line["line"].as_u64(), line["column"].as_u64())).collect();
    assert!(places.contains(&(Some(2), Some(8))) && places.contains(&(Some(4), Some(12))), "{bad:?}");
    assert!(bad.iter().all(|line| line["severity"] == "error" || line["severity"] == "warning"), "{bad:?}");
}

#[test]
fn check_names_mailboxes_without_an_owner_and_counts_people_without_a_second_address() {
    let trial = Trial::with_exports();
    let contacts = "ods_code,sector,site_name,shared_mailbox,address,role,alternate_address,administered_by\n\
                    TP1A2,optometry,Northtown Opticians,optometry.tp1a2@nhs.net,kit.hill@nhs.net,member,,NAS\n\
                    TP1A3,optometry,Southtown Opticians,optometry.tp1a3@nhs.net,ada.example@nhs.net,owner,ada@example.org,NAS\n";
    trial.drop_in("site-contacts.csv", contacts);
    trial.run(&["once"]);
    let said = trial.run(&["check"]).ends_with(0);
    fits(&said);
    snapshot("check_contacts", &said);
}

#[test]
fn preview_writes_every_message_three_ways_and_sends_none() {
    let trial = Trial::new();
    let ran = trial.run(&["preview", "--to", "preview", "--rule", "leaver", "--stage", "final"]).ends_with(0);
    fits(&ran);
    snapshot("preview", &ran);
    let names = trial.names("preview");
    assert_eq!(names.len() % 3, 0, "{names:?}");
    assert!(names.contains(&"letter.leaver.final.eml".to_owned()), "{names:?}");
    let all = trial.run(&["preview", "--to", "all"]).ends_with(0);
    fits(&all);
    assert!(trial.names("all").len() > 200 && trial.names("outgoing").is_empty());
    snapshot(
        "preview_no_stage",
        &trial.run(&["preview", "--to", "x", "--rule", "leaver", "--stage", "no"]).ends_with(1),
    );
    snapshot("preview_no_rule", &trial.run(&["preview", "--to", "x", "--rule", "leavers"]).ends_with(2));
    trial.write("file", "");
    snapshot("preview_nowhere", &trial.run(&["preview", "--to", "file/x"]).ends_with(1));
}

#[test]
fn test_mail_goes_through_the_real_transport() {
    let trial = Trial::new();
    let ran = trial.run(&["test-mail", "me@anyshire.example"]).ends_with(0);
    fits(&ran);
    assert!(ran.out.starts_with("Wrote 1 test message to me@anyshire.example; nothing was sent"), "{}", ran.out);
    assert_eq!(trial.recipients(), ["me@anyshire.example"]);
    assert!(trial.names("data").is_empty(), "a test makes no database");
}

// --- settings, help, terminals

#[test]
fn settings_come_from_defaults_file_environment_and_command_line_in_this_order() {
    let trial = Trial::with_exports();
    let config = trial.path("lapsewatch.toml");
    let operators = |change: &dyn Fn(&mut Command)| {
        let mut command = trial.command();
        command.env("LAPSEWATCH_CONFIG", &config).args(["--at", MORNING, "once", "--dry-run", "--format", "json"]);
        change(&mut command);
        let messages = lines(&trial.finish(command).ends_with(0));
        let operator = messages.iter().find(|message| message["kind"] == "operator").unwrap();
        operator["recipient"].as_str().unwrap().to_owned()
    };
    assert_eq!(operators(&|_| ()), "operator@anyshire.example", "the file LAPSEWATCH_CONFIG names");
    let by_environment = |command: &mut Command| {
        command.env("LAPSEWATCH__MAIL__OPERATOR", "env@anyshire.example");
    };
    assert_eq!(operators(&by_environment), "env@anyshire.example");
    let by_both = |command: &mut Command| {
        by_environment(command);
        command.args(["--set", "mail.operator=\"set@anyshire.example\""]);
    };
    assert_eq!(operators(&by_both), "set@anyshire.example");
}

#[test]
fn without_a_configuration_the_defaults_hold() {
    if std::path::Path::new("/etc/lapsewatch/lapsewatch.toml").exists() {
        return;
    }
    let trial = Trial::with_exports();
    let mut command = trial.command();
    let url = format!("database.url=\"sqlite:{}\"", trial.path("own.db").display());
    let inbox = format!("snapshots.inbox=\"{}\"", trial.path("inbox").display());
    command.args(["--at", MORNING, "--set", &url, "--set", &inbox, "once", "--dry-run", "--format", "json"]);
    let messages = lines(&trial.finish(command).ends_with(0));
    assert!(texts(&messages, "recipient").contains(&"operator@example.org"));
}

#[test]
fn help_fits_one_screen_and_every_command_has_its_own() {
    let trial = Trial::new();
    let long = trial.run(&["--help"]).ends_with(0);
    fits(&long);
    assert!(long.out.lines().count() <= 45, "{} lines", long.out.lines().count());
    snapshot("help", &long);
    assert_eq!(trial.run(&["-h"]).ends_with(0).out, long.out);
    for command in [
        "run",
        "once",
        "check",
        "load",
        "list",
        "explain",
        "status",
        "replay",
        "preview",
        "test-mail",
        "settle",
        "forget",
        "audit",
        "backup",
        "copy",
    ] {
        assert!(long.out.contains(&format!("\n  {command} ")), "{command} is not in the help");
        let own = trial.run(&[command, "--help"]).ends_with(0);
        fits(&own);
        assert!(own.out.lines().count() <= 24, "{command}");
        assert_eq!(trial.run(&[command, "-h"]).ends_with(0).out, own.out);
    }
    snapshot("help_list", &trial.run(&["list", "--help"]));
    let version = trial.run(&["--version"]).ends_with(0).out;
    assert_eq!(version, format!("lapsewatch {}\n", env!("CARGO_PKG_VERSION")));
}

/// The commands that the help lists.
fn commands(trial: &Trial) -> Vec<String> {
    let help = trial.run(&["--help"]).out;
    let listed = help.lines().take_while(|line| *line != "Options:").filter(|line| line.starts_with("  "));
    listed.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
}

#[test]
fn the_manual_tells_of_every_command_option_exit_code_and_setting() {
    let trial = Trial::new();
    // A file that is wrong is no reason not to read up on it.
    trial.write("lapsewatch.toml", "[mial]");
    let program = trial.run(&["man"]).ends_with(0).out.replace("\\-", "-");
    for command in commands(&trial) {
        assert!(program.contains(&format!(".SS \"lapsewatch {command}")), "{command} is not in the manual");
        let help = trial.run(&[&command, "--help"]).ends_with(0).out;
        let options = help.split_whitespace().filter(|word| word.starts_with("--"));
        for option in options.map(|word| word.trim_end_matches(|letter: char| !letter.is_alphanumeric())) {
            assert!(program.contains(&format!("\\fB{option}\\fR")), "{option} of {command} is not in the manual");
        }
    }
    for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "ENVIRONMENT", "FILES", "SEE ALSO"] {
        let heading = if section.contains(' ') { format!("\"{section}\"") } else { section.to_owned() };
        assert!(program.contains(&format!("\n.SH {heading}\n")), "{section}");
    }
    for code in 0..=7 {
        assert!(program.contains(&format!("\n.TP\n{code}\n")), "exit code {code}");
    }
    let settings = trial.run(&["man", "lapsewatch.toml"]).ends_with(0).out.replace("\\-", "-");
    let mut names = 0;
    for line in lapsewatch::config::DEFAULTS.lines().filter(|line| !line.starts_with("# ") && !line.starts_with(' ')) {
        let name = line.trim_start_matches('#').split(" = ").next().unwrap();
        let shown = if line.starts_with('[') { format!(".SS {name}\n") } else { format!("\n\\fB{name}\\fR ") };
        assert!(line.len() < 2 || settings.contains(&shown), "{name} is not in the manual");
        names += usize::from(settings.contains(&shown));
    }
    assert!(names > 100, "{names}");
    assert!(program.contains("2026-11-20") && settings.contains("2026-11-20"), "dated by the clock");
}

#[test]
fn completions_know_every_command() {
    let trial = Trial::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let completions = trial.run(&["completions", shell]).ends_with(0).out;
        for command in commands(&trial) {
            assert!(completions.contains(&command), "{shell} does not complete {command}");
        }
    }
}

#[test]
fn wrong_use_ends_with_2_and_a_suggestion() {
    let trial = Trial::new();
    for (name, arguments) in [
        ("wrong_command", &["stauts"][..]),
        ("wrong_option", &["once", "--dryrun"]),
        ("wrong_instant", &["--at", "yesterday", "status"]),
        ("nothing_to_do", &[]),
    ] {
        let mut command = trial.command();
        command.args(arguments);
        snapshot(name, &trial.finish(command).ends_with(2));
    }
}

#[test]
fn colours_are_for_terminals_unless_asked_for() {
    let trial = Trial::with_exports();
    let is_coloured = |ran: Ran| ran.ends_with(0).out.contains('\u{1b}');
    assert!(!is_coloured(trial.run(&["check"])));
    assert!(!is_coloured(trial.run(&["--color", "never", "once", "--dry-run"])));
    assert!(is_coloured(trial.run(&["--color", "always", "once", "--dry-run"])));
    for format in [&["list", "--format", "json"][..], &["once", "--dry-run", "--format", "json"]] {
        assert!(!is_coloured(trial.run(&[&["--color", "always"], format].concat())), "JSON has no colours");
    }
    let mut command = trial.command();
    command.env("NO_COLOR", "1").env("CLICOLOR_FORCE", "1").env("TERM", "xterm-256color").arg("check");
    command.arg("--config").arg(trial.path("lapsewatch.toml"));
    assert!(!is_coloured(trial.finish(command)), "NO_COLOR has the last word");
    let wrong = trial.run(&["--color", "never", "--set", "mail.frm=1", "check"]).ends_with(3);
    assert!(!wrong.err.contains('\u{1b}'), "{}", wrong.err);
}

/// `lapsewatch … | head -1`: the work is done all the same.
#[test]
fn a_reader_that_goes_away_is_no_reason_to_stop() {
    let trial = Trial::with_exports();
    for (arguments, code) in [
        (&["once"][..], 0),
        (&["list"], 0),
        (&["list", "--format", "json"], 0),
        (&["check", "--format", "json"], 0),
        (&["check", "--format", "json", "--set", "mail.frm=1"], 3),
        (&["audit", "export"], 0),
        (&["preview", "--to", "preview"], 0),
        (&["completions", "bash"], 0),
        (&["man"], 0),
        (&["--help"], 0),
    ] {
        let mut command = trial.command();
        command.args(["--config"]).arg(trial.path("lapsewatch.toml")).args(["--at", MORNING]).args(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut errors = String::new();
        child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code), "{arguments:?}: {errors}");
        assert_eq!(errors, "", "{arguments:?}");
    }
    assert_eq!(trial.recipients().len(), MESSAGES);
    assert!(trial.names("preview").len() > 200);
}

#[test]
fn an_answer_that_cannot_be_written_is_a_failure() {
    let trial = Trial::with_exports();
    for arguments in [&["list"][..], &["status"], &["check"], &["audit", "export"]] {
        let mut command = trial.command();
        command.arg("--config").arg(trial.path("lapsewatch.toml")).args(["--at", MORNING]).args(arguments);
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let done = command.stdout(full).output().unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.contains("error: "), "{arguments:?}: {said}");
    }
}

#[test]
fn a_first_trial_needs_three_lines_and_leaves_nothing_elsewhere() {
    let trial = Trial::new();
    trial.write(
        "three.toml",
        "database.url = \"sqlite:own.db\"\nsnapshots.inbox = \"inbox\"\nmail.directory = \"out\"\n",
    );
    trial.drop_in("2026-11-20 accounts.csv", ACCOUNTS);
    let mut command = trial.command();
    command.args(["--config", "three.toml", "--at", MORNING, "once", "--dry-run"]);
    fits(&trial.finish(command).ends_with(0));
    assert!(!trial.path("own.db").exists());
}
