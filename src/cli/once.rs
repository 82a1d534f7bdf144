//! `once`: load the inbox, evaluate, plan, deliver what is due, exit.

use jiff::{SignedDuration, Timestamp, civil::Date};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{
    Exit,
    args::{Format, Once},
    held,
    json::{MessageLine, line},
    load,
    progress::Progress,
    screen::{self, ATTENTION, BOLD, FAINT, counted, day, hanging, say, tell, thousands},
};
use crate::{
    config::Transport,
    domain::plan::Plan,
    jobs::{
        Site,
        deliver::recover,
        forecast::{Forecast, forecast},
        load::LoadOutcome,
        observe::Observed,
        plan::Planned,
        retention::Removed,
        run::{Finished, run_dry, run_today},
    },
    store::MessageState,
};

/// A lease that ended so long ago was left by a program that is gone, whatever its clock says.
const LONG_GONE: SignedDuration = SignedDuration::from_mins(10);

/// How many messages are named on screen.
const MOST_MESSAGES_SHOWN: usize = 15;

/// How many days ahead the next messages are looked for.
const DAYS_AHEAD: i32 = 31;

/// How many accounts are looked at for that: a run at the size of a country does not wait for it.
const MOST_LOOKS_AHEAD: usize = 2_000;

/// Runs today, or says what that would do.
pub async fn once(site: &Site, options: &Once, format: Format) -> anyhow::Result<Exit> {
    if options.dry_run {
        let (observed, planned) = run_dry(site).await?;
        match format {
            Format::Json => print_json(&observed, &planned.plan)?,
            Format::Text => print_dry(site, &observed, &planned),
        }
        return Ok(ending(&planned, &observed));
    }
    let progress = Progress::new();
    let stop = stopping_on_signal()?;
    recover(site, left_behind(site)).await?;
    let finished = run_today(site, "once", &|file, rows| progress.show(file, rows), &stop).await?;
    drop(progress);
    match format {
        Format::Json => print_json(&finished.observed, &finished.planned.plan)?,
        Format::Text => print(site, &finished).await?,
    }
    let delivered = &finished.report.delivered;
    if let Some(why) = &delivered.stopped {
        tell!("{ATTENTION}sending stopped{ATTENTION:#}: {}", hanging(why, 17));
        screen::tip("nothing is lost and nobody was rejected: mend it and run again");
    }
    if delivered.unknown > 0 {
        let unknown = counted(delivered.unknown, "message");
        tell!("{ATTENTION}nobody knows{ATTENTION:#} whether {unknown} went: the mail server never said");
        screen::tip("last warnings are sent again by themselves; the others: lapsewatch list --unknown");
    }
    let is_refused = delivered.stopped.is_some() || delivered.unknown > 0;
    let held = site.store.list_held_runs().await?;
    Ok(match ending(&finished.planned, &finished.observed) {
        _ if is_refused => Exit::MailRefused,
        _ if !held.is_empty() => Exit::Held,
        ending => ending,
    })
}

/// Leases that end by this instant belong to programs that are gone: all of them where the store's lock makes us the
/// only one, else those that nobody has renewed for long.
fn left_behind(site: &Site) -> Timestamp {
    let now = site.clock.now();
    if site.store.is_shared() { now.checked_sub(LONG_GONE).unwrap_or(now) } else { Timestamp::MAX }
}

/// A token that SIGTERM or SIGINT cancels: the message under way is finished, the rest stays in the outbox.
fn stopping_on_signal() -> std::io::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let asked = stop.clone();
    tokio::spawn(async move {
        tokio::select! { _ = terminate.recv() => (), _ = interrupt.recv() => () }
        asked.cancel();
    });
    Ok(stop)
}

fn ending(planned: &Planned, observed: &Observed) -> Exit {
    if planned.hold.is_some() || observed.has_doubted() {
        Exit::Held
    } else if observed.has_quarantined() || observed.has_stuck() {
        Exit::Quarantined
    } else {
        Exit::Done
    }
}

/// The messages as lines; what is wrong with files goes to standard error, out of the way of scripts.
fn print_json(observed: &Observed, plan: &Plan) -> std::io::Result<()> {
    for report in observed.loads.iter().filter(|report| report.outcome == LoadOutcome::Quarantined) {
        let why = format!("{}: {}", report.file, report.reason.as_deref().unwrap_or_default());
        tell!("{ATTENTION}refused{ATTENTION:#}: {}", hanging(&why, 9));
    }
    for (file, why) in &observed.stuck {
        tell!("{ATTENTION}{file} stays in the inbox{ATTENTION:#}: {why}");
    }
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    MessageLine::all(plan).iter().try_for_each(|message| line(&mut out, message))?;
    std::io::Write::flush(&mut out)
}

