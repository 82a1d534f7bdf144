//! The desk between the store and the workers: it leases, hands out, and writes down how attempts ended.
//!
//! One transaction settles what has ended and leases what comes next, so its cost is shared by all messages that ended
//! meanwhile. Nothing is handed out before that transaction is on the disk. A store that fails is asked again for a
//! while: what has ended is kept until it is written.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Duration, Instant, Interval, MissedTickBehavior, interval, sleep},
};

use super::{Batch, Errand, attempt::settlement, connections};
use crate::{
    domain::{
        delivery::Outcome,
        quota::{Limit, Quota},
    },
    jobs::{JobError, facts::Facts},
    store::{Exchanged, Lease, Settlement, Stopped, StoreError, StoredMessage},
};

/// How long the right to try a message lasts unless it is renewed.
const LEASE: SignedDuration = SignedDuration::from_secs(60);

/// Of that, how long a message may still be begun: less, so that nobody takes it over in the same moment.
const BEGIN_WITHIN: Duration = Duration::from_secs(50);

/// How long a delivery waits for the quota of a minute before it makes room for whoever called it.
const QUOTA_PATIENCE: Duration = Duration::from_mins(2);

/// How often it is renewed while the message is under way.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// Messages leased for each worker: one under way, and one that waits for it.
const MESSAGES_A_WORKER: usize = 2;

/// How long to wait for the quota of a minute before it is asked again.
const QUOTA_WAIT: Duration = Duration::from_secs(1);

/// How long a store that fails is asked again before the delivery is given up.
const STORE_PATIENCE: Duration = Duration::from_mins(5);

/// The longest wait between two tries at a store that fails.
const LONGEST_STORE_WAIT: Duration = Duration::from_secs(5);

pub(super) struct Desk {
    batch: Arc<Batch>,
    /// Names this desk in the store: its leases and its connections.
    holder: String,
    /// Connections that are ours.
    connections: u16,
    /// Leases taken so far: each has a name of its own.
    leases: u64,
    /// Leases of which nobody knows whether the store has them.
    doubtful: Vec<String>,
    /// Messages leased and not settled.
    open: usize,
    /// Attempts that have ended and are not written down.
    ended: Vec<Settlement>,
    /// Nothing more is due, or may leave.
    is_done: bool,
    /// The quota of the minute was in the way of more.
    is_over_minute: bool,
}

impl Desk {
    pub(super) fn new(batch: Arc<Batch>) -> Self {
        Self {
            batch,
            holder: format!("{:032x}", rand::random::<u128>()),
            connections: 0,
            leases: 0,
            doubtful: Vec::new(),
            open: 0,
            ended: Vec::new(),
            is_done: false,
            is_over_minute: false,
        }
    }

    /// Serves the workers until nothing is due and everything is written down.
    pub(super) async fn serve(mut self) -> Result<(), JobError> {
        let connections = self.hold_connections(connections(&self.batch.site)).await?;
        let workers = usize::from(connections);
        if workers == 0 {
            return Ok(());
        }
        self.connections = connections;
        // A message that waits for its worker counts for the quota before it leaves: it does not wait under one.
        let room = if self.quota().is_open() { workers * MESSAGES_A_WORKER } else { workers };
        let (hand_out, queue) = mpsc::channel(room);
        let (end, mut ended) = mpsc::channel(room);
        let queue = Arc::new(tokio::sync::Mutex::new(queue));
        let mut staff = JoinSet::new();
        for _ in 0..workers {
            staff.spawn(Arc::clone(&self.batch).work(Arc::clone(&queue), end.clone()));
        }
        drop(end);
        let served = self.attend(room, &hand_out, &mut ended).await;
        if served.is_err() {
            // Nobody could write down how the rest ends.
            self.batch.stop.cancel();
        }
        drop(hand_out);
        // Workers finish the message they are at: dropping them now would leave its outcome unknown.
        while let Some(worker) = staff.join_next().await {
            if let Err(failure) = worker {
                tracing::error!(%failure, "a delivery worker ended early; its message is settled later");
            }
        }
        self.hold_connections(0).await?;
        self.note_health().await?;
        served
    }

