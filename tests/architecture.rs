//! Who may import whom, held to the source itself.
//!
//! `main → cli → app → {lifecycle, jobs} → {store, mail, sources} → domain`; `clock` and `telemetry` stand at the side,
//! `config` builds domain values. The source is read as words, not compiled: comments, texts and test modules are left
//! out, `use` trees are spread, and every other path is looked at too. The last tests hold the reader to bad examples.
#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests fail tests")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// What each room may import of the crate, itself left out. A room that is not here may not be there.
const ROOMS: [(&str, &[&str]); 12] = [
    ("main", &["cli", "app", "lifecycle", "config", "clock", "telemetry"]),
    ("cli", &["app", "lifecycle", "jobs", "store", "mail", "sources", "domain", "config", "clock", "telemetry"]),
    ("app", &["lifecycle", "jobs", "store", "mail", "sources", "domain", "config", "clock", "telemetry"]),
    // A reload puts the parts together anew, so this room may know `app`; the test for circles sees that only one does.
    ("lifecycle", &["app", "jobs", "store", "mail", "sources", "domain", "config", "clock", "telemetry"]),
    ("jobs", &["store", "mail", "sources", "domain", "config", "clock", "telemetry"]),
    ("store", &["domain", "clock", "telemetry"]),
    ("mail", &["domain", "config", "clock", "telemetry"]),
    ("sources", &["domain"]),
    ("config", &["domain"]),
    ("domain", &[]),
    ("clock", &[]),
    ("telemetry", &["config", "clock"]),
];

/// Libraries that only some files may use, by the beginning of their path below `src`.
const CONFINED: [(&str, &[&str]); 10] = [
    ("tokio_cron_scheduler", &["jobs/scheduler.rs"]),
    ("sqlx", &["store/"]),
    ("lettre", &["mail/", "config/"]),
    ("axum", &["http/"]),
    // Whatever asks the network for something else than mail or data, and whatever handles keys.
    ("reqwest", &["mail/oauth/", "config/oauth.rs"]),
    ("ring", &["mail/oauth/", "mail/tls.rs"]),
    ("x509_parser", &["mail/oauth/"]),
    // Whatever unpacks what others packed, under the limits that are there.
    ("flate2", &["sources/container/"]),
    ("zip", &["sources/container/"]),
    ("quick_xml", &["sources/container/"]),
];

/// The only libraries of rooms that must stay light.
const LIBRARIES: [(&str, &[&str]); 3] = [
    ("domain", &["jiff"]),
    ("clock", &["jiff"]),
    ("telemetry", &["jiff", "thiserror", "tracing", "tracing_journald", "tracing_subscriber"]),
];

/// Parts of `std` that `domain` may not name.
const IMPURE: [&[&str]; 7] = [
    &["std", "fs"],
    &["std", "env"],
    &["std", "net"],
    &["std", "process"],
    &["std", "thread"],
    &["std", "time", "SystemTime"],
    &["std", "time", "Instant"],
];

// Reading the source.

/// One file, as a list of words.
struct Source {
    /// Path below `src`, with `/`.
    path: String,
    text: String,
    words: Vec<String>,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned(), words: without_tests(&words(text)) }
    }

    /// The room: the first folder, or the file's own name.
    fn room(&self) -> &str {
        let first = self.path.split('/').next().unwrap_or_default();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// The module's names below the crate: `jobs/load.rs` is `["jobs", "load"]`.
    fn module(&self) -> Vec<&str> {
        let stem = self.path.strip_suffix(".rs").unwrap_or(&self.path);
        let stem = stem.strip_suffix("/mod").unwrap_or(stem);
        stem.split('/').filter(|name| !matches!(*name, "main" | "lib")).collect()
    }

    /// Every path the file names, `use` trees spread, `self` and `super` worked out: `["crate", "store", "Store"]`.
    fn paths(&self) -> Vec<Vec<String>> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < self.words.len() {
            let is_use = self.words.get(at).is_some_and(|word| word == "use");
            at = if is_use { self.tree(at + 1, &[], &mut found) } else { self.plain(at, &mut found) };
        }
        found.iter().map(|path| self.resolved(path)).collect()
    }

    fn word(&self, at: usize) -> &str {
        self.words.get(at).map_or("", String::as_str)
    }

    /// One path outside a `use`.
    fn plain(&self, from: usize, found: &mut Vec<Vec<String>>) -> usize {
        let mut path = Vec::new();
        let mut at = from;
        while is_name(self.word(at)) {
            path.push(self.word(at).to_owned());
            if self.word(at + 1) != "::" {
                break;
            }
            at += 2;
        }
        if path.len() > 1 {
            found.push(path);
        }
        at.max(from) + 1
    }

    /// One branch of a `use` tree and its brothers; returns where it ends.
    fn tree(&self, from: usize, stem: &[String], found: &mut Vec<Vec<String>>) -> usize {
        let mut path = stem.to_vec();
        let mut at = from;
        loop {
            match self.word(at) {
                "{" => at = self.tree(at + 1, &path, found),
                "," | "}" | ";" | "" => {
                    if path.len() > stem.len() && self.word(at - 1) != "}" {
                        found.push(path.clone());
                    }
                    path = stem.to_vec();
                    if self.word(at) != "," {
                        return at + 1;
                    }
                    at += 1;
                }
                "as" => at += 2,
                "::" => at += 1,
                word => {
                    path.push(word.to_owned());
                    at += 1;
                }
            }
            if self.word(at) == ";" && stem.is_empty() && path.is_empty() {
                return at + 1;
            }
        }
    }

    fn resolved(&self, path: &[String]) -> Vec<String> {
        let mut here = self.module();
        let mut rest = path;
        match path.first().map(String::as_str) {
            Some("crate" | "lapsewatch") => {
                return ["crate"].map(str::to_owned).iter().chain(&path[1..]).cloned().collect();
            }
            Some("self") => rest = &path[1..],
            Some("super") => {
                while rest.first().is_some_and(|word| word == "super") {
                    here.pop();
                    rest = &rest[1..];
                }
            }
            _ => return path.to_vec(),
        }
        ["crate"].into_iter().chain(here).map(str::to_owned).chain(rest.iter().cloned()).collect()
    }
}

