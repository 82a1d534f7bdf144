//! Who decides: the name that the ledger keeps beside a decision.

use std::{env, fs, os::unix::fs::MetadataExt};

use super::args::Decider;

impl Decider {
    /// The name given, else the account that asked for the command: before `sudo`, then by its name, then by its number.
    pub fn person(&self) -> String {
        let named = |variable: &str| env::var(variable).ok().filter(|name| !name.trim().is_empty());
        self.name.clone().or_else(|| named("SUDO_USER")).or_else(|| named("USER")).unwrap_or_else(account_number)
    }
}

fn account_number() -> String {
    fs::metadata("/proc/self").map_or_else(|_| "somebody".to_owned(), |own| format!("account {}", own.uid()))
}
