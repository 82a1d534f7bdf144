//! The mail server: SMTP as it is spoken, in any [`Weather`], with an exact record of what it kept.
//!
//! A message counts as kept from the moment the server has decided so after the last dot, whether or not the client
//! learns it. A client says which life of the program it is by the name it greets with.
use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

use super::{
    journal::{Journal, What},
    weather::{End, Step, TOO_LATE, Turn, Weather},
};

/// Points of a conversation at which lightning can strike the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Moment {
    Connected,
    Mail,
    Rcpt,
    Data,
    Body,
    /// The server has the whole message and has not decided.
    Dot,
    /// The server keeps it and has not said so.
    Kept,
    /// The server has said so.
    Answered,
}

impl Moment {
    pub const ALL: [Self; 8] =
        [Self::Connected, Self::Mail, Self::Rcpt, Self::Data, Self::Body, Self::Dot, Self::Kept, Self::Answered];
}

/// Told of every moment of every life; whoever listens may kill that life before the server goes on.
pub type Passing = dyn Fn(u32, Moment) + Send + Sync;

pub struct Server {
    pub port: u16,
}

struct Shared {
    weather: Arc<Weather>,
    journal: Journal,
    passing: Arc<Passing>,
    tries: Mutex<HashMap<String, u64>>,
}

impl Server {
    pub async fn start(weather: Arc<Weather>, journal: Journal, passing: Arc<Passing>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared { weather, journal, passing, tries: Mutex::default() });
        tokio::spawn(async move {
            for nth in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let shared = Arc::clone(&shared);
                // What goes wrong in a conversation is the weather's doing, or lightning's, and is in the journal.
                tokio::spawn(async move { drop(Conversation::new(shared, stream, nth).hold().await) });
            }
        });
        Self { port }
    }
}

impl Shared {
    /// Which try of a recipient (or, by "", of anybody) this is, from 0.
    fn next_try(&self, recipient: &str) -> u64 {
        let mut tries = self.tries.lock().unwrap();
        let count = tries.entry(recipient.to_owned()).or_default();
        *count += 1;
        *count - 1
    }
}

/// The server closes; for the `?` of those that read on.
fn closing() -> io::Error {
    io::ErrorKind::ConnectionAborted.into()
}

struct Conversation {
    shared: Arc<Shared>,
    stream: BufReader<TcpStream>,
    nth: u64,
    life: u32,
    recipient: String,
    try_of_it: u64,
}

impl Conversation {
    fn new(shared: Arc<Shared>, stream: TcpStream, nth: u64) -> Self {
        Self { shared, stream: BufReader::new(stream), nth, life: 0, recipient: String::new(), try_of_it: 0 }
    }

    async fn hold(mut self) -> io::Result<()> {
        let turn = self.shared.weather.opening(Step::Greeting, self.nth);
        self.answer(Step::Greeting, turn, "220 stormy ESMTP").await?;
        loop {
            let line = self.read_line().await?;
            let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
            match verb.as_str() {
                "EHLO" => self.hello(&line).await?,
                "MAIL" => self.mail().await?,
                "RCPT" => self.rcpt(&line).await?,
                "DATA" => self.data().await?,
                "QUIT" => return self.say("221 2.0.0 Bye").await,
                _ => self.say("250 2.0.0 Ok").await?,
            }
        }
    }

    async fn hello(&mut self, line: &str) -> io::Result<()> {
        let name = line.get(5..).unwrap_or_default().strip_prefix("life-").unwrap_or_default();
        self.life = name.split('.').next().and_then(|number| number.parse().ok()).unwrap_or(0);
        self.pass(Moment::Connected);
        let turn = self.shared.weather.opening(Step::Hello, self.nth);
        self.answer(Step::Hello, turn, "250-stormy\r\n250 SIZE 1000000").await
    }

    async fn mail(&mut self) -> io::Result<()> {
        self.pass(Moment::Mail);
        self.recipient.clear();
        let turn = self.shared.weather.turn(Step::Mail, "", self.shared.next_try(""));
        self.answer(Step::Mail, turn, "250 2.1.0 Ok").await
    }

    async fn rcpt(&mut self, line: &str) -> io::Result<()> {
        self.recipient = between(line, '<', '>').to_ascii_lowercase();
        self.try_of_it = self.shared.next_try(&self.recipient);
        self.pass(Moment::Rcpt);
        if self.shared.weather.refuses(&self.recipient) {
            let reply = "550 5.1.1 No such user here";
            self.note("", What::Refused(reply.to_owned()));
            return self.say(reply).await;
        }
        let turn = self.shared.weather.turn(Step::Rcpt, &self.recipient, self.try_of_it);
        self.answer(Step::Rcpt, turn, "250 2.1.5 Ok").await
    }