fn is_name(word: &str) -> bool {
    word.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// Names, `::` and single other characters; no comments, no texts, no characters in quotes.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let taken = match first {
            _ if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            _ if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '"' => text_length(rest),
            'r' if rest.starts_with("r\"") || rest.starts_with("r#\"") => raw_text_length(rest),
            '\'' => quote_length(rest),
            _ if first.is_alphanumeric() || first == '_' => {
                let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
                words.push(rest[..end].to_owned());
                end
            }
            _ if rest.starts_with("::") => {
                words.push("::".to_owned());
                2
            }
            _ => {
                if !first.is_whitespace() {
                    words.push(first.to_string());
                }
                first.len_utf8()
            }
        };
        rest = &rest[taken..];
    }
    words
}

fn text_length(rest: &str) -> usize {
    let mut escaped = false;
    for (at, letter) in rest.char_indices().skip(1) {
        match letter {
            '"' if !escaped => return at + 1,
            _ => escaped = letter == '\\' && !escaped,
        }
    }
    rest.len()
}

fn raw_text_length(rest: &str) -> usize {
    let end = if rest.starts_with("r#") { "\"#" } else { "\"" };
    let start = rest.find('"').unwrap_or_default() + 1;
    rest[start..].find(end).map_or(rest.len(), |at| start + at + end.len())
}

/// A character in quotes, or the quote alone where it begins a lifetime.
fn quote_length(rest: &str) -> usize {
    let mut letters = rest.char_indices().skip(1);
    match (letters.next(), letters.next()) {
        (Some((_, '\\')), Some((at, _))) => rest[at + 1..].find('\'').map_or(1, |end| at + 1 + end + 1),
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 1,
    }
}

/// The words before, between and after modules under `#[cfg(test)]`.
fn without_tests(words: &[String]) -> Vec<String> {
    let opening = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < words.len() {
        if words[at..].len() >= opening.len() && words[at..].iter().zip(opening).all(|(word, open)| word == open) {
            at = end_of_item(words, at + opening.len());
        } else {
            kept.push(words[at].clone());
            at += 1;
        }
    }
    kept
}

/// Past the `;` or the closing brace of the item that begins here.
fn end_of_item(words: &[String], from: usize) -> usize {
    let mut depth = 0_usize;
    for (at, word) in words.iter().enumerate().skip(from) {
        match word.as_str() {
            "{" => depth += 1,
            "}" if depth == 1 => return at + 1,
            "}" => depth -= 1,
            ";" if depth == 0 => return at + 1,
            _ => {}
        }
    }
    words.len()
}

// The rules.

