//! The roll of a source: whom its newest snapshot lists, and what it said of each, as two numbers a row.
//!
//! A source lists the same people day after day and says the same of nearly all of them. A row whose key and print are
//! on the roll says nothing new, so nobody has to look at its subject: what the source said of it before holds as of
//! the new day. Only rows that differ are read, and only those that are gone are looked for.

use std::collections::{BTreeMap, HashMap};

use jiff::civil::Date;

use super::{day, register::SubjectId};

/// The print of a row that has to be read every time.
pub const ALWAYS_READ: u64 = 0;

/// One row of a source, as three numbers: rolls are long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    key: u64,
    /// Below nought for one that has left.
    subject: i64,
    /// The print, or the number of the day on which it was listed last.
    last: u64,
}

impl Entry {
    /// A row that the newest snapshot has, with its print. The key is what names the subject in the source: a hash of
    /// its stable id, else of its address.
    #[must_use]
    pub const fn listed(key: u64, subject: SubjectId, print: u64) -> Self {
        Self { key, subject: subject.0, last: print }
    }

    /// A row that only an older file has: the source listed it last on that file's day.
    #[must_use]
    pub fn left(key: u64, subject: SubjectId, last_on: Date) -> Self {
        Self::listed(key, subject, ALWAYS_READ).leave(last_on)
    }

    /// The better word of two on one key, of which `self` was there before.
    const fn or_better(self, read: Self) -> Self {
        if read.is_listed() || (!self.is_listed() && self.last < read.last) { read } else { self }
    }

    /// The same as it is stored.
    #[must_use]
    pub const fn from_numbers([key, subject, last]: [u64; 3]) -> Self {
        Self { key, subject: subject.cast_signed(), last }
    }

    /// As it is stored.
    #[must_use]
    pub const fn to_numbers(self) -> [u64; 3] {
        [self.key, self.subject.cast_unsigned(), self.last]
    }

    /// What names the subject in the source.
    #[must_use]
    pub const fn key(self) -> u64 {
        self.key
    }

    /// Whom it is about.
    #[must_use]
    pub const fn subject(self) -> SubjectId {
        SubjectId(self.subject.saturating_abs())
    }

    const fn is_listed(self) -> bool {
        self.subject >= 0
    }

    /// The day on which it was listed last, when it has left.
    #[must_use]
    pub fn left_on(self) -> Option<Date> {
        u32::try_from(self.last).ok().filter(|_| !self.is_listed()).and_then(day::date)
    }

    /// The same, not listed since `last_on`.
    fn leave(self, last_on: Date) -> Self {
        Self { subject: -self.subject, last: day::number(last_on).into(), ..self }
    }

    const fn about(self, SubjectId(subject): SubjectId) -> Self {
        Self { subject: if self.is_listed() { subject } else { -subject }, ..self }
    }
}

/// Everybody a source has ever listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roll {
    /// Sorted by key; each key once.
    entries: Vec<Entry>,
}

impl Roll {
    /// A roll read back from the store, sorted by key.
    #[must_use]
    pub const fn new(entries: Vec<Entry>) -> Self {
        Self { entries }
    }

    /// Its entries, sorted by key.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The same, with merged subjects by their new numbers; `None` when nobody on it was merged.
    #[must_use]
    pub fn after_merging(&self, merged: &HashMap<SubjectId, SubjectId>) -> Option<Self> {
        let is_merged = |entry: &Entry| merged.contains_key(&entry.subject());
        let by_new = |entry: &Entry| entry.about(in_place_of(entry.subject(), merged));
        self.entries.iter().any(is_merged).then(|| Self { entries: self.entries.iter().map(by_new).collect() })
    }
}

/// Where in a long roll a key is to be looked for. Keys are hashes, so as many begin with the same bits as with any
/// others, and a search is over after a look or two at memory; over the whole roll it would be twenty.
#[derive(Debug)]
struct Index {
    /// How many of the first bits of a key count.
    bits: u32,
    /// For each beginning of a key, where the entries with it begin; after the last, their number. Half as wide as a
    /// place, so that more of it is at hand; a roll is never longer.
    starts: Vec<u32>,
}

impl Index {
    /// How many entries, about, a search has before it.
    const NEAR: usize = 4;

