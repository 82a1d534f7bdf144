//! Bad input, each with a clear message and exit code, and nothing lost: damaged files, folders and databases that
//! cannot be used, and mail servers that misbehave.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

#[path = "smtp/fake.rs"]
#[expect(dead_code, clippy::indexing_slicing, reason = "shared with tests/smtp.rs, which uses the rest of it")]
mod fake;
mod program;
#[path = "program/through.rs"]
mod through;

use std::{
    fs::{self, File},
    os::unix::{
        fs::{MetadataExt, PermissionsExt, symlink},
        process::CommandExt,
    },
    process::{Command, Stdio},
};

use fake::{Do, Fake, polite};
use program::{ACCOUNTS, CONTACTS, MORNING, Ran, Trial};
use through::{except, taken, through};

/// Ten minutes later: what was deferred once is due again.
const LATER: &str = "2026-11-20T08:10:00Z";

/// What is planned for the accounts of every trial: letters, digests and the operator's message.
const MESSAGES: usize = 10;

#[track_caller]
fn snapshot(name: &str, ran: &Ran) {
    insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!(name, ran.screen()) });
}

/// Drops one bad file beside good ones: the good ones are loaded and told of, the bad one is put aside with the reason.
#[track_caller]
fn is_put_aside(name: &str, file: &str, bytes: &[u8], reason: &str) {
    let trial = Trial::with_exports();
    trial.drop_in(file, bytes);
    snapshot(name, &trial.run(&["once"]).ends_with(7));
    assert_eq!(trial.names("inbox"), [""; 0], "nothing is left behind");
    assert_eq!(trial.names("quarantine"), [file.to_owned(), format!("{file}.reason.txt")]);
    assert_eq!(fs::read(trial.path("quarantine").join(file)).unwrap(), bytes, "not a byte is lost");
    let note = fs::read_to_string(trial.path("quarantine").join(format!("{file}.reason.txt"))).unwrap();
    assert!(note.contains(reason), "{note}");
    assert_eq!(trial.names("archive"), ["2026-11-20 accounts.csv", "site-contacts.csv"]);
    assert_eq!(trial.recipients().len(), MESSAGES, "the others are told");
    trial.run(&["once"]).ends_with(0);
}

#[test]
fn an_empty_file_is_put_aside() {
    is_put_aside("empty", "2026-11-20 report.csv", b"", "the file is empty");
}

#[test]
fn a_list_without_a_row_is_put_aside_and_nobody_is_taken_for_gone() {
    let header = ACCOUNTS.lines().next().unwrap_or_default();
    is_put_aside("no_rows", "2026-11-20 report.csv", header.as_bytes(), "it has no rows");
}

#[test]
fn a_half_copied_file_is_put_aside() {
    let half = &ACCOUNTS.as_bytes()[..ACCOUNTS.len() - 60];
    is_put_aside("half_copied", "2026-11-20 report.csv", half, "copied only in part");
}

#[test]
fn a_file_with_an_unclosed_quote_is_put_aside() {
    let unclosed = ACCOUNTS.replacen("\"SAMPLE, Sam\"", "\"SAMPLE, Sam", 1);
    is_put_aside("unclosed_quote", "2026-11-20 report.csv", unclosed.as_bytes(), "line 3: a quote opens here");
}

#[test]
fn a_header_nobody_knows_is_put_aside() {
    let unknown = b"Name,Favourite colour,Shoe size\nAda,blue,38\n";
    is_put_aside("unknown_header", "colours.csv", unknown, "no known export has these columns: \"Name\"");
}

#[test]
fn a_damaged_workbook_is_put_aside() {
    is_put_aside("workbook", "Mailbox Report.xlsx", b"PK\x03\x04 and so on", "download or copy it again");
}

#[test]
fn twenty_impossible_dates_cost_twenty_rows_and_no_more() {
    let trial = Trial::new();
    let bad = |nth: u32| format!("2026-11-20,b-{nth},bo.bad{nth}@nhs.net,\"BAD, Bo\",user,Active,,,31/02/2026,,\n");
    trial.drop_in("2026-11-20 accounts.csv", ACCOUNTS.to_owned() + &(1..=20).map(bad).collect::<String>());
    snapshot("impossible_dates", &trial.run(&["load", "inbox/2026-11-20 accounts.csv"]).ends_with(0));
    let ran = trial.run(&["once"]).ends_with(0);
    assert!(ran.out.contains("the same file was loaded before"), "{}", ran.out);
    let listed = trial.run(&["list"]).ends_with(0).out;
    assert!(listed.contains("sam.sample1@nhs.net") && !listed.contains("bo.bad"), "{listed}");
}