fn print_dry(site: &Site, observed: &Observed, planned: &Planned) {
    print_inbox(observed);
    let today = site.today();
    let messages = &planned.plan.messages;
    match messages.len() as u64 {
        0 if planned.hold.is_some() => (),
        0 => say!("{BOLD}Nothing is due{BOLD:#} on {}\n", day(today)),
        count => {
            say!("{BOLD}Would send {}{BOLD:#} on {}\n", counted(count, "message"), day(today));
            screen::messages(messages, today, usize::MAX);
            say!("");
        }
    }
    print_held(planned, "Would hold", today, usize::MAX);
    if print_lines(planned) {
        say!("");
    }
    say!("Dry run: nothing was loaded, saved or sent.");
}

async fn print(site: &Site, finished: &Finished) -> anyhow::Result<()> {
    print_inbox(&finished.observed);
    print_sent(site, finished);
    print_held(&finished.planned, "Held", finished.on, MOST_MESSAGES_SHOWN);
    if finished.planned.hold.is_some() {
        say!("  see them   lapsewatch list --held");
        held::print_commands();
        say!("");
    }
    print_waiting(site).await?;
    print_lines(&finished.planned);
    print_next(site, finished).await?;
    print_removed(&finished.report.removed);
    print_where(site, finished);
    Ok(())
}

fn print_inbox(observed: &Observed) {
    for report in &observed.loads {
        load::print(report, load::Detail::Brief);
    }
    for (file, why) in &observed.left {
        say!("{BOLD}{file}{BOLD:#}: left in the inbox");
        say!("  {}", hanging(why, 2));
    }
    for (file, why) in &observed.stuck {
        say!("{BOLD}{file}{BOLD:#}: {ATTENTION}stays in the inbox{ATTENTION:#}");
        say!("  {}", hanging(why, 2));
    }
    if observed.loads.is_empty() && observed.left.is_empty() {
        say!("{FAINT}No new files in the inbox.{FAINT:#}");
    }
    say!("");
}

fn print_sent(site: &Site, finished: &Finished) {
    let delivered = &finished.report.delivered;
    let messages = &finished.planned.plan.messages;
    let planned = counted(messages.len() as u64, "message");
    let how = match site.config.mail.transport {
        Transport::Smtp => format!("by {}", site.mailer.describe()),
        Transport::Directory => "as files".to_owned(),
    };
    let own = u64::from(finished.planned.has_bulletin && delivered.stopped.is_none());
    match (messages.len(), delivered.accepted.saturating_sub(own)) {
        (0, 0) if finished.planned.hold.is_some() => return,
        (0, 0) => say!("{BOLD}Nothing is due{BOLD:#} on {}", day(finished.on)),
        (0, sent) => say!("{BOLD}Nothing new{BOLD:#} on {}, {} sent that waited", day(finished.on), thousands(sent)),
        (_, sent) => {
            let said = format!("due on {}, {} sent {how}", day(finished.on), thousands(sent));
            say!("{BOLD}{planned}{BOLD:#} {}", hanging(&said, planned.len() + 1));
        }
    }
    if own > 0 {
        say!("1 message tells the operator what else needs a person");
    }
    let rest = [
        (delivered.deferred, "to be tried again"),
        (delivered.rejected, "refused by the mail server"),
        (delivered.cancelled, "cancelled: they no longer stood"),
        (delivered.unknown, "that nobody knows of: lapsewatch list --unknown"),
    ];
    for (count, what) in rest.iter().filter(|(count, _)| *count > 0) {
        say!("  {ATTENTION}{}{ATTENTION:#} {what}", thousands(*count));
    }
    if !messages.is_empty() {
        say!("");
        screen::messages(messages, finished.on, MOST_MESSAGES_SHOWN);
    }
    say!("");
}

/// What waits for a person, and why.
fn print_held(planned: &Planned, what: &str, today: Date, most: usize) {
    let Some(reasons) = &planned.hold else { return };
    let messages = &planned.plan.held;
    let count = counted(messages.len() as u64, "message");
    say!("{ATTENTION}{what} {count}{ATTENTION:#} of {}: they wait for a person", day(today));
    held::print_reasons(reasons);
    if !messages.is_empty() {
        say!("");
        screen::messages(messages, today, most);
        say!("");
    }
}

