//! The configuration as an operator meets it: files in, settings or problems out.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may fail the test")]
use std::path::Path;

use jiff::civil::{Date, date};
use lapsewatch::config::{self, Config, Loaded, Problems, Sources};

const TODAY: Date = date(2026, 11, 21);

/// Loads `file` as `lapsewatch.toml` in a folder of its own, with `--set` on top.
fn load(file: &str, overrides: &[&str]) -> Result<Loaded, Problems> {
    load_with(file, &[], overrides)
}

fn load_with(file: &str, environment: &[(&str, &str)], overrides: &[&str]) -> Result<Loaded, Problems> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lapsewatch.toml");
    std::fs::write(&path, file).unwrap();
    let overrides: Vec<String> = overrides.iter().map(ToString::to_string).collect();
    let environment = environment.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    let sources = Sources { file: Some(&path), environment, overrides: &overrides, today: TODAY };
    config::load(&sources).map_err(|problems| shorten(problems, folder.path()))
}

/// Takes the random folder out of the names, so that they compare.
fn shorten(mut problems: Problems, folder: &Path) -> Problems {
    let folder = format!("{}/", folder.display());
    for problem in &mut problems.0 {
        problem.message = problem.message.replace(&folder, "");
        if let Some(place) = &mut problem.place {
            place.name = place.name.replace(&folder, "");
        }
    }
    problems
}

fn config(file: &str, overrides: &[&str]) -> Config {
    load(file, overrides).unwrap_or_else(|problems| panic!("{problems}")).config
}

#[test]
fn an_empty_file_is_a_configuration_without_warnings() {
    let loaded = load("", &[]).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(loaded.warnings, []);
    assert_eq!(loaded.config.database.url, "sqlite:/var/lib/lapsewatch/lapsewatch.db");
}

#[test]
fn a_minimal_file_leaves_everything_else_at_its_default() {
    let file = r#"
        database.url = "sqlite:state/lapsewatch.db"
        mail.operator = "ops@anyshire.example"
        mail.from = "Reminders <reminders@anyshire.example>"
        [snapshots]
        inbox = "inbox"
        archive = "/srv/archive"
    "#;
    let config = config(file, &["snapshots.quarantine=refused"]);
    assert_eq!(config.policy.operator.as_str(), "ops@anyshire.example");
    assert_eq!(config.mail.from.email.to_string(), "reminders@anyshire.example");
    assert_eq!(config.snapshots.archive, Path::new("/srv/archive"));
    assert_eq!(config.snapshots.quarantine, Path::new("refused"), "left as written");
    assert!(config.snapshots.inbox.is_absolute() && config.snapshots.inbox.ends_with("inbox"));
    assert!(config.database.url.starts_with("sqlite:/") && config.database.url.ends_with("/state/lapsewatch.db"));
    assert_eq!(config.policy.inactivity.stages.len(), 5);
}