/// What is wrong with a file, one line each. `libraries` are the crates of Cargo.toml.
fn faults(source: &Source, libraries: &BTreeSet<String>) -> Vec<String> {
    let mut faults = Vec::new();
    if !source.text.starts_with("//!") && !source.path.ends_with("_tests.rs") {
        faults.push("does not open with a word on why it exists (//!)".to_owned());
    }
    let room = source.room();
    let allowed = ROOMS.iter().find(|(name, _)| *name == room).map(|(_, allowed)| *allowed);
    if allowed.is_none() && room != "lib" {
        faults.push(format!("{room} is a room that nobody has placed"));
    }
    for path in source.paths() {
        let shown = path.join("::");
        let mut names = path.iter().map(String::as_str);
        match names.next().unwrap_or_default() {
            "crate" => {
                let target = names.next().unwrap_or_default();
                let is_room = ROOMS.iter().any(|(name, _)| *name == target);
                if is_room && target != room && !allowed.unwrap_or_default().contains(&target) && room != "lib" {
                    faults.push(format!("{room} imports {target}: {shown}"));
                }
            }
            library if libraries.contains(library) => faults.extend(library_fault(source, library, &shown)),
            _ if room == "domain" && IMPURE.iter().any(|impure| begins(&path, impure)) => {
                faults.push(format!("domain is pure: {shown}"));
            }
            _ => {}
        }
    }
    if room == "domain" {
        let waits = source.words.iter().filter(|word| matches!(word.as_str(), "async" | "await"));
        faults.extend(waits.map(|word| format!("domain is pure: {word}")));
    }
    faults
}

fn begins(path: &[String], with: &[&str]) -> bool {
    path.len() >= with.len() && path.iter().zip(with).all(|(name, other)| name == other)
}

fn library_fault(source: &Source, library: &str, shown: &str) -> Option<String> {
    let confined = CONFINED.iter().find(|(name, _)| *name == library);
    if confined.is_some_and(|(_, places)| !places.iter().any(|place| source.path.starts_with(place))) {
        return Some(format!("{library} is used outside its place: {shown}"));
    }
    let light = LIBRARIES.iter().find(|(room, _)| *room == source.room());
    let is_foreign = light.is_some_and(|(_, libraries)| !libraries.contains(&library));
    is_foreign.then(|| format!("{} uses a library: {shown}", source.room()))
}

/// The rooms each room imports.
fn imports(sources: &[Source]) -> BTreeMap<&str, BTreeSet<String>> {
    let mut imports: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for source in sources.iter().filter(|source| source.room() != "lib") {
        let targets = source
            .paths()
            .into_iter()
            .filter(|path| begins(path, &["crate"]))
            .filter_map(|path| path.into_iter().nth(1));
        let rooms = targets.filter(|target| target != source.room() && ROOMS.iter().any(|(name, _)| name == target));
        imports.entry(source.room()).or_default().extend(rooms);
    }
    imports
}

/// Rooms that import each other, directly or by way of others; empty when imports go one way.
fn circle(imports: &BTreeMap<&str, BTreeSet<String>>) -> Vec<String> {
    let mut left: BTreeMap<&str, BTreeSet<&str>> =
        imports.iter().map(|(room, targets)| (*room, targets.iter().map(String::as_str).collect())).collect();
    loop {
        let settled: Vec<_> = left.iter().filter(|(_, targets)| targets.is_empty()).map(|(room, _)| *room).collect();
        let unknown: Vec<_> = left.values().flatten().copied().filter(|target| !left.contains_key(target)).collect();
        if settled.is_empty() && unknown.is_empty() {
            return left.keys().map(|room| (*room).to_owned()).collect();
        }
        left.retain(|room, _| !settled.contains(room));
        for targets in left.values_mut() {
            targets.retain(|target| !settled.contains(target) && !unknown.contains(target));
        }
    }
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    files(&root, &mut paths);
    paths.sort();
    let read = |path: &PathBuf| {
        let below = path.strip_prefix(&root).expect("below src").to_string_lossy().replace('\\', "/");
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{below}: {error}"));
        Source::new(&below, &text)
    };
    paths.iter().map(read).collect()
}

/// The names of the crates in Cargo.toml, as code writes them.
fn libraries() -> BTreeSet<String> {
    let manifest: toml::Table = toml::from_str(include_str!("../Cargo.toml")).expect("Cargo.toml");
    let tables = ["dependencies", "dev-dependencies"].into_iter().filter_map(|name| manifest.get(name)?.as_table());
    tables.flat_map(toml::Table::keys).map(|name| name.replace('-', "_")).collect()
}