#[test]
fn a_file_that_load_refuses_stays_where_it_is() {
    let trial = Trial::new();
    trial.write("colours.csv", "Name,Colour\nAda,blue\n");
    trial.write("accounts.csv", ACCOUNTS);
    snapshot("load_refused", &trial.run(&["load", "colours.csv", "nowhere.csv", "accounts.csv"]).ends_with(7));
    assert!(trial.path("colours.csv").exists() && trial.names("quarantine").is_empty());
    assert!(trial.run(&["list"]).out.contains("sam.sample1@nhs.net"), "the good one is loaded");
}

#[test]
fn what_is_no_finished_export_is_left_alone() {
    let trial = Trial::with_exports();
    for name in [".hidden.csv", "report.csv.part", "report.tmp", "~$report.csv", "report.csv~", "x.crdownload"] {
        trial.drop_in(name, "half");
    }
    fs::create_dir(trial.path("inbox/folder")).unwrap();
    trial.drop_in("folder/inner.csv", ACCOUNTS);
    trial.write("elsewhere.csv", "Name,Colour\nAda,blue\n");
    symlink(trial.path("elsewhere.csv"), trial.path("inbox/link.csv")).unwrap();
    symlink(trial.path("nowhere.csv"), trial.path("inbox/dangling.csv")).unwrap();
    let before = trial.names("inbox").len();
    trial.run(&["once"]).ends_with(0);
    assert_eq!(trial.names("inbox").len(), before - 2, "two were exports");
    assert!(trial.path("inbox/folder/inner.csv").exists() && trial.path("elsewhere.csv").exists());
}

#[test]
fn the_same_file_again_is_passed_over_and_two_of_one_name_are_both_kept() {
    let trial = Trial::with_exports();
    trial.run(&["once"]).ends_with(0);
    trial.drop_in("2026-11-20 accounts (1).csv", ACCOUNTS);
    snapshot("duplicate", &trial.run(&["once"]).ends_with(0));
    trial.drop_in("site-contacts.csv", CONTACTS.replace("member", "owner"));
    trial.run(&["once"]).ends_with(0);
    let kept = ["2-site-contacts.csv", "2026-11-20 accounts (1).csv", "2026-11-20 accounts.csv", "site-contacts.csv"];
    assert_eq!(trial.names("archive"), kept);
    assert!(fs::read_to_string(trial.path("archive/site-contacts.csv")).unwrap().contains("member"));
    for _ in 0..2 {
        trial.drop_in("empty.csv", "");
        trial.run(&["once"]).ends_with(7);
    }
    let aside = ["2-empty.csv", "2-empty.csv.reason.txt", "empty.csv", "empty.csv.reason.txt"];
    assert_eq!(trial.names("quarantine"), aside);
}

#[test]
fn a_file_of_a_day_to_come_waits_for_it() {
    let trial = Trial::with_exports();
    trial.run(&["once"]).ends_with(0);
    let tomorrow = ACCOUNTS.replace("2026-11-20,", "2026-11-21,");
    trial.drop_in("2026-11-21 accounts.csv", tomorrow);
    snapshot("future", &trial.run(&["once"]).ends_with(0));
    assert_eq!(trial.names("inbox"), ["2026-11-21 accounts.csv"]);
    trial.run_at("2026-11-21T08:00:00Z", &["once"]).ends_with(0);
    assert!(trial.names("inbox").is_empty());
}

#[test]
fn an_inbox_that_cannot_be_made_ends_it_before_anything_happens() {
    let trial = Trial::with_exports();
    trial.write("file", "");
    let inbox = format!("snapshots.inbox=\"{}\"", trial.path("file/inbox").display());
    snapshot("inbox_folder", &trial.run(&["--set", &inbox, "once"]).ends_with(1));
    assert!(trial.names("outgoing").is_empty());
}

