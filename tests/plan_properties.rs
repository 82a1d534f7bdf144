//! What holds of every plan, whatever the site and whatever happens to it.
//!
//! Sites, people and happenings are drawn at random; each walk goes through the real register and planner, and the
//! checker of [`support::check`] looks at every plan. The last tests spoil good plans, so that the checker is known to
//! be able to fail.
#![expect(clippy::expect_used, reason = "helpers of tests fail tests")]
mod support;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{
    ToSpan,
    civil::{Date, date},
};
use lapsewatch::domain::{
    facts::SnapshotId,
    gates::OPEN,
    message::StageName,
    plan::{Plan, Planning, Told, plan, settle},
    policy::{Rule, Span},
    register::{Arrival, Register},
    snapshot::{Observation, Source},
    subject::{Address, Kind, Status},
};
use proptest::{prelude::*, sample::select};
use support::{
    address,
    check::broken_rules,
    config, on,
    site::{Change, Day, Person, Site},
    story::Story,
};

/// How many days a walk takes.
const WALK_DAYS: i32 = 60;

const STATUSES: [&str; 9] = [
    "Active",
    "Inactive",
    "Active (Leaver)",
    "Deleted",
    "Deleted_Permanent",
    "Disabled",
    "Disabled_Leaver",
    "Pending",
    "Restoring",
];

const NAMES: [&str; 5] = ["ada", "bea", "cai", "dev", "northtown"];

fn any_kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        8 => Just(Kind::User),
        1 => Just(Kind::Role),
        1 => Just(Kind::Application),
        1 => Just(Kind::Unknown),
        1 => Just(Kind::Resource),
        2 => Just(Kind::Shared),
    ]
}

/// A day up to so many days before the walk begins.
fn any_past(days: i32) -> impl Strategy<Value = Date> {
    (0..=days).prop_map(|days| first_day().saturating_sub(days.days()))
}

/// Walks begin here: over Christmas, with its closed days.
fn first_day() -> Date {
    date(2026, 11, 30)
}

fn any_person(name: &'static str) -> impl Strategy<Value = Person> {
    let dates = (
        proptest::option::of(any_past(70)),
        proptest::option::weighted(0.7, any_past(70)),
        proptest::option::weighted(0.3, any_past(400)),
        proptest::option::weighted(0.3, any_past(200)),
    );
    let words = (any_kind(), select(&STATUSES[..]), proptest::option::of(any::<bool>()), any::<bool>());
    (dates, words, proptest::bool::weighted(0.2), proptest::option::weighted(0.3, any_past(40))).prop_map(
        move |((created, used, password, sent), (kind, status, aup, has_status), is_at_work, leaver)| Person {
            row: Observation {
                line: 2,
                id: Some(format!("id of {name}")),
                address: Some(address(name)),
                kind,
                status: if has_status { Status::new(status) } else { Status::new("Active") },
                created_on: created,
                last_activity_on: used,
                password_changed_on: password,
                last_sent_on: sent,
                aup_accepted: aup,
                leaver_on: leaver.filter(|_| status.contains("Leaver")),
                ..Observation::default()
            },
            is_at_work,
            is_listed: true,
        },
    )
}

fn any_change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => Just(Change::Used),
        1 => Just(Change::AtWork),
        1 => Just(Change::Quiet),
        1 => Just(Change::Sent),
        1 => Just(Change::Password),
        4 => select(&STATUSES[..]).prop_map(Change::Status),
        1 => Just(Change::Leaver),
        1 => any_past(30).prop_map(Change::DeletedOn),
        1 => any_past(20).prop_map(Change::UsedOn),
        1 => Just(Change::Vanished),
    ]
}

/// A site with a mailbox and some people around it, some of them owners, members, contacts or of two addresses.
fn any_site() -> impl Strategy<Value = Site> {
    let people = (any_person("ada"), any_person("bea"), any_person("cai"), any_person("dev"));
    (people, any::<[bool; 7]>()).prop_map(
        |((ada, bea, cai, dev), [owner, member, contact, other, absent, sends, own])| {
            let mut site = Site::new("V00123").mailbox("northtown");
            let ods = site.people.first().and_then(|mailbox| mailbox.row.ods.clone());
            for mut person in [ada, bea, cai, dev] {
                person.row.ods.clone_from(&ods);
                site.people.push(person);
            }

            site = if owner { site.owner("bea") } else { site };
            site = if member { site.member("cai") } else { site };
            site = if contact { site.site_contact("desk@northtown.example") } else { site };
            site = if other { site.alternate("ada", "ada@home.example") } else { site };
            site = if absent { site.absent_owner("gone") } else { site };
            site = if own { site.site_contact("operator@example.org") } else { site };
            if sends { site.watching_sends() } else { site }
        },
    )
}

