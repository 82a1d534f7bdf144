//! Start here: accounts walked through time, and who is told what on which day.
//!
//! Each story is a site, the days on which something happens, and a table of everything that went out: the day, whose
//! account, the rule and its stage, and the rungs that were told. A rung with a `+` joined because nobody in the
//! stage's audience reads their mail. Reports are loaded every day, the ladders are the built-in ones, and every plan
//! on the way is held to the rules by [`support::check`].
mod support;

use support::{
    on,
    site::{Site, day},
    story::Story,
};

/// An optician's: Olive owns the shared mailbox, Max is a member, and the office has an address of its own.
fn northtown() -> Site {
    Site::new("TP1AB").mailbox("northtown").owner("olive").member("max").site_contact("office@northtown.example")
}

#[test]
fn an_optician_goes_quiet_is_warned_loses_the_account_and_loses_it_for_good() {
    let story = northtown().at_work("ada").walk(
        "2026-06-01",
        "2026-10-31",
        [
            day("2026-07-04").quiet("ada"),
            day("2026-09-01").deleted("ada"),
            day("2026-10-01").status("ada", "Deleted_Permanent"),
        ],
    );
    story.tells(
        "
        2026-07-24 Fri  ada  inactivity nudge     user                           # 21 days after 3 July
        2026-08-03 Mon  ada  inactivity inactive  user, owners, site mailbox     # a fact of Sunday, told on Monday
        2026-08-17 Mon  ada  inactivity warn      user, owners, site mailbox
        2026-08-25 Tue  ada  inactivity urgent    user, owners, site mailbox, site contact, operator
        2026-08-29 Sat  ada  inactivity final     user, owners, site mailbox, site contact, operator # any day
        2026-09-01 Tue  ada  restore deleted      owners, site mailbox, operator # nobody can be reached at hers now
        2026-09-16 Wed  ada  restore half         owners, site mailbox, operator
        2026-09-24 Thu  ada  restore urgent       owners, site mailbox, operator
        2026-09-29 Tue  ada  restore final        owners, site mailbox, operator # and on 1 October it is gone
        ",
    );
}

#[test]
fn an_optician_who_comes_back_in_time_hears_no_more() {
    let story = northtown().at_work("ada").walk(
        "2026-06-01",
        "2026-10-31",
        [day("2026-07-04").quiet("ada"), day("2026-08-20").at_work("ada")],
    );
    story.tells(
        "
        2026-07-24 Fri  ada  inactivity nudge     user
        2026-08-03 Mon  ada  inactivity inactive  user, owners, site mailbox
        2026-08-17 Mon  ada  inactivity warn      user, owners, site mailbox
        ",
    );
}

#[test]
fn an_account_restored_in_time_is_told_of_no_more() {
    let story = northtown().at_work("ada").walk(
        "2026-08-01",
        "2026-10-31",
        [
            day("2026-09-01").quiet("ada").deleted("ada"),
            day("2026-09-10").status("ada", "Restoring"),
            day("2026-09-17").status("ada", "Active").at_work("ada"),
        ],
    );
    story.tells("2026-09-01 Tue  ada  restore deleted  owners, site mailbox, operator");
}

#[test]
fn a_deletion_told_later_replaces_the_guess_and_keeps_what_was_told() {
    let story = northtown().at_work("ada").walk(
        "2026-08-01",
        "2026-10-31",
        [day("2026-09-01").quiet("ada").deleted("ada"), day("2026-09-14").deleted_on("ada", "2026-08-25")],
    );
    story.tells(
        "
        2026-09-01 Tue  ada  restore deleted  owners, site mailbox, operator # about 1 September: there until then
        2026-09-14 Mon  ada  restore half     owners, site mailbox, operator # 15 days before 24 September: late
        2026-09-17 Thu  ada  restore urgent   owners, site mailbox, operator
        2026-09-22 Tue  ada  restore final    owners, site mailbox, operator
        ",
    );
}

