//! JSON exports: Graph's users and deleted users, the usage reports, bank holidays; in every shape, and hostile.
#![expect(clippy::expect_used, reason = "helpers of tests fail tests")]
use std::{fs, ops::ControlFlow, path::Path};

use jiff::{
    civil::{Date, date},
    tz::TimeZone,
};
use lapsewatch::{
    domain::{
        snapshot::{Observation, Record, Source},
        subject::{Address, Status},
    },
    jobs::load::Candidate,
    sources::{self, Encoding, ReadSettings, Summary},
};
use proptest::prelude::*;
use serde_json::{Value, json};

/// A file as it was read: what it is, its rows with line, key and print, and the rejected ones in words.
#[derive(Debug)]
struct Told {
    source: Source,
    as_of: Option<Date>,
    summary: Summary,
    rows: Vec<Observation>,
    marks: Vec<(Option<u64>, u64)>,
    rejected: Vec<String>,
}

impl Told {
    fn addresses(&self) -> Vec<&str> {
        self.rows.iter().filter_map(|row| row.address.as_ref().map(Address::as_str)).collect()
    }

    fn deleted(&self) -> Vec<bool> {
        self.rows.iter().map(|row| row.status.as_ref().is_some_and(Status::is_deleted)).collect()
    }

    fn warns(&self, words: &str) -> bool {
        self.summary.warnings.iter().any(|warning| warning.contains(words))
    }
}

fn told_as(name: &str, bytes: &[u8]) -> Result<Told, String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join(name);
    fs::write(&path, bytes).expect("written");
    let time_zone = TimeZone::get("Europe/London").expect("bundled");
    let settings = ReadSettings { time_zone: &time_zone, day_first: true };
    let export = sources::open(&path, &settings).map_err(|error| error.to_string())?;
    let (mut rows, mut marks, mut rejected) = (Vec::new(), Vec::new(), Vec::new());
    let mut census = export.census(date(2026, 11, 20));
    let read = export.each(&mut census, &mut |raw| {
        match raw.read() {
            Ok(Record::Subject(row)) => {
                assert_eq!(row.line, raw.line());
                rows.push(*row);
                marks.push((raw.key(), raw.print()));
            }
            Ok(_) => {}
            Err(lost) => rejected.push(lost.to_string()),
        }
        ControlFlow::Continue(())
    });
    read.expect("read again");
    let (source, as_of, summary) = (export.source(), export.as_of(), export.summary().clone());
    Ok(Told { source, as_of, summary, rows, marks, rejected })
}

fn told(text: &str) -> Told {
    told_as("export.json", text.as_bytes()).expect("readable")
}

fn refused(text: &str) -> String {
    told_as("export.json", text.as_bytes()).expect_err("refused")
}

/// A date as records hold it.
fn day(year: i16, month: i8, day: i8) -> Option<Date> {
    Date::new(year, month, day).map(Some).expect("a date")
}

const ADA: &str = r#"{"id":"a","userPrincipalName":"ada@nhs.net"}"#;
const KIT: &str = r#"{"id":"k","userPrincipalName":"kit@nhs.net"}"#;

// Users.

#[test]
fn powershell_spells_dates_in_its_own_ways() {
    for spelling in [
        r#""\/Date(1574202819000)\/""#,
        r#""/Date(1574202819000)/""#,
        r#""\/Date(1574202819000+0000)\/""#,
        r#"{"value":"\/Date(1574202819000)\/","DisplayHint":2,"DateTime":"19 November 2019 22:33:39"}"#,
        r#"{"DateTime":"19 November 2019 22:33:39","Value":"\/Date(1574202819000)\/"}"#,
        r#""2019-11-19T22:33:39Z""#,
        r#""2019-11-19T22:33:39.1234567Z""#,
        r#""2019-11-20T01:33:39.1234567+03:00""#,
        r#""2019-11-19T22:33:39.0000000+00:00""#,
    ] {
        let text = format!(
            r#"[{{"Id":"a","UserPrincipalName":"ada@nhs.net","LastPasswordChangeDateTime":{spelling},
                  "SignInActivity":{{"LastSignInDateTime":{spelling}}}}}]"#
        );
        let told = told(&text);
        assert_eq!(told.rejected, [""; 0], "{spelling}");
        let row = told.rows.first().expect("one user");
        assert_eq!(
            (row.password_changed_on, row.last_activity_on),
            (day(2019, 11, 19), day(2019, 11, 19)),
            "{spelling}"
        );
    }
    let never = r#"[{"id":"a","userPrincipalName":"ada@nhs.net","createdDateTime":"\/Date(-62135596800000)\/"}]"#;
    assert_eq!((told(never).rows[0].created_on, told(never).rejected.len()), (None, 0));
}

