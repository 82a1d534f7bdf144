//! One list of Graph users in all the ways in which Graph and PowerShell write it.
use jiff::{civil::Date, tz::TimeZone};
use lapsewatch::domain::{snapshot::Observation, subject::Kind};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{
    table::{ENCODINGS, encoded},
    word,
};

/// A way of writing the list.
#[derive(Debug, Clone)]
pub struct Way {
    encoding: u8,
    envelope: Envelope,
    dates: Dates,
    /// PowerShell begins names with capitals.
    has_capitals: bool,
    is_pretty: bool,
}

#[derive(Debug, Clone, Copy)]
enum Envelope {
    Value,
    Array,
    Lines,
}

#[derive(Debug, Clone, Copy)]
enum Dates {
    Iso,
    Fractions,
    Offset,
    Milliseconds,
    Wrapped,
}

/// Any way.
pub fn way() -> impl Strategy<Value = Way> {
    let envelope = word(&[Envelope::Value, Envelope::Array, Envelope::Lines]);
    let dates = word(&[Dates::Iso, Dates::Fractions, Dates::Offset, Dates::Milliseconds, Dates::Wrapped]);
    (0..ENCODINGS, envelope, dates, any::<bool>(), any::<bool>()).prop_map(
        |(encoding, envelope, dates, has_capitals, is_pretty)| Way {
            encoding,
            envelope,
            dates,
            has_capitals,
            is_pretty,
        },
    )
}

/// What Graph can say of an account.
pub fn known(row: Observation) -> Observation {
    Observation {
        id: row.id,
        address: row.address,
        display_name: row.display_name,
        kind: Kind::Unknown,
        created_on: row.created_on,
        last_activity_on: row.last_activity_on,
        password_changed_on: row.password_changed_on,
        enabled: row.enabled,
        ..Observation::default()
    }
}

/// The list in a way.
pub fn written(rows: &[Observation], way: &Way) -> Vec<u8> {
    let users: Vec<_> = rows.iter().map(|row| user(row, way)).collect();
    let print = |value: &Value| {
        if way.is_pretty { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) }.expect("JSON")
    };
    let text = match way.envelope {
        Envelope::Value => print(&json!({ "@odata.context": "https://graph.example/$metadata#users", "value": users })),
        Envelope::Array => print(&Value::Array(users)),
        Envelope::Lines => users.iter().map(|user| user.to_string() + "\n").collect(),
    };
    encoded(&text, way.encoding)
}

fn user(row: &Observation, way: &Way) -> Value {
    let address = row.address.as_ref().map(|address| address.as_str().to_owned());
    let day = |day: Option<Date>| day.map_or(Value::Null, |day| date(day, way.dates));
    let properties = [
        ("id", json!(row.id)),
        ("displayName", json!(row.display_name)),
        ("userPrincipalName", json!(address)),
        ("mail", Value::Null),
        ("accountEnabled", json!(row.enabled)),
        ("createdDateTime", day(row.created_on)),
        ("lastPasswordChangeDateTime", day(row.password_changed_on)),
        ("signInActivity", json!({ name("lastSuccessfulSignInDateTime", way): day(row.last_activity_on) })),
        ("officeLocation", json!("\"}],[{")),
    ];
    Value::Object(properties.into_iter().map(|(key, value)| (name(key, way), value)).collect::<Map<_, _>>())
}

fn name(key: &str, way: &Way) -> String {
    if way.has_capitals { key.get(..1).unwrap_or_default().to_uppercase() + &key[1..] } else { key.to_owned() }
}

fn date(day: Date, style: Dates) -> Value {
    let noon = day.at(12, 0, 0, 0);
    let milliseconds = || TimeZone::UTC.to_timestamp(noon).expect("a day of the service").as_millisecond();
    match style {
        Dates::Iso => json!(noon.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
        Dates::Fractions => json!(noon.strftime("%Y-%m-%dT%H:%M:%S.7654321Z").to_string()),
        Dates::Offset => json!(noon.strftime("%Y-%m-%dT%H:%M:%S+03:00").to_string()),
        Dates::Milliseconds => json!(format!("/Date({})/", milliseconds())),
        Dates::Wrapped => {
            json!({ "value": format!("/Date({})/", milliseconds()), "DisplayHint": 2, "DateTime": "a day at noon" })
        }
    }
}
