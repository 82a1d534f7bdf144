//! The fields of messages about several accounts: the digest and the operator's message of a run.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde::Serialize;

use super::{
    brief::{Brief, NoticeBrief, Voice},
    clean,
    day::{Day, last_day},
    view::{self, Account, Common, Helpdesk, Practice},
};
use crate::domain::{
    message::Reason,
    policy::{Rule, Rung},
};

/// More practices than this share one table: a table has a heading of its own, and a message a size.
const MOST_TABLES: usize = 8;

/// One row: an account and what happens to it.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// A name, "Shared mailbox", or none where only the address is known.
    pub name: Option<String>,
    /// The address; none where it would tell the name.
    pub address: Option<String>,
    /// The practice, where the table has several.
    pub site: Option<String>,
    /// `23 November`, or `Today`.
    pub by: String,
    /// `Will be deleted on 24 November`.
    pub what: String,
    /// Why nobody was told, where that is so.
    pub why: Option<String>,
}

/// The rows of one practice.
#[derive(Debug, Clone, Serialize)]
pub struct Block {
    /// The practice.
    pub caption: String,
    /// Soonest first.
    pub rows: Vec<Row>,
}

/// One helpdesk of a digest, with the practices that it serves.
#[derive(Debug, Clone, Serialize)]
pub struct Desk {
    /// Who administers these accounts.
    #[serde(flatten)]
    pub helpdesk: Helpdesk,
    /// `Example Opticians and Example Eyecare`.
    pub sites: String,
    /// One of its accounts was deleted.
    pub deleted: bool,
}

/// The fields of a digest.
#[derive(Debug, Clone, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a question that content files ask")]
pub struct Digest {
    /// Those of every message.
    #[serde(flatten)]
    pub common: Common,
    /// How many accounts.
    pub accounts: usize,
    /// The soonest day to act by.
    pub first_by: Day,
    /// Whose it is.
    pub first_name: String,
    /// A table for each practice.
    pub blocks: Vec<Block>,
    /// How many rows did not fit.
    pub more: usize,
    /// The one helpdesk; none when there are several.
    pub helpdesk: Option<Helpdesk>,
    /// All of them.
    pub helpdesks: Vec<Desk>,
    /// Some account needs to be used.
    pub unused: bool,
    /// Some account was never used.
    pub never_used: bool,
    /// Some shared mailbox needs to send.
    pub quiet: bool,
    /// Some password ends.
    pub passwords: bool,
    /// Some account is marked as a leaver's.
    pub leavers: bool,
    /// How many accounts were deleted.
    pub deleted: usize,
}

impl Digest {
    /// A digest of at most so many rows.
    #[must_use]
    pub fn of(brief: &Brief, voice: &Voice, most_rows: usize) -> Self {
        let hidden = view::hides_names(brief, voice);
        let notices = soonest_first(&brief.notices, brief.today);
        let shown = notices.get(..most_rows).unwrap_or(&notices);
        let has = |rules: &[Rule]| brief.notices.iter().any(|notice| rules.contains(&notice.rule));
        let helpdesks = desks(&brief.notices);
        let first = notices.first();
        Self {
            common: Common::of(brief, voice),
            accounts: subjects(&brief.notices),
            first_by: first.map_or_else(|| Day::new(brief.today, false), |first| view::act_by(first, brief.today)),
            first_name: first.map(|first| Account::of(first, hidden).name).unwrap_or_default(),
            blocks: blocks(shown, brief.today, hidden),
            more: notices.len().saturating_sub(most_rows),
            helpdesk: if let [only] = helpdesks.as_slice() { Some(only.helpdesk.clone()) } else { None },
            helpdesks,
            unused: has(&[Rule::Inactivity]),
            never_used: has(&[Rule::Activation]),
            quiet: has(&[Rule::SharedMailbox]),
            passwords: has(&[Rule::Password]),
            leavers: has(&[Rule::Leaver]),
            deleted: brief.notices.iter().filter(|notice| notice.rule == Rule::Restore).count(),
        }
    }
}

fn soonest_first(notices: &[NoticeBrief], today: Date) -> Vec<&NoticeBrief> {
    let mut sorted: Vec<&NoticeBrief> = notices.iter().collect();
    sorted.sort_by_key(|notice| view::next_on(notice, today));
    sorted
}

fn subjects(notices: &[NoticeBrief]) -> usize {
    notices.iter().map(|notice| notice.subject.address.as_str()).collect::<BTreeSet<_>>().len()
}

/// A table for each practice, the soonest first; one for all when there are many.
fn blocks(notices: &[&NoticeBrief], today: Date, hidden: bool) -> Vec<Block> {
    let key = |notice: &NoticeBrief| notice.site.as_ref().map(|site| clean::code(&site.ods));
    let mut order: Vec<Option<String>> = Vec::new();
    for notice in notices {
        let key = key(notice);
        if !order.contains(&key) {
            order.push(key);
        }
    }
    if order.len() > MOST_TABLES {
        let rows = notices.iter().map(|notice| Row::of(notice, today, hidden, true)).collect();
        return vec![Block { caption: format!("Accounts at {} practices", order.len()), rows }];
    }
    let of = |wanted: &Option<String>| notices.iter().filter(|notice| key(notice) == *wanted).collect::<Vec<_>>();
    let block = |wanted: &Option<String>| {
        let notices = of(wanted);
        let rows = notices.iter().map(|notice| Row::of(notice, today, hidden, false)).collect();
        Block { caption: caption(notices.first().copied(), order.len()), rows }
    };
    order.iter().map(block).collect()
}

