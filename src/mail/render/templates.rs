//! The content files: which there are, where an operator's replace them, and how one is filled in.

use std::path::Path;

use minijinja::{Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value, syntax::SyntaxConfig};

use super::{RenderError, TemplateProblem, clean};

/// Steps a content file may take: a loop without end is an error, not a hang.
const FUEL: u64 = 200_000;

macro_rules! built_in {
    ($($name:literal),* $(,)?) => {
        /// Every content file, compiled in.
        pub const BUILT_IN: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../../config/templates/", $name)))),*];
    };
}

built_in![
    "_check_owner.md",
    "_check_user.md",
    "_help.md",
    "_last_used.md",
    "_not_needed.md",
    "_others.md",
    "_reader.md",
    "_run.md",
    "_signed.md",
    "admin.alerts.md",
    "admin.failure.md",
    "admin.run.md",
    "admin.test.md",
    "owner.account_deleted.md",
    "owner.digest.md",
    "owner.mailbox_due.md",
    "owner.mailbox_quiet.md",
    "owner.restore_final.md",
    "user.activate_due.md",
    "user.activate_final.md",
    "user.activate_soon.md",
    "user.delete_final.md",
    "user.delete_soon.md",
    "user.deleted.md",
    "user.inactive_now.md",
    "user.inactive_soon.md",
    "user.leaver_soon.md",
    "user.password_expired.md",
    "user.password_soon.md",
];

/// A content file, filled in: values are still protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The subject line.
    pub subject: String,
    /// The preview line.
    pub preheader: String,
    /// The blocks, as Markdown.
    pub body: String,
}

/// Compiled content files.
#[derive(Debug)]
pub struct Templates {
    environment: Environment<'static>,
}

impl Templates {
    /// The built-in files, those in `overrides` in their place.
    ///
    /// # Errors
    /// When a file cannot be read or its syntax is wrong.
    pub fn load(overrides: Option<&Path>) -> Result<Self, RenderError> {
        let mut templates = Self { environment: environment()? };
        for (name, source) in BUILT_IN {
            templates.add(name, (*source).to_owned())?;
        }
        for (name, source) in overrides.map(read_folder).transpose()?.unwrap_or_default() {
            templates.add(&name, source)?;
        }
        Ok(templates)
    }

    fn add(&mut self, name: &str, source: String) -> Result<(), RenderError> {
        self.environment.add_template_owned(name.to_owned(), source).map_err(|error| template_error(name, &error))
    }

    /// Fills in a content file.
    ///
    /// # Errors
    /// When it names a field that is not known for this message.
    pub fn fill(&self, file: &str, fields: &Value) -> Result<Page, RenderError> {
        let filled = self.environment.get_template(file).and_then(|template| template.render(fields.clone()));
        let text = filled.map_err(|error| template_error(file, &error))?;
        Page::split(&text).ok_or_else(|| {
            let what = "must begin with ---, a line subject:, a line preheader: and ---".to_owned();
            RenderError::Template(TemplateProblem { file: file.to_owned(), line: Some(1), what, warning: false })
        })
    }

    /// Every content file with its source, in the order of their names.
    #[must_use]
    pub fn sources(&self) -> Vec<(String, String)> {
        let source =
            |(name, template): (&str, minijinja::Template<'_, '_>)| (name.to_owned(), template.source().to_owned());
        let mut sources: Vec<_> = self.environment.templates().map(source).collect();
        sources.sort();
        sources
    }

    /// The fields that a content file names, whether or not a branch prints them.
    #[must_use]
    pub fn fields(&self, file: &str) -> Vec<String> {
        let fields = self.environment.get_template(file).map(|template| template.undeclared_variables(true));
        fields.unwrap_or_default().into_iter().collect()
    }
}

impl Page {
    fn split(text: &str) -> Option<Self> {
        let (head, body) = text.strip_prefix("---\n")?.split_once("\n---\n")?;
        let field =
            |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(|text| text.trim().to_owned());
        Some(Self { subject: field("subject:")?, preheader: field("preheader:")?, body: body.to_owned() })
    }
}

/// Strict: a field that is missing fails in `check`, not in a person's inbox.
fn environment() -> Result<Environment<'static>, RenderError> {
    let mut environment = Environment::new();
    let mut syntax = SyntaxConfig::builder();
    let syntax = syntax.trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.map_err(|error| template_error("templates", &error))?);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_debug(true);
    environment.set_fuel(Some(FUEL));
    environment.set_formatter(format_value);
    Ok(environment)
}

/// Values enter as letters only; what is not known is an error, never a blank.
fn format_value(out: &mut Output<'_>, _: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if value.is_undefined() || value.is_none() {
        return Err(Error::new(ErrorKind::UndefinedError, "not known for this message"));
    }
    out.write_str(&clean::protect(&value.to_string()))?;
    Ok(())
}

fn read_folder(folder: &Path) -> Result<Vec<(String, String)>, RenderError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| RenderError::ReadOverride { path, source }
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed(folder))? {
        let path = entry.map_err(failed(folder))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if path.extension().is_some_and(|extension| extension == "md") && name != "README.md" {
            let source = std::fs::read_to_string(&path).map_err(failed(&path))?;
            files.push((name, source.replace("\r\n", "\n")));
        }
    }
    files.sort();
    Ok(files)
}

/// The innermost error: of an included file, the file itself.
fn template_error(file: &str, error: &Error) -> RenderError {
    let mut inner = error;
    while let Some(cause) = std::error::Error::source(inner).and_then(|cause| cause.downcast_ref::<Error>()) {
        inner = cause;
    }
    let field = inner.range().and_then(|range| inner.template_source()?.get(range)).map(str::trim);
    let detail =
        inner.detail().map_or_else(|| inner.kind().to_string(), |detail| format!("{}: {detail}", inner.kind()));
    RenderError::Template(TemplateProblem {
        file: inner.name().unwrap_or(file).to_owned(),
        line: inner.line(),
        what: field.map_or_else(|| detail.clone(), |field| format!("{field}: {detail}")),
        warning: false,
    })
}
