//! Graph users as JSON: password dates, log-in state, last sign-in.
//!
//! Takes `{"value": […]}`, a bare array, one object, or objects line by line, as Graph answers or as PowerShell writes
//! them down (`ConvertTo-Json` spells names its own way and dates as `/Date(ms)/`). Guests are passed over. The
//! text is held in memory; each object is parsed on its own, so that a bad one costs one row.
use std::{collections::BTreeMap, ops::Range};

use jiff::civil::Date;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::{
    Census, cells,
    dates::{BadDate, Reading, Wall},
    error::{ReadError, Rejected},
    formats::{NOBODY, bad_date},
    header::normalise,
    raw::{key_of_address, key_of_id},
    table::RECORD_CAP,
};
use crate::domain::{
    snapshot::{Observation, Record},
    subject::{Address, Status},
};

/// The properties it is recognised by, for people.
pub(super) const KNOWN_BY: &str = "JSON objects with userPrincipalName";
/// Properties that are read, with the spelling people know.
const WANTED: [(&str, &str); 9] = [
    ("id", "id"),
    ("userprincipalname", "userPrincipalName"),
    ("mail", "mail"),
    ("displayname", "displayName"),
    ("accountenabled", "accountEnabled"),
    ("createddatetime", "createdDateTime"),
    ("lastpasswordchangedatetime", "lastPasswordChangeDateTime"),
    ("passwordpolicies", "passwordPolicies"),
    ("signinactivity", "signInActivity"),
];
/// Properties that are read when they are there.
const OPTIONAL: [&str; 2] = ["usertype", "deleteddatetime"];
/// Properties that hold a date.
const DATES: [&str; 3] = ["createddatetime", "lastpasswordchangedatetime", "deleteddatetime"];
/// Properties whose dates are counted, with the spelling people know and whether a rule counts from them.
pub(super) const COUNTED: [(&str, &str, bool); 4] = [
    ("createddatetime", "createdDateTime", true),
    ("lastpasswordchangedatetime", "lastPasswordChangeDateTime", true),
    ("deleteddatetime", "deletedDateTime", false),
    (SIGN_IN, "signInActivity", true),
];
/// The property that holds the sign-ins.
const SIGN_IN: &str = "signinactivity";
/// Properties of `signInActivity` that hold a date.
const SIGN_INS: [&str; 3] = ["lastsuccessfulsignindatetime", "lastsignindatetime", "lastnoninteractivesignindatetime"];
/// What stands before the name of a deleted user: the id without its dashes.
const ID_DIGITS: usize = 32;

/// Where one object stands in the text.
#[derive(Debug, Clone)]
pub(super) struct Spot {
    range: Range<usize>,
    line: u32,
}

/// A JSON file, cut into its objects.
#[derive(Debug)]
pub(super) struct Pages {
    text: String,
    spots: Vec<Spot>,
    /// Graph had more to say.
    pub(super) is_partial: bool,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    value: Vec<&'a RawValue>,
    #[serde(borrow, rename = "@odata.nextLink")]
    next_link: Option<&'a RawValue>,
}

impl Pages {
    /// Cuts `text` into objects.
    pub(super) fn new(text: String) -> Result<Self, ReadError> {
        let (mut ranges, mut is_partial) = (Vec::new(), false);
        for page in serde_json::Deserializer::from_str(&text).into_iter::<&RawValue>() {
            let page = page.map_err(|error| refusal(&error))?;
            if let Ok(values) = serde_json::from_str::<Vec<&RawValue>>(page.get()) {
                ranges.extend(values.into_iter().map(|value| range_in(&text, value)));
            } else if let Ok(envelope) = serde_json::from_str::<Envelope>(page.get()) {
                is_partial |= envelope.next_link.is_some_and(|link| link.get() != "null");
                ranges.extend(envelope.value.into_iter().map(|value| range_in(&text, value)));
            } else {
                ranges.push(range_in(&text, page));
            }
        }
        let spots = with_lines(&text, ranges);
        Ok(Self { text, spots, is_partial })
    }

    /// Where the objects are.
    pub(super) fn spots(&self) -> &[Spot] {
        &self.spots
    }

    /// The text of the object at `spot`.
    pub(super) fn text_at(&self, spot: &Spot) -> &str {
        self.text.get(spot.range.clone()).unwrap_or_default()
    }

