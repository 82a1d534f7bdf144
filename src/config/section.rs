//! Takes settings out of a table one by one, collects what is wrong, and reports what nobody asked for.
use super::{
    layer::{Entry, Mark, Table, Value},
    problem::Collector,
};

/// Why a value cannot be used.
#[derive(Debug)]
pub(super) struct Fault {
    /// What follows the key: `must be a whole number from 1 to 50`.
    pub(super) says: String,
    /// What to do about it.
    pub(super) tip: Option<String>,
    /// A narrower place than the whole value.
    pub(super) at: Option<Mark>,
    /// Further faults of the same value.
    pub(super) more: Vec<Self>,
}

impl Fault {
    /// A fault of the whole value.
    pub(super) fn new(says: impl Into<String>) -> Self {
        Self { says: says.into(), tip: None, at: None, more: Vec::new() }
    }

    /// With a tip, when there is one.
    pub(super) fn tip(mut self, tip: Option<String>) -> Self {
        self.tip = tip;
        self
    }

    /// With another fault of the same value.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.more.push(other);
        self
    }
}

/// A value and where it was given.
#[derive(Debug, Clone)]
pub(super) struct Given<T> {
    pub(super) value: T,
    pub(super) at: Mark,
}

/// One table of settings while it is read.
pub(super) struct Section<'p> {
    /// Dotted name; empty for the root.
    path: String,
    /// Where its header stands.
    pub(super) at: Option<Mark>,
    table: Table,
    asked: Vec<String>,
    /// What was given is no table: a problem already, so nothing in it is missing.
    is_broken: bool,
    pub(super) problems: &'p Collector,
}

impl<'p> Section<'p> {
    /// The whole configuration.
    pub(super) fn root(table: Table, problems: &'p Collector) -> Self {
        Self { path: String::new(), at: None, table, asked: Vec::new(), is_broken: false, problems }
    }

    /// `mail.smtp.port`
    pub(super) fn key(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// Whether `name` is given and not taken yet.
    pub(super) fn has(&self, name: &str) -> bool {
        self.table.contains_key(name)
    }

    /// Where the first setting stands that was not taken yet.
    pub(super) fn first_left(&self) -> Option<Mark> {
        self.table.values().map(|entry| &entry.key).min_by_key(|key| key.order()).cloned()
    }

    fn take(&mut self, name: &str) -> Option<Entry> {
        self.asked.push(name.to_owned());
        self.table.remove(name)
    }

    /// The table `name`; an empty one when it is not there.
    pub(super) fn section(&mut self, name: &str) -> Self {
        let path = self.key(name);
        match self.take(name) {
            Some(entry) => self.open(path, entry),
            None => Self { path, is_broken: self.is_broken, ..Self::root(Table::new(), self.problems) },
        }
    }

    /// Every table that is left, whatever its name.
    pub(super) fn sections(&mut self) -> Vec<(String, Self)> {
        let names: Vec<String> = self.table.keys().cloned().collect();
        names.into_iter().map(|name| (name.clone(), self.section(&name))).collect()
    }

    /// The tables of the list `name`, each named by its `name` or its number, and where the list stands.
    pub(super) fn list(&mut self, name: &str) -> Option<Given<Vec<Self>>> {
        let entry = self.take(name)?;
        let Value::List(items) = entry.value else {
            self.problems.error(Some(&entry.at), format!("`{}` must be a list of tables", self.key(name)), None);
            return None;
        };
        let numbered = items.into_iter().enumerate();
        let sections =
            numbered.map(|(at, item)| self.open(format!("{}[{}]", self.key(name), item_name(at, &item)), item));
        Some(Given { value: sections.collect(), at: entry.key })
    }

    fn open(&self, path: String, entry: Entry) -> Self {
        let (table, is_broken) = match entry.value {
            Value::Table(table) => (table, false),
            _ => (Table::new(), true),
        };
        if is_broken {
            self.problems.error(Some(&entry.at), format!("`{path}` must be a table"), None);
        }
        Self { path, at: Some(entry.key), table, asked: Vec::new(), is_broken, problems: self.problems }
    }

    /// A setting that may be left out; blank text counts as left out.
    pub(super) fn find_at<T>(&mut self, name: &str, read: impl FnOnce(&Entry) -> Result<T, Fault>) -> Option<Given<T>> {
        let entry = self.take(name)?;
        if matches!(&entry.value, Value::Text(text) if text.trim().is_empty()) {
            return None;
        }
        self.read(name, &entry, read)
    }

    /// [`Section::find_at`], when nobody needs the place.
    pub(super) fn find<T>(&mut self, name: &str, read: impl FnOnce(&Entry) -> Result<T, Fault>) -> Option<T> {
        self.find_at(name, read).map(|given| given.value)
    }

    /// A setting that must be there. `None` always comes with a problem.
    pub(super) fn value_at<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&Entry) -> Result<T, Fault>,
    ) -> Option<Given<T>> {
        if let Some(entry) = self.take(name) {
            return self.read(name, &entry, read);
        }
        if !self.is_broken {
            self.problems.error(self.at.as_ref(), format!("`{}` is missing", self.key(name)), None);
        }
        None
    }

    /// [`Section::value_at`], when nobody needs the place.
    pub(super) fn value<T>(&mut self, name: &str, read: impl FnOnce(&Entry) -> Result<T, Fault>) -> Option<T> {
        self.value_at(name, read).map(|given| given.value)
    }

    /// A problem of the table itself, unless it is none.
    pub(super) fn refuse_table(&self, at: Option<&Mark>, says: &str) {
        if !self.is_broken {
            self.problems.error(at.or(self.at.as_ref()), format!("`{}` {says}", self.path), None);
        }
    }

    fn read<T>(&self, name: &str, entry: &Entry, read: impl FnOnce(&Entry) -> Result<T, Fault>) -> Option<Given<T>> {
        match read(entry) {
            Ok(value) => Some(Given { value, at: entry.at.clone() }),
            Err(fault) => {
                self.refuse(name, entry, fault);
                None
            }
        }
    }

    fn refuse(&self, name: &str, entry: &Entry, fault: Fault) {
        let at = fault.at.as_ref().unwrap_or(&entry.at);
        self.problems.error(Some(at), format!("`{}` {}", self.key(name), fault.says), fault.tip);
        for more in fault.more {
            self.refuse(name, entry, more);
        }
    }

    /// Ends the reading: every setting nobody asked for is unknown.
    pub(super) fn finish(self) {
        for (name, entry) in &self.table {
            let tip =
                nearest(name, self.asked.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
            self.problems.error(Some(&entry.key), format!("unknown key `{}`", self.key(name)), tip);
        }
    }
}

fn item_name(at: usize, item: &Entry) -> String {
    match &item.value {
        Value::Table(table) => match table.get("name").map(|entry| &entry.value) {
            Some(Value::Text(name)) => name.clone(),
            _ => (at + 1).to_string(),
        },
        _ => (at + 1).to_string(),
    }
}

/// The known word that `word` is most likely meant to be.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let distance = |other: &str| strsim::damerau_levenshtein(&word, other);
    known
        .into_iter()
        .map(|other| (distance(other), other))
        .filter(|(distance, other)| *distance <= word.chars().count().max(other.chars().count()).max(3) / 3)
        .min()
        .map(|(_, other)| other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_a_guess_only_when_it_is_near() {
        let known = ["none", "starttls", "implicit"];
        for (word, near) in [("startls", Some("starttls")), ("NONE", Some("none")), ("tls", None), ("", None)] {
            assert_eq!(nearest(word, known), near, "{word:?}");
        }
    }
}
