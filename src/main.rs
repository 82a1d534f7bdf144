//! The lapsewatch program. Everything it does is in the library; see `lib.rs` for the way through.

use std::process::ExitCode;

fn main() -> ExitCode {
    lapsewatch::cli::main()
}
