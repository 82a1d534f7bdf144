//! Chaos: the real program against an unkind mail server, killed again and again, on a failing disk and a jumping
//! clock. Nothing due may be lost, and nobody may be told twice.
//!
//! Black box: the program is started and killed as a process, and known by its output alone. [`judge`] holds what the
//! program's ledger says against what the server kept and what was due. How many kills and which dice:
//! `LAPSEWATCH_TEST_KILLS` (20) and `LAPSEWATCH_TEST_SEED` (new every time, and told when a test fails).
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests fail like tests")]

#[path = "chaos/clock.rs"]
mod clock;
#[path = "chaos/database.rs"]
mod database;
#[path = "chaos/disk.rs"]
mod disk;
#[path = "chaos/fleet.rs"]
mod fleet;
#[path = "chaos/journal.rs"]
mod journal;
#[path = "chaos/judge.rs"]
mod judge;
#[path = "chaos/judge_tests.rs"]
mod judge_tests;
#[path = "chaos/ledger.rs"]
mod ledger;
#[path = "chaos/postgres.rs"]
mod postgres;
#[path = "chaos/rig.rs"]
mod rig;
#[path = "chaos/server.rs"]
mod server;
#[path = "chaos/site.rs"]
mod site;
#[path = "chaos/storm.rs"]
mod storm;
#[path = "chaos/weather.rs"]
mod weather;
