//! The daemon: which days run, what a restart finds, and how it answers signals and the service manager.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail tests")]

#[path = "support/base.rs"]
mod base;
#[path = "daemon/days.rs"]
mod days;
#[path = "daemon/house.rs"]
mod house;
#[path = "daemon/journal.rs"]
mod journal;
#[path = "daemon/manager.rs"]
mod manager;
#[path = "daemon/night.rs"]
mod night;
#[path = "daemon/process.rs"]
mod process;
#[path = "daemon/server.rs"]
mod server;
