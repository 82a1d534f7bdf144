//! Invented sites walked through time, and the one checker of plans: what the integration tests share.
//!
//! [`base`] gives each test a database of its own, [`outbox`] messages in it. [`site`] says who there is, [`story`] walks them from day to day through the real register and planner, [`check`]
//! holds every plan that is made on the way to the rules. Nobody in here exists.
#![allow(dead_code, reason = "each test file uses its own part of this")]
#![expect(clippy::expect_used, clippy::panic, reason = "helpers of tests fail tests")]

pub mod base;
pub mod check;
pub mod outbox;
pub mod site;
pub mod story;

use std::sync::LazyLock;

use jiff::civil::{Date, date};
use lapsewatch::{
    config::{self, Config, Sources},
    domain::subject::Address,
};

/// The built-in configuration: the default ladders, England and Wales, Europe/London.
pub fn config() -> &'static Config {
    static CONFIG: LazyLock<Config> = LazyLock::new(|| {
        let sources = Sources { today: date(2026, 1, 1), ..Sources::default() };
        config::load(&sources).expect("the built-in configuration is right").config
    });
    &CONFIG
}

/// A civil date, `2026-10-06`.
pub fn on(text: &str) -> Date {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// `ada` is `ada@nhs.net`; what has an `@` stays as it is.
pub fn address(name: &str) -> Address {
    if name.contains('@') { Address::new(name) } else { Address::new(&format!("{name}@nhs.net")) }
}

/// The reverse of [`address`]: what a table calls somebody.
pub fn short(address: &Address) -> &str {
    address.as_str().strip_suffix("@nhs.net").unwrap_or(address.as_str())
}
