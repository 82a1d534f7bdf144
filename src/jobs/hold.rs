//! Why a run waits for a person, kept with the run and shown wherever somebody looks (domain rules 19 and 20).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::domain::{
    plan::Plan,
    policy::{Policy, Rule},
};

/// Why the messages of a run are held.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldReasons {
    /// What tripped the breaker, a sentence or two each (19).
    pub trips: Vec<String>,
    /// The rules whose first plan this is (20).
    pub adoption: Vec<String>,
    /// How many messages wait.
    pub messages: u64,
}

impl HoldReasons {
    /// Why a plan is held; `None` when nothing of it is.
    #[must_use]
    pub fn of(plan: &Plan, trips: Vec<String>, first_rules: &[Rule]) -> Option<Self> {
        let planned: BTreeSet<_> =
            plan.held.iter().flat_map(|message| message.notices.iter().map(|notice| notice.rule)).collect();
        let adoption = first_rules.iter().filter(|rule| planned.contains(rule)).map(|rule| rule.as_str().to_owned());
        let reasons = Self { trips, adoption: adoption.collect(), messages: plan.held.len() as u64 };
        (!reasons.trips.is_empty() || !plan.held.is_empty()).then_some(reasons)
    }

    /// Read back from the store; what cannot be read is no reason.
    #[must_use]
    pub fn read(json: &str) -> Self {
        serde_json::from_str(json).unwrap_or_default()
    }

    /// The rules that an approval adopts.
    #[must_use]
    pub fn rules(&self) -> Vec<Rule> {
        self.adoption.iter().filter_map(|word| Rule::parse(word)).collect()
    }

    /// Every reason as sentences, for screens, logs and the operator's message.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        let first = self.adoption.iter().map(|rule| format!("These are the first messages of the rule \"{rule}\"."));
        self.trips.iter().cloned().chain(first).collect()
    }
}

/// The rules that have something to go by, and whose first plan nobody saw yet.
#[must_use]
pub fn first_rules(fed: &BTreeSet<Rule>, adopted: &[Rule], policy: &Policy) -> Vec<Rule> {
    fed.iter().copied().filter(|rule| policy.rule(*rule).enabled && !adopted.contains(rule)).collect()
}
