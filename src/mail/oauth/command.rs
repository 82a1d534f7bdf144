//! Tokens from a command of the operator's own, `mail.smtp.token_command`: it prints one and ends.
//!
//! Started without a shell. Of what it says only the first line on standard error is ever shown, and only when it
//! fails.

use std::{io, process::Stdio, time::Duration};

use async_trait::async_trait;
use secrecy::SecretString;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process,
    time::timeout,
};

use super::{Failure, Fresh, LONGEST_TOKEN, Source, is_token};
use crate::{domain::delivery::Decision, mail::error::one_line};

/// The exit code that says "try again later" (`EX_TEMPFAIL` of sysexits.h).
const TRY_AGAIN: i32 = 75;

/// So much of standard error is kept, in bytes, to find its first line in.
const MOST_WORDS: usize = 4 * 1024;

/// A program and its arguments.
pub(super) struct Command {
    words: Vec<String>,
    /// `mail.smtp.token_command /usr/local/bin/mail-token`
    name: String,
    limit: Duration,
}

/// How it ended and what it said.
struct Ended {
    /// None when a signal ended it.
    code: Option<i32>,
    out: Vec<u8>,
    err: Vec<u8>,
}

impl Command {
    pub fn new(words: &[String], limit: Duration) -> Self {
        let program = words.first().map_or("", String::as_str);
        Self { name: format!("mail.smtp.token_command {program}"), words: words.to_vec(), limit }
    }

    /// Runs it to its end; it is killed when this future is dropped.
    async fn run(&self) -> io::Result<Ended> {
        let (program, arguments) = self.words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let mut child = process::Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        // A token and its line end, and one byte more to see that it is too long.
        let (out, err, ended) = tokio::join!(begin_of(out, LONGEST_TOKEN + 3), begin_of(err, MOST_WORDS), child.wait());
        Ok(Ended { code: ended?.code(), out: out?, err: err? })
    }

    fn token(&self, ended: &Ended) -> Result<SecretString, Failure> {
        let said = String::from_utf8_lossy(&ended.err);
        let said = said.lines().map(one_line).find(|line| !line.is_empty());
        let said = said.map_or_else(String::new, |line| format!(" and said: {line}"));
        let decision = if ended.code == Some(TRY_AGAIN) { Decision::TransportDown } else { Decision::SenderWide };
        match ended.code {
            Some(0) => {}
            Some(code) => return Err(self.failure(decision, format!("it ended with code {code}{said}"))),
            None => return Err(self.failure(decision, format!("a signal ended it{said}"))),
        }
        match std::str::from_utf8(&ended.out).map(str::trim) {
            Ok("") => Err(self.failure(decision, format!("it printed nothing{said}"))),
            Ok(token) if is_token(token) => Ok(SecretString::from(token)),
            _ => Err(self.failure(decision, "what it printed is no access token; it must print the token alone")),
        }
    }

    fn failure(&self, decision: Decision, why: impl Into<String>) -> Failure {
        Failure::new(&self.name, decision, why)
    }
}

#[async_trait]
impl Source for Command {
    async fn fetch(&self) -> Result<Fresh, Failure> {
        let ended = match timeout(self.limit, self.run()).await {
            Ok(Ok(ended)) => ended,
            Ok(Err(error)) => return Err(self.failure(Decision::SenderWide, format!("it cannot be started ({error})"))),
            Err(_) => {
                let why = format!("it did not end within {} s and was killed", self.limit.as_secs());
                return Err(self.failure(Decision::TransportDown, why));
            }
        };
        self.token(&ended).map(|token| Fresh { token, life: None })
    }

    fn name(&self) -> &str {
        &self.name
    }
}

/// The first bytes; the rest is read too, so that the program is not held up, and thrown away.
async fn begin_of(stream: Option<impl AsyncRead + Unpin>, most: usize) -> io::Result<Vec<u8>> {
    let mut begin = Vec::new();
    if let Some(mut stream) = stream {
        let mut limited = (&mut stream).take(most as u64);
        limited.read_to_end(&mut begin).await?;
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    }
    Ok(begin)
}

#[cfg(test)]
#[path = "command_tests.rs"]
mod tests;
