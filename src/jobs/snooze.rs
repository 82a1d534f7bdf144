//! Snoozes: a person ends a rule's notices for one subject until a day before its deadline (rule 21).
//!
//! Reads the register, writes the snooze with who asked for it and why. A snooze past the deadline is refused: nobody
//! would be told in time.

use jiff::civil::Date;

use super::{
    JobError, Site,
    account::{settled_around, similar},
    window::Window,
};
use crate::{
    domain::{
        evaluate::{Standing, standing},
        policy::Rule,
        register::Subject,
        subject::Address,
    },
    store::Snooze,
};

/// What somebody asks for.
#[derive(Debug, Clone)]
pub struct Wish<'a> {
    /// Of whom.
    pub address: Address,
    /// Of which rule.
    pub rule: Rule,
    /// The civil day on which notices begin again.
    pub until_on: Date,
    /// Why.
    pub reason: &'a str,
    /// Who asks.
    pub author: &'a str,
}

/// What asking for a snooze gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Snoozed {
    /// It is written.
    Made,
    /// Nobody has this address; the known ones most like it.
    Unheard(Vec<Address>),
    /// The rule counts nothing for it.
    NothingCounts,
    /// The day is not ahead.
    NotAhead,
    /// The day is not before the deadline.
    TooLate {
        /// When the service acts.
        deadline_on: Date,
    },
}

/// Writes a snooze, if it may be.
///
/// # Errors
/// When the store fails.
pub async fn snooze(site: &Site, wish: &Wish<'_>) -> Result<Snoozed, JobError> {
    let register = settled_around(site, &wish.address).await?;
    let Some(subject) = register.find_by_address(&wish.address) else {
        return Ok(Snoozed::Unheard(similar(site, &wish.address).await?));
    };
    let Standing::Counts(dates) = standing(&site.config.policy, subject, wish.rule, register.sends_watched_since())
    else {
        return Ok(Snoozed::NothingCounts);
    };
    if wish.until_on <= site.today() {
        return Ok(Snoozed::NotAhead);
    }
    if wish.until_on >= dates.deadline_on {
        return Ok(Snoozed::TooLate { deadline_on: dates.deadline_on });
    }
    let snooze = Snooze {
        number: 0,
        subject: subject.id,
        rule: wish.rule,
        until_on: wish.until_on,
        author: wish.author.to_owned(),
        reason: wish.reason.to_owned(),
        made_at: site.clock.now(),
        ended_at: None,
    };
    site.store.add_snooze(&snooze).await?;
    Ok(Snoozed::Made)
}

/// What asking for the end of a snooze gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Notices begin again.
    Ended,
    /// There was none.
    NotSnoozed,
    /// Nobody has this address; the known ones most like it.
    Unheard(Vec<Address>),
}

/// Ends a snooze early.
///
/// # Errors
/// When the store fails.
pub async fn end(site: &Site, address: &Address, rule: Rule) -> Result<Ended, JobError> {
    let register = settled_around(site, address).await?;
    let Some(subject) = register.find_by_address(address) else {
        return Ok(Ended::Unheard(similar(site, address).await?));
    };
    let is_ended = site.store.end_snooze(subject.id, rule, site.clock.now()).await?;
    Ok(if is_ended { Ended::Ended } else { Ended::NotSnoozed })
}

/// The snoozes in force, the next to end first, each with the address of its subject.
///
/// # Errors
/// When the store fails.
pub async fn in_force(site: &Site) -> Result<Vec<(Address, Snooze)>, JobError> {
    let today = site.today();
    let mut snoozes = site.store.load_standings().await?.snoozes;
    snoozes.retain(|snooze| snooze.until_on > today);
    snoozes.sort_by_key(|snooze| (snooze.until_on, snooze.number));
    let ids: Vec<_> = snoozes.iter().map(|snooze| snooze.subject).collect();
    let register = Window::open(site.store.as_ref()).await?.part(&ids).await?;
    let named = |snooze: Snooze| Some((register.find(snooze.subject).map(Subject::address)?, snooze));
    Ok(snoozes.into_iter().filter_map(named).collect())
}
