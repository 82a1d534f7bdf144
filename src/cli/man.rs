//! `man`: the pages of the manual. Needs no configuration.
//!
//! lapsewatch(1) comes from the definition of the command line, with the words here around it; lapsewatch.toml(5) from
//! the compiled-in defaults, which explain every key. So neither can say what the program does not know.
mod settings;

use std::io::{self, Write};

use clap::{Command, CommandFactory};
use clap_mangen::{
    Man as Generator,
    roff::{Inline, Roff, bold, italic, roman},
};
use jiff::civil::Date;

use super::{
    Exit,
    args::{Arguments, Man, Page},
};

/// What stands above every page, in the middle.
const MANUAL: &str = "lapsewatch manual";

const DESCRIPTION: [&str; 3] = [
    "An NHSmail account that is not used for 30 days becomes inactive, and after 60 it is deleted. Passwords, leavers' \
     accounts and shared mailboxes that send nothing have ends of their own. lapsewatch reads the exports that an \
     administrator can get, works out every date, and sends escalating reminders to the people concerned, the owners \
     of their shared mailboxes and the operator: early enough, to an address that somebody reads, never twice.",
    "The service lapsewatch.service does so every day. Drop exports into its inbox, and ask the other commands how \
     things stand, and why. They work beside the service, as root or as the user it runs as; those that load and send \
     themselves (load, once) need it stopped.",
    "Results go to standard output, everything else to standard error.",
];

const ENVIRONMENT: [(&str, &str); 4] = [
    ("LAPSEWATCH_CONFIG", "The file of settings, as --config names it."),
    (
        "LAPSEWATCH__SECTION__KEY",
        "A setting over the file's: LAPSEWATCH__MAIL__OPERATOR is mail.operator. --set wins over it.",
    ),
    ("NO_COLOR", "When set, nothing is coloured."),
    ("PGPASSFILE", "The file of passwords for PostgreSQL, when neither the URL nor database.password_file has one."),
];

const FILES: [(&str, &str); 8] = [
    ("/etc/lapsewatch/lapsewatch.toml", "The settings. See lapsewatch.toml(5)."),
    ("/etc/credstore/lapsewatch.NAME", "A secret, for \"credential:NAME\" in the settings."),
    ("/var/lib/lapsewatch/lapsewatch.db", "What the program knows: accounts, and what was told to whom."),
    ("/var/lib/lapsewatch/inbox", "Drop exports here."),
    ("/var/lib/lapsewatch/archive", "Exports that were loaded."),
    ("/var/lib/lapsewatch/quarantine", "Exports that cannot be read or look wrong, each with a .reason.txt beside it."),
    ("/var/lib/lapsewatch/outgoing", "The messages, while mail.transport is \"directory\"."),
    ("/usr/share/doc/lapsewatch", "The README, every setting with its default, and examples."),
];

const EXAMPLES: [(&str, &str); 5] = [
    ("lapsewatch check", "Is everything filled in and in order? Changes nothing."),
    ("lapsewatch status", "Is it working?"),
    ("lapsewatch once --dry-run", "What would a run do now? Changes nothing."),
    ("lapsewatch explain sam.sample1@nhs.net", "Why was this account warned, or not, and what comes next?"),
    ("lapsewatch approve --spread 5d", "Let the first messages leave, over five days."),
];

const SEE_ALSO: &str = "lapsewatch.toml(5), systemctl(1), journalctl(1), systemd.exec(5)";

/// Prints a page, dated `today`.
pub fn man(options: &Man, today: Date) -> anyhow::Result<Exit> {
    let page = match options.page {
        Page::Program => program(today)?,
        Page::Settings => settings::page(today),
    };
    io::stdout().write_all(page.as_bytes())?;
    Ok(Exit::Done)
}