    /// The object at `spot`.
    pub(super) fn user(&self, spot: &Spot) -> Result<User, Rejected> {
        let text = self.text_at(spot);
        if text.len() > RECORD_CAP {
            return Err(Rejected::row(spot.line, "the record is longer than 1 MiB"));
        }
        let value = serde_json::from_str(text);
        match value.map_err(|_| Rejected::row(spot.line, "the record cannot be read"))? {
            Value::Object(properties) => Ok(User { line: spot.line, properties: by_key(properties) }),
            _ => Err(Rejected::row(spot.line, "the record is not an object")),
        }
    }
}

fn refusal(error: &serde_json::Error) -> ReadError {
    if error.is_eof() {
        return ReadError::HalfCopied { line: u32::try_from(error.line()).unwrap_or(u32::MAX) };
    }
    let words = error.to_string();
    let reason = words.split(" at line ").next().unwrap_or_default().to_owned();
    ReadError::Json { line: error.line(), column: error.column(), reason }
}

/// Where `part`, borrowed from `text`, stands in it.
fn range_in(text: &str, part: &RawValue) -> Range<usize> {
    let start = part.get().as_ptr().addr().saturating_sub(text.as_ptr().addr());
    start..start + part.get().len()
}

fn with_lines(text: &str, ranges: Vec<Range<usize>>) -> Vec<Spot> {
    let (mut line, mut at) = (1_u32, 0);
    let place = |range: Range<usize>| {
        let ends = text.get(at..range.start).unwrap_or_default().matches('\n').count();
        line = line.saturating_add(u32::try_from(ends).unwrap_or(u32::MAX));
        at = range.start;
        Spot { range, line }
    };
    ranges.into_iter().map(place).collect()
}

type Properties = BTreeMap<String, (String, Value)>;

fn by_key(properties: serde_json::Map<String, Value>) -> Properties {
    properties.into_iter().map(|(name, value)| (normalise(&name), (name, value))).collect()
}

/// One user, properties by normalised name.
#[derive(Debug)]
pub(super) struct User {
    line: u32,
    properties: Properties,
}

impl User {
    /// Whether the object is a user at all: Microsoft 365 reports have a user's name and a refresh date too.
    pub(super) fn is_user(&self) -> bool {
        self.properties.contains_key("userprincipalname") && !self.properties.contains_key("reportrefreshdate")
    }

