//! Lists of accounts: Entra and Active Directory.
use super::*;

#[test]
fn entra_tells_who_has_an_account_and_nothing_of_its_use() {
    let export = fixture("exportUsers_2026-11-20.csv");
    assert_eq!((export.source(), export.as_of()), (Source::EntraUsers, day(2026, 11, 20)));
    assert_eq!((export.summary().rows, export.summary().skipped), (6, 2), "guests are somebody else's");
    let (records, rejected) = split(&export);
    let [ada, kit] = &subjects(records)[..] else { panic!("two rows") };
    assert_eq!(ada.id.as_deref(), Some("7c1e0000-0000-4000-8000-000000000001"));
    assert_eq!(ada.address.as_ref().map(Address::as_str), Some("ada.example@nhs.net"));
    assert_eq!((ada.enabled, ada.created_on), (Some(true), day(2026, 7, 2)), "UTC");
    assert_eq!((ada.kind, ada.last_activity_on), (Kind::Unknown, None), "it can start no clock");
    assert_eq!(kit.address.as_ref().map(Address::as_str), Some("kit.hill@nhs.net"), "from the user principal name");
    assert_eq!((kit.display_name.as_deref(), kit.enabled), (None, Some(false)), "nobody is called a formula");
    assert_eq!(
        told(&rejected),
        ["line 6, createdDateTime: \"last year\" is no date", "line 7: the row has neither an address nor an id"]
    );
}

#[test]
fn entras_older_file_reads_the_same() {
    let export = fixture("entra-older.csv");
    assert_eq!((export.source(), export.as_of()), (Source::EntraUsers, None));
    assert_eq!(export.summary().missing_columns, ["createdDateTime"]);
    let rows = subjects(split(&export).0);
    assert_eq!(rows[0].id.as_deref(), Some("7c1e0000-0000-4000-8000-000000000001"));
    assert_eq!(rows[0].address.as_ref().map(Address::as_str), Some("ada.example@nhs.net"));
}

#[test]
fn nothing_of_a_private_column_of_entra_is_in_a_record() {
    let all = format!("{:?}", split(&fixture("exportUsers_2026-11-20.csv")));
    for secret in ["01632", "07700", "High Street", "Optometrist", "example.org"] {
        assert!(!all.contains(secret), "{secret}");
    }
}

#[test]
fn a_local_log_on_is_no_use_and_a_local_password_not_nhsmails() {
    let export = fixture("ad-users.csv");
    assert_eq!((export.source(), export.as_of()), (Source::AdUsers, day(2026, 11, 19)), "the newest log-on");
    assert_eq!(export.summary().skipped, 1, "a service has no address");
    assert!(export.summary().ignored_columns.iter().any(|name| name == "PasswordLastSet"));
    let (records, rejected) = split(&export);
    let [ada, kit] = &subjects(records)[..] else { panic!("two rows") };
    assert_eq!(ada.address.as_ref().map(Address::as_str), Some("ada.example@nhs.net"), "mail before the local name");
    assert_eq!((ada.enabled, ada.last_activity_on, ada.password_changed_on), (Some(true), None, None));
    assert_eq!(kit.address.as_ref().map(Address::as_str), Some("kit.hill@practice.example"));
    assert_eq!(kit.enabled, Some(false));
    assert_eq!(told(&rejected), ["line 6, EmailAddress: \"zoe.field\" is no email address: it has no @"]);
}

#[test]
fn csvde_writes_bits_filetimes_and_hexadecimal_text() {
    let export = fixture("csvde.csv");
    assert_eq!((export.source(), export.as_of()), (Source::AdUsers, day(2026, 11, 18)));
    assert_eq!(export.summary().skipped, 2, "a computer and a group");
    let (records, rejected) = split(&export);
    let [ada, zoe] = &subjects(records)[..] else { panic!("two rows") };
    assert_eq!((ada.enabled, ada.last_activity_on), (Some(true), None));
    assert_eq!(zoe.address.as_ref().map(Address::as_str), Some("zoe.field@nhs.net"));
    assert_eq!((zoe.display_name.as_deref(), zoe.enabled), (Some("FIELD, Zoë"), Some(false)));
    assert_eq!(told(&rejected), ["line 6, lastLogonTimestamp: \"1343946\" is no date"]);
}
