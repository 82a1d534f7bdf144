//! The program, and a mail server that does as it is told.
use super::{
    fake::{Do, Fake, polite},
    program::{Ran, Trial},
};

/// Sends through the fake server, logging in.
pub fn through(fake: &Fake, trial: &Trial, instant: &str, arguments: &[&str]) -> Ran {
    let settings = fake.settings();
    let password_file = settings.password_file.unwrap();
    let sets = [
        "mail.transport=\"smtp\"".to_owned(),
        "mail.smtp.host=\"127.0.0.1\"".to_owned(),
        format!("mail.smtp.port={}", fake.port),
        "mail.smtp.tls=\"none\"".to_owned(),
        "mail.smtp.auth=\"plain\"".to_owned(),
        "mail.smtp.username=\"reminders@anyshire.example\"".to_owned(),
        format!("mail.smtp.password_file=\"{password_file}\""),
        format!("mail.smtp.timeout_secs={}", settings.timeout_secs),
        "mail.smtp.connections=1".to_owned(),
    ];
    let mut all: Vec<&str> = sets.iter().flat_map(|set| ["--set", set]).collect();
    all.extend(arguments);
    trial.run_at(instant, &all)
}

/// To whom the server took a message, in order.
pub fn taken(fake: &Fake) -> Vec<String> {
    let mut taken = Vec::new();
    for line in fake.heard().concat() {
        if let Some(rest) = line.strip_prefix("RCPT TO:<") {
            taken.push(rest.split('>').next().unwrap().to_owned());
        }
    }
    taken.sort();
    taken
}

/// A server that is polite, but for one line.
pub fn except(line: &'static str, change: Do) -> impl Fn(usize, &str) -> Do {
    move |_, heard| {
        if heard == line || (!line.is_empty() && heard.starts_with(line)) { change.clone() } else { polite(heard) }
    }
}
