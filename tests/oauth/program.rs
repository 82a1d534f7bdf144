//! The program itself with access tokens: `check`, `test-mail`, a run that is refused, and what it logs.
use crate::{
    fake::Fake,
    program::{MORNING, Ran, Trial},
    world::{CLIENT, SECRET, World, server, tokens},
};

/// Ten minutes later: what was deferred once is due again.
const LATER: &str = "2026-11-20T08:10:00Z";

/// The settings of a world, with the secret as a credential of the service.
fn settings(world: &World, smtp: &Fake) -> String {
    let (port, ca_file, token_url) = (smtp.port, smtp.ca_file(), world.token_url());
    format!(
        r#"
[database]
url = "sqlite:data/lapsewatch.db"
[snapshots]
inbox = "inbox"
archive = "archive"
quarantine = "quarantine"
settle_secs = 0
[mail]
from = "NHSmail reminders <reminders@anyshire.example>"
operator = "operator@anyshire.example"
transport = "smtp"
[mail.smtp]
host = "localhost"
port = {port}
auth = "xoauth2"
username = "reminders@anyshire.example"
ca_file = "{}"
timeout_secs = 5
[mail.oauth]
token_url = "{token_url}"
client_id = "{CLIENT}"
client_secret_file = "credential:secret"
client_secret_expires_on = 2026-12-01
"#,
        ca_file.display()
    )
}

/// As the service manager runs it, with everything logged, and a proxy in the environment that does not work.
fn run(trial: &Trial, world: &World, smtp: &Fake, at: &str, arguments: &[&str]) -> Ran {
    trial.write("lapsewatch.toml", settings(world, smtp));
    let mut command = trial.command();
    command.env("CREDENTIALS_DIRECTORY", world.secret_file().parent().unwrap());
    command.env("http_proxy", "http://127.0.0.1:9").env("HTTP_PROXY", "http://127.0.0.1:9");
    let config = trial.path("lapsewatch.toml").display().to_string();
    command.args(["--config", &config, "--at", at, "--set", "log.filter=trace"]).args(arguments);
    let ran = trial.finish(command);
    for secret in [SECRET, "hunter2", "AUTH XOAUTH2"] {
        assert!(!ran.out.contains(secret) && !ran.err.contains(secret), "{secret}: {}", ran.screen());
    }
    ran
}

#[tokio::test(flavor = "multi_thread")]
async fn check_logs_in_and_warns_of_a_secret_that_ends_soon() {
    let world = World::new(server(&["hunter2-1"]).await, tokens(3600).await);
    let trial = Trial::new();
    let ran = run(&trial, &world, &world.smtp, MORNING, &["check"]).ends_with(0);
    let mail = format!("ok    mail         localhost:{}, STARTTLS, access token from", world.smtp.port);
    assert!(ran.out.contains(&mail), "{}", ran.screen());
    let warning = "warn  sender       the client secret of the sending application expires on 1\n                   \
                   December 2026, in 11 days: make a new one";
    assert!(ran.out.contains(warning), "{}", ran.screen());
    assert_eq!(world.smtp.heard().concat().last().unwrap(), "QUIT");
}

#[tokio::test(flavor = "multi_thread")]
async fn test_mail_sends_one_message_with_a_token() {
    let world = World::new(server(&["hunter2-1"]).await, tokens(3600).await);
    let trial = Trial::new();
    let ran = run(&trial, &world, &world.smtp, MORNING, &["test-mail", "me@anyshire.example"]).ends_with(0);
    assert!(ran.out.contains("250 2.0.0 Ok: queued as Q1"), "{}", ran.screen());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_stops_the_run_loses_nothing_and_rejects_nobody() {
    let world = World::new(server(&[]).await, tokens(3600).await);
    let trial = Trial::with_exports();
    let refused = run(&trial, &world, &world.smtp, MORNING, &["once"]).ends_with(6);
    assert!(refused.err.contains("nothing is lost and nobody was rejected"), "{}", refused.screen());
    assert!(world.smtp.heard().concat().iter().all(|line| !line.starts_with("MAIL")));
    let mended = server(&["hunter2-3"]).await;
    run(&trial, &world, &mended, LATER, &["once"]).ends_with(0);
    let lines = mended.heard().concat();
    assert_eq!(
        lines.iter().filter(|line| *line == ".").count(),
        11,
        "everybody is told, and the operator what stopped"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn outside_the_service_a_credential_is_said_to_be_missing() {
    let world = World::new(server(&["hunter2-1"]).await, tokens(3600).await);
    let trial = Trial::new();
    trial.write("lapsewatch.toml", settings(&world, &world.smtp));
    let ran = trial.run(&["check"]).ends_with(3);
    let words = ran.out.split_whitespace().collect::<Vec<_>>().join(" ");
    let why =
        "mail.oauth.client_secret_file credential:secret is not there: write it into /etc/credstore/lapsewatch.secret";
    assert!(words.contains(why), "{}", ran.screen());
}