    fn of(entries: &[Entry]) -> Self {
        let bits = (entries.len() / Self::NEAR).max(2).ilog2();
        let mut index = Self { bits, starts: Vec::with_capacity((1 << bits) + 1) };
        for (at, entry) in (0_u32..).zip(entries) {
            let beginning = index.beginning(entry.key);
            while index.starts.len() <= beginning {
                index.starts.push(at);
            }
        }
        index.starts.resize((1 << bits) + 1, u32::try_from(entries.len()).unwrap_or(u32::MAX));
        index
    }

    fn beginning(&self, key: u64) -> usize {
        usize::try_from(key >> (u64::BITS - self.bits)).unwrap_or(usize::MAX)
    }

    fn find(&self, key: u64, entries: &[Entry]) -> Option<(usize, Entry)> {
        let near = self.starts.get(self.beginning(key)..)?;
        let place = |at: usize| near.get(at).and_then(|start| usize::try_from(*start).ok());
        let (from, to) = (place(0)?, place(1)?);
        let at = from + entries.get(from..to)?.binary_search_by_key(&key, |entry| entry.key).ok()?;
        Some((at, *entries.get(at)?))
    }
}

/// What a row is to the roll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It says what the snapshot before said.
    Unchanged,
    /// It has to be read.
    Read {
        /// Whom the source meant by this key before.
        known: Option<SubjectId>,
        /// An earlier row of the file had the key, and said nothing new or was read too.
        is_again: bool,
    },
}

/// A roll while the rows of one file are called against it.
#[derive(Debug)]
pub struct RollCall {
    roll: Roll,
    index: Index,
    /// One bit for each entry of the roll.
    called: Vec<u64>,
    believes: bool,
    unchanged: u64,
}

impl RollCall {
    /// Before the first row. `believes` is false for a file that is older than the roll: then every row is read.
    #[must_use]
    pub fn new(roll: Roll, believes: bool) -> Self {
        let called = vec![0; roll.entries.len().div_ceil(64)];
        Self { index: Index::of(&roll.entries), roll, called, believes, unchanged: 0 }
    }

    /// Calls one row.
    pub fn call(&mut self, key: u64, print: u64) -> Answer {
        let Some((at, entry)) = self.index.find(key, &self.roll.entries) else {
            return Answer::Read { known: None, is_again: false };
        };
        let is_again = self.is_called(at);
        self.set(at, true);
        let is_same = entry.is_listed() && entry.last == print && print != ALWAYS_READ;
        if is_same && !is_again && self.believes {
            self.unchanged += 1;
            return Answer::Unchanged;
        }
        Answer::Read { known: Some(entry.subject()), is_again }
    }

    /// Takes a call back: the row cannot be read, and says of nobody that they are there.
    pub fn withdraw(&mut self, key: u64) {
        if let Some((at, _)) = self.index.find(key, &self.roll.entries) {
            self.set(at, false);
        }
    }

    fn set(&mut self, at: usize, is_called: bool) {
        if let Some(word) = self.called.get_mut(at / 64) {
            let bit = 1 << (at % 64);
            *word = if is_called { *word | bit } else { *word & !bit };
        }
    }

    fn is_called(&self, at: usize) -> bool {
        self.called.get(at / 64).is_some_and(|word| word & (1 << (at % 64)) != 0)
    }

    /// How many rows said nothing new.
    #[must_use]
    pub const fn unchanged(&self) -> u64 {
        self.unchanged
    }

    /// Those on the roll whom the file lists under no key of theirs. `read` are the entries of the rows that were read,
    /// and `merged` says who was merged into whom.
    #[must_use]
    pub fn absent(&self, read: &[Entry], merged: &HashMap<SubjectId, SubjectId>) -> Absent {
        let places = || self.roll.entries.iter().enumerate();
        let mut missing: HashMap<SubjectId, Entry> = HashMap::new();
        for (_, entry) in places().filter(|(at, _)| !self.is_called(*at)) {
            let known = missing.entry(in_place_of(entry.subject(), merged)).or_insert(*entry);
            *known = known.or_better(*entry);
        }
        if !missing.is_empty() {
            let called = places().filter(|(at, _)| self.is_called(*at)).map(|(_, entry)| entry);
            for entry in called.chain(read) {
                missing.remove(&in_place_of(entry.subject(), merged));
            }
        }
        let mut absent = Absent::default();
        for (subject, entry) in missing {
            match entry.left_on() {
                Some(on) => *absent.left.entry(on).or_default() += 1,
                None => absent.vanished.push(subject),
            }
        }
        absent.vanished.sort_unstable();
        absent
    }

