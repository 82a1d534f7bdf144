//! The status of a subject over time, told in stretches (domain rule 6, `leaver` and `restore`).
//!
//! Two rules ask not only what the newest status is but since when. One stretch holds every as-of that said the
//! same word in a row, so a year of daily reports costs a handful of them.

use jiff::civil::Date;

use super::{snapshot::Source, subject::Status};

/// A run of as-ofs that said the same word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// The word.
    pub status: Status,
    /// The first as-of that said so.
    pub first_on: Date,
    /// The last as-of that said so.
    pub last_on: Date,
    /// The as-of before the last, so that a better source can take the last one back.
    pub before_last_on: Option<Date>,
    /// Who said so last.
    pub source: Source,
}

impl Stretch {
    fn point(status: Status, on: Date, source: Source) -> Self {
        Self { status, first_on: on, last_on: on, before_last_on: None, source }
    }
}

/// What a property of the status looked like before and when it last held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Since {
    /// The first as-of of the unbroken run that has the property.
    pub first_on: Date,
    /// The last as-of before it, which did not have it.
    pub not_before_on: Option<Date>,
}

impl Since {
    /// The day from which the property can have held at the earliest: the day after the last as-of that denied it,
    /// or else the first that said so.
    #[must_use]
    pub fn earliest_on(self) -> Date {
        self.not_before_on.map_or(self.first_on, |day| day.tomorrow().unwrap_or(day))
    }
}

/// Every stretch of a subject's status, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StatusHistory {
    stretches: Vec<Stretch>,
}

impl StatusHistory {
    /// A history read back from the store, oldest first.
    #[must_use]
    pub fn new(stretches: Vec<Stretch>) -> Self {
        Self { stretches }
    }

    /// The stretches, oldest first.
    #[must_use]
    pub fn stretches(&self) -> &[Stretch] {
        &self.stretches
    }

    /// Records that `source` said `status` as of `on`. Of two sources that speak of one day the better rank is
    /// believed, of two files of one source the greater word. Returns whether anything changed.
    pub fn record(&mut self, status: Status, on: Date, source: Source) -> bool {
        match self.stretches.last_mut() {
            None => self.stretches.push(Stretch::point(status, on, source)),
            Some(last) if on > last.last_on => self.append(status, on, source),
            Some(last) if on == last.last_on => return self.record_again(status, on, source),
            Some(_) => return self.record_late(status, on, source),
        }
        true
    }

    /// Takes over what was recorded of the same subject elsewhere, as if it had been recorded here on its day.
    pub fn absorb(&mut self, other: Self) {
        let stretches = std::mem::take(&mut self.stretches).into_iter().chain(other.stretches);
        let mut points: Vec<_> = stretches
            .flat_map(|Stretch { status, first_on, last_on, before_last_on, source }| {
                let days = [Some(first_on), before_last_on, Some(last_on)];
                days.into_iter().flatten().map(move |on| (on, source, status.clone()))
            })
            .collect();
        points.sort();
        points.dedup();
        for (on, source, status) in points {
            self.record(status, on, source);
        }
    }

    fn append(&mut self, status: Status, on: Date, source: Source) {
        match self.stretches.last_mut() {
            Some(last) if last.status == status => {
                last.before_last_on = Some(last.last_on);
                last.last_on = on;
                last.source = source;
            }
            _ => self.stretches.push(Stretch::point(status, on, source)),
        }
    }

    /// A second word about the newest day.
    fn record_again(&mut self, status: Status, on: Date, source: Source) -> bool {
        let Some(last) = self.stretches.last_mut() else { return false };
        let standing =
            |source: Source, word: &Status| (std::cmp::Reverse((source.rank(), source.as_str())), word.clone());
        if standing(source, &status) <= standing(last.source, &last.status) {
            return false;
        }
        if last.status == status {
            last.source = source;
            return true;
        }
        match last.before_last_on {
            Some(before) => {
                last.last_on = before;
                last.before_last_on = None;
            }
            None => {
                self.stretches.pop();
            }
        }
        self.append(status, on, source);
        true
    }

