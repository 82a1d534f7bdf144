//! Layers of settings and how they are laid over one another: defaults, file, environment, `--set`.
//!
//! Every value remembers the text and the bytes it came from, so that a problem found much later still has its caret.
use std::{collections::BTreeMap, ops::Range, path::PathBuf, sync::Arc};

use toml::de::{DeArray, DeTable, DeValue};

use super::problem::{Collector, Place, Spot};

/// A text that settings were read from.
#[derive(Debug)]
pub(super) struct Text {
    /// What it is called in problems.
    pub(super) name: String,
    /// All of it; of an argument, the value.
    pub(super) body: String,
    /// What it is.
    pub(super) kind: Kind,
    /// Later layers have higher ranks.
    pub(super) rank: usize,
}

/// What a text is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The compiled-in defaults.
    Defaults,
    /// The operator's file, or a file that it names; relative paths count from this folder.
    File(PathBuf),
    /// One environment variable or `--set`.
    Argument,
}

/// A stretch of a text.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    pub(super) text: Arc<Text>,
    pub(super) span: Range<usize>,
}

impl Mark {
    fn new(text: &Arc<Text>, span: Range<usize>) -> Self {
        Self { text: Arc::clone(text), span }
    }

    /// Whether nobody but the compiled-in defaults says so.
    pub(super) fn is_default(&self) -> bool {
        self.text.kind == Kind::Defaults
    }

    /// Where it stands among the marks of all texts.
    pub(super) fn order(&self) -> (usize, usize) {
        (self.text.rank, self.span.start)
    }

    /// The place to show.
    pub(super) fn place(&self) -> Place {
        let spot = (self.text.kind != Kind::Argument).then(|| Spot::new(&self.text.body, &self.span));
        Place { name: self.text.name.clone(), spot }
    }
}

/// Settings by name.
pub(super) type Table = BTreeMap<String, Entry>;

/// One setting.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Where its name stands.
    pub(super) key: Mark,
    /// Where its value stands.
    pub(super) at: Mark,
    /// What it holds.
    pub(super) value: Value,
}

/// A TOML value.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Float(f64),
    Flag(bool),
    /// A date or a number beyond 64 bits: no setting holds one.
    Other,
    List(Vec<Entry>),
    Table(Table),
}

/// Reads a TOML text; `None` comes with a problem for every line that cannot be parsed.
pub(super) fn parse(text: &Arc<Text>, problems: &Collector) -> Option<Table> {
    let (table, errors) = DeTable::parse_recoverable(&text.body);
    if errors.is_empty() {
        return Some(from_table(table.get_ref(), text));
    }
    let mut last_line = None;
    for error in errors {
        let mark = Mark::new(text, error.span().unwrap_or_default());
        let line = mark.place().spot.map(|spot| spot.line);
        if line != last_line || line.is_none() {
            problems.error(Some(&mark), format!("not valid TOML: {}", error.message()), None);
        }
        last_line = line;
    }
    None
}

/// What can be read of a TOML text, whatever else is in it.
pub(super) fn recover(text: &Arc<Text>) -> Table {
    from_table(DeTable::parse_recoverable(&text.body).0.get_ref(), text)
}

fn from_table(table: &DeTable<'_>, text: &Arc<Text>) -> Table {
    let entry = |key: Mark, value: &toml::Spanned<DeValue<'_>>| Entry {
        key,
        at: Mark::new(text, value.span()),
        value: from_value(value.get_ref(), text),
    };
    table
        .iter()
        .map(|(key, value)| (key.get_ref().clone().into_owned(), entry(Mark::new(text, key.span()), value)))
        .collect()
}

fn from_value(value: &DeValue<'_>, text: &Arc<Text>) -> Value {
    match value {
        DeValue::String(string) => Value::Text(string.clone().into_owned()),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).map_or(Value::Other, Value::Integer)
        }
        DeValue::Float(number) => number.as_str().parse().map_or(Value::Other, Value::Float),
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Datetime(_) => Value::Other,
        DeValue::Array(list) => Value::List(from_list(list, text)),
        DeValue::Table(table) => Value::Table(from_table(table, text)),
    }
}

fn from_list(list: &DeArray<'_>, text: &Arc<Text>) -> Vec<Entry> {
    list.iter()
        .map(|item| {
            let mark = Mark::new(text, item.span());
            Entry { key: mark.clone(), at: mark, value: from_value(item.get_ref(), text) }
        })
        .collect()
}

/// One setting given outside a file, as a table that holds nothing else.
pub(super) fn argument(name: String, key: &str, value: Option<&str>, rank: usize, problems: &Collector) -> Table {
    let body = value.unwrap_or_default().trim().to_owned();
    let text = Arc::new(Text { name, body, kind: Kind::Argument, rank });
    let mark = Mark::new(&text, 0..text.body.len());
    if value.is_none() {
        problems.error(Some(&mark), format!("`{key}` needs a value"), Some(format!("write {key}=VALUE")));
        return Table::new();
    }
    let Some(value) = argument_value(&text, &mark, problems) else { return Table::new() };
    let mut steps: Vec<&str> = key.split('.').map(str::trim).collect();
    let last = steps.pop().unwrap_or_default();
    if last.is_empty() || steps.iter().any(|step| step.is_empty()) {
        problems.error(Some(&mark), format!("`{key}` is no key"), Some("write it like mail.smtp.port".into()));
        return Table::new();
    }
    let entry = |value| Entry { key: mark.clone(), at: mark.clone(), value };
    let leaf = Table::from([(last.to_owned(), entry(value))]);
    steps.iter().rev().fold(leaf, |inner, step| Table::from([((*step).to_owned(), entry(Value::Table(inner)))]))
}

/// A TOML value; anything that is none and does not look like one is taken as a string, so that quotes may be left off.
fn argument_value(text: &Arc<Text>, mark: &Mark, problems: &Collector) -> Option<Value> {
    match DeValue::parse(&text.body) {
        Ok(value) => Some(from_value(value.get_ref(), text)),
        Err(error) if text.body.starts_with(['[', '{', '"', '\'']) => {
            problems.error(Some(mark), format!("not a valid TOML value: {}", error.message()), None);
            None
        }
        Err(_) => Some(Value::Text(text.body.clone())),
    }
}

/// Lays `top` over `base`: tables join, everything else is replaced whole.
pub(super) fn overlay(base: &mut Table, top: Table) {
    for (name, entry) in top {
        match (base.get_mut(&name), entry) {
            (
                Some(Entry { key, at, value: Value::Table(under) }),
                Entry { key: k, at: a, value: Value::Table(over) },
            ) => {
                (*key, *at) = (k, a);
                overlay(under, over);
            }
            (_, entry) => {
                base.insert(name, entry);
            }
        }
    }
}
