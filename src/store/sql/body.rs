//! A subject as it is stored: one row of bytes, small enough that millions of them are read and written.
//!
//! The bytes are the value `Body` in postcard's encoding, after one byte that says which layout they have. What a file
//! said in one row is written once for the row, not for each of its facts; see [`Row`]. The numbers of sources and
//! fields are for ever: new ones are added at the end.

use std::{borrow::Cow, collections::BTreeSet};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        facts::{Fact, Field, SnapshotId, Value},
        history::{StatusHistory, Stretch},
        register::{Deletion, Subject, SubjectId},
        snapshot::Source,
        subject::{Address, Status},
    },
    store::StoreError,
};

/// The layout that is written.
const LAYOUT: u8 = 1;

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
    /// The oldest year there is, so that no year is below nought.
    const YEAR_ZERO: i32 = -9_999;

    fn new(date: Date) -> Self {
        let year = u32::try_from(i32::from(date.year()) - Self::YEAR_ZERO).unwrap_or(0);
        let small = |part: i8| u32::from(part.unsigned_abs());
        Self((year << 9) | (small(date.month()) << 5) | small(date.day()))
    }

    fn date(self) -> Result<Date, StoreError> {
        let part = |value: u32| i8::try_from(value).unwrap_or(0);
        let year = i32::try_from(self.0 >> 9).unwrap_or(0) + Self::YEAR_ZERO;
        let year = i16::try_from(year).map_err(|_| corrupt())?;
        Date::new(year, part((self.0 >> 5) & 15), part(self.0 & 31)).map_err(|_| corrupt())
    }
}

fn corrupt() -> StoreError {
    StoreError::Corrupt { what: "subject", value: "its bytes cannot be read".to_owned() }
}

fn number<T: PartialEq>(numbers: &[T], of: &T) -> u8 {
    numbers.iter().position(|other| other == of).and_then(|at| u8::try_from(at).ok()).unwrap_or(u8::MAX)
}

/// The bytes of a subject; appended to `bytes`.
pub(super) fn write(subject: &Subject) -> Result<Vec<u8>, StoreError> {
    let sources: BTreeSet<Source> = (subject.seen_on.keys().chain(subject.source_ids.keys()).copied())
        .chain(subject.facts.said().map(|(_, fact)| fact.source))
        .collect();
    let body = Body {
        sources: sources.into_iter().map(|source| said(subject, source)).collect(),
        stretches: subject.history.stretches().iter().map(stretch).collect(),
        former: subject.former_addresses.iter().map(|address| Cow::Borrowed(address.as_str())).collect(),
        deletion: subject.deletion.map(|deletion| {
            let Deletion { first_seen_on, told_on, guessed_on } = deletion;
            (Day::new(first_seen_on), told_on.map(Day::new), guessed_on.map(Day::new))
        }),
    };
    postcard::to_extend(&body, vec![LAYOUT]).map_err(|_| corrupt())
}

fn said(subject: &Subject, source: Source) -> Said<'_> {
    let facts = || subject.facts.said().filter(move |(_, fact)| fact.source == source);
    let row = facts().map(|(_, fact)| row_of(fact)).max().unwrap_or_default();
    Said {
        source: number(&SOURCES, &source),
        id: subject.source_ids.get(&source).map(|id| Cow::Borrowed(id.as_str())),
        seen_on: subject.seen_on.get(&source).copied().map(Day::new),
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

fn stretch(stretch: &Stretch) -> StretchBody<'_> {
    StretchBody {
        status: Cow::Borrowed(stretch.status.as_str()),
        first_on: Day::new(stretch.first_on),
        last_on: Day::new(stretch.last_on),
        before_last_on: stretch.before_last_on.map(Day::new),
        source: number(&SOURCES, &stretch.source),
    }
}

/// The subject of these bytes.
///
/// # Errors
/// `Corrupt` when they are of no layout that this version knows.
pub(super) fn read(id: SubjectId, bytes: &[u8]) -> Result<Subject, StoreError> {
    let body: Body<'_> = match bytes.split_first() {
        Some((&LAYOUT, body)) => postcard::from_bytes(body).map_err(|_| corrupt())?,
        _ => return Err(corrupt()),
    };
    let mut subject = Subject::new(id);
    for said in body.sources {
        take_up(&mut subject, said)?;
    }
    let stretches = body.stretches.iter().filter_map(stretch_of);
    subject.history = StatusHistory::new(stretches.collect::<Result<_, _>>()?);
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

fn take_up(subject: &mut Subject, said: Said<'_>) -> Result<(), StoreError> {
    let source = source(said.source)?;
    subject.source_ids.extend(said.id.map(|id| (source, id.into_owned())));
    subject.seen_on.extend(said.seen_on.map(Day::date).transpose()?.map(|day| (source, day)));
    for (field, value, own) in said.facts {
        let field = FIELDS.get(usize::from(field)).copied().ok_or_else(corrupt)?;
        let row = own.unwrap_or(said.row);
        let (as_of, snapshot) = (row.as_of.date()?, SnapshotId(row.snapshot));
        subject.facts.set(field, Fact { value: value_of(value)?, as_of, source, snapshot, line: row.line });
    }
    Ok(())
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
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn every_source_and_every_field_has_a_number_for_ever() {
        assert!(Source::ALL.iter().all(|source| number(&SOURCES, source) != u8::MAX));
        assert_eq!(SOURCES.map(Source::as_str).first(), Some(&"portal_mailbox"));
        assert_eq!(FIELDS.map(Field::as_str).last(), Some(&"mobile"));
    }

    #[test]
    fn days_keep_their_order_and_come_back() {
        let days = [Date::MIN, date(-1, 12, 31), date(2026, 2, 28), date(2026, 11, 21), Date::MAX];
        let numbers = days.map(Day::new);
        assert!(numbers.is_sorted());
        assert_eq!(numbers.map(|day| day.date().unwrap()), days);
    }

    #[test]
    fn bytes_of_no_known_layout_are_no_subject() {
        for bytes in [&b""[..], b"\x02", b"\x01\xff\xff"] {
            assert!(read(SubjectId(1), bytes).is_err());
        }
    }

    #[test]
    fn a_row_of_a_report_takes_few_bytes() {
        let mut subject = Subject::new(SubjectId(1));
        let fact = |value| Fact {
            value,
            as_of: date(2026, 11, 20),
            source: Source::PortalMailbox,
            snapshot: SnapshotId(7),
            line: 9,
        };
        for (field, text) in [(Field::Address, "ada.example@nhs.net"), (Field::Kind, "user"), (Field::Status, "Active")]
        {
            subject.facts.set(field, fact(Value::Text(text.into())));
        }
        subject.facts.set(Field::CreatedOn, fact(Value::Date(date(2024, 2, 3))));
        subject.seen_on.insert(Source::PortalMailbox, date(2026, 11, 20));
        assert!(write(&subject).unwrap().len() < 80);
        assert_eq!(read(SubjectId(1), &write(&subject).unwrap()).unwrap(), subject);
    }
}