    /// The names of the properties, as printed.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.properties.values().map(|(name, _)| name.as_str()).filter(|name| !name.starts_with("@odata."))
    }

    /// Whether the property of this name is read.
    pub(super) fn reads(name: &str) -> bool {
        let key = normalise(name);
        OPTIONAL.contains(&key.as_str()) || WANTED.iter().any(|(wanted, _)| *wanted == key)
    }

    /// Whether the user is another organisation's.
    pub(super) fn is_guest(&self) -> bool {
        let is_external = |key: &str| self.text(key).is_some_and(|text| text.to_uppercase().contains("#EXT#"));
        let is_typed = self.text("usertype").is_some_and(|text| text.eq_ignore_ascii_case("guest"));
        is_typed || is_external("userprincipalname") || is_external("mail")
    }

    /// Whether the name is not fit to be shown.
    pub(super) fn has_bad_name(&self) -> bool {
        self.text("displayname").is_some_and(|text| cells::name(&text).is_none())
    }

    /// Every date cell of the user.
    pub(super) fn dates(&self) -> Vec<String> {
        let own = DATES.iter().filter_map(|key| self.text(key));
        own.chain(SIGN_INS.iter().filter_map(|key| self.sign_in(key)).map(|(_, text)| text)).collect()
    }

    /// Whom the object is about.
    pub(super) fn key(&self) -> Option<u64> {
        let id = self.text("id").and_then(|text| cells::word(&text));
        let address = || self.address().ok().flatten().map(|address| key_of_address(address.as_str()));
        id.map(|id| key_of_id(&id)).or_else(address)
    }

    /// Line on which the object begins.
    pub(super) const fn line(&self) -> u32 {
        self.line
    }

    /// What the object says.
    pub(super) fn read(&self, dates: &Reading) -> Result<Record, Rejected> {
        let deleted_on = self.date("deleteddatetime", dates)?;
        let observation = Observation {
            line: self.line,
            id: self.text("id").and_then(|text| cells::word(&text)),
            address: self.address()?,
            display_name: self.text("displayname").and_then(|text| cells::name(&text)),
            status: deleted_on.and_then(|_| Status::new("Deleted")),
            created_on: self.date("createddatetime", dates)?,
            last_activity_on: self.last_activity(dates)?,
            password_changed_on: self.date("lastpasswordchangedatetime", dates)?,
            password_never_expires: self
                .text("passwordpolicies")
                .map(|text| text.contains("DisablePasswordExpiration")),
            deleted_on,
            enabled: self.text("accountenabled").and_then(|text| cells::flag(&text)),
            ..Observation::default()
        };
        let is_somebody = observation.id.is_some() || observation.address.is_some();
        if is_somebody { Ok(Record::Subject(Box::new(observation))) } else { Err(Rejected::row(self.line, NOBODY)) }
    }

    /// Counts the dates of the user, readable or not.
    pub(super) fn count_dates(&self, dates: &Reading, census: &mut Census) {
        for (key, name, _) in COUNTED {
            let date = if key == SIGN_IN { self.last_activity(dates) } else { self.date(key, dates) };
            census.see_named(name, date.map_err(|_| BadDate));
        }
    }

    fn text(&self, key: &str) -> Option<String> {
        self.properties.get(key).and_then(|(_, value)| text_of(value))
    }

    fn reject(&self, key: &str, reason: String) -> Rejected {
        let name = self.properties.get(key).map_or(key, |(name, _)| name.as_str());
        Rejected::cell(self.line, name, reason)
    }

    fn address(&self) -> Result<Option<Address>, Rejected> {
        let named = ["mail", "userprincipalname"].into_iter().find_map(|key| Some((key, self.text(key)?)));
        let Some((key, text)) = named else { return Ok(None) };
        let own = if key == "mail" { text.as_str() } else { self.without_id(&text) };
        let reject = |reason| self.reject(key, reason).concealing(cells::is_concealed(own));
        cells::address(own).map(Some).map_err(reject)
    }

    /// The name of a deleted user without the id that stands before it.
    fn without_id<'a>(&self, text: &'a str) -> &'a str {
        let is_deleted = self.text("deleteddatetime").is_some();
        match text.split_at_checked(ID_DIGITS) {
            Some((id, rest)) if is_deleted && id.bytes().all(|byte| byte.is_ascii_hexdigit()) => rest,
            _ => text,
        }
    }

    fn date(&self, key: &str, dates: &Reading) -> Result<Option<Date>, Rejected> {
        let Some(text) = self.text(key) else { return Ok(None) };
        dates.date(&text, Wall::Utc).map_err(|_| self.reject(key, bad_date(&text)))
    }

    /// The last sign-in that succeeded; where that is not known, the last attempt.
    fn last_activity(&self, dates: &Reading) -> Result<Option<Date>, Rejected> {
        let mut days = [None; SIGN_INS.len()];
        for (day, key) in days.iter_mut().zip(SIGN_INS) {
            if let Some((name, text)) = self.sign_in(key) {
                let bad = |_| Rejected::cell(self.line, &format!("signInActivity.{name}"), bad_date(&text));
                *day = dates.date(&text, Wall::Utc).map_err(bad)?;
            }
        }
        let [succeeded, interactive, other] = days;
        Ok(succeeded.or(interactive.max(other)))
    }

    fn sign_in(&self, key: &str) -> Option<(&str, String)> {
        let (_, activity) = self.properties.get(SIGN_IN)?;
        let (name, value) = activity.as_object()?.iter().find(|(name, _)| normalise(name) == key)?;
        Some((name, text_of(value)?))
    }
}

/// A value as a cell; PowerShell wraps dates into objects.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => cells::text(text).map(str::to_owned),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Object(wrapped) => wrapped.get("value").or_else(|| wrapped.get("DateTime")).and_then(text_of),
        Value::Array(_) | Value::Null => None,
    }
}

/// Wanted properties that none of `keys`, normalised, is.
pub(super) fn missing(keys: &std::collections::BTreeSet<String>) -> Vec<String> {
    WANTED.iter().filter(|(key, _)| !keys.contains(*key)).map(|(_, name)| (*name).to_owned()).collect()
}
