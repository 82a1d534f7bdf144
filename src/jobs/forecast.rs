//! What will go out next if nothing changes: the planner, run ahead on what is known.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Span, civil::Date};

use super::{
    Site,
    survey::{awake, make},
    window::Window,
};
use crate::{
    domain::{message::Message, register::SubjectId},
    store::StoreError,
};

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forecast {
    /// Messages would be planned on a day.
    Messages(Date, Vec<Message>),
    /// On a day so many subjects wake that nobody has asked what each is told.
    Looks(Date, u64),
    /// No message would be planned in all the days.
    Nothing,
}

/// What comes on the first of the `days` days from `first` on on which messages would be planned.
///
/// Only those days are planned on which somebody wakes, and of all of them only as many subjects looked at as `most`.
///
/// # Errors
/// When the store fails.
pub async fn forecast(site: &Site, first: Date, days: i32, most: usize) -> Result<Forecast, StoreError> {
    let standings = site.store.load_standings().await?;
    let mut window = Window::open(site.store.as_ref()).await?;
    let last = first.saturating_add(Span::new().days(days - 1));
    let mut day = first;
    let mut subjects: BTreeSet<_> = awake(site, &mut window, &standings, first).await?.0.subjects.into_iter().collect();
    // Those who were looked at on a day without messages, by the day on which they wake again.
    let mut again: BTreeMap<Date, BTreeSet<SubjectId>> = BTreeMap::new();
    let mut looks = 0;
    while day <= last {
        looks += subjects.len();
        if looks > most {
            return Ok(Forecast::Looks(day, subjects.len() as u64));
        }
        let asked: Vec<_> = std::mem::take(&mut subjects).into_iter().collect();
        let made = make(&mut window, site.planning(day), &asked).await?;
        if !made.plan.messages.is_empty() {
            return Ok(Forecast::Messages(day, made.plan.messages));
        }
        for look in made.looks {
            if let Some(on) = look.wake_on {
                again.entry(on).or_default().insert(look.subject);
            }
        }
        let next = window.reading().find_next_waking(day).await?;
        let on = again.keys().next().copied().into_iter().chain(next.as_ref().map(|(on, _)| *on)).min();
        let Some(on) = on else { break };
        subjects.extend(again.remove(&on).into_iter().flatten());
        subjects.extend(next.filter(|(wakes_on, _)| *wakes_on == on).into_iter().flat_map(|(_, subjects)| subjects));
        day = on;
    }
    Ok(Forecast::Nothing)
}
