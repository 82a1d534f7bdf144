//! Where a secret is kept. The configuration names the place and never holds the secret itself.
use std::{fmt, path::PathBuf};

use super::{
    layer::Entry,
    section::Fault,
    values::{path, text},
};

/// What a value begins with that names a credential of the service manager.
const CREDENTIAL: &str = "credential:";

/// Where a secret is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretFile {
    /// A file.
    Path(PathBuf),
    /// A file of this name in the folder that the service manager hands over, `$CREDENTIALS_DIRECTORY`.
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
