//! lapsewatch keeps people from losing their NHSmail accounts and shared mailboxes.
pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod domain;
pub mod jobs;
pub mod mail;
pub mod sources;
pub mod store;
pub mod telemetry;
