//! A machine clock that jumps an hour forward and back while messages leave (libfaketime).
//!
//! `LAPSEWATCH_TEST_FAKETIME` names the library, such as `/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1`.
//! Without it this test is left out, and says so.
use std::{
    env, fs,
    io::Write,
    path::PathBuf,
    process::Command,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use jiff::Timestamp;

use super::{
    fleet::{log, tail},
    rig::Rig,
    site::{MONDAY, Place},
};

const PATIENCE: Duration = Duration::from_mins(2);

const AN_HOUR: i64 = 3600;

/// The machine's clock as the program sees it: so many seconds from the real one, by a file that it reads every time.
struct Machine {
    library: PathBuf,
    file: PathBuf,
    monday: i64,
}

impl Machine {
    #[expect(clippy::disallowed_methods, reason = "libfaketime counts from the real clock")]
    fn new(rig: &Rig) -> Option<Self> {
        let Some(library) = env::var_os("LAPSEWATCH_TEST_FAKETIME") else {
            let line = "left out: a clock that jumps, LAPSEWATCH_TEST_FAKETIME names no library\n";
            std::io::stderr().write_all(line.as_bytes()).unwrap();
            return None;
        };
        let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
        let monday = MONDAY.parse::<Timestamp>().unwrap().as_second() - now;
        let machine = Self { library: library.into(), file: rig.site.path("clock"), monday };
        machine.jump_to(0);
        Some(machine)
    }

    /// The clock is so many seconds from Monday morning now, and what has passed since.
    fn jump_to(&self, from_monday: i64) {
        // Whole or not at all: the program may read at any moment.
        let next = self.file.with_extension("next");
        fs::write(&next, format!("{:+}\n", self.monday + from_monday)).unwrap();
        fs::rename(&next, &self.file).unwrap();
    }

    fn set(&self, command: &mut Command) {
        command.env("LD_PRELOAD", &self.library).env("FAKETIME_TIMESTAMP_FILE", &self.file).env("TZ", "UTC");
        command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("FAKETIME_NO_CACHE", "1");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_an_hour_forward_and_back_while_it_delivers_loses_and_doubles_nothing() {
    let rig = Rig::calm(&Place::Sqlite).await;
    let Some(machine) = Machine::new(&rig) else { return };
    rig.move_in().await;
    // Slow enough that there are messages under way at every jump.
    rig.weather.slow_down(Duration::from_millis(60));
    let life = rig.fleet.begin_by_the_machine(&rig.site, "run", |command| machine.set(command));
    for (kept, from_monday) in [(30, AN_HOUR), (90, 0), (150, AN_HOUR), (210, 0)] {
        rig.kept(kept, PATIENCE).await;
        machine.jump_to(from_monday);
    }
    // What was planned or put off in the hour that was taken back is due when it has passed.
    machine.jump_to(AN_HOUR + 60);
    rig.at_rest(life, PATIENCE).await;
    assert!(rig.fleet.lives(life), "{}", tail(&rig.site, life));
    rig.fleet.stop(&rig.site, life).await;
    rig.judge("2026-11-23T10:00:00Z");
    assert!(log(&rig.site, life).contains("clock"), "it says so:\n{}", tail(&rig.site, life));
}
