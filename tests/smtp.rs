//! Sending over SMTP: against a server that does as it is told, and against real ones when the environment names them.
//!
//! The first half needs nothing and always runs. The second half runs when `LAPSEWATCH_TEST_POSTFIX` and its fellows
//! are set, as `tests/servers/postfix start` prints them.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "helpers of tests fail like tests")]

#[path = "smtp/fake.rs"]
mod fake;
#[path = "smtp/real.rs"]
mod real;

use std::time::Duration;

use fake::{Do, Fake, mail, polite};
use lapsewatch::{
    config::{Auth, Smtp, Tls},
    domain::delivery::{Decision, Step},
    mail::{Mailer, SendError, smtp::SmtpMailer},
};
use tokio::time::timeout;

const JO: &str = "jo.doe@anyshire.example";

async fn failure(fake: &Fake) -> SendError {
    fake.session().send(&mail(JO)).await.unwrap_err()
}

#[track_caller]
fn check(error: &SendError, step: Step, decision: Decision, words: &str) {
    assert_eq!((error.step(), error.decision()), (Some(step), decision), "{error}");
    assert!(error.to_string().contains(words), "{error}");
    assert!(!format!("{error} {error:?}").contains("correct horse"), "the password is in {error:?}");
}

/// A script that is polite except where `change` says otherwise.
fn except(line: &'static str, change: Do) -> impl Fn(usize, &str) -> Do {
    move |_, heard| {
        if heard == line || (!line.is_empty() && heard.starts_with(line)) { change.clone() } else { polite(heard) }
    }
}

#[tokio::test]
async fn many_messages_share_one_connection_and_every_receipt_is_the_servers_own() {
    let fake = Fake::start(|_, line| polite(line)).await;
    let mut session = fake.session();
    for _ in 0..5 {
        let receipt = session.send(&mail(JO)).await.unwrap();
        assert_eq!(receipt.reply, "250 2.0.0 Ok: queued as Q1");
        assert_eq!(receipt.assigned_id.as_deref(), Some("Q1"));
    }
    session.close().await;
    let heard = fake.heard();
    assert_eq!(heard.len(), 1);
    assert_eq!(heard[0].iter().filter(|line| line.starts_with("MAIL")).count(), 5);
    assert_eq!(heard[0].last().unwrap(), "QUIT");
    assert_eq!(heard[0][0], "EHLO lapsewatch.anyshire.example");
}

#[tokio::test]
async fn the_message_arrives_byte_for_byte_with_dots_doubled_and_every_line_end_crlf() {
    let fake = Fake::start(|_, line| polite(line)).await;
    let mut odd = mail(JO);
    odd.raw = b".first\r\nbare\n.\r\n..two\r\nno end".into();
    fake.session().send(&odd).await.unwrap();
    let heard = fake.heard().remove(0);
    let begin = heard.iter().position(|line| line == "DATA").unwrap() + 1;
    assert_eq!(heard[begin..], ["..first", "bare", "..", "...two", "no end", "."]);
}

#[tokio::test]
async fn a_refused_recipient_never_stops_the_others_nor_costs_the_connection() {
    let fake = Fake::start(except("RCPT TO:<gone", Do::Say("550 5.1.1 No such user"))).await;
    let mut session = fake.session();
    session.send(&mail("one@anyshire.example")).await.unwrap();
    let error = session.send(&mail("gone@anyshire.example")).await.unwrap_err();
    check(&error, Step::RcptTo, Decision::RejectedRecipient, "refused the recipient (550 5.1.1 No such user)");
    session.send(&mail("two@anyshire.example")).await.unwrap();
    assert_eq!(fake.heard().len(), 1, "one connection");
}

#[tokio::test]
async fn a_transient_answer_defers_one_message_and_keeps_the_connection() {
    let fake = Fake::start(except("RCPT TO:<busy", Do::Say("451 4.3.0 Try again later"))).await;
    let mut session = fake.session();
    let error = session.send(&mail("busy@anyshire.example")).await.unwrap_err();
    check(&error, Step::RcptTo, Decision::DeferredMessage, "451 4.3.0 Try again later");
    session.send(&mail(JO)).await.unwrap();
    assert_eq!(fake.heard().len(), 1, "one connection");
}

#[tokio::test]
async fn a_server_that_never_greets_is_given_up_after_the_limit() {
    let fake = Fake::start(except("", Do::Hang)).await.in_a_hurry();
    let error = timeout(Duration::from_secs(10), failure(&fake)).await.unwrap();
    check(&error, Step::Greeting, Decision::TransportDown, "gave no answer before its greeting within 1 s");
}

