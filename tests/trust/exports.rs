//! Bad exports as they really come (rules 18 and 19): nobody but the operator is told, it says why, and nothing that
//! was due is lost or told twice afterwards. What becomes of the file itself is in [`super::doubts`].

use super::site::*;
use jiff::civil::{Date, date};
use lapsewatch::{mail::memory::MemoryMailer, store::MessageState};

/// How an export goes wrong so that it can still be read.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    BlankLogIns,
    CutBetweenRows,
    MonthFirst,
    OtherTenant,
}

pub const FAULTS: [Fault; 4] = [Fault::BlankLogIns, Fault::CutBetweenRows, Fault::MonthFirst, Fault::OtherTenant];

impl Fault {
    pub fn export(self, as_of: Date) -> String {
        let mut rows = rows(as_of, DAY_FIRST);
        match self {
            Self::BlankLogIns => rows.iter_mut().for_each(|row| row.used.clear()),
            Self::CutBetweenRows => rows.truncate(rows.len() / 2),
            Self::MonthFirst => return write(&super::site::rows(as_of, MONTH_FIRST), MONTH_FIRST),
            Self::OtherTenant => {
                for row in &mut rows {
                    row.id.insert_str(0, "their-");
                    row.address.insert_str(0, "their.");
                }
            }
        }
        write(&rows, DAY_FIRST)
    }

    /// What the operator reads.
    const fn words(self) -> &'static [&'static str] {
        match self {
            Self::BlankLogIns => &["has no dates. LastLogIn is blank in all 122 rows."],
            Self::CutBetweenRows => {
                &["has 61 rows. The one before had 122.", "leaves out 61 of 122 accounts that were listed before."]
            }
            Self::MonthFirst => &["writes the month first. The one before wrote the day first."],
            Self::OtherTenant => &["leaves out 122 of 122 accounts that were listed before."],
        }
    }
}

