use super::{
    super::testing::{World, address, on, row, used, with_status},
    *,
};

fn send(name: &str, sent_on: &str) -> Observation {
    Observation { line: 2, address: Some(address(name)), last_sent_on: Some(on(sent_on)), ..Observation::default() }
}

#[test]
fn sends_of_an_unknown_address_wait_until_a_report_lists_it() {
    let mut world = World::new();
    world.load(Source::Sends, "2026-11-19", &[send("northtown", "2026-11-18")]);
    assert_eq!(world.register.subjects().count(), 0);
    assert_eq!(world.register.sends_watched_since(), Some(on("2026-11-19")));
    world.report("2026-11-20", &[Observation { kind: Kind::Shared, ..row("northtown") }]);
    assert_eq!(world.subject("northtown").facts.date(Field::LastSentOn), Some(on("2026-11-18")));
    assert_eq!(world.register.subjects().count(), 1);
}

#[test]
fn a_report_that_knows_few_shared_mailboxes_watches_none() {
    let mut world = World::new();
    world.load(Source::EmailActivity, "2026-11-19", &[send("ada", "2026-11-11")]);
    assert_eq!(world.subject("ada").facts.date(Field::LastSentOn), Some(on("2026-11-11")));
    assert_eq!(world.register.sends_watched_since(), None, "a silent mailbox would not be in it");
}

#[test]
fn the_id_of_a_source_decides_and_a_renamed_account_stays_itself() {
    let mut world = World::new();
    world.report("2026-11-19", &[used("ada", "2026-11-01")]);
    let id = world.subject("ada").id;
    let renamed = Observation { id: Some("id of ada".into()), ..row("ada.new") };
    world.report("2026-11-20", &[renamed]);
    assert_eq!(world.subject("ada.new").id, id);
    assert_eq!(world.subject("ada.new").facts.date(Field::LastActivityOn), Some(on("2026-11-01")));
    assert!(world.register.find_by_address(&address("ada")).is_none(), "her old address is nobody's");
    world.load(Source::Sends, "2026-11-21", &[send("ada", "2026-11-20")]);
    assert_eq!(world.subject("ada.new").facts.date(Field::LastSentOn), Some(on("2026-11-20")), "but hers in sends");
}

#[test]
fn two_ids_at_one_address_are_two_subjects_and_the_second_is_contested() {
    let mut world = World::new();
    let other = || Observation { id: Some("another id".into()), ..row("ada") };
    for (as_of, rows) in [("2026-11-19", [row("ada"), other()]), ("2026-11-20", [other(), row("ada")])] {
        let arrival = Arrival { snapshot: SnapshotId(1), source: Source::PortalMailbox, as_of: on(as_of) };
        let effects = rows.map(|row| world.register.observe(arrival, &row, &world.policy));
        assert_eq!(effects.map(|effect| effect.is_contested), [false, true], "{as_of}");
    }
    assert_eq!(world.register.subjects().count(), 2);
    let arrival = Arrival { snapshot: SnapshotId(2), source: Source::PortalMailbox, as_of: on("2026-11-21") };
    let heir = Observation { id: Some("a third id".into()), ..row("ada") };
    assert!(!world.register.observe(arrival, &heir, &world.policy).is_contested, "alone on its day");
}

#[test]
fn an_address_that_changed_hands_is_another_subject() {
    let mut world = World::new();
    world.report("2026-11-19", &[with_status("Deleted", used("ada", "2026-08-01"))]);
    let first = world.subject("ada").id;
    world.report("2026-11-20", &[Observation { id: Some("another id".into()), ..row("ada") }]);
    let second = world.subject("ada");
    assert_ne!(second.id, first);
    assert_eq!(second.facts.date(Field::LastActivityOn), None, "the heir has not used it");
    assert!(second.is_live());
}

#[test]
fn a_blank_erases_nothing_and_a_date_from_the_future_counts_as_blank() {
    let mut world = World::new();
    world.report("2026-11-19", &[used("ada", "2026-11-01")]);
    world.report("2026-11-20", &[Observation { status: None, ods: None, ..used("ada", "2026-11-22") }]);
    let ada = world.subject("ada");
    assert_eq!(ada.facts.date(Field::LastActivityOn), Some(on("2026-11-01")), "22 is two days after the report");
    assert_eq!(ada.facts.status(), Status::new("Active"));
    assert_eq!(ada.facts.ods(), OdsCode::new("TP1AB"));
    world.report("2026-11-21", &[used("ada", "2026-11-22")]);
    assert_eq!(world.subject("ada").facts.date(Field::LastActivityOn), Some(on("2026-11-22")), "one day after is good");
}

#[test]
fn whoever_is_listed_again_was_not_deleted() {
    let mut world = World::new();
    world.report("2026-11-19", &[used("ada", "2026-08-01")]);
    let id = world.subject("ada").id;
    world.register.presume_deleted(id, Source::PortalMailbox, on("2026-11-21"));
    assert!(world.subject("ada").is_closed());
    world.report("2026-11-22", &[Observation { status: None, ..row("ada") }]);
    assert!(world.subject("ada").is_live());
}