    /// A word about a day before the newest: it may lengthen a stretch, or stand between two.
    fn record_late(&mut self, status: Status, on: Date, source: Source) -> bool {
        let at = self.stretches.partition_point(|stretch| stretch.last_on < on);
        let touches = |stretch: &Stretch| stretch.status == status;
        if self.stretches.get(at).is_some_and(|next| next.first_on <= on) {
            return false;
        }
        if let Some(before) = at.checked_sub(1).and_then(|i| self.stretches.get_mut(i)).filter(|s| touches(s)) {
            before.before_last_on = Some(before.last_on);
            before.last_on = on;
        } else if let Some(next) = self.stretches.get_mut(at).filter(|s| touches(s)) {
            next.before_last_on = next.before_last_on.or(Some(on));
            next.first_on = on;
        } else {
            self.stretches.insert(at, Stretch::point(status, on, source));
        }
        true
    }

    /// Since when the newest status has had a property; `None` when it has not.
    #[must_use]
    pub fn since(&self, has: impl Fn(&Status) -> bool) -> Option<Since> {
        self.stretches.last().filter(|newest| has(&newest.status))?;
        self.last_run(self.stretches.len(), &has)
    }

    /// The last unbroken run that had a property, whether or not it still has.
    #[must_use]
    pub fn latest(&self, has: impl Fn(&Status) -> bool) -> Option<Since> {
        let end = self.stretches.iter().rposition(|stretch| has(&stretch.status))? + 1;
        self.last_run(end, &has)
    }

    fn last_run(&self, end: usize, has: &impl Fn(&Status) -> bool) -> Option<Since> {
        let upto = self.stretches.get(..end)?;
        let start = upto.iter().rposition(|stretch| !has(&stretch.status)).map_or(0, |before| before + 1);
        let first_on = upto.get(start)?.first_on;
        let not_before_on = start.checked_sub(1).and_then(|before| upto.get(before)).map(|stretch| stretch.last_on);
        Some(Since { first_on, not_before_on })
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn day(day: i8) -> Date {
        date(2026, 11, day)
    }

    fn history(words: &[(&str, i8)]) -> StatusHistory {
        let mut history = StatusHistory::default();
        for (word, on) in words {
            history.record(Status::new(word).expect("a word"), day(*on), Source::PortalMailbox);
        }
        history
    }

    #[test]
    fn a_run_is_counted_from_the_day_after_the_last_denial() {
        let seen = history(&[("Active", 1), ("Active", 8), ("Deleted", 15), ("Deleted", 22)]);
        let since = seen.since(Status::is_deleted).expect("deleted");
        assert_eq!((since.first_on, since.earliest_on()), (day(15), day(9)));
        assert_eq!(seen.stretches().len(), 2, "equal words share a stretch");
    }

    #[test]
    fn a_run_without_a_denial_is_counted_from_its_first_day() {
        let since = history(&[("Deleted", 15), ("Deleted", 22)]).since(Status::is_deleted).expect("deleted");
        assert_eq!(since.earliest_on(), day(15));
        assert_eq!(history(&[("Deleted", 1), ("Active", 2)]).since(Status::is_deleted), None);
    }

    #[test]
    fn an_earlier_run_can_still_be_asked_for() {
        let seen = history(&[("Active", 1), ("Active (Leaver)", 2), ("Inactive (Leaver)", 3), ("Deleted", 9)]);
        assert_eq!(seen.latest(Status::is_leaver), Some(Since { first_on: day(2), not_before_on: Some(day(1)) }));
    }

    #[test]
    fn on_one_day_the_better_source_is_believed_in_either_order() {
        let word = |w: &str| Status::new(w).expect("a word");
        let mut first = history(&[("Active", 1), ("Active", 2)]);
        let mut second = first.clone();
        first.record(word("Deleted"), day(3), Source::Canonical);
        first.record(word("Active"), day(3), Source::PortalMailbox);
        second.record(word("Active"), day(3), Source::PortalMailbox);
        second.record(word("Deleted"), day(3), Source::Canonical);
        assert_eq!(first.since(Status::is_live), second.since(Status::is_live));
        assert_eq!(first.stretches().len(), 1);
    }

    #[test]
    fn a_late_file_finds_its_place() {
        let mut seen = history(&[("Active", 1), ("Deleted", 15)]);
        seen.record(Status::new("Active").expect("a word"), day(8), Source::PortalMailbox);
        assert_eq!(seen.since(Status::is_deleted).expect("deleted").earliest_on(), day(9));
    }
}
