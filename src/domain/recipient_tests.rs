use super::{
    super::{
        policy::{Placement, Span},
        snapshot::{ContactRole, Observation},
        testing::{World, address, row, stage, used, with_status},
    },
    *,
};

/// Olive owns the mailbox of TP1AB and works; max is a member of it and does not; ada is away.
fn northtown() -> World {
    let mut world = World::new();
    world.contact("olive", ContactRole::Owner, None);
    world.contact("max", ContactRole::Member, None);
    world.contact("desk@northtown.example", ContactRole::Site, None);
    world.contact("ada", ContactRole::Admin, Some("ada@home.example"));
    let mailbox = Observation { kind: Kind::Shared, ..row("northtown") };
    world.report(
        "2026-11-20",
        &[used("olive", "2026-11-19"), used("max", "2026-10-01"), used("ada", "2026-10-01"), mailbox],
    );
    world
}

fn directory(world: &World) -> Directory<'_> {
    Directory::new(&world.register, world.planning("2026-11-20"))
}

/// Who is told of ada's stage with this audience, with a `+` for those who joined.
fn told(world: &World, rule: Rule, audience: &[Rung]) -> Vec<String> {
    let stage = stage("warn", Placement::After(Span::Days(0)), audience);
    let audience = directory(world).audience(world.subject("ada"), rule, &stage, false);
    let mark = |recipient: &Recipient| if recipient.reason == Reason::Reach { "+" } else { "" };
    audience.recipients.iter().map(|recipient| format!("{}{}", mark(recipient), recipient.address)).collect()
}

#[test]
fn an_address_is_read_when_somebody_was_there_within_28_days() {
    let mut world = northtown();
    let application = Observation { kind: Kind::Application, ..used("scanner", "2026-11-19") };
    let gone = with_status("Deleted", used("gone", "2026-11-19"));
    world.report("2026-11-20", &[used("just", "2026-10-23"), used("late", "2026-10-22"), application, gone]);
    let table = [
        ("just", true),
        ("late", false),
        ("scanner", false),
        ("gone", false),
        ("northtown", true),
        ("nobody", false),
        ("desk@northtown.example", true),
        ("somebody@sub.nhs.net", true),
    ];
    for (name, is_read) in table {
        assert_eq!(directory(&world).is_read(&address(name)), is_read, "{name}");
    }
}

#[test]
fn rungs_join_in_order_until_somebody_reads() {
    let world = northtown();
    assert_eq!(told(&world, Rule::Inactivity, &[Rung::Owners]), ["olive@nhs.net"]);
    assert_eq!(
        told(&world, Rule::Inactivity, &[Rung::Members]),
        ["max@nhs.net", "+ada@home.example", "+ada@nhs.net"],
        "her address at home is read"
    );
    assert_eq!(
        told(&world, Rule::Leaver, &[Rung::User]),
        ["ada@home.example", "ada@nhs.net", "+olive@nhs.net"],
        "a leaver's own addresses do not count as read"
    );
}

#[test]
fn an_operator_who_is_also_a_contact_is_still_only_the_operator() {
    let mut world = World::new();
    world.contact("operator@example.org", ContactRole::Site, None);
    world.report("2026-11-20", &[used("ada", "2026-10-01")]);
    let stage = stage("warn", Placement::After(Span::Days(0)), &[Rung::User, Rung::SiteContact]);
    let audience = directory(&world).audience(world.subject("ada"), Rule::Inactivity, &stage, false);
    assert!(audience.is_operator_only, "{audience:?}");
}

#[test]
fn nobody_is_written_to_where_nobody_can_be() {
    let mut world = northtown();
    world.report("2026-11-21", &[with_status("Disabled", used("olive", "2026-11-19"))]);
    let everybody = [Rung::User, Rung::Owners, Rung::SiteMailbox];
    assert_eq!(
        told(&world, Rule::Inactivity, &everybody),
        ["ada@home.example", "ada@nhs.net", "northtown@nhs.net"],
        "olive's account is disabled"
    );
}

#[test]
fn a_never_used_account_is_left_out_of_activation_after_the_welcome() {
    let mut world = northtown();
    world.report("2026-11-20", &[row("nia")]);
    let told = |name| {
        let stage = stage(name, Placement::After(Span::Days(7)), &[Rung::User, Rung::Owners]);
        directory(&world).audience(world.subject("nia"), Rule::Activation, &stage, false).recipients.len()
    };
    assert_eq!((told("welcome"), told("remind")), (2, 1));
}

#[test]
fn a_refused_notice_climbs_to_the_first_rung_that_was_not_told() {
    let world = northtown();
    let stage = stage("warn", Placement::After(Span::Days(0)), &[Rung::User]);
    let climbed = |told: &[&str]| {
        let told = told.iter().map(|name| address(name)).collect();
        let climbed = directory(&world).climb(world.subject("ada"), Rule::Inactivity, &stage, &told);
        climbed.iter().map(|recipient| recipient.address.to_string()).collect::<Vec<_>>()
    };
    let user = ["ada", "ada@home.example"];
    assert_eq!(climbed(&user), ["olive@nhs.net"]);
    assert_eq!(climbed(&[user[0], user[1], "olive"]), ["northtown@nhs.net"]);
    assert_eq!(climbed(&["ada"]), ["ada@home.example"], "the rung itself is tried to the end");
}

#[test]
fn without_a_named_mailbox_the_only_one_of_the_site_is_taken() {
    let mut world = World::new();
    let shared = |name| Observation { kind: Kind::Shared, ..row(name) };
    world.report("2026-11-20", &[row("ada"), shared("one"), with_status("Deleted", shared("old"))]);
    assert_eq!(directory(&world).mailboxes(world.subject("ada")), BTreeSet::from([address("one")]));
    world.report("2026-11-21", &[shared("two")]);
    assert_eq!(directory(&world).mailboxes(world.subject("ada")), BTreeSet::new());
}
