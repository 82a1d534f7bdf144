//! What keeps a finding silent, a plan waiting, or an address from counting, besides the policy: snoozes, rules that
//! nobody approved yet, exports that are too old, and refused addresses (domain rules 18, 20, 21 and 25).
//!
//! Pure: whoever plans reads them from the store and hands them in.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::{
    facts::Field,
    freshness::{MaxAges, Stale, stale_source},
    policy::Rule,
    register::{Register, Subject, SubjectId},
    snapshot::Source,
    subject::Address,
};

/// What is kept back on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gates {
    /// The civil day on which the notices of a rule about a subject begin again.
    snoozed_until: BTreeMap<(SubjectId, Rule), Date>,
    /// The civil day on which a mail server said that nobody is at an address.
    refused_on: BTreeMap<Address, Date>,
    /// Rules whose first plan waits for a person.
    awaiting: BTreeSet<Rule>,
    /// How old what a source says may be; `None` for any age.
    max_ages: Option<MaxAges>,
}

/// Gates that keep nothing back, for replays and forecasts.
pub static OPEN: Gates =
    Gates { snoozed_until: BTreeMap::new(), refused_on: BTreeMap::new(), awaiting: BTreeSet::new(), max_ages: None };

impl Gates {
    /// Gates from snoozes (subject, rule, day on which notices begin again), refusals (address, day), and the rules whose
    /// first plan waits for a person.
    #[must_use]
    pub fn new(
        snoozes: impl IntoIterator<Item = (SubjectId, Rule, Date)>,
        refusals: impl IntoIterator<Item = (Address, Date)>,
        awaiting: impl IntoIterator<Item = Rule>,
    ) -> Self {
        let snoozed_until = snoozes.into_iter().map(|(subject, rule, until_on)| ((subject, rule), until_on)).collect();
        Self {
            snoozed_until,
            refused_on: refusals.into_iter().collect(),
            awaiting: awaiting.into_iter().collect(),
            max_ages: None,
        }
    }

    /// The same gates, and what is older than this says nothing to users and owners (18).
    #[must_use]
    pub fn with_max_ages(self, max_ages: &MaxAges) -> Self {
        Self { max_ages: Some(max_ages.clone()), ..self }
    }

    /// The source that is too old for a rule to say anything about a subject, if one is (18).
    #[must_use]
    pub fn stale(&self, register: &Register, subject: &Subject, rule: Rule, today: Date) -> Option<Stale> {
        stale_source(register, subject, rule, today, self.max_ages.as_ref()?)
    }

    /// Until when a rule is snoozed for a subject, if it is today (21).
    #[must_use]
    pub fn snoozed_until(&self, subject: SubjectId, rule: Rule, today: Date) -> Option<Date> {
        self.snoozed_until.get(&(subject, rule)).copied().filter(|until_on| today < *until_on)
    }

    /// Whether what a rule plans waits for a person (20).
    #[must_use]
    pub fn holds(&self, rule: Rule) -> bool {
        self.awaiting.contains(&rule)
    }

    /// Whether a mail server refused an address and no newer fact says that somebody is there (25).
    ///
    /// A newer fact is activity of its account after the refusal, or a later contacts file that lists it.
    #[must_use]
    pub fn is_unreachable(&self, register: &Register, address: &Address) -> bool {
        let Some(refused_on) = self.refused_on.get(address).copied() else { return false };
        let used_on = register.find_by_address(address).and_then(|subject| subject.facts.date(Field::LastActivityOn));
        let listed_on = register.snapshots(Source::SiteContacts).and_then(|days| days.last().copied());
        let is_listed_since = listed_on.is_some_and(|on| on > refused_on) && register.contacts().lists(address);
        !(is_listed_since || used_on.is_some_and(|on| on > refused_on))
    }
}