/// What a good report tells people on [`DAY`].
async fn due() -> ToldTo {
    let world = World::healthy(&[]).await;
    let before = world.told().await;
    let (finished, _) = world.run_with(&*GOOD).await;
    assert_eq!(why(&finished), [""; 0], "a good day is not held");
    let due = since(&world.told().await, &before);
    assert!(due.len() > 30, "many are due: {due:?}");
    assert!(due.values().all(|times| *times == 1), "{due:?}");
    due
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_export_tells_nobody_but_the_operator_and_says_why() {
    for fault in FAULTS {
        let world = World::healthy(&[]).await;
        let before = world.told().await;
        let mailer = MemoryMailer::new();
        world.drop_in("report.csv", fault.export(DAY));
        let finished = world.run(&mailer).await;
        assert!(mailer.sent().iter().all(|mail| mail.to == OPERATOR), "{fault:?}");
        assert_eq!(since(&world.told().await, &before), ToldTo::new(), "{fault:?}");
        let read = read_by_operator(&mailer);
        let file = "\"report.csv\" (Portal Mailbox Report, 20 November 2026)";
        for words in fault.words() {
            let said = format!("{file} {words}");
            assert!(why(&finished).iter().any(|why| why.starts_with(&said)), "{fault:?}: {:?}", why(&finished));
            assert!(read.contains(&said), "{fault:?}: {read}");
        }
        assert!(read.contains("report.csv: it looks wrong, and is not loaded unless"), "{fault:?}: {read}");
        assert_eq!(world.held().await.len(), 1, "{fault:?}");
        assert!(!world.loaded().await.contains(&DAY), "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_export_as_the_very_first_tells_nobody() {
    for fault in FAULTS {
        let world = World::empty(&[]).await;
        world.at(DAY);
        let mailer = MemoryMailer::new();
        world.drop_in("report.csv", fault.export(DAY));
        let finished = world.run(&mailer).await;
        assert!(mailer.sent().iter().all(|mail| mail.to == OPERATOR), "{fault:?}");
        let read = read_by_operator(&mailer);
        assert!(!why(&finished).is_empty(), "{fault:?}");
        assert!(why(&finished).iter().all(|why| read.contains(why)), "{fault:?}: {read}");
        // With nothing to hold it against, only a blank column looks wrong; the others are first messages (20).
        assert_eq!(world.loaded().await.is_empty(), matches!(fault, Fault::BlankLogIns), "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_bad_first_export_the_first_good_one_waits_for_its_adoption() {
    let world = World::empty(&[]).await;
    world.at(DAY);
    world.run_with(Fault::BlankLogIns.export(DAY)).await;
    world.discard(&world.held().await[0]).await;
    let (finished, sent) = world.run_with(&*GOOD).await;
    assert_eq!(others(&sent), [""; 0]);
    assert_eq!(world.loaded().await, [DAY]);
    let first = "These are the first messages of the rule \"inactivity\".";
    assert!(why(&finished).iter().any(|why| why == first), "{:?}", why(&finished));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_read_changes_nothing_of_the_day() {
    let last_month = report(date(2026, 10, 20));
    let cut = &GOOD[..GOOD.len() / 2];
    let world = World::healthy(&[]).await;
    let before = world.told().await;
    world.run(&MemoryMailer::new()).await;
    let without = since(&world.told().await, &before);
    for (name, text) in [("cut", cut), ("of last month", last_month.as_str())] {
        let world = World::healthy(&[]).await;
        world.drop_in("report.csv", text);
        let mailer = MemoryMailer::new();
        let finished = world.run(&mailer).await;
        assert_eq!(since(&world.told().await, &before), without, "{name}: as on a day without a file");
        let load = &finished.observed.loads[0];
        let said = [load.reason.clone().unwrap_or_default(), load.warnings.join("\n")].concat();
        assert!(
            said.contains("it was copied only in part") || said.contains("one of 2026-11-19 is loaded already"),
            "{name}: {said}"
        );
        let is_told = read_by_operator(&mailer).contains("report.csv: ");
        assert_eq!(is_told, load.reason.is_some(), "{name}: the operator hears of a file that was refused");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn last_months_export_alone_tells_nobody_and_the_source_is_named() {
    let world = World::empty(&["adoption.hold=false", "breaker.enabled=false"]).await;
    world.at(DAY);
    world.drop_in("report.csv", report(date(2026, 10, 20)));
    let mailer = MemoryMailer::new();
    let finished = world.run(&mailer).await;
    assert!(mailer.sent().iter().all(|mail| mail.to == OPERATOR));
    let stale: Vec<_> = finished.planned.plan.report.stale.values().map(|(stale, _)| stale.to_string()).collect();
    let said = "Portal Mailbox Report is out of date: the newest is of 20 October 2026. That is 31 days ago, and 8 are \
                allowed.";
    assert_eq!(stale, [said]);
    let read = read_by_operator(&mailer);
    assert!(read.contains(said), "{read}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_approved_run_held_goes_out_once() {
    let due = due().await;
    for fault in [Fault::BlankLogIns, Fault::CutBetweenRows, Fault::MonthFirst] {
        let world = World::healthy(&[]).await;
        let before = world.told().await;
        world.run_with(fault.export(DAY)).await;
        assert_eq!(world.approve(&world.held().await[0]).await, [("report.csv".to_owned(), true)], "{fault:?}");
        let finished = world.run(&MemoryMailer::new()).await;
        assert_eq!(why(&finished), [""; 0], "{fault:?}: nobody is asked again");
        assert!(world.loaded().await.contains(&DAY), "{fault:?}: it is let in");
        assert!(world.names("inbox").is_empty() && world.names("quarantine").is_empty(), "{fault:?}");
        world.run(&MemoryMailer::new()).await;
        assert_eq!(since(&world.told().await, &before), due, "{fault:?}: an old log-in is as good as none");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_discard_and_a_good_export_it_is_as_if_the_bad_one_had_never_been() {
    let due = due().await;
    for fault in FAULTS {
        let world = World::healthy(&[]).await;
        let before = world.told().await;
        world.run_with(fault.export(DAY)).await;
        world.discard(&world.held().await[0]).await;
        let (finished, _) = world.run_with(&*GOOD).await;
        assert_eq!(why(&finished), [""; 0], "{fault:?}");
        assert_eq!(since(&world.told().await, &before), due, "{fault:?}");
        assert_eq!(world.count(MessageState::Held).await, 0, "{fault:?}");
    }
}

/// What somebody says of the bad report of [`DAY`].
#[derive(Debug, Clone, Copy)]
enum Verdict {
    /// Nothing.
    None,
    /// No, and today's run decides anew without it.
    Discard,
    /// No, and the next day's run decides anew.
    DiscardLater,
}

/// Good reports of the next days, and on [`DAY`] a bad one or none: what is told by the end.
async fn fortnight(bad: Option<Fault>, verdict: Verdict) -> ToldTo {
    let world = World::healthy(&[]).await;
    let before = world.told().await;
    if let Some(fault) = bad {
        world.run_with(fault.export(DAY)).await;
        for held in world.held().await.iter().filter(|_| !matches!(verdict, Verdict::None)) {
            world.discard(held).await;
        }
    }
    if bad.is_none() || matches!(verdict, Verdict::Discard) {
        world.run(&MemoryMailer::new()).await;
    }
    for days in 1..14 {
        let day = plus(DAY, days);
        world.at(day);
        let (finished, _) = world.run_with(report(day)).await;
        assert_eq!(why(&finished), [""; 0], "{bad:?}: a good report is not held against the bad one");
    }
    since(&world.told().await, &before)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fortnight_after_a_discard_exactly_that_was_told_which_would_have_been_without_the_bad_export() {
    let without = fortnight(None, Verdict::None).await;
    assert!(without.len() > 60, "{}", without.len());
    for fault in FAULTS {
        assert_eq!(fortnight(Some(fault), Verdict::Discard).await, without, "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fortnight_of_good_exports_loses_nobody_and_tells_nobody_wrongly_whatever_is_decided() {
    let without = fortnight(None, Verdict::None).await;
    for fault in FAULTS {
        let told = fortnight(Some(fault), Verdict::DiscardLater).await;
        assert!(told.iter().all(|(key, times)| without.get(key) == Some(times)), "{fault:?}: wrongly or twice");
        assert_eq!(subjects(&told), subjects(&without), "{fault:?}: everybody heard of is heard of");
        let undecided = fortnight(Some(fault), Verdict::None).await;
        assert!(undecided.iter().all(|(key, times)| without.get(key) == Some(times)), "{fault:?}: while it waits");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_good_export_is_not_kept_waiting_and_a_later_approval_tells_the_rest_once() {
    let without = {
        let world = World::healthy(&[]).await;
        let before = world.told().await;
        world.run(&MemoryMailer::new()).await;
        world.at(MONDAY);
        world.run_with(report(MONDAY)).await;
        since(&world.told().await, &before)
    };
    for fault in FAULTS {
        let world = World::healthy(&[]).await;
        let before = world.told().await;
        world.run_with(fault.export(DAY)).await;
        world.at(MONDAY);
        let (finished, sent) = world.run_with(report(MONDAY)).await;
        assert_eq!((why(&finished).len(), others(&sent).is_empty()), (0, false), "{fault:?}: {sent:?}");
        world.approve(&world.held().await[0]).await;
        world.run(&MemoryMailer::new()).await;
        let told = since(&world.told().await, &before);
        assert!(told.iter().all(|(key, times)| without.get(key) == Some(times)), "{fault:?}: wrongly or twice");
        assert_eq!(subjects(&told), subjects(&without), "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approved_export_of_other_people_makes_them_ours_once_their_number_is_approved_too() {
    let world = World::healthy(&[]).await;
    world.run_with(Fault::OtherTenant.export(DAY)).await;
    world.approve(&world.held().await[0]).await;
    let before = world.told().await;
    let finished = world.run(&MemoryMailer::new()).await;
    let [many] = &why(&finished)[..] else { panic!("{:?}", why(&finished)) };
    assert!(many.starts_with("This run would start new warnings for"), "{many}");
    assert!(subjects(&since(&world.told().await, &before)).iter().all(|about| !about.starts_with("their.")));
    world.approve(&world.held().await[0]).await;
    world.run(&MemoryMailer::new()).await;
    let told = since(&world.told().await, &before);
    assert!(subjects(&told).contains("their.person57.example@nhs.net"), "{told:?}");
}