#[test]
fn a_password_ages_for_a_year_and_its_warnings_keep_off_christmas() {
    let story = northtown().at_work("paul").walk(
        "2026-01-10",
        "2027-03-31",
        [day("2026-01-10").password("paul"), day("2027-01-13").password("paul")],
    );
    story.tells(
        "
        2026-12-11 Fri  paul  password early    user
        2026-12-24 Thu  paul  password remind   user         # Sunday 27 is closed, and so are 26 and 25
        2026-12-31 Thu  paul  password urgent   user, owners # Sunday 3 January, and New Year's Day before it
        2027-01-11 Mon  paul  password expired  user, owners, site mailbox, operator # on Sunday 10
        ",
    );
}

#[test]
fn a_password_is_not_told_of_while_the_account_ends_before_it() {
    let story = northtown().at_work("paul").walk(
        "2026-01-05",
        "2026-12-31",
        [day("2026-01-05").password("paul"), day("2026-10-21").quiet("paul")],
    );
    story.tells(
        "
        2026-11-10 Tue  paul  inactivity nudge     user
        2026-11-19 Thu  paul  inactivity inactive  user, owners, site mailbox
        2026-12-04 Fri  paul  inactivity warn      user, owners, site mailbox
        2026-12-11 Fri  paul  inactivity urgent    user, owners, site mailbox, site contact, operator
        2026-12-16 Wed  paul  inactivity final     user, owners, site mailbox, site contact, operator
        2026-12-21 Mon  paul  password early       user, +owners # of 6 December: the account's end came first
        2026-12-22 Tue  paul  password remind      user, +owners
        2026-12-29 Tue  paul  password urgent      user, owners
        ",
    );
}

#[test]
fn a_leavers_account_is_counted_down_and_nothing_else_is_said_of_it() {
    let story = northtown().at_work("lee").walk(
        "2026-10-01",
        "2026-12-31",
        [
            day("2026-10-30").leaver("lee"),
            day("2026-10-31").quiet("lee"),
            day("2026-11-28").status("lee", "Disabled_Leaver"),
        ],
    );
    story.tells(
        "
        2026-10-30 Fri  lee  leaver marked  user, owners, operator
        2026-11-13 Fri  lee  leaver remind  user, owners, operator
        2026-11-20 Fri  lee  leaver urgent  user, owners, operator # and no nudge: the account ends before
        2026-11-27 Fri  lee  leaver final   user, owners, operator
        ",
    );
}

#[test]
fn a_leaver_marked_by_mistake_is_an_unused_account_again() {
    let story = northtown().at_work("lee").walk(
        "2026-10-01",
        "2026-12-10",
        [
            day("2026-10-30").leaver("lee"),
            day("2026-10-31").quiet("lee"),
            day("2026-11-23").status("lee", "Active"),
            day("2026-12-08").at_work("lee"),
        ],
    );
    story.tells(
        "
        2026-10-30 Fri  lee  leaver marked        user, owners, operator
        2026-11-13 Fri  lee  leaver remind        user, owners, operator
        2026-11-20 Fri  lee  leaver urgent        user, owners, operator
        2026-11-23 Mon  lee  inactivity nudge     user # of 20 November: silence consumed no stage
        2026-11-30 Mon  lee  inactivity inactive  user, owners, site mailbox
        ",
    );
}

#[test]
fn a_new_account_that_nobody_activates_is_told_of_to_those_who_can_reach_the_person() {
    let story = northtown()
        .unactivated("nia", "2026-09-01")
        .unactivated("noor", "2026-09-01")
        .alternate("noor", "noor@home.example")
        .walk("2026-09-01", "2026-11-30", [day("2026-10-05").at_work("noor"), day("2026-10-31").deleted("nia")]);
    story.tells(
        "
        2026-09-08 Tue  nia   activation welcome   user, owners
        2026-09-08 Tue  noor  activation welcome   user, owners
        2026-09-22 Tue  nia   activation remind    owners       # nobody looks into a mailbox never opened
        2026-09-22 Tue  noor  activation remind    user, owners # but into the one at home
        2026-10-01 Thu  nia   activation inactive  owners, site mailbox
        2026-10-01 Thu  noor  activation inactive  user, owners, site mailbox
        2026-10-16 Fri  nia   activation warn      owners, site mailbox
        2026-10-23 Fri  nia   activation urgent    owners, site mailbox, operator # a Saturday's, the day before
        2026-10-28 Wed  nia   activation final     owners, site mailbox, operator
        2026-11-02 Mon  nia   restore deleted      owners, site mailbox, operator # on Saturday 31
        2026-11-13 Fri  nia   restore half         owners, site mailbox, operator
        2026-11-23 Mon  nia   restore urgent       owners, site mailbox, operator
        2026-11-28 Sat  nia   restore final        owners, site mailbox, operator
        ",
    );
}

