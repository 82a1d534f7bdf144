//! A whole `once` to Postfix under a private authority, and to smtp-sink, started by `tests/servers/postfix`.
use std::{
    env, fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

const ACCOUNTS: &str = "\
as_of,id,address,display_name,kind,status,ods,created_at,last_activity_at
2026-11-20,a-1,ada.example@nhs.net,\"EXAMPLE, Ada\",user,Active,TP1A2,2024-02-03,2026-11-19
2026-11-20,a-2,sam.sample@nhs.net,\"SAMPLE, Sam\",user,Active,TP1A2,2024-02-03,2026-09-22
2026-11-20,a-3,kit.hill@nhs.net,\"HILL, Kit\",user,Active,TP1A2,2024-02-03,2026-10-30
2026-11-20,s-1,optometry.tp1a2@nhs.net,\"OPTOMETRY, TP1A2\",shared,Active,TP1A2,2024-02-03,
";

fn port(name: &str) -> Option<u16> {
    env::var(name).ok()?.parse().ok()
}

/// The servers' folder and their ports for STARTTLS and for smtp-sink, or nothing.
fn servers() -> Option<(PathBuf, u16, u16)> {
    let folder = env::var_os("LAPSEWATCH_TEST_POSTFIX")?.into();
    Some((folder, port("LAPSEWATCH_TEST_POSTFIX_STARTTLS")?, port("LAPSEWATCH_TEST_SMTP_SINK")?))
}

#[test]
fn left_out_without_servers() {
    if servers().is_none() {
        // Straight to standard error: the test harness keeps what the print macros say to itself.
        let line = "left out: a whole run through Postfix and smtp-sink; run tests/all\n";
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
}

/// How many messages with this word came out at the far end, once as many as were sent did.
fn arrived(folder: &Path, word: &str, sent: usize) -> usize {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let texts = fs::read_dir(folder.join("sink")).unwrap();
        let texts = texts.filter_map(|entry| fs::read_to_string(entry.ok()?.path()).ok());
        let found = texts.filter(|text| text.contains(word)).count();
        if found >= sent || Instant::now() > until {
            return found;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn once(sets: &[String], instant: &str, folder: &Path) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lapsewatch"));
    command.env_clear().current_dir(folder).stdin(Stdio::null()).args(["--at", instant]);
    command.args(sets.iter().flat_map(|set| ["--set", set])).arg("once");
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap(), text.into_owned())
}

#[test]
fn a_whole_run_reaches_postfix_over_starttls_with_both_log_ins_and_smtp_sink_without() {
    let Some((servers, starttls, sink)) = servers() else { return };
    for (nth, (port, tls, auth)) in
        [(starttls, "starttls", "login"), (starttls, "starttls", "plain"), (sink, "none", "none")]
            .into_iter()
            .enumerate()
    {
        let home = tempfile::tempdir().unwrap();
        let path = |name: &str| home.path().join(name).display().to_string();
        fs::create_dir(home.path().join("inbox")).unwrap();
        fs::write(home.path().join("inbox/2026-11-20 accounts.csv"), ACCOUNTS).unwrap();
        let word = format!("replies-{}-{nth}@anyshire.example", std::process::id());
        let sets = [
            format!("database.url=\"sqlite:{}\"", path("lapsewatch.db")),
            format!("snapshots.inbox=\"{}\"", path("inbox")),
            format!("snapshots.archive=\"{}\"", path("archive")),
            format!("snapshots.quarantine=\"{}\"", path("quarantine")),
            "snapshots.settle_secs=0".to_owned(),
            "adoption.hold=false".to_owned(),
            "breaker.enabled=false".to_owned(),
            "mail.from=\"reminders@anyshire.example\"".to_owned(),
            format!("mail.reply_to=\"{word}\""),
            "mail.operator=\"operator@anyshire.example\"".to_owned(),
            "mail.transport=\"smtp\"".to_owned(),
            "mail.smtp.host=\"localhost\"".to_owned(),
            format!("mail.smtp.port={port}"),
            format!("mail.smtp.tls=\"{tls}\""),
            format!("mail.smtp.auth=\"{auth}\""),
            "mail.smtp.username=\"reminders@anyshire.example\"".to_owned(),
            format!("mail.smtp.password_file=\"{}\"", servers.join("password").display()),
            format!("mail.smtp.ca_file=\"{}\"", servers.join("ca.pem").display()),
            "mail.smtp.hello_name=\"localhost\"".to_owned(),
        ];
        let (code, text) = once(&sets, "2026-11-20T08:00:00Z", home.path());
        assert_eq!(code, 0, "{text}");
        assert!(text.contains("4 messages due on Fri 2026-11-20, 4 sent by localhost:"), "{text}");
        assert_eq!(arrived(&servers, &word, 4), 4, "each once");
        let (code, text) = once(&sets, "2026-11-20T09:00:00Z", home.path());
        assert_eq!((code, arrived(&servers, &word, 4)), (0, 4), "nothing twice: {text}");
    }
}
