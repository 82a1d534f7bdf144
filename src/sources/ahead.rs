//! Records read ahead: one thread divides a file while another looks at what was divided.
use std::{
    io::Read,
    mem::take,
    ops::ControlFlow,
    sync::mpsc::{Receiver, SyncSender, channel, sync_channel},
    thread::{Builder, scope},
};

use super::{
    error::ReadError,
    table::{Cells, Records},
};

/// Records that are handed over together.
const SHEAF: usize = 1024;
/// How many bytes of memory they take at which a sheaf ends before it is full.
const BYTES: usize = 1024 * 1024;
/// Sheaves that wait to be looked at.
const WAITING: usize = 2;

/// Some records, in the order of the file.
#[derive(Default)]
struct Sheaf {
    /// Those from `len` on are of before and are used again.
    cells: Vec<Cells>,
    len: usize,
    /// The line the reader was on after the last of them.
    line: u32,
    /// What came behind them, when the file ends there or cannot be read on.
    end: Option<Result<(), ReadError>>,
}

impl Sheaf {
    /// Takes up the next records.
    fn fill<R: Read>(&mut self, records: &mut Records<R>) {
        let mut bytes = 0;
        self.len = 0;
        while self.len < SHEAF && bytes < BYTES && self.end.is_none() {
            if self.cells.len() == self.len {
                self.cells.push(Cells::default());
            }
            let Some(cells) = self.cells.get_mut(self.len) else { break };
            cells.forget_what_is_large();
            match records.read(cells) {
                Ok(true) => self.len += 1,
                Ok(false) => self.end = Some(Ok(())),
                Err(error) => self.end = Some(Err(error)),
            }
            bytes += cells.weight();
        }
        self.line = records.line();
    }

    fn records(&self) -> &[Cells] {
        self.cells.get(..self.len).unwrap_or_default()
    }
}

/// Why not all of a file was read.
pub(super) struct Stopped {
    /// What was wrong.
    pub(super) error: ReadError,
    /// The line the reader was on.
    pub(super) line: u32,
}

/// Calls `look` for each record that is not blank, in the order of the file, and with it the line the reader has come
/// to, which may be further on; with the last record it is the line behind that. `look` may end it.
///
/// # Errors
/// When the file cannot be read on, or no thread can be had; what lies before was looked at.
pub(super) fn each<R: Read + Send>(
    mut records: Records<R>,
    mut look: impl FnMut(&Cells, u32) -> ControlFlow<()>,
) -> Result<(), Stopped> {
    scope(|scope| {
        let (give, sheaves) = sync_channel(WAITING);
        let (give_back, used) = channel();
        let line = records.line();
        let dividing = Builder::new().spawn_scoped(scope, move || divide(&mut records, &give, &used));
        dividing.map_err(|error| Stopped { error: error.into(), line })?;
        for mut sheaf in sheaves {
            let line = sheaf.line;
            if sheaf.records().iter().filter(|cells| !cells.is_blank()).any(|cells| look(cells, line).is_break()) {
                return Ok(());
            }
            if let Some(end) = take(&mut sheaf.end) {
                return end.map_err(|error| Stopped { error, line });
            }
            // Nobody takes it when the file is at its end.
            _ = give_back.send(sheaf);
        }
        Ok(())
    })
}

/// Divides until the file ends or nobody looks any more.
fn divide<R: Read>(records: &mut Records<R>, give: &SyncSender<Sheaf>, used: &Receiver<Sheaf>) {
    loop {
        let mut sheaf = used.try_recv().unwrap_or_default();
        sheaf.fill(records);
        let is_last = sheaf.end.is_some();
        if give.send(sheaf).is_err() || is_last {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, most: usize) -> (Vec<String>, Option<u32>) {
        let records = Records::new(text.as_bytes(), b',', 0).expect("readable");
        let mut seen = Vec::new();
        let ended = each(records, |cells, _| {
            seen.push(cells.get(0).expect("a cell").into_owned());
            if seen.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        (seen, ended.err().map(|stopped| stopped.line))
    }

    #[test]
    fn every_record_is_looked_at_in_its_order() {
        let rows: Vec<_> = (0..=SHEAF * 5).map(|row| row.to_string()).collect();
        let (seen, fault) = read(&rows.join(",x\n"), usize::MAX);
        assert_eq!(seen, rows);
        assert_eq!(fault, None);
    }

    #[test]
    fn who_has_seen_enough_ends_it() {
        let text = "a,b\n".repeat(SHEAF * 20);
        assert_eq!(read(&text, 3).0.len(), 3);
    }

    #[test]
    fn a_fault_comes_after_what_stands_before_it_with_its_line() {
        let text = format!("{}\"open", "a,b\n".repeat(SHEAF + 7));
        let (seen, fault) = read(&text, usize::MAX);
        assert_eq!((seen.len(), fault), (SHEAF + 7, u32::try_from(SHEAF + 8).ok()));
    }

    #[test]
    fn long_records_are_handed_over_a_few_at_a_time_and_not_kept() {
        let cells = format!("{}\n", ",".repeat(1_000_000));
        let letters = format!("{}\n", "x,".repeat(200_000));
        for long in [cells, letters] {
            let text = format!("{}{}", long.repeat(20), "a,b\n".repeat(SHEAF));
            let mut records = Records::new(text.as_bytes(), b',', 0).expect("readable");
            let (mut sheaf, mut most, mut seen) = (Sheaf::default(), 0, 0);
            while sheaf.end.is_none() {
                sheaf.fill(&mut records);
                seen += sheaf.len;
                most = most.max(sheaf.records().iter().map(Cells::weight).sum());
            }
            assert_eq!(seen, 20 + SHEAF);
            assert!(most < BYTES + 17_000_000, "the last one that still goes in may be large: {most}");
            sheaf.cells.iter_mut().for_each(Cells::forget_what_is_large);
            assert!(sheaf.cells.iter().map(Cells::weight).sum::<usize>() < BYTES);
        }
    }
}
