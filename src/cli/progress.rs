//! A line on a terminal that says how far a long load is.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

/// Rows between two looks at the clock.
const ROWS_A_TICK: u64 = 5_000;

/// A progress line on standard error; nothing where that is no terminal.
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A line that appears with the first rows.
    #[must_use]
    pub fn new() -> Self {
        let bar = if std::io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg:.dim} {human_pos} rows, {per_sec}") {
            bar.set_style(style);
        }
        Self { bar }
    }

    /// Notes how many rows of a file have been read.
    pub fn show(&self, file: &str, rows: u64) {
        if rows.is_multiple_of(ROWS_A_TICK) {
            self.bar.set_message(file.to_owned());
            self.bar.set_position(rows);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
