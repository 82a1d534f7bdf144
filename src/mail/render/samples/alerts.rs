//! Invented alerts: each alone, all of them together, and as many as a message holds.

use jiff::{
    ToSpan as _,
    civil::{Date, date},
};

use super::{TODAY, brief, letters_of, told, with_deleted};
use crate::{
    domain::message::MessageKind,
    mail::render::{
        alert::{Alert, End, RefusedAddress, RefusedFile, TooOld, Uncovered},
        brief::Brief,
    },
};

const YESTERDAY: Date = date(2026, 11, 19);

/// Every sample of the operator's message with alerts.
pub(super) fn all() -> Vec<(&'static str, Brief)> {
    let before_anything = Brief { data_as_of: None, ..of(vec![refused()]) };
    let every =
        || vec![held(), still_held(), stale(), refused(), sender(), coverage(), unknown(), stopped(), refusals()];
    vec![
        ("operator.alert.held", of(vec![held()])),
        ("operator.alert.held.adoption", of(vec![still_held()])),
        ("operator.alert.held.nothing", of(vec![nothing_held()])),
        ("operator.alert.held.two", of(vec![held(), still_held()])),
        ("operator.alert.stale", of(vec![stale()])),
        ("operator.alert.refused", of(vec![refused()])),
        ("operator.alert.refused.first", before_anything),
        ("operator.alert.refused.one", of(vec![one_refused()])),
        ("operator.alert.sender", of(vec![sender()])),
        ("operator.alert.sender.over", of(vec![ended()])),
        ("operator.alert.coverage", of(vec![coverage()])),
        ("operator.alert.unknown", of(vec![unknown()])),
        ("operator.alert.unknown.one", of(vec![Alert::Unknown { messages: 1 }])),
        ("operator.alert.stopped", of(vec![stopped()])),
        ("operator.alert.unreachable", of(vec![refusals()])),
        ("operator.alert.all", of(every())),
        ("operator.alert.with_notices", Brief { alerts: vec![refused()], ..told(with_deleted(), 2) }),
        ("operator.many.alerts", Brief { alerts: vec![held(), many()], ..told(super::many(60, 60), 5) }),
    ]
}

fn of(alerts: Vec<Alert>) -> Brief {
    Brief { alerts, ..brief(MessageKind::Operator, Vec::new(), TODAY) }
}

fn held() -> Alert {
    let why = [
        "This run would start new warnings for 412 of 1,980 accounts and mailboxes.",
        "\"2026-11-20 Mailbox Report.csv\" (Portal mailbox report, 20 November 2026) has 1,402 rows. The one before had \
         1,988.",
    ];
    Alert::Held { run: 12, on: TODAY, messages: 412, why: why.map(str::to_owned).to_vec() }
}

fn still_held() -> Alert {
    let why = ["activation", "inactivity"].map(|rule| format!("These are the first messages of the rule \"{rule}\"."));
    Alert::Held { run: 9, on: date(2026, 11, 17), messages: 1, why: why.to_vec() }
}

fn nothing_held() -> Alert {
    let why = "\"2026-11-20 Mailbox Report.csv\" (Portal mailbox report, 20 November 2026) has no dates. LastLogIn is \
               blank in all 1,988 rows.";
    Alert::Held { run: 13, on: TODAY, messages: 0, why: vec![why.to_owned()] }
}

fn stale() -> Alert {
    let source = |what: &str, as_of_on, silent| TooOld { what: what.to_owned(), as_of_on, silent };
    Alert::Stale {
        sources: vec![
            source(
                "Portal mailbox report is out of date: the newest is of 9 November 2026. That is 11 days ago, and 8 are \
                 allowed.",
                date(2026, 11, 9),
                37,
            ),
            source(
                "Sends is out of date: the newest is of 2 October 2026. That is 49 days ago, and 35 are allowed.",
                date(2026, 10, 2),
                1,
            ),
        ],
    }
}

fn refused() -> Alert {
    let file = |name: &str, why: &str| RefusedFile { name: name.to_owned(), why: why.to_owned() };
    Alert::Refused {
        files: vec![
            file("2026-11-20 Mailbox Report.csv", "line 1204 opens a quote that never ends. The file may be cut off"),
            file("colours.csv", "no known export has these columns: \"Name\", \"Favourite colour\". Match the columns"),
        ],
    }
}

fn one_refused() -> Alert {
    match refused() {
        Alert::Refused { mut files } => {
            files.truncate(1);
            Alert::Refused { files }
        }
        other => other,
    }
}

fn sender() -> Alert {
    let end = |what: &str, ends_on| End { what: what.to_owned(), ends_on };
    Alert::Sender { ends: vec![end("password", date(2026, 11, 27)), end("client secret", date(2026, 12, 20))] }
}

fn ended() -> Alert {
    Alert::Sender { ends: vec![End { what: "certificate".to_owned(), ends_on: YESTERDAY }] }
}

fn uncovered(n: usize, rule: &str, deadline_on: Date, why: &str) -> Uncovered {
    Uncovered {
        deadline_on,
        address: format!("morgan.example{n}@nhs.net"),
        name: Some(format!("Morgan Example {}", letters_of(n))),
        site: Some("Example Opticians".to_owned()),
        ods: Some(format!("TP{n}AB")),
        rule: rule.to_owned(),
        approximate: false,
        why: why.to_owned(),
    }
}

fn coverage() -> Alert {
    let mailbox = Uncovered {
        address: "optometry.tp1ab@nhs.net".to_owned(),
        name: None,
        site: None,
        ods: None,
        approximate: true,
        ..uncovered(3, "shared_mailbox", date(2026, 11, 25), "No one else reads about it")
    };
    let rows = vec![
        uncovered(1, "inactivity", date(2026, 11, 14), "Still live in the newest report"),
        uncovered(2, "leaver", date(2026, 11, 22), "No email was accepted"),
        mailbox,
        uncovered(4, "restore", date(2026, 11, 26), "No one else reads about it"),
    ];
    Alert::Coverage { total: 4, rows }
}

fn many() -> Alert {
    let row = |n| {
        let deadline_on = TODAY.saturating_add(i64::try_from(n % 7).unwrap_or(0).days());
        uncovered(n, "inactivity", deadline_on, "No email was accepted")
    };
    Alert::Coverage { rows: (1..=50).map(row).collect(), total: 73 }
}

const fn unknown() -> Alert {
    Alert::Unknown { messages: 3 }
}

fn stopped() -> Alert {
    let why = "smtp.anyshire.example refused the log-in: 535 5.7.8 Authentication failed. Check the password";
    Alert::Stopped { since_on: YESTERDAY, why: why.to_owned() }
}

fn refusals() -> Alert {
    let address = |address: &str, reply: &str| RefusedAddress { address: address.to_owned(), reply: reply.to_owned() };
    Alert::Unreachable {
        addresses: vec![
            address("kit.hill@nhs.net", "550 5.1.1 No such user"),
            address("sam@northtown.example", "550 5.2.1 The mailbox is full"),
        ],
    }
}
