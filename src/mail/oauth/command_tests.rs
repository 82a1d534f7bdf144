use secrecy::ExposeSecret;

use super::*;

fn shell(script: &str) -> Command {
    let words = ["/bin/sh", "-c", script].map(str::to_owned);
    Command::new(&words, Duration::from_secs(20))
}

async fn failure(command: &Command) -> (Decision, String) {
    let error = command.fetch().await.unwrap_err().error;
    (error.decision(), error.to_string())
}

#[tokio::test]
async fn what_it_prints_is_the_token_with_or_without_a_line_end() {
    for script in ["echo ey.J0-_=", "printf ey.J0-_=", "printf 'ey.J0-_=\\r\\n'", "echo careful >&2; echo ey.J0-_="] {
        let fresh = shell(script).fetch().await.unwrap();
        assert_eq!(fresh.token.expose_secret(), "ey.J0-_=");
        assert_eq!(fresh.life, None);
    }
}

#[tokio::test]
async fn its_words_are_arguments_and_no_shells() {
    let words = ["/bin/echo", "-n", "$HOME"].map(str::to_owned);
    let (_, why) = failure(&Command::new(&words, Duration::from_secs(20))).await;
    assert!(why.ends_with("what it printed is no access token; it must print the token alone"), "{why}");
}

#[tokio::test]
async fn a_failure_is_told_with_the_first_line_it_said_and_nothing_it_printed() {
    let (decision, why) =
        failure(&shell("echo hunter2; echo >&2; echo 'vault is sealed' >&2; echo more >&2; exit 3")).await;
    assert_eq!(decision, Decision::SenderWide);
    assert_eq!(
        why,
        "no access token from mail.smtp.token_command /bin/sh: it ended with code 3 and said: vault is sealed"
    );
    let (decision, why) = failure(&shell("exit 75")).await;
    assert_eq!((decision, why.ends_with("it ended with code 75")), (Decision::TransportDown, true), "{why}");
    let (decision, why) = failure(&shell("kill -9 $$")).await;
    assert_eq!((decision, why.ends_with("a signal ended it")), (Decision::SenderWide, true), "{why}");
}

#[tokio::test]
async fn nothing_or_something_else_than_a_token_is_refused_and_not_shown() {
    for script in ["", "echo", "printf '\\n\\n'"] {
        let (decision, why) = failure(&shell(script)).await;
        assert_eq!((decision, why.ends_with("it printed nothing")), (Decision::SenderWide, true), "{why}");
    }
    for script in [
        "echo hunter2; echo hunter2",
        "echo '{\"t\":\"hunter2\"}'",
        "printf 'hunter2\\377'",
        "yes hunter2 | head -c 200000",
    ] {
        let (decision, why) = failure(&shell(script)).await;
        assert_eq!(decision, Decision::SenderWide);
        assert!(why.contains("is no access token") && !why.contains("hunter2"), "{why}");
    }
}

#[tokio::test]
async fn one_that_is_not_there_cannot_be_started() {
    let (decision, why) = failure(&Command::new(&["/nowhere/mail-token".to_owned()], Duration::from_secs(20))).await;
    assert_eq!(decision, Decision::SenderWide);
    assert!(why.contains("/nowhere/mail-token: it cannot be started (No such file"), "{why}");
}

#[tokio::test]
async fn one_that_hangs_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let words = ["/bin/sh", "-c", "echo $$ >\"$0\"; exec sleep 600"].map(str::to_owned);
    let words = [&words[..], &[file.display().to_string()]].concat();
    let (decision, why) = failure(&Command::new(&words, Duration::from_secs(1))).await;
    assert_eq!(decision, Decision::TransportDown);
    assert!(why.ends_with("it did not end within 1 s and was killed"), "{why}");
    let process = std::fs::read_to_string(file).unwrap();
    let status = format!("/proc/{}/status", process.trim());
    // A process that nobody has waited for yet does not count.
    let is_running = || std::fs::read_to_string(&status).is_ok_and(|about| !about.contains("State:\tZ"));
    while is_running() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
