//! `explain`: facts with their file and line, the sum behind each date, what was told, what comes next and why.

mod json;

use jiff::civil::Date;

use super::{
    Exit,
    args::{Explain, Format},
    json::line,
    screen::{self, ATTENTION, BOLD, FAINT, anchor_word, at_deadline, distance, hanging, long_day, say, tell},
};
use crate::{
    domain::{facts::Field, names, policy::Rule, register::Subject, snapshot::ContactRole, subject::Address},
    jobs::{
        Site,
        account::{Account, Found, RuleLine, Said, SourcedFact, StageLine, StageState, explain as find},
    },
    store::MessageState,
};

/// Explains one address.
pub async fn explain(site: &Site, options: &Explain, format: Format) -> anyhow::Result<Exit> {
    let address = Address::new(&options.address);
    match find(site, &address).await? {
        Found::Account(account) => match format {
            Format::Json => line(&mut std::io::stdout().lock(), &json::Whole::of(&account))?,
            Format::Text => print(&account, site.today()),
        },
        Found::Unknown(similar) => {
            let said = format!("{address} is in no export that was loaded");
            tell!("{ATTENTION}error{ATTENTION:#}: {}", hanging(&said, 7));
            match similar.as_slice() {
                [] => screen::tip("lapsewatch sources shows which exports were loaded"),
                like => screen::tip(&format!("did you mean {}?", join(like))),
            }
            return Ok(Exit::Failed);
        }
    }
    Ok(Exit::Done)
}

fn join(addresses: &[Address]) -> String {
    addresses.iter().map(Address::as_str).collect::<Vec<_>>().join(" or ")
}

fn print(account: &Account, today: Date) {
    print_head(account, today);
    print_people(account);
    print_facts(account);
    print_rules(account, today);
    print_next(account, today);
    print_told(account);
}

fn print_head(account: &Account, today: Date) {
    let address = account.subject.address();
    match account.subject.facts.display_name().and_then(names::person) {
        Some(name) => say!("{BOLD}{name} <{address}>{BOLD:#}"),
        None => say!("{BOLD}{address}{BOLD:#}"),
    }
    match account.rules.iter().find(|rule| rule.silent.is_none()) {
        Some(rule) => say!("{}", hanging(&sentence(rule, today), 0)),
        None => say!("No rule counts for it now."),
    }
    let is_over = |rule: &&RuleLine| rule.silent.is_some() && rule.dates.deadline_on < today;
    let is_live = account.subject.is_live();
    for rule in account.rules.iter().filter(is_over).filter(|rule| is_live && rule.rule != Rule::Restore) {
        say!("It was to be deleted on {} ({}) and is still live.", long_day(rule.dates.deadline_on), rule.rule);
    }
    say!("");
}

/// `Will be deleted on Tue 24 Nov 2026, in 3 days. Act by Mon 23 Nov 2026.`
fn sentence(rule: &RuleLine, today: Date) -> String {
    let on = rule.dates.deadline_on;
    let what = match rule.rule {
        Rule::Activation | Rule::Inactivity | Rule::Leaver => "Will be deleted on",
        Rule::Password => "The password expires on",
        Rule::Restore => "Deleted; can be restored until",
        Rule::SharedMailbox => "Can be deleted from",
    };
    let about = if rule.dates.is_approximate { " about" } else { "" };
    let by = match on.yesterday() {
        Ok(day) if day > today => format!("by {}", day.strftime("%a %-d %b")),
        _ => "now".to_owned(),
    };
    format!("{what}{about} {}, {}. Act {by}.", long_day(on), distance(today, on))
}

