//! The configuration: one TOML file over the compiled-in defaults, the environment and `--set` on top.
//!
//! Each section is a struct in a file of its own. Values here are checked and ready to use: paths are resolved, the
//! zone is loaded, the ladders are a [`Policy`]. It reads the operator's file and the
//! files that decide what is due (bank holidays); never the environment, which the caller hands in, and no secrets.
use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use jiff::{civil::Date, tz::TimeZone};

use crate::domain::{breaker::Limits, calendar::Calendar, policy::Policy, subject::Address};

mod breaker;
mod database;
mod helpdesk;
mod holidays;
mod ladder;
mod later;
mod layer;
mod log;
mod mail;
mod oauth;
mod operator;
mod policy;
mod privacy;
mod problem;
mod quota;
mod rules;
mod salvage;
mod schedule;
mod secret;
mod section;
mod smtp;
mod snapshots;
mod values;

use layer::{Kind, Table, Text};
use problem::Collector;
use section::Section;

pub use breaker::Adoption;
pub use database::Database;
pub use helpdesk::Helpdesk;
pub use holidays::bank_holidays_in;
pub use log::{Log, LogFormat};
pub use mail::{Mail, Transport};
pub use oauth::{Credential, OAuth, TokenSource};
pub use operator::Operator;
pub use privacy::Privacy;
pub use problem::{Place, Problem, Problems, Severity, Spot};
pub use salvage::salvage;
pub use schedule::Schedule;
pub use secret::{SecretError, SecretFile, are_credentials_hidden};
pub use smtp::{Auth, Smtp, Tls};
pub use snapshots::Snapshots;

/// Every key with its default, its unit and its meaning: what an operator reads, and what an empty file means.
pub const DEFAULTS: &str = include_str!("../../config/default.toml");

/// What an environment variable must begin with to be a setting; `__` stands for the dot.
const ENVIRONMENT_PREFIX: &str = "LAPSEWATCH__";

/// Everything an operator can tune, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// `[database]`
    pub database: Database,
    /// `[snapshots]`
    pub snapshots: Snapshots,
    /// `[schedule]`
    pub schedule: Schedule,
    /// `[policy]` and `[rules.*]`, as the domain wants them.
    pub policy: Policy,
    /// The zone of civil dates, `policy.time_zone`.
    pub time_zone: TimeZone,
    /// Open and closed days, from `policy.bank_holidays` and the embedded list.
    pub calendar: Calendar,
    /// `[mail]`
    pub mail: Mail,
    /// `[breaker]`: from when on a run is held (domain rule 19).
    pub breaker: Limits,
    /// `[adoption]`
    pub adoption: Adoption,
    /// `[operator]`: who the messages are from, in words.
    pub operator: Operator,
    /// `[helpdesk.NAME]`: who administers accounts, by the lower-cased word in the contacts file.
    pub helpdesks: BTreeMap<String, Helpdesk>,
    /// `[privacy]`
    pub privacy: Privacy,
    /// `[log]`
    pub log: Log,
}

/// Where settings come from, weakest first after the compiled-in defaults.
#[derive(Debug, Clone, Default)]
pub struct Sources<'a> {
    /// The operator's file.
    pub file: Option<&'a Path>,
    /// Environment variables; those that begin with `LAPSEWATCH__` are settings, the others are passed over.
    pub environment: Vec<(String, String)>,
    /// The `KEY=VALUE` of each `--set`.
    pub overrides: &'a [String],
    /// Today in the policy's zone, for the warning of bank holidays that end.
    pub today: Date,
}

/// A configuration that can be used, and what somebody should look at all the same.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// What somebody should look at.
    pub warnings: Vec<Problem>,
}

/// Reads and checks every setting.
///
/// # Errors
///
/// Everything that is wrong at once, warnings too, in the order of the files.
pub fn load(sources: &Sources<'_>) -> Result<Loaded, Problems> {
    let problems = Collector::default();
    let config = read_layers(sources, &problems).and_then(|table| read(table, sources.today, &problems));
    match config {
        Some(config) if !problems.has_errors() => Ok(Loaded { config, warnings: problems.into_sorted() }),
        _ => Err(Problems(problems.into_sorted())),
    }
}

