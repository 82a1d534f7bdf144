//! Where a file that looks wrong goes, and where it goes from there (rule 19): aside, and in when somebody approves.

use std::fs;

use super::{
    exports::{FAULTS, Fault},
    site::*,
};
use lapsewatch::{
    jobs::{
        load::{LoadOutcome, LoadReport},
        observe::{load_files, sweep},
        run::{Finished, run_dry},
    },
    mail::memory::MemoryMailer,
    store::MessageState,
};

const BAD: Fault = Fault::CutBetweenRows;

/// The name under which a file is let in.
fn in_again(name: &str) -> (String, bool) {
    (name.to_owned(), true)
}

/// A look into the inbox between two runs.
async fn look(world: &World) -> Vec<LoadReport> {
    sweep(&world.site(&MemoryMailer::new()), &|_, _| ()).await.unwrap().loads
}

async fn run(world: &World) -> Finished {
    world.run(&MemoryMailer::new()).await
}

fn outcomes(finished: &Finished) -> Vec<LoadOutcome> {
    finished.observed.loads.iter().map(|load| load.outcome).collect()
}

/// What a dry run says: why it would hold, and whether a file waits.
async fn dry(world: &World) -> (Vec<String>, bool) {
    let (observed, planned) = run_dry(&world.site(&MemoryMailer::new())).await.unwrap();
    let why = planned.hold.map(|hold| hold.sentences()).unwrap_or_default();
    (why, observed.has_doubted())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_says_of_every_fault_what_the_run_then_does() {
    for fault in FAULTS {
        let world = World::healthy(&[]).await;
        world.drop_in("report.csv", fault.export(DAY));
        let said = dry(&world).await;
        assert!(said.1, "{fault:?}");
        assert_eq!(dry(&world).await, said, "{fault:?}: it changes nothing");
        let finished = run(&world).await;
        assert_eq!((why(&finished), finished.observed.has_doubted()), said, "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_holds_a_file_against_the_one_before_it_in_the_same_inbox() {
    let world = World::empty(&["adoption.hold=false"]).await;
    world.at(DAY);
    world.drop_in("yesterday.csv", report(plus(DAY, -1)));
    world.drop_in("today.csv", BAD.export(DAY));
    let said = dry(&world).await;
    assert!(said.1 && said.0.iter().any(|why| why.starts_with("\"today.csv\"")), "{said:?}");
    assert_eq!(why(&run(&world).await), said.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_in_doubt_that_is_dropped_again_stays_with_the_run_that_waits_for_it() {
    let world = World::healthy(&[]).await;
    world.run_with(BAD.export(DAY)).await;
    world.drop_in("again.csv", BAD.export(DAY));
    assert_eq!(dry(&world).await, (vec![], true));
    let finished = run(&world).await;
    assert_eq!(
        (outcomes(&finished), why(&finished).len()),
        (vec![LoadOutcome::Quarantined], 0),
        "nobody is asked twice"
    );
    assert!(finished.observed.has_doubted());
    let reason = finished.observed.loads[0].reason.as_deref().unwrap();
    assert!(reason.contains("It waits for a person already"), "{reason}");
    assert_eq!(world.approve(&world.held().await[0]).await, [in_again("report.csv")]);
    assert_eq!(outcomes(&run(&world).await), [LoadOutcome::Loaded]);
    assert!(world.loaded().await.contains(&DAY));
    assert!(world.held().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_in_doubt_before_its_run_is_held_for_once() {
    let world = World::healthy(&[]).await;
    for name in ["report.csv", "again.csv"] {
        world.drop_in(name, BAD.export(DAY));
        assert_eq!(look(&world).await[0].outcome, LoadOutcome::Quarantined);
    }
    let held = why(&run(&world).await);
    assert_eq!(held.len(), 2, "its rows and its accounts: {held:?}");
    assert_eq!(world.approve(&world.held().await[0]).await, [in_again("report.csv")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_believed_file_that_comes_back_is_a_duplicate() {
    let world = World::healthy(&[]).await;
    world.run_with(BAD.export(DAY)).await;
    world.approve(&world.held().await[0]).await;
    run(&world).await;
    let told = world.told().await;
    let (finished, _) = world.run_with(BAD.export(DAY)).await;
    assert_eq!((outcomes(&finished), why(&finished).len()), (vec![LoadOutcome::Duplicate], 0));
    assert_eq!(world.told().await, told);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_files_of_one_name_wait_with_one_run_and_are_let_in_together() {
    let world = World::healthy(&[]).await;
    for (fault, days) in [(BAD, -1), (Fault::BlankLogIns, 0)] {
        world.drop_in("report.csv", fault.export(plus(DAY, days)));
        look(&world).await;
        world.after(jiff::SignedDuration::from_mins(1));
    }
    let notes = ["2-report.csv", "2-report.csv.reason.txt", "report.csv", "report.csv.reason.txt"];
    assert_eq!(world.names("quarantine"), notes);
    let held = why(&run(&world).await);
    assert!(held.len() == 3 && held[2].contains("LastLogIn is blank in all 122 rows"), "{held:?}");
    assert_eq!(world.approve(&world.held().await[0]).await, [in_again("report.csv"), in_again("report.csv")]);
    assert_eq!(
        (world.names("quarantine").len(), world.names("inbox")),
        (0, vec!["2-report.csv".into(), "report.csv".into()])
    );
    let finished = run(&world).await;
    assert_eq!((outcomes(&finished), why(&finished).len()), (vec![LoadOutcome::Loaded; 2], 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_stays_in_place_waits_there_and_is_asked_about_once() {
    let world = World::healthy(&["snapshots.keep_in_place=true"]).await;
    world.drop_in("report.csv", BAD.export(DAY));
    assert_eq!(why(&run(&world).await).len(), 2);
    assert_eq!(dry(&world).await, (vec![], false));
    let finished = run(&world).await;
    assert_eq!((outcomes(&finished), why(&finished).len()), (vec![], 0), "not a word more");
    assert_eq!(world.approve(&world.held().await[0]).await, [in_again("report.csv")]);
    assert_eq!(outcomes(&run(&world).await), [LoadOutcome::Loaded]);
    assert_eq!((world.names("inbox"), world.names("quarantine").len()), (vec!["report.csv".into()], 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dismissed_file_that_stays_in_place_is_passed_over() {
    let world = World::healthy(&["snapshots.keep_in_place=true"]).await;
    world.drop_in("report.csv", BAD.export(DAY));
    run(&world).await;
    world.discard(&world.held().await[0]).await;
    world.drop_in("good.csv", &*GOOD);
    let finished = run(&world).await;
    assert_eq!((outcomes(&finished), why(&finished).len()), (vec![LoadOutcome::Loaded], 0), "the good one alone");
    assert_eq!(outcomes(&run(&world).await), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dismissed_file_that_is_offered_again_beside_a_good_one_of_its_day_is_in_doubt_again() {
    let world = World::healthy(&[]).await;
    world.run_with(BAD.export(DAY)).await;
    world.discard(&world.held().await[0]).await;
    world.run_with(&*GOOD).await;
    let told = world.told().await;
    let (finished, sent) = world.run_with(BAD.export(DAY)).await;
    assert_eq!((outcomes(&finished), why(&finished).len()), (vec![LoadOutcome::Quarantined], 2));
    assert_eq!((others(&sent), world.told().await == told), (vec![], true));
    world.discard(&world.held().await[0]).await;
    run(&world).await;
    assert_eq!((world.told().await == told, world.count(MessageState::Held).await), (true, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_file_named_on_the_command_line_stays_where_it_is_and_waits_all_the_same() {
    let world = World::healthy(&[]).await;
    let path = world.path("export.csv");
    fs::write(&path, BAD.export(DAY)).unwrap();
    let load = async || {
        let site = world.site(&MemoryMailer::new());
        load_files(&site, std::slice::from_ref(&path), &|_, _| ()).await.unwrap().remove(0).outcome
    };
    assert_eq!((load().await, load().await), (LoadOutcome::Quarantined, LoadOutcome::Quarantined));
    assert!(path.exists());
    let mailer = MemoryMailer::new();
    assert_eq!(why(&world.run(&mailer).await).len(), 2);
    assert!(read_by_operator(&mailer).contains("\"export.csv\" (Portal Mailbox Report, 20 November 2026)"));
    let files = world.approve(&world.held().await[0]).await;
    assert_eq!(files, [("export.csv".to_owned(), false)], "there is no quarantine, and nobody may take it from there");
    assert_eq!(load().await, LoadOutcome::Loaded);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_in_doubt_is_asked_about_though_the_breaker_is_switched_off_meanwhile() {
    let mut world = World::healthy(&[]).await;
    world.drop_in("report.csv", BAD.export(DAY));
    look(&world).await;
    let mut config = (*world.config).clone();
    config.breaker.enabled = false;
    world.config = config.into();
    assert_eq!(why(&run(&world).await).len(), 2);
    assert_eq!(world.approve(&world.held().await[0]).await, [in_again("report.csv")]);
}
