//! What is said of a file that was loaded, and of where everything that is known comes from.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

#[expect(dead_code, reason = "shared with tests/commands.rs, which uses the rest of it")]
mod program;

use program::{CONTACTS, Ran, Trial};
use serde_json::{Value, json};

/// Four accounts of the Portal on two days, in the columns that a rule goes by and two that nothing is read from.
const PORTAL: &str = "\
Id,Title,DisplayName,MailboxType,AccountType,Status,EmailAddress,UserPrincipalName,Mobile,CreatedOn,LastUpdated,LastLogIn,ODS Code,OrganisationName,AUPStatus,MarkAsLeaverDate,Notes
p-1,Ms,\"EXAMPLE, Ada\",User,,Active,ada.example@nhs.net,ada.example@nhs.net,Hidden,03/02/2024 09:12,19/11/2026 06:00,16/11/2026 00:00,TP1A2,NORTHTOWN OPTICIANS,True,,
p-2,Mr,\"SAMPLE, Sam\",User,,Active,sam.sample1@nhs.net,sam.sample1@nhs.net,Hidden,03/02/2024 09:12,19/11/2026 06:00,14/11/2026 00:00,TP1A2,NORTHTOWN OPTICIANS,True,,
p-3,Mx,\"HILL, Kit\",User,,Active,kit.hill@nhs.net,kit.hill@nhs.net,Hidden,03/02/2024 09:12,19/11/2026 06:00,13/11/2026 00:00,TP1A2,NORTHTOWN OPTICIANS,True,,
p-4,Mx,\"MOCKFORD, Lee\",User,,Active,lee.mockford@nhs.net,lee.mockford@nhs.net,Hidden,03/02/2024 09:12,19/11/2026 06:00,12/11/2026 00:00,TP1A2,NORTHTOWN OPTICIANS,True,,
";

/// The next day's file: one account is gone, one is blank, one cannot be read, and two columns are missing.
const NEXT: &str = "\
Id,Title,DisplayName,MailboxType,AccountType,Status,EmailAddress,UserPrincipalName,LastUpdated,LastLogIn,CreatedOn,ODS Code,OrganisationName,AUPStatus,Notes
p-1,Ms,\"EXAMPLE, Ada\",User,,Active,ada.example@nhs.net,ada.example@nhs.net,20/11/2026 06:00,19/11/2026 00:00,03/02/2024 09:12,TP1A2,NORTHTOWN OPTICIANS,True,
p-2,Mr,\"SAMPLE, Sam\",User,,Active,sam.sample1@nhs.net,sam.sample1@nhs.net,20/11/2026 06:00,,03/02/2024 09:12,TP1A2,NORTHTOWN OPTICIANS,True,
p-3,Mx,\"HILL, Kit\",User,,Active,kit.hill@nhs.net,kit.hill@nhs.net,20/11/2026 06:00,13/11/2026 00:00,yesterday,TP1A2,NORTHTOWN OPTICIANS,True,
";

/// What no program but this one writes: the day's file name.
fn portal(day: u8) -> String {
    format!("2026-11-{day} Mailbox Report.csv")
}

fn two_days() -> Trial {
    let trial = Trial::new();
    trial.write(&portal(19), PORTAL);
    trial.write(&portal(20), NEXT);
    trial
}

#[track_caller]
fn snapshot(name: &str, ran: &Ran) {
    for line in ran.out.lines().chain(ran.err.lines()) {
        assert!(line.chars().count() <= 80, "{} columns: {line}", line.chars().count());
    }
    insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!(name, ran.screen()) });
}

#[track_caller]
fn lines(ran: &Ran) -> Vec<Value> {
    ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn of<'a>(lines: &'a [Value], source: &str) -> &'a Value {
    lines.iter().find(|line| line["source"] == source).unwrap()
}

#[test]
fn a_file_says_what_it_changed_and_what_it_is_good_for() {
    let trial = two_days();
    snapshot("first", &trial.run(&["load", &portal(19)]).ends_with(0));
    snapshot("next", &trial.run(&["load", &portal(20)]).ends_with(0));
}