/// The settings that differ and only count after a restart.
#[must_use]
pub fn needs_restart(old: &Config, new: &Config) -> Vec<&'static str> {
    let differs = [
        ("database.url", old.database.url != new.database.url),
        ("database.password_file", old.database.password_file != new.database.password_file),
        ("log.filter", old.log.filter != new.log.filter),
        ("log.format", old.log.format != new.log.format),
    ];
    differs.into_iter().filter_map(|(key, differs)| differs.then_some(key)).collect()
}

/// Defaults, file, environment, `--set`, laid over one another; `None` when the file cannot be read, because without
/// its settings the others would look wrong too.
fn read_layers(sources: &Sources<'_>, problems: &Collector) -> Option<Table> {
    let defaults =
        Text { name: "default.toml (built in)".into(), body: DEFAULTS.into(), kind: Kind::Defaults, rank: 0 };
    let mut table = layer::parse(&Arc::new(defaults), problems)?;
    if let Some(file) = sources.file {
        layer::overlay(&mut table, read_file(file, problems)?);
    }
    for (rank, argument) in (2..).zip(arguments(sources)) {
        let Argument { name, key, value } = argument;
        layer::overlay(&mut table, layer::argument(name, &key, value.as_deref(), rank, problems));
    }
    Some(table)
}

fn read_file(file: &Path, problems: &Collector) -> Option<Table> {
    let folder = file.parent().unwrap_or(Path::new("")).to_owned();
    let text = |body| Arc::new(Text { name: file.display().to_string(), body, kind: Kind::File(folder), rank: 1 });
    match fs::read_to_string(file) {
        Ok(body) => layer::parse(&text(body), problems),
        Err(error) => {
            problems.error(None, format!("cannot read {}: {error}", file.display()), None);
            None
        }
    }
}

/// One setting given outside a file.
struct Argument {
    /// What it is called in problems.
    name: String,
    key: String,
    /// `None`: no `=` was given.
    value: Option<String>,
}

/// The environment in the order of its names, then each `--set`.
fn arguments<'a>(sources: &'a Sources<'_>) -> impl Iterator<Item = Argument> + 'a {
    let mut variables: Vec<_> = sources.environment.iter().collect();
    variables.sort();
    let environment = variables.into_iter().filter_map(|(name, value)| {
        let key = name.strip_prefix(ENVIRONMENT_PREFIX)?.to_lowercase().replace("__", ".");
        Some(Argument { name: name.clone(), key, value: Some(value.clone()) })
    });
    environment.chain(sources.overrides.iter().map(|set| {
        let (key, value) = set.split_once('=').map_or((set.as_str(), None), |(key, value)| (key, Some(value)));
        Argument { name: format!("--set {set}"), key: key.trim().to_owned(), value: value.map(str::to_owned) }
    }))
}

/// Every section, so that every problem is found, before any of them may be missing.
fn read(table: Table, today: Date, problems: &Collector) -> Option<Config> {
    let mut root = Section::root(table, problems);
    let database = database::read(root.section("database"));
    let snapshots = snapshots::read(root.section("snapshots"));
    let schedule = schedule::read(root.section("schedule"));
    let basics = policy::read(root.section("policy"), today);
    let rules = rules::read(root.section("rules"), &holidays::embedded());
    let mail = mail::read(root.section("mail"));
    let breaker = breaker::read(root.section("breaker"));
    let adoption = breaker::read_adoption(root.section("adoption"));
    let operator = operator::read(root.section("operator"));
    let helpdesks = helpdesk::read(root.section("helpdesk"));
    let privacy = privacy::read(root.section("privacy"));
    let log = log::read(root.section("log"));
    later::read(&mut root);
    root.finish();
    let (basics, rules, mail) = (basics?, rules?, mail?);
    Some(Config {
        database: database?,
        snapshots: snapshots?,
        schedule: schedule?,
        time_zone: basics.time_zone.clone(),
        calendar: basics.calendar.clone(),
        policy: policy::join(basics, rules, Address::new(&mail.operator)),
        mail,
        breaker: breaker?,
        adoption: adoption?,
        operator: operator?,
        helpdesks: helpdesks?,
        privacy: privacy?,
        log: log?,
    })
}