    async fn attend(
        &mut self,
        room: usize,
        hand_out: &mpsc::Sender<Errand>,
        ended: &mut mpsc::Receiver<Settlement>,
    ) -> Result<(), JobError> {
        let (mut heartbeat, begun) = (steady(HEARTBEAT), Instant::now());
        loop {
            if begun.elapsed() > QUOTA_PATIENCE && self.is_over_minute {
                self.is_done = true;
                self.batch.done.lock().unwrap_or_else(PoisonError::into_inner).is_waiting = true;
            }
            let wanted = if self.takes_no_more() { 0 } else { room - self.open };
            if wanted > 0 || !self.ended.is_empty() {
                for errand in self.exchange(wanted).await? {
                    // The channel has room for as many as are ever open.
                    let _ = hand_out.send(errand).await;
                }
            }
            if self.open == 0 && self.takes_no_more() {
                return Ok(());
            }
            tokio::select! {
                settlement = ended.recv() => {
                    let Some(settlement) = settlement else {
                        tracing::error!(open = self.open, "no delivery worker is left; its messages are settled later");
                        return Ok(());
                    };
                    self.ended.push(settlement);
                    while let Ok(settlement) = ended.try_recv() {
                        self.ended.push(settlement);
                    }
                }
                _ = heartbeat.tick() => self.renew().await,
                () = sleep(QUOTA_WAIT), if self.open == 0 => (),
            }
        }
    }

    fn takes_no_more(&self) -> bool {
        let is_open = self.batch.site.may_leave(self.batch.site.clock.now(), true);
        self.is_done || !is_open || self.batch.stop.is_cancelled()
    }

    /// Writes down what has ended and leases up to `wanted` messages more.
    async fn exchange(&mut self, wanted: usize) -> Result<Vec<Errand>, JobError> {
        let begun = Instant::now();
        let mut wait = Duration::from_millis(100);
        loop {
            let lease = (wanted > 0).then(|| self.lease(wanted));
            let asked = Instant::now();
            match self.batch.site.store.exchange(&self.ended, lease.as_ref()).await {
                Ok(exchanged) => {
                    if wait > Duration::from_millis(100) {
                        tracing::info!("the database answers again");
                    }
                    if lease.is_some() {
                        self.batch.hold_until(asked, BEGIN_WITHIN);
                    }
                    return self.take_in(exchanged, wanted, begun).await;
                }
                Err(failure) => {
                    self.doubtful.extend(lease.map(|lease| lease.token));
                    if !self.may_ask_again(&failure, begun) {
                        let unwritten = self.ended.len();
                        tracing::error!(
                            unwritten,
                            "delivery gives up on the database; {unwritten} ends are not written"
                        );
                        return Err(failure.into());
                    }
                    tracing::warn!("delivery waits for the database: {failure}");
                    sleep(wait).await;
                    wait = (wait * 2).min(LONGEST_STORE_WAIT);
                }
            }
        }
    }

    /// Whether a store that failed is worth another try: for a while, and not for long when the program is to end.
    fn may_ask_again(&self, failure: &StoreError, begun: Instant) -> bool {
        let patience = if self.batch.stop.is_cancelled() { LONGEST_STORE_WAIT } else { STORE_PATIENCE };
        begun.elapsed() < patience && failure.may_pass()
    }

    async fn take_in(&mut self, exchanged: Exchanged, wanted: usize, begun: Instant) -> Result<Vec<Errand>, JobError> {
        for number in &exchanged.lost {
            tracing::warn!(message.number = number.0, "a lease ended before its message was settled");
        }
        self.open = self.open.saturating_sub(self.ended.len()) + exchanged.leased.len();
        self.ended.clear();
        self.is_over_minute = exchanged.over == Some(Limit::PerMinute);
        self.is_done |= wanted > 0 && exchanged.leased.len() < wanted && !self.is_over_minute;
        let facts = self.find_facts(&exchanged, begun).await?;
        self.give_back_doubtful().await;
        let errand = |message| Errand { message, facts: Arc::clone(&facts) };
        Ok(exchanged.leased.into_iter().map(errand).collect())
    }

