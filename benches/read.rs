//! How fast exports are read.
//!
//!     cargo bench --bench read [-- FILE]
//!
//! Times both passes over FILE, or over an invented Mailbox Report of 300,000 rows: the opening one (encoding, hash,
//! records, order of dates) and the second over rows that are split, counted and hashed; then once more with every row
//! read to a record. Each pass is made three times, on one thread; the quickest counts.
#![expect(clippy::expect_used, reason = "a benchmark that cannot run ends")]
use std::{
    env, fs,
    io::{BufWriter, Write},
    ops::ControlFlow,
    path::{Path, PathBuf},
    time::Instant,
};

use jiff::{civil::date, tz::TimeZone};
use lapsewatch::sources::{self, Export, ReadSettings};

const ROWS: u32 = 300_000;
const TIMES: usize = 3;
const HEADER: &str = "Id,Title,FirstName,LastName,DisplayName,MailboxType,Status,EmailAddress,Telephone,Mobile,Notes,\
CreatedOn,LastUpdated,LastLogIn,UserPrincipalName,ODS Code,OrganisationName,AUPStatus,MarkAsLeaverDate,AccountType,\
DaysUntilRemoval\r\n";

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let named = env::args().skip(1).find(|word| !word.starts_with("--")).map(PathBuf::from);
    let path = named.unwrap_or_else(|| invent(folder.path()));
    let bytes = fs::metadata(&path).expect("a file").len();
    let zone = TimeZone::get("Europe/London").expect("bundled");
    let settings = ReadSettings { time_zone: &zone, day_first: true };

    let export = timed("first pass", bytes, || sources::open(&path, &settings).expect("an export"));
    timed("second pass, split and hashed", bytes, || each(&export, false));
    let rows = timed("second pass, read", bytes, || each(&export, true));
    println!("{rows} rows of {}", export.source().title());
}

/// Runs it a few times and prints the best.
fn timed<T>(name: &str, bytes: u64, mut run: impl FnMut() -> T) -> T {
    let mut once = || {
        let begun = Instant::now();
        (run(), begun.elapsed().as_secs_f64())
    };
    let (result, first) = once();
    let best = (1..TIMES).map(|_| once().1).fold(first, f64::min);
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = bytes as f64 / 1e6 / best;
    println!("{name:30} {best:7.2} s {rate:7.0} MB/s");
    result
}

fn each(export: &Export, reads: bool) -> u64 {
    let mut census = export.census(date(2026, 11, 20));
    let (mut rows, mut sum) = (0, 0_u64);
    export
        .each(&mut census, &mut |row| {
            rows += 1;
            sum ^= row.key().unwrap_or_default() ^ row.print();
            if reads {
                sum ^= u64::from(row.read().is_ok());
            }
            ControlFlow::Continue(())
        })
        .expect("the same file");
    std::hint::black_box(sum);
    rows
}

/// A Mailbox Report of people who are not.
fn invent(folder: &Path) -> PathBuf {
    let path = folder.join("2026-11-20 Mailbox Report.csv");
    let mut file = BufWriter::new(fs::File::create(&path).expect("a file"));
    file.write_all(HEADER.as_bytes()).expect("written");
    for at in 0..ROWS {
        let (day, month) = (at % 28 + 1, at % 12 + 1);
        write!(
            file,
            "\"{at:08x}-0000-4000-8000-{at:012x}\",\"\",\"Kit\",\"Hill\",\"HILL, Kit (LOWICK DENTAL {at})\",\"User\",\
             \"Active\",\"kit.hill{at}@nhs.net\",\"\",\"Hidden\",\"\",\"{day:02}/{month:02}/2024 09:12\",\
             \"20/11/2026 08:00\",\"{day:02}/10/2026 00:00\",\"kit.hill{at}@nhs.net\",\"V{:05}\",\
             \"LOWICK DENTAL {at}\",\"True\",\"\",\"\",\"{}\"\r\n",
            at % 9000,
            at % 60
        )
        .expect("written");
    }
    file.flush().expect("written");
    path
}
