//! The pure heart: values in, values out.
//!
//! Nothing in here reads a clock, a file, a database or the environment, and nothing is async. It may use `std` and
//! the date library, nothing else; `tests/architecture.rs` enforces it. The rules it implements are numbered: a
//! comment "(rule 9)" or "(domain rule 9)" refers to the numbered list in README.md, "The rules".
pub mod breaker;
mod bundle;
pub mod calendar;
pub mod contacts;
pub mod countdown;
pub mod coverage;
pub mod day;
pub mod delivery;
pub mod episode;
pub mod evaluate;
pub mod facts;
pub mod feeds;
pub mod freshness;
pub mod gates;
pub mod history;
pub mod hours;
pub mod message;
pub mod names;
pub mod newcomer;
pub mod observe;
pub mod outbox;
pub mod plan;
pub mod planner;
pub mod policy;
pub mod quota;
pub mod recipient;
pub mod record;
pub mod register;
pub mod report;
pub mod retention;
pub mod roll;
pub mod scrub;
pub mod sites;
pub mod snapshot;
pub mod spread;
pub mod subject;
#[cfg(test)]
pub(crate) mod testing;
pub mod wake;
pub mod words;
