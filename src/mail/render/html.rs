//! The HTML part: a hand-written table skeleton that Word's engine draws too, with visible preview line, bar and one
//! column of 600 px. Dark mode by media query; nothing hidden, and no element that fetches or links.

use std::fmt::Write as _;

use super::markup::{Block, Inline, Inlines, Table};

const FONT: &str = "font-family:Arial,Helvetica,sans-serif";
const INK: &str = "color:#212b32";

const HEAD: &str = r#"<meta http-equiv="Content-Type" content="text/html; charset=utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<meta name="format-detection" content="telephone=no, date=no, address=no, email=no">
"#;

const STYLE: &str = r"<!--[if mso]><style>table {border-collapse:collapse} li {margin-left:4px} p,li,td,th,h1,h2 {font-family:Arial,sans-serif !important;mso-line-height-rule:exactly}</style><![endif]-->
<style>
.t { overflow-wrap:anywhere }
@media (prefers-color-scheme: dark) {
  body, .page { background-color:#1b1f23 !important }
  .t { color:#e8edf1 !important }
  .box { background-color:#2a3138 !important; border-color:#8fb3d1 !important; color:#e8edf1 !important }
  .bar { background-color:#0f2a3f !important }
}
@media only screen and (max-width:480px) { .pad { padding-left:16px !important; padding-right:16px !important } .c { font-size:15px !important; padding-right:8px !important } }
</style>
";

/// A column of 600 px in every mail program: a table for Word's engine round one for the rest.
const COLUMN: &str = r#"<!--[if mso]><table role="presentation" width="600" align="center" cellpadding="0" cellspacing="0" border="0"><tr><td><![endif]-->
<table role="presentation" width="100%" align="center" cellpadding="0" cellspacing="0" border="0" style="width:100%;max-width:600px"><tr>
"#;
const END_COLUMN: &str = "</tr></table>\n<!--[if mso]></td></tr></table><![endif]-->\n</td></tr>\n";

/// The words of a page outside its blocks.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// The message's subject.
    pub title: &'a str,
    /// The first line, which inboxes show beside the subject.
    pub preview: &'a str,
    /// The operator's name, in the bar.
    pub sender: &'a str,
}

/// The HTML part of a message.
#[must_use]
pub fn write(frame: &Frame<'_>, blocks: &[Block]) -> String {
    let text = if blocks.iter().any(|block| matches!(block, Block::Table(_))) { (16, 24) } else { (17, 26) };
    let page = Page { size: format!("{FONT};font-size:{}px;line-height:{}px", text.0, text.1) };
    let body: String = blocks.iter().map(|block| page.block(block)).collect();
    let (title, preview, sender) = (escape(frame.title), escape(frame.preview), escape(frame.sender));
    format!(
        r##"<!DOCTYPE html>
<html lang="en-GB">
<head>
{HEAD}<title>{title}</title>
{STYLE}</head>
<body class="page" style="margin:0;padding:0;background-color:#ffffff">
<table role="presentation" class="page" width="100%" cellpadding="0" cellspacing="0" border="0">
<tr><td align="center">
{COLUMN}<td class="pad t" align="left" style="padding:8px 24px;{FONT};font-size:14px;line-height:20px;color:#4c6272">{preview}</td>
{END_COLUMN}<tr><td class="bar" align="center" bgcolor="#1f3b57" style="background-color:#1f3b57">
{COLUMN}<td class="pad" align="left" style="padding:14px 24px;{FONT};font-size:18px;line-height:24px;font-weight:bold;color:#ffffff">{sender}</td>
{END_COLUMN}<tr><td align="center">
{COLUMN}<td class="pad" align="left" style="padding:26px 24px 30px">
{body}</td>
{END_COLUMN}</table>
</body>
</html>
"##
    )
}

/// Writes blocks in one size of text.
struct Page {
    size: String,
}

impl Page {
    fn block(&self, block: &Block) -> String {
        match block {
            Block::Heading(1, words) => heading("h1", "font-size:26px;line-height:32px", "0 0 18px", words),
            Block::Heading(_, words) => heading("h2", "font-size:20px;line-height:26px", "26px 0 8px", words),
            Block::Paragraph(words) => self.paragraph(words, 14),
            Block::List { numbered, items } => self.list(*numbered, items),
            Block::Box(paragraphs) => self.boxed(paragraphs),
            Block::Table(table) => self.table(table),
        }
    }

    fn paragraph(&self, words: &Inlines, below: u8) -> String {
        format!("<p class=\"t\" style=\"{};margin:0 0 {below}px;{INK}\">{}</p>\n", self.size, inlines(words, false))
    }

    fn list(&self, numbered: bool, items: &[Inlines]) -> String {
        let tag = if numbered { "ol" } else { "ul" };
        let mut out = format!("<{tag} style=\"margin:0 0 14px;padding:0 0 0 24px\">\n");
        for words in items {
            let words = inlines(words, false);
            let _ = writeln!(out, "<li class=\"t\" style=\"{};margin:0 0 6px;{INK}\">{words}</li>", self.size);
        }
        out + &format!("</{tag}>\n")
    }

    fn boxed(&self, paragraphs: &[Inlines]) -> String {
        let body: String = paragraphs.iter().map(|words| self.paragraph(words, 8)).collect();
        format!(
            "<table role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\" \
             style=\"margin:0 0 18px\"><tr><td class=\"box\" style=\"border-left:8px solid #3d5a73;\
             background-color:#eef2f5;padding:14px 16px 8px\" bgcolor=\"#eef2f5\">\n{body}</td></tr></table>\n"
        )
    }

    fn table(&self, table: &Table) -> String {
        let caption = format!(
            "<caption class=\"t\" style=\"{};font-weight:bold;text-align:left;padding:0 0 6px;{INK}\">{}</caption>",
            self.size,
            inlines(&table.caption, false)
        );
        let head: String = table.cells(&table.head).map(|(words, right)| cell("th", "col", words, right)).collect();
        let rows: String = table.rows.iter().map(|row| table_row(table, row)).collect();
        format!(
            "<table class=\"data\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\" \
             style=\"border-collapse:collapse;width:100%;margin:0 0 20px\">\n{caption}\n<thead><tr>{head}</tr></thead>\n\
             <tbody>\n{rows}</tbody></table>\n"
        )
    }
}

impl Table {
    /// The cells of a row, each with whether it holds a number.
    fn cells<'a>(&'a self, row: &'a [Inlines]) -> impl Iterator<Item = (&'a Inlines, bool)> {
        row.iter().zip(self.numeric.iter().copied().chain(std::iter::repeat(false)))
    }
}

fn table_row(table: &Table, row: &[Inlines]) -> String {
    let cell = |(column, (words, right)): (usize, (&Inlines, bool))| {
        if column == 0 { cell("th", "row", words, right) } else { cell("td", "", words, right) }
    };
    let cells: String = table.cells(row).enumerate().map(cell).collect();
    format!("<tr>{cells}</tr>\n")
}

fn cell(tag: &str, scope: &str, words: &Inlines, right: bool) -> String {
    let scope_is = if scope.is_empty() { String::new() } else { format!(" scope=\"{scope}\"") };
    let align = if right { "right" } else { "left" };
    let weight = match scope {
        "col" => ";font-weight:bold",
        "row" => ";font-weight:normal",
        _ => "",
    };
    format!(
        "<{tag}{scope_is} class=\"t c\" style=\"{FONT};font-size:16px;line-height:22px;text-align:{align};\
         vertical-align:top;padding:8px 16px 8px 0;border-bottom:1px solid #8a96a0;{INK}{weight}\">{}</{tag}>",
        inlines(words, true)
    )
}

fn heading(tag: &str, size: &str, margin: &str, words: &Inlines) -> String {
    let words = inlines(words, false);
    format!("<{tag} class=\"t\" style=\"{FONT};{size};font-weight:bold;margin:{margin};{INK}\">{words}</{tag}>\n")
}

fn inlines(words: &[Inline], in_cell: bool) -> String {
    let word = |inline: &Inline| match inline {
        Inline::Text(text) if in_cell => breakable(&escape(text)),
        Inline::Text(text) => escape(text),
        Inline::Code(text) => format!("<strong style=\"white-space:nowrap\">{}</strong>", escape(text)),
        Inline::Break => "<br>".to_owned(),
    };
    words.iter().map(word).collect()
}

/// Lets an address break before its `@` and after the dots before it, so that copying it gives the address. Keeps the
/// day of a date with its month.
fn breakable(escaped: &str) -> String {
    match escaped.rsplit_once('@') {
        Some((local, domain)) => format!("{}<wbr>@{domain}", local.replace('.', ".<wbr>")),
        None => dates_kept_whole(escaped),
    }
}

fn dates_kept_whole(escaped: &str) -> String {
    let is_day = |word: &str| word.len() <= 2 && word.parse::<u8>().is_ok();
    let joined = |word| match str::strip_suffix(word, ' ') {
        Some(day) if is_day(day) => [day, "&nbsp;"],
        _ => [word, ""],
    };
    escaped.split_inclusive(' ').flat_map(joined).collect()
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}