/// lapsewatch(1).
fn program(today: Date) -> io::Result<String> {
    let mut command = Arguments::command().disable_help_subcommand(true);
    command.build();
    let usage = usage(&mut command);
    let command = command.override_usage(usage);
    let generator = Generator::new(command.clone());
    let mut page = head("LAPSEWATCH", "1", today);
    page += &part(|piece| generator.render_name_section(piece))?;
    page += &part(|piece| generator.render_synopsis_section(piece))?;
    page += &paragraphs("DESCRIPTION", DESCRIPTION);
    page += ".SH COMMANDS\n";
    for subcommand in command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set()) {
        page += &about(subcommand)?;
    }
    page += &part(|piece| generator.render_options_section(piece))?;
    page += &terms("EXIT STATUS", super::Exit::ALL.map(|exit| (roman(exit.code().to_string()), exit.words())));
    page += &terms("ENVIRONMENT", ENVIRONMENT.map(|(name, words)| (bold(name), words)));
    page += &terms("FILES", FILES.map(|(name, words)| (italic(name), words)));
    page += &terms("EXAMPLES", EXAMPLES.map(|(command, words)| (bold(command), words)));
    page += &paragraphs("SEE ALSO", [SEE_ALSO]);
    Ok(page)
}

/// The top of a page. Words are neither broken nor spaced out: much of them is to be typed.
fn head(title: &str, section: &str, today: Date) -> String {
    let mut head = Roff::new();
    let source = format!("lapsewatch {}", env!("CARGO_PKG_VERSION"));
    head.control("TH", [title, section, &today.to_string(), &source, MANUAL]);
    head.control("nh", []).control("ad", ["l"]);
    head.render()
}

/// A command below its own heading: how it is used, what it does, and its options; those of all commands are left out.
fn about(command: &Command) -> io::Result<String> {
    let mut command = command.clone().mut_args(|argument| {
        let is_own = !argument.is_global_set() && argument.get_id() != "help";
        argument.hide(!is_own)
    });
    let usage = usage(&mut command);
    let mut heading = Roff::new();
    heading.control("SS", [usage.as_str()]);
    let mut words = Roff::new();
    words.text([roman(command.get_about().map(ToString::to_string).unwrap_or_default() + ".")]);
    if let Some(more) = command.get_after_help() {
        words.control("PP", []);
        words.text([roman(more.to_string())]);
    }
    let mut page = lines(&heading) + &lines(&words);
    if command.get_arguments().any(|argument| !argument.is_hide_set()) {
        let generator = Generator::new(command.clone());
        let options = part(|piece| generator.render_options_section(piece))?;
        page += options.strip_prefix(".SH OPTIONS\n").unwrap_or(&options);
    }
    for subcommand in command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set()) {
        page += &about(subcommand)?;
    }
    Ok(page)
}

/// How a command is used, as its help says.
fn usage(command: &mut Command) -> String {
    let usage = command.render_usage().to_string();
    usage.trim_start_matches("Usage: ").to_owned()
}

/// A part that the generator writes, without what stands at the top of a page.
fn part(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<String> {
    let mut piece = Vec::new();
    write(&mut piece)?;
    Ok(without_preamble(&String::from_utf8_lossy(&piece)))
}

/// The lines of a part, without what stands at the top of a page.
fn lines(part: &Roff) -> String {
    without_preamble(&part.render())
}

/// Every rendered piece defines how an apostrophe is written; once a page is enough.
fn without_preamble(piece: &str) -> String {
    let is_preamble = |line: &&str| line.starts_with(".ie ") || line.starts_with(".el ");
    piece.lines().filter(|line| !is_preamble(line)).flat_map(|line| [line, "\n"]).collect()
}

fn paragraphs<'a>(heading: &str, texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut section = Roff::new();
    section.control("SH", [heading]);
    for (number, text) in texts.into_iter().enumerate() {
        if number > 0 {
            section.control("PP", []);
        }
        section.text([roman(text)]);
    }
    lines(&section)
}

fn terms<'a>(heading: &str, terms: impl IntoIterator<Item = (Inline, &'a str)>) -> String {
    let mut section = Roff::new();
    section.control("SH", [heading]);
    for (term, text) in terms {
        section.control("TP", []);
        section.text([term]);
        section.text([roman(text)]);
    }
    lines(&section)
}
