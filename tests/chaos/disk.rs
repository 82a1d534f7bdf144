//! A disk that fills up: the program says so, waits, and goes on when there is room again.
//!
//! The store lies on a file system of its own of a few megabytes, which root can mount. Without root these tests are
//! left out, and say so.
use std::{
    fs::{self, File},
    io::Write,
    path::PathBuf,
    process::Command,
    time::Duration,
};

use super::{
    fleet::{Aim, log, tail},
    journal::What,
    rig::Rig,
    site::{MONDAY, Place},
};

/// Longer than a lease and the first rest after a failure, on a machine that is busy.
const PATIENCE: Duration = Duration::from_mins(4);

/// Long enough to see that a program waits, and shorter than its patience.
const A_WHILE: Duration = Duration::from_secs(15);

/// The day's run begins at half past seven.
const SHORTLY_BEFORE_THE_RUN: &str = "2026-11-23T07:29:50Z";

/// A small file system, mounted until dropped.
struct SmallDisk {
    folder: PathBuf,
}

impl SmallDisk {
    /// None, with a line that says so, when we may not mount.
    fn mount(folder: PathBuf) -> Option<Self> {
        fs::create_dir(&folder).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=16m", "lapsewatch-test"]).arg(&folder);
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        if !mounted {
            let line = "left out: a disk that fills up, which needs root to mount a small one\n";
            std::io::stderr().write_all(line.as_bytes()).unwrap();
        }
        mounted.then_some(Self { folder })
    }

    /// Takes all the room there is.
    fn fill(&self) {
        let mut ballast = File::create(self.folder.join("ballast")).unwrap();
        while ballast.write_all(&[0; 4096]).is_ok() {}
    }

    fn make_room(&self) {
        fs::remove_file(self.folder.join("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("--lazy").arg(&self.folder).status());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_whose_disk_fills_up_while_it_delivers_waits_and_goes_on() {
    let rig = Rig::calm(&Place::Sqlite).await;
    let Some(disk) = SmallDisk::mount(rig.site.path("data")) else { return };
    rig.move_in().await;
    let life = rig.fleet.begin(&rig.site, MONDAY, "run", Aim::Nowhere);
    rig.kept(5, PATIENCE).await;
    rig.journal.note(life, "", "", What::Blinded("the disk is full".into()));
    disk.fill();
    rig.fleet.says(&rig.site, life, "disk is full").await;
    // It waits: it neither ends nor fills its log.
    tokio::time::sleep(A_WHILE).await;
    assert!(rig.fleet.lives(life), "{}", tail(&rig.site, life));
    let complaints = log(&rig.site, life).matches("disk is full").count();
    assert!(complaints < 20, "{complaints} complaints:\n{}", tail(&rig.site, life));

    disk.make_room();
    rig.at_rest(life, PATIENCE).await;
    rig.fleet.stop(&rig.site, life).await;
    rig.judge(MONDAY);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_whose_disk_is_full_when_exports_come_keeps_them_and_loads_them_later() {
    let rig = Rig::calm(&Place::Sqlite).await;
    let Some(disk) = SmallDisk::mount(rig.site.path("data")) else { return };
    rig.settle_in().await;
    let life = rig.fleet.begin(&rig.site, SHORTLY_BEFORE_THE_RUN, "run", Aim::Nowhere);
    rig.fleet.says(&rig.site, life, "messages leave by").await;
    disk.fill();
    rig.site.drop_exports();
    rig.fleet.says(&rig.site, life, "disk is full").await;
    assert_eq!(rig.site.names("quarantine"), [""; 0], "a full disk is not the file's fault");
    assert_eq!(rig.site.names("inbox").len(), 2);

    disk.make_room();
    rig.at_rest(life, PATIENCE).await;
    rig.fleet.stop(&rig.site, life).await;
    assert_eq!((rig.site.names("inbox").len(), rig.site.names("archive").len()), (0, 2));
    rig.judge(MONDAY);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_run_whose_disk_fills_up_waits_too_and_goes_on() {
    let rig = Rig::calm(&Place::Sqlite).await;
    let Some(disk) = SmallDisk::mount(rig.site.path("data")) else { return };
    rig.move_in().await;
    let life = rig.fleet.begin(&rig.site, MONDAY, "once", Aim::Nowhere);
    rig.kept(5, PATIENCE).await;
    rig.journal.note(life, "", "", What::Blinded("the disk is full".into()));
    disk.fill();
    tokio::time::sleep(A_WHILE).await;
    assert!(rig.fleet.lives(life), "{}", tail(&rig.site, life));

    disk.make_room();
    rig.fleet.ended(&rig.site, life).await;
    assert_eq!(rig.fleet.exit_code(life), Some(0), "{}", tail(&rig.site, life));
    rig.judge(MONDAY);
}
