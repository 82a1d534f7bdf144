//! Secrets: from a file or a credential of the service manager only, held as secrets, and never in an error.

use std::{
    env,
    ffi::OsString,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use secrecy::{ExposeSecret, SecretString};

use super::SendError;
use crate::config::SecretFile;

/// Permission bits that let everybody on the machine at a file.
const FOR_EVERYBODY: u32 = 0o007;

/// The variable in which the service manager names the folder of a service's credentials.
const CREDENTIALS_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";

/// The first line of the file, without its line end. `key` is the setting that names the file.
///
/// # Errors
/// The file cannot be read, is open to everybody, or its first line is empty.
pub(super) fn first_line(key: &str, file: &SecretFile) -> Result<SecretString, SendError> {
    let text = whole(key, file)?;
    match text.expose_secret().lines().next() {
        Some(line) if !line.is_empty() => Ok(SecretString::from(line)),
        _ => Err(unusable(key, file, "its first line, which should be the secret, is empty")),
    }
}

/// All of the file, such as a private key.
///
/// # Errors
/// The file cannot be read or is open to everybody.
pub(super) fn whole(key: &str, file: &SecretFile) -> Result<SecretString, SendError> {
    let unusable = |why: &str| unusable(key, file, why);
    let path = place(file, env::var_os(CREDENTIALS_DIRECTORY)).map_err(|why| unusable(&why))?;
    read(&path).map_err(|why| unusable(&why))
}

fn unusable(key: &str, file: &SecretFile, why: &str) -> SendError {
    SendError::Settings(format!("{key} {file}: {why}"))
}

/// Looked up at every use, so that the configuration is the same inside and outside the service.
fn place(file: &SecretFile, credentials: Option<OsString>) -> Result<PathBuf, String> {
    match (file, credentials) {
        (SecretFile::Path(path), _) => Ok(path.clone()),
        (SecretFile::Credential(name), Some(folder)) => Ok(Path::new(&folder).join(name)),
        (SecretFile::Credential(name), None) => Err(format!(
            "only the service is given its credentials (LoadCredential={name}:FILE); elsewhere name the file itself"
        )),
    }
}

fn read(path: &Path) -> Result<SecretString, String> {
    let about = fs::metadata(path).map_err(|error| error.to_string())?;
    if about.permissions().mode() & FOR_EVERYBODY != 0 {
        return Err("everybody on this machine may open it; run chmod 600 on it".into());
    }
    fs::read_to_string(path).map(SecretString::from).map_err(|error| error.to_string())
}

/// Words of somebody else's without the secret, should they repeat it.
pub(super) fn hidden(words: &str, secret: &SecretString) -> String {
    words.replace(secret.expose_secret(), "…")
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "mail.smtp.password_file";

    fn file(text: &str, mode: u32) -> (tempfile::NamedTempFile, SecretFile) {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let named = SecretFile::Path(file.path().to_owned());
        (file, named)
    }

    #[test]
    fn the_first_line_counts_without_its_line_end() {
        for text in ["hunter2 ", "hunter2 \n", "hunter2 \r\nsecond\n"] {
            let (_kept, named) = file(text, 0o600);
            assert_eq!(first_line(KEY, &named).unwrap().expose_secret(), "hunter2 ");
            assert_eq!(whole(KEY, &named).unwrap().expose_secret(), text);
        }
    }

    #[test]
    fn a_file_that_is_open_to_everybody_missing_or_empty_is_refused_in_words() {
        let why = |text: &str, mode: u32| {
            let (_kept, named) = file(text, mode);
            let error = first_line(KEY, &named).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
            error.to_string()
        };
        assert!(why("hunter2", 0o644).contains("chmod 600"));
        assert!(why("\nhunter2", 0o600).contains("is empty"));
        let missing = first_line(KEY, &SecretFile::Path("/nowhere/password".into())).unwrap_err().to_string();
        assert_eq!(missing, "mail.smtp.password_file /nowhere/password: No such file or directory (os error 2)");
    }

    #[test]
    fn a_secret_that_somebody_repeats_is_hidden() {
        let secret = SecretString::from("hunter2");
        assert_eq!(hidden("no hunter2, no \"hunter2\"", &secret), "no …, no \"…\"");
        assert_eq!(hidden("no", &secret), "no");
    }

    #[test]
    fn a_credential_is_a_file_of_the_service_managers_folder() {
        let named = SecretFile::Credential("smtp-password".into());
        let folder = Some(OsString::from("/run/credentials/lapsewatch.service"));
        assert_eq!(place(&named, folder), Ok("/run/credentials/lapsewatch.service/smtp-password".into()));
        assert!(place(&named, None).unwrap_err().contains("LoadCredential=smtp-password:FILE"));
        assert_eq!(named.to_string(), "credential:smtp-password");
    }
}
