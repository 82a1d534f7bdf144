//! Why a message was not taken, in words a person can act on, and what it decides.

use std::path::PathBuf;

use crate::domain::delivery::{Decision, Enhanced, Outcome, Step, classify, lost};

/// The longest reply kept, in characters.
const MOST_CHARACTERS: usize = 500;

/// Why a message was not taken.
///
/// The text is complete in itself, causes included, since it is kept with the attempt and shown to the operator; it
/// never holds a password, a token or another secret.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SendError {
    /// The server answered, and the answer was no (or nonsense).
    #[error("{server} {} ({reply}){}", verb(*.step), advice(*.step, *.decision))]
    Refused {
        /// `smtp.anyshire.example:587`
        server: String,
        /// Where in the conversation.
        step: Step,
        /// The reply: code and text on one line.
        reply: String,
        /// What the reply means.
        decision: Decision,
    },
    /// The server refused the log-in.
    #[error(
        "{server} refused the log-in of {username} ({reply}): check mail.smtp.username and mail.smtp.password_file, \
         and that the account may log in over SMTP"
    )]
    LoginRefused {
        /// `smtp.anyshire.example:587`
        server: String,
        /// Whom we said we were.
        username: String,
        /// The reply: code and text on one line.
        reply: String,
        /// What the reply means.
        decision: Decision,
    },
    /// The server refused the access token.
    #[error(
        "{server} refused the access token for {username} ({reply}): check mail.smtp.username, the scope of the token, \
         that the application may send as this mailbox, and that the mailbox allows SMTP"
    )]
    TokenRefused {
        /// `smtp.office365.com:587`
        server: String,
        /// The mailbox we wanted to send from.
        username: String,
        /// The reply: code and text, and the status that came before it, on one line.
        reply: String,
        /// Whether another token may fare better.
        is_about_token: bool,
        /// What the reply means.
        decision: Decision,
    },
    /// No access token could be had; nothing was said to the mail server.
    #[error("no access token from {from}: {why}")]
    NoToken {
        /// `login.microsoftonline.com`
        from: String,
        /// What is wrong, and what to do.
        why: String,
        /// What that means.
        decision: Decision,
    },
    /// No answer came in time.
    #[error("{server} gave no answer {} within {secs} s{}", .step.as_str(), silence_advice(*.step))]
    NoAnswer {
        /// `smtp.anyshire.example:587`
        server: String,
        /// Where in the conversation.
        step: Step,
        /// How long we waited, in seconds.
        secs: u64,
    },
    /// The connection was lost.
    #[error("the connection to {server} was lost {} ({why}){}", .step.as_str(), loss_advice(*.step))]
    Lost {
        /// `smtp.anyshire.example:587`
        server: String,
        /// Where in the conversation.
        step: Step,
        /// The operating system's words.
        why: String,
    },
    /// No connection could be made.
    #[error("cannot connect to {server} ({why}): check mail.smtp.host and port, and that the firewall lets us out")]
    Unreachable {
        /// `smtp.anyshire.example:587`
        server: String,
        /// The operating system's words.
        why: String,
    },
    /// Encryption could not be set up; nothing secret was said.
    #[error("{server} cannot be trusted: {why}; nothing was sent, not even the log-in")]
    Untrusted {
        /// `smtp.anyshire.example:587`
        server: String,
        /// What is wrong with the encryption or the certificate, and what to do.
        why: String,
    },
    /// A setting makes sending impossible.
    #[error("{0}")]
    Settings(String),
    /// The message cannot be put into the protocol at all.
    #[error("the message to {to} cannot be sent: {why}")]
    Unsendable {
        /// The recipient.
        to: String,
        /// What is wrong.
        why: String,
    },
    /// A file of the directory transport could not be written.
    #[error("cannot write {}: {why}; check mail.directory and who may write there", .path.display())]
    Folder {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's words.
        why: String,
    },
}

impl SendError {
    /// A negative reply (`550 5.1.1 No such user`), classified.
    #[must_use]
    pub fn refused(server: &str, step: Step, code: u16, text: &str) -> Self {
        let decision = classify(step, code, Enhanced::parse(text), text);
        Self::Refused { server: server.to_owned(), step, reply: one_line(&format!("{code} {text}")), decision }
    }

