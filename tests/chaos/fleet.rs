//! The lives of the program: started, struck by lightning, ended; each has a number that the mail server hears.
use std::{
    collections::BTreeMap,
    fs::{self, File},
    process::{Child, Command},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use super::{
    journal::{Journal, What},
    server::Moment,
    site::Site,
};

/// Longest wait for anything that should happen at once.
const SOON: Duration = Duration::from_secs(30);

/// When lightning strikes a life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    /// Never.
    Nowhere,
    /// At the nth of these moments, from 1.
    At(Moment, u32),
    /// So long after it began.
    After(Duration),
}

struct Life {
    child: Child,
    aim: Aim,
}

/// Every life so far. Those that still run are killed when it is dropped.
pub struct Fleet {
    journal: Journal,
    lives: Mutex<BTreeMap<u32, Life>>,
    /// How often lightning struck, by what it struck at.
    struck: Mutex<BTreeMap<String, u32>>,
}

impl Fleet {
    pub fn new(journal: Journal) -> Arc<Self> {
        Arc::new(Self { journal, lives: Mutex::default(), struck: Mutex::default() })
    }

    /// Begins a life, `once` or `run`, at an instant of the program's clock.
    pub fn begin(self: &Arc<Self>, site: &Site, at: &str, how: &str, aim: Aim) -> u32 {
        let number = self.spawn(site, &format!("{how} at {at}"), aim, |command| {
            command.args(["--at", at, how]);
        });
        if let Aim::After(span) = aim {
            let fleet = Arc::clone(self);
            tokio::spawn(async move {
                tokio::time::sleep(span).await;
                fleet.kill(number, "by the clock");
            });
        }
        number
    }

    /// Begins a life that goes by the machine's clock, in an environment that `change` decides.
    pub fn begin_by_the_machine(&self, site: &Site, how: &str, change: impl FnOnce(&mut Command)) -> u32 {
        self.spawn(site, &format!("{how} by the machine's clock"), Aim::Nowhere, |command| {
            change(command.arg(how));
        })
    }

    fn spawn(&self, site: &Site, what: &str, aim: Aim, change: impl FnOnce(&mut Command)) -> u32 {
        let mut lives = self.lives.lock().unwrap();
        let number = lives.last_key_value().map_or(1, |(last, _)| last + 1);
        let log = File::create(site.path(&format!("life-{number}.log"))).unwrap();
        let mut command = site.program();
        command.args(["--set", &format!("mail.smtp.hello_name=\"life-{number}.anyshire.example\"")]);
        command.stdout(log.try_clone().unwrap()).stderr(log);
        change(&mut command);
        self.journal.note(number, "", "", What::Began(format!("{what}, to be struck: {aim:?}")));
        lives.insert(number, Life { child: command.spawn().unwrap(), aim });
        number
    }

    /// A moment of a life: strikes when this is what was aimed at. The life is dead when this returns.
    pub fn pass(&self, number: u32, moment: Moment) {
        let mut lives = self.lives.lock().unwrap();
        let Some(life) = lives.get_mut(&number) else { return };
        match life.aim {
            Aim::At(aimed, 1) if aimed == moment => self.strike(number, life, &format!("{moment:?}")),
            Aim::At(aimed, left) if aimed == moment => life.aim = Aim::At(aimed, left - 1),
            _ => {}
        }
    }

    /// Kills a life now, if it still lives.
    pub fn kill(&self, number: u32, when: &str) {
        if let Some(life) = self.lives.lock().unwrap().get_mut(&number) {
            self.strike(number, life, when);
        }
    }

    fn strike(&self, number: u32, life: &mut Life, when: &str) {
        life.aim = Aim::Nowhere;
        if life.child.try_wait().unwrap().is_none() {
            life.child.kill().unwrap();
            life.child.wait().unwrap();
            *self.struck.lock().unwrap().entry(when.to_owned()).or_default() += 1;
            self.journal.note(number, "", "", What::Killed(when.to_owned()));
        }
    }

    /// Whether a life still runs; its end is noted when it ended by itself.
    pub fn lives(&self, number: u32) -> bool {
        let mut lives = self.lives.lock().unwrap();
        let Some(life) = lives.get_mut(&number) else { return false };
        match life.child.try_wait().unwrap() {
            None => true,
            Some(status) => {
                let is_noted = |what: &What| matches!(what, What::Killed(_) | What::Ended(_));
                let events = self.journal.events();
                if !events.iter().any(|event| event.life == number && is_noted(&event.what)) {
                    self.journal.note(number, "", "", What::Ended(status.to_string()));
                }
                false
            }
        }
    }

    /// Asks a life to stop and waits for its end.
    pub async fn stop(&self, site: &Site, number: u32) {
        let id = self.lives.lock().unwrap()[&number].child.id();
        assert!(Command::new("kill").args(["-TERM", &id.to_string()]).status().unwrap().success());
        self.ended(site, number).await;
    }

    /// Waits for the end of a life.
    pub async fn ended(&self, site: &Site, number: u32) {
        until(|| format!("life {number} does not end:\n{}", tail(site, number)), || !self.lives(number)).await;
    }

    /// Waits until the log of a life says `words`.
    pub async fn says(&self, site: &Site, number: u32, words: &str) {
        let in_vain = || format!("life {number} does not say {words:?}:\n{}", tail(site, number));
        until(in_vain, || log(site, number).contains(words)).await;
    }

    /// How a life that has ended did so; `None` when a signal ended it.
    pub fn exit_code(&self, number: u32) -> Option<i32> {
        let status = self.lives.lock().unwrap().get_mut(&number).and_then(|life| life.child.try_wait().unwrap());
        status.and_then(|status| status.code())
    }

    pub fn kills(&self) -> u32 {
        self.struck.lock().unwrap().values().sum()
    }

    pub fn lives_so_far(&self) -> usize {
        self.lives.lock().unwrap().len()
    }

    /// `Kept 3, Mail 2, …`
    pub fn strikes(&self) -> String {
        let struck = self.struck.lock().unwrap();
        struck.iter().map(|(when, count)| format!("{when} {count}")).collect::<Vec<_>>().join(", ")
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for life in self.lives.lock().unwrap().values_mut() {
            drop(life.child.kill());
            drop(life.child.wait());
        }
    }
}

/// The last lines that a life has printed, for those who must read them.
pub fn tail(site: &Site, number: u32) -> String {
    let log = log(site, number);
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}

/// What a life has printed.
pub fn log(site: &Site, number: u32) -> String {
    fs::read_to_string(site.path(&format!("life-{number}.log"))).unwrap_or_default()
}

/// Waits for something that should happen soon.
pub async fn until(in_vain: impl Fn() -> String, done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < SOON, "{}", in_vain());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
