//! The project's own corpus of exports, good and bad: every file below `tests/data/corpus` is loaded as `load` loads
//! it, and what is said of it is compared with what stands beside it.
//!
//! A folder holds the cases of one format. `<case>.<ext>.report.json` is the load report of one file, the JSON of
//! `load --format json` with line breaks; `records.txt` of a folder holds every record that was read from its files.
//! Each file is loaded alone, on Saturday 21 November 2026 at 8am, into a store that knows the people of `base.csv`. A file that tells no
//! day of its own was last written on the day before. The breaker is off: it has tests of its own, and one bad row in
//! a file of three is no likeness of a site.
//!
//! `INSTA_UPDATE=always cargo test --test corpus` writes what was said; read the difference before you keep it.
#![expect(clippy::expect_used, reason = "helpers of tests fail tests")]

#[path = "corpus/generated.rs"]
mod generated;
#[path = "corpus/site.rs"]
mod site;

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
};

use lapsewatch::jobs::load::LoadReport;

use site::{BASE, Corpus, records};

/// Endings of what stands beside a case.
const EXPECTED: &str = ".report.json";
/// The records of a folder's cases.
const RECORDS: &str = "records.txt";

/// The folders of the corpus, in order.
fn folders() -> Vec<PathBuf> {
    entries(Path::new(site::CORPUS)).into_iter().filter(|path| path.is_dir()).collect()
}

/// The cases in a folder, in order.
fn cases(folder: &Path) -> Vec<PathBuf> {
    let is_case = |path: &PathBuf| !name(path).ends_with(EXPECTED) && name(path) != RECORDS;
    entries(folder).into_iter().filter(is_case).collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut paths: Vec<_> = entries.collect();
    paths.sort();
    paths
}

fn name(path: &Path) -> String {
    path.file_name().expect("a name").to_string_lossy().into_owned()
}

fn beside(case: &Path) -> PathBuf {
    case.with_file_name(format!("{}{EXPECTED}", name(case)))
}

/// Compares a text with the file that holds what was expected, or writes it there; what differs is returned.
fn compared(path: &Path, said: &str) -> Option<String> {
    if env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        fs::write(path, said).expect("written");
        return None;
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    (expected != said).then(|| format!("{}\n{}", path.display(), difference(&expected, said)))
}

/// The lines that stand in one text only, which is enough to find them.
fn difference(expected: &str, said: &str) -> String {
    let only_in = |here: &str, there: &str, mark: char| {
        let others: BTreeSet<_> = there.lines().collect();
        let lines = here.lines().filter(|line| !others.contains(line)).map(|line| format!("  {mark} {line}\n"));
        lines.collect::<Vec<_>>().concat()
    };
    only_in(expected, said, '-') + &only_in(said, expected, '+')
}

fn as_json(report: &LoadReport) -> String {
    serde_json::to_string_pretty(report).expect("a report is JSON") + "\n"
}

#[tokio::test(flavor = "multi_thread")]
async fn every_file_of_the_corpus_is_reported_as_it_is_written_beside_it() {
    let corpus = Corpus::new();
    let mut wrong = Vec::new();
    for case in folders().iter().flat_map(|folder| cases(folder)) {
        wrong.extend(compared(&beside(&case), &as_json(&corpus.load(&case).await)));
    }
    assert!(wrong.is_empty(), "{} of the files:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_record_of_the_corpus_is_read_as_it_is_written_beside_it() {
    let corpus = Corpus::new();
    let mut wrong = Vec::new();
    for folder in folders() {
        let read = cases(&folder).into_iter().map(|case| format!("{}\n{}\n", name(&case), records(&corpus, &case)));
        wrong.extend(compared(&folder.join(RECORDS), &read.collect::<String>()));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn there_are_enough_files_of_every_format_and_nothing_else() {
    let mut all = 0;
    let mut seen = BTreeSet::new();
    for folder in folders() {
        let (cases, format) = (cases(&folder), name(&folder));
        assert!(cases.len() >= 5, "{format} has {} files", cases.len());
        for entry in entries(&folder).iter().filter(|path| name(path).ends_with(EXPECTED)) {
            assert!(cases.iter().any(|case| beside(case) == *entry), "{} has no file", entry.display());
        }
        for case in &cases {
            let bytes = fs::read(case).expect("readable");
            assert!(bytes.len() < 16 * 1024, "{} is large: let a test make it", case.display());
            assert!(seen.insert(bytes), "{} is the copy of another file", case.display());
        }
        all += cases.len();
    }
    let formats: BTreeSet<_> = folders().iter().filter_map(|folder| name(folder).get(..3).map(str::to_owned)).collect();
    for format in 1..=19 {
        assert!(formats.contains(&format!("f{format:02}")), "no folder for F{format}");
    }
    assert!(all >= 120, "{all} files");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_bytes_are_a_duplicate_and_change_nothing() {
    let corpus = Corpus::new();
    let base = Path::new(BASE);
    let again = corpus.load(base).await;
    assert_eq!(again.reason.as_deref(), Some("the same file was loaded before, as base.csv"));
}
