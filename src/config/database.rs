//! `[database]`: where the store is.
use std::path::Path;

use super::{
    layer::Entry,
    section::{Fault, Section},
    values,
};

/// `[database]`: where the store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// `sqlite:PATH`.
    pub url: String,
}

pub(super) fn read(mut section: Section<'_>) -> Option<Database> {
    let url = section.value("url", url);
    section.finish();
    Some(Database { url: url? })
}

fn url(entry: &Entry) -> Result<String, Fault> {
    let url = values::text(entry)?;
    if url.starts_with("postgres:") || url.starts_with("postgresql:") {
        return Err(Fault::new("names a PostgreSQL database; this version has SQLite only")
            .tip(Some("write \"sqlite:PATH\"".into())));
    }
    let path = url.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path));
    match path {
        None | Some("") => Err(Fault::new("must be \"sqlite:PATH\"")),
        Some(":memory:") => Ok("sqlite::memory:".to_owned()),
        Some(path) => Ok(format!("sqlite:{}", values::resolve(entry, Path::new(path)).display())),
    }
}
