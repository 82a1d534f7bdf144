//! lapsewatch keeps people from losing their NHSmail accounts and shared mailboxes.
pub mod config;
pub mod domain;
pub mod mail;
pub mod sources;
pub mod store;
