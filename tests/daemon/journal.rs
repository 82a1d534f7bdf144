//! What the journal is given. It listens on a socket of a fixed name, so the daemon runs with a file system of its own in
//! which that name is ours: where nobody may make one, these tests are left out, and say so.
use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    os::unix::{fs::MetadataExt, net::UnixDatagram},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use jiff::civil::date;

use super::{
    house::{House, export},
    process::{SOON, TEN_PAST_EIGHT},
    server::SlowServer,
};

/// A line of the journal: its fields.
type Entry = BTreeMap<String, String>;

struct Journal {
    socket: UnixDatagram,
}

impl Journal {
    fn new(house: &House) -> Self {
        fs::create_dir(house.path("journal")).unwrap();
        let socket = UnixDatagram::bind(house.path("journal/socket")).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        Self { socket }
    }

    /// Everything until a sentence is heard that begins so.
    fn hear_until(&self, end: &str) -> Vec<Entry> {
        let (begun, mut heard) = (Instant::now(), Vec::new());
        let mut buffer = vec![0; 1 << 16];
        while begun.elapsed() < SOON {
            let Ok(length) = self.socket.recv(&mut buffer) else { continue };
            let entry = read(buffer.get(..length).unwrap());
            let is_end = entry.get("MESSAGE").is_some_and(|message| message.starts_with(end));
            heard.push(entry);
            if is_end {
                return heard;
            }
        }
        panic!("the journal does not hear {end:?}: {heard:#?}");
    }
}

/// The journal's own format: `NAME=value`, or a name, the length of the value as 8 bytes, and the value.
fn read(mut bytes: &[u8]) -> Entry {
    let mut entry = Entry::new();
    while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
        let (line, rest) = bytes.split_at(end);
        let line = String::from_utf8(line.to_vec()).unwrap();
        bytes = rest.get(1..).unwrap();
        if let Some((name, value)) = line.split_once('=') {
            entry.insert(name.to_owned(), value.to_owned());
        } else {
            let (length, rest) = bytes.split_at(8);
            let length = usize::try_from(u64::from_le_bytes(length.try_into().unwrap())).unwrap();
            let (value, rest) = rest.split_at(length);
            entry.insert(line, String::from_utf8(value.to_vec()).unwrap());
            bytes = rest.get(1..).unwrap();
        }
    }
    entry
}

/// Runs what follows with our folder where the journal's is.
const WITHIN: &str = "mount -t tmpfs none /run && mkdir -p /run/systemd/journal && \
                      mount --bind \"$0\" /run/systemd/journal && exec \"$@\"";

/// A program in such a file system, with its standard error in a file that it takes for the journal's.
fn within(house: &House) -> Option<Command> {
    let is_possible = |how: &str| {
        let tried = Command::new("unshare").args([how, "--mount", "sh", "-c", "mount -t tmpfs none /run"]).output();
        tried.is_ok_and(|tried| tried.status.success())
    };
    // Who is root already keeps the ids of the files.
    let Some(how) = ["--propagation=private", "--map-root-user"].into_iter().find(|how| is_possible(how)) else {
        let line = "left out: what the journal is given, no file system of our own can be made here\n";
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        return None;
    };
    let stderr = fs::File::create(house.path("stderr")).unwrap();
    let about = stderr.metadata().unwrap();
    let mut command = Command::new("unshare");
    command.args([how, "--mount", "sh", "-c", WITHIN]).arg(house.path("journal"));
    command.arg(env!("CARGO_BIN_EXE_lapsewatch")).arg("--config").arg(house.path("lapsewatch.toml"));
    command.env("JOURNAL_STREAM", format!("{}:{}", about.dev(), about.ino())).stderr(stderr).stdout(Stdio::null());
    command.args(["--at", TEN_PAST_EIGHT, "run"]);
    Some(command)
}

fn of_priority<'e>(heard: &'e [Entry], priority: &str) -> Vec<&'e str> {
    let of = heard.iter().filter(|entry| entry.get("PRIORITY").is_some_and(|found| found == priority));
    of.map(|entry| entry.get("MESSAGE").unwrap().as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journal_is_given_priorities_and_fields_and_no_address_or_secret() {
    let server = SlowServer::start(Duration::ZERO);
    let house = House::new(&server.settings());
    let journal = Journal::new(&house);
    let Some(mut command) = within(&house) else { return };
    house.ran_on(date(2026, 11, 19)).await;
    house.drop_export("export.csv", &export(date(2026, 11, 20), 0..3, date(2026, 10, 28)));
    house.drop_export("broken.csv", "no header that anybody knows\n");
    let mut daemon = command.spawn().unwrap();
    let heard = journal.hear_until("4 messages accepted");
    assert!(Command::new("kill").arg(daemon.id().to_string()).status().unwrap().success());
    let heard = [heard, journal.hear_until("stopped")].concat();
    assert!(daemon.wait().unwrap().success());

    let ended = heard.iter().find(|entry| entry.get("MESSAGE").is_some_and(|said| said.ends_with("messages planned")));
    let ended = ended.unwrap_or_else(|| panic!("{heard:#?}"));
    let field = |name: &str| ended.get(name).map(String::as_str);
    assert_eq!((field("PRIORITY"), field("SYSLOG_IDENTIFIER")), (Some("6"), Some("lapsewatch")));
    assert_eq!(field("LAPSEWATCH_RUN_ON"), Some("2026-11-20"));
    assert_eq!(field("LAPSEWATCH_RUN_SUBJECTS"), Some("3"));
    let mut recipients: Vec<_> = heard.iter().filter_map(|entry| entry.get("LAPSEWATCH_RECIPIENT")).collect();
    recipients.sort();
    assert_eq!(recipients, ["o…@example.org", "p…@nhs.net", "p…@nhs.net", "p…@nhs.net"]);
    assert!(of_priority(&heard, "3").iter().any(|said| said.contains("broken.csv")), "{heard:#?}");

    let everything = format!("{heard:?}{}", fs::read_to_string(house.path("stderr")).unwrap());
    assert!(!everything.contains("person."), "{everything}");
}

#[test]
fn an_error_is_one_of_the_journal_too() {
    let house = House::new("[mail]\ndirectory = \"outgoing\"");
    let journal = Journal::new(&house);
    let Some(mut command) = within(&house) else { return };
    let mut daemon = command.spawn().unwrap();
    journal.hear_until("first start");
    house.configure("[mail]\ndirectory = \"outgoing\"\n[schedule]\nevaluate = \"whenever\"");
    assert!(Command::new("kill").args(["-HUP", &daemon.id().to_string()]).status().unwrap().success());
    let heard = journal.hear_until("the new configuration is rejected");
    let errors = of_priority(&heard, "3");
    assert!(errors.iter().any(|said| said.contains("lapsewatch.toml:") && said.contains("evaluate")), "{heard:#?}");
    daemon.kill().unwrap();
    daemon.wait().unwrap();
}

#[test]
fn the_last_words_of_a_daemon_that_cannot_start_are_an_error_on_the_stream_that_names_its_unit() {
    let house = House::new("[mail]\ndirectory = \"outgoing\"\n[schedule]\nevaluate = \"whenever\"");
    let _journal = Journal::new(&house);
    let Some(mut command) = within(&house) else { return };
    assert_eq!(command.status().unwrap().code(), Some(3));
    let said = fs::read_to_string(house.path("stderr")).unwrap();
    let (priority, line) = said.split_at(3);
    assert_eq!((priority, said.lines().count()), ("<3>", 1), "{said}");
    assert!(line.starts_with("configuration: ") && line.contains("`schedule.evaluate` must be"), "{said}");
}
