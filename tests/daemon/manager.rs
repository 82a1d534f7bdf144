//! What the service manager hears of the daemon, and how the daemon ends when it cannot start.
use std::{
    fs,
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use jiff::civil::date;
use lapsewatch::store::MessageState;
use sqlx::{Connection, SqliteConnection, migrate::Migrator};

use super::{
    house::{House, export},
    process::{Daemon, SOON, TEN_PAST_EIGHT, house_with_people_due, until},
};

/// What the service manager hears. It always listens: whoever speaks to one that does not is held up in the end.
struct Manager {
    heard: Receiver<String>,
    path: PathBuf,
}

impl Manager {
    fn new(house: &House) -> Self {
        let path = house.path("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        let (hear, heard) = channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length) = socket.recv(&mut buffer) {
                let said = String::from_utf8(buffer.get(..length).unwrap().to_vec()).unwrap();
                if hear.send(said).is_err() {
                    return;
                }
            }
        });
        Self { heard, path }
    }

    /// A daemon that it started, and watches over as often as a fifth of a second.
    fn start(&self, house: &House) -> Daemon {
        Daemon::spawn(house, |command| {
            let command = command.args(["--at", TEN_PAST_EIGHT]).env("NOTIFY_SOCKET", &self.path);
            command.env("WATCHDOG_USEC", "400000")
        })
    }

    fn next(&self) -> String {
        self.heard.recv_timeout(SOON).unwrap()
    }

    /// The next datagram that begins with `word`; others are passed over.
    fn wait_for(&self, word: &str) -> String {
        let begun = Instant::now();
        loop {
            let heard = self.next();
            if heard.starts_with(word) {
                return heard;
            }
            assert!(begun.elapsed() < SOON, "waited in vain for {word}");
        }
    }

    /// Everything that comes within a span.
    fn listen(&self, span: Duration) -> Vec<String> {
        let end = Instant::now() + span;
        let left = || end.saturating_duration_since(Instant::now());
        std::iter::from_fn(|| self.heard.recv_timeout(left()).ok()).collect()
    }
}

/// Longest wait for work that takes a while on a busy machine.
const WHILE: Duration = Duration::from_mins(2);

const OUTGOING: &str = "[mail]\ndirectory = \"outgoing\"";

