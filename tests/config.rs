//! The configuration as an operator meets it: files in, settings or problems out.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may fail the test")]
use std::{fmt::Write, fs, path::Path};

use insta::assert_snapshot;
use jiff::civil::{Date, date, time};
use lapsewatch::{
    config::{
        self, Adoption, Config, Credential, DEFAULTS, Loaded, OAuth, Problem, Problems, SecretFile, Sources,
        TokenSource, Transport,
    },
    domain::{
        breaker::Limits,
        freshness::MaxAges,
        hours::Window,
        policy::{Placement, Rule, Span, Stage},
        quota::Quota,
        retention::Retention,
        snapshot::Source,
    },
};
use tempfile::TempDir;

const TODAY: Date = date(2026, 11, 21);

/// An operator's folder, environment and command line.
struct Site {
    folder: TempDir,
    environment: Vec<(String, String)>,
    overrides: Vec<String>,
    today: Date,
}

/// A site whose `lapsewatch.toml` holds `file`.
fn site(file: &str) -> Site {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("lapsewatch.toml"), file).unwrap();
    Site { folder, environment: Vec::new(), overrides: Vec::new(), today: TODAY }
}

impl Site {
    fn file(self, name: &str, text: &str) -> Self {
        fs::write(self.folder.path().join(name), text).unwrap();
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    fn set(mut self, setting: &str) -> Self {
        self.overrides.push(setting.into());
        self
    }

    fn on(mut self, today: Date) -> Self {
        self.today = today;
        self
    }

    fn load(&self) -> Result<Loaded, Problems> {
        let file = self.folder.path().join("lapsewatch.toml");
        let environment = self.environment.clone();
        let sources = Sources { file: Some(&file), environment, overrides: &self.overrides, today: self.today };
        config::load(&sources)
    }

    fn config(&self) -> Config {
        self.load().unwrap_or_else(|problems| panic!("{problems}")).config
    }

    /// What `check` prints of a configuration that cannot be used.
    fn problems(&self) -> String {
        self.named(self.load().unwrap_err())
    }

    /// What `check` prints of one that can.
    fn warnings(&self) -> String {
        self.named(Problems(self.load().unwrap_or_else(|problems| panic!("{problems}")).warnings))
    }

    /// Takes the random folder out of the names, so that they compare.
    fn named(&self, mut problems: Problems) -> String {
        let folder = format!("{}/", self.folder.path().display());
        for Problem { message, place, .. } in &mut problems.0 {
            *message = message.replace(&folder, "");
            if let Some(place) = place {
                place.name = place.name.replace(&folder, "");
            }
        }
        problems.to_string()
    }
}

#[test]
fn no_file_and_an_empty_one_are_configurations_without_warnings() {
    let loaded = config::load(&Sources { today: TODAY, ..Sources::default() }).unwrap();
    assert_eq!(loaded.warnings, []);
    assert_eq!(loaded.config.database.url, "sqlite:/var/lib/lapsewatch/lapsewatch.db");
    assert_eq!(format!("{:?}", site("").config()), format!("{:?}", loaded.config));
}

#[test]
fn a_minimal_file_leaves_everything_else_at_its_default() {
    let file = r#"
        database.url = "sqlite:state/lapsewatch.db"
        mail.operator = "ops@anyshire.example"
        mail.from = "Reminders <reminders@anyshire.example>"
        [snapshots]
        inbox = "inbox"
        archive = "/srv/archive"
    "#;
    let site = site(file).set("snapshots.quarantine=refused");
    let (config, folder) = (site.config(), site.folder.path());
    assert_eq!(site.warnings(), "");
    assert_eq!(config.policy.operator.as_str(), "ops@anyshire.example");
    assert_eq!(config.mail.from.email.to_string(), "reminders@anyshire.example");
    assert_eq!(config.database.url, format!("sqlite:{}/state/lapsewatch.db", folder.display()));
    assert_eq!(config.snapshots.inbox, folder.join("inbox"), "counted from the file");
    assert_eq!(config.snapshots.archive, Path::new("/srv/archive"));
    assert_eq!(config.snapshots.quarantine, Path::new("refused"), "left as written");
    assert_eq!(config.policy.inactivity.stages.len(), 5);
}

#[test]
fn the_default_file_says_what_the_defaults_are() {
    let written = site(DEFAULTS).load().unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(format!("{:?}", written.config), format!("{:?}", site("").config()));
    assert!(written.warnings.iter().all(|warning| warning.message.contains("is still")), "{:?}", written.warnings);
}

/// Whoever copies them is warned of nothing.
#[test]
fn the_settings_that_the_readme_shows_are_taken() {
    let readme = include_str!("../README.md");
    let blocks: Vec<_> = readme.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() >= 3, "{blocks:?}");
    for block in blocks {
        let lines: Vec<_> = block.lines().map(str::trim).collect();
        assert_eq!(site(&lines.join("\n")).warnings(), "", "{block}");
    }
}

