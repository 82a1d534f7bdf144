use Decision::{DeferredMessage, RejectedMessage, RejectedRecipient, SenderWide, TransportDown, Unknown};

use super::*;

/// A reply as a server writes it: `550 5.1.1 No such user`.
fn decide(step: Step, reply: &str) -> Decision {
    let (code, text) = reply.split_once(' ').unwrap();
    classify(step, code.parse().unwrap(), Enhanced::parse(text), text)
}

#[track_caller]
fn check(rows: &[(Step, &str, Decision)]) {
    for (step, reply, expected) in rows {
        assert_eq!(decide(*step, reply), *expected, "{step:?}: {reply}");
    }
}

#[test]
fn an_address_at_which_nobody_is_is_told_from_a_message_that_is_refused() {
    check(&[
        (
            Step::RcptTo,
            "550 5.1.1 <j.doe@anyshire.example>: Recipient address rejected: User unknown",
            RejectedRecipient,
        ),
        (Step::RcptTo, "550 #5.1.0 Address rejected.", RejectedRecipient),
        (Step::RcptTo, "550 No such user here", RejectedRecipient),
        (Step::RcptTo, "501 5.1.3 Bad recipient address syntax", RejectedRecipient),
        (Step::RcptTo, "550 5.2.1 The account is disabled", RejectedRecipient),
        (Step::RcptTo, "552 5.2.2 The recipient's mailbox is full", RejectedMessage),
        (Step::RcptTo, "550 5.7.1 Not allowed to write to this group", RejectedMessage),
        (Step::Body, "550 5.1.1 User unknown", RejectedRecipient),
        (Step::Data, "554 5.5.1 No valid recipients", RejectedMessage),
        (Step::Body, "552 5.3.4 Message too big", RejectedMessage),
        (Step::Body, "554 5.7.1 Looks like spam", RejectedMessage),
        (Step::Body, "550 5.6.0 Malformed", RejectedMessage),
    ]);
}

#[test]
fn a_transient_answer_about_one_message_defers_that_message() {
    check(&[
        (Step::RcptTo, "451 Try again later", DeferredMessage),
        (Step::RcptTo, "450 4.2.0 <x@anyshire.example>: Recipient address rejected: Greylisted", DeferredMessage),
        (Step::RcptTo, "451 4.7.1 Greylisting in action, please come back later", DeferredMessage),
        (Step::RcptTo, "450 4.7.1 <x@anyshire.example>: Recipient address rejected: later", DeferredMessage),
        (Step::RcptTo, "452 4.2.2 Mailbox full", DeferredMessage),
        (Step::Data, "451 4.3.0 Local error", DeferredMessage),
        (Step::Body, "451 4.3.0 Error: queue file write error", DeferredMessage),
        (Step::RcptTo, "554 5.7.1 <x@far.example>: Relay access denied", DeferredMessage),
        (Step::RcptTo, "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain", DeferredMessage),
    ]);
}

#[test]
fn a_server_with_too_much_to_do_backs_the_transport_off() {
    check(&[
        (Step::Greeting, "421 4.3.2 Service not available", TransportDown),
        (Step::Greeting, "450 Busy", TransportDown),
        (Step::Auth, "454 4.7.0 Temporary authentication failure", TransportDown),
        (Step::MailFrom, "451 4.3.0 Temporary lookup failure", TransportDown),
        (Step::MailFrom, "452 4.3.1 Insufficient system storage", TransportDown),
        (Step::MailFrom, "432 4.3.2 Concurrent connections limit exceeded. Visit the documentation", TransportDown),
        (Step::Body, "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded", TransportDown),
        (Step::RcptTo, "450 4.7.1 Error: too much mail from 192.0.2.1", TransportDown),
        (Step::RcptTo, "451 4.7.500 Server busy", TransportDown),
        (Step::RcptTo, "421 4.4.2 Timeout", TransportDown),
        (Step::Body, "421 4.7.0 Closing", TransportDown),
        (Step::RcptTo, "503 5.5.1 Error: need MAIL command", TransportDown),
    ]);
}

