//! `check`: every message with invented data, every branch, before a person sees one.

use std::collections::BTreeSet;

use minijinja::{Value, value::ValueKind};

use super::{Failure, RenderError, Rendered, Renderer, TemplateProblem, Voice, markup, samples, templates::BUILT_IN};

/// Longest subject.
pub const LONGEST_SUBJECT: usize = 70;
/// Largest HTML part: beyond 102 KB some mail programs cut it off.
const LARGEST_HTML: usize = 60_000;

/// All that is wrong with the content files, the worst first.
#[must_use]
pub fn check(renderer: &Renderer) -> Vec<TemplateProblem> {
    let mut problems = BTreeSet::new();
    let voices = voices(&renderer.voice);
    let mut known = BTreeSet::new();
    for voice in &voices {
        check_samples(renderer, voice, &mut known, &mut problems);
    }
    check_sources(renderer, &known, &mut problems);
    problems.extend(phone_warning(&renderer.voice));
    let mut problems: Vec<_> = problems.into_iter().collect();
    problems.sort_by_key(|problem| problem.warning);
    problems
}

/// The operator's words, with and without a number, and with names in shared mailboxes or not.
fn voices(voice: &Voice) -> [Voice; 2] {
    let (mut silent, mut open) = (voice.clone(), voice.clone());
    silent.operator.phone = None;
    open.operator.phone.get_or_insert_with(|| "01632 960 123".to_owned());
    silent.names_in_shared_mailboxes = false;
    open.names_in_shared_mailboxes = true;
    [silent, open]
}

fn check_samples(
    renderer: &Renderer,
    voice: &Voice,
    known: &mut BTreeSet<String>,
    problems: &mut BTreeSet<TemplateProblem>,
) {
    for (_, brief) in samples::all() {
        if let Some((file, fields)) = super::fields(&brief, voice, super::MOST_ROWS) {
            collect_paths("", &fields, known);
            problems.extend(check_one(file, renderer.render_as(&brief, voice)));
        }
    }
    let fields = super::test_fields("lapsewatch1", samples::TODAY, voice);
    collect_paths("", &fields, known);
    problems.extend(check_one("admin.test.md", renderer.write("admin.test.md", &fields, voice)));
    let fields = Failure::sample(samples::TODAY).fields(voice);
    collect_paths("", &fields, known);
    problems.extend(check_one("admin.failure.md", renderer.write("admin.failure.md", &fields, voice)));
}

fn check_one(file: &str, rendered: Result<Rendered, RenderError>) -> Vec<TemplateProblem> {
    let problem = |what: String| TemplateProblem { file: file.to_owned(), line: None, what, warning: false };
    match rendered {
        Err(RenderError::Template(problem)) => vec![problem],
        Err(other) => vec![problem(other.to_string())],
        Ok(message) => {
            let (subject, size) = (message.subject.chars().count(), message.html.len());
            let long = (subject > LONGEST_SUBJECT).then(|| problem(format!("the subject has {subject} characters")));
            let large = (size > LARGEST_HTML).then(|| problem(format!("the HTML part has {size} bytes")));
            long.into_iter().chain(large).collect()
        }
    }
}

/// What only the files themselves show: misspelt fields in branches no sample takes, links, files nobody asks for.
fn check_sources(renderer: &Renderer, known: &BTreeSet<String>, problems: &mut BTreeSet<TemplateProblem>) {
    for (file, source) in renderer.templates.sources() {
        let problem = |line, what, warning| TemplateProblem { file: file.clone(), line, what, warning };
        for field in renderer.templates.fields(&file).into_iter().filter(|field| !known.contains(field)) {
            let line = source.lines().position(|line| line.contains(&field)).map(|line| line + 1);
            problems.insert(problem(line, format!("{field}: no message has such a field"), false));
        }
        for (offset, what) in markup::forbidden(&source) {
            let line = source.get(..offset).map(|before| before.matches('\n').count() + 1);
            problems.insert(problem(line, what.to_owned(), false));
        }
        let is_known = file.starts_with('_') || BUILT_IN.iter().any(|(name, _)| *name == file);
        if !is_known {
            problems.insert(problem(None, "no message has this name, so it is never used".to_owned(), true));
        }
    }
}

/// `account.name`, `blocks`, …: every field that some message has.
fn collect_paths(prefix: &str, value: &Value, known: &mut BTreeSet<String>) {
    if value.kind() != ValueKind::Map {
        return;
    }
    for key in value.try_iter().into_iter().flatten() {
        let path = if prefix.is_empty() { key.to_string() } else { format!("{prefix}.{key}") };
        if let Ok(inner) = value.get_item(&key) {
            collect_paths(&path, &inner, known);
        }
        known.insert(path);
    }
}

fn phone_warning(voice: &Voice) -> Option<TemplateProblem> {
    let what = "operator.phone is not set, so no message says where to check that it is real".to_owned();
    let is_set = voice.operator.phone.as_deref().is_some_and(|phone| !phone.trim().is_empty());
    (!is_set).then(|| TemplateProblem { file: "[operator]".to_owned(), line: None, what, warning: true })
}
