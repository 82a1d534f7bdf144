//! The storm: kills at random points in bad weather until they are used up, then calm until nothing waits; then the
//! judge.
use std::{env, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{
    fleet::{Aim, Fleet},
    journal::Journal,
    judge::Case,
    ledger::{self, Line},
    server::{Moment, Server},
    site::{MONDAY, OPERATOR, Place, SUNDAY, Site, THURSDAY_NIGHT},
    weather::Weather,
};

/// How long the storm lasts on the program's clock; the rest of the days is for what waits longest.
const STORM: SignedDuration = SignedDuration::from_hours(12);

/// Longer than the longest wait between two attempts, 4 hours and a quarter.
const A_LONG_WAIT: SignedDuration = SignedDuration::from_hours(6);

/// A life of which nothing is heard for so long has nothing to do; longer than the server's longest pause.
const QUIET: Duration = Duration::from_secs(3);

/// Practices for each kill, so that there is work left for the last one; each has about 20 messages.
const KILLS_A_PRACTICE: u32 = 1;
const FEWEST_PRACTICES: u32 = 24;

struct Storm {
    seed: u64,
    dice: StdRng,
    kills: u32,
    replicas: usize,
    site: Site,
    weather: Arc<Weather>,
    journal: Journal,
    fleet: Arc<Fleet>,
    now: Timestamp,
}

fn number_from_environment(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

impl Storm {
    async fn new(place: &Place, replicas: usize) -> Self {
        let seed = number_from_environment("LAPSEWATCH_TEST_SEED").unwrap_or_else(|| rand::random::<u32>().into());
        let kills = number_from_environment("LAPSEWATCH_TEST_KILLS").map_or(20, |kills| kills.try_into().unwrap());
        let (weather, journal) = (Arc::new(Weather::stormy(seed)), Journal::new());
        let fleet = Fleet::new(journal.clone());
        let struck = Arc::clone(&fleet);
        let passing = Arc::new(move |life, moment| struck.pass(life, moment));
        let server = Server::start(Arc::clone(&weather), journal.clone(), passing).await;
        let practices = FEWEST_PRACTICES.max(kills / KILLS_A_PRACTICE).try_into().unwrap();
        let site = Site::new(practices, place, server.port);
        let (dice, now) = (StdRng::seed_from_u64(seed), MONDAY.parse().unwrap());
        Self { seed, dice, kills, replicas, site, weather, journal, fleet, now }
    }

    /// The whole of it.
    async fn rage(mut self) {
        self.move_in().await;
        self.site.drop_exports();
        let twin = Site::new(self.site.practices(), &Place::Sqlite, 1);
        twin.drop_exports();
        let due = ledger::due(&twin, MONDAY);
        while self.fleet.kills() < self.kills {
            self.epoch().await;
        }
        self.weather.calm_down();
        let lines = self.come_to_rest().await;
        self.a_further_run_sends_nothing().await;
        let at = self.now.to_string();
        let case = Case {
            due,
            lines,
            unknown: ledger::unknown(&self.site, &at),
            events: self.journal.events(),
            rungs: self.site.rungs(),
            operator: OPERATOR.to_owned(),
        };
        self.tell(&case);
        assert!(case.due.len() > 500 && self.journal.kept() > 300, "there was something to lose");
        let faults = case.faults();
        let stories: Vec<_> = faults.iter().map(|fault| case.story(fault)).collect();
        assert!(faults.is_empty(), "seed {}: {} faults\n{}", self.seed, faults.len(), stories.join("\n"));
    }

    /// The daemon's first start, in fair weather and with nothing to do.
    async fn move_in(&self) {
        let life = self.fleet.begin(&self.site, SUNDAY, "run", Aim::Nowhere);
        self.fleet.says(&self.site, life, "first start").await;
        self.fleet.stop(&self.site, life).await;
    }

    /// Some lives on one clock, until all have ended or nothing happens any more. Then time moves on.
    async fn epoch(&mut self) {
        let begun = std::time::Instant::now();
        let mut lives: Vec<_> = (0..self.replicas).map(|_| self.begin(Duration::ZERO)).collect();
        loop {
            tokio::time::sleep(Duration::from_millis(10)).await;
            lives.retain(|life| self.fleet.lives(*life));
            if lives.is_empty() || self.fleet.kills() >= self.kills || self.journal.quiet_for() > QUIET {
                break;
            }
            // Replicas share one clock, so the one that takes a killed one's place begins where that has got to.
            while lives.len() < self.replicas && self.replicas > 1 {
                lives.push(self.begin(begun.elapsed()));
            }
        }
        for life in lives {
            self.fleet.kill(life, "at rest");
        }
        let end = MONDAY.parse::<Timestamp>().unwrap() + STORM;
        let most = STORM.as_secs() / i64::from(self.kills);
        self.now = end.min(self.now + SignedDuration::from_secs(self.dice.random_range(0..=most)));
    }

    fn begin(&mut self, since: Duration) -> u32 {
        let at = self.now + SignedDuration::try_from(since).unwrap();
        let how = if self.replicas > 1 || self.dice.random_bool(0.5) { "run" } else { "once" };
        let aim = self.aim();
        self.fleet.begin(&self.site, &at.to_string(), how, aim)
    }

    fn aim(&mut self) -> Aim {
        if self.dice.random_bool(0.15) {
            return Aim::After(Duration::from_millis(self.dice.random_range(1..400)));
        }
        let moment = Moment::ALL[self.dice.random_range(0..Moment::ALL.len())];
        let most = if moment == Moment::Connected { 3 } else { 30 };
        Aim::At(moment, self.dice.random_range(1..=most))
    }

    /// Runs in calm weather, as one or the other, until nothing waits.
    async fn come_to_rest(&mut self) -> Vec<Line> {
        let last: Timestamp = THURSDAY_NIGHT.parse().unwrap();
        loop {
            let is_daemon = self.replicas > 1 || self.dice.random_bool(0.5);
            if is_daemon {
                self.calm_daemons().await;
            } else {
                self.calm_once().await;
            }
            let lines = ledger::lines(&self.site).await;
            let is_open = |line: &&Line| !matches!(line.state.as_str(), "accepted" | "rejected" | "unknown");
            let next = self.now + A_LONG_WAIT;
            if next > last || !lines.iter().any(|line| is_open(&line)) {
                return lines;
            }
            self.now = next;
        }
    }

    async fn calm_daemons(&self) {
        let at = self.now.to_string();
        let lives: Vec<_> =
            (0..self.replicas).map(|_| self.fleet.begin(&self.site, &at, "run", Aim::Nowhere)).collect();
        while self.journal.quiet_for() < QUIET {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        for life in lives {
            self.fleet.stop(&self.site, life).await;
        }
    }

    async fn calm_once(&self) {
        let life = self.fleet.begin(&self.site, &self.now.to_string(), "once", Aim::Nowhere);
        self.fleet.ended(&self.site, life).await;
    }

    async fn a_further_run_sends_nothing(&mut self) {
        let kept = self.journal.kept();
        self.calm_once().await;
        assert_eq!(self.journal.kept(), kept, "seed {}: everything had come to rest", self.seed);
    }

    /// The figures, for `--nocapture` and the bench.
    fn tell(&self, case: &Case) {
        let mut states = std::collections::BTreeMap::<_, std::collections::BTreeSet<_>>::new();
        for line in &case.lines {
            states.entry(line.state.as_str()).or_default().insert(&line.reference);
        }
        let states: Vec<_> = states.iter().map(|(state, messages)| format!("{} {state}", messages.len())).collect();
        eprintln!(
            "seed {}: {} kills in {} lives ({}); {} notices due; messages: {}; the server kept {} messages",
            self.seed,
            self.fleet.kills(),
            self.fleet.lives_so_far(),
            self.fleet.strikes(),
            case.due.len(),
            states.join(", "),
            self.journal.kept()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_program_on_sqlite_loses_nothing_and_tells_nobody_twice() {
    Storm::new(&Place::Sqlite, 1).await.rage().await;
}