#[test]
fn an_archive_or_quarantine_that_cannot_be_written_loads_nothing_and_leaves_every_file() {
    for folder in ["archive", "quarantine"] {
        let trial = Trial::with_exports();
        trial.drop_in("empty.csv", "");
        trial.write("file", "");
        let set = format!("snapshots.{folder}=\"{}\"", trial.path("file").join(folder).display());
        snapshot(&format!("{folder}_folder"), &trial.run(&["--set", &set, "once"]).ends_with(1));
        assert_eq!(trial.names("inbox"), ["2026-11-20 accounts.csv", "empty.csv", "site-contacts.csv"]);
        assert!(trial.names("outgoing").is_empty());
        trial.run(&["once"]).ends_with(7);
        assert_eq!(trial.recipients().len(), MESSAGES, "once it is mended, everything is told");
    }
}

#[test]
fn an_outgoing_folder_that_cannot_be_written_keeps_every_message_for_the_next_run() {
    let trial = Trial::with_exports();
    trial.write("file", "");
    let set = format!("mail.directory=\"{}\"", trial.path("file/outgoing").display());
    snapshot("outgoing_folder", &trial.run(&["--set", &set, "once"]).ends_with(6));
    assert_eq!(trial.names("inbox"), [""; 0], "the files are loaded");
    trial.run_at(LATER, &["once"]).ends_with(0);
    assert_eq!(trial.recipients().len(), MESSAGES + 1, "everything, and the operator hears that sending had stopped");
}

#[test]
fn a_database_that_cannot_be_made_touches_nothing() {
    let trial = Trial::with_exports();
    trial.write("file", "");
    let set = format!("database.url=\"sqlite:{}\"", trial.path("file/lapsewatch.db").display());
    let before = trial.tree();
    snapshot("database_folder", &trial.run(&["--set", &set, "once"]).ends_with(5));
    assert_eq!(trial.tree(), before);
}

#[test]
fn a_file_that_is_no_database_is_said_to_be_none_and_left_as_it_is() {
    let trial = Trial::with_exports();
    fs::create_dir(trial.path("data")).unwrap();
    trial.write("data/lapsewatch.db", "this is a shopping list, not a database".repeat(40));
    snapshot("not_a_database", &trial.run(&["once"]).ends_with(5));
    assert!(fs::read_to_string(trial.path("data/lapsewatch.db")).unwrap().starts_with("this is a shopping list"));
    assert_eq!(trial.names("inbox").len(), 2);
}

/// The user and the group that own nothing.
const NOBODY: u32 = 65_534;

/// Runs it as somebody whom permissions bind: root becomes nobody.
fn run_unprivileged(trial: &Trial, arguments: &[&str]) -> Ran {
    let program = trial.path("lapsewatch");
    fs::copy(env!("CARGO_BIN_EXE_lapsewatch"), &program).unwrap();
    fs::set_permissions(trial.path("."), fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new(&program);
    command.env_clear().current_dir(trial.path(".")).stdin(Stdio::null());
    command.env("LAPSEWATCH__ADOPTION__HOLD", "false").env("LAPSEWATCH__BREAKER__ENABLED", "false");
    command.arg("--config").arg(trial.path("lapsewatch.toml")).args(["--at", MORNING]).args(arguments);
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        command.uid(NOBODY).gid(NOBODY);
    }
    trial.finish(command)
}

/// Nobody may write the database's file; all else is free.
#[test]
fn a_read_only_database_leaves_the_inbox_alone_and_tells_nobody() {
    let trial = Trial::with_exports();
    trial.run(&["once"]).ends_with(0);
    trial.drop_in("2026-11-20 more.csv", ACCOUNTS.replace("sample1", "sample2"));
    for folder in ["data", "inbox", "archive", "quarantine", "outgoing"] {
        fs::set_permissions(trial.path(folder), fs::Permissions::from_mode(0o777)).unwrap();
    }
    fs::set_permissions(trial.path("data/lapsewatch.lock"), fs::Permissions::from_mode(0o666)).unwrap();
    fs::set_permissions(trial.path("data/lapsewatch.db"), fs::Permissions::from_mode(0o444)).unwrap();
    snapshot("read_only_database", &run_unprivileged(&trial, &["once"]).ends_with(5));
    assert_eq!(trial.names("inbox"), ["2026-11-20 more.csv"]);
    assert_eq!(trial.recipients().len(), MESSAGES);
}

