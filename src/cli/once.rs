//! `once`: load the inbox, evaluate, plan, deliver what is due, exit.

use tokio_util::sync::CancellationToken;

use super::{
    Exit,
    args::{Format, Once},
    json::{MessageLine, line},
    load,
    progress::Progress,
    screen::{self, ATTENTION, BOLD, FAINT, counted, day, thousands},
};
use crate::{
    config::Transport,
    domain::message::Message,
    jobs::{
        Site,
        forecast::next_messages,
        observe::Observed,
        plan::Planned,
        run::{Finished, run_dry, run_today},
    },
};

/// How many messages are named on screen.
const MOST_MESSAGES_SHOWN: usize = 15;

/// How many days ahead the next messages are looked for.
const DAYS_AHEAD: usize = 31;

/// Runs today, or says what that would do.
pub async fn once(site: &Site, options: &Once, format: Format) -> anyhow::Result<Exit> {
    if options.dry_run {
        let (observed, planned) = run_dry(site).await?;
        match format {
            Format::Json => print_json(&planned.plan.messages)?,
            Format::Text => print_dry(site, &observed, &planned),
        }
        return Ok(quarantined(&observed));
    }
    let progress = Progress::new();
    let stop = CancellationToken::new();
    let finished = run_today(site, "once", &|file, rows| progress.show(file, rows), &stop).await?;
    drop(progress);
    match format {
        Format::Json => print_json(&finished.planned.plan.messages)?,
        Format::Text => print(site, &finished).await?,
    }
    match &finished.report.delivered.stopped {
        Some(why) => {
            anstream::eprintln!("{ATTENTION}sending stopped{ATTENTION:#}: {why}");
            screen::tip("nothing is lost and nobody was rejected: mend it and run again");
            Ok(Exit::MailRefused)
        }
        None => Ok(quarantined(&finished.observed)),
    }
}

fn quarantined(observed: &Observed) -> Exit {
    if observed.has_quarantined() { Exit::Quarantined } else { Exit::Done }
}

fn print_json(messages: &[Message]) -> std::io::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    messages.iter().try_for_each(|message| line(&mut out, &MessageLine::from(message)))
}

fn print_dry(site: &Site, observed: &Observed, planned: &Planned) {
    print_inbox(observed);
    let today = site.today();
    let messages = &planned.plan.messages;
    anstream::println!("{BOLD}Would send {}{BOLD:#} on {}", counted(messages.len() as u64, "message"), day(today));
    if !messages.is_empty() {
        anstream::println!();
        screen::messages(messages, today, usize::MAX);
    }
    anstream::println!("\nDry run: nothing was loaded, saved or sent.");
}

async fn print(site: &Site, finished: &Finished) -> anyhow::Result<()> {
    print_inbox(&finished.observed);
    print_sent(site, finished);
    print_lines(site, finished);
    print_next(site, finished).await?;
    print_where(site, finished);
    Ok(())
}

fn print_inbox(observed: &Observed) {
    for report in &observed.loads {
        load::print(report);
    }
    for (file, why) in &observed.left {
        anstream::println!("{BOLD}{file}{BOLD:#}: {why}");
    }
    if observed.loads.is_empty() && observed.left.is_empty() {
        anstream::println!("{FAINT}No new files in the inbox.{FAINT:#}");
    }
    anstream::println!();
}

fn print_sent(site: &Site, finished: &Finished) {
    let delivered = &finished.report.delivered;
    let messages = &finished.planned.plan.messages;
    let planned = counted(messages.len() as u64, "message");
    let how = match site.config.mail.transport {
        Transport::Smtp => format!("by {}", site.mailer.describe()),
        Transport::Directory => "as files".to_owned(),
    };
    anstream::println!("{BOLD}{planned} due{BOLD:#} on {}, {} sent {how}", day(finished.on), delivered.accepted);
    let rest = [
        (delivered.deferred, "to be tried again"),
        (delivered.rejected, "refused by the mail server"),
        (delivered.cancelled, "cancelled: they no longer stood"),
        (delivered.unknown, "nobody knows: see lapsewatch list --unknown"),
    ];
    for (count, what) in rest.iter().filter(|(count, _)| *count > 0) {
        anstream::println!("  {ATTENTION}{}{ATTENTION:#} {what}", thousands(*count));
    }
    if !messages.is_empty() {
        anstream::println!();
        screen::messages(messages, finished.on, MOST_MESSAGES_SHOWN);
    }
    anstream::println!();
}

/// What the operator should look at besides the messages.
fn print_lines(site: &Site, finished: &Finished) {
    let report = &finished.report;
    let lines = [
        (report.operator_only, "finding", "that nobody but the operator reads about"),
        (report.overdue, "account", "past a deadline and still live: lapsewatch list --overdue"),
        (report.no_date, "rule", "without a date to count from"),
        (report.missing, "account", "missing from the last two reports"),
    ];
    let _ = site;
    for (count, what, why) in lines.iter().filter(|(count, ..)| *count > 0) {
        anstream::println!("{ATTENTION}!{ATTENTION:#} {} {why}", counted(*count, what));
    }
}

async fn print_next(site: &Site, finished: &Finished) -> anyhow::Result<()> {
    let told = site.store.load_told().await?;
    let register = finished.planned.register.clone();
    let next = next_messages(&site.config, register, told, finished.on, DAYS_AHEAD);
    match next {
        Some((on, messages)) => {
            let count = counted(messages.len() as u64, "message");
            anstream::println!("{BOLD}Next{BOLD:#}   {}: {count}, if nothing changes", day(on));
        }
        None => anstream::println!("{BOLD}Next{BOLD:#}   nothing in the next {DAYS_AHEAD} days, if nothing changes"),
    }
    Ok(())
}

fn print_where(site: &Site, finished: &Finished) {
    let config = &site.config;
    if config.mail.transport == Transport::Directory {
        anstream::println!("{BOLD}Look{BOLD:#}   the messages are in {}", screen::path(&config.mail.directory));
    }
    let first = finished.planned.plan.messages.first().and_then(|message| message.notices.first());
    if let Some(notice) = first {
        anstream::println!("       why one was sent: lapsewatch explain {}", notice.subject);
    }
}
