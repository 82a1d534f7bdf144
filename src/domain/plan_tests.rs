use super::{
    super::{
        message::MessageKind,
        snapshot::{ContactRole, Observation},
        testing::{World, address, on, row, used, with_status},
    },
    *,
};

/// Plans a day and carries it out; returns what was planned.
fn run(world: &World, told: &mut Told, today: &str) -> Plan {
    let plan = plan(world.planning(today), &world.register, told, &[]);
    told.apply(&plan);
    plan
}

fn stages(plan: &Plan) -> Vec<&str> {
    plan.told.iter().map(|entry| entry.stage.as_str()).collect()
}

#[test]
fn an_episode_ends_when_the_anchor_moves_more_than_a_week_or_no_stage_is_reached() {
    let table = [
        ("2026-10-01", "the same", (0, 0)),
        ("2026-10-08", "a week later", (0, 0)),
        ("2026-10-09", "more than a week later", (1, 1)),
        ("2026-11-10", "no stage is reached", (0, 1)),
    ];
    for (used_on, name, expected) in table {
        let mut world = World::new();
        let mut told = Told::default();
        world.report("2026-11-01", &[used("ada", "2026-10-01")]);
        assert_eq!(stages(&run(&world, &mut told, "2026-11-02")), ["first"]);
        world.report("2026-11-10", &[used("ada", used_on)]);
        let plan = run(&world, &mut told, "2026-11-10");
        assert_eq!((plan.opened.len(), plan.closed.len()), expected, "{name}");
        assert_eq!(plan.told.len(), expected.0, "{name}: only a new episode begins again");
    }
}

#[test]
fn the_tightest_stage_is_told_and_wider_ones_are_passed_over() {
    let mut world = World::new();
    let mut told = Told::default();
    world.report("2026-11-27", &[used("ada", "2026-10-01")]);
    let plan = run(&world, &mut told, "2026-11-28");
    assert_eq!(stages(&plan), ["final"], "a Saturday, and the last call does not wait");
    let passed: Vec<_> = plan.passed_over.iter().map(|entry| entry.stage.as_str()).collect();
    assert_eq!(passed, ["first"]);
    assert_eq!(run(&world, &mut told, "2026-11-30").messages, [], "the deadline; and nothing is told twice");
}

#[test]
fn on_a_closed_day_what_must_wait_waits() {
    let mut world = World::new();
    let mut told = Told::default();
    world.report("2026-12-20", &[used("ada", "2026-12-04")]);
    let plan = run(&world, &mut told, "2026-12-25");
    assert_eq!((plan.opened.len(), plan.told.len()), (1, 0), "Christmas Day: the episode opens, nothing is told");
    assert_eq!(stages(&run(&world, &mut told, "2026-12-29")), ["first"]);
}

#[test]
fn a_row_gone_from_two_reports_is_missing_or_taken_as_deleted() {
    for (used_on, is_deleted) in [("2026-10-01", false), ("2026-09-01", true)] {
        let mut world = World::new();
        world.report("2026-11-04", &[used("ada", used_on), row("bea")]);
        world.report("2026-11-05", &[row("bea")]);
        let planning = Planning {
            policy: &world.policy.clone(),
            calendar: &world.calendar.clone(),
            today: on("2026-11-06"),
            gates: &crate::domain::gates::OPEN,
        };
        assert_eq!(vanished(planning, &world.register), (vec![], vec![]), "one report is not enough");
        world.report("2026-11-06", &[row("bea")]);
        let missing = settle(planning, &mut world.register);
        assert_eq!(
            (missing.len(), world.subject("ada").is_closed()),
            (usize::from(!is_deleted), is_deleted),
            "{used_on}"
        );
    }
}

#[test]
fn all_that_comes_to_the_operators_address_is_one_message() {
    let mut world = World::new();
    world.contact("operator@example.org", ContactRole::Owner, None);
    world.report("2026-11-27", &[used("ada", "2026-10-01"), used("bea", "2026-10-01")]);
    let plan = run(&world, &mut Told::default(), "2026-11-28");
    let operators: Vec<_> = plan.messages.iter().filter(|m| m.recipient == world.policy.operator).collect();
    let [message] = &operators[..] else { panic!("one message: {operators:?}") };
    assert_eq!((message.kind, message.notices.len()), (MessageKind::Operator, 2));
}

#[test]
fn two_subjects_with_one_address_and_the_same_dates_are_told_of_in_one_message() {
    let mut world = World::new();
    let with_id = |id: &str| Observation { id: Some(id.into()), ..used("ada", "2026-10-01") };
    world.report("2026-11-01", &[with_id("1"), with_id("2")]);
    let mut told = Told::default();
    for (today, stage) in [("2026-11-02", "first"), ("2026-11-28", "final")] {
        let plan = run(&world, &mut told, today);
        let to_ada: Vec<_> = plan.messages.iter().filter(|message| message.recipient == address("ada")).collect();
        let [message] = &to_ada[..] else { panic!("one message: {to_ada:?}") };
        assert_eq!(message.notices.len(), 2, "each has its line in the ledger");
        assert_eq!(stages(&plan), [stage, stage]);
    }
}

#[test]
fn a_refused_notice_climbs_while_it_stands() {
    let mut world = World::new();
    world.contact("olive", ContactRole::Owner, None);
    world.report("2026-11-01", &[used("ada", "2026-10-01"), used("olive", "2026-11-01")]);
    let mut ledger = Told::default();
    let plan = run(&world, &mut ledger, "2026-11-02");
    let notice = plan.messages.first().and_then(|message| message.notices.first()).cloned().unwrap();
    let refused = [Refused { notice, told: BTreeSet::from([address("ada")]) }];
    let climbed = climb(world.planning("2026-11-02"), &world.register, &ledger, &refused);
    let [message] = &climbed[..] else { panic!("one message: {climbed:?}") };
    assert_eq!((&message.recipient, message.kind), (&address("olive"), MessageKind::Digest));
    assert_eq!(message.notices.first().map(|notice| notice.reason), Some(Reason::Reach));
    world.report("2026-11-03", &[used("ada", "2026-11-03")]);
    assert_eq!(climb(world.planning("2026-11-03"), &world.register, &ledger, &refused), [], "she is back");
}

#[test]
fn a_notice_stands_no_longer_when_its_reason_is_gone() {
    let after = |row: Observation| {
        let mut world = World::new();
        world.report("2026-11-01", &[used("ada", "2026-10-01")]);
        let mut ledger = Told::default();
        let plan = run(&world, &mut ledger, "2026-11-02");
        let notice = plan.messages.first().and_then(|message| message.notices.first()).cloned().unwrap();
        world.report("2026-11-03", &[row]);
        let subject = world.subject("ada");
        standing_finding(world.planning("2026-11-03"), &world.register, &ledger, subject, &notice).is_some()
    };
    let ada = || used("ada", "2026-10-01");
    let table = [
        ("nothing has changed", ada(), true),
        ("used a few days later", used("ada", "2026-10-05"), true),
        ("used since", used("ada", "2026-11-03"), false),
        ("in flight", with_status("Pending", ada()), false),
        ("deleted", with_status("Deleted", ada()), false),
        (
            "a leaver, who ends before",
            Observation { leaver_on: Some(on("2026-10-20")), ..with_status("Leaver", ada()) },
            false,
        ),
    ];
    for (name, row, stands) in table {
        assert_eq!(after(row), stands, "{name}");
    }
}
