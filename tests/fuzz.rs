//! The inputs that the fuzz targets begin with, and those that once found something, held to the same demands as when
//! they are fuzzed. `tests/fuzz/run` looks for more.
#![expect(clippy::expect_used, reason = "helpers of tests fail tests")]

#[path = "fuzz/oracle.rs"]
mod oracle;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use oracle::{TARGETS, Target};

const TESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests");

/// The files in a folder; none when there is no such folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> =
        entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file()).collect();
    paths.sort();
    paths
}

/// Every case of the corpus, whatever its format, and the name of its folder.
fn corpus() -> Vec<(String, PathBuf)> {
    let folders = fs::read_dir(Path::new(TESTS).join("data/corpus")).expect("the corpus");
    let folders = folders.map(|folder| folder.expect("an entry").path()).filter(|path| path.is_dir());
    let named = |folder: PathBuf| {
        let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
        files(&folder).into_iter().map(move |path| (name.clone(), path))
    };
    folders.flat_map(named).filter(|(_, path)| !path.to_string_lossy().ends_with(".report.json")).collect()
}

#[test]
fn every_case_of_the_corpus_is_taken_by_the_targets_of_its_format_and_by_the_decoder() {
    for (folder, path) in corpus() {
        let bytes = fs::read(&path).expect("readable");
        let is_for = |name: &str| name == "decoder" || name == "containers" || name.get(..3) == folder.get(..3);
        TARGETS.iter().filter(|(name, _)| is_for(name)).for_each(|(_, target)| target.take(&bytes));
    }
}

#[test]
fn the_workbook_that_is_changed_is_one_that_is_read() {
    Target::Workbook.take(b"");
    assert_eq!(oracle::rows_of_workbook(b""), Ok(1));
    assert!(oracle::rows_of_workbook(b"\0<worksheet>").is_err());
}

#[test]
fn every_input_that_once_found_something_is_taken_now() {
    for (name, target) in TARGETS {
        for path in files(&Path::new(TESTS).join("fuzz/found").join(name)) {
            target.take(&fs::read(path).expect("readable"));
        }
    }
}

#[test]
fn every_configuration_we_ship_is_taken_and_so_is_each_half_of_it() {
    for path in files(&Path::new(TESTS).join("../config")).iter().filter(|path| path.extension().is_some()) {
        let bytes = fs::read(path).expect("readable");
        let (first, second) = bytes.split_at(bytes.len() / 2);
        for bytes in [&bytes[..], first, second] {
            Target::Configuration.take(bytes);
        }
    }
}

#[test]
fn each_target_has_a_file_and_each_file_is_a_target() {
    assert!(matches!(Target::of("dates"), Target::Dates));
    let named: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let stem = |path: PathBuf| path.file_stem().expect("a name").to_string_lossy().into_owned();
    let there: BTreeSet<_> = files(&Path::new(TESTS).join("fuzz/targets")).into_iter().map(stem).collect();
    assert_eq!(named, there);
    let manifest = fs::read_to_string(Path::new(TESTS).join("fuzz/Cargo.toml")).expect("readable");
    for name in named {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is not built");
    }
}
