//! The storm: kills at random points in bad weather until they are used up, then calm until nothing waits; then the
//! judge.
use std::{
    env,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{
    fleet::Aim,
    ledger,
    postgres::Database,
    rig::Rig,
    server::Moment,
    site::{MONDAY, OPERATOR, Place, THURSDAY_NIGHT},
};

/// How long the storm lasts on the program's clock; the rest of the days is for what waits longest.
const STORM: SignedDuration = SignedDuration::from_hours(12);

/// Longer than the longest wait between two attempts, 4 hours and a quarter.
const A_LONG_WAIT: SignedDuration = SignedDuration::from_hours(6);

/// A life of which nothing is heard for so long has nothing to do; longer than the server's longest pause.
const QUIET: Duration = Duration::from_secs(3);
/// Replicas take over what a dead one left when its leases have not moved for a while: so long at most.
const TAKE_OVER: Duration = Duration::from_secs(30);

/// One practice a kill, so that there is work left for the last; each has about 20 messages.
const FEWEST_PRACTICES: u32 = 24;

struct Storm {
    rig: Rig,
    dice: StdRng,
    kills: u32,
    replicas: usize,
    now: Timestamp,
}

fn number_from_environment(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

impl Storm {
    async fn new(place: &Place, replicas: usize) -> Self {
        let seed = number_from_environment("LAPSEWATCH_TEST_SEED").unwrap_or_else(|| rand::random::<u32>().into());
        let kills: u32 = number_from_environment("LAPSEWATCH_TEST_KILLS").unwrap_or(20).try_into().unwrap();
        let rig = Rig::stormy(seed, FEWEST_PRACTICES.max(kills).try_into().unwrap(), place).await;
        Self { rig, dice: StdRng::seed_from_u64(seed), kills, replicas, now: MONDAY.parse().unwrap() }
    }

    /// The whole of it.
    async fn rage(mut self) {
        self.rig.move_in().await;
        while self.rig.fleet.kills() < self.kills {
            self.epoch().await;
        }
        self.rig.weather.calm_down();
        self.come_to_rest().await;
        self.a_further_run_sends_nothing().await;
        self.rig.judge(&self.now.to_string());
        self.a_person_settles_the_unknown().await;
        self.rig.judge(&self.now.to_string());
    }

    /// A person asks the server's postmaster about each unknown message, and says what came out; then nothing is open.
    async fn a_person_settles_the_unknown(&mut self) {
        let at = self.now.to_string();
        for (reference, id) in ledger::unknown(&self.rig.site, &at) {
            let verdict = if self.rig.journal.has_kept(&id) { "accepted" } else { "resend" };
            ledger::settle(&self.rig.site, &at, &reference, verdict);
        }
        self.come_to_rest().await;
        let at = self.now.to_string();
        assert_eq!(ledger::unknown(&self.rig.site, &at), [].into(), "seed {}: everything is settled", self.rig.seed);
    }

    /// Some lives on one clock, until all have ended or nothing happens any more. Then time moves on.
    async fn epoch(&mut self) {
        let begun = Instant::now();
        let mut lives: Vec<_> = (0..self.replicas).map(|_| self.begin(Duration::ZERO)).collect();
        loop {
            tokio::time::sleep(Duration::from_millis(10)).await;
            lives.retain(|life| self.rig.fleet.lives(*life));
            let is_over = lives.is_empty() || self.rig.journal.quiet_for() > QUIET;
            if is_over || self.rig.fleet.kills() >= self.kills {
                break;
            }
            // Replicas share one clock, so the one that takes a killed one's place begins where that has got to.
            while lives.len() < self.replicas {
                lives.push(self.begin(begun.elapsed()));
            }
        }
        for life in lives {
            self.rig.fleet.kill(life, "at rest");
        }
        self.let_time_pass();
    }

    fn let_time_pass(&mut self) {
        let end = MONDAY.parse::<Timestamp>().unwrap() + STORM;
        let most = STORM.as_secs() / i64::from(self.kills);
        self.now = end.min(self.now + SignedDuration::from_secs(self.dice.random_range(0..=most)));
    }

    fn begin(&mut self, since: Duration) -> u32 {
        let at = self.now + SignedDuration::try_from(since).unwrap();
        let how = if self.replicas > 1 || self.dice.random_bool(0.5) { "run" } else { "once" };
        let aim = self.aim();
        self.rig.fleet.begin(&self.rig.site, &at.to_string(), how, aim)
    }

    fn aim(&mut self) -> Aim {
        if self.dice.random_bool(0.15) {
            return Aim::After(Duration::from_millis(self.dice.random_range(1..400)));
        }
        let moment = Moment::ALL[self.dice.random_range(0..Moment::ALL.len())];
        let most = if moment == Moment::Connected { 3 } else { 30 };
        Aim::At(moment, self.dice.random_range(1..=most))
    }

    /// Runs in calm weather, as one or the other, until nothing waits or no time is left.
    async fn come_to_rest(&mut self) {
        let last: Timestamp = THURSDAY_NIGHT.parse().unwrap();
        loop {
            if self.replicas > 1 || self.dice.random_bool(0.5) {
                self.calm_daemons().await;
            } else {
                self.calm_once().await;
            }
            let waits = ledger::lines(&self.rig.site, &self.now.to_string()).iter().any(ledger::Line::is_open);
            let next = self.now + A_LONG_WAIT;
            if next > last || !waits {
                return;
            }
            self.now = next;
        }
    }

    async fn calm_daemons(&self) {
        let Rig { site, fleet, journal, .. } = &self.rig;
        let at = self.now.to_string();
        let lives: Vec<_> = (0..self.replicas).map(|_| fleet.begin(site, &at, "run", Aim::Nowhere)).collect();
        let begun = Instant::now();
        let is_taken_over = || ledger::lines(site, &at).iter().all(|line| line.state != "leased");
        while journal.quiet_for() < QUIET || (begun.elapsed() < TAKE_OVER && !is_taken_over()) {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        for life in lives {
            fleet.stop(site, life).await;
        }
    }

    async fn calm_once(&self) {
        let Rig { site, fleet, .. } = &self.rig;
        let life = fleet.begin(site, &self.now.to_string(), "once", Aim::Nowhere);
        fleet.ended(site, life).await;
    }

    async fn a_further_run_sends_nothing(&self) {
        // The operator hears each day what is open.
        let kept = || self.rig.journal.kept_for_others(OPERATOR);
        let before = kept();
        self.calm_once().await;
        assert_eq!(kept(), before, "seed {}: everything had come to rest", self.rig.seed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_program_on_sqlite_loses_nothing_and_tells_nobody_twice() {
    Storm::new(&Place::Sqlite, 1).await.rage().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_replicas_on_postgres_lose_nothing_and_tell_nobody_twice() {
    let Some(database) = Database::set_up("chaos with three replicas on PostgreSQL").await else { return };
    Storm::new(&database.place(), 3).await.rage().await;
    database.tear_down().await;
}
