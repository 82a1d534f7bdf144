//! The Markdown subset that content files are written in, as a tree.
//!
//! Headings, paragraphs, lists, the one box (`> `), `code` for a bold, unbroken number, tables with a caption
//! ("Table: …" before them) and hard breaks. Whatever else Markdown knows becomes plain text: the tree has no node for a
//! link, an image or HTML, so neither writer can make one.

use pulldown_cmark::{Alignment, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::clean::reveal;

/// A run of text inside a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inline {
    /// Words.
    Text(String),
    /// A number or reference, bold and unbroken.
    Code(String),
    /// A new line in the same block.
    Break,
}

/// The words of one paragraph, heading, item or cell.
pub type Inlines = Vec<Inline>;

/// A table of data.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// Its caption.
    pub caption: Inlines,
    /// For each column whether it holds numbers, to be set right.
    pub numeric: Vec<bool>,
    /// The headings of the columns.
    pub head: Vec<Inlines>,
    /// The rows; the first cell of each is its heading.
    pub rows: Vec<Vec<Inlines>>,
}

/// A block of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// A heading of level 1 or 2.
    Heading(u8, Inlines),
    /// A paragraph.
    Paragraph(Inlines),
    /// A list; numbered ones start at 1.
    List {
        /// Numbered, not bulleted.
        numbered: bool,
        /// Its items.
        items: Vec<Inlines>,
    },
    /// Paragraphs set off from the rest.
    Box(Vec<Inlines>),
    /// A table.
    Table(Table),
}

/// A message's blocks, in order.
#[must_use]
pub fn parse(markdown: &str) -> Vec<Block> {
    let mut reader = Reader::default();
    Parser::new_ext(markdown, Options::ENABLE_TABLES).for_each(|event| reader.take(&event));
    reader.blocks
}

/// What in a content file has no place in a message, with the byte at which it stands.
#[must_use]
pub fn forbidden(markdown: &str) -> Vec<(usize, &'static str)> {
    let events = Parser::new_ext(markdown, Options::ENABLE_TABLES).into_offset_iter();
    events.filter_map(|(event, range)| Some((range.start, refusal(&event)?))).collect()
}

