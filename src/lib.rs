//! lapsewatch keeps people from losing their NHSmail accounts and shared mailboxes.
//!
//! The way through, in ten lines:
//!
//! 1. [`sources`] reads a file an administrator could download, and gives observations and rejected lines.
//! 2. [`domain::register`] merges them into what is known, with their provenance; [`store`] keeps it.
//! 3. [`domain::evaluate`] finds, for every subject, which rule counts what and how far up its ladder it is.
//! 4. [`domain::plan`] decides who is told what today: a complete plan, a pure function of all that.
//! 5. [`store`] writes the plan in one transaction: episodes, notices, messages, the ledger.
//! 6. [`jobs::deliver`] leases each message, checks it once more, and records the attempt;
//! 7. [`mail::render`] writes its words from one content file, [`mail`] sends it or puts it in a folder;
//! 8. and the store settles it: accepted, deferred, rejected, cancelled or unknown.
//! 9. [`jobs::run`] is all of that once; [`lifecycle`] does it every civil day.
//! 10. [`cli`] is how people start it, and how they ask it why.
//!
//! Imports go one way: `main → cli → app → {lifecycle, jobs} → {store, mail, sources} → domain`; [`clock`] and
//! [`telemetry`] stand at the side, [`config`] builds domain values. `tests/architecture.rs` enforces it.
pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod domain;
pub mod jobs;
pub mod lifecycle;
pub mod mail;
pub mod sources;
pub mod store;
pub mod telemetry;
