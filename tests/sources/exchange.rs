//! What Exchange Online's commands write: mailboxes, statistics, permissions, sends.
use lapsewatch::domain::snapshot::MemberRow;

use super::*;

fn members(records: Vec<Record>) -> Vec<MemberRow> {
    let member = |record| match record {
        Record::Member(row) => Some(*row),
        Record::Subject(_) | Record::Contact(_) | Record::Site(_) => None,
    };
    records.into_iter().filter_map(member).collect()
}

/// The member of a row; nothing for nobody.
fn name(row: &MemberRow) -> &str {
    row.member.as_ref().map(Address::as_str).unwrap_or_default()
}

fn addresses(rows: &[Observation]) -> Vec<&str> {
    rows.iter().filter_map(|row| row.address.as_ref().map(Address::as_str)).collect()
}

#[test]
fn the_mailbox_list_says_what_is_shared_and_calls_nobody_a_user() {
    let export = fixture("exchange-mailboxes.csv");
    assert_eq!((export.source(), export.as_of()), (Source::ExchangeMailboxes, None));
    assert_eq!((export.summary().rows, export.summary().skipped), (7, 2), "a group and the system's own");
    let ignored = ["UserPrincipalName", "GrantSendOnBehalfTo", "AccountDisabled"];
    assert_eq!(export.summary().ignored_columns, ignored);
    let (records, rejected) = split(&export);
    let [shared, ada, room] = &subjects(records)[..] else { panic!("three rows") };

    assert_eq!(shared.id.as_deref(), Some("7c1e0000-0000-4000-8000-0000000000a1"));
    assert_eq!(shared.address.as_ref().map(Address::as_str), Some("optometry.tp1a2@nhs.net"));
    assert_eq!((shared.kind, shared.created_on), (Kind::Shared, day(2024, 11, 21)), "the mailbox, not the account");
    assert_eq!((ada.kind, ada.created_on), (Kind::Unknown, day(2024, 2, 3)), "the list knows no activity");
    assert_eq!(room.kind, Kind::Resource);
    let reasons = told(&rejected);
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    assert_eq!(reasons[0], "line 7, PrimarySmtpAddress: \"pharmacy.f0001\" is no email address: it has no @");
    assert_eq!(reasons[1], "line 8: the row has neither an address nor an id");
}

#[test]
fn a_mailbox_without_its_own_address_column_filled_has_the_primary_one_of_all() {
    let (records, _) = read(
        b"RecipientTypeDetails,PrimarySmtpAddress,EmailAddresses\n\
          SharedMailbox,,X500:/o=x smtp:old@nhs.net SMTP:New@nhs.net\n\
          SharedMailbox,,\"{SMTP:other@nhs.net, smtp:older@nhs.net}\"\n",
    );
    assert_eq!(addresses(&subjects(records)), ["new@nhs.net", "other@nhs.net"]);
}

#[test]
fn of_statistics_an_action_counts_then_an_interaction_and_never_a_log_on() {
    let export = fixture("exchange-statistics.csv");
    assert_eq!((export.source(), export.as_of()), (Source::ExchangeStatistics, day(2026, 11, 20)));
    assert_eq!(export.summary().date_order, DateOrder::MonthFirst { line: 3 });
    assert!(export.summary().ignored_columns.iter().any(|name| name == "LastLogonTime"));
    let (records, rejected) = split(&export);
    let rows = subjects(records);
    let used: Vec<_> = rows.iter().map(|row| (row.kind, row.last_activity_on)).collect();
    assert_eq!(
        used,
        [(Kind::User, day(2026, 11, 2)), (Kind::Unknown, day(2026, 10, 3)), (Kind::User, None), (Kind::Shared, None)],
        "what is done in a shared mailbox is no send"
    );
    assert!(rows.iter().all(|row| row.last_sent_on.is_none()));
    assert_eq!(
        told(&rejected),
        ["line 7: the row has no address", "line 8, LastUserActionTime: \"13/32/2026\" is no date"]
    );
}

#[test]
fn log_ons_alone_tell_of_no_use_and_make_nobody_a_user() {
    let (records, _) = read(
        b"UserPrincipalName,MailboxTypeDetail,LastLogonTime\na@nhs.net,UserMailbox,2026-11-20\n\
          b@nhs.net,SharedMailbox,2026-11-20\n",
    );
    let told: Vec<_> = subjects(records).iter().map(|row| (row.kind, row.last_activity_on)).collect();
    assert_eq!(told, [(Kind::Unknown, None), (Kind::Shared, None)]);
}

