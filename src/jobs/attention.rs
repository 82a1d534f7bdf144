//! What needs a person, in sentences: at the top of `status`, and in the line that the service manager shows of the daemon.
//!
//! Reads the store and the clock, writes nothing, decides nothing.

use jiff::{SignedDuration, Zoned, civil::Date};

use super::{
    JobError, Site,
    health::{SourceAge, Waiting, held, sources},
    scheduler::Timetable,
};
use crate::{
    domain::{
        outbox::MessageState,
        words::{counted, day},
    },
    store::{RunRow, Stopped},
    telemetry::masked_in,
};

/// How things stand, as far as somebody may have to do something about it.
#[derive(Debug, Clone, Copy)]
pub struct Standing<'a> {
    /// The sources that were loaded.
    pub sources: &'a [SourceAge],
    /// The newest run has begun long ago and has not ended.
    pub is_cut_off: bool,
    /// Runs that wait for a person.
    pub held: &'a [Waiting],
    /// Why sending has stopped for everybody, if it has.
    pub stopped: Option<&'a Stopped>,
    /// Messages of the newest run that a mail server refused.
    pub rejected: u64,
    /// Messages of which nobody knows whether they went.
    pub unknown: u64,
}

/// How long a run may take before it looks as if it were cut off.
const LONGEST_RUN: SignedDuration = SignedDuration::from_hours(1);

/// Whether a run has begun so long ago that it should have ended, and has not.
#[must_use]
pub fn is_cut_off(site: &Site, last: Option<&RunRow>) -> bool {
    let unfinished = last.filter(|run| run.finished_at.is_none());
    unfinished.is_some_and(|run| site.clock.now().duration_since(run.started_at) > LONGEST_RUN)
}

/// What needs a person, a sentence each, the most urgent first.
#[must_use]
pub fn attention(standing: Standing<'_>) -> Vec<String> {
    let Standing { sources, is_cut_off, held, stopped, rejected, unknown } = standing;
    let mut lines = Vec::new();
    if sources.is_empty() {
        lines.push("nothing has been loaded yet: put an export into the inbox".to_owned());
    }
    if is_cut_off {
        lines.push("the last run was cut off: the next one goes on from there".to_owned());
    }
    for held in held {
        let (messages, why) = (counted(held.messages, "message"), held.reasons.sentences().join(" "));
        let (run, on) = (held.run.id.0, day(held.run.on_day));
        lines.push(format!("run {run} of {on} is held: {messages} for lapsewatch approve or discard. {why}"));
    }
    if let Some(stopped) = stopped {
        lines.push(format!("sending stopped: {}", stopped.why));
    }
    for source in sources.iter().filter(|source| source.is_stale()) {
        let (title, age, most) = (source.source.title(), source.age_days, source.max_age_days.unwrap_or_default());
        lines.push(format!("{title} is {age} days old and may be {most}: rules that count on it tell nobody"));
    }
    if rejected > 0 {
        lines.push(format!("{} of the last run refused by the mail server", counted(rejected, "message")));
    }
    if unknown > 0 {
        lines.push(format!("nobody knows whether {} went: lapsewatch list --unknown", counted(unknown, "message")));
    }
    lines
}

/// The daemon's line about itself. It is asked for every few seconds, so that what costs more is kept until it changes.
#[derive(Debug, Default)]
pub struct Headline {
    sources: Option<((i64, Date), Vec<SourceAge>)>,
}

impl Headline {
    /// `Working: last run Fri 20 Nov 08:10, next run Sat 21 Nov 07:30, 3 messages waiting`, or what needs a person first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn line(&mut self, site: &Site, timetable: &Timetable) -> Result<String, JobError> {
        let (store, last) = (&site.store, site.store.list_runs(1).await?.pop());
        let of_last = match &last {
            Some(run) => store.count_messages_of(run.id).await?,
            None => Vec::new(),
        };
        let all = store.count_messages().await?;
        let count = |of: &[(MessageState, u64)], is: fn(MessageState) -> bool| -> u64 {
            of.iter().filter(|(state, _)| is(*state)).map(|(_, count)| count).sum()
        };
        let (held, stopped) = (held(site).await?, store.find_stopped().await?);
        let attention = attention(Standing {
            sources: self.sources(site).await?,
            is_cut_off: is_cut_off(site, last.as_ref()),
            held: &held,
            stopped: stopped.as_ref(),
            rejected: count(&of_last, |state| state == MessageState::Rejected),
            unknown: count(&all, |state| state == MessageState::Unknown),
        });
        let local = timetable.local(site.clock.now());
        let next = timetable.next(&local, store.last_due_day().await?);
        let last = last.map(|run| timetable.local(run.started_at));
        let shown = |at: Option<Zoned>| at.map_or("never".to_owned(), |at| at.strftime("%a %-d %b %H:%M").to_string());
        let waiting = counted(count(&all, MessageState::is_waiting), "message");
        let (first, last, next) = (in_short(&attention), shown(last), shown(next));
        // Everybody on the machine can ask the service manager.
        Ok(masked_in(&format!("{first}: last run {last}, next run {next}, {waiting} waiting")))
    }

    /// Sources grow older by the day and younger by a file.
    async fn sources(&mut self, site: &Site) -> Result<&[SourceAge], JobError> {
        let key = (site.store.find_revision().await?.snapshot, site.today());
        if self.sources.as_ref().is_none_or(|(known, _)| *known != key) {
            self.sources = Some((key, sources(site).await?));
        }
        Ok(self.sources.as_ref().map(|(_, sources)| sources.as_slice()).unwrap_or_default())
    }
}

fn in_short(attention: &[String]) -> String {
    match attention {
        [] => "Working".to_owned(),
        [one] => format!("ATTENTION, {one}"),
        [first, others @ ..] => format!("ATTENTION, {first} (and {} more: lapsewatch status)", others.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_told_and_others_are_counted() {
        let things = ["one".to_owned(), "two".to_owned(), "three".to_owned()];
        assert_eq!(in_short(&things[..0]), "Working");
        assert_eq!(in_short(&things[..1]), "ATTENTION, one");
        assert_eq!(in_short(&things), "ATTENTION, one (and 2 more: lapsewatch status)");
    }
}
