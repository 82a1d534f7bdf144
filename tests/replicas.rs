//! Several programs on one PostgreSQL database, and what is between them and the server: the right to plan, leases,
//! quotas, locks, certificates, passwords, a server that restarts or says nothing more.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "helpers of tests fail tests")]
mod support;

use std::{
    collections::BTreeSet,
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use lapsewatch::{
    domain::{delivery::Outcome, quota::Quota},
    jobs::right::Right,
    store::{MessageNumber, MessageState, Place, Store, StoreError, StoredMessage},
};
use secrecy::SecretString;
use sqlx::{Connection, PgConnection, postgres::PgAdvisoryLock};
use support::{
    base::{self, Base},
    on,
    outbox::{at, fill, lease, settled},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinSet,
    time::{sleep, timeout},
};

/// Longer than anything here may take; a test that waits so long has failed.
const LONG: Duration = Duration::from_mins(1);

#[test]
fn left_out_without_a_server() {
    base::say_left_out("replicas");
}

// Leases and quotas.

/// What every store leases when all ask at the same time, and how many each got.
async fn lease_at_once(stores: &[Arc<dyn Store>], seconds: i64, most: u32, quota: Quota) -> Vec<StoredMessage> {
    let mut asking = JoinSet::new();
    for (nth, store) in stores.iter().enumerate() {
        let (store, lease) = (Arc::clone(store), lease(&format!("{nth}-{seconds}"), seconds, most, quota));
        asking.spawn(async move { store.exchange(&[], Some(&lease)).await.expect("asked").leased });
    }
    asking.join_all().await.into_iter().flatten().collect()
}

fn numbers(messages: &[StoredMessage]) -> BTreeSet<MessageNumber> {
    messages.iter().map(|message| message.number).collect()
}

async fn open(base: &Base, programs: usize) -> Vec<Arc<dyn Store>> {
    let mut stores = Vec::new();
    for _ in 0..programs {
        stores.push(base.open().await);
    }
    stores
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_leases_what_another_has() {
    let Some(base) = Base::postgres() else { return };
    let stores = open(&base, 4).await;
    fill(&*stores[0], 100).await;
    let mut seen = BTreeSet::new();
    for second in 1..=20 {
        let leased = lease_at_once(&stores, second, 2, Quota::default()).await;
        let new = numbers(&leased);
        assert_eq!(new.len(), leased.len(), "two have the same message");
        assert!(new.is_disjoint(&seen), "a message was leased again");
        seen.extend(new);
    }
    assert_eq!(seen.len(), 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn programs_together_never_pass_a_quota() {
    let Some(base) = Base::postgres() else { return };
    let stores = open(&base, 4).await;
    fill(&*stores[0], 40).await;
    let quota = Quota { per_minute: Some(7), per_day: Some(23), connections: None };
    let mut counts = Vec::new();
    for minute in 1..=5 {
        let leased = lease_at_once(&stores, minute * 100, 5, quota).await;
        counts.push(leased.len());
        let end = |message| {
            let outcome = Outcome::Accepted { reply: "250 queued".into(), assigned_id: None };
            settled(message, outcome, MessageState::Accepted, minute * 100 + 1)
        };
        let ended: Vec<_> = leased.iter().map(end).collect();
        assert_eq!(stores[0].exchange(&ended, None).await.expect("settled").lost, []);
    }
    assert_eq!(counts, [7, 7, 7, 2, 0]);
}

/// Settles what a program has: as cancelled, every notice and with it its stage taken back, or as refused, every
/// address marked. Both take rows that the other programs take too, and each program takes them in another order.
fn endings(messages: &[StoredMessage], is_reversed: bool, state: MessageState) -> Vec<lapsewatch::store::Settlement> {
    let outcome = || match state {
        MessageState::Cancelled => Outcome::Cancelled,
        _ => Outcome::Rejected { why: "550 nobody".into() },
    };
    let mut ended: Vec<_> = messages.iter().map(|message| settled(message, outcome(), state, 30)).collect();
    for settlement in &mut ended {
        settlement.unreachable_on = (state == MessageState::Rejected).then(|| on("2026-08-28"));
        if is_reversed {
            settlement.gone.reverse();
        }
    }
    if is_reversed {
        ended.reverse();
    }
    ended
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_settles_at_the_same_time_never_waits_in_a_circle() {
    for state in [MessageState::Cancelled, MessageState::Rejected] {
        let Some(base) = Base::postgres() else { return };
        let stores = open(&base, 4).await;
        fill(&*stores[0], 160).await;
        let mut working = JoinSet::new();
        for (nth, store) in stores.iter().enumerate() {
            let token = format!("{nth}-mine");
            let leased =
                store.exchange(&[], Some(&lease(&token, 10, 40, Quota::default()))).await.expect("asked").leased;
            let (settling, renewing) = (Arc::clone(store), Arc::clone(store));
            working.spawn(async move {
                for some in leased.chunks(10) {
                    let lost = settling.exchange(&endings(some, nth % 2 == 1, state), None).await?.lost;
                    assert_eq!(lost, []);
                }
                Ok::<_, StoreError>(())
            });
            working.spawn(async move {
                for second in 0..10 {
                    renewing.renew_leases(&token, at(100 + second)).await?;
                }
                Ok(())
            });
        }
        for ended in working.join_all().await {
            ended.unwrap_or_else(|error| panic!("{state:?}: {error}"));
        }
        let marked: Vec<(i64,)> = base.find("SELECT count(*) FROM unreachable").await;
        assert_eq!(marked[0].0 > 0, state == MessageState::Rejected);
    }
}

// The right to plan.

/// Ends the session that has the right, as a server does that is stopped; gives how many sessions that were.
async fn end_session_with_right(base: &Base) -> i64 {
    let schemas: Vec<(String,)> = base.find("SELECT current_schema()::text").await;
    let key = PgAdvisoryLock::new(format!("lapsewatch {}", schemas[0].0)).key().as_bigint().expect("a number");
    let end = format!(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_locks
         WHERE locktype = 'advisory' AND (classid::bigint << 32 | objid::bigint) = {key}"
    );
    let ended: Vec<(i64,)> = base.find(&end).await;
    ended[0].0
}

#[tokio::test]
async fn who_loses_its_session_loses_the_right_to_plan_to_another() {
    let Some(base) = Base::postgres() else { return };
    base.open().await.close().await;
    let mut first = Right::take(base.place()).await.expect("asked");
    let mut second = Right::take(base.place()).await.expect("asked");
    assert!(first.is_ours().await);
    assert!(!second.is_ours().await, "one at a time");
    assert_eq!(end_session_with_right(&base).await, 1);
    timeout(LONG, first.lost()).await.expect("it is told");
    assert!(second.is_ours().await, "the other takes it");
    assert!(!first.is_ours().await, "and it does not come back");
    drop(second);
    let taken_again = async {
        while !first.is_ours().await {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(LONG, taken_again).await.expect("what is given up can be taken");
}

// The server.

#[tokio::test]
async fn who_gets_no_answer_gives_up_and_asks_again() {
    let Some(base) = Base::postgres() else { return };
    let store = base.open().await;
    let mut other = PgConnection::connect(base.url()).await.expect("the server answers");
    let mut busy = other.begin().await.expect("begun");
    sqlx::query("LOCK TABLE run").execute(&mut *busy).await.expect("locked");
    let asking = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.list_runs(9).await }
    });
    let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'run'::regclass";
    while base.find::<(i64,)>(waits).await[0].0 == 0 {
        sleep(Duration::from_millis(10)).await;
    }
    tokio::time::pause();
    let refused = asking.await.expect("it ended").expect_err("there is no answer");
    tokio::time::resume();
    assert!(refused.to_string().contains("the database server does not answer"), "{refused}");
    assert!(refused.may_pass());
    busy.rollback().await.expect("unlocked");
    assert_eq!(store.list_runs(9).await.expect("asked again"), []);
    store.close().await;
}

/// A server of our own, which may be stopped.
struct Server {
    folder: PathBuf,
    _kept: tempfile::TempDir,
}

impl Server {
    fn start() -> (Self, String) {
        let kept = tempfile::tempdir().expect("a temporary folder");
        fs::set_permissions(kept.path(), fs::Permissions::from_mode(0o755)).expect("a server's user may pass");
        let folder = kept.path().join("server");
        let said = script(&["start", &folder.display().to_string()]);
        let url = said.lines().find_map(|line| line.strip_prefix("export LAPSEWATCH_TEST_POSTGRES='"));
        let url = url.expect("it says where it is").trim_end_matches('\'').to_owned();
        (Self { folder, _kept: kept }, url)
    }

    fn restart(&self) {
        script(&["restart", &self.folder.display().to_string()]);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        script(&["stop", &self.folder.display().to_string()]);
    }
}

fn script(arguments: &[&str]) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/postgres");
    let said = Command::new(script).args(arguments).output().expect("it runs");
    assert!(said.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&said.stderr));
    String::from_utf8(said.stdout).expect("text")
}

#[tokio::test]
async fn a_store_outlives_a_restart_of_its_server() {
    if base::server().is_none() {
        return;
    }
    let (server, url) = Server::start();
    let place = Place::new(&url, None).expect("a URL");
    let store = place.open().await.expect("opened");
    let mut right = Right::take(place).await.expect("asked");
    assert!(right.is_ours().await);
    let run = store.begin_run(on("2026-11-20"), "once", at(0)).await.expect("begun");
    server.restart();
    let runs: Vec<_> = store.list_runs(9).await.expect("asked again").into_iter().map(|run| run.id).collect();
    assert_eq!(runs, [run]);
    store.begin_run(on("2026-11-21"), "once", at(1)).await.expect("and it writes");
    timeout(LONG, right.lost()).await.expect("the right ended with the server");
    assert!(right.is_ours().await, "and may be taken again");
    drop(right);
    store.close().await;
}

// Who is on the other side.

/// Where the authority of the server's certificate is.
fn authority() -> Option<PathBuf> {
    env::var_os("LAPSEWATCH_TEST_POSTGRES_DIR").map(|folder| PathBuf::from(folder).join("ca.pem"))
}

fn checked(url: &str, authority: &Path) -> Place {
    let url = format!("{url}&sslmode=verify-full&sslrootcert={}", authority.display());
    Place::new(&url, None).expect("a URL")
}

async fn refusal(place: &Place) -> String {
    let refused = place.open().await.err().expect("refused");
    assert!(matches!(refused, StoreError::Open { .. }), "{refused}");
    assert!(!format!("{refused} {refused:?} {place:?}").contains("horse"), "{refused:?}");
    refused.to_string()
}

#[tokio::test]
async fn the_server_must_be_who_its_certificate_says() {
    let (Some(base), Some(authority)) = (Base::postgres(), authority()) else { return };
    let by_name = base.url().replace("127.0.0.1", "localhost");
    checked(&by_name, &authority).open().await.expect("the right authority and the right name").close().await;
    let by_number = refusal(&checked(base.url(), &authority)).await;
    assert!(by_number.contains("not valid for name"), "{by_number}");
    let stranger = rcgen::generate_simple_self_signed(["localhost".into()]).expect("a certificate").cert.pem();
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(&file, stranger).expect("written");
    let by_stranger = refusal(&checked(&by_name, file.path())).await;
    assert!(by_stranger.contains("UnknownIssuer"), "{by_stranger}");
}

#[tokio::test]
async fn a_server_without_encryption_is_told_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let heard = tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.expect("a client");
        let mut asks = [0; 8];
        client.read_exact(&mut asks).await.expect("it asks for encryption");
        client.write_all(b"N").await.expect("there is none");
        let mut said = Vec::new();
        // However the client hangs up, what it said before counts.
        let _ = client.read_to_end(&mut said).await;
        said
    });
    let place = Place::new(&format!("postgres://lw:correct%20horse@localhost:{port}/lw?sslmode=verify-full"), None);
    let refused = timeout(LONG, refusal(&place.expect("a URL"))).await.expect("at once");
    assert!(refused.contains("does not support TLS"), "{refused}");
    assert_eq!(heard.await.expect("heard"), Vec::<u8>::new(), "not even a name");
}

