//! The whole program through the nights of the clock changes, with a machine clock that runs fast (libfaketime).
//!
//! `LAPSEWATCH_TEST_FAKETIME` names the library, such as `/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1`.
//! Without it these tests are left out, and say so.
use std::{env, ffi::OsString, io::Write, time::Duration};

use jiff::{
    SignedDuration, Zoned,
    civil::{Date, date},
    tz::TimeZone,
};
use lapsewatch::store::Claim;

use super::{house::House, process::Daemon};

/// How much faster than the real one the machine's clock runs. Half a second of the scheduler's is 10 minutes then.
const SPEED: u32 = 1200;

/// How late a run may seem at that speed, two and a half seconds; less than the hour that a wrong zone would be off.
const LATE: SignedDuration = SignedDuration::from_mins(50);

fn faketime() -> Option<OsString> {
    let library = env::var_os("LAPSEWATCH_TEST_FAKETIME");
    if library.is_none() {
        let line = "left out: the nights of the clock changes, LAPSEWATCH_TEST_FAKETIME names no library\n";
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
    library
}

/// A daemon that was down for three days starts at 18:00 UTC of a Saturday and lives until the Monday's run.
async fn live_through(saturday: Date) {
    let Some(library) = faketime() else { return };
    let house = House::new("[mail]\ndirectory = \"outgoing\"\n[log]\nfilter = \"info\"");
    let wednesday = saturday.checked_sub(SignedDuration::from_hours(72)).unwrap();
    house.ran_on(wednesday).await;
    let monday = saturday.checked_add(SignedDuration::from_hours(48)).unwrap();
    let mut daemon = Daemon::spawn(&house, |command| {
        let command = command.env("LD_PRELOAD", &library).env("TZ", "UTC");
        let command = command.env("FAKETIME", format!("@{saturday} 18:00:00 x{SPEED}"));
        command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("FAKETIME_NO_CACHE", "1")
    });
    daemon.wait_for(&format!("the run of {saturday} ended"));
    daemon.wait_for_up_to(Duration::from_secs(400), &format!("the run of {monday} ended"));
    daemon.stop();

    let zone = TimeZone::get("Europe/London").unwrap();
    let runs = house.runs().await;
    let days: Vec<_> = runs.iter().map(|run| run.on_day).collect();
    let sunday = saturday.tomorrow().unwrap();
    assert_eq!(days, [saturday, sunday, monday], "{}", daemon.log());
    for run in runs.iter().skip(1) {
        let began: Zoned = run.started_at.to_zoned(zone.clone());
        let due = run.on_day.at(7, 30, 0, 0).to_zoned(zone.clone()).unwrap();
        let late = due.duration_until(&began);
        assert!(SignedDuration::ZERO <= late && late < LATE, "due {due}, began {began}");
    }
    for missed in [wednesday.tomorrow().unwrap(), saturday.yesterday().unwrap()] {
        let claim = house.store().await.claim_day(missed, run_end(&runs)).await.unwrap();
        assert_eq!(claim, Claim::Taken, "{missed} is noted as skipped");
    }
}

fn run_end(runs: &[lapsewatch::store::RunRow]) -> jiff::Timestamp {
    runs.iter().filter_map(|run| run.finished_at).max().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_october_night_and_three_days_down_give_one_run_a_day() {
    live_through(date(2026, 10, 24)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_march_night_and_three_days_down_give_one_run_a_day() {
    live_through(date(2027, 3, 27)).await;
}