fn any_days() -> impl Strategy<Value = Vec<Day>> {
    let happening = (0..=WALK_DAYS, select(&NAMES[..]), any_change());
    proptest::collection::vec(happening, 0..12).prop_map(|happenings| {
        let day = |(days, name, change): (i32, &str, Change)| Day {
            on: first_day().saturating_add(days.days()),
            changes: vec![(address(name), change)],
        };
        happenings.into_iter().map(day).collect()
    })
}

fn last_day() -> Date {
    first_day().saturating_add(WALK_DAYS.days())
}

/// What was told of an anchor: subject, rule, anchor, stage.
type Telling = (Address, Rule, Date, StageName);

fn tellings(story: &Story) -> BTreeSet<Telling> {
    let notices = story.messages().flat_map(|message| &message.notices);
    notices.map(|notice| (notice.subject.clone(), notice.rule, notice.anchor_on, notice.stage.clone())).collect()
}

/// A walk in which nothing happens but time, with runs on the days that `runs` names.
fn still(site: Site, runs: impl Fn(usize) -> bool) -> Story {
    let mut story = Story::begin(site);
    let mut nth = 0;
    story.walk(first_day(), last_day(), [], |_| {
        nth += 1;
        runs(nth - 1)
    });
    story
}

fn config_of_tests(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config_of_tests(64))]

    #[test]
    fn every_plan_keeps_the_rules_and_a_second_run_of_a_day_adds_nothing(site in any_site(), days in any_days()) {
        let mut story = Story::begin(site);
        let mut told = BTreeSet::new();
        let mut happening: BTreeMap<Date, Vec<Day>> = BTreeMap::new();
        for day in days {
            happening.entry(day.on).or_default().push(day);
        }
        for today in first_day().series(1.day()).take_while(|day| *day <= last_day()) {
            let before = story.plans.len();
            story.walk(today, today, happening.remove(&today).unwrap_or_default(), |_| true);
            for plan in story.plans.iter().skip(before) {
                for entry in &plan.told {
                    prop_assert!(told.insert((entry.episode, entry.stage.clone())), "{entry:?} is told again");
                }
            }
            let again = story.run(today);
            prop_assert!(again.messages.is_empty() && again.told.is_empty() && again.passed_over.is_empty());
            prop_assert!(again.opened.is_empty() && again.closed.is_empty(), "{again:?}");
        }
    }

    #[test]
    fn days_without_a_run_only_tell_later_and_end_at_the_same_stage(
        site in any_site(),
        skipped in proptest::collection::btree_set(0..WALK_DAYS as usize, 0..30),
    ) {
        let daily = still(site.clone(), |_| true);
        let with_gaps = still(site, |nth| !skipped.contains(&nth));
        let (all, some) = (tellings(&daily), tellings(&with_gaps));
        prop_assert!(some.is_subset(&all), "only after gaps: {:?}", some.difference(&all).collect::<Vec<_>>());
        let first_told = |story: &Story, telling: &Telling| {
            let plans = story.plans.iter().filter(|plan| told_in(plan).contains(telling));
            plans.map(|plan| plan.on).min()
        };
        for telling in &some {
            prop_assert!(first_told(&with_gaps, telling) >= first_told(&daily, telling), "{telling:?} came early");
        }
    }
}

fn told_in(plan: &Plan) -> BTreeSet<Telling> {
    let notices = plan.messages.iter().flat_map(|message| &message.notices);
    notices.map(|notice| (notice.subject.clone(), notice.rule, notice.anchor_on, notice.stage.clone())).collect()
}

// The order of files.

/// A report of one day by one source.
#[derive(Debug, Clone)]
struct File {
    source: Source,
    as_of: Date,
    number: i64,
    rows: Vec<Observation>,
}

const SOURCES: [Source; 4] = [Source::PortalMailbox, Source::GraphUsers, Source::Canonical, Source::Sends];