    async fn data(&mut self) -> io::Result<()> {
        self.pass(Moment::Data);
        let turn = self.shared.weather.turn(Step::Data, &self.recipient, self.try_of_it);
        self.answer(Step::Data, turn, "354 Go on").await?;
        if matches!(turn, Turn::Say(_)) {
            return Ok(());
        }
        let mut id = String::new();
        if let Err(lost) = self.body(&mut id).await {
            self.note(&id, What::Dropped);
            return Err(lost);
        }
        self.pass(Moment::Dot);
        tokio::time::sleep(self.shared.weather.pause()).await;
        self.decide(&id).await
    }

    /// Reads the message up to its dot; the Message-ID is known as soon as the headers are.
    async fn body(&mut self, id: &mut String) -> io::Result<()> {
        let mut headers = String::new();
        loop {
            let line = self.read_line().await?;
            match line.as_str() {
                "." => return Ok(()),
                "" if id.is_empty() => {
                    *id = message_id(&headers);
                    self.pass(Moment::Body);
                    if self.shared.weather.turn(Step::Body, &self.recipient, self.try_of_it) == Turn::Drop {
                        return Err(closing());
                    }
                }
                line => headers.extend([line, "\r\n"]),
            }
        }
    }

    async fn decide(&mut self, id: &str) -> io::Result<()> {
        let turn = match self.shared.weather.end(&self.recipient, self.try_of_it) {
            End::Keep(turn) => turn,
            End::Leave(turn) => return self.leave(id, turn).await,
        };
        self.note(id, What::Kept);
        self.pass(Moment::Kept);
        self.speak(turn, "250 2.0.0 Ok: queued as Q1").await?;
        if turn != Turn::Slow(TOO_LATE) {
            self.note(id, What::Told);
        }
        self.pass(Moment::Answered);
        Ok(())
    }

    async fn leave(&mut self, id: &str, turn: Turn) -> io::Result<()> {
        let Turn::Say(reply) = turn else {
            self.note(id, What::Dropped);
            if let Turn::Slow(pause) = turn {
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
            return Err(closing());
        };
        let reply_of = if reply.starts_with('5') { What::Refused } else { What::PutOff };
        self.note(id, reply_of(reply.to_owned()));
        self.say(reply).await?;
        if reply.starts_with("421") { Err(closing()) } else { Ok(()) }
    }

    /// Answers as the weather wants; what is unkind goes into the journal.
    async fn answer(&mut self, step: Step, turn: Turn, good: &str) -> io::Result<()> {
        if let Turn::Say(_) | Turn::Drop | Turn::Slow(_) = turn {
            self.note("", What::Unkind(format!("the server at {step:?}: {turn:?}")));
        }
        self.speak(turn, good).await
    }

    async fn speak(&mut self, turn: Turn, good: &str) -> io::Result<()> {
        match turn {
            Turn::Good => self.say(good).await,
            Turn::Split => self.say_in_pieces(good).await,
            Turn::Slow(pause) => {
                tokio::time::sleep(Duration::from_millis(pause)).await;
                self.say(good).await
            }
            Turn::Say(reply) => {
                self.say(reply).await?;
                if reply.starts_with("421") { Err(closing()) } else { Ok(()) }
            }
            Turn::Drop => Err(closing()),
        }
    }

    async fn say(&mut self, reply: &str) -> io::Result<()> {
        self.stream.write_all(format!("{reply}\r\n").as_bytes()).await?;
        self.stream.flush().await
    }

    async fn say_in_pieces(&mut self, reply: &str) -> io::Result<()> {
        for piece in format!("{reply}\r\n").as_bytes().chunks(3) {
            self.stream.write_all(piece).await?;
            self.stream.flush().await?;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    }

    async fn read_line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }

    fn pass(&self, moment: Moment) {
        (self.shared.passing)(self.life, moment);
    }

    fn note(&self, id: &str, what: What) {
        self.shared.journal.note(self.life, &self.recipient, id, what);
    }
}

fn message_id(headers: &str) -> String {
    let parsed = mail_parser::MessageParser::default().parse_headers(headers);
    parsed.and_then(|message| message.message_id().map(str::to_owned)).unwrap_or_default()
}

fn between(line: &str, open: char, close: char) -> &str {
    let inner = line.split_once(open).map_or(line, |(_, rest)| rest);
    inner.split_once(close).map_or(inner, |(inner, _)| inner).trim()
}