#[test]
fn a_shared_mailbox_that_sends_nothing_is_repeated_until_it_is_said_three_times() {
    let story = northtown().watching_sends().walk(
        "2026-08-03",
        "2027-08-31",
        [day("2026-08-31").sent("northtown"), day("2027-06-01").sent("northtown")],
    );
    story.tells(
        "
        2026-12-31 Thu  northtown  shared_mailbox early     owners
        2027-01-29 Fri  northtown  shared_mailbox remind    owners, site mailbox # 31 January is a Sunday
        2027-02-12 Fri  northtown  shared_mailbox urgent    owners, site mailbox, members
        2027-03-01 Mon  northtown  shared_mailbox silent    owners, site mailbox, members, operator # six months: 28 Feb
        2027-03-30 Tue  northtown  shared_mailbox silent#2  owners, site mailbox, members, operator # after Easter
        2027-04-28 Wed  northtown  shared_mailbox silent#3  owners, site mailbox, members, operator
        ",
    );
}

#[test]
fn late_evidence_of_a_few_days_keeps_what_was_told_and_moves_what_comes() {
    let story = northtown().at_work("ada").walk(
        "2026-06-01",
        "2026-08-31",
        [day("2026-07-04").quiet("ada"), day("2026-07-30").used_on("ada", "2026-07-08")],
    );
    story.tells(
        "
        2026-07-24 Fri  ada  inactivity nudge     user
        2026-08-07 Fri  ada  inactivity inactive  user, owners, site mailbox # 30 days after 8 July, no second nudge
        2026-08-21 Fri  ada  inactivity warn      user, owners, site mailbox
        2026-08-28 Fri  ada  inactivity urgent    user, owners, site mailbox, site contact, operator
        ",
    );
}

#[test]
fn late_evidence_of_weeks_starts_the_ladder_again() {
    let story = northtown().at_work("ada").walk(
        "2026-06-01",
        "2026-08-31",
        [day("2026-07-04").quiet("ada"), day("2026-08-14").used_on("ada", "2026-07-20")],
    );
    story.tells(
        "
        2026-07-24 Fri  ada  inactivity nudge     user
        2026-08-03 Mon  ada  inactivity inactive  user, owners, site mailbox
        2026-08-14 Fri  ada  inactivity nudge     user # 21 days after 20 July were 10 August
        2026-08-19 Wed  ada  inactivity inactive  user, owners, site mailbox
        ",
    );
}

#[test]
fn while_a_status_is_in_flight_everything_rests_and_then_goes_on() {
    let story = northtown().at_work("ada").walk(
        "2026-06-01",
        "2026-08-31",
        [
            day("2026-07-04").quiet("ada"),
            day("2026-07-31").status("ada", "Migration Pending"),
            day("2026-08-18").status("ada", "Active"),
        ],
    );
    story.tells(
        "
        2026-07-24 Fri  ada  inactivity nudge   user
        2026-08-18 Tue  ada  inactivity warn    user, owners, site mailbox # of 17 August; inactive is passed over
        2026-08-25 Tue  ada  inactivity urgent  user, owners, site mailbox, site contact, operator
        2026-08-29 Sat  ada  inactivity final   user, owners, site mailbox, site contact, operator
        ",
    );
}

