//! The pure heart: values in, values out.
//!
//! Nothing in here reads a clock, a file, a database or the environment, and nothing is async. It may use `std` and
//! the date library, nothing else; `tests/architecture.rs` enforces it. The rules it implements are numbered: a
//! comment "(rule 9)" or "(domain rule 9)" refers to the numbered list in README.md, "The rules".
pub mod calendar;
pub mod message;
pub mod policy;
pub mod snapshot;
pub mod subject;
