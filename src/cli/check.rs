//! `check`: configuration, messages, folders, data, contacts and mail server; every problem at once. Changes nothing.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::civil::Date;
use rustix::fs::{Access, access};

mod findings;

use self::findings::Findings;
pub use self::findings::print_problems;
use super::{
    DEFAULT_CONFIG, Exit, Invocation, args,
    screen::{counted, days_between, thousands},
};
use crate::{
    app,
    config::{Config, Problem, Transport, are_credentials_hidden},
    domain::{contacts::Contacts, policy::Policy, snapshot::Source, subject::Address, words::age},
    jobs::{deliver::renderer, inbox::look_around},
    mail::sender::expiries,
    store::{SnapshotRow, StoreError},
};

/// How long a mail server may take to answer a check, in seconds.
const MAIL_SERVER_WAIT_SECS: u64 = 10;

/// How many mailboxes without an owner are named.
const MOST_NAMED: usize = 3;

/// Checks what can be checked and says it line by line; errors only, when the caller wants it quiet.
pub async fn check(
    config: Config,
    warnings: &[Problem],
    context: &Invocation,
    options: args::Check,
) -> anyhow::Result<Exit> {
    let today = context.clock.today(&config.time_zone);
    let mut findings = Findings::new(context.arguments.format, context.arguments.quiet);
    for warning in warnings {
        findings.problem(warning);
    }
    check_settings(context.settings().file.as_deref(), &mut findings);
    check_templates(&config, &mut findings);
    check_inbox(&config.snapshots.inbox, &mut findings);
    check_folders(&config, &mut findings);
    if options.offline && are_credentials_hidden() {
        findings.warn("secrets", "only root and the service may see them: what needs them is not checked");
    } else {
        check_data(&config, today, &mut findings).await?;
        check_mail(&config, options.offline, &mut findings).await;
        check_sender(&config, today, &mut findings);
    }
    Ok(if findings.conclude() { Exit::Done } else { Exit::Configuration })
}

/// Says which settings these are; what is wrong with them was said before.
fn check_settings(file: Option<&Path>, findings: &mut Findings) {
    match file {
        Some(file) => findings.ok("config", &file.display().to_string()),
        None => findings.warn(
            "config",
            &format!("there is no {DEFAULT_CONFIG}: every setting is built in, of the environment or of --set"),
        ),
    }
}

/// Renders every message.
fn check_templates(config: &Config, findings: &mut Findings) {
    let renderer = match renderer(config) {
        Ok(renderer) => renderer,
        Err(error) => return findings.error("messages", &error.to_string()),
    };
    let problems = renderer.check();
    for problem in problems.iter().filter(|problem| !problem.warning) {
        findings.error("messages", &problem.to_string());
    }
    for problem in problems.iter().filter(|problem| problem.warning) {
        findings.warn("messages", &problem.to_string());
    }
    if problems.iter().all(|problem| problem.warning) {
        let count = counted(renderer.samples(None).len() as u64, "sample");
        findings.ok("messages", &format!("{count} written, no field missing, no links"));
    }
}

/// Looks into the inbox; a check makes none. A folder that is not there may be one that is spelt wrong.
fn check_inbox(inbox: &Path, findings: &mut Findings) {
    if let Err(error) = std::fs::metadata(inbox)
        && error.kind() == io::ErrorKind::NotFound
    {
        let place = inbox.display();
        return findings.warn(
            "inbox",
            &format!("{place} is not there: it is made on the first run; correct snapshots.inbox if you mean another"),
        );
    }
    match look_around(inbox) {
        Err(failure) => findings.warn("inbox", &failure.to_string()),
        Ok(found) => {
            for passed in &found.passed_over {
                findings.warn("inbox", &format!("{} is not taken: {}", passed.file, passed.why));
            }
            let files = counted(found.files.len() as u64, "file");
            findings.ok("inbox", &format!("{files} in {}", inbox.display()));
        }
    }
}

/// Tries whether this user may write where the program writes. The service may be another.
fn check_folders(config: &Config, findings: &mut Findings) {
    let mut closed: BTreeMap<PathBuf, (io::Error, Vec<&str>)> = BTreeMap::new();
    for (key, folder) in folders(config) {
        let there = nearest(folder);
        if let Err(error) = access(there, Access::WRITE_OK | Access::EXEC_OK) {
            closed.entry(there.to_owned()).or_insert_with(|| (error.into(), Vec::new())).1.push(key);
        }
    }
    for (folder, (error, keys)) in closed {
        findings.warn("folders", &format!("you cannot write into {} ({}): {error}", folder.display(), keys.join(", ")));
    }
}

