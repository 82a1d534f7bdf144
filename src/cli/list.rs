//! `list`: subjects that need action, soonest first; or messages that need a person.

use std::collections::{BTreeSet, HashMap};

use jiff::civil::Date;
use serde::Serialize;

use super::{
    Exit,
    args::{Format, List},
    held,
    json::{StoredLine, line},
    screen::{self, BOLD, FAINT, fit, hanging, in_short, say},
};
use crate::{
    domain::{
        coverage::{self, Gap},
        evaluate,
        plan::settle,
        policy::Rule,
        register::{Register, SubjectId},
    },
    jobs::{
        self, Site,
        hold::HoldReasons,
        survey::awake,
        window::{PART, Window},
    },
    store::{MessageState, OpenEpisode, RunRow, StoredMessage},
};

/// A subject that needs action; the JSON of `list`.
#[derive(Debug, Serialize)]
struct SubjectLine {
    subject: String,
    rule: &'static str,
    stage: Option<String>,
    anchor_on: Date,
    deadline_on: Date,
    /// The day on which somebody was last told of the stage; `null` when nobody was.
    told: Option<Date>,
    /// Why it is on the coverage list; left out elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
    #[serde(skip)]
    gap: Option<Gap>,
}

/// Lists what was asked for.
pub async fn list(site: &Site, options: &List, format: Format) -> anyhow::Result<Exit> {
    if options.held {
        return list_held(site, format).await;
    }
    if options.unknown {
        return list_unknown(site, format).await;
    }
    let lines = if options.coverage { uncovered(site).await? } else { subjects(site, options).await? };
    match format {
        Format::Json => lines.iter().try_for_each(|row| line(&mut std::io::stdout().lock(), row))?,
        Format::Text if lines.is_empty() && site.store.find_revision().await?.snapshot == 0 => {
            say!("Nothing has been loaded yet, so nothing is known: put an export into the inbox.");
        }
        Format::Text => print_subjects(&lines, site.today(), options),
    }
    Ok(Exit::Done)
}

async fn subjects(site: &Site, options: &List) -> anyhow::Result<Vec<SubjectLine>> {
    let (told, planning) = (last_told(site).await?, site.planning(site.today()));
    let standings = site.store.load_standings().await?;
    let mut window = Window::open(site.store.as_ref()).await?;
    // Nobody else can have a finding: a run opened an episode for everybody who had one, and wakes who may get one.
    let awake = awake(site, &mut window, &standings, planning.today).await?.0.subjects;
    let open = window.reading().list_open().await?;
    let asked: Vec<_> = awake.into_iter().chain(open).collect::<BTreeSet<_>>().into_iter().collect();
    let mut lines = Vec::new();
    for some in asked.chunks(PART) {
        let mut part = window.part(some).await?;
        settle(planning, &mut part);
        lines.extend(part.subjects().flat_map(|subject| subject_lines(site, &part, subject, &told)));
    }
    lines.retain(|row| !options.overdue || row.deadline_on < planning.today);
    lines.sort_by(|a, b| (a.deadline_on, &a.subject, a.rule).cmp(&(b.deadline_on, &b.subject, b.rule)));
    Ok(lines)
}

/// The coverage list (domain rule 27), the very one that the operator's message tells.
async fn uncovered(site: &Site) -> anyhow::Result<Vec<SubjectLine>> {
    let told = last_told(site).await?;
    let standings = site.store.load_standings().await?;
    let coverage = jobs::coverage::coverage(site, &standings, None, usize::MAX).await?;
    let row = |line: coverage::Uncovered| {
        Some(SubjectLine {
            subject: coverage.register.find(line.subject)?.address().as_str().to_owned(),
            rule: line.rule.as_str(),
            stage: line.stage.map(|stage| stage.as_str().to_owned()),
            anchor_on: line.anchor_on,
            deadline_on: line.deadline_on,
            told: told.get(&(line.subject, line.rule)).copied(),
            why: Some(line.gap.as_str()),
            gap: Some(line.gap),
        })
    };
    Ok(coverage.lines.into_iter().filter_map(row).collect())
}

/// The day on which a mail server last accepted a notice of each open episode.
async fn last_told(site: &Site) -> anyhow::Result<HashMap<(SubjectId, Rule), Date>> {
    let days: HashMap<_, _> = site.store.list_told_days().await?.into_iter().collect();
    let episodes = site.store.list_episodes(None).await?;
    let told = |episode: OpenEpisode| Some(((episode.subject, episode.rule), *days.get(&episode.id)?));
    Ok(episodes.into_iter().filter_map(told).collect())
}

