//! Packed exports, workbooks, and an inbox full of traps: what is read, what is refused and in which words, and that
//! nothing costs more than it may.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail like tests"
)]

#[path = "containers/inbox.rs"]
mod inbox;
#[path = "containers/make.rs"]
mod make;
#[path = "containers/packed.rs"]
mod packed;
#[expect(dead_code, reason = "shared with tests/bad_input.rs, which uses the rest of it")]
mod program;
#[path = "containers/workbooks.rs"]
mod workbooks;
