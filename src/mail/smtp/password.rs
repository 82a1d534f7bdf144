//! The password: from a file only, held as a secret, and never in an error.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use secrecy::SecretString;

use crate::mail::SendError;

/// Permission bits that let everybody on the machine at a file.
const FOR_EVERYBODY: u32 = 0o007;

/// The first line of the file, without its line end.
///
/// # Errors
/// The file cannot be read, is open to everybody, or its first line is empty.
pub(super) fn read(path: &Path) -> Result<SecretString, SendError> {
    let unusable = |why: &str| SendError::Settings(format!("mail.smtp.password_file {}: {why}", path.display()));
    let file = fs::metadata(path).map_err(|error| unusable(&error.to_string()))?;
    if file.permissions().mode() & FOR_EVERYBODY != 0 {
        return Err(unusable("everybody on this machine may open it; run chmod 600 on it"));
    }
    let text = fs::read_to_string(path).map_err(|error| unusable(&error.to_string()))?;
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(SecretString::from(line)),
        _ => Err(unusable("its first line, which should be the password, is empty")),
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn file(text: &str, mode: u32) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        file
    }

    #[test]
    fn the_first_line_counts_without_its_line_end() {
        for text in ["hunter2 ", "hunter2 \n", "hunter2 \r\nsecond\n"] {
            assert_eq!(read(file(text, 0o600).path()).unwrap().expose_secret(), "hunter2 ");
        }
    }

    #[test]
    fn a_file_that_is_open_to_everybody_missing_or_empty_is_refused_in_words() {
        let why = |path: &Path| read(path).unwrap_err().to_string();
        assert!(why(file("hunter2", 0o644).path()).contains("chmod 600"));
        assert!(why(file("\nhunter2", 0o600).path()).contains("is empty"));
        assert!(why(Path::new("/nowhere/password")).contains("No such file"));
        assert!(!why(file("hunter2", 0o644).path()).contains("hunter2"));
    }
}