/// What the operator should look at besides the messages; whether there is anything.
fn print_lines(planned: &Planned) -> bool {
    let Planned { plan: Plan { report, .. }, totals, .. } = planned;
    for (stale, silent) in report.stale.values() {
        let are = if *silent == 1 { "is" } else { "are" };
        let line = format!("{stale} {} {are} silent for it.", counted(*silent, "finding"));
        say!("{ATTENTION}!{ATTENTION:#} {}", hanging(&line, 2));
    }
    let lines = [
        (report.operator_only.len() as u64, "finding", "that nobody but the operator reads about"),
        (totals.overdue, "account", "past a deadline and still live: lapsewatch list --overdue"),
        (totals.no_date, "rule", "without a date to count from"),
        (totals.missing, "account", "missing from the last two reports"),
    ];
    let lines: Vec<_> = lines.iter().filter(|(count, ..)| *count > 0).collect();
    for (count, what, why) in &lines {
        let line = format!("{} {why}", counted(*count, what));
        say!("{ATTENTION}!{ATTENTION:#} {}", hanging(&line, 2));
    }
    !(report.stale.is_empty() && lines.is_empty())
}

/// What is left in the outbox, and when it is tried again.
async fn print_waiting(site: &Site) -> anyhow::Result<()> {
    let states = site.store.count_messages().await?;
    let is_open = |state: &MessageState| matches!(state, MessageState::Pending | MessageState::Deferred);
    let waiting: u64 = states.iter().filter(|(state, _)| is_open(state)).map(|(_, count)| count).sum();
    if let (1.., Some(at)) = (waiting, site.store.next_attempt_at(false).await?) {
        let zone = site.config.time_zone.clone();
        let earliest = at.max(site.clock.now()).to_zoned(zone);
        let at = site.hours().next_opening(&earliest, false).strftime("%H:%M on %a %-d %b");
        say!("{ATTENTION}!{ATTENTION:#} {} in the outbox, next try at {at}", counted(waiting, "message"));
    }
    let count = |state| states.iter().find(|(found, _)| *found == state).map_or(0, |(_, count)| *count);
    let persons = [
        (count(MessageState::Held), "for a person to approve: lapsewatch list --held"),
        (count(MessageState::Unknown), "for a person to settle: lapsewatch list --unknown"),
    ];
    for (waiting, what) in persons.iter().filter(|(count, _)| *count > 0) {
        say!("{ATTENTION}!{ATTENTION:#} {} wait {what}", counted(*waiting, "message"));
    }
    Ok(())
}

async fn print_next(site: &Site, finished: &Finished) -> anyhow::Result<()> {
    match forecast(site, finished.on.tomorrow()?, DAYS_AHEAD, MOST_LOOKS_AHEAD).await? {
        Forecast::Messages(on, messages) => {
            let count = counted(messages.len() as u64, "message");
            say!("{BOLD}Next{BOLD:#}   {}: {count}, if nothing changes", day(on));
        }
        Forecast::Looks(on, subjects) => {
            say!("{BOLD}Next{BOLD:#}   {}: up to {} to look at", day(on), counted(subjects, "account"));
        }
        Forecast::Nothing => say!("{BOLD}Next{BOLD:#}   nothing in the next {DAYS_AHEAD} days, if nothing changes"),
    }
    Ok(())
}

/// What went for its age; the texts of messages, which go with every run, are not worth a word.
fn print_removed(removed: &Removed) {
    let rows = &removed.rows;
    let kinds = [
        (removed.files, "old export"),
        (rows.subjects, "account"),
        (rows.messages, "message"),
        (rows.records + rows.reports, "other record"),
    ];
    let there: Vec<_> =
        kinds.iter().filter(|(count, _)| *count > 0).map(|(count, what)| counted(*count, what)).collect();
    if !there.is_empty() {
        say!("{BOLD}Removed{BOLD:#} {}", hanging(&format!("{}: kept no longer", there.join(", ")), 8));
    }
    if removed.strange_files > 0 {
        let files = counted(removed.strange_files, "file");
        let line = format!("{files} in archive or quarantine that lapsewatch did not put there: it never removes them");
        say!("{ATTENTION}!{ATTENTION:#} {}", hanging(&line, 2));
    }
    for failure in &removed.failures {
        say!("{ATTENTION}!{ATTENTION:#} {}", hanging(&format!("not removed: {failure}"), 2));
    }
}

fn print_where(site: &Site, finished: &Finished) {
    if finished.report.delivered.accepted == 0 {
        return;
    }
    let config = &site.config;
    if config.mail.transport == Transport::Directory {
        let place = format!("the messages are in {}", screen::path(&config.mail.directory));
        say!("{BOLD}Look{BOLD:#}   {}", hanging(&place, 7));
    }
    let first = finished.planned.plan.messages.first().and_then(|message| message.notices.first());
    if let Some(notice) = first {
        say!("       why one was sent: {}", hanging(&format!("lapsewatch explain {}", notice.subject), 25));
    }
}