/// A row about one of the people, as a source might print it: ids where the source has them, any field blank.
fn any_row(source: Source, name: &'static str) -> impl Strategy<Value = Option<Observation>> {
    let fields = (any_person(name), any::<[bool; 6]>(), proptest::bool::weighted(0.8));
    fields.prop_map(move |(person, given, is_there)| {
        let row = person.row;
        let is_sends = source == Source::Sends;
        let printed = Observation {
            line: 2,
            id: row.id.filter(|_| matches!(source, Source::PortalMailbox | Source::GraphUsers)),
            address: row.address,
            kind: if given[0] && !is_sends { row.kind } else { Kind::Unknown },
            status: row.status.filter(|_| given[1] && !is_sends),
            created_on: row.created_on.filter(|_| given[2] && !is_sends),
            last_activity_on: row.last_activity_on.filter(|_| given[3] && !is_sends),
            password_changed_on: row.password_changed_on.filter(|_| given[4] && !is_sends),
            last_sent_on: row.last_sent_on.filter(|_| is_sends),
            aup_accepted: row.aup_accepted.filter(|_| given[5] && !is_sends),
            ..Observation::default()
        };
        is_there.then_some(printed)
    })
}

/// The same files on a day when cai is called something else.
fn renamed(mut files: Vec<File>, is_renamed: bool) -> Vec<File> {
    let rows = files.iter_mut().flat_map(|file| &mut file.rows);
    for row in rows.filter(|row| is_renamed && row.address == Some(address("cai"))) {
        row.address = Some(address("cai.new"));
    }
    files
}

/// The files of one day: at most one of each source, each with at most one row about anybody.
fn any_files(as_of: Date, first_number: i64) -> impl Strategy<Value = Vec<File>> {
    let file = move |(nth, source): (usize, Source)| {
        let rows = (any_row(source, "ada"), any_row(source, "bea"), any_row(source, "cai"));
        (rows, proptest::bool::weighted(0.75)).prop_map(move |((ada, bea, cai), is_there)| {
            let rows = [ada, bea, cai].into_iter().flatten().collect();
            let number = first_number + i64::try_from(nth).expect("few files");
            is_there.then_some(File { source, as_of, number, rows })
        })
    };
    let files: Vec<_> = SOURCES.into_iter().enumerate().map(file).collect();
    files.prop_map(|files| files.into_iter().flatten().collect())
}

fn register_of(days: &[Vec<File>]) -> Register {
    let policy = &config().policy;
    let mut register = Register::default();
    for file in days.iter().flatten() {
        let arrival = Arrival { snapshot: SnapshotId(file.number), source: file.source, as_of: file.as_of };
        register.begin(arrival);
        for row in &file.rows {
            register.observe(arrival, row, policy);
        }
    }
    register
}

/// Everything the rules can see of a register: facts with their provenance, by address.
fn facts_of(register: &Register, today: Date) -> BTreeMap<Address, Vec<String>> {
    let config = config();
    let mut register = register.clone();
    settle(Planning { policy: &config.policy, calendar: &config.calendar, today, gates: &OPEN }, &mut register);
    let shown = |subject: &lapsewatch::domain::register::Subject| {
        let facts = subject.facts.iter().map(|(field, fact)| format!("{field:?} {fact:?}"));
        let history = subject.history.stretches().iter().map(|s| format!("{} {} {}", s.status, s.first_on, s.last_on));
        let run = subject.history.since(Status::is_deleted).map(|since| since.first_on);
        let deletion = subject.deletion.filter(|deletion| Some(deletion.first_seen_on) == run);
        let standing = format!("{deletion:?} {:?}", subject.seen_on);
        (subject.address(), facts.chain(history).chain([standing]).collect())
    };
    register.subjects().map(shown).collect()
}

proptest! {
    #![proptest_config(config_of_tests(256))]

    #[test]
    fn the_order_of_the_files_of_a_day_changes_nothing(
        days in (any_files(on("2026-11-16"), 0), any_files(on("2026-11-20"), 10), any_files(on("2026-11-27"), 20)),
        renames in any::<[bool; 3]>(),
        orders in (Just([0, 1, 2, 3]).prop_shuffle(), Just([0, 1, 2, 3]).prop_shuffle(), Just([0, 1, 2, 3]).prop_shuffle()),
    ) {
        let days = [days.0, days.1, days.2].into_iter().zip(renames).map(|(files, is)| renamed(files, is));
        let days: Vec<_> = days.collect();
        let shuffled: Vec<Vec<File>> = days.iter().zip([orders.0, orders.1, orders.2]).map(|(files, order)| {
            let mut files = files.clone();
            files.sort_by_key(|file| order[SOURCES.iter().position(|source| *source == file.source).expect("one")]);
            files
        }).collect();
        let (one, other) = (register_of(&days), register_of(&shuffled));
        prop_assert_eq!(one.sends_watched_since(), other.sends_watched_since());
        prop_assert_eq!(facts_of(&one, first_day()), facts_of(&other, first_day()));
    }

    #[test]
    fn a_month_span_keeps_the_day_or_takes_the_months_last(days in 0..20_000_i32, months in 0..60_i32) {
        let from = date(2000, 1, 1).saturating_add(days.days());
        let to = Span::Months(months).after(from);
        let wanted = i32::from(from.year()) * 12 + i32::from(from.month()) - 1 + months;
        prop_assert_eq!(i32::from(to.year()) * 12 + i32::from(to.month()) - 1, wanted);
        prop_assert_eq!(to.day(), from.day().min(to.days_in_month()));
        prop_assert!(Span::Months(months).after(from.tomorrow().expect("in range")) >= to, "never turns back");
        prop_assert_eq!(Span::Months(1).times(months).after(from), to);
    }
}