fn caption(notice: Option<&&NoticeBrief>, tables: usize) -> String {
    let practice = notice.and_then(|notice| notice.site.as_ref()).map(|site| Practice::of(site).label);
    practice.unwrap_or_else(|| if tables > 1 { "Other accounts" } else { "Accounts" }.to_owned())
}

impl Row {
    fn of(notice: &NoticeBrief, today: Date, hidden: bool, with_site: bool) -> Self {
        let account = Account::of(notice, hidden);
        let name = match (account.shared, account.named || account.address.is_none()) {
            (true, _) => Some("Shared mailbox".to_owned()),
            (false, true) => Some(account.name),
            (false, false) => None,
        };
        let site = notice.site.as_ref().filter(|_| with_site).map(Practice::of);
        Self {
            name,
            address: account.address,
            site: site.map(|site| format!("{} ({})", site.name, site.ods)),
            by: view::act_by(notice, today).cell,
            what: view::what(notice, today, "%-d %B"),
            why: None,
        }
    }
}

/// The helpdesks of a digest in the order of their accounts, each with its practices.
fn desks(notices: &[NoticeBrief]) -> Vec<Desk> {
    let mut desks: Vec<(Helpdesk, Vec<String>, bool)> = Vec::new();
    for notice in notices {
        let (helpdesk, deleted) = (Helpdesk::of(&notice.helpdesk), notice.rule == Rule::Restore);
        let site = notice.site.as_ref().map_or_else(|| "the other accounts".to_owned(), |site| Practice::of(site).name);
        match desks.iter_mut().find(|(known, ..)| *known == helpdesk) {
            Some((_, sites, any)) => {
                *any |= deleted;
                if !sites.contains(&site) {
                    sites.push(site);
                }
            }
            None => desks.push((helpdesk, vec![site], deleted)),
        }
    }
    desks.into_iter().map(|(helpdesk, sites, deleted)| Desk { helpdesk, sites: spoken(&sites), deleted }).collect()
}

/// `a`, `a and b`, `a, b and c`, `a, b, c and 4 more`.
fn spoken(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [some @ .., last] if words.len() <= 4 => format!("{} and {last}", some.join(", ")),
        many => {
            let (shown, rest) = many.split_at(3);
            format!("{} and {} more", shown.join(", "), rest.len())
        }
    }
}

/// One line of the counts.
#[derive(Debug, Clone, Serialize)]
pub struct Count {
    /// The concern, in words.
    pub rule: &'static str,
    /// The stage's name.
    pub stage: String,
    /// How many accounts.
    pub accounts: usize,
}

/// The fields of the operator's message.
#[derive(Debug, Clone, Serialize)]
pub struct Run {
    /// Those of every message.
    #[serde(flatten)]
    pub common: Common,
    /// The day of the run.
    pub today: Day,
    /// How many accounts.
    pub accounts: usize,
    /// The soonest day to act by.
    pub first_by: Day,
    /// How many, by rule and stage.
    pub counts: Vec<Count>,
    /// Accounts of which nobody but the operator reads.
    pub alone: Vec<Row>,
    /// How many these are.
    pub alone_accounts: usize,
    /// The others.
    pub rows: Vec<Row>,
    /// How many rows did not fit.
    pub more: usize,
    /// Some row's last day to act is past.
    pub late: bool,
}

impl Run {
    /// The operator's message of a run, of at most so many rows.
    #[must_use]
    pub fn of(brief: &Brief, voice: &Voice, most_rows: usize) -> Self {
        let notices = soonest_first(&brief.notices, brief.today);
        let (alone, others): (Vec<_>, Vec<_>) = notices.iter().copied().partition(|notice| reads_alone(notice));
        let row = |notice: &&NoticeBrief| Row::of(notice, brief.today, view::hides_names(brief, voice), true);
        let shown: Vec<Row> = alone.iter().take(most_rows).map(row).collect();
        let left = most_rows.saturating_sub(shown.len());
        let first = notices.first().map_or(brief.today, |first| view::next_on(first, brief.today));
        Self {
            common: Common::of(brief, voice),
            today: Day::new(brief.today, false),
            accounts: subjects(&brief.notices),
            first_by: Day::act_by(first, brief.today),
            counts: counts(&brief.notices),
            alone: shown,
            alone_accounts: alone.iter().map(|notice| &notice.subject.address).collect::<BTreeSet<_>>().len(),
            rows: others.iter().take(left).map(row).collect(),
            more: notices.len().saturating_sub(most_rows),
            late: notices.iter().any(|notice| last_day(view::next_on(notice, brief.today)) < brief.today),
        }
    }
}

/// The operator joined because nobody else reads it.
fn reads_alone(notice: &NoticeBrief) -> bool {
    notice.rung == Rung::Operator && notice.reason == Reason::Reach
}

fn counts(notices: &[NoticeBrief]) -> Vec<Count> {
    let mut counts: BTreeMap<(Rule, &str), BTreeSet<&str>> = BTreeMap::new();
    for notice in notices {
        counts.entry((notice.rule, notice.stage.as_str())).or_default().insert(&notice.subject.address);
    }
    let count = |((rule, stage), accounts): ((Rule, &str), BTreeSet<&str>)| Count {
        rule: words(rule),
        stage: clean::line(stage, 30),
        accounts: accounts.len(),
    };
    counts.into_iter().map(count).collect()
}

const fn words(rule: Rule) -> &'static str {
    match rule {
        Rule::Activation => "Never used",
        Rule::Inactivity => "Not used",
        Rule::Leaver => "Marked as a leaver",
        Rule::Password => "Password",
        Rule::Restore => "Deleted",
        Rule::SharedMailbox => "Shared mailbox",
    }
}