#[test]
fn the_json_of_a_load_has_the_agreed_keys_first_and_the_new_ones_with_them() {
    let trial = two_days();
    let reports = lines(&trial.run(&["load", "--format", "json", &portal(19), &portal(20)]).ends_with(0));
    let [first, next] = reports.as_slice() else { unreachable!("a report for each file") };
    let counts = |report: &Value| ["rows", "new", "changed", "unchanged", "vanished"].map(|key| report[key].clone());
    assert_eq!(counts(first), [4, 4, 0, 0, 0].map(Value::from));
    assert_eq!(counts(next), [3, 0, 1, 1, 2].map(Value::from), "Lee is gone, and nobody knows whose the bad row is");
    assert_eq!(next["rejected"][0]["line"], 4);
    assert_eq!(next["missing_columns"], json!(["MarkAsLeaverDate", "Mobile"]));
    assert_eq!(next["ignored_columns"], json!(["Title", "Notes"]));
    assert_eq!(first["rules_fed"], json!(["activation", "inactivity", "leaver", "restore"]));
    assert_eq!((&first["rules_off"], &next["rules_fed"]), (&json!([]), &first["rules_fed"]));
    let off = &next["rules_off"][0];
    assert_eq!((&off["rule"], &off["state"]), (&json!("leaver"), &json!("weaker")));
    assert_eq!(off["columns"], json!(["MarkAsLeaverDate"]));
    assert_eq!(next["date_order"], "day first (seen on line 2)");
    assert_eq!((&next["encoding"], &next["delimiter"]), (&json!("UTF-8"), &json!(",")));
    let used = next["blanks"].as_array().unwrap().iter().find(|blanks| blanks["column"] == "LastLogIn");
    assert_eq!(used, Some(&json!({ "column": "LastLogIn", "share": 0.333, "before": 0.0 })));
    assert_eq!(next["before"], json!({ "file": portal(19), "as_of": "2026-11-19" }));
}

