//! Against Postfix, Dovecot and smtp-sink, started by `tests/servers/postfix`.
use std::{
    env, fs,
    io::Write,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use lapsewatch::{
    config::{Auth, SecretFile, Smtp, Tls},
    domain::delivery::{Decision, Step},
    mail::{Mailer, SendError, smtp::SmtpMailer},
};

use crate::fake::mail;

struct Real {
    folder: PathBuf,
    starttls: u16,
    implicit: u16,
    sink: u16,
}

fn port(name: &str) -> Option<u16> {
    env::var(name).ok()?.parse().ok()
}

/// The servers, or nothing when the environment does not name them all.
fn servers() -> Option<Real> {
    Some(Real {
        folder: env::var_os("LAPSEWATCH_TEST_POSTFIX")?.into(),
        starttls: port("LAPSEWATCH_TEST_POSTFIX_STARTTLS")?,
        implicit: port("LAPSEWATCH_TEST_POSTFIX_IMPLICIT")?,
        sink: port("LAPSEWATCH_TEST_SMTP_SINK")?,
    })
}

impl Real {
    fn settings(&self, tls: Tls, auth: Auth) -> Smtp {
        Smtp {
            host: "localhost".into(),
            port: if tls == Tls::Implicit { self.implicit } else { self.starttls },
            tls,
            auth,
            username: Some("reminders@anyshire.example".into()),
            password_file: Some(SecretFile::Path(self.folder.join("password"))),
            password_changed_on: None,
            tokens: None,
            ca_file: Some(self.folder.join("ca.pem")),
            hello_name: Some("localhost".into()),
            connections: 1,
            timeout_secs: 15,
        }
    }

    fn mailer(&self, change: impl FnOnce(&mut Smtp)) -> SmtpMailer {
        let mut settings = self.settings(Tls::Starttls, Auth::Plain);
        change(&mut settings);
        SmtpMailer::new(&settings).unwrap()
    }

    /// The message with this word in it, as it came out at the far end.
    fn arrived(&self, word: &str) -> String {
        let until = Instant::now() + Duration::from_secs(20);
        while Instant::now() < until {
            if let Some(text) = find(&self.folder.join("sink"), word) {
                return text;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("{word} did not arrive");
    }
}

fn find(folder: &Path, word: &str) -> Option<String> {
    let texts = fs::read_dir(folder).unwrap().filter_map(|entry| fs::read_to_string(entry.ok()?.path()).ok());
    texts.into_iter().find(|text| text.contains(word) && text.contains("the end\n"))
}

#[test]
fn left_out_without_servers() {
    if servers().is_none() {
        // Straight to standard error: the test harness keeps what the print macros say to itself.
        let line = "left out: SMTP against Postfix, Dovecot and smtp-sink; run tests/all\n";
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postfix_takes_messages_over_starttls_and_tls_with_plain_and_login() {
    let Some(real) = servers() else { return };
    for (nth, (tls, auth)) in [
        (Tls::Starttls, Auth::Plain),
        (Tls::Starttls, Auth::Login),
        (Tls::Implicit, Auth::Plain),
        (Tls::Implicit, Auth::Login),
    ]
    .into_iter()
    .enumerate()
    {
        let mailer = SmtpMailer::new(&real.settings(tls, auth)).unwrap();
        mailer.probe().await.unwrap();
        let mut session = mailer.session();
        let word = format!("word-{}-{nth}", std::process::id());
        let mut odd = mail("jo.doe@anyshire.example");
        odd.raw = format!("Subject: dots\r\n\r\n{word}\r\n.\r\n.hidden\r\n..two\r\nthe end\r\n").into_bytes();
        let receipt = session.send(&odd).await.unwrap();
        assert!(receipt.reply.starts_with("250 2.0.0 Ok: queued as ") && receipt.assigned_id.is_some(), "{receipt:?}");
        session.send(&mail("two@anyshire.example")).await.unwrap();
        session.close().await;
        let arrived = real.arrived(&word).replace("\r\n", "\n");
        let body = &arrived[arrived.find(&word).unwrap()..];
        assert!(body.starts_with(&format!("{word}\n.\n.hidden\n..two\nthe end\n")), "{body:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postfix_refuses_one_recipient_and_takes_the_next_on_the_same_connection() {
    let Some(real) = servers() else { return };
    let mut session = real.mailer(|_| ()).session();
    let rejected = session.send(&mail("nobody@anyshire.example")).await.unwrap_err();
    assert_eq!(rejected.decision(), Decision::RejectedRecipient, "{rejected}");
    let deferred = session.send(&mail("later@anyshire.example")).await.unwrap_err();
    assert_eq!(deferred.decision(), Decision::DeferredMessage, "{deferred}");
    session.send(&mail("jo.doe@anyshire.example")).await.unwrap();
    session.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postfix_refuses_a_wrong_password_and_a_sender_that_is_not_ours() {
    let Some(real) = servers() else { return };
    let wrong = tempfile::NamedTempFile::new().unwrap();
    fs::write(&wrong, "battery staple\n").unwrap();
    for auth in [Auth::Plain, Auth::Login] {
        let wrong = SecretFile::Path(wrong.path().to_owned());
        let mailer = real.mailer(|settings| (settings.auth, settings.password_file) = (auth, Some(wrong)));
        let error = mailer.probe().await.unwrap_err();
        assert!(matches!(error, SendError::LoginRefused { .. }) && error.to_string().contains("535 5.7.8"), "{error}");
        assert_eq!(error.decision(), Decision::SenderWide);
        assert!(!format!("{error:?}").contains("battery"));
    }
    let mut not_ours = mail("jo.doe@anyshire.example");
    not_ours.from = "other@anyshire.example".into();
    let error = real.mailer(|_| ()).session().send(&not_ours).await.unwrap_err();
    assert_eq!((error.step(), error.decision()), (Some(Step::RcptTo), Decision::SenderWide), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn postfix_is_not_trusted_under_another_name_or_by_the_systems_authorities() {
    let Some(real) = servers() else { return };
    let by_address = real.mailer(|settings| settings.host = "127.0.0.1".into());
    assert!(by_address.probe().await.unwrap_err().to_string().contains("not for 127.0.0.1"));
    // A machine without any list of authorities refuses as well, only earlier.
    let by_system = SmtpMailer::new(&Smtp { ca_file: None, ..real.settings(Tls::Implicit, Auth::Plain) });
    let error = match by_system {
        Ok(mailer) => mailer.probe().await.unwrap_err(),
        Err(error) => error,
    };
    assert!(error.to_string().contains("mail.smtp.ca_file"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn smtp_sink_takes_five_hundred_messages_on_one_connection_in_seconds() {
    let Some(real) = servers() else { return };
    let mailer = real.mailer(|settings| {
        (settings.tls, settings.auth, settings.port) = (Tls::None, Auth::None, real.sink);
    });
    let mut session = mailer.session();
    let mut spans = Vec::new();
    for _ in 0..500 {
        let begun = Instant::now();
        session.send(&mail("jo.doe@anyshire.example")).await.unwrap();
        spans.push(begun.elapsed());
    }
    session.close().await;
    // With Nagle's algorithm on each would take 40 ms. On a machine that is busy some do.
    spans.sort();
    assert!(spans[100] < Duration::from_millis(20), "{spans:?}");
    println!("500 messages on one connection: {:?}", spans.iter().sum::<Duration>());
}
