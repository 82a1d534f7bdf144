//! `approve`: held messages leave, at once or spread over days.

use super::{
    Exit,
    args::{Approve, Format},
    held::{chosen, print_days, print_decided},
    screen::{hanging, say},
};
use crate::{
    jobs::{self, Site, approve::DecidedRun},
    store::HoldState,
};

fn print_files(decided: &[DecidedRun]) {
    for (file, is_in) in decided.iter().flat_map(|run| &run.files) {
        let what = if *is_in { "is let in: it is loaded next" } else { "is let in once it is in the inbox again" };
        say!("{}", hanging(&format!("The export {file} {what}."), 0));
    }
}

/// Releases the run that was named, or all that are held.
pub async fn approve(site: &Site, options: &Approve, format: Format) -> anyhow::Result<Exit> {
    let runs = match chosen(site, options.run).await? {
        Ok(runs) => runs,
        Err(exit) => return Ok(exit),
    };
    let person = options.decider.person();
    let decided = jobs::approve::approve(site, runs, options.spread.unwrap_or(1), &person).await?;
    print_decided(&decided, HoldState::Approved, &person, format)?;
    if format == Format::Text {
        print_days(&decided);
        print_files(&decided);
        say!("The daemon sends them from now on; without it, the next lapsewatch once does.");
    }
    Ok(Exit::Done)
}