#[test]
fn a_success_counts_before_attempts_and_of_attempts_the_newer() {
    let (success, attempt, other) =
        ("lastSuccessfulSignInDateTime", "lastSignInDateTime", "lastNonInteractiveSignInDateTime");
    for (activity, used_on) in [
        (json!({success: "2026-11-01T08:00:00Z", attempt: "2026-11-09T08:00:00Z", other: null}), day(2026, 11, 1)),
        (json!({success: null, attempt: "2026-11-09T08:00:00Z", other: "2026-11-12T08:00:00Z"}), day(2026, 11, 12)),
        (json!({attempt: "2026-11-09T08:00:00Z", other: "2026-01-12T08:00:00Z"}), day(2026, 11, 9)),
        (json!({success: "0001-01-01T00:00:00Z", other: "2026-01-12T08:00:00Z"}), day(2026, 1, 12)),
        (json!({success: null, attempt: null, other: null}), None),
        (json!({}), None),
        (Value::Null, None),
    ] {
        let text = json!([{"id": "a", "userPrincipalName": "ada@nhs.net", "signInActivity": activity}]).to_string();
        assert_eq!(told(&text).rows[0].last_activity_on, used_on, "{text}");
        assert!(!told(&text).summary.missing_columns.contains(&"signInActivity".to_owned()));
    }
    let bad = json!([{"id": "a", "userPrincipalName": "ada@nhs.net", "signInActivity": {attempt: "soon"}}]).to_string();
    assert_eq!(told(&bad).rejected, ["line 1, signInActivity: \"soon\" is no date"]);
}

#[test]
fn guests_and_what_is_no_user_are_passed_over() {
    let text = json!([
        {"id": "1", "userPrincipalName": "ada@nhs.net", "userType": "Member", "@odata.type": "#microsoft.graph.user"},
        {"id": "2", "userPrincipalName": "eve@nhs.net", "userType": "GUEST"},
        {"id": "3", "userPrincipalName": "eve_x.org#ext#@tenant.example"},
        {"id": "4", "userPrincipalName": "eve@tenant.example", "mail": "eve_x.org#EXT#@tenant.example"},
        {"id": "5", "displayName": "All staff", "@odata.type": "#microsoft.graph.group"},
    ]);
    let told = told(&text.to_string());
    assert_eq!((told.addresses(), told.summary.rows, told.summary.skipped), (vec!["ada@nhs.net"], 5, 4));
}

#[test]
fn policies_say_whether_a_password_expires() {
    for (policies, expected) in [
        (json!("DisableStrongPassword, DisablePasswordExpiration"), Some(true)),
        (json!("DisableStrongPassword"), Some(false)),
        (json!("None"), Some(false)),
        (json!(null), None),
    ] {
        let text = json!({"userPrincipalName": "ada@nhs.net", "passwordPolicies": policies}).to_string();
        assert_eq!(told(&text).rows[0].password_never_expires, expected, "{text}");
    }
}

#[test]
fn keys_come_in_any_case_and_a_property_may_be_absent_here_and_there() {
    let text = r#"{"ID":"a","USERPRINCIPALNAME":"ada@nhs.net"}
{"id":"k","userPrincipalName":"kit@nhs.net","Mail":"kit.hill@nhs.net","AccountEnabled":false}"#;
    let told = told(text);
    assert_eq!(told.addresses(), ["ada@nhs.net", "kit.hill@nhs.net"]);
    assert_eq!((told.rows[0].enabled, told.rows[1].enabled), (None, Some(false)));
}

#[test]
fn a_property_that_first_appears_in_the_last_object_is_read() {
    let many = format!("{ADA}\n").repeat(300);
    let told =
        told(&format!("{many}{{\"userPrincipalName\":\"kit@nhs.net\",\"lastPasswordChangeDateTime\":\"2026-07-01\"}}"));
    assert_eq!(told.rows.last().and_then(|row| row.password_changed_on), day(2026, 7, 1));
}

