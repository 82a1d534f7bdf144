//! Cases of the corpus that are too large to keep: each is made here, loaded, and held to what is said of it and to a
//! time in which nobody loses patience.
use std::{
    fs::{self, File},
    io::Write,
    path::Path,
    time::{Duration, Instant},
};

use lapsewatch::jobs::load::{LoadOutcome, LoadReport};
use tempfile::TempDir;

use super::site::Corpus;

/// A header of the canonical CSV, and a good row below it.
const HEADER: &str = "address,kind,last_activity_at,display_name\n";
const ADA: &str = "ada.example@nhs.net,user,2026-11-18,\"EXAMPLE, Ada\"\n";
const SAM: &str = "sam.sample1@nhs.net,user,2026-11-18,\"SAMPLE, Sam\"\n";

/// However large and hostile, on a machine that builds other things at the same time.
const PATIENCE: Duration = Duration::from_mins(1);

/// Loads a file with this name and these bytes.
async fn load(name: &str, bytes: &[u8]) -> LoadReport {
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join(name);
    File::create(&path).and_then(|mut file| file.write_all(bytes)).expect("written");
    let began = Instant::now();
    let report = Corpus::new().load(&path).await;
    assert!(began.elapsed() < PATIENCE, "{name} took {:?}", began.elapsed());
    report
}

/// The reason for which a file is refused.
async fn refusal(name: &str, bytes: &[u8]) -> String {
    let report = load(name, bytes).await;
    assert_eq!(report.outcome, LoadOutcome::Quarantined, "{report:?}");
    report.reason.unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cell_too_long_costs_its_row_and_is_named_with_its_line() {
    for size in [64 * 1024 + 1, 3 * 1024 * 1024] {
        for quote in ["", "\""] {
            let long = "x".repeat(size);
            let row = format!("long@nhs.net,user,2026-11-18,{quote}{long}{quote}\n");
            let report = load("long.csv", [HEADER, ADA, &row, SAM].concat().as_bytes()).await;
            assert_eq!((report.subjects, report.rejected_count), (2, 1), "{size} {report:?}");
            assert_eq!(report.rejected[0].line, 3);
            assert!(report.rejected[0].reason.contains("longer than"), "{}", report.rejected[0].reason);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_bad_rows_a_thousand_are_named_and_all_are_counted() {
    let rows = "bad@nhs.net,user,31/02/2026,\n".repeat(5_000);
    let report = load("bad.csv", [HEADER, ADA, &rows].concat().as_bytes()).await;
    assert_eq!((report.subjects, report.rejected_count, report.rejected.len()), (1, 5_000, 1_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unclosed_quote_far_from_the_end_is_found_where_it_opens() {
    let rows = SAM.repeat(100_000);
    let text = [HEADER, ADA, "zoe.nunez@nhs.net,user,2026-11-18,\"NUNEZ, Zoe\n", &rows].concat();
    assert!(refusal("open.csv", text.as_bytes()).await.starts_with("line 3: a quote opens here"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_without_end_is_refused() {
    let wide = format!("{HEADER}{}", "x,".repeat(3_000_000)).replacen("display_name\n", "", 1);
    let reason = refusal("wide.csv", wide.as_bytes()).await;
    assert!(reason.len() < 2_000, "{} bytes", reason.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_without_end_is_refused() {
    let reason = refusal("line.csv", &vec![b'x'; 40_000_000]).await;
    assert!(reason.len() < 2_000, "{} bytes", reason.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn json_that_goes_down_without_end_is_refused() {
    for (open, name) in [("[", "arrays.json"), ("{\"a\":", "objects.json")] {
        let reason = refusal(name, open.repeat(300_000).as_bytes()).await;
        assert!(reason.starts_with("line 1"), "{reason}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_json_record_too_long_costs_its_row() {
    let user = |name: &str, more: &str| {
        format!(r#"{{"userPrincipalName":"{name}@nhs.net","lastPasswordChangeDateTime":"2026-07-01T10:00:00Z"{more}}}"#)
    };
    let long = format!(r#","notes":"{}""#, "x".repeat(2 * 1024 * 1024));
    let text = format!("[{},\n{},\n{}]", user("ada.example", ""), user("long", &long), user("sam.sample1", ""));
    let report = load("long.json", text.as_bytes()).await;
    assert_eq!((report.subjects, report.rejected_count), (2, 1), "{:?}", report.rejected);
    assert_eq!(report.rejected[0].line, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_far_below_blank_lines_is_found_or_the_file_is_refused_with_a_reason() {
    let text = ["\r\n".repeat(200_000).as_str(), HEADER, ADA].concat();
    let report = load("low.csv", text.as_bytes()).await;
    assert!(report.outcome == LoadOutcome::Loaded || report.reason.is_some(), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_file_is_refused() {
    let corpus = Corpus::new();
    let folder = TempDir::new().expect("a temporary folder");
    fs::create_dir(folder.path().join("folder.csv")).expect("made");
    for name in ["folder.csv", "nowhere.csv"] {
        let report = corpus.load_in_place(&folder.path().join(name)).await;
        assert_eq!(report.outcome, LoadOutcome::Quarantined, "{report:?}");
    }
    let device = corpus.load_in_place(Path::new("/dev/zero")).await;
    assert_eq!(device.outcome, LoadOutcome::Quarantined, "{device:?}");
}
