//! The lapsewatch program. Everything it does is in the library; see `lib.rs` for the way through.

use std::process::ExitCode;

/// Loading millions of rows is asking for millions of small pieces of memory, and giving them back on another thread: the
/// system's allocator takes a quarter of the time for that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    lapsewatch::cli::main()
}
