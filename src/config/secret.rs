//! Where a secret is kept, and how it is read: from a file or a credential of the service manager only, held as a
//! secret, and never in an error. The configuration names the place and never holds the secret itself.
use std::{
    env, fmt, fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use secrecy::{ExposeSecret, SecretString};

use super::{
    layer::Entry,
    section::Fault,
    values::{path, text},
};

/// What a value begins with that names a credential of the service manager.
const CREDENTIAL: &str = "credential:";

/// Permission bits that let everybody on the machine at a file.
const FOR_EVERYBODY: u32 = 0o007;

/// The variable in which the service manager names the folder of a service's credentials.
const CREDENTIALS_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";

/// Where the service manager finds the credentials that our unit asks for, each as `lapsewatch.NAME`; only root can look.
const CREDENTIAL_STORE: &str = "/etc/credstore";

/// Where the service manager keeps what it has handed to the service; of others only the service's user can look.
const HANDED_OVER: &str = "/run/credentials/lapsewatch.service";

/// Where a secret is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretFile {
    /// A file.
    Path(PathBuf),
    /// A file of this name in the folder that the service manager hands over, `$CREDENTIALS_DIRECTORY`; outside the
    /// service the file that it would be handed, or has been, where only its user asks.
    Credential(String),
}

impl fmt::Display for SecretFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Credential(name) => write!(f, "{CREDENTIAL}{name}"),
        }
    }
}

/// Why a secret cannot be used; names its place and shows nothing of it.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("{file}: {source}")]
    Unreadable {
        /// Which.
        file: SecretFile,
        /// What the system says.
        source: io::Error,
    },
    /// It is a secret no more.
    #[error("{file}: everybody on this machine may open it; run chmod 600 on it")]
    ForEverybody {
        /// Which.
        file: SecretFile,
    },
    /// Nothing is in it.
    #[error("{file}: its first line, which should be the secret, is empty")]
    Empty {
        /// Which.
        file: SecretFile,
    },
    /// A credential that is not there.
    #[error(
        "{CREDENTIAL}{name} is not there: write it into {CREDENTIAL_STORE}/lapsewatch.{name}, a file that only root may \
         open, and restart the service; or name a file"
    )]
    NoCredential {
        /// Its name.
        name: String,
    },
}

/// Whether credentials are kept from this program: it is neither the service, which is handed them, nor root. So it is
/// with a command of `ExecReload=`, to which later versions of systemd hand none.
#[must_use]
pub fn are_credentials_hidden() -> bool {
    handed_over().is_none() && is_store_closed()
}

/// The folder of the credentials that this program may use, if it was handed one, or the service was that its user runs.
fn handed_over() -> Option<PathBuf> {
    let of_the_service = || is_store_closed() && fs::read_dir(HANDED_OVER).is_ok();
    env::var_os(CREDENTIALS_DIRECTORY).map(PathBuf::from).or_else(|| of_the_service().then(|| HANDED_OVER.into()))
}

fn is_store_closed() -> bool {
    fs::read_dir(CREDENTIAL_STORE).is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
}

impl SecretFile {
    /// The first line of the file, without its line end. Read anew at every call.
    ///
    /// # Errors
    /// The file cannot be read, is open to everybody, or its first line is empty.
    pub fn first_line(&self) -> Result<SecretString, SecretError> {
        let text = self.whole()?;
        match text.expose_secret().lines().next() {
            Some(line) if !line.is_empty() => Ok(SecretString::from(line)),
            _ => Err(SecretError::Empty { file: self.clone() }),
        }
    }