#[test]
fn a_missing_page_is_said() {
    let page = |link: &str| format!(r#"{{"@odata.nextLink":{link},"value":[{ADA}]}}"#);
    assert!(told(&page("\"https://x\"")).warns("partial file"));
    assert!(!told(&page("null")).warns("partial file"));
    assert!(
        !told(&format!("{}\n{}", page("\"https://x\""), page("null"))).warns("partial file"),
        "the last page is there"
    );
}

// Deleted users.

const PREFIX: &str = "0123456789abcdef0123456789abcdef";

fn with_date(address: &str, on: &Value) -> Value {
    json!({"id": address, "userPrincipalName": format!("{PREFIX}{address}"), "deletedDateTime": on})
}

#[test]
fn deleted_users_are_a_source_of_their_own() {
    let text = json!({"value": [with_date("ada@nhs.net", &json!("2026-11-01T23:30:00Z"))]}).to_string();
    let told = told(&text);
    assert_eq!((told.source, told.as_of), (Source::GraphDeleted, day(2026, 11, 1)));
    assert_eq!((told.addresses(), told.deleted()), (vec!["ada@nhs.net"], vec![true]));
    assert_eq!(told.rows[0].deleted_on, day(2026, 11, 1));
    assert_eq!(told.summary.missing_columns, ["displayName"], "nobody asks it for passwords");
}

#[test]
fn an_address_that_is_all_digits_is_no_prefix() {
    let own = format!("{PREFIX}@nhs.net");
    let text = json!([{"id": "a", "userPrincipalName": own, "deletedDateTime": "2026-11-01T09:00:00Z"}]).to_string();
    assert_eq!(told(&text).addresses(), [own]);
}

#[test]
fn users_without_a_day_of_deletion_are_deleted_only_where_the_file_says_so() {
    let users = json!([with_date("ada@nhs.net", &Value::Null)]);
    let page = |of: &str| json!({"@odata.context": format!("https://x/$metadata#{of}"), "value": users}).to_string();
    let list = users.to_string();
    for (name, text, source) in [
        ("x.json", page("directory/deletedItems/microsoft.graph.user"), Source::GraphDeleted),
        ("x.json", page("users"), Source::GraphUsers),
        ("2026-11-20 Deleted Users.json", list.clone(), Source::GraphDeleted),
        ("deletedItems.json", list.clone(), Source::GraphDeleted),
        ("users.json", list.clone(), Source::GraphUsers),
        ("undeleted users.json", list.clone(), Source::GraphUsers),
        ("users without deleted users.json", list, Source::GraphUsers),
        ("deleted users.json", ADA.to_owned(), Source::GraphUsers),
    ] {
        let told = told_as(name, text.as_bytes()).expect("readable");
        let is_deleted = source == Source::GraphDeleted;
        assert_eq!(
            (told.source, told.deleted(), told.rows[0].deleted_on),
            (source, vec![is_deleted], None),
            "{name}: {text}"
        );
        assert_eq!(told.warns("without the day of their deletion: 1"), is_deleted);
    }
}

#[test]
fn of_a_mixed_file_nobody_live_is_taken_for_deleted() {
    let live = json!({"id": "k", "userPrincipalName": "kit@nhs.net", "deletedDateTime": null});
    let text = json!([live, with_date("ada@nhs.net", &json!("2026-11-01T09:00:00Z"))]).to_string();
    for name in ["x.json", "deleted users.json"] {
        let told = told_as(name, text.as_bytes()).expect("readable");
        assert_eq!((told.source, told.deleted()), (Source::GraphUsers, vec![false, true]));
        assert_eq!(told.addresses(), ["kit@nhs.net", "ada@nhs.net"]);
        assert!(
            told.warns("1 users have a deletedDateTime or a name that begins with their id, and are read as deleted")
        );
        assert!(told.warns("1 have neither and are read as live"));
    }
    let of = |of: &str, user: &Value| json!({"@odata.context": format!("x#{of}"), "value": [user]}).to_string();
    let pages = of("directory/deletedItems", &with_date("ada@nhs.net", &Value::Null)) + &of("users", &live);
    assert_eq!(told(&pages).source, Source::GraphUsers, "two kinds of pages, and no day");
}

// Everything else that is JSON.

#[test]
fn any_table_can_come_as_json() {
    let text = r#"[{"Address":"ada@nhs.net","Kind":"user","Created_At":"2024-02-03","Last_Sent_At":{"value":"\/Date(1574202819000)\/"},"tags":["x"]}]"#;
    let told = told(text);
    assert_eq!(
        (told.source, told.rows[0].created_on, told.rows[0].last_sent_on),
        (Source::Canonical, day(2024, 2, 3), day(2019, 11, 19))
    );
    assert_eq!(told.summary.ignored_columns, ["tags"]);
}

#[test]
fn bank_holidays_are_told_from_exports_and_where_they_belong() {
    let list = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("config/bank-holidays.json")).expect("there");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("bank-holidays.json");
    fs::write(&path, list).expect("written");
    let time_zone = TimeZone::get("Europe/London").expect("bundled");
    let refusal = Candidate::open(&path, &ReadSettings { time_zone: &time_zone, day_first: true });
    let words = refusal.map(|_| ()).expect_err("refused").to_string();
    for part in ["bank holidays (england-and-wales: ", " days, 2019-01-01 to 2028-12-26)", "policy.bank_holidays"] {
        assert!(words.contains(part), "{words}\nlacks: {part}");
    }
}