fn refusal(event: &Event<'_>) -> Option<&'static str> {
    match event {
        Event::Start(Tag::Link { .. }) => Some("a link: messages have none"),
        Event::Start(Tag::Image { .. }) => Some("an image: messages have none"),
        Event::InlineHtml(html) if is_break(html) => None,
        Event::Html(_) | Event::InlineHtml(_) => Some("HTML: it is shown as plain text"),
        Event::Start(Tag::CodeBlock(_)) => Some("a code block: it is shown as a paragraph"),
        Event::Text(text) if text.contains("http://") || text.contains("https://") || text.contains("www.") => {
            Some("a web address: mail programs make a link of it")
        }
        _ => None,
    }
}

fn is_break(html: &str) -> bool {
    matches!(html, "<br>" | "<br/>" | "<br />")
}

/// Builds the tree from the parser's events.
#[derive(Default)]
struct Reader {
    blocks: Vec<Block>,
    words: Inlines,
    items: Vec<Inlines>,
    quote: Option<Vec<Inlines>>,
    table: Option<Table>,
    row: Vec<Inlines>,
    depth: usize,
}

impl Reader {
    fn take(&mut self, event: &Event<'_>) {
        match event {
            Event::Start(tag) => self.open(tag),
            Event::End(tag) => self.close(*tag),
            Event::Code(text) => self.words.push(Inline::Code(reveal(text))),
            Event::HardBreak => self.words.push(Inline::Break),
            Event::SoftBreak => self.text(" "),
            Event::InlineHtml(html) if is_break(html) => self.words.push(Inline::Break),
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => self.text(&reveal(text)),
            _ => {}
        }
    }

    fn text(&mut self, more: &str) {
        match self.words.last_mut() {
            Some(Inline::Text(text)) => text.push_str(more),
            _ => self.words.push(Inline::Text(more.to_owned())),
        }
    }

    fn open(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::List(_) => self.depth += 1,
            Tag::BlockQuote(_) => self.quote = Some(Vec::new()),
            Tag::Table(columns) => self.open_table(columns),
            _ => {}
        }
    }

    fn open_table(&mut self, columns: &[Alignment]) {
        let numeric = columns.iter().map(|column| *column == Alignment::Right).collect();
        self.table = Some(Table { caption: self.take_caption(), numeric, ..Table::default() });
    }

    /// The paragraph before a table, when it is its caption.
    fn take_caption(&mut self) -> Inlines {
        let is_caption =
            |words: &Inlines| matches!(words.first(), Some(Inline::Text(text)) if text.starts_with("Table: "));
        match self.blocks.pop() {
            Some(Block::Paragraph(mut words)) if is_caption(&words) => {
                if let Some(Inline::Text(text)) = words.first_mut() {
                    *text = text.trim_start_matches("Table: ").to_owned();
                }
                words
            }
            other => {
                self.blocks.extend(other);
                Inlines::new()
            }
        }
    }

    fn close(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph if self.depth > 0 => {}
            TagEnd::Paragraph | TagEnd::CodeBlock | TagEnd::HtmlBlock => self.close_paragraph(),
            TagEnd::Heading(level) => self.close_heading(level),
            TagEnd::Item => self.close_item(),
            TagEnd::List(numbered) => self.close_list(numbered),
            TagEnd::BlockQuote(_) => self.blocks.extend(self.quote.take().map(Block::Box)),
            TagEnd::TableCell => self.row.push(std::mem::take(&mut self.words)),
            TagEnd::TableHead | TagEnd::TableRow => self.close_row(tag == TagEnd::TableHead),
            TagEnd::Table => self.blocks.extend(self.table.take().map(Block::Table)),
            _ => {}
        }
    }

    fn close_paragraph(&mut self) {
        let words = std::mem::take(&mut self.words);
        match &mut self.quote {
            _ if words.is_empty() => {}
            Some(quote) => quote.push(words),
            None => self.blocks.push(Block::Paragraph(words)),
        }
    }

    fn close_heading(&mut self, level: HeadingLevel) {
        let level = if level == HeadingLevel::H1 { 1 } else { 2 };
        self.blocks.push(Block::Heading(level, std::mem::take(&mut self.words)));
    }

    fn close_item(&mut self) {
        let words = std::mem::take(&mut self.words);
        if !words.is_empty() {
            self.items.push(words);
        }
    }

    fn close_list(&mut self, numbered: bool) {
        self.depth = self.depth.saturating_sub(1);
        if self.depth == 0 {
            self.blocks.push(Block::List { numbered, items: std::mem::take(&mut self.items) });
        }
    }

    fn close_row(&mut self, head: bool) {
        let row = std::mem::take(&mut self.row);
        match &mut self.table {
            Some(table) if head => table.head = row,
            Some(table) => table.rows.push(row),
            None => {}
        }
    }
}

/// The words of a run, breaks as `gap`.
#[must_use]
pub fn plain(words: &[Inline], gap: &str) -> String {
    let word = |inline: &Inline| match inline {
        Inline::Text(text) | Inline::Code(text) => text.clone(),
        Inline::Break => gap.to_owned(),
    };
    words.iter().map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_images_and_html_become_plain_text() {
        let blocks = parse("[a](http://x.example) ![b](c) <https://d.example> <b>e</b>\n\n<script>f</script>\n");
        let words = blocks.iter().map(|block| match block {
            Block::Paragraph(words) => plain(words, " "),
            other => panic!("{other:?}"),
        });
        assert_eq!(words.collect::<Vec<_>>(), ["a b https://d.example <b>e</b>", "<script>f</script>\n"]);
        assert!(!forbidden("[a](b)").is_empty() && forbidden("a<br>b").is_empty());
    }

    #[test]
    fn the_subset_reads_as_its_blocks() {
        let blocks =
            parse("# H\n\nA `1 2`,\\\nB\n\n1. x\n2. y\n\n> q\n\nTable: C\n\n| a | b |\n|---|--:|\n| c<br>d | 1 |\n");
        assert_eq!(blocks.len(), 5, "{blocks:?}");
        let Some(Block::Table(table)) = blocks.last() else { panic!("a table") };
        assert_eq!((plain(&table.caption, ""), table.numeric.clone()), ("C".to_owned(), vec![false, true]));
        assert_eq!(plain(&table.rows[0][0], ", "), "c, d");
    }
}
