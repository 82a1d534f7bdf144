//! One site, its mail server, its lives and its journal, put together; and the verdict at the end.
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    fleet::{Aim, Fleet, tail},
    journal::Journal,
    judge::Case,
    ledger::{self, Due, Line},
    server::Server,
    site::{MONDAY, OPERATOR, Place, SUNDAY, Site},
    weather::{LIMIT_SECS, Weather},
};

pub struct Rig {
    pub seed: u64,
    pub site: Site,
    pub weather: Arc<Weather>,
    pub journal: Journal,
    pub fleet: Arc<Fleet>,
    /// What is due on Monday.
    due: BTreeSet<Due>,
}

impl Rig {
    /// A site with an empty inbox; the server's weather is a storm until it is told to calm down.
    pub async fn stormy(seed: u64, practices: usize, place: &Place) -> Self {
        Self::new(seed, practices, place, LIMIT_SECS).await
    }

    /// A site of 20 practices with an empty inbox, and a server that only refuses some addresses. It is waited for, so
    /// that a busy machine is not taken for bad weather.
    pub async fn calm(place: &Place) -> Self {
        let rig = Self::new(1, 20, place, 60).await;
        rig.weather.calm_down();
        rig
    }

    async fn new(seed: u64, practices: usize, place: &Place, limit_secs: u64) -> Self {
        let (weather, journal) = (Arc::new(Weather::stormy(seed)), Journal::new());
        let fleet = Fleet::new(journal.clone());
        let struck = Arc::clone(&fleet);
        let passing = Arc::new(move |life, moment| struck.pass(life, moment));
        let server = Server::start(Arc::clone(&weather), journal.clone(), passing).await;
        let site = Site::new(practices, place, server.port, limit_secs);
        Self { seed, due: what_is_due(practices), site, weather, journal, fleet }
    }

    /// The daemon's first start, on Sunday with nothing to do.
    pub async fn settle_in(&self) {
        let life = self.fleet.begin(&self.site, SUNDAY, "run", Aim::Nowhere);
        self.fleet.says(&self.site, life, "first start").await;
        self.fleet.stop(&self.site, life).await;
    }

    /// Settles in; then Monday's exports arrive.
    pub async fn move_in(&self) {
        self.settle_in().await;
        self.site.drop_exports();
    }

    /// Waits until the server has kept so many messages.
    pub async fn kept(&self, count: usize, span: Duration) {
        let begun = Instant::now();
        while self.journal.kept() < count {
            assert!(begun.elapsed() < span, "the server has kept {} of {count}", self.journal.kept());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Waits until a life has made a plan and nothing of it waits.
    pub async fn at_rest(&self, life: u32, span: Duration) {
        self.at_rest_for(life, span, Duration::from_secs(3)).await;
    }

    /// The same, until it has stayed so for a while: what was refused last may not have climbed to others yet.
    pub async fn at_rest_for(&self, life: u32, span: Duration, still: Duration) {
        let begun = Instant::now();
        let mut since = None;
        loop {
            // Who has just got its database or its disk back may not be able to answer yet.
            let lines = ledger::lines_if_answered(&self.site, MONDAY);
            let open = lines.as_ref().map(|lines| (lines.iter().filter(|line| line.is_open()).count(), lines.len()));
            if open.is_ok_and(|(open, of)| open == 0 && of > 0) {
                if since.get_or_insert_with(Instant::now).elapsed() >= still {
                    return;
                }
            } else {
                since = None;
            }
            let tail = tail(&self.site, life);
            assert!(begun.elapsed() < span, "open lines of all: {open:?}\n{tail}");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// Fails when anything was lost, doubled or made up, and tells the stories.
    pub fn judge(&self, at: &str) {
        let case = Case {
            due: self.due.clone(),
            lines: ledger::lines(&self.site, at),
            unknown: ledger::unknown(&self.site, at),
            events: self.journal.events(),
            rungs: self.site.rungs(),
            operator: OPERATOR.to_owned(),
        };
        self.tell(&case.lines);
        assert!(self.due.len() > 300 && self.journal.kept() > 100, "there was something to lose");
        let faults = case.faults();
        let stories: Vec<_> = faults.iter().map(|fault| case.story(fault)).collect();
        assert!(faults.is_empty(), "seed {}: {} faults\n{}", self.seed, faults.len(), stories.join("\n"));
    }

    /// The figures, for `--nocapture` and the bench.
    fn tell(&self, ledger: &[Line]) {
        let mut states = BTreeMap::<_, BTreeSet<_>>::new();
        for line in ledger {
            states.entry(line.state.as_str()).or_default().insert(&line.reference);
        }
        let states: Vec<_> = states.iter().map(|(state, messages)| format!("{} {state}", messages.len())).collect();
        let (kills, lives, struck) = (self.fleet.kills(), self.fleet.lives_so_far(), self.fleet.strikes());
        eprintln!("seed {}: {kills} kills in {lives} lives ({struck})", self.seed);
        eprintln!("  {} notices due; messages: {}", self.due.len(), states.join(", "));
        eprintln!("  the server kept {} messages", self.journal.kept());
    }
}

/// What a fresh site of the same people would be told; it does not matter where its messages would leave.
fn what_is_due(practices: usize) -> BTreeSet<Due> {
    let twin = Site::new(practices, &Place::Sqlite, 1, LIMIT_SECS);
    twin.drop_exports();
    ledger::due(&twin, MONDAY)
}