fn subject_lines(
    site: &Site,
    register: &Register,
    subject: &crate::domain::register::Subject,
    told: &HashMap<(SubjectId, Rule), Date>,
) -> Vec<SubjectLine> {
    let planning = site.planning(site.today());
    let watched_since = register.sends_watched_since();
    let found = evaluate::findings(planning.policy, planning.calendar, subject, watched_since, planning.today);
    let stands = |finding: &evaluate::Finding| {
        let is_live = subject.is_live() || finding.rule == Rule::Restore;
        let is_over = finding.rule == Rule::Restore && finding.dates.deadline_on < planning.today;
        is_live && !is_over
    };
    let row = |finding: evaluate::Finding| SubjectLine {
        subject: subject.address().as_str().to_owned(),
        rule: finding.rule.as_str(),
        stage: finding.tightest().map(|showing| showing.name.as_str().to_owned()),
        anchor_on: finding.dates.anchor_on,
        deadline_on: finding.dates.deadline_on,
        told: told.get(&(subject.id, finding.rule)).copied(),
        why: None,
        gap: None,
    };
    found.into_iter().filter(stands).map(row).collect()
}

fn print_subjects(lines: &[SubjectLine], today: Date, options: &List) {
    if lines.is_empty() {
        let what = match (options.overdue, options.coverage) {
            (true, _) => "No live account is past a deadline.",
            (_, true) => "Somebody was told of everything that is near.",
            _ => "No account needs action.",
        };
        say!("{what}");
        return;
    }
    say!("{BOLD}{:<10} {:<30} {:<26} {}{BOLD:#}", "DEADLINE", "SUBJECT", "WHAT", "TOLD");
    for row in lines {
        let what = Rule::parse(row.rule).map_or_else(String::new, |rule| in_short(rule, today, row.deadline_on));
        let told = row.told.map_or_else(|| "nobody".to_owned(), |day| day.to_string());
        let subject = fit(&row.subject, 30);
        say!("{:<10} {subject:<30} {what:<26} {told}", row.deadline_on.to_string());
        if let Some(gap) = row.gap {
            say!("           {FAINT}{}{FAINT:#}", gap.words());
        }
    }
    say!("{FAINT}{}. Why: lapsewatch explain ADDRESS{FAINT:#}", screen::counted(lines.len() as u64, "line"));
}

async fn list_unknown(site: &Site, format: Format) -> anyhow::Result<Exit> {
    let messages = site.store.list_messages(&[MessageState::Unknown]).await?;
    match format {
        Format::Json => print_lines(&messages)?,
        Format::Text if messages.is_empty() => say!("No message is of unknown outcome."),
        Format::Text => {
            messages.iter().for_each(print_message);
            say!("{FAINT}Ask the recipient, then: lapsewatch settle REFERENCE accepted, resend or drop{FAINT:#}");
        }
    }
    Ok(Exit::Done)
}

/// Held messages, run by run, with the reasons.
async fn list_held(site: &Site, format: Format) -> anyhow::Result<Exit> {
    let messages = site.store.list_messages(&[MessageState::Held]).await?;
    let runs = site.store.list_held_runs().await?;
    match format {
        Format::Json => print_lines(&messages)?,
        Format::Text if runs.is_empty() => say!("No message is held."),
        Format::Text => {
            for run in &runs {
                print_run(run, messages.iter().filter(|message| message.run == run.id).collect());
            }
            held::print_commands();
        }
    }
    Ok(Exit::Done)
}

fn print_run(run: &RunRow, messages: Vec<&StoredMessage>) {
    let count = screen::counted(messages.len() as u64, "message");
    say!("{BOLD}Run {} of {}{BOLD:#}: {count}", run.id.0, screen::day(run.on_day));
    if let Some(hold) = &run.hold {
        held::print_reasons(&HoldReasons::read(&hold.why));
    }
    say!("");
    messages.into_iter().for_each(print_message);
    say!("");
}

fn print_lines(messages: &[StoredMessage]) -> std::io::Result<()> {
    messages.iter().try_for_each(|message| line(&mut std::io::stdout().lock(), &StoredLine::from(message)))
}

fn print_message(stored: &StoredMessage) {
    let (kind, recipient) = (stored.message.kind.as_str(), &stored.message.recipient);
    say!("{BOLD}{}{BOLD:#}  {kind} to {recipient}, {}", stored.reference, stored.state.as_str());
    for notice in &stored.message.notices {
        say!("  {} {} {}, {}", notice.subject, notice.rule, notice.stage, notice.deadline_on);
    }
    if let Some(reply) = &stored.reply {
        say!("  {FAINT}{}{FAINT:#}", hanging(reply, 2));
    }
}
