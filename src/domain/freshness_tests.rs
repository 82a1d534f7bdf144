//! Which source a rule counts on, how old it may be, and when another one is enough.

use super::{
    super::{
        snapshot::Observation,
        subject::Kind,
        testing::{World, on, row, used, with_status},
    },
    *,
};

/// As the built-in configuration has it.
fn ages() -> MaxAges {
    MaxAges { passwords: 35, sends: 35, by_source: BTreeMap::from([(Source::PortalMailbox, 8)]), others: 6 }
}

fn stale(world: &World, name: &str, rule: Rule, today: &str) -> Option<(Source, i32, i32)> {
    let stale = stale_source(&world.register, world.subject(name), rule, on(today), &ages())?;
    Some((stale.source, stale.age_days, stale.max_age_days))
}

fn with_password(name: &str) -> Observation {
    Observation { password_changed_on: Some(on("2026-01-05")), ..row(name) }
}

/// As Graph lists an account: without a status.
fn listed(row: Observation) -> Observation {
    Observation { status: None, ..row }
}

fn mailbox(name: &str) -> Observation {
    Observation { kind: Kind::Shared, ..row(name) }
}

#[test]
fn a_source_is_fresh_up_to_its_greatest_age() {
    let mut world = World::new();
    world.report("2026-11-02", &[used("ada", "2026-10-01"), with_status("Active (Leaver)", row("kit"))]);
    world.load(Source::GraphUsers, "2026-11-02", &[with_password("ada")]);
    let table = [
        ("ada", Rule::Inactivity, "2026-11-10", None),
        ("ada", Rule::Inactivity, "2026-11-11", Some((Source::PortalMailbox, 9, 8))),
        ("kit", Rule::Leaver, "2026-11-10", None),
        ("kit", Rule::Leaver, "2026-11-11", Some((Source::PortalMailbox, 9, 8))),
        ("ada", Rule::Password, "2026-12-07", None),
        ("ada", Rule::Password, "2026-12-08", Some((Source::GraphUsers, 36, 35))),
    ];
    for (name, rule, today, expected) in table {
        assert_eq!(stale(&world, name, rule, today), expected, "{name} {rule} {today}");
    }
}

#[test]
fn a_source_is_as_old_as_its_newest_snapshot_whoever_is_in_it() {
    let mut world = World::new();
    world.report("2026-11-02", &[used("ada", "2026-10-01")]);
    world.report("2026-11-11", &[used("kit", "2026-11-10")]);
    assert_eq!(stale(&world, "ada", Rule::Inactivity, "2026-11-19"), None);
    world.report("2026-10-01", &[used("ada", "2026-09-30")]);
    assert_eq!(stale(&world, "ada", Rule::Inactivity, "2026-11-19"), None, "last month's file makes nothing older");
}

#[test]
fn another_source_that_tells_the_same_and_lists_the_subject_is_enough() {
    let mut world = World::new();
    world.report("2026-11-02", &[used("ada", "2026-10-20"), used("kit", "2026-10-20"), row("new")]);
    let seen = [used("ada", "2026-10-01"), used("lee", "2026-11-10"), row("new")];
    world.load(Source::Canonical, "2026-11-11", &seen);
    assert_eq!(stale(&world, "ada", Rule::Inactivity, "2026-11-17"), None);
    assert_eq!(stale(&world, "new", Rule::Inactivity, "2026-11-17"), None, "never used, and both say so");
    let portal = Some((Source::PortalMailbox, 15, 8));
    assert_eq!(stale(&world, "kit", Rule::Inactivity, "2026-11-17"), portal, "nobody else lists it");
    let portal = Some((Source::PortalMailbox, 16, 8));
    assert_eq!(stale(&world, "ada", Rule::Inactivity, "2026-11-18"), portal, "both are old: the fact's is named");
}

#[test]
fn a_source_whose_files_do_not_hold_the_field_is_not_enough() {
    let mut world = World::new();
    let created = Observation { created_on: Some(on("2026-09-01")), ..row("new") };
    world.report(
        "2026-11-02",
        &[used("ada", "2026-10-20"), created.clone(), with_status("Active (Leaver)", row("kit"))],
    );
    world.load(Source::GraphUsers, "2026-11-16", &[with_password("ada"), created, row("kit")].map(listed));
    let portal = Some((Source::PortalMailbox, 15, 8));
    for (name, rule) in [("ada", Rule::Inactivity), ("new", Rule::Inactivity), ("kit", Rule::Leaver)] {
        assert_eq!(stale(&world, name, rule, "2026-11-17"), portal, "{name}: Graph was asked for passwords only");
    }
    world.load(Source::GraphUsers, "2026-11-16", &[listed(used("lee", "2026-11-15"))]);
    assert_eq!(stale(&world, "ada", Rule::Inactivity, "2026-11-17"), None, "with sign-ins it tells of use");
    assert_eq!(stale(&world, "kit", Rule::Leaver, "2026-11-17"), portal, "but never of leavers");
    for source in [Source::EmailActivity, Source::MailboxUsage, Source::ActiveUsers] {
        world.load(source, "2026-11-16", &[listed(row("kit")), with_status("Deleted", row("sam"))]);
        assert_eq!(stale(&world, "kit", Rule::Leaver, "2026-11-17"), portal, "nor does {source:?}");
    }
}

#[test]
fn silence_of_a_mailbox_is_as_old_as_the_newest_list_of_sends() {
    let mut world = World::new();
    let sent = Observation { last_sent_on: Some(on("2026-05-01")), ..mailbox("northtown") };
    world.report("2026-11-16", &[mailbox("northtown"), mailbox("southtown")]);
    assert_eq!(stale(&world, "southtown", Rule::SharedMailbox, "2026-11-17"), None, "nobody watches");
    world.load(Source::Sends, "2026-10-12", &[sent]);
    for name in ["northtown", "southtown"] {
        assert_eq!(stale(&world, name, Rule::SharedMailbox, "2026-11-16"), None, "{name}");
        let sends = Some((Source::Sends, 36, 35));
        assert_eq!(stale(&world, name, Rule::SharedMailbox, "2026-11-17"), sends, "{name}: in the list or not");
    }
}

#[test]
fn contacts_never_grow_old_and_a_source_without_an_age_has_that_of_the_others() {
    assert_eq!(ages().of(Source::SiteContacts, Field::LastActivityOn), None);
    assert_eq!(ages().of(Source::Canonical, Field::Status), Some(6));
    assert_eq!(ages().of(Source::Canonical, Field::PasswordChangedOn), Some(35));
}

#[test]
fn an_operator_reads_which_export_is_missing() {
    let mut world = World::new();
    world.report("2026-11-02", &[used("ada", "2026-10-01")]);
    let stale = stale_source(&world.register, world.subject("ada"), Rule::Inactivity, on("2026-11-20"), &ages());
    assert_eq!(
        stale.map(|stale| stale.to_string()).as_deref(),
        Some(
            "Portal Mailbox Report is out of date: the newest is of 2 November 2026. That is 18 days ago, and 8 are \
             allowed."
        )
    );
}