/// What the package puts at /etc/lapsewatch: nobody is mailed, and `check` says what is to be filled in.
#[test]
fn the_file_of_the_package_is_safe_and_says_what_to_fill_in() {
    let shipped = site(include_str!("../config/lapsewatch.toml"));
    let config = shipped.config();
    assert_eq!((config.mail.transport, config.adoption), (Transport::Directory, Adoption { hold: true }));
    assert_snapshot!(shipped.warnings(), @r#"
    warning: `operator.org` is still "your local committee"
      --> lapsewatch.toml:18:7
       |
    18 | org = "your local committee"
       |       ^^^^^^^^^^^^^^^^^^^^^^ write the name of your organisation

    warning: `mail.from` is still the placeholder reminders@example.org
      --> lapsewatch.toml:24:8
       |
    24 | from = "NHSmail reminders <reminders@example.org>"
       |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = tip: set `mail.from` to an address of yours

    warning: `mail.operator` is still the placeholder operator@example.org
      --> lapsewatch.toml:28:12
       |
    28 | operator = "operator@example.org"
       |            ^^^^^^^^^^^^^^^^^^^^^^
       |
       = tip: set `mail.operator` to an address of yours
    "#);
    let filled_in = include_str!("../config/lapsewatch.toml")
        .replace("your local committee", "Anyshire Local Committee")
        .replace("example.org", "anyshire.example")
        .replace("\"directory\"\n", "\"smtp\"\n")
        .replace("\n#", "\n");
    let settings = filled_in.lines().filter(|line| line.contains(" = ") || line.starts_with('['));
    let settings = settings.filter(|line| !line.contains(": ")).collect::<Vec<_>>().join("\n");
    let filled_in = site(&settings);
    assert_eq!(filled_in.warnings(), "", "every setting that is offered can be taken");
    assert_eq!(filled_in.config().mail.transport, Transport::Smtp);
}

#[test]
fn the_settings_the_default_file_leaves_out_can_be_set_as_shown() {
    // One or the other: a secret or a certificate.
    let is_other = |rest: &str| ["certificate_file", "key_file"].iter().any(|name| rest.starts_with(name));
    let is_setting = |line: &str| {
        line.strip_prefix('#').is_some_and(|rest| rest.starts_with(char::is_alphabetic) && !is_other(rest))
    };
    let shown = |line: &str| if is_setting(line) { line.replacen('#', "", 1) } else { line.to_owned() };
    let file: Vec<String> = DEFAULTS.lines().map(shown).collect();
    let site = site(&file.join("\n")).file("bank-holidays.json", include_str!("../config/bank-holidays.json"));
    let config = site.config();
    assert_eq!(config.mail.smtp.host, "smtp.example.org");
    assert_eq!(config.operator.phone.as_deref(), Some("01632 960100"));
    assert_eq!(config.mail.templates, Some(site.folder.path().join("templates")));
}

/// `final: after 57 days; user, owners; any_day alone resend`
fn line(stage: &Stage) -> String {
    let placement = match stage.placement {
        Placement::After(span) => format!("after {span}"),
        Placement::Before(span) => format!("before {span}"),
    };
    let audience: Vec<_> = stage.audience.iter().map(|rung| rung.as_str()).collect();
    let marks = [("states_fact", stage.states_fact), ("any_day", stage.any_day), ("alone", stage.alone)];
    let mut marks: Vec<String> = marks.iter().filter(|(_, is_set)| *is_set).map(|(mark, _)| (*mark).into()).collect();
    marks.extend(stage.repeat_every.map(|every| format!("every {every}, {} in all", stage.repeat_max)));
    marks.push(format!("{:?}", stage.on_unknown).to_lowercase());
    format!("  {}: {placement}; {}; {}\n", stage.name, audience.join(", "), marks.join(" "))
}

#[test]
fn the_default_ladders_are_those_of_the_rules() {
    let policy = site("").config().policy;
    let mut ladders = String::new();
    for rule in Rule::ALL {
        let limits = policy.rule(rule);
        writeln!(ladders, "{rule}: {} {:?}", limits.deadline_after, limits.inactive_after).unwrap();
        ladders.extend(limits.stages.iter().map(line));
    }
    assert_snapshot!(ladders, @r#"
    activation: 60 days Some(Days(30))
      welcome: after 7 days; user, owners; hold
      remind: after 21 days; user, owners; hold
      inactive: after 30 days; user, owners, site mailbox; states_fact hold
      warn: after 45 days; user, owners, site mailbox; hold
      urgent: after 53 days; user, owners, site mailbox, operator; hold
      final: after 57 days; user, owners, site mailbox, operator; any_day alone resend
    inactivity: 60 days Some(Days(30))
      nudge: after 21 days; user; hold
      inactive: after 30 days; user, owners, site mailbox; states_fact hold
      warn: after 45 days; user, owners, site mailbox; hold
      urgent: after 53 days; user, owners, site mailbox, site contact, operator; hold
      final: after 57 days; user, owners, site mailbox, site contact, operator; any_day alone resend
    leaver: 30 days None
      marked: after 0 days; user, owners, operator; states_fact hold
      remind: after 14 days; user, owners, operator; hold
      urgent: after 23 days; user, owners, operator; hold
      final: after 28 days; user, owners, operator; any_day alone resend
    password: 365 days None
      early: before 30 days; user; hold
      remind: before 14 days; user; hold
      urgent: before 7 days; user, owners; hold
      expired: before 0 days; user, owners, site mailbox, operator; states_fact hold
    restore: 30 days None
      deleted: after 0 days; user, owners, site mailbox, operator; states_fact hold
      half: before 15 days; user, owners, site mailbox, operator; hold
      urgent: before 7 days; user, owners, site mailbox, operator; hold
      final: before 2 days; user, owners, site mailbox, operator; any_day alone resend
    shared_mailbox: 6 months None
      early: after 4 months; owners; hold
      remind: after 5 months; owners, site mailbox; hold
      urgent: before 2 weeks; owners, site mailbox, members; hold
      silent: before 0 days; owners, site mailbox, members, operator; states_fact every 1 month, 3 in all hold
    "#);
}

#[test]
fn the_environment_is_laid_over_the_file_and_set_over_both() {
    let file = "mail.smtp = { host = 'file.example', port = 1, connections = 1 }";
    let config = site(file)
        .variable("LAPSEWATCH__MAIL__SMTP__CONNECTIONS", "2")
        .variable("LAPSEWATCH__MAIL__SMTP__PORT", "2")
        .variable("LAPSEWATCH__MAIL__SMTP__HELLO_NAME", "1234")
        .variable("LAPSEWATCH__PRIVACY__NAMES_IN_SHARED_MAILBOXES", "true")
        .variable("LAPSEWATCH_CONFIG", "not a setting")
        .set("mail.smtp.connections = 3")
        .set("policy.covered_domains=['NHS.net', \"anyshire.example\"]")
        .config();
    let smtp = config.mail.smtp;
    assert_eq!((smtp.host.as_str(), smtp.port, smtp.connections), ("file.example", 2, 3));
    assert_eq!(smtp.hello_name.as_deref(), Some("1234"), "quotes may be left off");
    assert!(config.privacy.names_in_shared_mailboxes);
    assert_eq!(config.policy.covered_domains, ["nhs.net", "anyshire.example"]);
}

#[test]
fn what_is_known_is_kept_as_long_as_the_rule_book_says_unless_somebody_says_otherwise() {
    let default = Retention {
        raw_files: Some(Span::Days(14)),
        gone_accounts: Some(Span::Days(30)),
        account_history: Some(Span::Months(13)),
        ledger: Some(Span::Months(13)),
    };
    assert_eq!(site("").config().privacy.retention, default);
    let other = site("privacy = { raw_files = '0 days', gone_accounts = 'never', ledger = '2 weeks' }")
        .set("privacy.account_history=Never")
        .config();
    let expected = Retention {
        raw_files: Some(Span::Days(0)),
        gone_accounts: None,
        account_history: None,
        ledger: Some(Span::Weeks(2)),
    };
    assert_eq!(other.privacy.retention, expected);
    let wrong = "[privacy]\nraw_files = 14\ngone_accounts = '0 days'\nledger = 'nver'\naccount_history = false\n";
    assert_snapshot!(site(wrong).problems(), @r#"
    error: `privacy.raw_files` must be a span of time, or "never"
     --> lapsewatch.toml:2:13
      |
    2 | raw_files = 14
      |             ^^ did you mean "14 days"?

    error: `privacy.gone_accounts` must be at least one day, or "never"
     --> lapsewatch.toml:3:17
      |
    3 | gone_accounts = '0 days'
      |                 ^^^^^^^^

    error: `privacy.ledger` must be a span of time, or "never"
     --> lapsewatch.toml:4:10
      |
    4 | ledger = 'nver'
      |          ^^^^^^ such as "21 days", "2 weeks" or "6 months"

    error: `privacy.account_history` must be a span of time, or "never"
     --> lapsewatch.toml:5:19
      |
    5 | account_history = false
      |                   ^^^^^ such as "21 days", "2 weeks" or "6 months"
    "#);
}

#[test]
fn a_rules_limits_can_be_set_without_its_ladder_and_its_ladder_replaces_the_whole() {
    let file = r#"
        [rules.inactivity]
        deadline_after = "90d"
        [[rules.activation.stages]]
        name = "only"
        after = "8 w"
        audience = ["user", "site_mailbox"]
    "#;
    let policy = site(file).config().policy;
    assert_eq!((policy.inactivity.deadline_after.to_string().as_str(), policy.inactivity.stages.len()), ("90 days", 5));
    assert_eq!(
        policy.activation.stages.iter().map(line).collect::<String>(),
        "  only: after 8 weeks; user, site mailbox; hold\n"
    );
}

#[test]
fn every_wrong_folder_time_and_number_is_shown_at_once() {
    let file = r#"
[database]
url = "postgre://lw:hunter2@db.example/lw"
[snapshots]
inbox = "exports"
archive = "./exports"
setle_secs = 3
poll_secs = 0
day_first = "yes"
[schedule]
evaluate = "30 7 1 * MON"
[policy]
time_zone = "Europe/Lundon"
division = "scotland"
covered_domains = ["nhs.net", 5, "two words"]
read_within_days = 366
"#;
    assert_snapshot!(site(file).problems(), @r#"
    error: `database.url` must be "sqlite:PATH" or "postgres://USER@HOST/DATABASE"
     --> lapsewatch.toml:3:7
      |
    3 | url = "postgre://lw:*******@db.example/lw"
      |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    error: `snapshots.inbox` and `snapshots.archive` are the same folder
     --> lapsewatch.toml:6:11
      |
    6 | archive = "./exports"
      |           ^^^^^^^^^^^

    error: unknown key `snapshots.setle_secs`
     --> lapsewatch.toml:7:1
      |
    7 | setle_secs = 3
      | ^^^^^^^^^^ did you mean `settle_secs`?

    error: `snapshots.poll_secs` must be a whole number from 1 to 86400
     --> lapsewatch.toml:8:13
      |
    8 | poll_secs = 0
      |             ^

    error: `snapshots.day_first` must be true or false, without quotes
     --> lapsewatch.toml:9:13
      |
    9 | day_first = "yes"
      |             ^^^^^

    error: `schedule.evaluate` restricts both the day of the month and the weekday
      --> lapsewatch.toml:11:12
       |
    11 | evaluate = "30 7 1 * MON"
       |            ^^^^^^^^^^^^^^
       |
       = tip: cron runs on days that match either; restrict one of them

    error: `policy.time_zone` is no time zone
      --> lapsewatch.toml:13:13
       |
    13 | time_zone = "Europe/Lundon"
       |             ^^^^^^^^^^^^^^^ such as "Europe/London"

    error: the built-in bank holidays have no division "scotland"
      --> lapsewatch.toml:14:12
       |
    14 | division = "scotland"
       |            ^^^^^^^^^^ name GOV.UK's list in `policy.bank_holidays`

    error: `policy.covered_domains` must be text in quotes
      --> lapsewatch.toml:15:31
       |
    15 | covered_domains = ["nhs.net", 5, "two words"]
       |                               ^

    error: `policy.covered_domains` must hold domains such as "nhs.net"
      --> lapsewatch.toml:15:34
       |
    15 | covered_domains = ["nhs.net", 5, "two words"]
       |                                  ^^^^^^^^^^^

    error: `policy.read_within_days` must be a whole number from 1 to 365
      --> lapsewatch.toml:16:20
       |
    16 | read_within_days = 366
       |                    ^^^
    "#);
}

#[test]
fn every_wrong_word_is_shown_at_once() {
    let file = r#"
[operator]
team = ""
[helpdesk.anyshire]
name = "Anyshire IT"
email = "it.example"
[helpdesk.NAS]
phone = "01632 960100"
[log]
filter = "lapsewatch=loud"
format = "jsn"
[mial]
from = "a@b.example"
"#;
    assert_snapshot!(site(file).problems(), @r#"
    error: `operator.team` must not be empty
     --> lapsewatch.toml:3:8
      |
    3 | team = ""
      |        ^^

    error: `helpdesk.anyshire.phone` is missing
     --> lapsewatch.toml:4:11
      |
    4 | [helpdesk.anyshire]
      |           ^^^^^^^^

    error: `helpdesk.anyshire.hours` is missing
     --> lapsewatch.toml:4:11
      |
    4 | [helpdesk.anyshire]
      |           ^^^^^^^^

    error: `helpdesk.anyshire.email` must be a bare address
     --> lapsewatch.toml:6:9
      |
    6 | email = "it.example"
      |         ^^^^^^^^^^^^ such as "operator@example.org"

    error: `helpdesk.NAS` must be in lower case
     --> lapsewatch.toml:7:11
      |
    7 | [helpdesk.NAS]
      |           ^^^ write `helpdesk.nas`

    error: `log.filter` is no log filter
      --> lapsewatch.toml:10:10
       |
    10 | filter = "lapsewatch=loud"
       |          ^^^^^^^^^^^^^^^^^ such as "info" or "info,lapsewatch=debug"

    error: `log.format` must be "auto", "text", "json" or "journal"
      --> lapsewatch.toml:11:10
       |
    11 | format = "jsn"
       |          ^^^^^ did you mean "json"?

    error: unknown key `mial`
      --> lapsewatch.toml:12:2
       |
    12 | [mial]
       |  ^^^^ did you mean `mail`?
    "#);
}

#[test]
fn every_wrong_setting_of_the_mail_is_shown_at_once() {
    let file = r#"
[mail]
transport = "smpt"
from = "nobody"
operator = "Ops <ops@anyshire.example>"
window = "8 to 6"
quota.per_minute = -1
[mail.smtp]
host = "smtp.anyshire.example"
port = 70000
tls = "startls"
auth = "oauth"
connections = 51
token_command = 5
"#;
    assert_snapshot!(site(file).problems(), @r#"
    error: `mail.transport` must be "smtp" or "directory"
     --> lapsewatch.toml:3:13
      |
    3 | transport = "smpt"
      |             ^^^^^^ did you mean "smtp"?

    error: `mail.from` must be an address
     --> lapsewatch.toml:4:8
      |
    4 | from = "nobody"
      |        ^^^^^^^^ such as "Reminders <reminders@example.org>"

    error: `mail.operator` must be a bare address
     --> lapsewatch.toml:5:12
      |
    5 | operator = "Ops <ops@anyshire.example>"
      |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^ such as "operator@example.org"

    error: `mail.window` must be hours of a day such as "08:00-18:00"
     --> lapsewatch.toml:6:10
      |
    6 | window = "8 to 6"
      |          ^^^^^^^^

    error: `mail.quota.per_minute` must be a whole number from 1 to 1000000
     --> lapsewatch.toml:7:20
      |
    7 | quota.per_minute = -1
      |                    ^^

    error: `mail.smtp.port` must be a whole number from 1 to 65535
      --> lapsewatch.toml:10:8
       |
    10 | port = 70000
       |        ^^^^^

    error: `mail.smtp.tls` must be "none", "starttls" or "implicit"
      --> lapsewatch.toml:11:7
       |
    11 | tls = "startls"
       |       ^^^^^^^^^ did you mean "starttls"?

    error: `mail.smtp.auth` must be "none", "plain", "login" or "xoauth2"
      --> lapsewatch.toml:12:8
       |
    12 | auth = "oauth"
       |        ^^^^^^^ did you mean "xoauth2"?

    error: `mail.smtp.connections` must be a whole number from 1 to 50
      --> lapsewatch.toml:13:15
       |
    13 | connections = 51
       |               ^^

    error: `mail.smtp.token_command` must be a command: a list of words, or text
      --> lapsewatch.toml:14:17
       |
    14 | token_command = 5
       |                 ^
    "#);
}

#[test]
fn mail_never_leaves_without_a_server_nor_a_password_in_plain_text() {
    let file = r#"
[mail.smtp]
host = "smtp.anyshire.example"
tls = "none"
auth = "plain"
"#;
    assert_snapshot!(site(file).problems(), @r#"
    error: `mail.smtp.tls` "none" is only for a server on this machine
     --> lapsewatch.toml:4:7
      |
    4 | tls = "none"
      |       ^^^^^^ use "starttls" or "implicit"

    error: `mail.smtp.auth` needs `mail.smtp.username`
     --> lapsewatch.toml:5:8
      |
    5 | auth = "plain"
      |        ^^^^^^^

    error: `mail.smtp.auth` needs `mail.smtp.password_file`
     --> lapsewatch.toml:5:8
      |
    5 | auth = "plain"
      |        ^^^^^^^
    "#);
    assert_snapshot!(site("mail.transport = 'smtp'").problems(), @r#"
    error: `mail.transport` "smtp" needs a server
     --> lapsewatch.toml:1:18
      |
    1 | mail.transport = 'smtp'
      |                  ^^^^^^
      |
      = tip: set `mail.smtp.host`, or write files with "directory"

    warning: `mail.from` is still the placeholder reminders@example.org
     --> lapsewatch.toml:1:18
      |
    1 | mail.transport = 'smtp'
      |                  ^^^^^^ set `mail.from` to an address of yours

    warning: `mail.operator` is still the placeholder operator@example.org
     --> lapsewatch.toml:1:18
      |
    1 | mail.transport = 'smtp'
      |                  ^^^^^^ set `mail.operator` to an address of yours
    "#);
    for loopback in ["localhost", "127.0.0.1", "::1", "[::1]"] {
        let relay = format!("mail.smtp = {{ host = '{loopback}', tls = 'none' }}");
        assert_eq!(site(&relay).warnings(), "");
    }
}

/// A mail server that wants access tokens, and `rest`.
fn with_tokens(rest: &str) -> Site {
    site(&format!("[mail.smtp]\nauth = \"xoauth2\"\nusername = \"reminders@anyshire.example\"\n{rest}"))
}

#[test]
fn an_application_and_its_secret_are_a_source_of_tokens() {
    let site = with_tokens(
        "[mail.oauth]\ntenant = 'anyshire.example'\nclient_id = '8f1'\nclient_secret_file = 'credential:secret'\n\
         client_secret_expires_on = 2027-03-31\nproxy = 'http://proxy.anyshire.example:3128'",
    );
    let expected = OAuth {
        token_url: "https://login.microsoftonline.com/anyshire.example/oauth2/v2.0/token".into(),
        client_id: "8f1".into(),
        credential: Credential::Secret {
            file: SecretFile::Credential("secret".into()),
            expires_on: Some(date(2027, 3, 31)),
        },
        scope: "https://outlook.office365.com/.default".into(),
        ca_file: None,
        proxy: Some("http://proxy.anyshire.example:3128/".into()),
    };
    assert_eq!(site.config().mail.smtp.tokens, Some(TokenSource::Endpoint(expected)));
    assert_eq!(site.warnings(), "");
}

#[test]
fn a_certificate_and_an_endpoint_of_ones_own_are_another() {
    let site = with_tokens(
        "[mail.oauth]\ntoken_url = 'https://login.microsoftonline.us/x/oauth2/v2.0/token'\nclient_id = '8f1'\n\
         certificate_file = 'app.pem'\nkey_file = '/etc/keys/app.pem'\nscope = 'https://outlook.office365.us/.default'",
    );
    let Some(TokenSource::Endpoint(oauth)) = site.config().mail.smtp.tokens else { panic!("no endpoint") };
    let certificate_file = site.folder.path().join("app.pem");
    let key_file = SecretFile::Path("/etc/keys/app.pem".into());
    assert_eq!(oauth.credential, Credential::Certificate { certificate_file, key_file });
    assert_eq!(oauth.token_url, "https://login.microsoftonline.us/x/oauth2/v2.0/token");
    assert_eq!(oauth.scope, "https://outlook.office365.us/.default");
    assert_eq!(site.warnings(), "");
    for url in ["http://localhost:8080/token", "http://127.0.0.1:8080/token", "http://[::1]:8080/token"] {
        let site = site_of_secret().set(&format!("mail.oauth.token_url={url}"));
        let Some(TokenSource::Endpoint(oauth)) = site.config().mail.smtp.tokens else { panic!("no endpoint") };
        assert_eq!(oauth.token_url, url);
    }
}

fn site_of_secret() -> Site {
    with_tokens("[mail.oauth]\nclient_id = '8f1'\nclient_secret_file = 'secret'")
}

#[test]
fn a_command_is_a_third_source_of_tokens() {
    for command in ["['mail-token', '--for', 'a b']", "'mail-token --for reminders'"] {
        let site = with_tokens(&format!("token_command = {command}"));
        assert_eq!(site.warnings(), "");
        let Some(TokenSource::Command(words)) = site.config().mail.smtp.tokens else { panic!("no command") };
        assert_eq!((words.len(), words[0].as_str()), (3, "mail-token"));
    }
}

#[test]
fn access_tokens_need_one_source_a_mailbox_and_encryption() {
    assert_snapshot!(site("[mail.smtp]\nauth = 'xoauth2'\ntls = 'none'\nhost = 'localhost'").problems(), @r#"
    error: `mail.smtp.auth` needs `mail.smtp.username`
     --> lapsewatch.toml:2:8
      |
    2 | auth = 'xoauth2'
      |        ^^^^^^^^^

    error: `mail.smtp.auth` "xoauth2" needs `[mail.oauth]` or `mail.smtp.token_command`
     --> lapsewatch.toml:2:8
      |
    2 | auth = 'xoauth2'
      |        ^^^^^^^^^

    error: `mail.smtp.tls` "none" is not for access tokens
     --> lapsewatch.toml:3:7
      |
    3 | tls = 'none'
      |       ^^^^^^ use "starttls" or "implicit"
    "#);
    let both = with_tokens(
        "token_command = ['mail-token']\n[mail.oauth]\ntenant = 'x'\nclient_id = '8f1'\nclient_secret_file = 's'",
    );
    assert_snapshot!(both.problems(), @r#"
    error: `mail.smtp.token_command` and `[mail.oauth]` are two sources of tokens
     --> lapsewatch.toml:4:17
      |
    4 | token_command = ['mail-token']
      |                 ^^^^^^^^^^^^^^ keep one of them
    "#);
}

#[test]
fn every_wrong_setting_of_the_token_endpoint_is_shown_at_once() {
    let file = r#"[mail.oauth]
tenant = "any/shire"
client_secret_expires_on = "soon"
client_secret_file = "credential:../secret"
ca_file = 5
proxy = "socks5://proxy.anyshire.example"
tokenurl = "x"
"#;
    assert_snapshot!(with_tokens(file).problems(), @r#"
    error: `mail.oauth.client_id` is missing
     --> lapsewatch.toml:4:7
      |
    4 | [mail.oauth]
      |       ^^^^^

    error: `mail.oauth.tenant` must be the directory's id or domain
     --> lapsewatch.toml:5:10
      |
    5 | tenant = "any/shire"
      |          ^^^^^^^^^^^ such as "anyshire.example"

    error: `mail.oauth.client_secret_expires_on` must be a date such as 2027-03-31
     --> lapsewatch.toml:6:28
      |
    6 | client_secret_expires_on = "soon"
      |                            ^^^^^^

    error: `mail.oauth.client_secret_file` names no credential
     --> lapsewatch.toml:7:22
      |
    7 | client_secret_file = "credential:../secret"
      |                      ^^^^^^^^^^^^^^^^^^^^^^
      |
      = tip: such as "credential:smtp-password"

    error: `mail.oauth.ca_file` must be text in quotes
     --> lapsewatch.toml:8:11
      |
    8 | ca_file = 5
      |           ^

    error: `mail.oauth.proxy` must begin with http://
     --> lapsewatch.toml:9:9
      |
    9 | proxy = "socks5://proxy.anyshire.example"
      |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    error: unknown key `mail.oauth.tokenurl`
      --> lapsewatch.toml:10:1
       |
    10 | tokenurl = "x"
       | ^^^^^^^^ did you mean `token_url`?
    "#);
    let file = r#"[mail.oauth]
token_url = "http://login.anyshire.example/token"
tenant = "anyshire.example"
client_id = "8f1"
client_secret_expires_on = 2027-03-31
key_file = "app.key"
proxy = "http://me:secret@proxy.anyshire.example"
"#;
    assert_snapshot!(with_tokens(file).problems(), @r#"
    error: `mail.oauth.certificate_file` is missing
     --> lapsewatch.toml:4:7
      |
    4 | [mail.oauth]
      |       ^^^^^

    error: `mail.oauth.token_url` must begin with https://
     --> lapsewatch.toml:5:13
      |
    5 | token_url = "http://login.anyshire.example/token"
      |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    warning: `mail.oauth.tenant` is not used while `mail.oauth.token_url` is set
     --> lapsewatch.toml:6:10
      |
    6 | tenant = "anyshire.example"
      |          ^^^^^^^^^^^^^^^^^^

    warning: `mail.oauth.client_secret_expires_on` is not used without `mail.oauth.client_secret_file`
     --> lapsewatch.toml:8:28
      |
    8 | client_secret_expires_on = 2027-03-31
      |                            ^^^^^^^^^^

    error: `mail.oauth.proxy` must not hold a user name or a password
      --> lapsewatch.toml:10:9
       |
    10 | proxy = "http://me:******@proxy.anyshire.example"
       |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    "#);
}

#[test]
fn an_application_without_a_name_or_with_two_proofs_is_none() {
    assert_snapshot!(with_tokens("[mail.oauth]\nca_file = 'ca.pem'").problems(), @r#"
    error: `mail.oauth.tenant` is missing
     --> lapsewatch.toml:4:7
      |
    4 | [mail.oauth]
      |       ^^^^^

    error: `mail.oauth.client_id` is missing
     --> lapsewatch.toml:4:7
      |
    4 | [mail.oauth]
      |       ^^^^^

    error: `mail.oauth` needs `client_secret_file`, or `certificate_file` and `key_file`
     --> lapsewatch.toml:4:7
      |
    4 | [mail.oauth]
      |       ^^^^^
    "#);
    let both = "[mail.oauth]\ntenant = 'x'\nclient_id = '8f1'\nclient_secret_file = 's'\ncertificate_file = 'c'\nkey_file = 'k'";
    assert_snapshot!(with_tokens(both).problems(), @r#"
    error: `mail.oauth` takes a client secret or a certificate, not both
     --> lapsewatch.toml:8:20
      |
    8 | certificate_file = 'c'
      |                    ^^^
    "#);
}

#[test]
fn means_of_another_log_in_are_warned_of() {
    let file = r#"
[mail.smtp]
auth = "login"
username = "reminders@anyshire.example"
password_file = "credential:smtp-password"
password_changed_on = 2026-11-01
token_command = ["mail-token"]
[mail.oauth]
tenant = "x"
client_id = "8f1"
client_secret_file = "s"
"#;
    let site = site(file);
    assert_eq!(site.config().mail.smtp.tokens, None);
    assert_eq!(site.config().mail.smtp.password_changed_on, Some(date(2026, 11, 1)));
    assert_snapshot!(site.warnings(), @r#"
    warning: `mail.smtp.token_command` is not used while `mail.smtp.auth` is "login"
     --> lapsewatch.toml:7:17
      |
    7 | token_command = ["mail-token"]
      |                 ^^^^^^^^^^^^^^

    warning: `mail.oauth` is not used while `mail.smtp.auth` is "login"
     --> lapsewatch.toml:9:1
      |
    9 | tenant = "x"
      | ^^^^^^
    "#);
    let tokens = with_tokens("token_command = 'x'\npassword_file = 'p'\npassword_changed_on = '2026-11-01'");
    assert_snapshot!(tokens.warnings(), @r#"
    warning: `mail.smtp.password_file` is not used while `mail.smtp.auth` is "xoauth2"
     --> lapsewatch.toml:5:17
      |
    5 | password_file = 'p'
      |                 ^^^

    warning: `mail.smtp.password_changed_on` is not used while `mail.smtp.auth` is "xoauth2"
     --> lapsewatch.toml:6:23
      |
    6 | password_changed_on = '2026-11-01'
      |                       ^^^^^^^^^^^^
    "#);
}

#[test]
fn addresses_that_readers_would_distrust_are_warnings() {
    let file = r#"
[mail]
transport = "smtp"
from = "reminders@nhs.net"
[mail.smtp]
host = "smtp.anyshire.example"
username = "someone.else@nhs.net"
"#;
    assert_snapshot!(site(file).warnings(), @r#"
    warning: `mail.operator` is still the placeholder operator@example.org
     --> lapsewatch.toml:3:13
      |
    3 | transport = "smtp"
      |             ^^^^^^ set `mail.operator` to an address of yours

    warning: `mail.from` is an nhs.net address
     --> lapsewatch.toml:4:8
      |
    4 | from = "reminders@nhs.net"
      |        ^^^^^^^^^^^^^^^^^^^
      |
      = tip: use it only if the mail truly leaves through that account

    warning: `mail.smtp.username` is not used while `mail.smtp.auth` is "none"
     --> lapsewatch.toml:7:12
      |
    7 | username = "someone.else@nhs.net"
      |            ^^^^^^^^^^^^^^^^^^^^^^
    "#);
    let own = site(file).set("mail.operator=ops@anyshire.example").set("mail.smtp.username=Reminders@nhs.net");
    assert_eq!(own.set("mail.smtp.auth=login").set("mail.smtp.password_file=secret").warnings(), "");
}

#[test]
fn what_is_not_in_force_yet_is_a_warning() {
    let file = r#"
http.listen = "127.0.0.1:8025"
"#;
    assert_snapshot!(site(file).warnings(), @r#"
    warning: `http.listen` is not in force in this version
     --> lapsewatch.toml:2:15
      |
    2 | http.listen = "127.0.0.1:8025"
      |               ^^^^^^^^^^^^^^^^ there is no dashboard

    "#);
}

/// The greatest ages of the activity reports of Microsoft 365.
const REPORTS: [(Source, i32); 4] =
    [(Source::EmailActivity, 4), (Source::MailboxUsage, 4), (Source::ActiveUsers, 4), (Source::AppUsers, 4)];

#[test]
fn a_site_is_protected_unless_it_says_otherwise() {
    let config = site("").config();
    let breaker = Limits { enabled: true, max_new_share: 0.1, min_new: 25, max_row_drop: 0.2, max_bad_dates: 0.05 };
    assert_eq!((config.breaker, config.adoption), (breaker, Adoption { hold: true }));
    let by_source = [(Source::PortalMailbox, 8)].into_iter().chain(REPORTS).collect();
    assert_eq!(config.snapshots.max_age, MaxAges { passwords: 35, sends: 35, by_source, others: 8 });
    assert_eq!((config.mail.quota, config.mail.window, config.mail.working_days), (Quota::default(), None, false));
    let off = site("breaker = { enabled = false, min_new = 5, max_row_drop = 1 }\nadoption.hold = false").config();
    assert_eq!(off.breaker, Limits { enabled: false, min_new: 5, max_row_drop: 1.0, ..breaker });
    assert!(!off.adoption.hold);
}

#[test]
fn a_sources_greatest_age_is_in_days_or_weeks() {
    let file =
        r#"snapshots.max_age = { canonical = "5 weeks", graph_users = "2d", others = "3 days", sends = "40 days" }"#;
    let own = [(Source::PortalMailbox, 8), (Source::GraphUsers, 2), (Source::Canonical, 35)];
    let by_source = own.into_iter().chain(REPORTS).collect();
    assert_eq!(site(file).config().snapshots.max_age, MaxAges { passwords: 35, sends: 40, by_source, others: 3 });
}

#[test]
fn the_keys_of_a_quota_win_over_its_preset() {
    let quota = |file: &str| site(file).config().mail.quota;
    assert_eq!(quota("mail.quota.preset = 'exchange'"), Quota::EXCHANGE);
    let own = quota("mail.quota = { preset = 'exchange', per_day = 2000, connections = 1 }");
    assert_eq!(own, Quota { per_day: Some(2_000), connections: Some(1), ..Quota::EXCHANGE });
    assert_eq!(quota("mail.quota.per_minute = 20"), Quota { per_minute: Some(20), ..Quota::default() });
    let mail = site("mail = { window = '08:00 - 17:30', working_days = true }").config().mail;
    let window = Window { from: time(8, 0, 0, 0), to: time(17, 30, 0, 0) };
    assert_eq!((mail.window, mail.working_days), (Some(window), true));
}

#[test]
fn every_wrong_setting_of_a_gate_is_shown_at_once() {
    let file = r#"
adoption.hold = "yes"
[snapshots.max_age]
passwords = "1 month"
portal_mailbox = "0 days"
site_contacts = "8 days"
portal = "8 days"
[mail]
window = "18:00-08:00"
working_days = "Monday"
quota = { preset = "exchnge", per_day = 0, connections = "3" }
[breaker]
max_new_share = 10
max_row_drop = "20 %"
min_new = -1
"#;
    assert_snapshot!(site(file).problems(), @r#"
    error: `adoption.hold` must be true or false, without quotes
     --> lapsewatch.toml:2:17
      |
    2 | adoption.hold = "yes"
      |                 ^^^^^

    error: `snapshots.max_age.passwords` must be days or weeks
     --> lapsewatch.toml:4:13
      |
    4 | passwords = "1 month"
      |             ^^^^^^^^^ months differ in length

    error: `snapshots.max_age.portal_mailbox` must be at least one day
     --> lapsewatch.toml:5:18
      |
    5 | portal_mailbox = "0 days"
      |                  ^^^^^^^^

    error: unknown key `snapshots.max_age.site_contacts`
     --> lapsewatch.toml:6:1
      |
    6 | site_contacts = "8 days"
      | ^^^^^^^^^^^^^

    error: unknown key `snapshots.max_age.portal`
     --> lapsewatch.toml:7:1
      |
    7 | portal = "8 days"
      | ^^^^^^

    error: `mail.window` must be hours of a day such as "08:00-18:00"
     --> lapsewatch.toml:9:10
      |
    9 | window = "18:00-08:00"
      |          ^^^^^^^^^^^^^ the first must be the earlier

    error: `mail.working_days` must be true or false, without quotes
      --> lapsewatch.toml:10:16
       |
    10 | working_days = "Monday"
       |                ^^^^^^^^

    error: `mail.quota.preset` must be "exchange", "hve" or "relay"
      --> lapsewatch.toml:11:20
       |
    11 | quota = { preset = "exchnge", per_day = 0, connections = "3" }
       |                    ^^^^^^^^^ did you mean "exchange"?

    error: `mail.quota.per_day` must be a whole number from 1 to 10000000
      --> lapsewatch.toml:11:41
       |
    11 | quota = { preset = "exchnge", per_day = 0, connections = "3" }
       |                                         ^

    error: `mail.quota.connections` must be a whole number from 1 to 1000
      --> lapsewatch.toml:11:58
       |
    11 | quota = { preset = "exchnge", per_day = 0, connections = "3" }
       |                                                          ^^^

    error: `breaker.max_new_share` must be a share from 0 to 1, such as 0.10
      --> lapsewatch.toml:13:17
       |
    13 | max_new_share = 10
       |                 ^^

    error: `breaker.max_row_drop` must be a share from 0 to 1, such as 0.10
      --> lapsewatch.toml:14:16
       |
    14 | max_row_drop = "20 %"
       |                ^^^^^^

    error: `breaker.min_new` must be a whole number from 0 to 1000000
      --> lapsewatch.toml:15:11
       |
    15 | min_new = -1
       |           ^^
    "#);
}

#[test]
fn every_fault_of_a_stage_is_shown() {
    let file = r#"
[rules.activation]
stages = [
  { name = "both", after = "1d", before = "1d", audience = ["user"] },
  { name = "neither", audience = ["usr", "everyone"] },
  { name = "nobody", after = "3", audience = [], repeat_max = 2 },
  { name = "a#2", after = "-4 days", audience = "user", on_unknown = "drop", stats_fact = true },
  { after = "5 days", audience = ["user"], repeat_every = "1 week" },
  "final",
]
"#;
    assert_snapshot!(site(file).problems(), @r#"
    error: `rules.activation.stages[both]` has both `after` and `before`
     --> lapsewatch.toml:4:43
      |
    4 |   { name = "both", after = "1d", before = "1d", audience = ["user"] },
      |                                           ^^^^

    error: `rules.activation.stages[neither]` needs `after` or `before`
     --> lapsewatch.toml:5:3
      |
    5 |   { name = "neither", audience = ["usr", "everyone"] },
      |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    error: `rules.activation.stages[neither].audience` has an unknown word, "usr"
     --> lapsewatch.toml:5:35
      |
    5 |   { name = "neither", audience = ["usr", "everyone"] },
      |                                   ^^^^^ did you mean "user"?

    error: `rules.activation.stages[neither].audience` has an unknown word, "everyone"
     --> lapsewatch.toml:5:42
      |
    5 |   { name = "neither", audience = ["usr", "everyone"] },
      |                                          ^^^^^^^^^^
      |
      = tip: known are user, owners, site mailbox, members, site contact, operator

    error: `rules.activation.stages[nobody].after` must be a span of time
     --> lapsewatch.toml:6:30
      |
    6 |   { name = "nobody", after = "3", audience = [], repeat_max = 2 },
      |                              ^^^ such as "21 days", "2 weeks" or "6 months"

    error: `rules.activation.stages[nobody].audience` must name somebody
     --> lapsewatch.toml:6:46
      |
    6 |   { name = "nobody", after = "3", audience = [], repeat_max = 2 },
      |                                              ^^

    error: `rules.activation.stages[nobody].repeat_max` needs `repeat_every`
     --> lapsewatch.toml:6:63
      |
    6 |   { name = "nobody", after = "3", audience = [], repeat_max = 2 },
      |                                                               ^

    error: `rules.activation.stages[a#2].name` may hold letters, digits, - and _ only
     --> lapsewatch.toml:7:12
      |
    7 |   { name = "a#2", after = "-4 days", audience = "user", on_unknown = "dro...
      |            ^^^^^

    error: `rules.activation.stages[a#2].after` must be a span of time
     --> lapsewatch.toml:7:27
      |
    7 |   { name = "a#2", after = "-4 days", audience = "user", on_unknown = "dro...
      |                           ^^^^^^^^^
      |
      = tip: such as "21 days", "2 weeks" or "6 months"

    error: `rules.activation.stages[a#2].audience` must be a list in [brackets]
     --> lapsewatch.toml:7:49
      |
    7 |   { name = "a#2", after = "-4 days", audience = "user", on_unknown = "dro...
      |                                                 ^^^^^^

    error: `rules.activation.stages[a#2].on_unknown` must be "hold" or "resend"
     --> lapsewatch.toml:7:70
      |
    7 | ...audience = "user", on_unknown = "drop", stats_fact = true },
      |                                    ^^^^^^

    error: unknown key `rules.activation.stages[a#2].stats_fact`
     --> lapsewatch.toml:7:78
      |
    7 | ... "user", on_unknown = "drop", stats_fact = true },
      |                                  ^^^^^^^^^^
      |
      = tip: did you mean `states_fact`?

    error: `rules.activation.stages[5].name` is missing
     --> lapsewatch.toml:8:3
      |
    8 |   { after = "5 days", audience = ["user"], repeat_every = "1 week" },
      |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    warning: `rules.activation.stages[5].repeat_every` needs `repeat_max`
     --> lapsewatch.toml:8:59
      |
    8 |   { after = "5 days", audience = ["user"], repeat_every = "1 week" },
      |                                                           ^^^^^^^^

    error: `rules.activation.stages[6]` must be a table
     --> lapsewatch.toml:9:3
      |
    9 |   "final",
      |   ^^^^^^^
    "#);
}

#[test]
fn every_stage_at_a_wrong_place_is_shown() {
    let file = r#"
[rules.inactivity]
inactive_after = "3 months"
stages = [
  { name = "first", after = "3 weeks", audience = ["user"] },
  { name = "twin", before = "39 days", audience = ["user"] },
  { name = "first", after = "30 days", audience = ["user"] },
  { name = "late", after = "2 months", audience = ["user"] },
  { name = "wide", before = "61 days", audience = ["user"] },
]
"#;
    assert_snapshot!(site(file).problems(), @r#"
    error: `rules.inactivity.inactive_after` is after the deadline
     --> lapsewatch.toml:3:18
      |
    3 | inactive_after = "3 months"
      |                  ^^^^^^^^^^ the deadline is after 60 days

    error: stages `first` and `twin` of `rules.inactivity` fall on one day
     --> lapsewatch.toml:6:29
      |
    6 |   { name = "twin", before = "39 days", audience = ["user"] },
      |                             ^^^^^^^^^ only the later one would be sent

    error: `rules.inactivity` has two stages named `first`
     --> lapsewatch.toml:7:29
      |
    7 |   { name = "first", after = "30 days", audience = ["user"] },
      |                             ^^^^^^^^^

    error: stage `late` of `rules.inactivity` comes after its deadline
     --> lapsewatch.toml:8:28
      |
    8 |   { name = "late", after = "2 months", audience = ["user"] },
      |                            ^^^^^^^^^^ the deadline is after 60 days

    error: stage `wide` of `rules.inactivity` comes before the rule begins
     --> lapsewatch.toml:9:29
      |
    9 |   { name = "wide", before = "61 days", audience = ["user"] },
      |                             ^^^^^^^^^ the deadline is after 60 days
    "#);
}

#[test]
fn every_ladder_that_cannot_work_is_shown() {
    let file = r#"
[rules.password]
stages = [{ name = "expired", before = "0 days", audience = ["user"] }]
[rules.leaver]
deadline_after = "20 days"
[rules.restore]
stages = []
[rules.shared_mailbox]
stages = [
  { name = "early", after = "1 month", audience = ["owners"], repeat_every = "2 months", repeat_max = 5 },
  { name = "middle", after = "5 months", audience = ["owners"] },
]
[rules.inactvity]
enabled = false
"#;
    assert_snapshot!(site(file).problems(), @r#"
    error: no stage of `rules.password` leaves its reader a working day to act
     --> lapsewatch.toml:3:1
      |
    3 | stages = [{ name = "expired", before = "0 days", audience = ["user"] }]
      | ^^^^^^ set one earlier, before every long weekend

    error: stage `urgent` of `rules.leaver` comes after its deadline
     --> lapsewatch.toml:5:18
      |
    5 | deadline_after = "20 days"
      |                  ^^^^^^^^^ the deadline is after 20 days

    error: stage `final` of `rules.leaver` comes after its deadline
     --> lapsewatch.toml:5:18
      |
    5 | deadline_after = "20 days"
      |                  ^^^^^^^^^ the deadline is after 20 days

    error: no stage of `rules.restore` leaves its reader a working day to act
     --> lapsewatch.toml:7:1
      |
    7 | stages = []
      | ^^^^^^ it has no stage

    error: stages `early` and `middle` of `rules.shared_mailbox` fall on one day
      --> lapsewatch.toml:11:30
       |
    11 |   { name = "middle", after = "5 months", audience = ["owners"] },
       |                              ^^^^^^^^^^ only the later one would be sent

    error: unknown key `rules.inactvity`
      --> lapsewatch.toml:13:8
       |
    13 | [rules.inactvity]
       |        ^^^^^^^^^ did you mean `inactivity`?
    "#);
}

#[test]
fn a_rule_that_is_off_need_not_leave_anybody_a_day() {
    let file = "[rules.restore]\nenabled = false\nstages = []";
    assert_eq!(site(file).warnings(), "");
}

#[test]
fn a_stage_on_the_eve_leaves_a_day_unless_it_goes_out_on_closed_days() {
    let eve = "[rules.leaver]\nstages = [{ name = 'eve', after = '29 days', audience = ['user'], any_day = false }]";
    assert_eq!(site(eve).warnings(), "");
    assert_snapshot!(site(&eve.replace("false", "true")).problems(), @r#"
    error: no stage of `rules.leaver` leaves its reader a working day to act
     --> lapsewatch.toml:2:1
      |
    2 | stages = [{ name = 'eve', after = '29 days', audience = ['user'], any_day...
      | ^^^^^^ set one earlier, before every long weekend
    "#);
    assert_snapshot!(site(&eve.replace("any_day = false", "states_fact = true")).problems(), @r#"
    error: no stage of `rules.leaver` leaves its reader a working day to act
     --> lapsewatch.toml:2:1
      |
    2 | stages = [{ name = 'eve', after = '29 days', audience = ['user'], states_...
      | ^^^^^^ set one earlier, before every long weekend
    "#);
}

#[test]
fn text_that_is_no_toml_is_shown_line_by_line() {
    assert_snapshot!(site("[mail\nfrom = \n\noperator = 'x\n").problems(), @r#"
    error: not valid TOML: unclosed table, expected `]`
     --> lapsewatch.toml:1:6
      |
    1 | [mail
      |      ^
    "#);
    assert_snapshot!(site("[mail]\nfrom = 'a@b.example'\nfrom = 'a@c.example'\n").problems(), @r#"
    error: not valid TOML: duplicate key
     --> lapsewatch.toml:3:1
      |
    3 | from = 'a@c.example'
      | ^^^^
    "#);
}

#[test]
fn arguments_are_shown_as_they_were_given() {
    let site = site("")
        .variable("LAPSEWATCH__MAIL__SMTP__PORT", "smtp")
        .variable("LAPSEWATCH__DATABASE__URI", "sqlite:x.db")
        .variable("LAPSEWATCH__LOG", "debug")
        .set("mail.smtp.port=x")
        .set("mail.smtp.tls=startls")
        .set("mail.from")
        .set("mail..to=x")
        .set("policy.covered_domains=['nhs.net'");
    assert_snapshot!(site.problems(), @r#"
    error: unknown key `database.uri`
    --> LAPSEWATCH__DATABASE__URI
     = tip: did you mean `url`?

    error: `log` must be a table
    --> LAPSEWATCH__LOG

    error: `mail.smtp.port` must be a whole number from 1 to 65535
    --> --set mail.smtp.port=x

    error: `mail.smtp.tls` must be "none", "starttls" or "implicit"
    --> --set mail.smtp.tls=startls
     = tip: did you mean "starttls"?

    error: `mail.from` needs a value
    --> --set mail.from
     = tip: write mail.from=VALUE

    error: `mail..to` is no key
    --> --set mail..to=x
     = tip: write it like mail.smtp.port

    error: not a valid TOML value: unclosed array, expected `]`
    --> --set policy.covered_domains=['nhs.net'
    "#);
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let file = Path::new("no/such/lapsewatch.toml");
    let problems = config::load(&Sources { file: Some(file), today: TODAY, ..Sources::default() }).unwrap_err();
    assert_eq!(
        problems.to_string(),
        "error: cannot read no/such/lapsewatch.toml: No such file or directory (os error 2)"
    );
}

#[test]
fn colour_comes_only_when_asked() {
    let problems = site("log.format = 'x'").load().unwrap_err();
    assert!(!problems.render(false).contains('\u{1b}') && problems.render(true).contains('\u{1b}'));
}

const HOLIDAYS: &str = r#"
[policy]
bank_holidays = "holidays.json"
"#;

#[test]
fn the_list_of_bank_holidays_can_be_replaced() {
    let list = r#"{"scotland": {"division": "scotland", "events": [
        {"title": "2nd January", "date": "2026-01-02"}, {"title": "a", "date": "2026-02-02"},
        {"title": "b", "date": "2026-03-02"}, {"title": "c", "date": "2026-04-02"},
        {"title": "d", "date": "2026-05-05"}, {"title": "e", "date": "2027-12-31", "notes": "", "bunting": true},
        {"title": "f", "date": "2026-06-02"}
    ]}}"#;
    let site = site(HOLIDAYS).file("holidays.json", list).set("policy.division=scotland");
    let calendar = site.config().calendar;
    assert!(calendar.is_closed(date(2026, 1, 2)) && !calendar.is_closed(date(2026, 12, 25)));
    assert!(calendar.is_closed(date(2027, 3, 26)), "2027 is the built-in list's");
    assert_snapshot!(site.warnings(), @r#"
    warning: the list of bank holidays has fewer than 6 days in 2027
     --> lapsewatch.toml:3:17
      |
    3 | bank_holidays = "holidays.json"
      |                 ^^^^^^^^^^^^^^^ the built-in list is used for that year
    "#);
}

#[test]
fn a_list_of_bank_holidays_that_ends_within_90_days_is_a_warning() {
    assert_eq!(site("").on(date(2028, 9, 26)).warnings(), "");
    assert_snapshot!(site("").on(date(2028, 9, 27)).warnings(), @r#"
    warning: the built-in list of bank holidays ends on 2028-12-26
      tip: GOV.UK publishes the next years; name its file in `policy.bank_holidays`
    "#);
    let only_2026: String = include_str!("../config/bank-holidays.json")
        .lines()
        .filter(|line| !line.contains("\"date\"") || line.contains("2026-"))
        .collect();
    let site = site(HOLIDAYS).file("holidays.json", &only_2026.replace("},  ]", "}  ]"));
    assert_snapshot!(site.warnings(), @r#"
    warning: the list of bank holidays ends on 2026-12-28
     --> lapsewatch.toml:3:17
      |
    3 | bank_holidays = "holidays.json"
      |                 ^^^^^^^^^^^^^^^
      |
      = tip: GOV.UK publishes the next years; name its file in `policy.bank_holidays`
    "#);
}

#[test]
fn what_is_wrong_with_a_list_of_bank_holidays_names_the_file() {
    assert_snapshot!(site(HOLIDAYS).problems(), @r#"
    error: cannot read the bank holidays holidays.json: No such file or directory (os error 2)
     --> lapsewatch.toml:3:17
      |
    3 | bank_holidays = "holidays.json"
      |                 ^^^^^^^^^^^^^^^
    "#);
    let wrong_day = "{\"england-and-wales\": {\"events\": [\n  {\"date\": \"2026-02-30\"}\n]}}";
    assert_snapshot!(site(HOLIDAYS).file("holidays.json", wrong_day).problems(), @r#"
    error: not a list of bank holidays in GOV.UK's form
     --> holidays.json:2:23
      |
    2 |   {"date": "2026-02-30"}
      |                       ^
      |
      = tip: parsed date is not valid: parameter 'day' for `2026-02` is invalid, must be in range `1..=28`
    "#);
    assert_snapshot!(site(HOLIDAYS).file("holidays.json", "{\"england-and-wales\": {}}").problems(), @r#"
    error: not a list of bank holidays in GOV.UK's form
     --> holidays.json:1:24
      |
    1 | {"england-and-wales": {}}
      |                        ^ missing field `events`
    "#);
    assert_snapshot!(site(HOLIDAYS).file("holidays.json", "{\"england-and-wale\": {\"events\": []}}").problems(), @r#"
    error: holidays.json has no division "england-and-wales"
     --> lapsewatch.toml:3:17
      |
    3 | bank_holidays = "holidays.json"
      |                 ^^^^^^^^^^^^^^^ did you mean "england-and-wale"?
    "#);
}

#[test]
fn settings_that_need_a_restart_are_named() {
    let old = site("").config();
    let database = site("").set("database.url=sqlite:other.db").set("database.password_file=credential:database");
    let new = database.set("log.filter=debug").set("mail.smtp.port=25").config();
    assert_eq!(config::needs_restart(&old, &new), ["database.url", "database.password_file", "log.filter"]);
    assert_eq!(config::needs_restart(&old, &old), Vec::<&str>::new());
}
