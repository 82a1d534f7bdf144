//! A PostgreSQL database for one test, behind a door that can be shut.
//!
//! `LAPSEWATCH_TEST_POSTGRES` names a server on which we may make databases, as `tests/servers/postgres start` prints
//! it. Without it these tests are left out, and say so.
use std::{
    env,
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

use super::site::Place;

/// A database of its own, dropped by [`tear_down`](Self::tear_down).
pub struct Database {
    server: String,
    name: String,
    pub door: Door,
}

impl Database {
    /// None, with a line that says so, when no server is named.
    pub async fn set_up(what: &str) -> Option<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let Ok(server) = env::var("LAPSEWATCH_TEST_POSTGRES") else {
            let line = format!("left out: {what}, LAPSEWATCH_TEST_POSTGRES names no server\n");
            std::io::stderr().write_all(line.as_bytes()).unwrap();
            return None;
        };
        let name = format!("chaos_{}_{}", std::process::id(), MADE.fetch_add(1, Ordering::SeqCst));
        run(&server, &format!("CREATE DATABASE {name}")).await;
        let options: PgConnectOptions = server.parse().unwrap();
        let door = Door::open(format!("{}:{}", options.get_host(), options.get_port())).await;
        Some(Self { server, name, door })
    }

    /// Where it is for the program: behind the door.
    pub fn place(&self) -> Place {
        let (login, _) = self.server.rsplit_once('@').unwrap();
        Place::Postgres(format!("{login}@127.0.0.1:{}/{}", self.door.port, self.name))
    }

    pub async fn tear_down(self) {
        run(&self.server, &format!("DROP DATABASE {} WITH (FORCE)", self.name)).await;
    }
}

async fn run(server: &str, statement: &str) {
    let mut connection = PgConnection::connect(server).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// What stands between the program and its database: everything goes through, or nothing does. Shutting it cuts what
/// is under way wherever it is, a commit whose answer is not back yet too.
pub struct Door {
    port: u16,
    is_open: watch::Sender<bool>,
}

impl Door {
    async fn open(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (is_open, seen) = watch::channel(true);
        let server = Arc::new(server);
        tokio::spawn(async move {
            loop {
                let (inside, _) = listener.accept().await.unwrap();
                tokio::spawn(pass(inside, Arc::clone(&server), seen.clone()));
            }
        });
        Self { port, is_open }
    }

    pub fn shut(&self) {
        self.is_open.send_replace(false);
    }

    pub fn open_again(&self) {
        self.is_open.send_replace(true);
    }
}

async fn pass(mut inside: TcpStream, server: Arc<String>, mut is_open: watch::Receiver<bool>) {
    if !*is_open.borrow() {
        return;
    }
    let Ok(mut outside) = TcpStream::connect(server.as_str()).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut inside, &mut outside) => (),
        _ = is_open.wait_for(|is_open| !is_open) => (),
    }
}