    /// The outcome of the attempt, with this error's text as its reason.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.decision().outcome(self.to_string())
    }

    /// What the failure asks for.
    #[must_use]
    pub const fn decision(&self) -> Decision {
        match self {
            Self::Refused { decision, .. }
            | Self::LoginRefused { decision, .. }
            | Self::TokenRefused { decision, .. }
            | Self::NoToken { decision, .. } => *decision,
            Self::NoAnswer { step, .. } | Self::Lost { step, .. } => lost(*step),
            Self::Unreachable { .. } => Decision::TransportDown,
            Self::Untrusted { .. } | Self::Settings(_) | Self::Folder { .. } => Decision::SenderWide,
            Self::Unsendable { .. } => Decision::RejectedRecipient,
        }
    }

    /// Where in the conversation it happened; none when there was no conversation.
    #[must_use]
    pub const fn step(&self) -> Option<Step> {
        match self {
            Self::Refused { step, .. } | Self::NoAnswer { step, .. } | Self::Lost { step, .. } => Some(*step),
            Self::LoginRefused { .. } | Self::TokenRefused { .. } => Some(Step::Auth),
            Self::Unreachable { .. } => Some(Step::Connect),
            Self::Untrusted { .. } => Some(Step::Tls),
            Self::NoToken { .. } | Self::Settings(_) | Self::Unsendable { .. } | Self::Folder { .. } => None,
        }
    }

    /// The server's words, code and text; none when it said nothing.
    #[must_use]
    pub fn reply(&self) -> Option<&str> {
        match self {
            Self::Refused { reply, .. } | Self::LoginRefused { reply, .. } | Self::TokenRefused { reply, .. } => {
                Some(reply)
            }
            _ => None,
        }
    }
}

/// A server's words as they may be kept: on one line, without control characters, and no longer than a line should be.
pub(super) fn one_line(words: &str) -> String {
    let plain = words.chars().take(MOST_CHARACTERS).map(|c| if c.is_control() { ' ' } else { c });
    plain.collect::<String>().trim_end().to_owned()
}

const fn verb(step: Step) -> &'static str {
    match step {
        Step::Connect | Step::Greeting | Step::Hello => "turned us away",
        Step::Tls => "refused STARTTLS",
        Step::Auth => "refused the log-in",
        Step::MailFrom => "refused the sender",
        Step::RcptTo => "refused the recipient",
        Step::Data | Step::Body => "refused the message",
    }
}

const fn advice(step: Step, decision: Decision) -> &'static str {
    match (step, decision) {
        (Step::MailFrom | Step::RcptTo | Step::Data | Step::Body, Decision::SenderWide) => {
            ": check mail.from, the log-in and the sending mailbox's rights and limits"
        }
        (_, Decision::SenderWide) => ": ask whoever runs the server whether this machine may send through it",
        (_, Decision::TransportDown) => ": it will be tried again later",
        _ => "",
    }
}

const fn silence_advice(step: Step) -> &'static str {
    match step {
        Step::Connect => ": check mail.smtp.host and port, and that the firewall lets us out",
        Step::Greeting => ": check that mail.smtp.tls suits the port (587 starttls, 465 implicit)",
        _ => loss_advice(step),
    }
}

const fn loss_advice(step: Step) -> &'static str {
    match step {
        Step::Body => ": the recipient may have the message or not",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_kept_on_one_line_and_not_for_ever() {
        let error = SendError::refused(
            "mail.example:587",
            Step::RcptTo,
            550,
            &format!("5.1.1 a\r\n\u{1b}b{}", "x".repeat(9000)),
        );
        assert!(error.reply().unwrap().starts_with("550 5.1.1 a   bx"));
        assert_eq!(error.reply().unwrap().len(), MOST_CHARACTERS);
    }

    #[test]
    fn every_error_says_what_to_do_next() {
        let server = || "smtp.anyshire.example:587".to_owned();
        let (username, reply) = ("bot@anyshire.example".to_owned(), "535 5.7.8 No".to_owned());
        let login = SendError::LoginRefused { server: server(), username, reply, decision: Decision::SenderWide };
        assert_eq!(
            login.to_string(),
            "smtp.anyshire.example:587 refused the log-in of bot@anyshire.example (535 5.7.8 No): check \
             mail.smtp.username and mail.smtp.password_file, and that the account may log in over SMTP"
        );
        let silent = SendError::NoAnswer { server: server(), step: Step::Body, secs: 60 };
        assert_eq!(
            silent.to_string(),
            "smtp.anyshire.example:587 gave no answer after the message body was begun within 60 s: the recipient may \
             have the message or not"
        );
        assert_eq!(silent.outcome().as_str(), "unknown");
    }
}
