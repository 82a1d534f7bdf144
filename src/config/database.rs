//! `[database]`: where the store is.
use std::{fmt, path::Path};

use super::{
    layer::Entry,
    problem::without_passwords,
    secret::{SecretFile, secret},
    section::{Fault, Section},
    values,
};

/// `[database]`: where the store is.
#[derive(Clone, PartialEq, Eq)]
pub struct Database {
    /// `sqlite:PATH` or `postgres://USER@HOST/DATABASE`; it may hold a password, so show it to nobody.
    pub url: String,
    /// Where the password is kept, if not in the URL.
    pub password_file: Option<SecretFile>,
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("url", &without_passwords(&self.url))
            .field("password_file", &self.password_file)
            .finish()
    }
}

pub(super) fn read(mut section: Section<'_>) -> Option<Database> {
    let url = section.value("url", url);
    let password_file = section.find("password_file", secret);
    section.finish();
    Some(Database { url: url?, password_file })
}

fn url(entry: &Entry) -> Result<String, Fault> {
    let url = values::text(entry)?;
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok(url);
    }
    let path = url.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path));
    match path {
        None | Some("") => Err(Fault::new("must be \"sqlite:PATH\" or \"postgres://USER@HOST/DATABASE\"")),
        Some(":memory:") => Ok("sqlite::memory:".to_owned()),
        Some(path) => Ok(format!("sqlite:{}", values::resolve(entry, Path::new(path)).display())),
    }
}