#[test]
fn over_christmas_warnings_come_before_facts_come_after_and_the_last_call_comes_on_the_day() {
    let story = northtown().at_work("ada").at_work("bea").at_work("cai").walk(
        "2026-10-01",
        "2027-01-10",
        [
            day("2026-10-30").quiet("ada"),
            day("2026-11-05").quiet("bea"),
            day("2026-11-26").quiet("cai"),
            day("2027-01-04").deleted("bea"),
        ],
    );
    story.tells(
        "
        2026-11-19 Thu  ada  inactivity nudge     user
        2026-11-25 Wed  bea  inactivity nudge     user
        2026-11-30 Mon  ada  inactivity inactive  user, owners, site mailbox
        2026-12-04 Fri  bea  inactivity inactive  user, owners, site mailbox
        2026-12-11 Fri  ada  inactivity warn      user, owners, site mailbox
        2026-12-16 Wed  cai  inactivity nudge     user
        2026-12-18 Fri  bea  inactivity warn      user, owners, site mailbox
        2026-12-21 Mon  ada  inactivity urgent    user, owners, site mailbox, site contact, operator
        2026-12-24 Thu  bea  inactivity urgent    user, owners, site mailbox, site contact, operator # Sunday's
        2026-12-25 Fri  ada  inactivity final     user, owners, site mailbox, site contact, operator # Christmas Day
        2026-12-29 Tue  cai  inactivity inactive  user, owners, site mailbox # Friday's, after the substitute day
        2026-12-31 Thu  bea  inactivity final     user, owners, site mailbox, site contact, operator
        2027-01-04 Mon  bea  restore deleted      owners, site mailbox, operator # on 3 January, her deadline
        2027-01-08 Fri  cai  inactivity warn      user, owners, site mailbox
        ",
    );
}

#[test]
fn where_nobody_reads_further_rungs_join_until_somebody_does() {
    let southmoor = || Site::new("V01234").mailbox("southmoor").absent_owner("omar").at_work("ada");
    let quiet = || [day("2026-07-04").quiet("ada")];
    southmoor().site_contact("desk@southmoor.example").walk("2026-06-01", "2026-08-10", quiet()).tells(
        "
        2026-07-24 Fri  ada  inactivity nudge     user # used 21 days ago: still read
        2026-08-03 Mon  ada  inactivity inactive  user, owners, site mailbox, +site contact
        ",
    );
    southmoor().walk("2026-06-01", "2026-08-10", quiet()).tells(
        "
        2026-07-24 Fri  ada  inactivity nudge     user
        2026-08-03 Mon  ada  inactivity inactive  user, owners, site mailbox, +operator # for whom it is on the list
        ",
    );
}

#[test]
fn days_without_a_run_cost_lateness_and_never_silence() {
    let mut story = Story::begin(northtown().at_work("ada"));
    let was_down = on("2026-08-15")..=on("2026-08-26");
    let days = [day("2026-07-04").quiet("ada")];
    story.walk(on("2026-06-01"), on("2026-08-31"), days, |today| !was_down.contains(&today));
    story.tells(
        "
        2026-07-24 Fri  ada  inactivity nudge     user
        2026-08-03 Mon  ada  inactivity inactive  user, owners, site mailbox
        2026-08-27 Thu  ada  inactivity urgent    user, owners, site mailbox, site contact, operator # of the 25th
        2026-08-29 Sat  ada  inactivity final     user, owners, site mailbox, site contact, operator
        ",
    );
}

#[test]
fn one_person_gets_one_digest_and_a_last_call_stands_alone() {
    let story = northtown().at_work("ada").at_work("bea").walk(
        "2026-06-01",
        "2026-08-31",
        [day("2026-07-04").quiet("ada").quiet("bea"), day("2026-08-29").used("bea")],
    );
    assert_eq!(
        story.post("2026-08-17"),
        [
            "ada letter: ada inactivity warn",
            "bea letter: bea inactivity warn",
            "northtown digest: ada inactivity warn, bea inactivity warn",
            "olive digest: ada inactivity warn, bea inactivity warn",
        ]
    );
    assert_eq!(
        story.post("2026-08-29"),
        [
            "ada letter: ada inactivity final",
            "northtown digest: ada inactivity final",
            "office@northtown.example digest: ada inactivity final",
            "olive digest: ada inactivity final",
            "operator@example.org operator: ada inactivity final",
        ]
    );
}