#[test]
fn a_password_column_that_is_missing_or_blank_turns_the_rule_off() {
    let trial = Trial::new();
    let user = r#"{"id":"g-1","userPrincipalName":"ada.example@nhs.net","signInActivity":{}"#;
    for (name, rest) in [("missing", "}"), ("blank", r#","lastPasswordChangeDateTime":null}"#)] {
        trial.write(&format!("2026-11-20 {name}.json"), format!("[{user}{rest}]"));
        let file = format!("2026-11-20 {name}.json");
        let report = &lines(&trial.run(&["load", "--format", "json", &file]).ends_with(0))[0];
        let off = report["rules_off"].as_array().unwrap();
        let password = off.iter().find(|off| off["rule"] == "password").unwrap();
        assert_eq!(password["state"], "off", "{name}");
        assert_eq!(password["columns"], json!(["lastPasswordChangeDateTime"]));
    }
}

#[test]
fn the_log_has_a_line_with_the_counts_and_one_for_each_warning() {
    let trial = two_days();
    trial.run(&["load", &portal(19)]).ends_with(0);
    let ran = trial.run(&["-v", "--set", "log.format=\"json\"", "load", &portal(20)]).ends_with(0);
    let log: Vec<Value> = ran.err.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let loaded: Vec<_> = log.iter().filter(|line| line.to_string().contains("was loaded: 3 rows")).collect();
    assert_eq!(loaded.len(), 1, "{}", ran.err);
    let text = loaded[0].to_string();
    for field in ["\"load.changed\":1", "\"load.vanished\":2", "\"load.rejected\":1", "\"load.rows\":3"] {
        assert!(text.contains(field), "{field}: {text}");
    }
    let warned = log.iter().filter(|line| line["level"] == "WARN").count();
    assert_eq!(warned, 1, "a row was rejected: {}", ran.err);
    assert!(!ran.err.contains("yesterday"), "the log holds nothing of a row: {}", ran.err);
}

#[test]
fn what_cannot_be_read_in_a_cell_is_named_on_the_screen_and_only_counted_in_the_log() {
    let trial = Trial::new();
    let file = portal(19);
    let bad = PORTAL.replacen(",Active,", ",Hibernating,", 1).replacen("14/11/2026 00:00", "#REF!", 1);
    trial.write(&file, bad);
    let ran = trial.run(&["-v", "load", &file]).ends_with(0);
    for words in [
        "Status: 1 word that is not known, taken as live: \"Hibernating\"",
        "LastLogIn: 1 error of a spreadsheet, taken as blank: \"#REF!\" (line",
    ] {
        assert!(ran.out.contains(words), "{}", ran.out);
    }
    for words in ["taken as live, the first on line 2", "taken as blank, the first on line 3"] {
        assert!(ran.err.contains(words), "{}", ran.err);
    }
    assert!(!ran.err.contains("Hibernating") && !ran.err.contains("#REF!"), "{}", ran.err);
}

#[test]
fn sources_say_how_old_they_are_and_which_rules_they_feed() {
    let trial = two_days();
    let before = trial.tree();
    snapshot("sources_before_anything", &trial.run(&["sources"]).ends_with(0));
    assert_eq!(trial.tree(), before, "asking makes no database");
    trial.write("site-contacts.csv", CONTACTS);
    trial.run(&["load", &portal(19), &portal(20), "site-contacts.csv"]).ends_with(0);
    trial.drop_in("colours.csv", "Name,Colour\nAda,blue\n");
    trial.run_at("2026-11-20T08:10:00Z", &["once"]).ends_with(7);
    let before = trial.tree();
    snapshot("sources", &trial.run_at("2026-11-21T08:00:00Z", &["sources"]).ends_with(0));
    snapshot("sources_stale", &trial.run_at("2026-11-29T08:00:00Z", &["sources"]).ends_with(0));
    assert_eq!(trial.tree(), before, "asking changes nothing");
}

#[test]
fn the_json_of_sources_has_a_line_for_each_and_for_those_that_a_rule_waits_for() {
    let trial = two_days();
    trial.run(&["load", &portal(19), &portal(20)]).ends_with(0);
    let told = lines(&trial.run_at("2026-11-29T08:00:00Z", &["sources", "--format", "json"]).ends_with(0));
    let keys = |line: &Value| line.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert!(told.iter().all(|line| keys(line) == keys(&told[0])), "the same keys in every line");
    let loaded = of(&told, "portal_mailbox");
    assert_eq!(
        (&loaded["as_of"], &loaded["age_days"], &loaded["max_age_days"]),
        (&json!("2026-11-20"), &json!(9), &json!(8))
    );
    assert_eq!((&loaded["stale"], &loaded["rows"], &loaded["rejected"]), (&json!(true), &json!(3), &json!(1)));
    assert_eq!(loaded["feeds"], json!(["activation", "inactivity", "leaver", "restore"]));
    assert_eq!(loaded["rules_off"][0]["rule"], "leaver");
    assert_eq!(loaded["never"], json!(["password", "shared_mailbox"]));
    let waited = of(&told, "graph_users");
    assert_eq!((&waited["as_of"], &waited["would_feed"]), (&Value::Null, &json!(["password"])));
    assert_eq!(of(&told, "sends")["would_feed"], json!(["shared_mailbox"]));
    assert!(told.iter().all(|line| line["source"] != "app_users"), "use is told already");
    let set = ["--set", "rules.password.enabled=false", "sources", "--format", "json"];
    let told = lines(&trial.run(&set).ends_with(0));
    assert!(told.iter().all(|line| line["source"] != "graph_users"), "a rule that is turned off waits for nobody");
}

#[test]
fn explain_shows_what_was_overruled_and_who_said_it() {
    let trial = two_days();
    let own = "as_of,id,address,kind,status,org_name,last_activity_at\n\
               2026-11-18,a-1,ada.example@nhs.net,user,Locked,NORTHTOWN OPTICIANS,2026-11-17\n";
    trial.write("own.csv", own);
    trial.run(&["load", &portal(20), "own.csv"]).ends_with(0);
    snapshot("explain_overruled", &trial.run(&["explain", "ada.example@nhs.net"]).ends_with(0));
    let explained = &lines(&trial.run(&["explain", "ada.example@nhs.net", "--format", "json"]).ends_with(0))[0];
    let facts = explained["facts"].as_array().unwrap();
    let fact = |field: &str| facts.iter().find(|fact| fact["field"] == field).unwrap();
    let said = |value: &str| json!([{ "value": value, "source": "canonical", "file": "own.csv", "line": 2, "as_of": "2026-11-18" }]);
    assert_eq!((&fact("status")["value"], &fact("status")["overruled"]), (&json!("Active"), &said("Locked")));
    assert_eq!(fact("last_activity_on")["overruled"], said("2026-11-17"));
    assert_eq!(fact("org_name")["overruled"], json!([]), "who agrees is not overruled");
}

#[test]
fn without_a_list_of_kinds_nothing_but_restore_is_asked_and_sources_says_so() {
    let trial = Trial::new();
    let user =
        r#"{"id":"g-1","userPrincipalName":"ada.example@nhs.net","lastPasswordChangeDateTime":"2026-01-01T00:00:00Z"}"#;
    trial.write("2026-11-20 users.json", user);
    trial.run(&["load", "2026-11-20 users.json"]).ends_with(0);
    snapshot("sources_without_kinds", &trial.run(&["sources"]).ends_with(0));
    let told = lines(&trial.run(&["sources", "--format", "json"]).ends_with(0));
    let would = of(&told, "exchange_mailboxes")["would_feed"].as_array().unwrap().clone();
    assert!(would.contains(&json!("password")) && !would.contains(&json!("restore")), "{would:?}");
}
