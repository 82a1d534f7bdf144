//! One export into the store, whatever its size: rows are read on a thread of their own, and of the register only that
//! part is in memory that the next rows are about.
//!
//! A row that says what the source said before is known by its print and costs neither a look at its subject nor a
//! write (`domain/roll.rs`). The others come in batches: the subjects they may be about are read, merged as
//! [`merge`](super::load::merge) would, and written while the next ones are merged, all in the one transaction of the
//! file. A batch about people of whom nobody knew anything is written as it is: there is nothing to merge.

use std::{
    collections::{HashMap, HashSet},
    ops::ControlFlow,
    panic::resume_unwind,
    sync::Arc,
};

use jiff::civil::Date;
use tokio::{
    sync::mpsc,
    task::{block_in_place, spawn_blocking, yield_now},
};

use super::{
    JobError,
    load::Candidate,
    load_report::LoadReport,
    shown::Shown,
    tally::{Listed, Tally},
};
use crate::{
    domain::{
        facts::SnapshotId,
        newcomer::Newcomer,
        policy::Policy,
        register::{Arrival, Effect, Register, Subject, SubjectId},
        roll::{ALWAYS_READ, Answer, Entry, Roll, RollCall, Uncalled},
        snapshot::{Lists, Observation, Record},
    },
    sources::{Census, Export, Raw, ReadError, Rejected},
    store::{Intake, StoreError},
};

/// Rows that are merged together: enough to be written in few statements, few enough to be small.
const BATCH: usize = 2_000;

/// Batches that wait for the one that is being merged.
const WAITING: usize = 2;

/// For how many rows memory is taken at once: those of a country. A file that has more of them may have nothing in them.
const ROOM: usize = 3_000_000;

/// How many rows may be looked through one by one for a key.
const UNSORTED: usize = 65_536;

/// How many rows lie between two words about progress when none has to be read.
const PROGRESS_ROWS: u64 = 50_000;

/// A row that was read.
enum Item {
    /// It has to be merged.
    Subject(Row),
    /// It is about no subject.
    Listed(Record),
    /// It cannot be loaded.
    Rejected(Rejected),
}

/// A row about a subject.
struct Row {
    says: Box<Observation>,
    /// Key and print, where the source keeps a roll and the row has a key.
    on_roll: Option<(u64, u64)>,
    /// Whom the source meant by the key before.
    known: Option<SubjectId>,
    /// An earlier row of the file had the key.
    is_again: bool,
}

/// What the reading thread hands over.
struct Batch {
    items: Vec<Item>,
    /// Rows of the file so far.
    rows: u64,
}

/// A file that was merged and is not committed.
pub(super) struct Merged {
    /// What it did.
    pub(super) report: LoadReport,
    /// The roll after it, where its source keeps one.
    pub(super) roll: Option<Roll>,
    /// What it lists besides subjects.
    pub(super) lists: Lists,
    /// Who was merged into whom.
    pub(super) in_place_of: HashMap<SubjectId, SubjectId>,
}

/// Why a file could not be merged.
#[derive(Debug)]
pub(super) enum Failed {
    /// The file itself is at fault.
    Read(ReadError),
    /// The job cannot go on.
    Job(JobError),
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::Job(error.into())
    }
}

