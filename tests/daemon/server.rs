//! A slow mail server that remembers the Message-ID of what it took.
use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// Takes every message, each after a while.
pub struct SlowServer {
    pub port: u16,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    /// Messages that were heard to their end, taken or not.
    heard: AtomicUsize,
    taken: Mutex<Vec<String>>,
}

impl SlowServer {
    pub fn start(pause: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self { port: listener.local_addr().unwrap().port(), seen: Arc::default() };
        let seen = Arc::clone(&server.seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let seen = Arc::clone(&seen);
                std::thread::spawn(move || talk(stream, pause, &seen));
            }
        });
        server
    }

    /// The settings that lead here.
    pub fn settings(&self) -> String {
        format!(
            "[mail]\ntransport = \"smtp\"\n\
             [mail.smtp]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nconnections = 1\n",
            self.port
        )
    }

    /// The Message-IDs of everything that was taken, in order.
    pub fn taken(&self) -> Vec<String> {
        self.seen.taken.lock().unwrap().clone()
    }

    /// How many messages were heard to their end, those under way included.
    pub fn heard(&self) -> usize {
        self.seen.heard.load(Ordering::SeqCst)
    }
}

fn talk(stream: TcpStream, pause: Duration, seen: &Seen) -> Option<()> {
    let mut out = stream.try_clone().ok()?;
    let mut say = |line: &str| out.write_all(format!("{line}\r\n").as_bytes()).ok();
    say("220 slow ESMTP")?;
    let (mut in_body, mut id) = (false, String::new());
    for line in BufReader::new(stream).lines() {
        let line = line.ok()?;
        if in_body && line == "." {
            seen.heard.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(pause);
            seen.taken.lock().unwrap().push(id.clone());
            in_body = false;
            say("250 2.0.0 Ok: queued")?;
        } else if in_body {
            if let Some(found) = line.strip_prefix("Message-ID: ") {
                found.clone_into(&mut id);
            }
        } else {
            in_body = line == "DATA";
            say(if in_body { "354 Go on" } else { "250 Ok" })?;
        }
    }
    Some(())
}
