use super::{
    super::{
        policy::{RulePolicy, Span},
        snapshot::Observation,
        testing::{World, on, policy, row, stage, used, with_status},
    },
    *,
};

/// The rules that count a row, with their anchors.
fn counted(row: Observation) -> Vec<(Rule, Date)> {
    let mut world = World::new();
    world.report("2026-11-20", &[Observation { address: Some(super::super::testing::address("ada")), ..row }]);
    let subject = world.subject("ada");
    let standing = |rule| match standing(&world.policy, subject, rule, Some(on("2026-11-01"))) {
        Standing::Counts(dates) => Some((rule, dates.anchor_on)),
        Standing::NotAsked | Standing::NoDate => None,
    };
    Rule::ALL.into_iter().filter_map(standing).collect()
}

#[test]
fn each_rule_counts_what_it_is_about_and_from_its_own_day() {
    let made = |row| Observation { created_on: Some(on("2026-09-01")), ..row };
    let password = |row| Observation { password_changed_on: Some(on("2026-02-03")), ..row };
    let not_accepted = |row| Observation { aup_accepted: Some(false), ..row };
    let kind = |kind, row| Observation { kind, ..row };
    let leaver = || Observation { leaver_on: Some(on("2026-11-10")), ..with_status("Active (Leaver)", row("ada")) };
    let table = [
        ("used", made(used("ada", "2026-10-01")), vec![(Rule::Inactivity, "2026-10-01")]),
        ("never used", made(row("ada")), vec![(Rule::Inactivity, "2026-09-01")]),
        ("not activated", not_accepted(made(row("ada"))), vec![(Rule::Activation, "2026-09-01")]),
        ("used, not accepted", not_accepted(used("ada", "2026-10-01")), vec![(Rule::Inactivity, "2026-10-01")]),
        ("no date at all", row("ada"), vec![]),
        ("password", password(row("ada")), vec![(Rule::Password, "2026-02-03")]),
        ("exempt", Observation { password_never_expires: Some(true), ..password(row("ada")) }, vec![]),
        ("leaver", leaver(), vec![(Rule::Leaver, "2026-11-10")]),
        ("application leaver", kind(Kind::Application, made(leaver())), vec![(Rule::Leaver, "2026-11-10")]),
        ("disabled", with_status("Disabled", made(row("ada"))), vec![]),
        ("in flight", with_status("Restoring", made(row("ada"))), vec![]),
        ("gone for good", with_status("Deleted_Permanent", row("ada")), vec![]),
        ("shared", kind(Kind::Shared, made(row("ada"))), vec![(Rule::SharedMailbox, "2026-11-01")]),
        (
            "shared, newer",
            kind(Kind::Shared, Observation { created_on: Some(on("2026-11-09")), ..row("ada") }),
            vec![(Rule::SharedMailbox, "2026-11-09")],
        ),
        ("resource", kind(Kind::Resource, with_status("Deleted", row("ada"))), vec![]),
        ("application", kind(Kind::Application, used("ada", "2026-10-01")), vec![]),
    ];
    for (name, row, expected) in table {
        let expected: Vec<_> = expected.into_iter().map(|(rule, day)| (rule, on(day))).collect();
        assert_eq!(counted(row), expected, "{name}");
    }
}

/// The restore anchor after these reports of ada, last used on 1 September 2026, and whether it is a guess.
fn restore_anchor_after(reports: &[(&str, &str, Option<&str>)]) -> Option<(Date, bool)> {
    let mut world = World::new();
    for (as_of, status, deleted_on) in reports {
        let row = with_status(status, used("ada", "2026-09-01"));
        world.report(as_of, &[Observation { deleted_on: deleted_on.map(on), ..row }]);
    }
    world.register.fix_deletions(&world.policy);
    restore_anchor(&world.policy, world.subject("ada"))
}