/// Merges a file into the store and leaves the end to the caller.
///
/// # Errors
/// When the file can no longer be read, or the store fails; dropping `intake` then undoes everything.
pub(super) async fn merge(
    policy: &Policy,
    intake: &mut dyn Intake,
    candidate: &Candidate,
    (snapshot, as_of): (SnapshotId, Date),
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Merged, Failed> {
    let arrival = Arrival { snapshot, source: candidate.export.source(), as_of };
    let keeps_roll = arrival.source.keeps_roll();
    let roll = if keeps_roll { intake.read_roll().await? } else { Roll::default() };
    let newest = intake.newest();
    let reading = Reading {
        export: Arc::clone(&candidate.export),
        call: RollCall::new(roll, newest.is_none_or(|newest| as_of >= newest)),
        keeps_roll,
        as_of,
    };
    let (give, mut take) = mpsc::channel(WAITING);
    let thread = spawn_blocking(move || reading.run(&give));
    let rows = if keeps_roll { candidate.export.summary().rows } else { 0 };
    let mut merger = Merger::new(intake, arrival, policy, Tally::new(candidate, as_of), rows);
    while let Some(batch) = take.recv().await {
        merger.merge(batch.items).await?;
        progress(batch.rows);
        // Nothing of this may ever have to wait, and then nobody could put an end to it.
        yield_now().await;
    }
    let read = thread.await.unwrap_or_else(|panic| resume_unwind(panic.into_panic()));
    let (call, census) = read.map_err(Failed::Read)?;
    merger.finish(call, census, newest).await
}

/// The thread that reads rows.
struct Reading {
    export: Arc<Export>,
    call: RollCall,
    keeps_roll: bool,
    as_of: Date,
}

impl Reading {
    fn run(mut self, give: &mpsc::Sender<Batch>) -> Result<(RollCall, Census), ReadError> {
        let export = Arc::clone(&self.export);
        let mut census = export.census(self.as_of);
        let (mut items, mut rows) = (Vec::with_capacity(BATCH), 0_u64);
        export.each(&mut census, &mut |row| {
            items.extend(self.look_at(&row));
            rows += 1;
            if items.len() < BATCH && !rows.is_multiple_of(PROGRESS_ROWS) {
                return ControlFlow::Continue(());
            }
            let items = std::mem::replace(&mut items, Vec::with_capacity(BATCH));
            // Nobody takes it any more when the store has failed.
            give.blocking_send(Batch { items, rows }).map_or(ControlFlow::Break(()), ControlFlow::Continue)
        })?;
        drop(give.blocking_send(Batch { items, rows }));
        Ok((self.call, census))
    }

    /// What is to be done with a row; `None` for one that says nothing new.
    fn look_at(&mut self, row: &Raw<'_>) -> Option<Item> {
        let on_roll = row.key().filter(|_| self.keeps_roll).map(|key| (key, row.print()));
        let (mut known, mut is_again) = (None, false);
        if let Some((key, print)) = on_roll {
            match self.call.call(key, print) {
                Answer::Unchanged => return None,
                Answer::Read { known: meant, is_again: called } => (known, is_again) = (meant, called),
            }
        }
        match row.read() {
            Ok(Record::Subject(says)) => Some(Item::Subject(Row { says, on_roll, known, is_again })),
            Ok(listed) => Some(Item::Listed(listed)),
            Err(rejected) => {
                if let (Some((key, _)), false) = (on_roll, is_again) {
                    self.call.withdraw(key);
                }
                Some(Item::Rejected(rejected))
            }
        }
    }
}

/// A subject as it was before a batch.
struct Before {
    listed: Option<Listed>,
    /// An earlier batch of the file was about it.
    is_counted: bool,
}

impl Before {
    fn of(subject: &Subject, arrival: Arrival) -> Self {
        let on = subject.listed_by(arrival.source);
        let is_counted = subject.facts.said().any(|(_, fact)| fact.snapshot == arrival.snapshot);
        Self { listed: on.map(|on| Listed { address: subject.facts.address(), on }), is_counted }
    }
}

/// Merges what the thread has read.
struct Merger<'a> {
    intake: &'a mut dyn Intake,
    arrival: Arrival,
    policy: &'a Policy,
    tally: Tally,
    /// The source has a newer snapshot.
    is_overtaken: bool,
    /// The number of the next new subject.
    next: SubjectId,
    /// The rows of the roll that were read.
    entries: Vec<Entry>,
    /// How many of them, from the first, are sorted by key.
    sorted: usize,
    /// Who was merged into whom.
    merged: HashMap<SubjectId, SubjectId>,
    /// What the rows have shown so far.
    shown: Shown,
}

/// Whom some rows may be about.
struct Concerned {
    subjects: Vec<Subject>,
    /// Each row is about somebody else, and nobody knew any of them.
    are_newcomers: bool,
}

impl<'a> Merger<'a> {
    fn new(intake: &'a mut dyn Intake, arrival: Arrival, policy: &'a Policy, tally: Tally, rows: usize) -> Self {
        let is_first = intake.is_first();
        Self {
            is_overtaken: intake.newest().is_some_and(|newest| newest > arrival.as_of),
            next: intake.next_subject(),
            intake,
            arrival,
            policy,
            tally,
            entries: Vec::with_capacity(if is_first { rows.min(ROOM) } else { 0 }),
            sorted: 0,
            merged: HashMap::new(),
            shown: Shown::new(is_first, rows.min(ROOM)),
        }
    }

    async fn merge(&mut self, items: Vec<Item>) -> Result<(), StoreError> {
        let mut rows = Vec::with_capacity(items.len());
        for item in items {
            match item {
                Item::Subject(row) => rows.push(row),
                Item::Listed(record) => drop(self.tally.keep(record)),
                Item::Rejected(rejected) => self.tally.reject(rejected),
            }
        }
        if rows.is_empty() {
            return Ok(());
        }
        let Concerned { subjects, are_newcomers } = self.find(&rows).await?;
        if are_newcomers {
            let newcomers = block_in_place(|| self.welcome(rows));
            return self.intake.write_newcomers(newcomers).await;
        }
        let (touched, removed) = block_in_place(|| {
            let register = self.observe(subjects, &rows);
            self.next = register.next_subject();
            register.into_changes()
        });
        self.intake.write_subjects(touched, removed.keys().copied().collect()).await?;
        self.merged.extend(removed);
        Ok(())
    }

