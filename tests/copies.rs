//! A store in another place: copied there and back, and backed up while somebody writes.
#![expect(clippy::expect_used, reason = "helpers of tests fail tests")]
mod support;

use jiff::Timestamp;
use lapsewatch::store::{Place, StoreError};
use support::{
    base::{self, Base},
    on,
};

#[test]
fn left_out_without_a_server() {
    base::say_left_out("copies of stores");
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_780_000_000 + seconds).expect("in range")
}

#[tokio::test]
async fn a_store_is_copied_there_and_back_and_goes_on_numbering() {
    let Some(server) = Base::postgres() else { return };
    let (first, last) = (Base::sqlite(), Base::sqlite());
    let store = first.open().await;
    for nth in 0..3 {
        store.begin_run(on("2026-11-20"), "once", at(nth)).await.expect("begun");
    }
    store.pass_days(&[on("2026-11-19")], "baseline", at(0)).await.expect("passed");
    first.place().copy_to(&server.place(), &|_, _| ()).await.expect("copied there");
    server.place().copy_to(&last.place(), &|_, _| ()).await.expect("and back");
    let runs = store.list_runs(9).await.expect("read");
    let there = server.open().await;
    assert_eq!(there.list_runs(9).await.expect("read"), runs);
    assert_eq!(last.open().await.list_runs(9).await.expect("read"), runs);
    assert_eq!(last.open().await.last_due_day().await.expect("read"), Some(on("2026-11-19")));
    assert_eq!(there.begin_run(on("2026-11-21"), "once", at(9)).await.expect("begun").0, 4);
    there.close().await;
    let refused = first.place().copy_to(&server.place(), &|_, _| ()).await.expect_err("it is not empty");
    assert!(matches!(refused, StoreError::NotEmpty { .. }), "{refused}");
}

#[tokio::test]
async fn a_backup_opens_as_a_store_and_takes_the_place_of_no_file() {
    for base in [Some(Base::sqlite()), Base::postgres()].into_iter().flatten() {
        let store = base.open().await;
        let run = store.begin_run(on("2026-11-20"), "once", at(0)).await.expect("begun");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("backup.db");
        base.place().backup(&file).await.expect("written beside an open store");
        store.begin_run(on("2026-11-21"), "once", at(1)).await.expect("begun");
        let copy = Place::file(&file).open().await.expect("it opens");
        let runs: Vec<_> = copy.list_runs(9).await.expect("read").into_iter().map(|run| run.id).collect();
        assert_eq!(runs, [run], "{}", base.place());
        assert!(matches!(base.place().backup(&file).await, Err(StoreError::Backup { .. })), "never over a file");
        copy.close().await;
        store.close().await;
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).expect("there").permissions());
        assert_eq!(mode & 0o777, 0o600);
    }
}
