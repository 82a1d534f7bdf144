//! A site of the corpus: one day, a store that knows a few people, one file.
use std::{
    fs::{self, File},
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::{Timestamp, civil::date};
use lapsewatch::{
    clock::ManualClock,
    config::{self, Config},
    jobs::{
        Site,
        load::{LoadOutcome, LoadReport},
        observe::load_files,
        read_settings,
    },
    mail::memory::MemoryMailer,
    sources::{self, Raw},
    store::sqlite::SqliteStore,
};
use tempfile::TempDir;

/// Where the corpus is.
pub const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/corpus");
/// Whom every site knows before the file comes.
pub const BASE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/corpus/base.csv");
/// When everything is loaded.
const NOW: &str = "2026-11-21T08:00:00Z";
/// When every file was last written.
const WRITTEN: &str = "2026-11-20T12:00:00Z";

/// What every case is loaded with.
pub struct Corpus {
    config: Arc<Config>,
    folder: TempDir,
}

impl Corpus {
    pub fn new() -> Self {
        let overrides = ["breaker.enabled=false".to_owned()];
        let sources =
            config::Sources { overrides: &overrides, today: date(2026, 11, 21), ..config::Sources::default() };
        let config = config::load(&sources).expect("the built-in configuration is right").config;
        Self { config: Arc::new(config), folder: tempfile::tempdir().expect("a temporary folder") }
    }

    /// Loads one file after the base, each as `load FILE` does.
    pub async fn load(&self, case: &Path) -> LoadReport {
        self.load_in_place(&self.copy_of(case)).await
    }

    /// The same, of a file that cannot be copied.
    pub async fn load_in_place(&self, case: &Path) -> LoadReport {
        let site = Site {
            config: Arc::clone(&self.config),
            store: Arc::new(SqliteStore::in_memory().await.expect("a store")),
            clock: Arc::new(ManualClock::new(NOW.parse().expect("an instant"))),
            mailer: Arc::new(MemoryMailer::default()),
        };
        let files = [PathBuf::from(BASE), case.to_owned()];
        let reports = load_files(&site, &files, &|_, _| {}).await.expect("the store works");
        let [base, report] = <[LoadReport; 2]>::try_from(reports).expect("two reports");
        assert_eq!((base.outcome, base.rejected_count), (LoadOutcome::Loaded, 0), "{base:?}");
        report
    }

    /// The file as it would lie in a folder of its own, with the time at which it was written: a checkout keeps none.
    fn copy_of(&self, case: &Path) -> PathBuf {
        let copy = self.folder.path().join(case.file_name().expect("a name"));
        fs::copy(case, &copy).expect("copied");
        let written: Timestamp = WRITTEN.parse().expect("an instant");
        let file = File::options().write(true).open(&copy).expect("opened");
        file.set_modified(written.into()).expect("set");
        copy
    }
}

/// Every record that is read from a file, a line each, with what it tells and nothing that it does not.
pub fn records(corpus: &Corpus, case: &Path) -> String {
    let Ok(export) = sources::open(case, &read_settings(&corpus.config)) else { return "  refused\n".to_owned() };
    let mut lines = Vec::new();
    let mut take = |row: Raw<'_>| {
        lines.push(match row.read() {
            Ok(record) => format!("  {}\n", told(&format!("{record:#?}"))),
            Err(rejected) => format!("  rejected: line {}\n", rejected.line),
        });
        ControlFlow::Continue(())
    };
    export.each(&mut export.census(date(2026, 11, 20)), &mut take).expect("it opens again");
    lines.concat()
}

/// What a record tells, without its blank fields, on one line.
fn told(pretty: &str) -> String {
    let lines = pretty.lines().map(str::trim).filter(|line| !line.ends_with(": None,"));
    let line = lines.collect::<Vec<_>>().join(" ");
    line.replace("( ", "(").replace(", )", ")").replace(", }", " }")
}