#[test]
fn statistics_without_an_address_are_refused_with_the_command_that_adds_it() {
    let error = open(&Path::new(FIXTURES).join("exchange-statistics-without-address.csv")).expect_err("refused");
    let message = error.to_string();
    assert!(message.starts_with("line 1: these are mailbox statistics without an address"), "{message}");
    assert!(message.contains("Select-Object @{n='PrimarySmtpAddress'"), "{message}");
}

#[test]
fn who_may_open_a_mailbox_is_its_member_and_what_tells_of_nobody_is_passed_over() {
    let export = fixture("mailbox-permissions.csv");
    assert_eq!((export.source(), export.as_of()), (Source::ExchangePermissions, None));
    assert_eq!((export.summary().rows, export.summary().skipped), (10, 4));
    let warnings = &export.summary().warnings;
    assert!(warnings.contains(&"orphan rights, of people who are deleted (S-1-5-21-…): 1".to_owned()), "{warnings:?}");
    let (records, rejected) = split(&export);
    let rows = members(records);
    let pairs: Vec<_> = rows.iter().map(|row| (row.line, row.mailbox.as_str(), name(row))).collect();
    let mailbox = "optometry.tp1a2@nhs.net";
    let expected = [(2, mailbox, "ada.example@nhs.net"), (3, mailbox, "zoe.field@nhs.net"), (8, mailbox, "")];
    assert_eq!(pairs, expected, "the last of somebody who is gone");
    let reasons = told(&rejected);
    assert!(reasons[0].starts_with("line 9, User: \"Northtown team\" is no email address"), "{reasons:?}");
    assert!(reasons[1].starts_with("line 10, AccessRights: the rights are not written out"), "{reasons:?}");
    assert!(reasons[2].starts_with("line 11, Identity: \"OPTOMETRY, TP1A2 (NORTHTOWN)\" is no email"), "{reasons:?}");
    assert!(
        reasons[2].ends_with(
            "add a column PrimarySmtpAddress with the mailbox's address, by Select-Object, and export again"
        )
    );
}

#[test]
fn who_may_send_as_a_mailbox_is_its_member_too() {
    let (records, rejected) = split(&fixture("recipient-permissions.csv"));
    let rows = members(records);
    assert_eq!(rows.iter().map(name).collect::<Vec<_>>(), ["ada.example@nhs.net"]);
    assert_eq!(rejected.iter().map(|row| row.line).collect::<Vec<_>>(), [5]);
}

#[test]
fn the_newer_trace_reads_like_the_older_one() {
    let export = fixture("message-trace-v2.csv");
    assert_eq!((export.source(), export.summary().skipped), (Source::Sends, 2), "one did not leave, one may not have");
    let rows = subjects(split(&export).0);
    assert_eq!(addresses(&rows), ["optometry.tp1a2@nhs.net", "pharmacy.f0001@nhs.net"]);
    let sent: Vec<_> = rows.iter().map(|row| row.last_sent_on).collect();
    assert_eq!(sent, [day(2026, 11, 18), day(2026, 7, 2)], "half past eleven in UTC is the next day in summer");
}

#[test]
fn the_audit_log_tells_of_sends_from_a_mailbox_by_others() {
    let export = fixture("unified-audit.csv");
    assert_eq!((export.source(), export.summary().skipped), (Source::Sends, 2), "one failed, one is no send");
    let (records, rejected) = split(&export);
    let rows = subjects(records);
    assert_eq!(addresses(&rows), ["optometry.tp1a2@nhs.net", "pharmacy.f0001@nhs.net"]);
    assert_eq!(rows.iter().map(|row| row.last_sent_on).collect::<Vec<_>>(), [day(2026, 7, 2), day(2026, 11, 18)]);
    assert_eq!(
        told(&rejected),
        [
            "line 6, AuditData: the cell is no JSON; export it again",
            "line 7, AuditData: it names no mailbox that was sent from"
        ]
    );
    let portal = subjects(split(&fixture("purview-audit.csv")).0);
    assert_eq!((addresses(&portal), portal[0].last_sent_on), (vec!["optometry.tp1a2@nhs.net"], day(2026, 7, 2)));
}

#[test]
fn what_a_send_was_about_and_who_got_it_is_dropped_at_the_door() {
    for name in ["message-trace-v2.csv", "unified-audit.csv", "purview-audit.csv"] {
        let all = format!("{:?}", split(&fixture(name)));
        assert!(!all.contains("About you") && !all.contains("someone@example.org"), "{name}: {all}");
        assert!(!all.contains("ada.example"), "{name}: who sent it is nobody's business");
    }
}
