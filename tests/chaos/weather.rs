//! How the mail server behaves: decided by a seed, the recipient and which try it is, so that it does not depend on
//! which of several connections comes first.
use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

/// Where in a conversation the server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    Greeting,
    Hello,
    Mail,
    Rcpt,
    Data,
    /// In the middle of the message.
    Body,
}

/// How the server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// As it should.
    Good,
    /// As it should, in pieces.
    Split,
    /// As it should, after so many milliseconds.
    Slow(u64),
    /// With another answer; 421 closes.
    Say(&'static str),
    /// It closes the connection.
    Drop,
}

/// What the server does with a complete message, and how it answers then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Keep(Turn),
    Leave(Turn),
}

/// A little late, in milliseconds.
const LATE: u64 = 100;
/// So long the client waits in a storm (`mail.smtp.timeout_secs`).
pub const LIMIT_SECS: u64 = 2;
/// Later than that, in milliseconds.
pub const TOO_LATE: u64 = 2500;

const BUSY: &str = "421 4.3.2 Too busy, come back later";

// Shares of a thousand; the rest is good. What stops a whole batch is rare, or no batch would ever get anywhere.
const GREETING: &[(u32, Turn)] = &[(30, Turn::Say(BUSY)), (20, Turn::Drop), (60, Turn::Split), (10, Turn::Slow(LATE))];
const HELLO: &[(u32, Turn)] = &[(10, Turn::Say(BUSY)), (10, Turn::Drop), (60, Turn::Split)];
const MAIL: &[(u32, Turn)] = &[(5, Turn::Say(BUSY)), (5, Turn::Drop), (20, Turn::Split)];
const RCPT: &[(u32, Turn)] = &[
    (30, Turn::Say("451 4.7.1 Recipient address rejected: Greylisted, try again later")),
    (30, Turn::Say("452 4.2.2 Mailbox full")),
    (20, Turn::Say("450 4.2.0 Mailbox busy")),
    (4, Turn::Say(BUSY)),
    (4, Turn::Drop),
    (2, Turn::Slow(TOO_LATE)),
    (20, Turn::Slow(LATE)),
    (20, Turn::Split),
];
const DATA: &[(u32, Turn)] =
    &[(15, Turn::Say("451 4.3.0 Not now")), (4, Turn::Say(BUSY)), (4, Turn::Drop), (20, Turn::Split)];
const BODY: &[(u32, Turn)] = &[(10, Turn::Drop)];
const END: &[(u32, End)] = &[
    (40, End::Keep(Turn::Drop)),
    (25, End::Keep(Turn::Slow(TOO_LATE))),
    (40, End::Keep(Turn::Split)),
    (40, End::Keep(Turn::Slow(LATE))),
    (25, End::Leave(Turn::Drop)),
    (10, End::Leave(Turn::Slow(TOO_LATE))),
    (30, End::Leave(Turn::Say("451 4.3.0 Cannot store it now"))),
    (15, End::Leave(Turn::Say("452 4.2.2 Over quota"))),
    (30, End::Leave(Turn::Say("554 5.6.0 Message content refused"))),
    (5, End::Leave(Turn::Say(BUSY))),
];

/// Of how many addresses one is refused, in any weather.
const REFUSED_ONE_OF: u64 = 12;

pub struct Weather {
    seed: u64,
    is_calm: AtomicBool,
    /// Milliseconds before every answer to a message.
    pause: AtomicU64,
}

impl Weather {
    pub fn stormy(seed: u64) -> Self {
        Self { seed, is_calm: AtomicBool::new(false), pause: AtomicU64::new(0) }
    }

    /// The server is kind from now on; who is refused stays refused.
    pub fn calm_down(&self) {
        self.is_calm.store(true, Ordering::SeqCst);
    }

    /// The server thinks for a while over every message.
    pub fn slow_down(&self, pause: Duration) {
        self.pause.store(pause.as_millis().try_into().unwrap(), Ordering::SeqCst);
    }

    pub fn pause(&self) -> Duration {
        Duration::from_millis(self.pause.load(Ordering::SeqCst))
    }

    /// The address does not exist at this server.
    pub fn refuses(&self, recipient: &str) -> bool {
        !recipient.starts_with("operator@") && self.roll(("refused", recipient)).is_multiple_of(REFUSED_ONE_OF)
    }

    /// Of the `nth` conversation, before anybody is named.
    pub fn opening(&self, step: Step, nth: u64) -> Turn {
        let table = if step == Step::Greeting { GREETING } else { HELLO };
        self.draw(table, Turn::Good, ("opening", step, nth))
    }

    /// Of the `nth` try of a recipient; MAIL, which names none yet, goes by the `nth` try of all.
    pub fn turn(&self, step: Step, recipient: &str, nth: u64) -> Turn {
        let table = match step {
            Step::Greeting | Step::Hello | Step::Mail => MAIL,
            Step::Rcpt => RCPT,
            Step::Data => DATA,
            Step::Body => BODY,
        };
        self.draw(table, Turn::Good, (step, recipient, nth))
    }

    /// Of the `nth` try of a recipient, after the last dot.
    pub fn end(&self, recipient: &str, nth: u64) -> End {
        self.draw(END, End::Keep(Turn::Good), ("end", recipient, nth))
    }

    fn draw<T: Copy>(&self, table: &[(u32, T)], good: T, of: impl Hash) -> T {
        if self.is_calm.load(Ordering::SeqCst) {
            return good;
        }
        let mut left = self.roll(of) % 1000;
        for (share, drawn) in table {
            match left.checked_sub(u64::from(*share)) {
                None => return *drawn,
                Some(rest) => left = rest,
            }
        }
        good
    }

    fn roll(&self, of: impl Hash) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.seed, of).hash(&mut hasher);
        hasher.finish()
    }
}
