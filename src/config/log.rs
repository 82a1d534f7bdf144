//! `[log]`: what is logged and how it looks.
use tracing_subscriber::EnvFilter;

use super::{
    layer::Entry,
    section::{Fault, Section},
    values,
};

/// `[log]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// A tracing filter: `info`, `lapsewatch=debug`.
    pub filter: String,
    /// How lines look.
    pub format: LogFormat,
}

/// `log.format`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// `journal` when standard error is the journal, else `text`.
    Auto,
    /// For a person at a terminal.
    Text,
    /// One JSON object a line.
    Json,
    /// Text with the journal's `<N>` priority before each line.
    Journal,
}

const FORMATS: [(&str, LogFormat); 4] =
    [("auto", LogFormat::Auto), ("text", LogFormat::Text), ("json", LogFormat::Json), ("journal", LogFormat::Journal)];

pub(super) fn read(mut section: Section<'_>) -> Option<Log> {
    let filter = section.value("filter", filter);
    let format = section.value("format", values::choice(&FORMATS));
    section.finish();
    Some(Log { filter: filter?, format: format? })
}

fn filter(entry: &Entry) -> Result<String, Fault> {
    let filter = values::text(entry)?;
    let fault = |_| Fault::new("is no log filter").tip(Some("such as \"info\" or \"info,lapsewatch=debug\"".into()));
    EnvFilter::try_new(&filter).map(|_| filter.clone()).map_err(fault)
}
