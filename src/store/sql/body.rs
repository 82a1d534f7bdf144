//! A subject as it is stored: one row of bytes, small enough that millions of them are read and written.
//!
//! The bytes are the value `Body` in postcard's encoding, after one byte that says which layout they have. What a file
//! said in one row is written once for the row, not for each of its facts; see [`Row`]. The numbers of sources and
//! fields are for ever: new ones are added at the end.
//!
//! A source that keeps a roll says the same of a subject day after day, and nobody writes that down: what it said last
//! *follows*, which means that it holds as of the newest snapshot of the source, whichever that is when it is read. A
//! subject that a newer snapshot leaves out is written anew, and follows no more.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        day,
        facts::{Fact, Field, SnapshotId, Value},
        history::{StatusHistory, Stretch},
        newcomer::Newcomer,
        observe::Told,
        register::{Deletion, Subject, SubjectId},
        snapshot::Source,
        subject::{Address, Status},
    },
    store::StoreError,
};

/// The layout that is written.
const LAYOUT: u8 = 1;

/// Bytes of a subject that one source lists, or a few more.
const USUAL: usize = 256;

/// The numbers of the sources.
const SOURCES: [Source; Source::ALL.len()] = [
    Source::PortalMailbox,
    Source::GraphUsers,
    Source::Sends,
    Source::SiteContacts,
    Source::Canonical,
    Source::PortalMfa,
    Source::GraphDeleted,
    Source::ExchangeMailboxes,
    Source::ExchangeStatistics,
    Source::ExchangePermissions,
    Source::EmailActivity,
    Source::MailboxUsage,
    Source::ActiveUsers,
    Source::AppUsers,
    Source::EntraUsers,
    Source::AdUsers,
    Source::OdsReport,
    Source::Dspt,
];

/// The numbers of the fields.
const FIELDS: [Field; Field::ALL.len()] = Field::ALL;

#[derive(Serialize, Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    sources: Vec<Said<'a>>,
    #[serde(borrow)]
    stretches: Vec<StretchBody<'a>>,
    #[serde(borrow)]
    former: Vec<Cow<'a, str>>,
    /// First seen, told, guessed.
    deletion: Option<(Day, Option<Day>, Option<Day>)>,
}

/// What one source said.
#[derive(Serialize, Deserialize)]
struct Said<'a> {
    source: u8,
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    seen_on: Option<Day>,
    /// The newest snapshot says the same, and so does every newer one until this is written anew.
    follows: bool,
    row: Row,
    #[serde(borrow)]
    facts: Vec<(u8, ValueBody<'a>, Option<Row>)>,
}

/// The row of a file: when, where. A fact that names none is of the row of its source.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
struct Row {
    as_of: Day,
    snapshot: i64,
    line: u32,
}

#[derive(Serialize, Deserialize)]
enum ValueBody<'a> {
    Text(#[serde(borrow)] Cow<'a, str>),
    Day(Day),
    Flag(bool),
}

#[derive(Serialize, Deserialize)]
struct StretchBody<'a> {
    #[serde(borrow)]
    status: Cow<'a, str>,
    first_on: Day,
    last_on: Day,
    before_last_on: Option<Day>,
    source: u8,
}

/// A civil date as a number that grows with it.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
struct Day(u32);

impl Day {
    fn new(date: Date) -> Self {
        Self(day::number(date))
    }

    fn date(self) -> Result<Date, StoreError> {
        day::date(self.0).ok_or_else(corrupt)
    }
}

fn corrupt() -> StoreError {
    StoreError::Corrupt { what: "subject", value: "its bytes cannot be read".to_owned() }
}

fn number<T: PartialEq>(numbers: &[T], of: &T) -> u8 {
    numbers.iter().position(|other| other == of).and_then(|at| u8::try_from(at).ok()).unwrap_or(u8::MAX)
}

/// The days of the snapshots of each source.
pub(super) type Days = BTreeMap<Source, BTreeSet<Date>>;