#[tokio::test]
async fn a_server_that_hangs_at_any_step_before_the_body_is_down_and_nothing_was_sent() {
    for (line, step) in [("EHLO", Step::Hello), ("MAIL", Step::MailFrom), ("RCPT", Step::RcptTo), ("DATA", Step::Data)]
    {
        let fake = Fake::start(except(line, Do::Hang)).await.in_a_hurry();
        check(&failure(&fake).await, step, Decision::TransportDown, "within 1 s");
        let fake = Fake::start(except(line, Do::Close)).await;
        check(&failure(&fake).await, step, Decision::TransportDown, "was lost");
    }
}

#[tokio::test]
async fn a_server_that_turns_us_away_backs_the_transport_off() {
    let fake = Fake::start(except("", Do::SayAndClose("421 4.3.2 Too busy"))).await;
    check(&failure(&fake).await, Step::Greeting, Decision::TransportDown, "turned us away (421 4.3.2 Too busy)");
    let fake = Fake::start(except("", Do::Say("HTTP/1.1 400 Bad Request"))).await;
    check(&failure(&fake).await, Step::Greeting, Decision::TransportDown, "HTTP/1.1 400 Bad Request");
}

#[tokio::test]
async fn nobody_listening_is_said_plainly() {
    let fake = Fake::start(|_, line| polite(line)).await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = fake.mailer(|settings| settings.port = free).session().send(&mail(JO)).await.unwrap_err();
    check(&error, Step::Connect, Decision::TransportDown, "refused");
}

#[tokio::test]
async fn a_refused_log_in_stops_the_batch_and_says_what_to_check() {
    for (reply, auth) in [
        ("535 5.7.8 Error: authentication failed", Auth::Plain),
        ("550 5.7.30 Basic authentication is not supported for Client Submission", Auth::Plain),
        ("535 5.7.139 Authentication unsuccessful, user is locked", Auth::Login),
    ] {
        let fake = Fake::start(except("AUTH", Do::Say(reply))).await;
        let error = fake.mailer(|settings| settings.auth = auth).session().send(&mail(JO)).await.unwrap_err();
        check(&error, Step::Auth, Decision::SenderWide, reply);
        check(&error, Step::Auth, Decision::SenderWide, "refused the log-in of reminders@anyshire.example");
        assert!(error.to_string().contains("password_file"), "{error}");
    }
}

#[tokio::test]
async fn a_log_in_that_the_server_repeats_is_not_shown() {
    let echo = "535 5.7.8 No: AHJlbWluZGVyc0BhbnlzaGlyZS5leGFtcGxlAGNvcnJlY3QgaG9yc2U=";
    let fake = Fake::start(except("AUTH", Do::Say(echo))).await;
    let error = fake.mailer(|settings| settings.auth = Auth::Plain).session().send(&mail(JO)).await.unwrap_err();
    assert_eq!(error.reply(), Some("535 5.7.8 No: …"));
}

#[tokio::test]
async fn plain_and_login_say_who_we_are_in_base64() {
    let fake = Fake::start(|_, line| match line {
        "AUTH LOGIN" => Do::Say("334 VXNlcm5hbWU6"),
        "cmVtaW5kZXJzQGFueXNoaXJlLmV4YW1wbGU=" => Do::Say("334 UGFzc3dvcmQ6"),
        "Y29ycmVjdCBob3JzZQ==" | "AUTH PLAIN AHJlbWluZGVyc0BhbnlzaGlyZS5leGFtcGxlAGNvcnJlY3QgaG9yc2U=" => {
            Do::Say("235 2.7.0 Hello")
        }
        other if other.starts_with("AUTH") => Do::Say("535 5.7.8 No"),
        other => polite(other),
    })
    .await;
    for auth in [Auth::Plain, Auth::Login] {
        fake.mailer(|settings| settings.auth = auth).probe().await.unwrap();
    }
}

#[tokio::test]
async fn a_refused_sender_rejects_nobody() {
    let fake = Fake::start(except("MAIL", Do::Say("550 5.7.60 Client may not send as this sender"))).await;
    check(&failure(&fake).await, Step::MailFrom, Decision::SenderWide, "check mail.from");
}