#[test]
fn an_archive_that_may_not_be_written_leaves_its_files_and_everybody_is_told() {
    let trial = Trial::with_exports();
    let free = ["data", "inbox", "quarantine", "outgoing"].map(|folder| (folder, 0o777));
    for (folder, mode) in free.into_iter().chain([("archive", 0o555)]) {
        fs::create_dir_all(trial.path(folder)).unwrap();
        fs::set_permissions(trial.path(folder), fs::Permissions::from_mode(mode)).unwrap();
    }
    let check = run_unprivileged(&trial, &["check"]).ends_with(0);
    let said = check.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("you cannot write into [HOME]/archive (snapshots.archive): Permission denied"), "{said}");
    assert_eq!(said.matches("you cannot write").count(), 1, "{said}");
    snapshot("read_only_archive", &run_unprivileged(&trial, &["once"]).ends_with(7));
    assert_eq!(trial.names("inbox").len(), 2);
    assert_eq!(trial.recipients().len(), MESSAGES);
}

#[test]
fn an_inbox_that_may_not_be_written_keeps_its_files_and_is_named() {
    let trial = Trial::with_exports();
    for (folder, mode) in
        [("data", 0o777), ("archive", 0o777), ("quarantine", 0o777), ("outgoing", 0o777), ("inbox", 0o555)]
    {
        fs::create_dir_all(trial.path(folder)).unwrap();
        fs::set_permissions(trial.path(folder), fs::Permissions::from_mode(mode)).unwrap();
    }
    let ran = run_unprivileged(&trial, &["once"]).ends_with(7);
    fs::set_permissions(trial.path("inbox"), fs::Permissions::from_mode(0o755)).unwrap();
    let said = ran.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("cannot move it from [HOME]/inbox into [HOME]/archive: Permission denied"), "{said}");
    assert_eq!(trial.names("inbox").len(), 2);
}