#[test]
fn the_day_of_deletion_is_told_or_the_deadline_that_fits_or_the_first_day_it_can_have_been() {
    type Report<'a> = (&'a str, &'a str, Option<&'a str>);
    let active: Report = ("2026-10-26", "Active", None);
    let table: [(&str, Vec<Report>, (&str, bool)); 6] = [
        ("told", vec![active, ("2026-11-02", "Deleted", Some("2026-10-30"))], ("2026-10-30", false)),
        ("the deadline lies between", vec![active, ("2026-11-02", "Deleted", None)], ("2026-10-31", true)),
        ("it does not", vec![("2026-11-01", "Active", None), ("2026-11-09", "Deleted", None)], ("2026-11-02", true)),
        ("never seen alive", vec![("2026-11-09", "Deleted", None)], ("2026-10-31", true)),
        ("before any deadline", vec![("2026-10-05", "Deleted", None)], ("2026-10-05", true)),
        (
            "told later",
            vec![active, ("2026-11-02", "Deleted", None), ("2026-11-09", "Deleted", Some("2026-10-29"))],
            ("2026-10-29", false),
        ),
    ];
    for (name, reports, (anchor_on, is_guess)) in table {
        assert_eq!(restore_anchor_after(&reports), Some((on(anchor_on), is_guess)), "{name}");
    }
    assert_eq!(restore_anchor_after(&[active]), None);
}

#[test]
fn a_stage_on_a_closed_day_comes_before_a_fact_after_and_any_day_on_the_day() {
    let world = World::new();
    let plain = stage("plain", Placement::After(Span::Days(0)), &[]);
    let fact = Stage { states_fact: true, ..plain.clone() };
    let any_day = Stage { any_day: true, ..plain.clone() };
    let table = [
        (&plain, "2026-12-27", "2026-12-24"),
        (&fact, "2026-12-27", "2026-12-29"),
        (&any_day, "2026-12-27", "2026-12-27"),
        (&plain, "2026-12-29", "2026-12-29"),
        (&fact, "2026-12-29", "2026-12-29"),
    ];
    for (stage, nominal_on, expected) in table {
        assert_eq!(fires_on(stage, &world.calendar, on(nominal_on)), on(expected), "{stage:?} {nominal_on}");
    }
}

#[test]
fn repeats_stand_at_spans_from_the_first_and_the_tightest_is_the_last_reached() {
    let mut policy = policy();
    let silent = stage("silent", Placement::Before(Span::Days(0)), &[]);
    let silent = Stage { repeat_every: Some(Span::Months(1)), repeat_max: 3, ..silent };
    policy.shared_mailbox = RulePolicy { stages: vec![silent], ..policy.shared_mailbox };
    let dates = dates(&policy, Rule::SharedMailbox, on("2026-08-31"), false);
    let calendar = Calendar::default();
    let days: Vec<_> = ladder(&policy, &calendar, Rule::SharedMailbox, dates).iter().map(|s| s.nominal_on).collect();
    assert_eq!(days, [on("2027-02-28"), on("2027-03-28"), on("2027-04-28")]);
    let tightest = |today| {
        let found = finding(&policy, &calendar, Rule::SharedMailbox, dates, on(today))?;
        Some((found.tightest()?.name.to_string(), found.wider().count()))
    };
    assert_eq!(tightest("2027-02-25"), None);
    assert_eq!(tightest("2027-02-26"), Some(("silent".into(), 0)), "a Sunday's, on the Friday");
    assert_eq!(tightest("2027-04-01"), Some(("silent#2".into(), 1)));
}

#[test]
fn what_ends_first_silences_what_ends_later_until_it_is_over() {
    let policy = policy();
    let found = |rule, deadline_on: &str| Finding {
        rule,
        dates: Dates { deadline_on: on(deadline_on), ..dates(&policy, rule, on("2026-01-01"), false) },
        reached: Vec::new(),
    };
    let password = || found(Rule::Password, "2026-12-20");
    let table = [
        (vec![found(Rule::Inactivity, "2026-12-10"), password()], vec![Rule::Password]),
        (vec![found(Rule::Inactivity, "2026-12-24"), password()], vec![]),
        (vec![found(Rule::Inactivity, "2026-12-20"), password()], vec![]),
        (
            vec![found(Rule::Leaver, "2026-12-10"), found(Rule::Inactivity, "2026-12-11"), password()],
            vec![Rule::Inactivity, Rule::Password],
        ),
        (vec![found(Rule::Inactivity, "2026-11-30"), password()], vec![]),
        (vec![found(Rule::Restore, "2026-12-10"), password()], vec![]),
    ];
    for (findings, silent) in table {
        assert_eq!(outrun(&findings, on("2026-12-01")), silent, "{findings:?}");
    }
}
