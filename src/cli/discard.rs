//! `discard`: held messages are dropped, and the next run decides anew.

use super::{
    Exit,
    args::{Discard, Format},
    held::{chosen, print_decided},
    screen::say,
};
use crate::{
    jobs::{self, Site},
    store::HoldState,
};

/// Drops the run that was named, or all that are held.
pub async fn discard(site: &Site, options: &Discard, format: Format) -> anyhow::Result<Exit> {
    let runs = match chosen(site, options.run).await? {
        Ok(runs) => runs,
        Err(exit) => return Ok(exit),
    };
    let person = options.decider.person();
    let decided = jobs::approve::discard(site, runs, &person).await?;
    print_decided(&decided, HoldState::Discarded, &person, format)?;
    if format == Format::Text {
        say!("Nobody gets them. The next run decides anew, by what is loaded then.");
    }
    Ok(Exit::Done)
}
