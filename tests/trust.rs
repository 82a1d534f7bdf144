//! A bad export frightens nobody: whole sites, from the inbox to the mail server, with the gates as they come.
//!
//! Each part starts from the healthy site of [`site`], on a day on which many people are due, and breaks one thing. The
//! clock is moved by hand and the mail server is in memory; the database, the files and the program are real.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

#[path = "trust/adoption.rs"]
mod adoption;
#[path = "trust/doubts.rs"]
mod doubts;
#[path = "trust/exports.rs"]
mod exports;
#[path = "trust/facts.rs"]
mod facts;
#[path = "trust/mutated.rs"]
mod mutated;
#[path = "trust/site.rs"]
mod site;