// Who we are.

#[tokio::test]
async fn a_password_comes_from_a_file_or_from_the_drivers_own() {
    let Some(base) = Base::postgres() else { return };
    base.open().await.close().await;
    let url = base.url().replace(":correct%20horse@", "@");
    assert_ne!(url, base.url());
    Place::new(&url, Some(&SecretString::from("correct horse"))).expect("a URL").open().await.expect("it is right");
    let wrong = Place::new(base.url(), Some(&SecretString::from("wrong horse"))).expect("a URL");
    assert!(refusal(&wrong).await.contains("password authentication failed"), "the file's goes before the URL's");

    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("private");
        path.display().to_string()
    };
    let status = |settings: &[String], variables: &[(&str, &str)]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lapsewatch"));
        command.env_clear().envs(variables.iter().copied()).current_dir(folder.path());
        for setting in settings {
            command.args(["--set", setting]);
        }
        let ran = command.args(["-v", "-v", "status"]).output().expect("it runs");
        let said = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
        assert!(!said.contains("horse"), "{said}");
        ran.status.code()
    };
    let at = format!("database.url=\"{url}\"");
    let named = format!("database.password_file=\"{}\"", file("password", "correct horse\n"));
    let credential = "database.password_file=\"credential:password\"".to_owned();
    let here = folder.path().display().to_string();
    let passwords = file("pgpass", "127.0.0.1:*:*:*:correct horse\n");
    assert_eq!(status(&[at.clone(), named], &[]), Some(0));
    assert_eq!(status(&[at.clone(), credential], &[("CREDENTIALS_DIRECTORY", &here)]), Some(0));
    assert_eq!(status(std::slice::from_ref(&at), &[("PGPASSFILE", &passwords)]), Some(0));
    assert_eq!(status(&[at], &[]), Some(5), "without a password nobody comes in");
}