/// The folders that are written into, each with its setting.
fn folders(config: &Config) -> impl Iterator<Item = (&'static str, &Path)> {
    let snapshots = &config.snapshots;
    let database = config.database.url.strip_prefix("sqlite:").filter(|path| !path.starts_with(':'));
    let own = [
        ("database.url", database.map(Path::new).and_then(Path::parent)),
        ("mail.directory", (config.mail.transport == Transport::Directory).then_some(config.mail.directory.as_path())),
    ];
    // Whose exports stay in place moves none.
    let moved = [
        ("snapshots.inbox", &snapshots.inbox),
        ("snapshots.archive", &snapshots.archive),
        ("snapshots.quarantine", &snapshots.quarantine),
    ];
    let moved = moved.into_iter().filter(|_| !snapshots.keep_in_place).map(|(key, folder)| (key, folder.as_path()));
    own.into_iter().filter_map(|(key, folder)| Some((key, folder?))).chain(moved)
}

/// What is not there is made in the nearest folder that is. One that cannot be looked at is there, and closed.
fn nearest(folder: &Path) -> &Path {
    let is_there = |folder: &&Path| folder.try_exists().unwrap_or(true);
    folder.ancestors().find(is_there).filter(|there| !there.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Looks at the store, if there is one; a check makes none.
async fn check_data(config: &Config, today: Date, findings: &mut Findings) -> Result<(), StoreError> {
    let place = app::place(config)?;
    if place.is_missing() {
        findings.ok("data", "nothing loaded yet: the database is made on the first run");
        return Ok(());
    }
    let store = place.open_to_read().await?;
    let mut reading = store.begin_reading().await?;
    let (accounts, lists) = (reading.count(today).await?.subjects, reading.read_lists().await?);
    drop(reading);
    let newest = store.list_newest_snapshots().await?;
    store.close().await;
    let accounts = counted(accounts, "account");
    // Contacts are of no day.
    let exports = newest.iter().filter(|file| file.source != Source::SiteContacts);
    match exports.max_by_key(|file| file.as_of_on) {
        None => findings.ok("data", &format!("{accounts}, no export loaded yet, today is {today}")),
        Some(SnapshotRow { file_name, as_of_on, .. }) => {
            let age = age(days_between(*as_of_on, today));
            findings.ok("data", &format!("{accounts}, the newest export is {file_name} of {as_of_on}, {age}"));
            check_contacts(lists.contacts(), &config.policy, findings);
        }
    }
    Ok(())
}

/// Looks for what only the contacts file can say: who is told when a mailbox is not read any more.
fn check_contacts(contacts: &Contacts, policy: &Policy, findings: &mut Findings) {
    if contacts.rows().is_empty() {
        return findings.warn("contacts", "no contact is known: neither owners nor second addresses");
    }
    let unowned: Vec<_> = contacts.unowned_mailboxes().into_iter().map(Address::as_str).collect();
    if !unowned.is_empty() {
        let (named, more) = unowned.split_at(unowned.len().min(MOST_NAMED));
        let more = if more.is_empty() { String::new() } else { format!(" and {} more", thousands(more.len() as u64)) };
        findings.warn("contacts", &format!("no owner in the contacts file: {}{more}", named.join(", ")));
    }
    // Whose address is elsewhere is reached there (13).
    let people = contacts.people_without_alternate().into_iter().filter(|person| policy.covers(person));
    let single = people.count() as u64;
    if single > 0 {
        findings
            .warn("contacts", &format!("{} without a second address in the contacts file", counted(single, "person")));
    }
}

/// Tries the mail server, unless that is not wanted. What the settings name for it must be there: without it the daemon
/// does not start.
async fn check_mail(config: &Config, offline: bool, findings: &mut Findings) {
    let mailer = match app::mailer(config) {
        Ok(_) if offline => return,
        Ok(mailer) => mailer,
        Err(error) => return findings.error("mail", &error.to_string()),
    };
    let wait = Duration::from_secs(MAIL_SERVER_WAIT_SECS);
    match tokio::time::timeout(wait, mailer.probe()).await {
        Ok(Ok(())) if config.mail.transport == Transport::Directory => {
            findings.ok("mail", &format!("{}; nobody is mailed until mail.transport is \"smtp\"", mailer.describe()));
        }
        Ok(Ok(())) => findings.ok("mail", &mailer.describe()),
        Ok(Err(error)) => findings.warn("mail", &error.to_string()),
        Err(_) => findings.warn("mail", &format!("{} did not answer in {MAIL_SERVER_WAIT_SECS} s", mailer.describe())),
    }
}

/// Looks at what the sender logs in with; what cannot be read was said with the mail already.
fn check_sender(config: &Config, today: Date, findings: &mut Findings) {
    for expiry in expiries(&config.mail, &config.time_zone).unwrap_or_default() {
        let words = expiry.words(today);
        if expiry.is_near(today) { findings.warn("sender", &words) } else { findings.ok("sender", &words) }
    }
}