// The checker can fail.

/// A day on which much is told, with what was told before.
fn busy_day() -> (Register, Told, Plan) {
    let config = config();
    let site = Site::new("TP1AB").mailbox("northtown").owner("olive").site_contact("desk@northtown.example");
    let mut story = Story::begin(site.account("ada", "2026-07-03").account("bea", "2026-07-05"));
    story.walk(on("2026-08-17"), on("2026-08-28"), [], |_| true);
    let planning =
        Planning { policy: &config.policy, calendar: &config.calendar, today: on("2026-08-29"), gates: &OPEN };
    let plan = plan(planning, &story.register, &story.told, &[]);
    (story.register, story.told, plan)
}

/// What the checker says of the busy day's plan when it has been spoilt.
fn spoilt(spoil: impl FnOnce(&mut Plan, &mut Told)) -> String {
    let config = config();
    let (register, mut told, mut plan) = busy_day();
    spoil(&mut plan, &mut told);
    let planning = Planning { policy: &config.policy, calendar: &config.calendar, today: plan.on, gates: &OPEN };
    broken_rules(planning, &register, &told, &plan).join("\n")
}

#[test]
fn the_checker_lets_a_good_plan_be() {
    assert_eq!(spoilt(|plan, _| assert!(plan.messages.len() > 4)), "");
}

#[test]
fn the_checker_finds_each_way_to_spoil_a_plan() {
    let first = |plan: &mut Plan, change: fn(&mut lapsewatch::domain::message::Notice)| {
        plan.messages.iter_mut().take(1).flat_map(|message| &mut message.notices).for_each(change);
    };
    let cases: [(&str, String); 11] = [
        ("are not sorted", spoilt(|plan, _| plan.messages.reverse())),
        ("an empty message", spoilt(|plan, _| plan.messages.iter_mut().for_each(|m| m.notices.clear()))),
        ("is told twice", spoilt(|plan, _| plan.messages.extend(plan.messages.clone()))),
        ("the tightest is", spoilt(|plan, _| first(plan, |notice| notice.stage = StageName::nth("warn", 1)))),
        ("starts on a closed day", spoilt(|plan, _| first(plan, |notice| notice.stage = StageName::nth("urgent", 1)))),
        ("comes after its deadline", spoilt(|plan, _| first(plan, |notice| notice.deadline_on = on("2026-08-28")))),
        ("the rule does not ask", spoilt(|plan, _| first(plan, |notice| notice.rule = Rule::Restore))),
        ("is gone", {
            let (mut register, told, plan) = busy_day();
            let arrival = Arrival { snapshot: SnapshotId(99), source: Source::PortalMailbox, as_of: plan.on };
            let row =
                Observation { address: Some(address("ada")), status: Status::new("Deleted"), ..Observation::default() };
            let config = config();
            register.observe(arrival, &row, &config.policy);
            let planning =
                Planning { policy: &config.policy, calendar: &config.calendar, today: plan.on, gates: &OPEN };
            broken_rules(planning, &register, &told, &plan).join("\n")
        }),
        ("was settled before", spoilt(|plan, told| told.apply(&plan.clone()))),
        ("but the messages say", spoilt(|plan, _| plan.told.clear())),
        (
            "the operator is not told",
            spoilt(|plan, _| {
                plan.messages.retain(|message| message.recipient == address("ada"));
            }),
        ),
    ];
    for (expected, found) in cases {
        assert!(found.contains(expected), "expected {expected:?}, found:\n{found}");
    }
}
