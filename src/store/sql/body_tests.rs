use jiff::civil::date;

use super::*;
use crate::domain::{
    register::{Arrival, Register},
    snapshot::Observation,
    testing::policy,
};

#[test]
fn every_source_and_every_field_has_a_number_for_ever() {
    assert!(Source::ALL.iter().all(|source| number(&SOURCES, source) != u8::MAX));
    assert_eq!(SOURCES.map(Source::as_str).first(), Some(&"portal_mailbox"));
    assert_eq!(FIELDS.map(Field::as_str).last(), Some(&"mobile"));
}

#[test]
fn bytes_of_no_known_layout_are_no_subject() {
    for bytes in [&b""[..], b"\x02", b"\x01\xff\xff"] {
        assert!(read(SubjectId(1), bytes, &Days::new()).is_err());
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
    for (field, text) in [(Field::Address, "ada.example@nhs.net"), (Field::Kind, "user"), (Field::Status, "Active")] {
        subject.facts.set(field, fact(Value::Text(text.into())));
    }
    subject.facts.set(Field::CreatedOn, fact(Value::Date(date(2024, 2, 3))));
    subject.seen_on.insert(Source::PortalMailbox, date(2026, 11, 20));
    let bytes = write(&subject, &Days::new()).unwrap();
    assert!(bytes.len() < 80);
    assert_eq!(read(SubjectId(1), &bytes, &Days::new()).unwrap(), subject);
}

#[test]
fn a_newcomer_is_written_as_the_subject_that_the_row_makes() {
    let on = date(2026, 11, 20);
    let days = |newest| Days::from([(Source::PortalMailbox, BTreeSet::from([on, newest]))]);
    let says = Observation {
        line: 9,
        id: Some("7c1e".into()),
        address: Some(Address::new("ada.example@nhs.net")),
        status: Status::new("Active"),
        created_on: Some(date(2024, 2, 3)),
        last_activity_on: Some(date(2026, 12, 24)),
        aup_accepted: Some(true),
        ..Observation::default()
    };
    let only_id = Observation { id: Some("8d2f".into()), ..Observation::default() };
    for row in [says, only_id] {
        let arrival = Arrival { snapshot: SnapshotId(7), source: Source::PortalMailbox, as_of: on };
        let mut register = Register::default();
        let id = register.observe(arrival, &row, &policy()).subject;
        let newcomer = Newcomer { id, arrival, row: Box::new(row) };
        for days in [days(on), days(date(2026, 11, 21))] {
            let expected = write(register.find(id).unwrap(), &days).unwrap();
            assert_eq!(write_newcomer(&newcomer, &days).unwrap(), expected);
        }
    }
}

#[test]
fn what_follows_holds_as_of_the_newest_snapshot() {
    let days =
        |days: &[i8]| Days::from([(Source::PortalMailbox, days.iter().map(|day| date(2026, 11, *day)).collect())]);
    let mut subject = Subject::new(SubjectId(1));
    let fact = |text: &str, day| {
        let value = Value::Text(text.into());
        Fact { value, as_of: date(2026, 11, day), source: Source::PortalMailbox, snapshot: SnapshotId(7), line: 9 }
    };
    subject.facts.set(Field::Status, fact("Active", 2));
    subject.facts.set(Field::OrgName, fact("NORTHTOWN OPTICIANS", 1));
    subject.seen_on.insert(Source::PortalMailbox, date(2026, 11, 2));
    subject.history.record(Status::new("Active").unwrap(), date(2026, 11, 2), Source::PortalMailbox);
    let bytes = write(&subject, &days(&[1, 2])).unwrap();
    assert_eq!(read(SubjectId(1), &bytes, &days(&[1, 2])).unwrap(), subject);
    let later = read(SubjectId(1), &bytes, &days(&[1, 2, 3, 5])).unwrap();
    assert_eq!(later.seen_on.get(&Source::PortalMailbox), Some(&date(2026, 11, 5)));
    let as_of = |field| later.facts.get(field).unwrap().as_of;
    assert_eq!((as_of(Field::Status), as_of(Field::OrgName)), (date(2026, 11, 5), date(2026, 11, 1)));
    let [stretch] = later.history.stretches() else { panic!("one stretch") };
    assert_eq!((stretch.last_on, stretch.before_last_on), (date(2026, 11, 5), Some(date(2026, 11, 3))));
    let left = write(&subject, &days(&[1, 2, 3])).unwrap();
    assert_eq!(read(SubjectId(1), &left, &days(&[1, 2, 3])).unwrap(), subject, "it was left out of the third");
}
