//! lapsewatch.toml(5), made from the compiled-in defaults: a comment there is the text below a key here.

use clap_mangen::roff::{Inline, Roff, bold, roman};
use jiff::civil::Date;

use super::{SEE_ALSO, head, lines, paragraphs};
use crate::config::DEFAULTS;

const DESCRIPTION: [&str; 4] = [
    "The settings of lapsewatch(1), in TOML. The file holds only what differs from the defaults, which are shown \
     below. The environment (LAPSEWATCH__MAIL__OPERATOR=...) and --set mail.operator=... come on top, in this order.",
    "lapsewatch check reads it and names every problem at once, with file, line and column. systemctl reload \
     lapsewatch puts it into force; of a file that is wrong, nothing is.",
    "Spans are written \"21 days\", \"2 weeks\" or \"6 months\" (short: \"21d\", \"2w\", \"6mo\"). A relative path \
     counts from the folder of the file that names it.",
    "A secret is never in this file. It is the first line of a file that is closed to everybody else, or \
     \"credential:NAME\": the service finds it in /etc/credstore/lapsewatch.NAME, which only root can open, when it \
     starts. See systemd.exec(5).",
];

/// One line of the defaults.
enum Line<'a> {
    Blank,
    /// `# words`
    Comment(&'a str),
    /// `[mail.smtp]`
    Section(&'a str),
    /// `name = value`, or with `#` in front: then it is not set.
    Key {
        name: &'a str,
        value: &'a str,
        is_set: bool,
    },
    /// A line of a list that is longer than one.
    Item(&'a str),
}

impl<'a> Line<'a> {
    fn new(line: &'a str) -> Self {
        let key = |line: &'a str, is_set| match line.split_once(" = ") {
            Some((name, value)) => Self::Key { name, value, is_set },
            None => Self::Item(line),
        };
        match (line.strip_prefix("# "), line.strip_prefix('#')) {
            _ if line.is_empty() || line == "#" => Self::Blank,
            (Some(comment), _) => Self::Comment(comment),
            (None, Some(unset)) => key(unset, false),
            (None, None) if line.starts_with('[') => Self::Section(line),
            (None, None) if line.starts_with([' ', ']']) => Self::Item(line),
            (None, None) => key(line, true),
        }
    }
}

/// The page, dated `today`.
pub fn page(today: Date) -> String {
    let mut title = Roff::new();
    title.control("SH", ["NAME"]).text([roman("lapsewatch.toml - settings of lapsewatch(1)")]);
    title.control("SH", ["SYNOPSIS"]).text([bold("/etc/lapsewatch/lapsewatch.toml")]);
    let mut settings = Settings::default();
    // What stands above the first section is about the file of defaults itself; the description says it here.
    let sections = DEFAULTS.lines().map(Line::new).skip_while(|line| !matches!(line, Line::Section(_)));
    sections.for_each(|line| settings.take(&line));
    settings.end_block();
    head("LAPSEWATCH.TOML", "5", today)
        + &lines(&title)
        + &paragraphs("DESCRIPTION", DESCRIPTION)
        + ".SH SETTINGS\n"
        + &lines(&settings.page)
        + &paragraphs("SEE ALSO", [SEE_ALSO.replace("lapsewatch.toml(5)", "lapsewatch(1)").as_str()])
}

/// The defaults, as they are turned into a page line by line.
#[derive(Default)]
struct Settings<'a> {
    page: Roff,
    /// The words above the next key or section.
    comments: Vec<&'a str>,
    /// The keys that these words are about.
    keys: Vec<Vec<Inline>>,
    /// The lines of the last key's list.
    items: Vec<&'a str>,
    /// Whether something stands below the last heading.
    is_begun: bool,
}

impl<'a> Settings<'a> {
    fn take(&mut self, line: &Line<'a>) {
        match *line {
            Line::Blank => self.end_block(),
            Line::Comment(words) => {
                self.end_keys();
                self.comments.push(words);
            }
            Line::Section(name) => {
                let about = std::mem::take(&mut self.comments);
                self.end_block();
                self.page.control("SS", [name]);
                self.is_begun = false;
                self.comments = about;
                self.end_block();
            }
            Line::Key { name, value: "[", is_set: true } => {
                self.end_keys();
                self.keys.push(vec![bold(name), roman(" = [ ... ]")]);
            }
            Line::Key { name, value, is_set: true } => self.keys.push(vec![bold(name), roman(format!(" = {value}"))]),
            Line::Key { name, value, is_set: false } => {
                self.keys.push(vec![bold(name), roman(format!(" (not set; such as {value})"))]);
            }
            Line::Item(item) => {
                let item = item.trim_start_matches([' ', '{']).trim_end_matches([',', '}', ' ']);
                self.items.extend((item != "]").then_some(item));
            }
        }
    }

    /// Writes down the keys so far, if any: what comes is about others.
    fn end_keys(&mut self) {
        if !self.keys.is_empty() {
            self.end_block();
        }
    }

    /// Writes down what belongs together: keys, and what is said of them.
    fn end_block(&mut self) {
        let (keys, comments) = (std::mem::take(&mut self.keys), std::mem::take(&mut self.comments));
        let items = std::mem::take(&mut self.items);
        if !(keys.is_empty() && comments.is_empty()) {
            self.begin_paragraph();
        }
        for (number, key) in keys.iter().enumerate() {
            if number > 0 {
                self.page.control("br", []);
            }
            self.page.text(key.clone());
        }
        let is_about_keys = !(keys.is_empty() || comments.is_empty() && items.is_empty());
        if is_about_keys {
            self.page.control("RS", ["4"]);
        }
        self.explain(&comments);
        for item in items {
            self.page.control("IP", ["\\(bu", "2"]);
            self.page.text([roman(item)]);
        }
        if is_about_keys {
            self.page.control("RE", []);
        }
    }

    fn begin_paragraph(&mut self) {
        if self.is_begun {
            self.page.control("PP", []);
        }
        self.is_begun = true;
    }

    /// Comments as text; a word that is set off to the right and explained there becomes a term of its own.
    fn explain(&mut self, comments: &[&str]) {
        let mut is_in_term = false;
        for line in comments {
            let term = line.strip_prefix("  ").filter(|rest| !rest.starts_with(' '));
            if let Some((name, words)) = term.and_then(|rest| rest.split_once("  ")) {
                self.page.control("TP", []);
                self.page.text([bold(name)]);
                self.page.text([roman(words.trim_start())]);
                is_in_term = true;
            } else {
                if is_in_term && !line.starts_with(' ') {
                    self.page.control("PP", []);
                    is_in_term = false;
                }
                self.page.text([roman(line.trim_start())]);
            }
        }
    }
}