    /// The roll after the file; `fate` is what becomes of entries that were not called.
    #[must_use]
    pub fn close(self, mut read: Vec<Entry>, merged: &HashMap<SubjectId, SubjectId>, fate: Uncalled) -> Roll {
        read.sort_unstable_by_key(|entry| entry.key);
        read.dedup_by(|again, first| {
            let is_again = again.key == first.key;
            if is_again && first.is_listed() {
                first.last = ALWAYS_READ;
            }
            is_again
        });
        let mut entries = if self.roll.entries.is_empty() { read } else { self.weave(&read, fate) };
        if !merged.is_empty() {
            for entry in &mut entries {
                *entry = entry.about(in_place_of(entry.subject(), merged));
            }
        }
        Roll { entries }
    }

    /// The entries of the roll and those that were read, sorted by key; what was read goes first. In place: a second roll
    /// of millions would be as large as everything else together.
    fn weave(mut self, read: &[Entry], fate: Uncalled) -> Vec<Entry> {
        let mut entries = std::mem::take(&mut self.roll.entries);
        let (mut read, mut fresh) = (read.iter().copied().peekable(), Vec::new());
        for (at, entry) in entries.iter_mut().enumerate() {
            while let Some(new) = read.next_if(|new| new.key < entry.key) {
                fresh.push(new);
            }
            match read.next_if(|again| again.key == entry.key) {
                Some(again) => *entry = entry.or_better(again),
                None if !self.is_called(at) => *entry = fate.of(*entry),
                None => (),
            }
        }
        fresh.extend(read);
        insert(&mut entries, &fresh);
        entries
    }
}

/// Inserts sorted entries into sorted ones, the last first: nothing is moved twice.
fn insert(entries: &mut Vec<Entry>, fresh: &[Entry]) {
    let mut known = entries.len();
    entries.extend_from_slice(fresh);
    let mut place = entries.len();
    for new in fresh.iter().rev() {
        while let Some(entry) = known.checked_sub(1).and_then(|at| entries.get(at).copied())
            && entry.key > new.key
        {
            (known, place) = (known - 1, place - 1);
            if let Some(there) = entries.get_mut(place) {
                *there = entry;
            }
        }
        place -= 1;
        if let Some(there) = entries.get_mut(place) {
            *there = *new;
        }
    }
}

/// The subject that a number stands for after all merging.
fn in_place_of(mut subject: SubjectId, merged: &HashMap<SubjectId, SubjectId>) -> SubjectId {
    while let Some(into) = merged.get(&subject) {
        subject = *into;
    }
    subject
}

/// See [`RollCall::absent`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Absent {
    /// Those whom the newest snapshot before listed, by number.
    pub vanished: Vec<SubjectId>,
    /// How many had left before, by the day on which they were listed last.
    pub left: BTreeMap<Date, u64>,
}

/// What becomes of those who are on the roll and not in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uncalled {
    /// The file is of a later day: they left, and were last listed on this one.
    Leave(Date),
    /// The file is of the day of the roll, or older: they stay.
    Stay,
}

