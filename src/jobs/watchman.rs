//! Watches what the program itself sends with: it must not warn thousands and lose its own log-in (issue: the sender's
//! own expiry).
//!
//! Reads the configuration, the certificate it names, and what exports say of the sending account. Tells the operator
//! 30, 14, 7, 3, 1 and 0 days before each end, and every day after.

use jiff::civil::Date;

use super::{Site, window::Window};
use crate::{
    domain::{
        evaluate::{Standing, standing},
        policy::Rule,
        subject::Address,
    },
    mail::{render::alert::End, sender::expiries},
    store::StoreError,
};

/// Days before an end on which the operator is told.
const WARNED_AT: [i32; 6] = [30, 14, 7, 3, 1, 0];

/// What ends, as far as the operator is to be told of it today, the soonest first. `before_on` is the day of the run
/// before: a day on which nobody was here costs lateness, not silence.
///
/// # Errors
/// When the store fails.
pub async fn ends(site: &Site, before_on: Option<Date>) -> Result<Vec<End>, StoreError> {
    let today = site.today();
    let mut ends = credentials(site);
    ends.extend(own_accounts(site).await?);
    ends.retain(|end| is_due(end.ends_on, before_on, today));
    ends.sort();
    ends.dedup_by(|later, sooner| later.what == sooner.what);
    Ok(ends)
}

/// What the configuration names: a password, a client secret, a certificate.
fn credentials(site: &Site) -> Vec<End> {
    let found = expiries(&site.config.mail, &site.config.time_zone).unwrap_or_else(|failure| {
        tracing::warn!("nobody knows when the sender's own log-in ends: {failure}");
        Vec::new()
    });
    found.into_iter().map(|found| End { ends_on: found.expires_on, what: found.means.as_str().to_owned() }).collect()
}

/// What exports say of the account that sends: its password, and its end when it is not used.
async fn own_accounts(site: &Site) -> Result<Vec<End>, StoreError> {
    let mail = &site.config.mail;
    let own = [Some(mail.from.email.to_string()), mail.smtp.username.clone()];
    let mut addresses: Vec<_> = own.into_iter().flatten().map(|address| Address::new(&address)).collect();
    addresses.dedup();
    let mut window = Window::open(site.store.as_ref()).await?;
    let register = window.around(site.planning(site.today()), &[], &addresses.iter().collect::<Vec<_>>()).await?;
    let subjects = addresses.iter().filter_map(|address| register.find_by_address(address));
    let ends = subjects.flat_map(|subject| {
        let counted = [(Rule::Password, "password"), (Rule::Inactivity, "account"), (Rule::Leaver, "account")];
        counted.into_iter().filter_map(move |(rule, what)| match standing(&site.config.policy, subject, rule, None) {
            Standing::Counts(dates) => Some(End { ends_on: dates.deadline_on, what: what.to_owned() }),
            Standing::NotAsked | Standing::NoDate => None,
        })
    });
    Ok(ends.collect())
}

/// Whether one of the days of warning lies between the run before and today, or the end is past.
fn is_due(ends_on: Date, before_on: Option<Date>, today: Date) -> bool {
    let left = |on: Date| on.until(ends_on).map_or(i32::MAX, |span| span.get_days());
    let before = before_on.map_or(i32::MAX, left);
    left(today) < 0 || WARNED_AT.into_iter().any(|days| left(today) <= days && days < before)
}

#[cfg(test)]
mod tests {
    use jiff::{ToSpan as _, civil::date};

    use super::*;

    #[test]
    fn the_operator_is_told_on_the_days_of_warning_and_every_day_after() {
        let ends_on = date(2027, 1, 10);
        let told = (-40..=3).filter(|day: &i32| {
            let today = ends_on.saturating_add(day.days());
            is_due(ends_on, today.yesterday().ok(), today)
        });
        assert_eq!(told.collect::<Vec<_>>(), [-30, -14, -7, -3, -1, 0, 1, 2, 3]);
    }

    #[test]
    fn a_day_of_warning_that_was_missed_is_made_up_for() {
        let ends_on = date(2027, 1, 10);
        let run = |before: i64, today: i64| {
            let day = |left: i64| ends_on.saturating_sub(left.days());
            is_due(ends_on, Some(day(before)), day(today))
        };
        assert!(run(16, 12) && !run(13, 12) && !run(40, 31));
        assert!(is_due(ends_on, None, date(2026, 12, 30)), "the first run tells what is near");
        assert!(!is_due(ends_on, None, date(2026, 12, 10)));
    }
}