/// The bytes of a subject, when these are the snapshots.
pub(super) fn write(subject: &Subject, days: &Days) -> Result<Vec<u8>, StoreError> {
    let mut sources: Vec<Source> = (subject.seen_on.keys().chain(subject.source_ids.keys()).copied())
        .chain(subject.facts.said().map(|(_, fact)| fact.source))
        .collect();
    sources.sort_unstable();
    sources.dedup();
    let body = Body {
        sources: sources.into_iter().map(|source| said(subject, source, days)).collect(),
        stretches: subject.history.stretches().iter().map(stretch).collect(),
        former: subject.former_addresses.iter().map(|address| Cow::Borrowed(address.as_str())).collect(),
        deletion: subject.deletion.map(|deletion| {
            let Deletion { first_seen_on, told_on, guessed_on } = deletion;
            (Day::new(first_seen_on), told_on.map(Day::new), guessed_on.map(Day::new))
        }),
    };
    encode(&body)
}

/// The bytes of somebody of whom nobody knew anything: those that [`write`] gives for the subject that the row makes.
pub(super) fn write_newcomer(newcomer: &Newcomer, days: &Days) -> Result<Vec<u8>, StoreError> {
    let Newcomer { arrival, row, .. } = newcomer;
    let on = Day::new(newcomer.seen_on());
    let source = number(&SOURCES, &arrival.source);
    let facts: Vec<_> = newcomer.facts().map(|(field, told)| (number(&FIELDS, &field), told.into(), None)).collect();
    let line = Row { as_of: on, snapshot: arrival.snapshot.0, line: row.line };
    let said = Said {
        source,
        id: row.id.as_deref().map(Cow::Borrowed),
        seen_on: Some(on),
        follows: is_newest(arrival.source, newcomer.seen_on(), days),
        row: if facts.is_empty() { Row::default() } else { line },
        facts,
    };
    let stretch = row.status.as_ref().map(|status| StretchBody {
        status: Cow::Borrowed(status.as_str()),
        first_on: on,
        last_on: on,
        before_last_on: None,
        source,
    });
    encode(&Body { sources: vec![said], stretches: stretch.into_iter().collect(), former: Vec::new(), deletion: None })
}

fn encode(body: &Body<'_>) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::with_capacity(USUAL);
    bytes.push(LAYOUT);
    postcard::to_extend(body, bytes).map_err(|_| corrupt())
}

/// Whether a source keeps a roll, and this is the day of its newest snapshot: what it said then follows.
pub(super) fn is_newest(source: Source, on: Date, days: &Days) -> bool {
    source.keeps_roll() && days.get(&source).and_then(BTreeSet::last) == Some(&on)
}

fn said<'a>(subject: &'a Subject, source: Source, days: &Days) -> Said<'a> {
    let facts = || subject.facts.said().filter(move |(_, fact)| fact.source == source);
    let row = facts().map(|(_, fact)| row_of(fact)).max().unwrap_or_default();
    let seen_on = subject.seen_on.get(&source).copied();
    Said {
        source: number(&SOURCES, &source),
        id: subject.source_ids.get(&source).map(|id| Cow::Borrowed(id.as_str())),
        seen_on: seen_on.map(Day::new),
        follows: seen_on.is_some_and(|on| is_newest(source, on, days)),
        row,
        facts: facts()
            .map(|(field, fact)| {
                let own = row_of(fact);
                (number(&FIELDS, &field), value(&fact.value), (own != row).then_some(own))
            })
            .collect(),
    }
}

fn row_of(fact: &Fact) -> Row {
    Row { as_of: Day::new(fact.as_of), snapshot: fact.snapshot.0, line: fact.line }
}

fn value(value: &Value) -> ValueBody<'_> {
    match value {
        Value::Text(text) => ValueBody::Text(Cow::Borrowed(text)),
        Value::Date(date) => ValueBody::Day(Day::new(*date)),
        Value::Flag(flag) => ValueBody::Flag(*flag),
    }
}

impl<'a> From<Told<'a>> for ValueBody<'a> {
    fn from(told: Told<'a>) -> Self {
        match told {
            Told::Text(text) => Self::Text(Cow::Borrowed(text)),
            Told::Date(date) => Self::Day(Day::new(date)),
            Told::Flag(flag) => Self::Flag(flag),
        }
    }
}