impl Uncalled {
    fn of(self, entry: Entry) -> Entry {
        match self {
            Self::Leave(last_on) if entry.is_listed() => entry.leave(last_on),
            Self::Leave(_) | Self::Stay => entry,
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const THREE: Entry = Entry::listed(3, SubjectId(30), 300);
    const FIVE: Entry = Entry::listed(5, SubjectId(50), 500);

    fn call(believes: bool) -> RollCall {
        RollCall::new(Roll::new(vec![THREE, FIVE]), believes)
    }

    fn nobody() -> HashMap<SubjectId, SubjectId> {
        HashMap::new()
    }

    #[test]
    fn only_a_row_that_is_on_the_roll_as_it_is_and_comes_once_need_not_be_read() {
        let mut call = call(true);
        assert_eq!(call.call(3, 300), Answer::Unchanged);
        assert_eq!(call.call(3, 300), Answer::Read { known: Some(SubjectId(30)), is_again: true });
        assert_eq!(call.call(5, 501), Answer::Read { known: Some(SubjectId(50)), is_again: false });
        assert_eq!(call.call(7, 700), Answer::Read { known: None, is_again: false });
        assert_eq!(call.unchanged(), 1);
    }

    #[test]
    fn of_an_older_file_every_row_is_read() {
        assert_eq!(call(false).call(3, 300), Answer::Read { known: Some(SubjectId(30)), is_again: false });
    }

    #[test]
    fn who_is_not_called_on_a_later_day_has_left() {
        let mut call = call(true);
        call.call(3, 300);
        let four = Entry::listed(4, SubjectId(40), 400);
        let before = date(2026, 11, 19);
        assert_eq!(call.absent(&[four], &nobody()), Absent { vanished: vec![SubjectId(50)], left: BTreeMap::new() });
        let roll = call.close(vec![four], &nobody(), Uncalled::Leave(before));
        assert_eq!(roll.entries(), [THREE, four, FIVE.leave(before)]);
        let absent = RollCall::new(roll, true).absent(&[], &nobody());
        let vanished = vec![SubjectId(30), SubjectId(40)];
        assert_eq!(absent, Absent { vanished, left: BTreeMap::from([(before, 1)]) });
    }

    #[test]
    fn who_comes_back_is_read_and_who_cannot_be_read_is_not_there() {
        let before = date(2026, 11, 19);
        let mut call = RollCall::new(Roll::new(vec![THREE.leave(before), FIVE]), true);
        assert_eq!(call.call(3, 300), Answer::Read { known: Some(SubjectId(30)), is_again: false });
        call.call(5, 501);
        call.withdraw(5);
        assert_eq!(call.absent(&[THREE], &nobody()).vanished, [SubjectId(50)]);
        assert_eq!(call.close(vec![THREE], &nobody(), Uncalled::Stay).entries(), [THREE, FIVE]);
    }

    #[test]
    fn who_is_called_under_another_key_or_another_number_has_not_vanished() {
        let mut call = call(true);
        call.call(5, 500);
        let moved = Entry::listed(9, SubjectId(30), 900);
        assert_eq!(call.absent(&[moved], &nobody()).vanished, []);
        let merged = HashMap::from([(SubjectId(30), SubjectId(50))]);
        assert_eq!(call.absent(&[], &merged).vanished, []);
    }

    #[test]
    fn a_key_that_comes_twice_is_always_read_and_a_merged_subject_goes_by_its_new_number() {
        let mut call = call(true);
        call.call(3, 301);
        let read = [301, 302].map(|print| Entry::listed(3, SubjectId(30), print));
        let merged = HashMap::from([(SubjectId(50), SubjectId(30))]);
        let roll = call.close(read.to_vec(), &merged, Uncalled::Stay);
        let again = Entry::listed(3, SubjectId(30), ALWAYS_READ);
        assert_eq!(roll.entries(), [again, Entry::listed(5, SubjectId(30), 500)]);
    }

    #[test]
    fn every_key_of_a_long_roll_is_found_and_no_other() {
        // Hashes, then such as nobody would get from a hash: all alike in their first bits.
        for spread in [0x9E37_79B9_7F4A_7C15_u64, 2] {
            let mut keys: Vec<_> = (1..=1_000_u64).map(|at| at.wrapping_mul(spread)).chain([0, u64::MAX]).collect();
            keys.sort_unstable();
            let entries = keys.iter().map(|key| Entry::listed(*key, SubjectId(1), 100)).collect();
            let mut call = RollCall::new(Roll::new(entries), true);
            assert!(keys.iter().all(|key| call.call(*key, 100) == Answer::Unchanged));
            let others = keys.iter().map(|key| key ^ 1).filter(|key| keys.binary_search(key).is_err());
            for other in others.collect::<Vec<_>>() {
                assert_eq!(call.call(other, 100), Answer::Read { known: None, is_again: false });
            }
        }
        assert_eq!(RollCall::new(Roll::default(), true).call(7, 7), Answer::Read { known: None, is_again: false });
    }

    #[test]
    fn an_entry_comes_back_from_its_numbers() {
        for entry in [THREE, FIVE.leave(date(2026, 11, 21)), Entry::listed(u64::MAX, SubjectId(i64::MAX), u64::MAX)] {
            assert_eq!(Entry::from_numbers(entry.to_numbers()), entry);
        }
        assert_eq!(FIVE.leave(date(2026, 11, 21)).left_on(), Some(date(2026, 11, 21)));
        assert_eq!(FIVE.left_on(), None);
    }
}
