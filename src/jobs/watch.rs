//! The inbox between runs: a file is taken when two looks at it are equal.
//!
//! Remembers what was offered before, so that a file that waits for its day, or that stays in a read-only inbox, is
//! read once a day and not at every look.

use std::{collections::BTreeSet, path::PathBuf};

use jiff::civil::Date;

use super::inbox::{Looks, PassedOver, complete};

/// What was seen so far.
#[derive(Debug, Default)]
pub struct Watch {
    before: Looks,
    offered: Looks,
    day: Option<Date>,
    told: BTreeSet<PassedOver>,
}

impl Watch {
    /// What is passed over and was not yet at the last look.
    pub fn news(&mut self, passed_over: BTreeSet<PassedOver>) -> Vec<PassedOver> {
        let news = passed_over.difference(&self.told).cloned().collect();
        self.told = passed_over;
        news
    }

    /// The files that have become complete since the last look. On a new day every file is offered again.
    pub fn ready(&mut self, now: Looks, today: Date) -> Vec<PathBuf> {
        if self.day.replace(today) != Some(today) {
            self.offered.clear();
        }
        let (mut ready, _) = complete(&self.before, &now);
        ready.retain(|path| self.offered.get(path) != now.get(path));
        self.offered.retain(|path, _| now.contains_key(path));
        self.offered.extend(ready.iter().filter_map(|path| Some((path.clone(), *now.get(path)?))));
        self.before = now;
        ready
    }

    /// Forgets everything: nothing is complete until it was looked at twice again.
    pub fn forget(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use jiff::civil::date;

    use super::*;
    use crate::jobs::inbox::{look, look_around};

    const FRIDAY: Date = date(2026, 11, 20);

    fn names(ready: &[PathBuf]) -> Vec<&str> {
        ready.iter().filter_map(|path| path.file_name()?.to_str()).collect()
    }

    fn append(path: &Path, text: &str) {
        let so_far = fs::read_to_string(path).unwrap_or_default();
        fs::write(path, so_far + text).unwrap();
    }

    #[test]
    fn a_file_is_offered_when_it_has_stopped_growing_and_only_once() {
        let inbox = tempfile::tempdir().unwrap();
        let path = inbox.path().join("export.csv");
        let mut watch = Watch::default();
        for _ in 0..3 {
            append(&path, "half a line");
            assert!(watch.ready(look(inbox.path()).unwrap(), FRIDAY).is_empty());
        }
        assert_eq!(names(&watch.ready(look(inbox.path()).unwrap(), FRIDAY)), ["export.csv"]);
        assert!(watch.ready(look(inbox.path()).unwrap(), FRIDAY).is_empty());
    }

    #[test]
    fn a_file_that_waits_is_offered_again_on_the_next_day_or_when_it_changes() {
        let inbox = tempfile::tempdir().unwrap();
        let path = inbox.path().join("export.csv");
        append(&path, "a");
        let mut watch = Watch::default();
        watch.ready(look(inbox.path()).unwrap(), FRIDAY);
        assert_eq!(watch.ready(look(inbox.path()).unwrap(), FRIDAY).len(), 1);
        assert_eq!(watch.ready(look(inbox.path()).unwrap(), date(2026, 11, 21)).len(), 1);
        append(&path, "b");
        assert!(watch.ready(look(inbox.path()).unwrap(), date(2026, 11, 21)).is_empty());
        assert_eq!(watch.ready(look(inbox.path()).unwrap(), date(2026, 11, 21)).len(), 1);
    }

    #[test]
    fn what_is_passed_over_is_news_once_and_again_when_it_comes_back() {
        let inbox = tempfile::tempdir().unwrap();
        let path = inbox.path().join("export.csv.part");
        let mut watch = Watch::default();
        let mut news = || watch.news(look_around(inbox.path()).unwrap().passed_over).len();
        append(&path, "a");
        assert_eq!([news(), news()], [1, 0]);
        fs::create_dir(inbox.path().join("folder")).unwrap();
        assert_eq!([news(), news()], [1, 0]);
        fs::remove_file(&path).unwrap();
        assert_eq!(news(), 0);
        append(&path, "a");
        assert_eq!(news(), 1);
    }
}