#[test]
fn a_file_that_may_not_be_read_is_put_aside_and_stops_no_other() {
    let trial = Trial::with_exports();
    trial.drop_in("secret.csv", ACCOUNTS);
    fs::set_permissions(trial.path("inbox/secret.csv"), fs::Permissions::from_mode(0o000)).unwrap();
    for folder in ["data", "inbox", "archive", "quarantine", "outgoing"] {
        fs::create_dir_all(trial.path(folder)).unwrap();
        fs::set_permissions(trial.path(folder), fs::Permissions::from_mode(0o777)).unwrap();
    }
    let ran = run_unprivileged(&trial, &["once"]).ends_with(7);
    assert!(ran.out.contains("the file cannot be read, "), "{}", ran.out);
    assert_eq!(trial.names("quarantine"), ["secret.csv", "secret.csv.reason.txt"]);
    assert_eq!(trial.recipients().len(), MESSAGES);
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_not_touched() {
    let trial = Trial::with_exports();
    trial.run(&["once"]).ends_with(0);
    let url = format!("sqlite:{}", trial.path("data/lapsewatch.db").display());
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    let newer = "INSERT INTO _sqlx_migrations (version, description, installed_on, success, checksum, execution_time)
                 VALUES (9999, 'of next year', '2027-11-20', 1, x'00', 0)";
    sqlx::query(newer).execute(&pool).await.unwrap();
    pool.close().await;
    for command in [["once"], ["status"], ["list"]] {
        snapshot("newer_database", &trial.run(&command).ends_with(5));
    }
}

#[test]
fn while_another_lapsewatch_is_at_work_one_waits_and_reading_goes_on() {
    let trial = Trial::with_exports();
    trial.run(&["once"]).ends_with(0);
    let lock = File::options().append(true).open(trial.path("data/lapsewatch.lock")).unwrap();
    lock.lock().unwrap();
    snapshot("another_at_work", &trial.run(&["once"]).ends_with(5));
    trial.run(&["load", "archive/site-contacts.csv"]).ends_with(5);
    for reading in [&["list"][..], &["status"], &["once", "--dry-run"], &["explain", "sam.sample1@nhs.net"]] {
        trial.run(reading).ends_with(0);
    }
    drop(lock);
    trial.run(&["once"]).ends_with(0);
}

#[test]
fn a_wrong_configuration_names_every_problem_and_does_nothing() {
    let trial = Trial::with_exports();
    let good = fs::read_to_string(trial.path("lapsewatch.toml")).unwrap();
    trial.write(
        "lapsewatch.toml",
        good.replace("operator =", "opperator =") + "[policy]\ntime_zone = \"Europe/Luton\"\n",
    );
    let before = trial.tree();
    snapshot("wrong_configuration", &trial.run(&["once"]).ends_with(3));
    assert_eq!(trial.tree(), before);
    trial.write("lapsewatch.toml", "[mail\n");
    snapshot("broken_toml", &trial.run(&["once"]).ends_with(3));
    fs::remove_file(trial.path("lapsewatch.toml")).unwrap();
    snapshot("no_such_configuration", &trial.run(&["once"]).ends_with(3));
}

// --- Mail servers.

/// With this server nobody is told and nobody is rejected; with a polite one, later, everybody is told once.
async fn loses_nothing(name: &str, fake: Fake) {
    let trial = Trial::with_exports();
    snapshot(name, &through(&fake, &trial, MORNING, &["once"]).ends_with(6));
    let status = trial.run(&["status"]).ends_with(0);
    assert!(status.out.contains(&format!("{MESSAGES} waiting, 0 unknown")), "{}", status.out);
    assert!(status.out.contains("ATTENTION  sending stopped"), "{}", status.out);
    let mended = Fake::start(|_, line| polite(line)).await;
    let sent = through(&mended, &trial, LATER, &["once"]).ends_with(0);
    assert!(sent.out.contains(&format!("{MESSAGES} sent that waited")), "{}", sent.out);
    assert!(sent.out.contains("1 message tells the operator what else needs a person"), "{}", sent.out);
    assert_eq!(taken(&mended).len(), MESSAGES + 1, "and the operator hears that sending had stopped");
    through(&mended, &trial, LATER, &["once"]).ends_with(0);
    assert_eq!(taken(&mended).len(), MESSAGES + 1, "nobody is told twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_the_login_loses_nothing() {
    let refusal = Do::Say("535 5.7.8 Error: authentication failed");
    loses_nothing("login_refused", Fake::start(except("AUTH", refusal)).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_never_greets_loses_nothing() {
    loses_nothing("never_greets", Fake::start(except("", Do::Hang)).await.in_a_hurry()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_after_the_word_data_loses_nothing() {
    loses_nothing("hangs_at_data", Fake::start(except("DATA", Do::Hang)).await.in_a_hurry()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_the_sender_loses_nothing() {
    let refusal = Do::Say("550 5.7.60 Client may not send as this sender");
    loses_nothing("sender_refused", Fake::start(except("MAIL", refusal)).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_loses_nothing() {
    let gone = Fake::start(except("", Do::Close)).await;
    loses_nothing("closes_at_once", gone).await;
}

/// Nobody knows whether the messages arrived: last warnings are sent again, the others wait for a person.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_after_the_body_leaves_it_unknown_and_guesses_nothing() {
    let trial = Trial::with_exports();
    let silent = Fake::start(except(".", Do::Hang)).await.in_a_hurry();
    // Three answers that never come, one after the other, and the rest is not put at risk.
    let ran = through(&silent, &trial, MORNING, &["--set", "mail.smtp.connections=1", "once"]).ends_with(6);
    snapshot("hangs_after_the_body", &ran);
    let unknown = trial.run(&["list", "--unknown", "--format", "json"]).ends_with(0).out;
    assert!(unknown.lines().all(|line| !line.contains("\"stage\":\"final\"")), "{unknown}");
    let mended = Fake::start(|_, line| polite(line)).await;
    through(&mended, &trial, LATER, &["once"]).ends_with(0);
    let news = 1;
    assert_eq!(taken(&mended).len() + unknown.lines().count(), MESSAGES + news, "the last warnings, again");
    let still = trial.run(&["list", "--unknown", "--format", "json"]).ends_with(0).out;
    assert_eq!(still, unknown, "the others are for a person");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_recipient_never_stops_the_others() {
    let trial = Trial::with_exports();
    let refusal = Do::Say("550 5.1.1 No such user");
    let fake = Fake::start(except("RCPT TO:<sam@northtown.example", refusal)).await;
    snapshot("recipient_refused", &through(&fake, &trial, MORNING, &["once"]).ends_with(0));
    let status = trial.run(&["status"]).ends_with(0);
    assert!(status.out.contains("0 waiting, 0 unknown"), "{}", status.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_the_mail_servers_fault_and_sends_nothing() {
    let trial = Trial::new();
    let fake = Fake::start(except("AUTH", Do::Say("535 5.7.8 Error: authentication failed"))).await;
    snapshot("check_login_refused", &through(&fake, &trial, MORNING, &["check"]).ends_with(0));
    let ran = through(&fake, &trial, MORNING, &["test-mail", "me@anyshire.example"]).ends_with(6);
    snapshot("test_mail_login_refused", &ran);
    assert!(taken(&fake).is_empty());
}