/// A pipe that nobody writes into: whoever opens it waits for ever, as on a share that does not answer.
fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_manager_hears_of_readiness_life_reloads_and_the_end() {
    let house = house_with_people_due(2, "").await;
    house.configure(OUTGOING);
    let manager = Manager::new(&house);
    let mut daemon = manager.start(&house);
    let first = manager.wait_for("READY=1");
    let expected = "READY=1\nSTATUS=ATTENTION, nothing has been loaded yet: put an export into the inbox: last run never, \
                    next run ";
    assert!(first.starts_with(expected), "{first}");
    manager.wait_for("WATCHDOG=1");
    manager.wait_for("STATUS=Working: last run Fri 20 Nov 08:10, next run Sat 21 Nov 07:30, 0 messages waiting\n");
    assert_eq!(house.names_in("outgoing").len(), 2);

    house.configure(&format!("{OUTGOING}\n[schedule]\nevaluate = \"whenever\""));
    daemon.signal("HUP");
    let reloading = manager.wait_for("RELOADING=1\nMONOTONIC_USEC=");
    assert!(reloading.trim_end().rsplit_once('=').unwrap().1.parse::<u64>().unwrap() > 0);
    let rejected = manager.wait_for("READY=1");
    assert!(rejected.contains("STATUS=ATTENTION, the new configuration is rejected: "), "{rejected}");
    assert!(rejected.contains("evaluate") && rejected.contains("Working: last run Fri"), "{rejected}");
    // The problem is named with its place.
    daemon.wait_for("lapsewatch.toml:");

    house.configure(&format!("{OUTGOING}\n[schedule]\nevaluate = \"45 9 * * *\"\n[log]\nfilter = \"debug\""));
    daemon.signal("HUP");
    manager.wait_for("RELOADING=1\nMONOTONIC_USEC=");
    // The new status may come before it is ready, with it, or after.
    let (taken, status) =
        ("READY=1\nSTATUS=Working: ", "last run Fri 20 Nov 08:10, next run Sat 21 Nov 09:45, 0 messages");
    let mut heard = String::new();
    while !(heard.contains(taken) && heard.contains(status)) {
        heard += &manager.next();
    }
    assert!(!heard.contains("ATTENTION"), "{heard}");
    daemon.wait_for("log.filter has changed and counts after a restart");

    daemon.signal("TERM");
    assert!(manager.wait_for("STOPPING=1").contains("STATUS="));
    assert!(daemon.ended().success());
    assert_eq!((house.names_in("outgoing").len(), house.runs().await.len()), (2, 1), "nothing was sent again");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_to_reload_that_come_together_are_one() {
    let house = House::new(OUTGOING);
    let manager = Manager::new(&house);
    let mut daemon = manager.start(&house);
    manager.wait_for("READY=1");
    for pause in [0, 10, 60] {
        thread::sleep(Duration::from_millis(pause));
        daemon.signal("HUP");
    }
    manager.wait_for("RELOADING=1");
    manager.wait_for("READY=1");
    let after = manager.listen(Duration::from_secs(1));
    assert!(!after.iter().any(|heard| heard.starts_with("RELOADING=1")), "{after:?}");
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_hangs_in_a_reload_gives_no_sign_of_life() {
    let house = House::new(OUTGOING);
    let manager = Manager::new(&house);
    let daemon = manager.start(&house);
    manager.wait_for("READY=1");
    let alive = manager.listen(Duration::from_secs(2));
    assert!(alive.iter().filter(|heard| heard.starts_with("WATCHDOG=1")).count() >= 4, "{alive:?}");
    fs::create_dir(house.path("templates")).unwrap();
    pipe(&house.path("templates/user.deleted.md"));
    house.configure(&format!("{OUTGOING}\ntemplates = \"templates\""));
    daemon.signal("HUP");
    manager.wait_for("RELOADING=1");
    let heard = manager.listen(Duration::from_secs(3));
    let is_sign = |heard: &&String| heard.starts_with("WATCHDOG=1") || heard.starts_with("READY=1");
    assert_eq!(heard.iter().filter(is_sign).count(), 0, "{heard:?}");
}

/// Runs a daemon that is to end by itself, under a service manager; what it says on standard error.
fn refused(house: &House, code: i32) -> String {
    let manager = Manager::new(house);
    let mut command = Command::new(env!("CARGO_BIN_EXE_lapsewatch"));
    command.arg("--config").arg(house.path("lapsewatch.toml")).arg("run").env("NOTIFY_SOCKET", &manager.path);
    let Output { status, stderr, .. } = command.output().unwrap();
    let said = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(code), "{said}");
    let heard = manager.listen(Duration::from_millis(100));
    assert!(!heard.iter().any(|heard| heard.contains("READY=1")), "{heard:?}");
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_credential_that_is_not_there_is_a_wrong_configuration_and_says_where_it_belongs() {
    let house = House::new(
        "[mail]\ntransport = \"smtp\"\n[mail.smtp]\nhost = \"smtp.anyshire.example\"\nauth = \"login\"\n\
         username = \"reminders\"\npassword_file = \"credential:smtp-password\"",
    );
    let said = refused(&house, 3);
    let what = "mail.smtp.password_file credential:smtp-password is not there: write it into \
                /etc/credstore/lapsewatch.smtp-password, a file that only root may open, and restart the service";
    assert!(said.contains(what), "{said}");
}

#[test]
fn so_is_a_credential_of_the_database() {
    let house = House::new(OUTGOING);
    let database = "[database]\nurl = \"postgres://lapsewatch@127.0.0.1/lapsewatch\"\n\
                    password_file = \"credential:database-password\"";
    fs::write(house.path("lapsewatch.toml"), database).unwrap();
    let said = refused(&house, 3);
    assert!(said.contains("database.password_file credential:database-password is not there"), "{said}");
}

#[test]
fn an_inbox_that_cannot_be_used_is_named_with_what_to_do() {
    let house = House::new(OUTGOING);
    fs::remove_dir(house.path("inbox")).unwrap();
    fs::write(house.path("inbox"), "").unwrap();
    let said = refused(&house, 1);
    assert!(said.contains("inbox") && said.contains("Not a directory"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_a_newer_version_is_left_alone_and_says_so() {
    let house = House::new(OUTGOING);
    let file = house.path("newer.db");
    let url = format!("sqlite:{}", file.display());
    drop(lapsewatch::store::sqlite::SqliteStore::open(&url).await.unwrap());
    let mut database = SqliteConnection::connect(&url).await.unwrap();
    let newer = "INSERT INTO _sqlx_migrations SELECT 9999, description, installed_on, success, checksum, execution_time \
                 FROM _sqlx_migrations LIMIT 1";
    sqlx::query(newer).execute(&mut database).await.unwrap();
    database.close().await.unwrap();
    house.configure_at(&url, OUTGOING);
    let said = refused(&house, 5);
    assert!(said.contains("of a newer lapsewatch") && said.contains("install that one again"), "{said}");
}

/// A house with a store of an older version, and that many accounts in it.
async fn house_of_an_older_version(people: u32) -> House {
    let house = House::new(OUTGOING);
    let url = format!("sqlite:{}", house.path("older.db").display());
    let mut database = SqliteConnection::connect(&format!("{url}?mode=rwc")).await.unwrap();
    let migrations = Migrator::new(Path::new("migrations/sqlite")).await.unwrap();
    migrations.run_to(5, &mut database).await.unwrap();
    let insert = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) \
                  INSERT INTO subject (id, address_key, wake_on, body) SELECT i, i, '2026-11-20', x'00' FROM n";
    sqlx::query(insert).bind(people).execute(&mut database).await.unwrap();
    database.close().await.unwrap();
    house.configure_at(&url, OUTGOING);
    house
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_brings_a_large_store_up_to_date_can_be_stopped() {
    let house = house_of_an_older_version(400_000).await;
    let manager = Manager::new(&house);
    let mut daemon = manager.start(&house);
    assert!(manager.next().starts_with("EXTEND_TIMEOUT_USEC="), "{}", daemon.log());
    let took = daemon.stop();
    assert!(took < Duration::from_secs(5), "it took {took:?}: {}", daemon.log());
    let heard = manager.listen(Duration::from_millis(100));
    assert!(!heard.iter().any(|heard| heard.contains("READY=1")), "{heard:?}");
    assert!(daemon.log().contains("stopped before it was ready"), "{}", daemon.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_brings_a_large_store_up_to_date_asks_for_time_as_it_gets_on() {
    let house = house_of_an_older_version(100_000).await;
    let manager = Manager::new(&house);
    let mut daemon = manager.start(&house);
    let first = manager.next();
    assert_eq!(first, "EXTEND_TIMEOUT_USEC=60000000\nSTATUS=bringing the database up to date\n", "{}", daemon.log());
    manager.wait_for("READY=1");
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_in_the_middle_of_a_load_ends_it_at_once_and_leaves_the_file_in_the_inbox() {
    let house = House::new(OUTGOING);
    house.drop_export("export.csv", &export(date(2026, 11, 20), 0..300_000, date(2026, 10, 28)));
    let manager = Manager::new(&house);
    let mut daemon = manager.start(&house);
    manager.wait_for("READY=1");
    thread::sleep(Duration::from_secs(2));
    let took = daemon.stop();
    assert!(took < Duration::from_secs(5), "it took {took:?}: {}", daemon.log());
    assert_eq!((house.names_in("inbox"), house.names_in("archive")), (vec!["export.csv".to_owned()], vec![]));
    assert_eq!(house.store().await.list_snapshots().await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_in_the_middle_of_a_plan_drops_it_and_the_next_start_makes_it() {
    const PEOPLE: usize = 3_000;
    let house = house_with_people_due(PEOPLE, "").await;
    house.configure(OUTGOING);
    let mut daemon = Daemon::start(&house, TEN_PAST_EIGHT);
    daemon.wait_for_up_to(WHILE, "export.csv was loaded");
    let took = daemon.stop();
    assert!(took < Duration::from_secs(10), "it took {took:?}: {}", daemon.log());
    assert!(daemon.log().contains("the run of 2026-11-20 is dropped, to stop"), "{}", daemon.log());
    assert_eq!(house.store().await.count_messages().await.unwrap(), [], "nothing of the plan was written");
    let mut daemon = Daemon::start(&house, TEN_PAST_EIGHT);
    daemon.wait_for_up_to(WHILE, "the run of 2026-11-20 ended");
    until("a message", || daemon.log(), || !house.names_in("outgoing").is_empty());
    daemon.stop();
    let written = house.names_in("outgoing").len() as u64;
    assert_eq!(house.count(MessageState::Accepted).await, written, "the message under way was finished");
}
