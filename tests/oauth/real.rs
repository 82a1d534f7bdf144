//! Against Postfix and Dovecot, started by `tests/servers/postfix`: Dovecot asks this test whether a token is good.
use std::{env, io::Write, path::PathBuf};

use lapsewatch::{
    config::{Auth, Smtp, Tls},
    domain::delivery::{Decision, Step},
    mail::{Mailer, SendError, smtp::SmtpMailer},
};
use wiremock::{Mock, MockServer, Request, ResponseTemplate, matchers::any};

use crate::{
    fake::mail,
    world::{World, form, server, tokens},
};

struct Real {
    folder: PathBuf,
    port: u16,
    introspection: u16,
}

/// The servers, or nothing when the environment does not name them all.
fn servers() -> Option<Real> {
    let port = |name: &str| env::var(name).ok()?.parse().ok();
    Some(Real {
        folder: env::var_os("LAPSEWATCH_TEST_POSTFIX")?.into(),
        port: port("LAPSEWATCH_TEST_POSTFIX_STARTTLS")?,
        introspection: port("LAPSEWATCH_TEST_INTROSPECTION")?,
    })
}

impl Real {
    /// Says of every token but the second whether it is good: the first has ended, the others are not known.
    async fn introspection(&self) -> MockServer {
        let listener = std::net::TcpListener::bind(("127.0.0.1", self.introspection)).unwrap();
        let endpoint = MockServer::builder().listener(listener).start().await;
        let answer = |request: &Request| {
            let is_good = form(request).get("token").is_some_and(|token| token == "hunter2-2");
            let body = serde_json::json!({ "active": is_good, "username": "reminders@anyshire.example" });
            ResponseTemplate::new(200).set_body_json(body)
        };
        Mock::given(any()).respond_with(answer).mount(&endpoint).await;
        endpoint
    }

    fn settings(&self, world: &World) -> Smtp {
        let (host, ca_file) = ("localhost".into(), Some(self.folder.join("ca.pem")));
        Smtp { host, port: self.port, ca_file, timeout_secs: 15, ..world.settings(|_| ()) }
    }
}

#[test]
fn left_out_without_servers() {
    if servers().is_none() {
        // Straight to standard error: the test harness keeps what the print macros say to itself.
        let line = "left out: access tokens against Postfix and Dovecot; run tests/all\n";
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
}

/// One test, because one port is Dovecot's to ask.
#[tokio::test(flavor = "multi_thread")]
async fn postfix_and_dovecot_take_a_good_token_and_refuse_others() {
    let Some(real) = servers() else { return };
    let introspection = real.introspection().await;

    let world = World::new(server(&[]).await, tokens(3600).await);
    let mailer = SmtpMailer::new(&real.settings(&world)).unwrap();
    let mut session = mailer.session();
    let receipt = session.send(&mail("jo.doe@anyshire.example")).await.unwrap();
    assert!(receipt.reply.starts_with("250 2.0.0 Ok: queued as "), "{receipt:?}");
    session.close().await;
    assert_eq!(world.asked().await, 2, "the first token is refused, the second taken");
    mailer.probe().await.unwrap();
    assert_eq!(world.asked().await, 2, "and kept");

    // The third and the fourth token: nobody knows them.
    let unknown = SmtpMailer::new(&real.settings(&world)).unwrap();
    let error = unknown.session().send(&mail("jo.doe@anyshire.example")).await.unwrap_err();
    assert_eq!((error.step(), error.decision()), (Some(Step::Auth), Decision::SenderWide), "{error}");
    assert!(matches!(error, SendError::TokenRefused { .. }) && error.to_string().contains("\"status\""), "{error}");
    assert_eq!(world.asked().await, 4, "no loop");

    // A good token of somebody else's mailbox.
    let world = World::new(server(&[]).await, tokens(3600).await);
    let other = Smtp { username: Some("other@anyshire.example".into()), ..real.settings(&world) };
    let error = SmtpMailer::new(&other).unwrap().probe().await.unwrap_err();
    assert!(matches!(error, SendError::TokenRefused { .. }), "{error}");

    // Another name and another authority: no token is shown, so Dovecot asks nothing.
    let asked = introspection.received_requests().await.unwrap().len();
    let named_otherwise = Smtp { host: "127.0.0.1".into(), ..real.settings(&world) };
    let error = SmtpMailer::new(&named_otherwise).unwrap().probe().await.unwrap_err();
    assert!(error.to_string().contains("not for 127.0.0.1"), "{error}");
    let other_authority = Smtp { ca_file: Some(world.smtp.ca_file()), ..real.settings(&world) };
    let error = SmtpMailer::new(&other_authority).unwrap().probe().await.unwrap_err();
    assert!(error.to_string().contains("mail.smtp.ca_file"), "{error}");
    assert_eq!(introspection.received_requests().await.unwrap().len(), asked);

    // In clear: Postfix offers no log-in before STARTTLS, and a setting that asks for one is refused before that.
    let plain = Smtp { tls: Tls::None, auth: Auth::Plain, ..real.settings(&world) };
    assert!(SmtpMailer::new(&plain).is_err());
}
