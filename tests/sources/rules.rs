//! The reading rules that hold for every table, all in one file as an unlucky machine would write it.
use lapsewatch::{
    domain::subject::{Kind, MfaState},
    sources::DateOrder,
};

use super::{day, opened, split, subjects, told};

#[test]
fn what_powershell_and_spreadsheets_add_is_no_part_of_a_table() {
    let text = [
        "\u{FEFF}#TYPE Selected.System.Object",
        "sep=;",
        "\"Address\";\"KIND\";\"display name\";\"created_at\";\"last-activity-at\";\"mfa\";\"ods\";\"enabled\"",
        "SMTP:Ada@nhs.net;user;=1+3;11/1/2026 7:47:00\u{202F}am;11/12/2026 11:00:00 PM;User Enabled;\"=\"\"00123\"\"\";YES",
        "zoe_example.org#EXT#@tenant.onmicrosoft.com;user;Zoe;;;;;",
        "sam@nhs.net;user; N/A ;134397208200000000;20261119;null;Never;Microsoft.Exchange.Data.X",
        ";;;;;;;",
        "",
    ];
    let opened = opened("export.csv", text.join("\r").as_bytes()).expect("read");
    let summary = opened.export.summary();
    assert_eq!((summary.delimiter, summary.rows, summary.skipped), (Some(';'), 3, 1));
    assert_eq!(summary.date_order, DateOrder::MonthFirst { line: 4 });
    assert!(
        summary.warnings.iter().any(|line| line == "cells taken as blank because they hold the name of a .NET type: 1")
    );
    let (records, rejected) = split(&opened.export);
    assert_eq!(told(&rejected), [""; 0]);
    let rows = subjects(records);
    let [ada, sam] = &rows[..] else { panic!("two rows: {rows:?}") };
    assert_eq!(ada.address.as_ref().map(ToString::to_string).as_deref(), Some("ada@nhs.net"));
    assert_eq!((ada.kind, ada.mfa, ada.enabled), (Kind::User, Some(MfaState::On), Some(true)));
    assert_eq!(
        (ada.display_name.as_deref(), ada.ods.as_ref().map(ToString::to_string).as_deref()),
        (None, Some("00123"))
    );
    assert_eq!((ada.created_on, ada.last_activity_on), (day(2026, 11, 1), day(2026, 11, 12)));
    assert_eq!((sam.line, sam.created_on, sam.last_activity_on), (6, day(2026, 11, 21), day(2026, 11, 19)));
    assert_eq!((&sam.display_name, sam.mfa, &sam.ods, sam.enabled), (&None, None, &None, None));
}

#[test]
fn placeholders_of_a_date_say_nothing() {
    let text = "address,kind,created_at,last_activity_at\na@nhs.net,user,01/01/0001 00:00:00,01/01/1601\n\
                b@nhs.net,user,31/12/2003,9999-12-31T23:59:59.9999999Z\nc@nhs.net,user,0,9223372036854775807\n";
    let opened = opened("export.csv", text.as_bytes()).expect("read");
    let (records, rejected) = split(&opened.export);
    assert_eq!(told(&rejected), [""; 0]);
    assert!(subjects(records).iter().all(|row| row.created_on.is_none() && row.last_activity_on.is_none()));
}