    /// Everybody whom some rows may be about.
    async fn find(&mut self, rows: &[Row]) -> Result<Concerned, StoreError> {
        let keys = rows.iter().filter(|row| row.known.is_none()).filter_map(|row| row.on_roll.map(|(key, _)| key));
        let keys = self.shown.keys(keys);
        let addresses = self.shown.addresses(rows.iter().filter_map(|row| row.says.address.as_ref()));
        let entered = block_in_place(|| self.entered(&keys.before));
        let known = rows.iter().filter_map(|row| row.known).chain(entered).collect::<HashSet<_>>();
        let ids: Vec<_> = known.into_iter().map(|id| self.merged.get(&id).copied().unwrap_or(id)).collect();
        let at = addresses.before;
        let is_nobody_known = ids.is_empty() && at.is_empty();
        let subjects = if is_nobody_known { Vec::new() } else { self.intake.find_subjects(&ids, &at).await? };
        let are_others = !keys.is_any_again && !addresses.is_any_again && rows.iter().all(|row| row.on_roll.is_some());
        Ok(Concerned { are_newcomers: are_others && ids.is_empty() && subjects.is_empty(), subjects })
    }

    /// Whom earlier rows of the file were about that have these keys.
    fn entered(&mut self, keys: &HashSet<u64>) -> Vec<SubjectId> {
        if keys.is_empty() {
            return Vec::new();
        }
        if self.entries.len() - self.sorted > UNSORTED {
            self.entries.sort_unstable_by_key(|entry| entry.key());
            self.sorted = self.entries.len();
        }
        let (sorted, rest) = self.entries.split_at(self.sorted);
        let has = |key: &u64| {
            let from = sorted.partition_point(|entry| entry.key() < *key);
            let key = *key;
            sorted.get(from..).into_iter().flatten().take_while(move |entry| entry.key() == key)
        };
        let rest = rest.iter().filter(|entry| keys.contains(&entry.key()));
        keys.iter().flat_map(has).chain(rest).map(|entry| entry.subject()).collect()
    }

    /// Rows about nobody who was known: nothing but the rows themselves says anything of them.
    fn welcome(&mut self, rows: Vec<Row>) -> Vec<Newcomer> {
        let mut newcomers = Vec::with_capacity(rows.len());
        for Row { says, on_roll, .. } in rows {
            self.tally.compare(&says, self.policy);
            let newcomer = Newcomer { id: self.next, arrival: self.arrival, row: says };
            self.next.0 += 1;
            let effect = newcomer.effect();
            self.tally.count(effect, false, true);
            self.enter(on_roll, effect);
            newcomers.push(newcomer);
        }
        newcomers
    }

    fn observe(&mut self, subjects: Vec<Subject>, rows: &[Row]) -> Register {
        let mut before: HashMap<_, _> =
            subjects.iter().map(|subject| (subject.id, Before::of(subject, self.arrival))).collect();
        let mut register = Register::part(subjects, self.next);
        for row in rows {
            if let (Some(known), true) = (row.known, row.is_again) {
                // The first row of the key may have said nothing new, and then nobody has looked at its subject yet.
                register.repeat(self.arrival, known, self.policy);
            }
            self.tally.compare(&row.says, self.policy);
            let effect = register.observe(self.arrival, &row.says, self.policy);
            let was = before.entry(effect.subject).or_insert(Before { listed: None, is_counted: false });
            let is_first = !(std::mem::replace(&mut was.is_counted, true) || row.is_again);
            let is_relisted = was.listed.as_ref().is_some_and(|listed| listed.is_still_at(&register, effect.subject));
            self.tally.count(effect, is_relisted, is_first);
            self.enter(row.on_roll, effect);
        }
        register
    }

    /// Notes for the roll what a row was and whom it was about.
    fn enter(&mut self, on_roll: Option<(u64, u64)>, effect: Effect) {
        let Some((key, print)) = on_roll else { return };
        let print = if effect.bad_dates > 0 { ALWAYS_READ } else { print };
        self.entries.push(if self.is_overtaken {
            Entry::left(key, effect.subject, self.arrival.as_of)
        } else {
            Entry::listed(key, effect.subject, print)
        });
    }

    async fn finish(mut self, call: RollCall, census: Census, newest: Option<Date>) -> Result<Merged, Failed> {
        self.tally.count_unchanged(call.unchanged());
        self.shown = Shown::default();
        let absent = call.absent(&self.entries, &self.merged);
        let mut left_out = absent.left;
        if let (Some(newest), false) = (newest, absent.vanished.is_empty()) {
            *left_out.entry(newest).or_default() += absent.vanished.len() as u64;
        }
        let (report, lists) = self.tally.finish(self.arrival, newest, census, left_out).map_err(Failed::Read)?;
        let is_later = newest.filter(|newest| *newest < self.arrival.as_of);
        if is_later.is_some() || self.is_overtaken {
            // They are written as they were: what was said of them does not follow this snapshot.
            for some in absent.vanished.chunks(BATCH) {
                let subjects = self.intake.find_subjects(some, &[]).await?;
                self.intake.write_subjects(subjects, Vec::new()).await?;
            }
        }
        self.intake.end_subjects().await?;
        let fate = is_later.map_or(Uncalled::Stay, Uncalled::Leave);
        let keeps_roll = self.arrival.source.keeps_roll();
        let roll = block_in_place(|| keeps_roll.then(|| call.close(self.entries, &self.merged, fate)));
        Ok(Merged { report, roll, lists, in_place_of: self.merged })
    }
}