fn print_people(account: &Account) {
    let facts = &account.subject.facts;
    let site_name = account.contacts.iter().find_map(|row| row.site_name.as_deref()).or(facts.org_name());
    if let Some(ods) = facts.ods() {
        let name = site_name.map(names::place).unwrap_or_default();
        say!("{:<11}{name} ({ods})", "Practice");
    }
    for row in account.contacts.iter().filter(|row| row.role == ContactRole::Owner) {
        say!("{:<11}{}", "Owner", row.address);
    }
    for mailbox in &account.mailboxes {
        say!("{:<11}{mailbox}", "Mailbox");
    }
    let read = if account.is_read { "somebody reads this address" } else { "nobody is known to read this address" };
    say!("{:<11}{read}", "Read");
    for refused in &account.refused {
        let said = format!("{} on {}: {}", refused.address, refused.since_on, refused.reply);
        say!("{:<11}{}", "Refused", hanging(&said, 11));
    }
    say!("");
}

/// The facts under the file that said each, in reading order, and under each what was said against it.
fn print_facts(account: &Account) {
    let mut files: Vec<Vec<&SourcedFact>> = Vec::new();
    for known in account.facts.iter().filter(|known| known.field != Field::Address) {
        let is_same = |other: &&mut Vec<&SourcedFact>| other.first().is_some_and(|first| is_of_one_file(first, known));
        match files.iter_mut().find(is_same) {
            Some(file) => file.push(known),
            None => files.push(vec![known]),
        }
    }
    say!("{BOLD}Facts{BOLD:#}");
    for facts in files {
        if let Some(first) = facts.first() {
            say!("  {FAINT}{}{FAINT:#}", hanging(&origin(&first.said), 2));
        }
        facts.into_iter().for_each(print_fact);
    }
    say!("");
}

fn is_of_one_file(one: &SourcedFact, other: &SourcedFact) -> bool {
    let key = |known: &SourcedFact| (known.said.fact.snapshot, known.said.fact.as_of, known.said.fact.source);
    key(one) == key(other)
}

/// `2026-11-20 Mailbox Report.csv: Portal Mailbox Report of 2026-11-20`.
fn origin(said: &Said) -> String {
    let Said { fact, file } = said;
    match file {
        Some(file) => format!("{file}: {} of {}", fact.source.title(), fact.as_of),
        None => format!("concluded from {} of {}", fact.source.title(), fact.as_of),
    }
}

fn print_fact(known: &SourcedFact) {
    let Said { fact, file } = &known.said;
    let field = known.field.as_str().trim_end_matches("_on").replace('_', " ");
    let line = file.as_ref().map_or_else(String::new, |_| format!("line {}", fact.line));
    say!("    {field:<23} {:<37} {FAINT}{line}{FAINT:#}", screen::fit(&fact.value.to_string(), 37));
    for overruled in &known.overruled {
        say!("      {FAINT}{}{FAINT:#}", hanging(&against(overruled), 10));
    }
}

/// `not Active: Graph users of 2026-11-19, users.json:12`.
fn against(overruled: &Said) -> String {
    let Said { fact, file } = overruled;
    let file = file.as_ref().map_or_else(|| "concluded".to_owned(), |file| format!("{file}:{}", fact.line));
    format!("not {}: {} of {}, {file}", fact.value, fact.source.title(), fact.as_of)
}

fn print_rules(account: &Account, today: Date) {
    for rule in &account.rules {
        print_rule(rule, &account.subject, today);
    }
    for rule in &account.no_date {
        say!("{BOLD}{rule}{BOLD:#}: applies, but no file gives a date to count from\n");
    }
}

fn print_rule(rule: &RuleLine, subject: &Subject, today: Date) {
    let dates = rule.dates;
    say!("{BOLD}{}{BOLD:#}", rule.rule);
    let guess = if dates.is_approximate { "  (a guess: no file says)" } else { "" };
    say!("  {}  {}{guess}", dates.anchor_on, anchor_word(rule.rule, subject));
    if let Some(inactive_on) = dates.inactive_on {
        let days = screen::days_between(dates.anchor_on, inactive_on);
        say!("  {inactive_on}  {:<24} +{days} days", "inactive");
    }
    let days = screen::days_between(dates.anchor_on, dates.deadline_on);
    say!(
        "  {}  {:<24} +{days} days, {}",
        dates.deadline_on,
        at_deadline(rule.rule),
        distance(today, dates.deadline_on)
    );
    if let Some(why) = rule.silent {
        say!("  silent: {why}");
    }
    if let Some(why) = &rule.kept_back {
        say!("  silent: {}", hanging(why, 10));
    }
    for stage in &rule.stages {
        print_stage(stage, rule.silent.is_some() || rule.kept_back.is_some());
    }
    say!("");
}

