//! The Portal's own count-down to removal, held against what the policy gives.
//!
//! Rules count from dates. Where the Portal prints how many days an account has left, a sum that is wrong for many at
//! once means that the national policy has changed, and that ours is out of date.

use std::{collections::BTreeMap, fmt};

use jiff::{ToSpan, civil::Date};

use super::{
    policy::Policy,
    snapshot::Observation,
    subject::{Kind, Status},
    words::thousands,
};

/// How many days a printed count may be off before it counts as different.
const TOLERANCE_DAYS: i32 = 2;
/// More than one row in so many: the bulk, not a few odd accounts.
const ONE_IN: u64 = 20;

/// What the count-downs of one file have said so far.
///
/// The day of the report is not printed and the newest update stands anywhere in the file, so what is counted is the
/// day on which each count would be right. Rows that say nothing new may be left out: a change of policy is in all.
#[derive(Debug, Default)]
pub struct Countdown {
    right_on: BTreeMap<Date, u64>,
    reported_on: Option<Date>,
}

/// Counts that the policy does not give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drift {
    /// Rows with such a count.
    pub differing: u64,
    /// Rows with a count.
    pub rows: u64,
    /// How many days most of them have more than the policy gives; fewer when negative.
    pub days: i32,
}

impl Countdown {
    /// Takes a row into account: its count, if it is about a live user account that has days left.
    pub fn see(&mut self, row: &Observation, policy: &Policy) {
        self.reported_on = self.reported_on.max(row.updated_on);
        let is_live = row.status.as_ref().is_none_or(Status::is_live);
        let left = row.removal_in_days.filter(|days| *days > 0 && is_live && row.kind == Kind::User);
        let (Some(left), Some(anchor_on)) = (left, row.last_activity_on.or(row.created_on)) else { return };
        let deadline_on = policy.inactivity.deadline_after.after(anchor_on);
        if let Ok(day) = deadline_on.checked_sub(i64::from(left).days()) {
            *self.right_on.entry(day).or_default() += 1;
        }
    }

    /// What differs, when it is the bulk.
    #[must_use]
    pub fn drift(&self) -> Option<Drift> {
        let reported_on = self.reported_on?;
        let more = |day: Date| reported_on.since(day).map_or(0, |span| span.get_days());
        // The Portal counts exact days and rounds down, so a count that is right may be that of the next day.
        let is_off = |day: Date| more(day) > TOLERANCE_DAYS || more(day) < -TOLERANCE_DAYS - 1;
        let off: BTreeMap<_, _> = self.right_on.iter().filter(|(day, _)| is_off(**day)).collect();
        let (rows, differing) = (self.right_on.values().sum(), off.values().copied().sum::<u64>());
        let (most, _) = off.into_iter().max_by_key(|(_, count)| **count)?;
        (differing.saturating_mul(ONE_IN) > rows).then(|| Drift { differing, rows, days: more(*most) })
    }
}

/// Two sentences for the load report.
impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (differing, rows) = (thousands(self.differing), thousands(self.rows));
        let (days, than) = (self.days.unsigned_abs(), if self.days > 0 { "more" } else { "fewer" });
        write!(f, "the days until removal of {differing} of {rows} user accounts are not what the policy gives, ")?;
        write!(f, "of most by {days} {than}. The national policy may have changed: ")?;
        f.write_str("check it, and `deadline_after` of `rules.inactivity`")
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::testing::{on, policy, row, used, with_status},
        *,
    };

    /// Rows of a report of 20 November: used on the 1st, and so many days left.
    fn drift(lefts: &[i16]) -> Option<Drift> {
        let mut countdown = Countdown::default();
        for left in lefts {
            countdown.see(&counting(*left, used("ada", "2026-11-01")), &policy());
        }
        countdown.see(&Observation { updated_on: Some(on("2026-11-20")), ..row("last") }, &policy());
        countdown.drift()
    }

    fn counting(left: i16, row: Observation) -> Observation {
        Observation { removal_in_days: Some(left), ..row }
    }

    #[test]
    fn a_count_within_two_days_of_the_policy_is_none() {
        // 60 days from 1 November are up on 31 December: 41 days after the 20th, or 40 when the hour counts.
        for left in [38, 39, 40, 41, 42, 43] {
            assert_eq!(drift(&[left]), None, "{left}");
        }
        for (left, days) in [(37, -4), (44, 3), (161, 120)] {
            assert_eq!(drift(&[left]), Some(Drift { differing: 1, rows: 1, days }), "{left}");
        }
    }

    #[test]
    fn a_few_odd_counts_are_no_change_of_policy() {
        let mut lefts = vec![41; 19];
        assert_eq!(drift(&[lefts.clone(), vec![161]].concat()), None, "one in twenty");
        lefts.pop();
        assert_eq!(drift(&[lefts, vec![161]].concat()), Some(Drift { differing: 1, rows: 19, days: 120 }));
    }

    #[test]
    fn only_live_user_accounts_with_days_left_count() {
        let mut countdown = Countdown::default();
        let updated = |row| Observation { updated_on: Some(on("2026-11-20")), ..row };
        let ada = || used("ada", "2026-11-01");
        for row in [
            with_status("Deleted", counting(161, ada())),
            Observation { kind: Kind::Application, ..counting(161, ada()) },
            counting(0, ada()),
            counting(161, row("nobody knows since when")),
        ] {
            countdown.see(&updated(row), &policy());
        }
        assert_eq!(countdown.drift(), None);
        countdown.see(&counting(161, Observation { created_on: Some(on("2026-11-01")), ..row("new") }), &policy());
        assert_eq!(countdown.drift().map(|drift| drift.rows), Some(1), "never used: from the creation");
    }

    #[test]
    fn an_operator_reads_what_may_have_changed() {
        assert_eq!(
            Drift { differing: 9_120, rows: 10_000, days: 120 }.to_string(),
            "the days until removal of 9,120 of 10,000 user accounts are not what the policy gives, of most by 120 more. \
             The national policy may have changed: check it, and `deadline_after` of `rules.inactivity`"
        );
    }
}