    /// Reads what is known about the messages that were leased. They wait for it: a database that hiccups must not make
    /// them unknown.
    async fn find_facts(&self, exchanged: &Exchanged, begun: Instant) -> Result<Arc<Facts>, JobError> {
        let notices = exchanged.leased.iter().flat_map(|leased| &leased.message.notices);
        let subjects: BTreeSet<_> = notices.map(|notice| notice.subject_id).collect();
        let subjects: Vec<_> = subjects.into_iter().collect();
        let at: Vec<_> = exchanged.leased.iter().map(|leased| &leased.message.recipient).collect();
        loop {
            let found = async {
                if exchanged.revision != self.batch.facts().revision {
                    self.batch.renew_facts(Facts::load(&self.batch.site).await?);
                }
                let facts = self.batch.facts();
                if at.is_empty() {
                    Ok(facts)
                } else {
                    facts.about(&self.batch.site, &subjects, &at).await.map(Arc::new)
                }
            };
            match found.await {
                Ok(facts) => return Ok(facts),
                Err(failure) if self.may_ask_again(&failure, begun) => {
                    tracing::warn!("delivery waits for the database: {failure}");
                    sleep(LONGEST_STORE_WAIT).await;
                }
                Err(failure) => return Err(failure.into()),
            }
        }
    }

    /// Messages leased in a transaction of which the answer was lost were never handed out.
    async fn give_back_doubtful(&mut self) {
        let doubtful = std::mem::take(&mut self.doubtful);
        if doubtful.is_empty() {
            return;
        }
        let site = &self.batch.site;
        let is_doubtful =
            |message: &StoredMessage| message.lease.as_ref().is_some_and(|lease| doubtful.contains(&lease.token));
        let given_back = async {
            let mut leased = site.store.list_lapsed_leases(Timestamp::MAX).await?;
            leased.retain(is_doubtful);
            let untried: Vec<_> = leased.iter().map(|message| settlement(site, message, Outcome::Untried)).collect();
            site.store.exchange(&untried, None).await
        };
        if let Err(failure) = given_back.await {
            tracing::warn!("messages that were not tried are given back later: {failure}");
            self.doubtful = doubtful;
        }
    }

    fn lease(&mut self, wanted: usize) -> Lease {
        self.leases += 1;
        let now = self.batch.site.clock.now();
        Lease {
            token: format!("{}-{}", self.holder, self.leases),
            now,
            until: now.checked_add(LEASE).unwrap_or(Timestamp::MAX),
            most: u32::try_from(wanted).unwrap_or(u32::MAX),
            only_any_day: !self.batch.site.may_leave(now, false),
            quota: self.quota(),
        }
    }

    fn quota(&self) -> Quota {
        self.batch.site.config.mail.quota
    }

    /// A long send keeps its message, and its connection. A renewal that fails is no reason to stop: the next may go
    /// well.
    async fn renew(&mut self) {
        let site = &self.batch.site;
        let until = site.clock.now().checked_add(LEASE).unwrap_or(Timestamp::MAX);
        let asked = Instant::now();
        let renewed = async {
            site.store.renew_leases(&self.holder, until).await?;
            self.batch.hold_until(asked, BEGIN_WITHIN);
            self.hold_connections(self.connections).await
        };
        match renewed.await {
            // Others have taken our connections while we could not renew them: begin nothing more.
            Ok(granted) if granted < self.connections => self.is_done = true,
            Ok(_) => (),
            Err(failure) => tracing::warn!("leases could not be renewed: {failure}"),
        }
    }

    /// How many workers there may be: as many as configured, and as the other programs leave of the quota.
    async fn hold_connections(&self, wanted: u16) -> Result<u16, StoreError> {
        let site = &self.batch.site;
        let Some(most) = self.quota().connections else { return Ok(wanted) };
        let now = site.clock.now();
        let until = now.checked_add(LEASE).unwrap_or(Timestamp::MAX);
        site.store.hold_connections(&self.holder, wanted, most, now, until).await
    }

    /// Notes for `status` and the other programs whether sending has stopped.
    async fn note_health(&self) -> Result<(), JobError> {
        let (stopped, accepted) = {
            let done = self.batch.done.lock().unwrap_or_else(PoisonError::into_inner);
            (done.stopped.clone(), done.accepted)
        };
        let store = &self.batch.site.store;
        match stopped {
            Some(why) => store.note_stopped(Some(&Stopped { at: self.batch.site.clock.now(), why })).await?,
            None if accepted > 0 => store.note_stopped(None).await?,
            None => (),
        }
        Ok(())
    }
}

fn steady(span: Duration) -> Interval {
    let mut interval = interval(span);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}