#[tokio::test]
async fn silence_or_loss_after_the_body_is_unknown() {
    let fake = Fake::start(except(".", Do::Hang)).await.in_a_hurry();
    check(&failure(&fake).await, Step::Body, Decision::Unknown, "may have the message or not");
    let fake = Fake::start(except(".", Do::Close)).await;
    check(&failure(&fake).await, Step::Body, Decision::Unknown, "may have the message or not");
    let fake = Fake::start(except(".", Do::Say("552 5.3.4 Too big"))).await;
    check(&failure(&fake).await, Step::Body, Decision::RejectedMessage, "552 5.3.4 Too big");
}

#[tokio::test]
async fn anything_but_354_to_data_sends_no_body() {
    let fake = Fake::start(except("DATA", Do::Say("250 2.0.0 Ok"))).await;
    check(&failure(&fake).await, Step::Data, Decision::TransportDown, "250 2.0.0 Ok");
    assert_eq!(fake.heard()[0].last().unwrap(), "DATA");
}

/// The first connection takes the first message too late; every other refuses what it is given.
async fn late_then_refusing() -> Fake {
    Fake::start(|connection, line| match (connection, line) {
        (0, ".") => Do::SayLate(1200, "250 2.0.0 Ok: queued as LATE"),
        (_, ".") => Do::Say("554 5.7.1 Message refused"),
        (_, other) => polite(other),
    })
    .await
}

#[tokio::test]
async fn a_late_answer_is_never_taken_for_the_next_messages() {
    let fake = late_then_refusing().await.in_a_hurry();
    let mut session = fake.session();
    check(&session.send(&mail(JO)).await.unwrap_err(), Step::Body, Decision::Unknown, "within 1 s");
    tokio::time::sleep(Duration::from_millis(300)).await;
    let error = session.send(&mail("two@anyshire.example")).await.unwrap_err();
    check(&error, Step::Body, Decision::RejectedMessage, "554 5.7.1 Message refused");
}

#[tokio::test]
async fn a_cancelled_send_takes_its_connection_with_it() {
    let fake = late_then_refusing().await;
    let mut session = fake.session();
    let first = mail(JO);
    tokio::select! {
        sent = session.send(&first) => panic!("too early: {sent:?}"),
        () = fake.hears(".") => {}
    }
    let error = session.send(&mail("two@anyshire.example")).await.unwrap_err();
    check(&error, Step::Body, Decision::RejectedMessage, "554 5.7.1 Message refused");
    assert_eq!(fake.heard().len(), 2, "a connection of its own");
}

#[tokio::test]
async fn a_connection_the_server_ended_meanwhile_is_replaced_without_a_word() {
    for ending in [Do::Close, Do::SayAndClose("421 4.4.2 Idle for too long")] {
        let seen = std::sync::atomic::AtomicUsize::new(0);
        let fake = Fake::start(move |connection, line| {
            let is_second = line.starts_with("MAIL") && seen.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 1;
            if connection == 0 && is_second { ending.clone() } else { polite(line) }
        })
        .await;
        let mut session = fake.session();
        session.send(&mail(JO)).await.unwrap();
        session.send(&mail("two@anyshire.example")).await.unwrap();
        assert_eq!(fake.heard().len(), 2);
    }
}

#[tokio::test]
async fn replies_in_pieces_on_many_lines_or_in_latin_1_are_read_whole() {
    let fake = Fake::start(|_, line| match line {
        "" => Do::Split(&[b"22", b"0-fake\r", b"\n220 rea", b"dy\r\n"]),
        "." => Do::Split(&[b"250-2.0.0 Tak", b"en\r\n250 2.0.0 queued ", b"as Q9\r", b"\n"]),
        other => polite(other),
    })
    .await;
    let receipt = fake.session().send(&mail(JO)).await.unwrap();
    assert_eq!(receipt.assigned_id.as_deref(), Some("Q9"));
    let fake = Fake::start(except("RCPT", Do::Split(&[b"550 5.1.1 Empf\xe4nger ung\xfcltig\r\n"]))).await;
    check(&failure(&fake).await, Step::RcptTo, Decision::RejectedRecipient, "550 5.1.1 Empf");
}

fn with_tls(fake: &Fake, tls: Tls) -> SmtpMailer {
    fake.mailer(|settings| (settings.tls, settings.auth) = (tls, Auth::Plain))
}

