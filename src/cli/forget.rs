//! `forget`: erase one person from the store, and their exports where that is asked for.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use super::{
    Exit,
    args::{Forget, Format},
    json::line,
    screen::{self, ATTENTION, BOLD, counted, day, hanging, say, tell},
};
use crate::{
    domain::subject::Address,
    jobs::{
        Site,
        forget::{Erased, NamingFile, Wish, forget as erase, rehearse},
    },
    store::Forgotten,
};

/// Exports that are named on screen, at most.
const MOST_FILES_SHOWN: usize = 20;

/// Erases the person, once somebody has said yes.
pub async fn forget(site: &Site, options: &Forget, format: Format) -> anyhow::Result<Exit> {
    let address = Address::new(&options.address);
    let by = options.decider.person();
    let wish = Wish { address: &address, by: &by, with_files: options.files };
    if !options.yes {
        if !io::stdin().is_terminal() {
            tell!("{ATTENTION}error{ATTENTION:#}: nobody can be asked here whether to go on");
            screen::tip("say --yes; it cannot be undone");
            return Ok(Exit::Usage);
        }
        let would = rehearse(site, wish).await?;
        if would.is_nothing() {
            return Ok(refuse(&address, &would));
        }
        if !is_confirmed(&address, &would)? {
            tell!("Nothing was erased.");
            return Ok(Exit::Failed);
        }
    }
    let erased = erase(site, wish).await?;
    if erased.is_nothing() {
        return Ok(refuse(&address, &erased));
    }
    match format {
        Format::Json => line(&mut io::stdout().lock(), &Line::of(&address, &erased))?,
        Format::Text => print(site, &address, &erased),
    }
    Ok(Exit::Done)
}

fn refuse(address: &Address, erased: &Erased) -> Exit {
    tell!("{ATTENTION}error{ATTENTION:#}: {}", hanging(&format!("nothing is known of {address}"), 7));
    if !erased.similar.is_empty() {
        let like: Vec<_> = erased.similar.iter().map(Address::as_str).collect();
        screen::tip(&format!("did you mean {}?", like.join(" or ")));
    }
    Exit::Failed
}

/// Says on standard error what would go, and asks.
fn is_confirmed(address: &Address, would: &Erased) -> io::Result<bool> {
    tell!("{BOLD}This erases{BOLD:#} {}", hanging(address.as_str(), 12));
    for what in sentences(&would.store) {
        tell!("  {}", hanging(&what, 2));
    }
    let files = would.files.iter().filter(|file| file.is_removed).count() as u64;
    if files > 0 {
        tell!("  and removes {}", counted(files, "export"));
    }
    let mut out = anstream::stderr();
    write!(out, "It cannot be undone. Go on? [y/N] ")?;
    out.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// What of the store it is, a line each; what there is none of is left out.
fn sentences(store: &Forgotten) -> Vec<String> {
    let lines = [
        (store.subjects, "account", " with all facts and history"),
        (store.contacts, "row", " of the contacts"),
        (store.cancelled, "message", " not sent yet, now cancelled"),
        (store.ledger, "line", " of the ledger made anonymous"),
        (store.decisions, "snooze", " or mark of a refused address"),
        (store.quotes, "text", " that quoted the address"),
    ];
    let there = lines.iter().filter(|(count, ..)| *count > 0);
    there.map(|(count, what, more)| format!("{}{more}", counted(*count, what))).collect()
}

fn print(site: &Site, address: &Address, erased: &Erased) {
    say!("{BOLD}Forgotten{BOLD:#} {}", hanging(address.as_str(), 10));
    for what in sentences(&erased.store) {
        say!("  {}", hanging(&what, 2));
    }
    if erased.store.under_way > 0 {
        let under_way = counted(erased.store.under_way, "message");
        let said = format!("{under_way} of these just under way: the mail server may have taken it all the same");
        say!("{ATTENTION}!{ATTENTION:#} {}", hanging(&said, 2));
    }
    print_files(erased);
    let again = "The next export or contacts file that lists the address makes it known anew: nothing here remembers \
                 that it was forgotten. Backups, messages written to files and the log are not touched.";
    say!("{}", hanging(again, 0));
    if site.config.snapshots.keep_in_place {
        say!("{}", hanging("Exports stay in the inbox, where lapsewatch removes nothing: look there too.", 0));
    }
}

fn print_files(erased: &Erased) {
    let (removed, left): (Vec<_>, Vec<_>) = erased.files.iter().partition(|file| file.is_removed);
    if !removed.is_empty() {
        say!("  {} removed", counted(removed.len() as u64, "export"));
    }
    for file in left.iter().take(MOST_FILES_SHOWN) {
        let NamingFile { name, is_packed, goes_on, .. } = file;
        let what = if *is_packed { "is packed and may name them" } else { "still names them" };
        let until = match goes_on {
            Some(on) => format!("removed by the first run from {} on", day(*on)),
            None => "no run removes it".to_owned(),
        };
        say!("{ATTENTION}!{ATTENTION:#} {}", hanging(&format!("{name} {what}: {until}"), 2));
    }
    if left.len() > MOST_FILES_SHOWN {
        say!("  and {}", counted((left.len() - MOST_FILES_SHOWN) as u64, "more export"));
    }
    if !left.is_empty() {
        say!("  {}", hanging("the same command with --files removes those that lapsewatch put there", 2));
    }
}

/// The JSON of `forget`.
#[derive(Debug, Serialize)]
struct Line<'a> {
    address: &'a str,
    #[serde(flatten)]
    store: &'a Forgotten,
    files: Vec<FileLine<'a>>,
}

#[derive(Debug, Serialize)]
struct FileLine<'a> {
    file: &'a str,
    packed: bool,
    removed: bool,
    goes_on: Option<jiff::civil::Date>,
}

impl<'a> Line<'a> {
    fn of(address: &'a Address, erased: &'a Erased) -> Self {
        let file = |file: &'a NamingFile| FileLine {
            file: &file.name,
            packed: file.is_packed,
            removed: file.is_removed,
            goes_on: file.goes_on,
        };
        Self { address: address.as_str(), store: &erased.store, files: erased.files.iter().map(file).collect() }
    }
}