#[test]
fn a_refused_log_in_sender_or_quota_is_sender_wide_at_any_step() {
    check(&[
        (Step::Greeting, "554 5.7.1 You are on a list", SenderWide),
        (Step::Tls, "502 5.5.1 Not here", SenderWide),
        (Step::Auth, "535 5.7.8 Error: authentication failed", SenderWide),
        (Step::Auth, "535 5.7.3 Authentication unsuccessful", SenderWide),
        (Step::Auth, "535 5.7.139 Authentication unsuccessful, the user credentials were incorrect", SenderWide),
        (Step::Auth, "550 5.7.30 Basic authentication is not supported for Client Submission", SenderWide),
        (Step::MailFrom, "550 5.7.30 Basic authentication is not supported for Client Submission", SenderWide),
        (Step::MailFrom, "530 5.7.57 Client not authenticated to send mail", SenderWide),
        (Step::MailFrom, "550 5.7.60 SMTP; Client does not have permissions to send as this sender", SenderWide),
        (Step::MailFrom, "553 Sender refused", SenderWide),
        (Step::RcptTo, "530 5.7.0 Must issue a STARTTLS command first", SenderWide),
        (Step::RcptTo, "553 5.7.1 <bot@anyshire.example>: Sender address rejected: not owned by user x", SenderWide),
        (Step::RcptTo, "554 5.7.1 <host[192.0.2.1]>: Client host rejected: Access denied", SenderWide),
        (Step::RcptTo, "550 5.1.8 Access denied, bad outbound sender", SenderWide),
        (Step::RcptTo, "554 5.2.0 STOREDRV.Submission.Exception: limit", SenderWide),
        (Step::Body, "554 5.2.0 STOREDRV.Submission.Exception: recipient limit", SenderWide),
        (Step::Body, "554 5.2.2 mailbox full", SenderWide),
        (Step::Body, "554 5.2.252 SendAsDenied; bot not allowed to send as another", SenderWide),
        (Step::Body, "550 5.1.90 You have reached your daily limit for message recipients", SenderWide),
    ]);
}

#[test]
fn silence_or_nonsense_is_unknown_only_once_the_body_was_begun() {
    assert_eq!(lost(Step::Body), Unknown);
    assert_eq!(classify(Step::Body, 354, None, "go on"), Unknown);
    for step in [Step::Connect, Step::Greeting, Step::Hello, Step::Tls, Step::Auth, Step::MailFrom, Step::RcptTo] {
        assert_eq!(lost(step), TransportDown, "{step:?}");
    }
    assert_eq!(classify(Step::Data, 250, None, "ok"), TransportDown);
}

#[test]
fn only_a_refused_recipient_or_message_is_rejected_and_only_wide_failures_stop_the_batch() {
    let outcome = |decision: Decision| decision.outcome("why".into()).as_str();
    assert_eq!(Decision::ALL.map(outcome), ["rejected", "rejected", "deferred", "deferred", "deferred", "unknown"]);
    assert_eq!(Decision::ALL.map(Decision::stops_the_batch), [false, false, false, true, true, false]);
}

#[test]
fn enhanced_codes_are_read_from_the_start_of_the_text_only() {
    assert_eq!(Enhanced::parse("5.7.30 Basic"), Some(Enhanced { class: 5, subject: 7, detail: 30 }));
    for text in ["", "3.1.1 odd", "version 5.7.1", "5.7", "5.x.1", "5.7.1000"] {
        assert_eq!(Enhanced::parse(text), None, "{text:?}");
    }
}

#[test]
fn the_servers_name_for_a_message_is_found() {
    for (reply, id) in [
        ("250 2.0.0 Ok: queued as 4K7P2M", Some("4K7P2M")),
        ("250 OK id=1abcDE-000123-Ab", Some("1abcDE-000123-Ab")),
        ("250 2.0.0 OK <ab12@mail.example> [Hostname=LO1.example]", Some("ab12@mail.example")),
        ("250 2.0.0 Ok", None),
        ("250 queued as ", None),
    ] {
        assert_eq!(assigned_id(reply).as_deref(), id, "{reply}");
    }
}

#[test]
fn waits_grow_to_four_hours_and_jitter_only_lengthens_them() {
    let seconds = |attempt, jitter| retry_delay(attempt, jitter).as_secs();
    let waits = [0, 1, 2, 3, 4, 5, 6, u32::MAX].map(|attempt| seconds(attempt, 0.0) / 60);
    assert_eq!(waits, [1, 1, 5, 15, 60, 240, 240, 240]);
    assert_eq!(seconds(5, 1.0), 300 * 60);
    assert_eq!([f64::NAN, -3.0, 9.0].map(|jitter| seconds(1, jitter)), [60, 60, 75]);
}