    /// All of the file, such as a private key. Read anew at every call.
    ///
    /// # Errors
    /// The file cannot be read or is open to everybody.
    pub fn whole(&self) -> Result<SecretString, SecretError> {
        let unreadable = |source: io::Error| match self {
            Self::Credential(name) if source.kind() == io::ErrorKind::NotFound => {
                SecretError::NoCredential { name: name.clone() }
            }
            _ => SecretError::Unreadable { file: self.clone(), source },
        };
        let path = match self {
            Self::Path(_) => self.place(None),
            Self::Credential(name) => {
                // An encrypted one is in no file that could be read: the service was handed it in plain.
                let kept = self.place(handed_over());
                let handed = Path::new(HANDED_OVER).join(name);
                if !kept.exists() && handed.exists() { handed } else { kept }
            }
        };
        let about = fs::metadata(&path).map_err(unreadable)?;
        if about.permissions().mode() & FOR_EVERYBODY != 0 {
            return Err(SecretError::ForEverybody { file: self.clone() });
        }
        fs::read_to_string(&path).map(SecretString::from).map_err(unreadable)
    }

    /// Looked up at every use, so that the configuration is the same inside and outside the service.
    fn place(&self, credentials: Option<PathBuf>) -> PathBuf {
        match (self, credentials) {
            (Self::Path(path), _) => path.clone(),
            (Self::Credential(name), Some(folder)) => folder.join(name),
            (Self::Credential(name), None) => Path::new(CREDENTIAL_STORE).join(format!("lapsewatch.{name}")),
        }
    }
}

/// A path, or `credential:NAME`.
pub(super) fn secret(entry: &Entry) -> Result<SecretFile, Fault> {
    let words = text(entry)?;
    let Some(name) = words.strip_prefix(CREDENTIAL) else { return path(entry).map(SecretFile::Path) };
    if is_credential_name(name) {
        Ok(SecretFile::Credential(name.to_owned()))
    } else {
        Err(Fault::new("names no credential").tip(Some("such as \"credential:smtp-password\"".into())))
    }
}

/// A plain file name, so that it cannot lead out of the folder.
fn is_credential_name(name: &str) -> bool {
    !name.starts_with('.') && !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(named.first_line().unwrap().expose_secret(), "hunter2 ");
            assert_eq!(named.whole().unwrap().expose_secret(), text);
        }
    }

    #[test]
    fn a_file_that_is_open_to_everybody_missing_or_empty_is_refused_in_words() {
        let why = |text: &str, mode: u32| {
            let (_kept, named) = file(text, mode);
            let error = named.first_line().unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
            error.to_string()
        };
        assert!(why("hunter2", 0o644).contains("chmod 600"));
        assert!(why("\nhunter2", 0o600).contains("is empty"));
        let missing = SecretFile::Path("/nowhere/password".into()).first_line().unwrap_err().to_string();
        assert_eq!(missing, "/nowhere/password: No such file or directory (os error 2)");
    }

    #[test]
    fn a_credential_is_a_file_of_the_service_managers_folder() {
        let named = SecretFile::Credential("smtp-password".into());
        let folder = Some(PathBuf::from(HANDED_OVER));
        assert_eq!(named.place(folder), Path::new("/run/credentials/lapsewatch.service/smtp-password"));
        assert_eq!(named.to_string(), "credential:smtp-password");
    }

    #[test]
    fn outside_the_service_a_credential_is_what_the_service_would_be_handed() {
        let place = SecretFile::Credential("smtp-password".into()).place(None);
        assert_eq!(place, Path::new("/etc/credstore/lapsewatch.smtp-password"));
        let named = SecretFile::Credential("of-no-service".into());
        let said = named.first_line().unwrap_err().to_string();
        assert!(
            said.contains("of-no-service is not there: write it into /etc/credstore/lapsewatch.of-no-service"),
            "{said}"
        );
    }

    #[test]
    fn the_unit_asks_for_its_credentials_by_the_names_of_the_store() {
        // Who tells of a failure asks no database.
        for (unit, credentials) in [
            (include_str!("../../systemd/lapsewatch.service"), 4),
            (include_str!("../../systemd/lapsewatch-failure@.service"), 3),
        ] {
            let asked: Vec<_> = unit.lines().filter_map(|line| line.strip_prefix("LoadCredential=")).collect();
            assert_eq!(asked.len(), credentials, "{asked:?}");
            for (name, source) in asked.iter().filter_map(|line| line.split_once(':')) {
                let place = SecretFile::Credential(name.to_owned()).place(None);
                assert_eq!(place, Path::new(CREDENTIAL_STORE).join(source));
            }
        }
    }
}
