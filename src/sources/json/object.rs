//! What one object says: its properties by name, values as cells.
use std::{collections::HashSet, fmt};

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::piece::{Piece, words_of};
use crate::sources::{
    cells,
    dates::{Reading, Wall},
    error::{ReadError, Rejected},
    header::normalise,
};

/// The day of a user's last sign-in that succeeded, which comes before attempts.
const SUCCESS: &str = "lastsuccessfulsignindatetime";
/// The days of the last attempts, of which the newer counts.
const ATTEMPTS: [&str; 2] = ["lastsignindatetime", "lastnoninteractivesignindatetime"];
/// Numbers that some programs write and JSON does not have.
const NO_NUMBERS: [&[u8]; 3] = [b"NaN", b"Infinity", b"-Infinity"];

/// One property.
#[derive(Debug)]
pub(super) struct Property {
    /// Its name, as printed.
    pub(super) name: String,
    value: Value,
}

/// A value, as far as a cell can hold it.
#[derive(Debug)]
enum Value {
    /// Null, or a list.
    Blank,
    Cell(String),
    Object(Vec<Property>),
}

impl Property {
    /// The name as it is compared. The JSON of the usage reports says `InBytes` where their CSV says `(Byte)`.
    pub(super) fn key(&self) -> String {
        let key = normalise(&self.name);
        key.strip_suffix("inbytes").map(|stem| format!("{stem}byte")).unwrap_or(key)
    }

    /// The value as the text of a cell; `None` when it is blank.
    pub(super) fn text(&self, reading: &Reading) -> Option<&str> {
        match &self.value {
            Value::Blank => None,
            Value::Cell(text) => cells::text(text),
            Value::Object(inner) if is_sign_in(inner) => sign_in(inner, reading),
            Value::Object(inner) => wrapped(inner),
        }
    }
}

/// The property of this key.
fn find<'a>(properties: &'a [Property], key: &str) -> Option<&'a Property> {
    properties.iter().find(|property| normalise(&property.name) == key)
}

/// What PowerShell has wrapped into an object.
fn wrapped(inner: &[Property]) -> Option<&str> {
    match &["value", "datetime"].into_iter().find_map(|key| find(inner, key))?.value {
        Value::Cell(text) => cells::text(text),
        Value::Blank | Value::Object(_) => None,
    }
}

/// Whether an object is the sign-in activity of a user.
fn is_sign_in(inner: &[Property]) -> bool {
    ATTEMPTS.iter().chain([&SUCCESS]).any(|key| find(inner, key).is_some())
}

/// The day of a sign-in activity that tells of use; one that is no day comes first.
fn sign_in<'a>(inner: &'a [Property], reading: &Reading) -> Option<&'a str> {
    let text = |key| match &find(inner, key)?.value {
        Value::Cell(text) => cells::text(text),
        Value::Object(inner) => wrapped(inner),
        Value::Blank => None,
    };
    let day = |text: &&str| reading.date(text, Wall::Utc).ok().flatten();
    let is_bad = |text: &&str| reading.date(text, Wall::Utc).is_err();
    let (success, attempts) = (text(SUCCESS), ATTEMPTS.map(text));
    let newest = || attempts.into_iter().flatten().max_by_key(day);
    let bad = attempts.into_iter().chain([success]).flatten().find(is_bad);
    bad.or_else(|| success.filter(|text| day(text).is_some())).or_else(newest)
}

/// Why there is no object to read.
#[derive(Debug)]
pub(super) enum Unread {
    /// The row is lost.
    Row(Rejected),
    /// The row is lost; where nothing else can be read, this is why.
    Broken(Rejected, ReadError),
    /// What is broken may have swallowed other objects.
    Torn(ReadError),
}

impl Unread {
    /// The row's rejection, or the refusal of the file.
    pub(super) fn into_row(self) -> Result<Rejected, ReadError> {
        match self {
            Self::Row(row) | Self::Broken(row, _) => Ok(row),
            Self::Torn(error) => Err(error),
        }
    }
}

/// The properties of the object.
pub(super) fn parse(piece: &Piece) -> Result<Vec<Property>, Unread> {
    let row = |fault: &str| Unread::Row(Rejected::row(piece.spot.line, fault));
    if let Some(fault) = piece.fault {
        return Err(row(fault));
    }
    if piece.text.first() != Some(&b'{') {
        return Err(row("the record is not an object"));
    }
    serde_json::from_slice(&piece.text).map(|Properties(all)| all).map_err(|fault| unread(piece, &fault))
}

fn unread(piece: &Piece, fault: &serde_json::Error) -> Unread {
    let (words, before) = (words_of(fault), piece.before(fault));
    if fault.is_data() {
        return Unread::Row(Rejected::row(piece.spot.line, words));
    }
    let (spot, rest) = (piece.spot_at(before), piece.text.get(before..).unwrap_or_default());
    let is_no_number = NO_NUMBERS.iter().any(|word| rest.starts_with(word));
    let words = if is_no_number { "NaN and Infinity are no numbers in JSON".to_owned() } else { words };
    if goes_on(rest) {
        return Unread::Torn(spot.broken(words));
    }
    let reason = format!("the JSON is broken at line {}, column {} ({words})", spot.line, spot.column);
    Unread::Broken(Rejected::row(piece.spot.line, reason), spot.broken(words))
}

/// Whether there is the end of an object and the beginning of another, which one with a lost quote may have swallowed.
fn goes_on(text: &[u8]) -> bool {
    let mut signs = text.iter().filter(|byte| !byte.is_ascii_whitespace() && **byte != b',').peekable();
    while let Some(sign) = signs.next() {
        if *sign == b'}' && signs.peek() == Some(&&b'{') {
            return true;
        }
    }
    false
}

struct Properties(Vec<Property>);

impl<'de> Deserialize<'de> for Properties {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match Value::deserialize(from)? {
            Value::Object(properties) => Ok(Self(properties)),
            Value::Blank | Value::Cell(_) => Err(D::Error::custom("the record is not an object")),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Cell(flag.to_string()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Cell(number.to_string()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Cell(number.to_string()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Cell(number.to_string()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Cell(text.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Blank)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Blank)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some((name, value)) = map.next_entry()? {
            all.push(Property { name, value });
        }
        let mut seen = HashSet::with_capacity(all.len());
        match all.iter().find(|property| !seen.insert(property.name.as_str())) {
            Some(twice) => Err(A::Error::custom(is_twice(&twice.name))),
            None => Ok(Value::Object(all)),
        }
    }
}

/// The reason for rejecting an object with two properties of one name.
pub(super) fn is_twice(name: &str) -> String {
    format!("the property {} is there twice", cells::quote(name))
}
