//! `check`: configuration, messages, data and mail server; every problem at once. Changes nothing.

use std::{path::Path, time::Duration};

use jiff::civil::Date;

use super::{
    Exit, Invocation, args,
    screen::{ATTENTION, BOLD, counted, hanging, say},
};
use crate::{
    app,
    config::{Config, Problem, Transport, are_credentials_hidden},
    jobs::{deliver::renderer, inbox::look_around},
    mail::sender::expiries,
    store::StoreError,
};

/// How long a mail server may take to answer a check, in seconds.
const MAIL_SERVER_WAIT_SECS: u64 = 10;

/// Where the text of a line begins.
const COLUMN: usize = 19;

/// Checks what can be checked and says it line by line; errors only, when the caller wants it quiet.
pub async fn check(
    config: Config,
    warnings: &[Problem],
    context: &Invocation,
    options: args::Check,
) -> anyhow::Result<Exit> {
    let today = context.clock.today(&config.time_zone);
    let mut tally = Tally { is_quiet: context.arguments.quiet, ..Tally::default() };
    for warning in warnings {
        tally.say(&warning.render(true));
        tally.warnings += 1;
    }
    tally.ok("config", "every key is known and every value makes sense");
    check_templates(&config, &mut tally);
    check_inbox(&config.snapshots.inbox, &mut tally);
    if options.offline && are_credentials_hidden() {
        tally.warn("secrets", "only root and the service may see them: what needs them is not checked");
    } else {
        check_data(&config, today, &mut tally).await?;
        check_mail(&config, options.offline, &mut tally).await;
        check_sender(&config, today, &mut tally);
    }
    let warned = counted(tally.warnings, "warning");
    if tally.errors == 0 {
        tally.say(&format!("{warned}. Nothing was sent."));
        Ok(Exit::Done)
    } else {
        tally.say(&format!("{ATTENTION}There are problems{ATTENTION:#}, {warned}. Nothing was sent."));
        Ok(Exit::Configuration)
    }
}

#[derive(Default)]
struct Tally {
    warnings: u64,
    errors: u64,
    /// Only errors are said.
    is_quiet: bool,
}

impl Tally {
    fn say(&self, line: &str) {
        if !self.is_quiet {
            say!("{line}");
        }
    }

    fn ok(&self, what: &str, text: &str) {
        self.say(&format!("{BOLD}ok{BOLD:#}    {what:<12} {}", hanging(text, COLUMN)));
    }

    fn error(&mut self, what: &str, text: &str) {
        self.errors += 1;
        say!("{ATTENTION}error{ATTENTION:#} {what:<12} {}", hanging(text, COLUMN));
    }

    fn warn(&mut self, what: &str, text: &str) {
        self.warnings += 1;
        self.say(&format!("{ATTENTION}warn{ATTENTION:#}  {what:<12} {}", hanging(text, COLUMN)));
    }
}

/// Renders every message.
fn check_templates(config: &Config, tally: &mut Tally) {
    let renderer = match renderer(config) {
        Ok(renderer) => renderer,
        Err(error) => return tally.error("messages", &error.to_string()),
    };
    let problems = renderer.check();
    for problem in problems.iter().filter(|problem| !problem.warning) {
        tally.error("messages", &problem.to_string());
    }
    for problem in problems.iter().filter(|problem| problem.warning) {
        tally.warn("messages", &problem.to_string());
    }
    if problems.iter().all(|problem| problem.warning) {
        let count = counted(renderer.samples(None).len() as u64, "sample");
        tally.ok("messages", &format!("{count} written, no field missing, no links"));
    }
}

/// Looks into the inbox; a check makes none. A folder that is not there may be one that is spelt wrong.
fn check_inbox(inbox: &Path, tally: &mut Tally) {
    if let Err(error) = std::fs::metadata(inbox)
        && error.kind() == std::io::ErrorKind::NotFound
    {
        let place = inbox.display();
        return tally.warn(
            "inbox",
            &format!("{place} is not there: it is made on the first run; correct snapshots.inbox if you mean another"),
        );
    }
    match look_around(inbox) {
        Err(failure) => tally.warn("inbox", &failure.to_string()),
        Ok(found) => {
            for passed in &found.passed_over {
                tally.warn("inbox", &format!("{} is not taken: {}", passed.file, passed.why));
            }
            let files = counted(found.files.len() as u64, "file");
            tally.ok("inbox", &format!("{files} in {}", inbox.display()));
        }
    }
}

/// Looks at the store, if there is one; a check makes none.
async fn check_data(config: &Config, today: Date, tally: &mut Tally) -> Result<(), StoreError> {
    let place = app::place(config)?;
    if place.is_missing() {
        tally.ok("data", "nothing loaded yet: the database is made on the first run");
        return Ok(());
    }
    let store = place.open_to_read().await?;
    let mut reading = store.begin_reading().await?;
    let (totals, files) = (reading.count(today).await?, reading.count_snapshots().await?);
    drop(reading);
    store.close().await;
    let (accounts, files) = (counted(totals.subjects, "account"), counted(files, "file"));
    tally.ok("data", &format!("{accounts} from {files}, today is {today}"));
    Ok(())
}

/// Tries the mail server, unless that is not wanted. What the settings name for it must be there: without it the daemon
/// does not start.
async fn check_mail(config: &Config, offline: bool, tally: &mut Tally) {
    let mailer = match app::mailer(config) {
        Ok(_) if offline => return,
        Ok(mailer) => mailer,
        Err(error) => return tally.error("mail", &error.to_string()),
    };
    let wait = Duration::from_secs(MAIL_SERVER_WAIT_SECS);
    match tokio::time::timeout(wait, mailer.probe()).await {
        Ok(Ok(())) if config.mail.transport == Transport::Directory => {
            tally.ok("mail", &format!("{}; nobody is mailed until mail.transport is \"smtp\"", mailer.describe()));
        }
        Ok(Ok(())) => tally.ok("mail", &mailer.describe()),
        Ok(Err(error)) => tally.warn("mail", &error.to_string()),
        Err(_) => tally.warn("mail", &format!("{} did not answer in {MAIL_SERVER_WAIT_SECS} s", mailer.describe())),
    }
}

/// Looks at what the sender logs in with; what cannot be read was said with the mail already.
fn check_sender(config: &Config, today: Date, tally: &mut Tally) {
    for expiry in expiries(&config.mail, &config.time_zone).unwrap_or_default() {
        let words = expiry.words(today);
        if expiry.is_near(today) { tally.warn("sender", &words) } else { tally.ok("sender", &words) }
    }
}