#[tokio::test]
async fn a_private_authority_is_trusted_over_starttls_and_from_the_first_byte() {
    for (tls, implicit) in [(Tls::Starttls, false), (Tls::Implicit, true)] {
        let fake = Fake::start_tls("localhost", implicit, |_, line| polite(line)).await;
        let mut session = with_tls(&fake, tls).session();
        session.send(&mail(JO)).await.unwrap();
        session.send(&mail("two@anyshire.example")).await.unwrap();
        session.close().await;
        assert_eq!(fake.heard().len(), 1);
    }
}

#[tokio::test]
async fn a_server_without_starttls_is_told_nothing_more() {
    let fake = Fake::start_tls("localhost", false, except("EHLO", Do::Say("250-fake\r\n250 AUTH PLAIN"))).await;
    let error = with_tls(&fake, Tls::Starttls).probe().await.unwrap_err();
    check(&error, Step::Tls, Decision::SenderWide, "does not offer STARTTLS");
    assert_eq!(fake.heard()[0], ["EHLO lapsewatch.anyshire.example"]);
}

#[tokio::test]
async fn answers_slipped_in_before_encryption_are_not_believed() {
    let sneak = Do::StartTls { sneak: "250-fake\r\n250 AUTH PLAIN\r\n" };
    let fake = Fake::start_tls("localhost", false, except("STARTTLS", sneak)).await;
    let error = with_tls(&fake, Tls::Starttls).probe().await.unwrap_err();
    check(&error, Step::Tls, Decision::SenderWide, "cannot be trusted");
    assert!(fake.heard()[0].iter().all(|line| !line.starts_with("AUTH")));
}

#[tokio::test]
async fn a_certificate_for_another_name_or_of_another_authority_ends_it_before_the_log_in() {
    let other = Fake::start_tls("mail.far.example", true, |_, line| polite(line)).await;
    let error = with_tls(&other, Tls::Implicit).probe().await.unwrap_err();
    check(&error, Step::Tls, Decision::SenderWide, "its certificate is not for localhost");

    let fake = Fake::start_tls("localhost", true, |_, line| polite(line)).await;
    let mailer = fake.mailer(|settings| {
        (settings.tls, settings.ca_file) = (Tls::Implicit, Some(other.ca_file()));
    });
    check(&mailer.probe().await.unwrap_err(), Step::Tls, Decision::SenderWide, "mail.smtp.ca_file");
    assert!(fake.heard()[0].is_empty(), "not a word");
}

#[tokio::test]
async fn tls_against_a_plain_port_and_the_reverse_point_at_the_port() {
    let plain = Fake::start(|_, line| polite(line)).await;
    let mailer = plain.mailer(|settings| settings.tls = Tls::Implicit);
    check(&mailer.probe().await.unwrap_err(), Step::Tls, Decision::SenderWide, "does not speak TLS here");
    let encrypted = Fake::start_tls("localhost", true, |_, line| polite(line)).await.in_a_hurry();
    let mailer = encrypted.mailer(|settings| settings.tls = Tls::Starttls);
    check(&mailer.probe().await.unwrap_err(), Step::Greeting, Decision::TransportDown, "suits the port");
}

#[tokio::test]
async fn plain_text_to_another_machine_is_refused_before_connecting() {
    let fake = Fake::start(|_, line| polite(line)).await;
    let error = fake.mailer(|settings| settings.host = "192.0.2.1".into()).probe().await.unwrap_err();
    assert_eq!(error.decision(), Decision::SenderWide);
    assert!(error.to_string().contains("on this machine only"), "{error}");
}

#[tokio::test]
async fn a_missing_authority_file_and_an_open_password_file_are_refused_before_connecting() {
    let fake = Fake::start(|_, line| polite(line)).await;
    let settings = Smtp { tls: Tls::Implicit, ca_file: Some("/nowhere/ca.pem".into()), ..fake.settings() };
    assert!(SmtpMailer::new(&settings).unwrap_err().to_string().contains("mail.smtp.ca_file /nowhere/ca.pem"));
    let settings = Smtp { auth: Auth::Plain, password_file: None, ..fake.settings() };
    assert!(SmtpMailer::new(&settings).unwrap_err().to_string().contains("password_file"));
}

#[tokio::test]
async fn an_address_that_fits_no_envelope_is_refused_before_connecting() {
    let fake = Fake::start(|_, line| polite(line)).await;
    for to in ["", "josé@anyshire.example", "jo@anyshire.example>\r\nRCPT TO:<x@far.example", "no at"] {
        let error = fake.session().send(&mail(to)).await.unwrap_err();
        assert_eq!(error.decision(), Decision::RejectedRecipient, "{error}");
    }
    assert!(fake.heard().is_empty());
}
