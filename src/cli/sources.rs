//! `sources`: every source with its newest file, and the rules it feeds or leaves off; then what nobody tells.

use jiff::{Timestamp, civil::Date};
use serde::Serialize;

use super::{
    Exit,
    args::Format,
    json::line,
    load::print_off,
    screen::{ATTENTION, BOLD, FAINT, LABEL, counted, hanging, labelled, say, thousands},
};
use crate::{
    domain::{
        feeds::{self, Feed, Feeding},
        policy::Rule,
        snapshot::Source,
        words::age,
    },
    jobs::{
        Site,
        load::RuleOff,
        shelves::PutAside,
        supply::{Supplier, Supply, Want, Wanting, supply},
    },
};

/// How many sources that would tell are named.
const MOST_NAMED: usize = 3;

/// Prints where everything that is known comes from.
pub async fn sources(site: &Site, format: Format) -> anyhow::Result<Exit> {
    let supply = supply(site).await?;
    match format {
        Format::Json => {
            let out = &mut std::io::stdout().lock();
            SourceLine::all(site, &supply).iter().try_for_each(|source| line(out, source))?;
        }
        Format::Text => print(site, &supply),
    }
    Ok(Exit::Done)
}

fn print(site: &Site, supply: &Supply) {
    if supply.suppliers.is_empty() {
        say!("Nothing has been loaded yet: put an export into the inbox.\n");
    }
    supply.suppliers.iter().for_each(print_supplier);
    if !supply.wants.is_empty() {
        say!("{BOLD}Nothing loaded tells{BOLD:#}");
        supply.wants.iter().for_each(print_want);
        say!("");
    }
    if let Some(PutAside { at, file, why }) = &supply.refused {
        say!("{ATTENTION}Refused since{ATTENTION:#}");
        let at = at.to_zoned(site.config.time_zone.clone()).strftime("%a %-d %b %H:%M").to_string();
        say!("  {}", hanging(&format!("{file}, {at}: {why}"), 2));
    }
}

fn print_supplier(supplier: &Supplier) {
    let Supplier { source, file, as_of, age_days, rows, rejected, feeds, .. } = supplier;
    say!("{BOLD}{}{BOLD:#}", source.title());
    let age = age(*age_days);
    let limit = supplier.max_age_days.map_or_else(String::new, |most| format!(", limit {most}"));
    if supplier.is_stale() {
        let silent = "rules that count on it tell nobody";
        say!("  {ATTENTION}stale{ATTENTION:#}      {}", hanging(&format!("{as_of}, {age}{limit}: {silent}"), LABEL));
    } else {
        labelled("newest", &format!("{as_of}, {age}{limit}"));
    }
    let rejected = if *rejected > 0 { format!(", {} rejected", thousands(*rejected)) } else { String::new() };
    labelled("file", &format!("{file}, {}{rejected}", counted(*rows, "row")));
    let fed = fed(feeds);
    if !fed.is_empty() {
        labelled("feeds", &fed.join(", "));
    } else if feeds.is_empty() {
        labelled("feeds", &format!("no rule: {}", feeds::instead(*source)));
    }
    offs(feeds).iter().for_each(print_off);
    if source.lists_subjects() && !feeds.is_empty() && !supplier.never.is_empty() {
        let never: Vec<_> = supplier.never.iter().map(|rule| rule.as_str()).collect();
        say!("  {FAINT}{:<11}{}{FAINT:#}", "not in it", hanging(&never.join(", "), LABEL));
    }
    say!("");
}

fn print_want(want: &Want) {
    let (label, what) = match want.wanting {
        Wanting::Rule(rule) => (rule.as_str(), feeds::waits_for(rule)),
        Wanting::Kinds => ("kinds", "which accounts are people's and which mailboxes are shared"),
    };
    let then = if want.wanting == Wanting::Kinds { ". Until then no rule but restore is asked" } else { "" };
    let text = format!("{what}; {} would{then}", one_of(&want.would));
    say!("  {label:<16}{}", hanging(&text, 18));
}

/// `Portal Mailbox Report, Graph users or 6 others`.
fn one_of(sources: &[Source]) -> String {
    let titles: Vec<_> = sources.iter().map(|source| source.title()).collect();
    match titles.split_at_checked(MOST_NAMED) {
        Some((named, [_, _, ..])) => format!("{} or {} others", named.join(", "), titles.len() - MOST_NAMED),
        _ => match titles.split_last() {
            Some((last, [])) => (*last).to_owned(),
            Some((last, others)) => format!("{} or {last}", others.join(", ")),
            None => String::new(),
        },
    }
}

/// The rules that a file feeds, also those that it could feed better.
fn fed(feeds: &[Feed]) -> Vec<&'static str> {
    feeds.iter().filter(|feed| feed.feeding != Feeding::Off).map(|feed| feed.rule.as_str()).collect()
}

fn offs(feeds: &[Feed]) -> Vec<RuleOff> {
    feeds.iter().filter(|feed| feed.feeding != Feeding::Full).map(RuleOff::from).collect()
}

fn words(rules: &[Rule]) -> Vec<&'static str> {
    rules.iter().map(|rule| rule.as_str()).collect()
}

/// The JSON of `sources`: a source that was loaded, one that was not and that a rule waits for, or a refused file of
/// which nobody knows the source.
#[derive(Debug, Default, Serialize)]
struct SourceLine<'a> {
    source: Option<&'static str>,
    title: Option<&'static str>,
    file: Option<&'a str>,
    as_of: Option<Date>,
    loaded_at: Option<Timestamp>,
    age_days: Option<i32>,
    /// `null` when it never grows old.
    max_age_days: Option<i32>,
    stale: bool,
    rows: Option<u64>,
    rejected: Option<u64>,
    feeds: Vec<&'static str>,
    rules_off: Vec<RuleOff>,
    never: Vec<&'static str>,
    would_feed: Vec<&'static str>,
    refused_at: Option<Timestamp>,
    reason: Option<&'a str>,
}

impl<'a> SourceLine<'a> {
    fn all(site: &Site, supply: &'a Supply) -> Vec<Self> {
        let loaded = supply.suppliers.iter().map(Self::loaded);
        let others = supply
            .never_loaded(site)
            .into_iter()
            .map(|(source, rules)| Self { would_feed: words(&rules), ..Self::named(source) });
        let refused = supply.refused.iter().map(|PutAside { at, file, why }| Self {
            file: Some(file),
            refused_at: Some(*at),
            reason: Some(why),
            ..Self::default()
        });
        loaded.chain(others).chain(refused).collect()
    }

    fn named(source: Source) -> Self {
        Self { source: Some(source.as_str()), title: Some(source.title()), ..Self::default() }
    }

    fn loaded(supplier: &'a Supplier) -> Self {
        Self {
            file: Some(&supplier.file),
            as_of: Some(supplier.as_of),
            loaded_at: Some(supplier.loaded_at),
            age_days: Some(supplier.age_days),
            max_age_days: supplier.max_age_days,
            stale: supplier.is_stale(),
            rows: Some(supplier.rows),
            rejected: Some(supplier.rejected),
            feeds: fed(&supplier.feeds),
            rules_off: offs(&supplier.feeds),
            never: words(&supplier.never),
            ..Self::named(supplier.source)
        }
    }
}
