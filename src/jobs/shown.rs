//! What the rows of one file have shown: a row with a key and an address that nobody has shown is about somebody new.

use std::{collections::HashSet, hash::Hash};

use xxhash_rust::xxh3::xxh3_64;

use crate::domain::subject::Address;

/// Bytes that are kept of a number.
const KEPT: usize = 6;

/// Numbers that were shown, which are hashes. Millions of them are held, so a little less is kept of each: it may happen,
/// once in a hundred files of a country, that a new one is taken for one of them. Then somebody is looked for in vain.
type Numbers = HashSet<[u8; KEPT]>;

/// What the rows of one file have shown.
#[derive(Debug, Default)]
pub(super) struct Shown {
    keys: Numbers,
    /// Where nobody was known before this file: nobody has to ask the database for an address that it has not shown.
    addresses: Option<Numbers>,
}

/// What some rows show.
pub(super) struct Look<T> {
    /// What may have been known before these rows.
    pub(super) before: T,
    /// One of the rows shows what another of the file does.
    pub(super) is_any_again: bool,
}

impl Shown {
    /// Nothing yet. `is_first` says that nobody was known before the file, `rows` how many it has about subjects.
    pub(super) fn new(is_first: bool, rows: usize) -> Self {
        let room = |is_needed: bool| Numbers::with_capacity(if is_needed { rows } else { 0 });
        Self { keys: room(is_first), addresses: is_first.then(|| room(true)) }
    }

    /// Shows the keys of the next rows, those that the roll does not have.
    pub(super) fn keys(&mut self, keys: impl Iterator<Item = u64>) -> Look<HashSet<u64>> {
        let (again, is_any_again) = show(&mut self.keys, keys, |key| *key);
        Look { before: again.into_iter().collect(), is_any_again }
    }

    /// Shows the addresses of the next rows.
    pub(super) fn addresses<'a>(&mut self, addresses: impl Iterator<Item = &'a Address>) -> Look<Vec<&'a Address>> {
        let number = |address: &&Address| xxh3_64(address.as_str().as_bytes());
        if let Some(shown) = &mut self.addresses {
            let (before, is_any_again) = show(shown, addresses, number);
            return Look { before, is_any_again };
        }
        let (mut before, mut count) = (HashSet::new(), 0);
        for address in addresses {
            before.insert(address);
            count += 1;
        }
        Look { is_any_again: before.len() < count, before: before.into_iter().collect() }
    }
}

/// Shows some things by their numbers. Returns those that were shown before all of these, each once, and whether one was
/// shown before at all.
fn show<T: Eq + Hash + Copy>(
    shown: &mut Numbers,
    things: impl Iterator<Item = T>,
    number: impl Fn(&T) -> u64,
) -> (Vec<T>, bool) {
    let (mut fresh, mut again) = (Vec::new(), Vec::new());
    for thing in things {
        let [kept @ .., _, _] = number(&thing).to_le_bytes();
        if shown.insert(kept) { fresh.push(thing) } else { again.push(thing) }
    }
    let is_any_again = !again.is_empty();
    if is_any_again {
        let mut seen: HashSet<T> = fresh.into_iter().collect();
        again.retain(|thing| seen.insert(*thing));
    }
    (again, is_any_again)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(shown: &mut Shown, keys: &[u64]) -> (Vec<u64>, bool) {
        let Look { before, is_any_again } = shown.keys(keys.iter().copied());
        let mut before: Vec<_> = before.into_iter().collect();
        before.sort_unstable();
        (before, is_any_again)
    }

    #[test]
    fn only_what_earlier_rows_have_shown_may_be_known() {
        let mut shown = Shown::new(false, 0);
        assert_eq!(keys(&mut shown, &[1, 2, 3]), (vec![], false));
        assert_eq!(keys(&mut shown, &[4, 5, 4, 4]), (vec![], true), "the rows themselves show it again");
        assert_eq!(keys(&mut shown, &[6, 2, 4, 2]), (vec![2, 4], true));
    }

    #[test]
    fn where_somebody_is_known_every_address_is_asked_for_once() {
        let (ada, kit) = (Address::new("ada@nhs.net"), Address::new("kit@nhs.net"));
        let look = |is_first, rows: &[&Address]| {
            let mut shown = Shown::new(is_first, 0);
            assert!(!shown.addresses([&ada].into_iter()).is_any_again);
            let look = shown.addresses(rows.iter().copied());
            (look.before.len(), look.is_any_again)
        };
        assert_eq!(look(false, &[&ada, &kit]), (2, false));
        assert_eq!(look(false, &[&ada, &kit, &kit]), (2, true));
        assert_eq!(look(true, &[&ada, &kit, &kit]), (1, true));
        assert_eq!(look(true, &[&kit]), (0, false));
    }
}