// Hostile and damaged files.

#[test]
fn one_bad_object_costs_one_row() {
    let nested = format!(r#"{{"id":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    let long = format!(r#"{{"id":"{}"}}"#, "x".repeat(2 << 20));
    for (bad, words) in [
        (r#"{"id":NaN}"#, "line 3: the JSON is broken at line 3, column 7 (NaN and Infinity are no numbers in JSON)"),
        (r#"{"id":-Infinity}"#, "line 3: the JSON is broken at line 3"),
        (r#"{"id" "x"}"#, "line 3: the JSON is broken at line 3, column 7 (expected `:`)"),
        (r#"{"id":"\ud800"}"#, "line 3: the JSON is broken at line 3, column "),
        (r#"{"id":"\x"}"#, "line 3: the JSON is broken at line 3, column "),
        (r#"{"id":1e999}"#, "line 3: the JSON is broken at line 3, column "),
        ("{\"id\":\"\t\"}", "line 3: the JSON is broken at line 3, column "),
        (r#"{"id":"x","id":"y"}"#, "line 3: the property \"id\" is there twice"),
        (r#"{"id":"x","Id":"y"}"#, "line 3: the property \"Id\" is there twice"),
        (r#"{"displayName":"x"}"#, "line 3: the row has neither an address nor an id"),
        (r#"{"userPrincipalName":"a\u0000b@nhs.net"}"#, "line 3, userPrincipalName: "),
        ("17", "line 3: the record is not an object"),
        ("[{}]", "line 3: the record is not an object"),
        (&nested, "line 3: the record is nested deeper than 127 levels"),
        (&long, "line 3: the record is longer than 1 MiB"),
    ] {
        let told = told(&format!("[\n{ADA},\n{bad},\n{KIT}]"));
        assert_eq!(told.addresses(), ["ada@nhs.net", "kit@nhs.net"]);
        assert!(told.rejected.len() == 1 && told.rejected[0].starts_with(words), "{:?}\nlacks: {words}", told.rejected);
        assert_eq!(told.summary.rows, 3);
        assert_eq!(self::told(&format!("[{bad},{ADA}]")).addresses(), ["ada@nhs.net"], "as the first of a file");
    }
}

#[test]
fn what_may_have_swallowed_other_objects_refuses_the_file() {
    for (text, words) in [
        (
            format!("[{ADA},{{\"id\":\"x,\"mail\":\"b@nhs.net\"}},{KIT},{{\"id\":\"y,\"mail\":\"c@nhs.net\"}},{KIT}]"),
            "line 1, column 57: the JSON is broken",
        ),
        (
            format!("[{ADA},\n{{\"id\":\"x}},\n{KIT}]"),
            "line 2, column 7: the JSON is broken (the quote that opens here",
        ),
        (format!("[{ADA},\n{{\"id\":[1,}},\n{KIT}]"), "line 2, column 10: the JSON is broken"),
        (format!("[{ADA},\n{{\"id\":1,\n{KIT}]"), "line 3, column 1: the JSON is broken"),
        (format!("[{ADA},\n{KIT}"), "line 2: the file stops"),
        (format!("[{ADA}]\nsee above"), "line 2, column 1: the JSON is broken"),
        (format!("[{ADA},\n\0]"), "line 2: there is a NUL"),
    ] {
        let refusal = refused(&text);
        assert!(refusal.starts_with(words), "{text}\n{refusal}\n{words}");
    }
}

#[test]
fn a_file_without_one_object_that_can_be_read_is_refused() {
    for (text, words) in [
        ("[1,2,3]", "line 1: no record is an object"),
        ("[\n[[]],\n\"x\"]", "line 2: no record is an object"),
        ("[{}]", "line 1: no record is an object"),
        ("[\n{\"id\" 1}]", "line 2, column 7: the JSON is broken"),
        (r#"[{"colour":"red"}]"#, "\"colour\""),
        ("{", "line 1: the file stops"),
    ] {
        let refusal = refused(text);
        assert!(refusal.contains(words), "{refusal}\nlacks: {words}");
    }
}

#[test]
fn an_endless_list_of_numbers_is_refused_at_once() {
    let mut bytes = b"[".to_vec();
    bytes.extend(b"17,".iter().cycle().take(20_000_000));
    assert!(told_as("x.json", &bytes).expect_err("refused").contains("no record is an object"));
}

#[test]
fn a_text_of_a_hundred_megabytes_costs_one_row() {
    let mut bytes = format!("[{ADA},\n{{\"id\":\"").into_bytes();
    bytes.resize(bytes.len() + 100_000_000, b'x');
    bytes.extend(format!("\"}},\n{KIT}]").bytes());
    let told = told_as("x.json", &bytes).expect("readable");
    assert_eq!((told.addresses(), told.rejected.len()), (vec!["ada@nhs.net", "kit@nhs.net"], 1));
}

#[test]
fn twenty_thousand_names_are_not_remembered() {
    let objects: Vec<_> =
        (0..20_000).map(|at| format!(r#"{{"userPrincipalName":"a{at}@nhs.net","p{at}":1}}"#)).collect();
    let told = told(&objects.join("\n"));
    assert_eq!(told.rows.len(), 20_000);
    assert!(told.summary.ignored_columns.len() < 5_000);
}

#[test]
fn what_is_not_read_does_not_change_a_print() {
    let plain = told(r#"[{"id":"a","userPrincipalName":"ada@nhs.net","accountEnabled":true}]"#).marks;
    for same in [
        r#"{"value":[{"@odata.id":"x","accountEnabled":true,"userPrincipalName":"ada@nhs.net","id":"a","jobTitle":"x"}]}"#,
        r#"[{"ID":"a","UserPrincipalName":"ada@nhs.net","AccountEnabled":true}]"#,
    ] {
        assert_eq!(told(same).marks, plain, "{same}");
    }
    let other = told(r#"[{"id":"a","userPrincipalName":"ada@nhs.net","accountEnabled":false}]"#).marks;
    assert!(other[0].0 == plain[0].0 && other[0].1 != plain[0].1, "the same user, other words");
}

#[test]
fn no_letter_in_a_text_makes_two_users_one() {
    let user = |name: &str, enabled: &str| {
        let user = json!([{"userPrincipalName": "a@nhs.net", "displayName": name, "accountEnabled": enabled}]);
        told(&user.to_string()).marks[0]
    };
    let (one, other) = (user("Ada\0true", "x"), user("Ada", "true\0x"));
    assert!(one.0 == other.0 && one.1 != other.1, "the same address, another name");
}

// Any users in any shape.

#[derive(Debug, Clone)]
struct User {
    name: String,
    day: Date,
    enabled: Option<bool>,
}

fn users() -> impl Strategy<Value = Vec<User>> {
    let made = (2005..2026_i16, 1..=12_i8, 1..=28_i8).prop_map(|(year, month, day)| date(year, month, day));
    let user = ("[A-Z]( |,|;|\"|'|\\\\|\\{|\\]|é|ë|[a-z]){0,12}[a-z]", made, any::<Option<bool>>());
    prop::collection::vec(user.prop_map(|(name, day, enabled)| User { name, day, enabled }), 1..12)
}

#[derive(Debug, Clone, Copy)]
struct Style {
    shape: usize,
    encoding: usize,
    end: &'static str,
    is_pretty: bool,
    case: usize,
    dates: usize,
}

fn style() -> impl Strategy<Value = Style> {
    let end = prop_oneof![Just("\n"), Just("\r\n"), Just("\r")];
    (0..8_usize, 0..5_usize, end, any::<bool>(), 0..3_usize, 0..4_usize).prop_map(
        |(shape, encoding, end, is_pretty, case, dates)| Style { shape, encoding, end, is_pretty, case, dates },
    )
}

fn object(at: usize, user: &User, style: Style) -> Value {
    let instant = user.day.at(12, 0, 0, 0).to_zoned(TimeZone::UTC).expect("exists").timestamp();
    let milliseconds = format!("/Date({})/", instant.as_millisecond());
    let made = match style.dates {
        0 => json!(user.day.to_string()),
        1 => json!(format!("{}T12:00:00.1234567Z", user.day)),
        2 => json!(milliseconds),
        _ => json!({"value": milliseconds, "DisplayHint": 2, "DateTime": "long ago"}),
    };
    let cased = |key: &str| match style.case {
        0 => key.to_owned(),
        1 => key.to_uppercase(),
        _ => key.to_lowercase(),
    };
    let members = [
        ("@odata.type", json!("#microsoft.graph.user")),
        ("id", json!(format!("id-{at}"))),
        ("displayName", json!(user.name)),
        ("userPrincipalName", json!(format!("a{at}@nhs.net"))),
        ("extra", json!({"value": [{"id": "no"}]})),
        ("createdDateTime", made),
        ("accountEnabled", json!(user.enabled)),
    ];
    Value::Object(members.into_iter().map(|(key, value)| (cased(key), value)).collect())
}

fn written(users: &[User], style: Style) -> Vec<u8> {
    let objects: Vec<_> = (0..).zip(users).map(|(at, user)| object(at, user, style)).collect();
    let one = |value: &Value| {
        let is_line = !style.is_pretty || style.shape == 2;
        if is_line { value.to_string() } else { serde_json::to_string_pretty(value).expect("written") }
    };
    let (first, rest) = objects.split_at(objects.len() / 2);
    let lines = || objects.iter().map(one).collect::<Vec<_>>();
    let text = match style.shape {
        0 => one(&json!(objects)),
        1 => one(&json!({"@odata.context": "x#users", "value": objects})),
        2 | 3 => lines().join("\n") + "\n",
        4 => lines().concat(),
        5 => one(&json!({"@odata.nextLink": "x", "value": first})) + "\n" + &one(&json!({"value": rest})),
        6 => one(&json!([{"@odata.nextLink": "x", "value": first}, {"value": rest, "zzz": null}])),
        _ => one(&json!(first)) + "\u{FEFF}" + &one(&json!({"value": rest, "Count": rest.len()})),
    };
    encoded(&text.replace('\n', style.end), style.encoding)
}

fn encoded(text: &str, encoding: usize) -> Vec<u8> {
    let utf16 = || text.encode_utf16();
    match encoding {
        0 => text.as_bytes().to_vec(),
        1 => [b"\xEF\xBB\xBF", text.as_bytes()].concat(),
        2 => [vec![0xFF, 0xFE], utf16().flat_map(u16::to_le_bytes).collect()].concat(),
        3 => utf16().flat_map(u16::to_le_bytes).collect(),
        _ => [vec![0xFE, 0xFF], utf16().flat_map(u16::to_be_bytes).collect()].concat(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_users_read_back_the_same_however_they_are_written(users in users(), style in style()) {
        let told = told_as("users.json", &written(&users, style)).expect("readable");
        prop_assert_eq!(&told.rejected, &[""; 0]);
        prop_assert_eq!(told.source, Source::GraphUsers);
        prop_assert!(matches!((style.encoding, told.summary.encoding),
            (0 | 1, Encoding::Utf8) | (2 | 3, Encoding::Utf16Le) | (4, Encoding::Utf16Be)));
        let back: Vec<_> = told.rows.into_iter()
            .map(|row| (row.id, row.display_name, row.address.map(|address| address.to_string()), row.created_on, row.enabled))
            .collect();
        let expected: Vec<_> = (0..).zip(users)
            .map(|(at, user)| (Some(format!("id-{at}")), Some(user.name), Some(format!("a{at}@nhs.net")), Some(user.day), user.enabled))
            .collect();
        prop_assert_eq!(back, expected);
    }

    #[test]
    fn a_file_cut_off_anywhere_is_refused_or_short(users in users(), style in style(), at in 0.0..1.0_f64) {
        let bytes = written(&users, Style { shape: style.shape % 2, encoding: 0, ..style });
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place in the file")]
        let at = (bytes.len() as f64 * at) as usize;
        prop_assert!(told_as("users.json", &bytes[..at]).is_err());
    }
}
