//! The text part: the same tree as the HTML part, in lines of at most 76 characters.

use super::markup::{Block, Inlines, Table, plain};

/// Widest line.
const WIDTH: usize = 72;
/// Widest line of a message's own text lines, indent included.
const INDENT: &str = "    ";

/// The text part of a message.
#[must_use]
pub fn write(blocks: &[Block]) -> String {
    let parts: Vec<String> = blocks.iter().map(block).filter(|part| !part.is_empty()).collect();
    format!("{}\n", parts.join("\n\n"))
}

fn block(block: &Block) -> String {
    match block {
        Block::Heading(level, words) => heading(*level, words),
        Block::Paragraph(words) => wrap(&plain(words, "\n"), "", ""),
        Block::List { numbered, items } => list(*numbered, items),
        Block::Box(paragraphs) => {
            let parts: Vec<_> = paragraphs.iter().map(|words| wrap(&plain(words, "\n"), INDENT, INDENT)).collect();
            parts.join("\n\n")
        }
        Block::Table(data) => table(data),
    }
}

fn wrap(text: &str, first: &str, rest: &str) -> String {
    let options = textwrap::Options::new(WIDTH)
        .initial_indent(first)
        .subsequent_indent(rest)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .wrap_algorithm(textwrap::WrapAlgorithm::FirstFit);
    textwrap::fill(text, options)
}

fn heading(level: u8, words: &Inlines) -> String {
    let text = wrap(&plain(words, " "), "", "");
    let width = text.lines().map(textwrap::core::display_width).max().unwrap_or_default();
    let rule = if level == 1 { "=" } else { "-" };
    format!("{text}\n{}", rule.repeat(width))
}

fn list(numbered: bool, items: &[Inlines]) -> String {
    let mark = |n: usize| if numbered { format!("{n}. ") } else { "- ".to_owned() };
    let item = |(n, words): (usize, &Inlines)| {
        let mark = mark(n + 1);
        wrap(&plain(words, "\n"), &mark, &" ".repeat(mark.len()))
    };
    items.iter().enumerate().map(item).collect::<Vec<_>>().join("\n")
}

/// A table as short blocks, one a row: a narrow screen and a screen reader both read it in order.
fn table(table: &Table) -> String {
    let caption = plain(&table.caption, " ");
    let caption = (!caption.is_empty()).then(|| wrap(&caption, "", ""));
    let rows = table.rows.iter().map(|cells| row(&table.head, cells));
    caption.into_iter().chain(rows).collect::<Vec<_>>().join("\n\n")
}

fn row(head: &[Inlines], cells: &[Inlines]) -> String {
    let line = |(n, (head, cell)): (usize, (&Inlines, &Inlines))| {
        let mark = if n == 0 { "* " } else { "  " };
        wrap(&format!("{}: {}", plain(head, " "), plain(cell, ", ")), mark, "      ")
    };
    head.iter().zip(cells).enumerate().map(line).collect::<Vec<_>>().join("\n")
}
