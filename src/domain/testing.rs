//! What the tests of this room share: a small policy, and a register filled from a few words. Invented people only.

use jiff::civil::Date;

use super::{
    calendar::Calendar,
    facts::SnapshotId,
    gates,
    plan::Planning,
    policy::{OnUnknown, Placement, Policy, RulePolicy, Rung, Span, Stage},
    register::{Arrival, Register, Subject},
    snapshot::{ContactRole, ContactRow, Observation, Source},
    subject::{Address, Kind, OdsCode, Status},
};

/// A civil date, `2026-10-06`.
pub(super) fn on(text: &str) -> Date {
    text.parse().unwrap()
}

/// `ada` is `ada@nhs.net`; what has an `@` stays as it is.
pub(super) fn address(name: &str) -> Address {
    if name.contains('@') { Address::new(name) } else { Address::new(&format!("{name}@nhs.net")) }
}

/// A stage that tells these rungs.
pub(super) fn stage(name: &str, placement: Placement, audience: &[Rung]) -> Stage {
    Stage {
        name: name.into(),
        placement,
        audience: audience.to_vec(),
        states_fact: false,
        any_day: false,
        alone: false,
        repeat_every: None,
        repeat_max: 1,
        on_unknown: OnUnknown::Hold,
    }
}

/// A rule of two stages: one after some days for the user, one two days before the end for user, owners and operator.
fn rule(deadline_after: Span, first_after: Span) -> RulePolicy {
    let audience = [Rung::User, Rung::Owners, Rung::Operator];
    let last = stage("final", Placement::Before(Span::Days(2)), &audience);
    let stages = vec![
        stage("first", Placement::After(first_after), &[Rung::User]),
        Stage { any_day: true, alone: true, ..last },
    ];
    RulePolicy { enabled: true, deadline_after, inactive_after: None, stages }
}

/// Every rule with a short ladder and its usual deadline.
pub(crate) fn policy() -> Policy {
    Policy {
        inactivity: rule(Span::Days(60), Span::Days(21)),
        activation: rule(Span::Days(60), Span::Days(7)),
        password: rule(Span::Days(365), Span::Days(335)),
        leaver: rule(Span::Days(30), Span::Days(0)),
        restore: rule(Span::Days(30), Span::Days(0)),
        shared_mailbox: rule(Span::Months(6), Span::Months(4)),
        covered_domains: vec!["nhs.net".into()],
        read_within_days: 28,
        episode_tolerance_days: 7,
        coverage_within_days: 7,
        operator: Address::new("operator@example.org"),
    }
}

/// A register that is filled day by day.
pub(super) struct World {
    pub(super) policy: Policy,
    pub(super) calendar: Calendar,
    pub(super) register: Register,
    contacts: Vec<ContactRow>,
}

impl World {
    /// Knows nobody.
    pub(super) fn new() -> Self {
        let calendar = Calendar::new([on("2026-12-25"), on("2026-12-28")]);
        Self { policy: policy(), calendar, register: Register::default(), contacts: Vec::new() }
    }

    /// Loads one file with these rows.
    pub(super) fn load(&mut self, source: Source, as_of: &str, rows: &[Observation]) {
        let arrival = Arrival { snapshot: SnapshotId(1), source, as_of: on(as_of) };
        self.register.begin(arrival);
        for row in rows {
            self.register.observe(arrival, row, &self.policy);
        }
    }

    /// Loads a Portal report with these rows.
    pub(super) fn report(&mut self, as_of: &str, rows: &[Observation]) {
        self.load(Source::PortalMailbox, as_of, rows);
    }

    /// Says what an address is to the mailbox `northtown` and the site TP1AB.
    pub(super) fn contact(&mut self, name: &str, role: ContactRole, alternate: Option<&str>) {
        self.contacts.push(ContactRow {
            line: 2,
            ods: OdsCode::new("TP1AB"),
            sector: None,
            site_name: None,
            town: None,
            shared_mailbox: Some(address("northtown")),
            address: address(name),
            role,
            alternate_address: alternate.map(address),
            administered_by: None,
        });
        self.register.replace_contacts(self.contacts.clone());
    }

    pub(super) fn planning(&self, today: &str) -> Planning<'_> {
        Planning { policy: &self.policy, calendar: &self.calendar, today: on(today), gates: &gates::OPEN }
    }

    pub(super) fn subject(&self, name: &str) -> &Subject {
        self.register.find_by_address(&address(name)).unwrap()
    }
}

/// A row about a user account of the site TP1AB.
pub(super) fn row(name: &str) -> Observation {
    Observation {
        line: 2,
        id: Some(format!("id of {name}")),
        address: Some(address(name)),
        kind: Kind::User,
        status: Status::new("Active"),
        ods: OdsCode::new("TP1AB"),
        ..Observation::default()
    }
}

/// The same, last used on a day.
pub(super) fn used(name: &str, used_on: &str) -> Observation {
    Observation { last_activity_on: Some(on(used_on)), ..row(name) }
}

/// The same, with another status.
pub(super) fn with_status(status: &str, row: Observation) -> Observation {
    Observation { status: Status::new(status), ..row }
}