/// Columns for a stage's name and the sum behind its day.
const STAGE_WIDTH: usize = 41;

fn print_stage(stage: &StageLine, is_silent: bool) {
    let moved = if stage.fires_on == stage.nominal_on {
        String::new()
    } else {
        format!(" (not {})", stage.nominal_on.strftime("%a %-d %b"))
    };
    let stands = match stage.state {
        StageState::Told(day) => format!("told {day}"),
        StageState::Held(day) => format!("held {day}"),
        StageState::PassedOver(day) => format!("passed over {day}"),
        StageState::Due | StageState::Overtaken | StageState::ToCome if is_silent => "silent".to_owned(),
        StageState::Due => "due".to_owned(),
        StageState::Overtaken => "overtaken".to_owned(),
        StageState::ToCome => "to come".to_owned(),
    };
    let sum = format!("{}, {}", stage.name, stage.sum);
    let whole = format!("{sum}{moved}");
    let what = if whole.chars().count() <= STAGE_WIDTH { whole } else { screen::fit(&sum, STAGE_WIDTH) };
    say!("    {}  {what:<STAGE_WIDTH$} {stands}", stage.fires_on);
}

fn print_next(account: &Account, today: Date) {
    say!("{BOLD}Next{BOLD:#}");
    match &account.next {
        None if account.rules.iter().any(|rule| rule.kept_back.is_some()) => {
            say!("  nothing while that lasts: see above why it is silent\n");
        }
        None => say!("  nothing: no stage is left to tell\n"),
        Some(next) => {
            let on = long_day(next.on);
            say!("  {on} ({}): {} {}", distance(today, next.on), next.rule, next.stage);
            for recipient in &next.recipients {
                say!("    to {recipient}");
            }
            say!("  because that stage is the next one reached, and was not told in this episode\n");
        }
    }
}

fn print_told(account: &Account) {
    say!("{BOLD}Told{BOLD:#}");
    if account.ledger.is_empty() {
        say!("  nothing yet");
    }
    let mut last = None;
    for told in account.ledger.iter().rev() {
        let what = format!("{}  {} {}", told.on_day, told.notice.rule, told.notice.stage);
        if last.as_ref() != Some(&what) {
            say!("  {what}");
        }
        last = Some(what);
        say!("    {FAINT}{}{FAINT:#}  {:<9}  {}", told.reference, told.state.as_str(), told.recipient);
    }
    if account.ledger.iter().any(|told| told.state == MessageState::Held) {
        say!("  what is held waits for a person: lapsewatch list --held");
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::domain::{
        facts::{Fact, SnapshotId, Value},
        snapshot::Source,
    };

    fn said(word: &str, line: u32) -> Said {
        let (source, as_of) = (Source::GraphUsers, date(2026, 11, 19));
        let fact = Fact { value: Value::Text(word.into()), as_of, source, snapshot: SnapshotId(3), line };
        Said { fact, file: (line > 0).then(|| "users.json".to_owned()) }
    }

    #[test]
    fn what_was_overruled_is_told_with_who_said_it_where_and_when() {
        assert_eq!(against(&said("Active", 12)), "not Active: Graph users of 2026-11-19, users.json:12");
        assert_eq!(against(&said("Deleted", 0)), "not Deleted: Graph users of 2026-11-19, concluded");
        let known = SourcedFact { field: Field::Status, said: said("Deleted", 2), overruled: vec![said("Active", 12)] };
        let json = serde_json::to_value(json::FactLine::of(&known)).expect("JSON");
        let rival = serde_json::json!({
            "value": "Active", "source": "graph_users", "file": "users.json", "line": 12, "as_of": "2026-11-19"
        });
        assert_eq!((&json["value"], &json["overruled"]), (&"Deleted".into(), &serde_json::json!([rival])));
    }
}
