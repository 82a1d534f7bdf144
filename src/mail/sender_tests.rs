use std::path::PathBuf;

use jiff::civil::date;

use super::*;
use crate::config::{Config, Sources, load};

fn config(settings: &[&str]) -> Config {
    let always =
        ["mail.transport=smtp", "mail.smtp.host=smtp.anyshire.example", "mail.smtp.username=bot@anyshire.example"];
    let overrides: Vec<String> = always.iter().chain(settings).map(|set| (*set).to_owned()).collect();
    load(&Sources { overrides: &overrides, today: date(2026, 11, 21), ..Sources::default() }).unwrap().config
}

fn found(settings: &[&str]) -> Vec<Expiry> {
    let config = config(settings);
    expiries(&config.mail, &config.time_zone).unwrap()
}

const PASSWORD: [&str; 3] =
    ["mail.smtp.auth=login", "mail.smtp.password_file=secret", "mail.smtp.password_changed_on=2026-01-10"];

const SECRET: [&str; 5] = [
    "mail.smtp.auth=xoauth2",
    "mail.oauth.tenant=anyshire.example",
    "mail.oauth.client_id=8f1",
    "mail.oauth.client_secret_file=secret",
    "mail.oauth.client_secret_expires_on=2027-03-31",
];

#[test]
fn a_password_lasts_365_days_from_the_day_it_was_set() {
    assert_eq!(found(&PASSWORD), [Expiry { means: Means::Password, expires_on: date(2027, 1, 10) }]);
    assert_eq!(found(&PASSWORD[..2]), [], "nobody said when");
}

#[test]
fn a_client_secret_lasts_as_long_as_the_operator_says() {
    assert_eq!(found(&SECRET), [Expiry { means: Means::ClientSecret, expires_on: date(2027, 3, 31) }]);
    assert_eq!(found(&SECRET[..4]), [], "nobody said when");
}

#[test]
fn a_certificate_lasts_to_its_own_last_instant_in_the_policys_zone() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let mut params = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
    // An hour before midnight in UTC is midnight in London's summer.
    params.not_after = rcgen::date_time_ymd(2027, 7, 1) - std::time::Duration::from_hours(1);
    let key = rcgen::KeyPair::generate().unwrap();
    std::fs::write(path("app.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
    let with = |file: PathBuf| {
        let file = format!("mail.oauth.certificate_file={}", file.display());
        config(&[SECRET[0], SECRET[1], SECRET[2], &file, "mail.oauth.key_file=key"])
    };
    let london = with(path("app.pem"));
    let expiry = expiries(&london.mail, &london.time_zone).unwrap();
    assert_eq!(expiry, [Expiry { means: Means::Certificate, expires_on: date(2027, 7, 1) }]);
    let utc = expiries(&london.mail, &TimeZone::UTC).unwrap();
    assert_eq!(utc[0].expires_on, date(2027, 6, 30));
    let missing = expiries(&with(path("none.pem")).mail, &TimeZone::UTC).unwrap_err();
    assert!(missing.to_string().contains("none.pem: No such file"), "{missing}");
}

#[test]
fn what_is_not_used_does_not_end() {
    assert_eq!(found(&["mail.smtp.auth=none"]), []);
    assert_eq!(found(&["mail.smtp.auth=xoauth2", "mail.smtp.token_command=[\"mail-token\"]"]), []);
    assert_eq!(found(&[&PASSWORD[..], &["mail.transport=directory"]].concat()), []);
}

#[test]
fn the_words_say_what_ends_when_and_what_to_do() {
    let expiry = Expiry { means: Means::ClientSecret, expires_on: date(2027, 3, 31) };
    let advice = "make a new one, put it into mail.oauth.client_secret_file and its last day into \
                  mail.oauth.client_secret_expires_on";
    for (today, when) in [
        (date(2027, 3, 1), "expires on 31 March 2027, in 30 days"),
        (date(2027, 3, 30), "expires tomorrow, 31 March 2027"),
        (date(2027, 3, 31), "expires today, 31 March 2027"),
        (date(2027, 4, 1), "expired on 31 March 2027"),
    ] {
        assert_eq!(expiry.words(today), format!("the client secret of the sending application {when}: {advice}"));
        assert!(expiry.is_near(today));
    }
    assert!(!expiry.is_near(date(2027, 2, 28)));
    assert_eq!(expiry.days_left(date(2026, 2, 28)), 396);
}
