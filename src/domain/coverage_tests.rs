//! Which findings are on the coverage list, and why.

use super::{
    super::{
        freshness::MaxAges,
        gates::{self, Gates},
        snapshot::{ContactRole, Observation, Source},
        testing::{World, address, on, row, used, with_status},
    },
    *,
};

/// Ada owns the mailbox and works every day; the others were last used on these days.
fn world(people: &[(&str, &str)]) -> World {
    let mut world = World::new();
    let rows: Vec<_> = people.iter().map(|(name, used_on)| used(name, used_on)).collect();
    world.report("2026-11-20", &[&[used("ada", "2026-11-20")][..], &rows].concat());
    world.contact("ada", ContactRole::Owner, None);
    world
}

fn list_of(world: &World, today: &str, gates: &Gates, told: &[(&str, Rule)]) -> Vec<(String, Rule, Gap)> {
    let covered = told.iter().map(|(name, rule)| (world.subject(name).id, *rule)).collect();
    let planning = Planning { gates, ..world.planning(today) };
    let found = uncovered(planning, &world.register, world.register.subjects(), &covered);
    let name = |line: &Uncovered| world.register.find(line.subject).unwrap().address().as_str().replace("@nhs.net", "");
    found.iter().map(|line| (name(line), line.rule, line.gap)).collect()
}

fn list(world: &World, told: &[(&str, Rule)]) -> Vec<(String, Rule, Gap)> {
    list_of(world, "2026-11-20", &gates::OPEN, told)
}

fn line(name: &str, rule: Rule, gap: Gap) -> (String, Rule, Gap) {
    (name.to_owned(), rule, gap)
}

#[test]
fn a_finding_is_listed_when_its_deadline_is_near_and_nobody_was_told() {
    // Both are used until the 60th day counts: 27 November is seven days away, 28 November eight.
    let world = world(&[("kit", "2026-09-28"), ("lee", "2026-09-29")]);
    assert_eq!(list(&world, &[]), [line("kit", Rule::Inactivity, Gap::NotAccepted)]);
    assert_eq!(list(&world, &[("kit", Rule::Inactivity)]), [], "somebody was told");
    let other = [("kit", Rule::Leaver), ("lee", Rule::Inactivity)];
    assert_eq!(list(&world, &other), [line("kit", Rule::Inactivity, Gap::NotAccepted)], "of something else");
}

#[test]
fn the_soonest_deadline_stands_first() {
    let world = world(&[("lee", "2026-09-27"), ("kit", "2026-09-25")]);
    let names: Vec<_> = list(&world, &[]).into_iter().map(|(name, ..)| name).collect();
    assert_eq!(names, ["kit", "lee"]);
}

#[test]
fn a_finding_that_only_the_operator_reads_is_listed_however_far_its_deadline() {
    let mut world = World::new();
    world.report("2026-11-20", &[used("kit", "2026-10-20")]);
    assert_eq!(list(&world, &[]), [line("kit", Rule::Inactivity, Gap::OperatorOnly)]);
    let told = [("kit", Rule::Inactivity)];
    assert_eq!(list(&world, &told), [line("kit", Rule::Inactivity, Gap::OperatorOnly)], "an unread address took it");
    world.contact("ada", ContactRole::Owner, None);
    world.report("2026-11-20", &[used("ada", "2026-11-20")]);
    assert_eq!(list(&world, &[]), [], "now somebody reads it, and there is time");
}

#[test]
fn a_live_account_past_a_deadline_is_listed_told_or_not() {
    let world = world(&[("kit", "2026-09-20"), ("lee", "2026-09-21")]);
    let expected = [line("kit", Rule::Inactivity, Gap::Overdue)];
    let told = [("kit", Rule::Inactivity), ("lee", Rule::Inactivity)];
    assert_eq!(list(&world, &told), expected, "lee's deadline is today");
}

#[test]
fn what_is_deleted_and_past_is_gone_and_what_is_in_flight_rests() {
    let mut world = world(&[]);
    let deleted = Observation { deleted_on: Some(on("2026-10-01")), ..with_status("Deleted", row("kit")) };
    let in_flight = with_status("Restoring", used("lee", "2026-09-25"));
    world.report("2026-11-20", &[deleted, in_flight]);
    assert_eq!(list(&world, &[]), []);
}

#[test]
fn what_is_outrun_or_snoozed_is_not_listed() {
    let world = {
        let mut world = world(&[]);
        let leaver = Observation { leaver_on: Some(on("2026-10-23")), ..used("kit", "2026-09-25") };
        world.report("2026-11-20", &[with_status("Active (Leaver)", leaver)]);
        world
    };
    assert_eq!(
        list(&world, &[]),
        [line("kit", Rule::Leaver, Gap::NotAccepted)],
        "the account ends before it is unused"
    );
    let snooze = (world.subject("kit").id, Rule::Leaver, on("2026-11-21"));
    let gates = Gates::new([snooze], [], []);
    assert_eq!(list_of(&world, "2026-11-20", &gates, &[]), []);
    assert_eq!(list_of(&world, "2026-11-21", &gates, &[]).len(), 1, "the snooze is over");
}

#[test]
fn an_old_report_is_the_reason_where_it_is_one() {
    let world = world(&[("kit", "2026-09-28")]);
    let ages = MaxAges { passwords: 35, sends: 35, by_source: [(Source::PortalMailbox, 3)].into(), others: 8 };
    let gates = Gates::new([], [], []).with_max_ages(&ages);
    assert_eq!(list_of(&world, "2026-11-23", &gates, &[]), [line("kit", Rule::Inactivity, Gap::NotAccepted)]);
    assert_eq!(list_of(&world, "2026-11-24", &gates, &[]), [line("kit", Rule::Inactivity, Gap::Stale)]);
}

#[test]
fn a_refused_address_is_read_by_nobody() {
    let world = world(&[("kit", "2026-09-28")]);
    let refused = Gates::new([], [(address("ada"), on("2026-11-20"))], []);
    assert_eq!(list_of(&world, "2026-11-20", &refused, &[]), [line("kit", Rule::Inactivity, Gap::OperatorOnly)]);
}
