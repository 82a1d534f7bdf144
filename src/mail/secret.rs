//! Secrets of the way out: read as the configuration's room reads them, and never in an error.

use secrecy::{ExposeSecret, SecretString};

use super::SendError;
use crate::config::{SecretError, SecretFile};

/// The first line of the file, without its line end. `key` is the setting that names the file.
///
/// # Errors
/// The file cannot be read, is open to everybody, or its first line is empty.
pub(super) fn first_line(key: &str, file: &SecretFile) -> Result<SecretString, SendError> {
    file.first_line().map_err(|failure| unusable(key, &failure))
}

/// All of the file, such as a private key.
///
/// # Errors
/// The file cannot be read or is open to everybody.
pub(super) fn whole(key: &str, file: &SecretFile) -> Result<SecretString, SendError> {
    file.whole().map_err(|failure| unusable(key, &failure))
}

fn unusable(key: &str, failure: &SecretError) -> SendError {
    SendError::Settings(format!("{key} {failure}"))
}

/// Words of somebody else's without the secret, should they repeat it.
pub(super) fn hidden(words: &str, secret: &SecretString) -> String {
    words.replace(secret.expose_secret(), "…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_secret_is_told_with_the_setting_that_names_it() {
        let file = SecretFile::Path("/nowhere/password".into());
        for refused in [first_line("mail.smtp.password_file", &file), whole("mail.smtp.password_file", &file)] {
            let said = refused.unwrap_err().to_string();
            assert_eq!(said, "mail.smtp.password_file /nowhere/password: No such file or directory (os error 2)");
        }
    }

    #[test]
    fn a_secret_that_somebody_repeats_is_hidden() {
        let secret = SecretString::from("hunter2");
        assert_eq!(hidden("no hunter2, no \"hunter2\"", &secret), "no …, no \"…\"");
        assert_eq!(hidden("no", &secret), "no");
    }
}
