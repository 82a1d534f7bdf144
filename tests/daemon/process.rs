//! The program as the service manager sees it: signals, notifications, exit codes.
use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader, Write},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use jiff::civil::date;
use lapsewatch::store::{Claim, MessageState};

use super::{
    house::{House, export},
    server::SlowServer,
};

/// Longest wait for anything that should happen at once.
pub const SOON: Duration = Duration::from_secs(20);

/// Longest wait for a dead daemon's leases to be taken over.
const TAKEN_OVER: Duration = Duration::from_mins(1);

/// A running daemon; killed when dropped.
pub struct Daemon {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
}

impl Daemon {
    /// A daemon that takes `at` for the instant it starts.
    pub fn start(house: &House, at: &str) -> Self {
        Self::spawn(house, |command| command.args(["--at", at]))
    }

    /// A daemon whose command line and environment `change` decides.
    pub fn spawn(house: &House, change: impl FnOnce(&mut Command) -> &mut Command) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lapsewatch"));
        command.arg("--config").arg(house.path("lapsewatch.toml")).env_remove("NOTIFY_SOCKET");
        let mut child = change(&mut command).arg("run").stderr(Stdio::piped()).spawn().unwrap();
        let log: Arc<Mutex<Vec<String>>> = Arc::default();
        let (stderr, kept) = (child.stderr.take().unwrap(), Arc::clone(&log));
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                kept.lock().unwrap().push(line);
            }
        });
        Self { child, log }
    }

    pub fn log(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }

    /// Waits until the log holds `words`.
    pub fn wait_for(&self, words: &str) {
        self.wait_for_up_to(SOON, words);
    }

    pub fn wait_for_up_to(&self, span: Duration, words: &str) {
        until_for(span, &format!("the log to say {words:?}"), || self.log(), || self.log().contains(words));
    }

    pub fn signal(&self, signal: &str) {
        let done = Command::new("kill").args([format!("-{signal}"), self.child.id().to_string()]).status().unwrap();
        assert!(done.success());
    }

    /// Waits for the end.
    pub fn ended(&mut self) -> ExitStatus {
        let begun = Instant::now();
        while begun.elapsed() < SOON {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the daemon does not end:\n{}", self.log());
    }

    /// Asks it to stop, and says how long that took.
    pub fn stop(&mut self) -> Duration {
        let begun = Instant::now();
        self.signal("TERM");
        assert!(self.ended().success(), "{}", self.log());
        begun.elapsed()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub fn until(what: &str, seen: impl Fn() -> String, done: impl Fn() -> bool) {
    until_for(SOON, what, seen, done);
}

fn until_for(span: Duration, what: &str, seen: impl Fn() -> String, done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < span, "waited in vain for {what}; seen:\n{}", seen());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Everybody of a house with `people` is due a warning on 20 November, at ten past eight, and the server is slow.
pub async fn house_with_people_due(people: usize, settings: &str) -> House {
    let house = House::new(settings);
    house.ran_on(date(2026, 11, 19)).await;
    house.drop_export("export.csv", &export(date(2026, 11, 20), 0..people, date(2026, 10, 28)));
    house
}

pub const TEN_PAST_EIGHT: &str = "2026-11-20T08:10:00Z";
const A_QUARTER_LATER: &str = "2026-11-20T08:25:00Z";

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_during_delivery_ends_within_ten_seconds_and_a_restart_sends_the_rest_once() {
    let server = SlowServer::start(Duration::from_millis(300));
    let house = house_with_people_due(12, &server.settings()).await;
    let mut daemon = Daemon::start(&house, TEN_PAST_EIGHT);
    until("three messages", || daemon.log(), || server.taken().len() >= 3);
    assert!(daemon.stop() < Duration::from_secs(10));
    let taken = server.taken().len();
    assert!(taken < 12, "it stopped before the end");
    assert_eq!(house.count(MessageState::Accepted).await, taken as u64, "the message under way was finished");
    let states = house.store().await.count_messages().await.unwrap();
    assert_eq!(house.count(MessageState::Pending).await, 12 - taken as u64, "{states:?}\n{}", daemon.log());

    let mut daemon = Daemon::start(&house, A_QUARTER_LATER);
    until("all messages", || daemon.log(), || server.taken().len() >= 12);
    daemon.stop();
    let ids: BTreeSet<_> = server.taken().into_iter().collect();
    assert_eq!((ids.len(), server.taken().len()), (12, 12), "each Message-ID once");
    assert_eq!(house.count(MessageState::Accepted).await, 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_while_a_server_is_silent_drops_the_attempt_and_the_restart_knows_of_it() {
    let server = SlowServer::start(Duration::from_hours(1));
    let house = house_with_people_due(2, &server.settings()).await;
    let mut daemon = Daemon::start(&house, TEN_PAST_EIGHT);
    until("a message under way", || daemon.log(), || server.heard() == 1);
    assert!(daemon.stop() < Duration::from_secs(10));
    let leased = house.count(MessageState::Leased).await;
    assert!((1..=2).contains(&leased), "one under way, and perhaps one that waited for it: {}", daemon.log());
    let daemon = Daemon::start(&house, A_QUARTER_LATER);
    daemon.wait_for("was cut off");
    assert_eq!(house.count(MessageState::Unknown).await, leased);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_sigkill_in_the_middle_of_a_run_the_next_start_finishes_it_and_repeats_no_message() {
    let server = SlowServer::start(Duration::from_millis(300));
    let house = house_with_people_due(8, &server.settings()).await;
    let mut daemon = Daemon::start(&house, TEN_PAST_EIGHT);
    // Well into the third, and not in the moment between a settlement and the next lease.
    until("the third message under way", || daemon.log(), || server.heard() >= 3);
    daemon.signal("KILL");
    daemon.ended();

    let begun = Instant::now();
    let mut daemon = Daemon::start(&house, A_QUARTER_LATER);
    daemon.wait_for("messages accepted");
    // A replica may be alive somewhere else, so on a server a dead one's leases are first watched for a while.
    let (accepted, unknown) = loop {
        let ends = (house.count(MessageState::Accepted).await, house.count(MessageState::Unknown).await);
        if ends.0 + ends.1 == 8 {
            break ends;
        }
        assert!(begun.elapsed() < TAKEN_OVER, "waited in vain for the end of {ends:?}; seen:\n{}", daemon.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    daemon.stop();
    assert_eq!(accepted + unknown, 8);
    assert!((1..=2).contains(&unknown), "nobody knows of the one under way, and of the one that waited for it");
    let ids: BTreeSet<_> = server.taken().into_iter().collect();
    assert_eq!(ids.len(), server.taken().len(), "each Message-ID at most once");
    let now = "2026-11-20T09:00:00Z".parse().unwrap();
    assert_eq!(house.store().await.claim_day(date(2026, 11, 20), now).await.unwrap(), Claim::Taken);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_with_a_broken_template_keeps_the_old_configuration() {
    let house = House::new("[mail]\ndirectory = \"outgoing\"");
    let mut daemon = Daemon::start(&house, TEN_PAST_EIGHT);
    daemon.wait_for("first start");
    fs::create_dir(house.path("templates")).unwrap();
    fs::write(house.path("templates/user.deleted.md"), "{% if %}").unwrap();
    house.configure("[mail]\ndirectory = \"outgoing\"\ntemplates = \"templates\"");
    daemon.signal("HUP");
    daemon.wait_for("the new configuration is rejected, the old one stays in force");
    daemon.stop();

    let mut daemon = Daemon::start(&house, TEN_PAST_EIGHT);
    assert_eq!(daemon.ended().code(), Some(1), "it is not ready with such a template: {}", daemon.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_copied_slowly_is_taken_when_it_is_complete() {
    let house = House::new("[mail]\ndirectory = \"outgoing\"");
    // Looks are far apart, and pieces close together: on a busy machine a pause in the copying may become a second.
    let looks = "snapshots.poll_secs=3";
    let daemon = Daemon::spawn(&house, |command| command.args(["--at", TEN_PAST_EIGHT, "--set", looks]));
    daemon.wait_for("first start");
    let text = export(date(2026, 11, 20), 0..60, date(2026, 10, 28));
    let mut file = fs::File::create(house.path("inbox").join("export.csv")).unwrap();
    for piece in text.as_bytes().chunks(text.len() / 30) {
        file.write_all(piece).unwrap();
        std::thread::sleep(Duration::from_millis(250));
        assert_eq!(house.names_in("archive").len() + house.names_in("quarantine").len(), 0, "{}", daemon.log());
    }
    daemon.wait_for("export.csv was loaded: 60 rows");
    assert_eq!(house.names_in("archive"), ["export.csv"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_daemon_on_the_same_store_is_told_so_or_shares_the_work() {
    let house = House::new("[mail]\ndirectory = \"outgoing\"");
    let first = Daemon::start(&house, TEN_PAST_EIGHT);
    first.wait_for("first start");
    let mut second = Daemon::start(&house, TEN_PAST_EIGHT);
    if house.store().await.is_shared() {
        // What the two then do is in replicas.rs.
        second.wait_for("messages leave by");
        second.stop();
    } else {
        assert_eq!(second.ended().code(), Some(5));
        second.wait_for("another lapsewatch is at work on");
    }
}