#[test]
fn every_file_keeps_to_its_room() {
    let libraries = libraries();
    let sources = sources();
    assert!(sources.len() > 50, "the source was found");
    let complain = |source: &Source| {
        let faults = faults(source, &libraries);
        faults.into_iter().map(|fault| format!("src/{}: {fault}", source.path)).collect::<Vec<_>>()
    };
    let faults: Vec<_> = sources.iter().flat_map(complain).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn imports_between_rooms_go_one_way() {
    let sources = sources();
    let imports = imports(&sources);
    assert!(imports.get("jobs").is_some_and(|rooms| rooms.contains("store")), "{imports:?}");
    assert!(circle(&imports).is_empty(), "these import each other: {:?} in {imports:?}", circle(&imports));
}

#[test]
fn what_must_not_be_imported_is_found_however_it_is_written() {
    let bad = [
        ("domain/plan.rs", "use crate::store::Store;", "domain imports store"),
        ("domain/plan.rs", "use crate::{domain::facts, config::{Config, Mail}};", "domain imports config"),
        ("domain/plan.rs", "use super::super::clock::Clock;", "domain imports clock"),
        ("domain/plan.rs", "fn f() { crate::mail::send(); }", "domain imports mail"),
        ("domain/plan.rs", "use tokio::time::sleep;", "domain uses a library: tokio"),
        ("domain/plan.rs", "fn f() { tracing::info!(\"a\"); }", "domain uses a library: tracing"),
        ("domain/plan.rs", "use std::{collections::BTreeMap, fs};", "domain is pure: std::fs"),
        ("domain/plan.rs", "use std::time::{Duration, Instant};", "domain is pure: std::time::Instant"),
        ("domain/plan.rs", "fn f() { let x = std::env::var(\"HOME\"); }", "domain is pure: std::env"),
        ("domain/plan.rs", "async fn f() {}", "domain is pure: async"),
        ("store/sqlite/mod.rs", "use crate::{\n    domain::plan::Plan,\n    mail,\n};", "store imports mail"),
        ("store/mod.rs", "use super::mail::Mailer;", "store imports mail"),
        ("mail/smtp/mod.rs", "use super::super::store::{Store as Keeper};", "mail imports store"),
        ("sources/mod.rs", "use crate::config::Config;", "sources imports config"),
        ("config/mod.rs", "use crate::jobs;", "config imports jobs"),
        ("clock.rs", "use crate::config::Config;", "clock imports config"),
        ("clock.rs", "use tokio::time;", "clock uses a library: tokio"),
        ("jobs/run.rs", "use crate::cli;", "jobs imports cli"),
        ("jobs/run.rs", "use tokio_cron_scheduler::Job;", "tokio_cron_scheduler is used outside"),
        ("jobs/run.rs", "fn f(e: sqlx::Error) {}", "sqlx is used outside"),
        ("jobs/run.rs", "use lettre::Address;", "lettre is used outside"),
        ("attic/mod.rs", "", "attic is a room that nobody has placed"),
        ("attic.rs", "", "attic is a room that nobody has placed"),
    ];
    for (path, text, expected) in bad {
        let found = faults(&Source::new(path, &format!("//! Why.\n{text}")), &libraries());
        assert!(
            !found.is_empty() && found.iter().all(|fault| fault.starts_with(expected)),
            "{path}: {text}: {found:?}"
        );
    }
}

#[test]
fn a_file_that_does_not_say_why_it_exists_is_found() {
    let found = faults(&Source::new("jobs/run.rs", "use std::fs;"), &libraries());
    assert_eq!(found, ["does not open with a word on why it exists (//!)"]);
}

#[test]
fn what_may_be_imported_is_let_be() {
    let good = [
        ("domain/plan.rs", "use super::{calendar::Calendar, facts::{self, Fact}};\nuse jiff::civil::Date;"),
        (
            "domain/plan.rs",
            "// use crate::store::Store;\n/* tokio::spawn */ const A: &str = \"async \\\" crate::mail\";",
        ),
        ("domain/plan.rs", "const A: &str = r#\"crate::store \" sqlx::query\"#; const B: char = '\"'; fn f<'a>() {}"),
        ("domain/plan.rs", "#[cfg(test)]\nmod tests { use proptest::prelude::*; fn f() { crate::config::x() } }"),
        ("domain/plan.rs", "#[cfg(test)]\n#[path = \"plan_tests.rs\"]\nmod tests;\nuse std::fmt;"),
        ("jobs/scheduler.rs", "use tokio_cron_scheduler::{Job, JobScheduler};"),
        ("jobs/run.rs", "use crate::{mail::Mailer, store::{Store, StoreError}};\nuse super::Site;"),
        ("store/sqlite/mod.rs", "use sqlx::SqlitePool;\nuse super::rows;"),
    ];
    for (path, text) in good {
        let found = faults(&Source::new(path, &format!("//! Why.\n{text}")), &libraries());
        assert!(found.is_empty(), "{path}: {text}: {found:?}");
    }
}

#[test]
fn rooms_that_import_each_other_are_found() {
    let of = |path, text: &str| Source::new(path, text);
    let one_way = [of("jobs/a.rs", "use crate::store::B;"), of("store/mod.rs", "use crate::domain::C;")];
    assert!(circle(&imports(&one_way)).is_empty());
    let round = [of("app.rs", "use crate::lifecycle::A;"), of("lifecycle/mod.rs", "use crate::{app, store};")];
    assert_eq!(circle(&imports(&round)), ["app", "lifecycle"]);
}