fn stretch(stretch: &Stretch) -> StretchBody<'_> {
    StretchBody {
        status: Cow::Borrowed(stretch.status.as_str()),
        first_on: Day::new(stretch.first_on),
        last_on: Day::new(stretch.last_on),
        before_last_on: stretch.before_last_on.map(Day::new),
        source: number(&SOURCES, &stretch.source),
    }
}

/// The subject of these bytes, when these are the snapshots.
///
/// # Errors
/// `Corrupt` when they are of no layout that this version knows.
pub(super) fn read(id: SubjectId, bytes: &[u8], days: &Days) -> Result<Subject, StoreError> {
    let body: Body<'_> = match bytes.split_first() {
        Some((&LAYOUT, body)) => postcard::from_bytes(body).map_err(|_| corrupt())?,
        _ => return Err(corrupt()),
    };
    let mut subject = Subject::new(id);
    let mut repeated = Vec::new();
    for said in body.sources {
        repeated.extend(take_up(&mut subject, said, days)?);
    }
    let stretches = body.stretches.iter().filter_map(stretch_of);
    subject.history = StatusHistory::new(stretches.collect::<Result<_, _>>()?);
    repeated.sort_unstable();
    for (on, source, status) in repeated {
        subject.history.record(status, on, source);
    }
    subject.former_addresses = body.former.iter().map(|address| Address::new(address)).collect();
    if let Some((first_seen_on, told_on, guessed_on)) = body.deletion {
        subject.deletion = Some(Deletion {
            first_seen_on: first_seen_on.date()?,
            told_on: told_on.map(Day::date).transpose()?,
            guessed_on: guessed_on.map(Day::date).transpose()?,
        });
    }
    Ok(subject)
}

/// Takes up what a source said. Returns the status that it has repeated since, with each day.
fn take_up(subject: &mut Subject, said: Said<'_>, days: &Days) -> Result<Vec<(Date, Source, Status)>, StoreError> {
    let source = source(said.source)?;
    let seen_on = said.seen_on.map(Day::date).transpose()?;
    let newest = days.get(&source).and_then(BTreeSet::last).copied().filter(|_| said.follows);
    let now = newest.max(seen_on);
    subject.source_ids.extend(said.id.map(|id| (source, id.into_owned())));
    subject.seen_on.extend(now.map(|day| (source, day)));
    let mut status = None;
    for (field, value, own) in said.facts {
        let field = FIELDS.get(usize::from(field)).copied().ok_or_else(corrupt)?;
        let row = own.unwrap_or(said.row);
        let (as_of, value) = (row.as_of.date()?, value_of(value)?);
        let is_of_row = Some(as_of) == seen_on;
        if let (Field::Status, Value::Text(word), true) = (field, &value, is_of_row) {
            status = Status::new(word);
        }
        let as_of = now.filter(|_| is_of_row).unwrap_or(as_of);
        subject.facts.set(field, Fact { value, as_of, source, snapshot: SnapshotId(row.snapshot), line: row.line });
    }
    let (Some(status), Some(seen_on), Some(now)) = (status, seen_on, now) else { return Ok(Vec::new()) };
    let since = days.get(&source).map(|days| days.range((Bound::Excluded(seen_on), Bound::Included(now))));
    Ok(since.into_iter().flatten().map(|day| (*day, source, status.clone())).collect())
}

fn source(number: u8) -> Result<Source, StoreError> {
    SOURCES.get(usize::from(number)).copied().ok_or_else(corrupt)
}

fn value_of(value: ValueBody<'_>) -> Result<Value, StoreError> {
    Ok(match value {
        ValueBody::Text(text) => Value::Text(text.into()),
        ValueBody::Day(day) => Value::Date(day.date()?),
        ValueBody::Flag(flag) => Value::Flag(flag),
    })
}

fn stretch_of(stretch: &StretchBody<'_>) -> Option<Result<Stretch, StoreError>> {
    let status = Status::new(&stretch.status)?;
    let read = || {
        Ok(Stretch {
            status,
            first_on: stretch.first_on.date()?,
            last_on: stretch.last_on.date()?,
            before_last_on: stretch.before_last_on.map(Day::date).transpose()?,
            source: source(stretch.source)?,
        })
    };
    Some(read())
}

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
