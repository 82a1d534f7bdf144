//! What really happened, in order: what the server did with every message, and how every life of the program ended.
use std::{
    fmt,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

/// One thing that happened. Recipient and Message-ID are empty where they were not known or do not matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Since the journal began.
    pub at: Duration,
    /// Which life of the program it happened to, from 1; 0 when nobody knows.
    pub life: u32,
    pub recipient: String,
    pub message_id: String,
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A life of the program began: how, and at which instant of its own clock.
    Began(String),
    /// It was killed: when.
    Killed(String),
    /// It could not write down what it learnt from here on: why.
    Blinded(String),
    /// It ended by itself or was asked to.
    Ended(String),
    /// The server was unkind before it had a message: the step and what it did.
    Unkind(String),
    /// The server refused a recipient or a message for good.
    Refused(String),
    /// The server would not take the message now.
    PutOff(String),
    /// The message was begun, the server did not keep it, and the client was told nothing.
    Dropped,
    /// The server has decided to keep the message, and has not said so yet.
    Kept,
    /// The server has said that it keeps the message, while the client was there to hear it.
    Told,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>9.3} s  life {:>3}  ", self.at.as_secs_f64(), self.life)?;
        match &self.what {
            What::Began(how) => write!(f, "begins: {how}"),
            What::Killed(when) => write!(f, "is killed {when}"),
            What::Blinded(why) => write!(f, "can write nothing down: {why}"),
            What::Ended(how) => write!(f, "ends: {how}"),
            What::Unkind(how) => write!(f, "{how}"),
            What::Refused(reply) => write!(f, "is refused: {reply}"),
            What::PutOff(reply) => write!(f, "is put off: {reply}"),
            What::Dropped => write!(f, "the server drops the message and says nothing"),
            What::Kept => write!(f, "the server keeps the message"),
            What::Told => write!(f, "the server has said that it keeps it"),
        }?;
        match (self.recipient.as_str(), self.message_id.as_str()) {
            ("", _) => Ok(()),
            (recipient, "") => write!(f, "  ({recipient})"),
            (recipient, id) => write!(f, "  ({recipient}, {id})"),
        }
    }
}

/// Written by the server and by the fleet, in one order.
#[derive(Clone)]
pub struct Journal {
    begun: Instant,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Journal {
    pub fn new() -> Self {
        Self { begun: Instant::now(), events: Arc::default() }
    }

    pub fn note(&self, life: u32, recipient: &str, message_id: &str, what: What) {
        let mut events = self.events.lock().unwrap();
        let (recipient, message_id) = (recipient.to_owned(), message_id.to_owned());
        events.push(Event { at: self.begun.elapsed(), life, recipient, message_id, what });
    }

    pub fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }

    pub fn count(&self, is_one: impl Fn(&What) -> bool) -> usize {
        self.events.lock().unwrap().iter().filter(|event| is_one(&event.what)).count()
    }

    /// How many messages the server has kept so far.
    pub fn kept(&self) -> usize {
        self.count(|what| matches!(what, What::Kept))
    }

    /// The same for everybody but one.
    pub fn kept_for_others(&self, than: &str) -> usize {
        let events = self.events.lock().unwrap();
        events.iter().filter(|event| event.what == What::Kept && event.recipient != than).count()
    }

    /// Whether the server has this message.
    pub fn has_kept(&self, message_id: &str) -> bool {
        let events = self.events.lock().unwrap();
        events.iter().any(|event| event.what == What::Kept && event.message_id == message_id)
    }

    /// Since when nothing has happened.
    pub fn quiet_for(&self) -> Duration {
        let last = self.events.lock().unwrap().last().map_or(Duration::ZERO, |event| event.at);
        self.begun.elapsed().saturating_sub(last)
    }
}
