//! What divides records and cells, and what stops it.
use std::io;

use proptest::prelude::*;

use super::*;

/// What a text reads as: every record with its line, or what stops the reader.
type Read = Result<Vec<(u32, bool, Option<Fault>, Vec<String>)>, String>;

/// Gives a few bytes at a time.
struct Dribble<'a>(&'a [u8], usize);

impl io::Read for Dribble<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(self.1);
        self.0.read(&mut buffer[..most])
    }
}

fn read_in(text: &[u8], size: usize, step: usize) -> Read {
    let mut records = Records::holding(size, Dribble(text, step), b',', 0).map_err(|error| error.to_string())?;
    let mut cells = Cells::default();
    let mut all = Vec::new();
    while records.read(&mut cells).map_err(|error| error.to_string())? {
        all.push((cells.line, cells.ended, cells.fault, cells.iter().map(Cow::into_owned).collect()));
    }
    Ok(all)
}

fn read(text: &str) -> Read {
    read_in(text.as_bytes(), BUFFER, usize::MAX)
}

#[test]
fn every_line_end_counts_a_line_also_inside_quotes() {
    for end in ["\n", "\r\n", "\r"] {
        let text = ["a,b", "\"x", "y\",z", "c,\"d\"\"e\""].join(end);
        let all = read(&text).expect("readable");
        let lines: Vec<_> = all.iter().map(|(line, ..)| *line).collect();
        assert_eq!(lines, [1, 2, 4]);
        assert_eq!(all[1].3, ["x\ny", "z"]);
        assert_eq!(all[2].3, ["c", "d\"e"]);
        assert!(all[1].1 && !all[2].1, "only the last one has no line end");
    }
}

#[test]
fn a_quote_inside_a_cell_without_quotes_is_a_letter_of_it() {
    let all = read("5\" disk,\"\",x\"\"\n\"a\" ,b\n\"a\"b,c\n").expect("readable");
    assert_eq!(all[0].3, ["5\" disk", "", "x\"\""]);
    assert_eq!((all[1].2, all[1].3[0].as_str()), (None, "a "));
    assert_eq!(all[2].2, Some(Fault::StrayQuote));
}

#[test]
fn an_unclosed_quote_is_found_on_the_line_where_it_opens() {
    for text in ["a,b\n1,\"2\n3,4\n", "\"a\",\"b\"\n\"1\",\"2\n\"3\",\"4\"\n"] {
        assert!(read(text).is_err_and(|error| error.starts_with("line 2: a quote opens here")), "{text}");
    }
}

#[test]
fn a_quoted_cell_that_swallows_a_long_stretch_of_rows_is_an_unclosed_quote() {
    let text = format!("a,b\n1,\"2\n{}\",3\n", "x,y\n".repeat(20_000));
    assert!(read(&text).is_err_and(|error| error.starts_with("line 2: a quote opens here")));
}

#[test]
fn what_is_too_long_is_dropped_and_marked() {
    let (long, wide) = ("x".repeat(CELL_CAP + 10), "y,".repeat(RECORD_CAP));
    for (text, fault) in [(long, Fault::CellTooLong), (wide, Fault::RecordTooLong)] {
        let mut records = Records::new(text.as_bytes(), b',', 0).expect("opens");
        let mut cells = Cells::default();
        assert!(records.read(&mut cells).expect("reads"));
        assert_eq!(cells.fault, Some(fault));
        assert!(cells.bytes.len() <= RECORD_CAP && cells.spans.len() <= RECORD_CAP);
        assert_eq!(records.buffer.len(), BUFFER, "the buffer does not grow");
    }
}

#[test]
fn a_cell_of_just_the_allowed_length_is_kept() {
    for quote in ["", "\""] {
        let cell = "x".repeat(CELL_CAP);
        let all = read(&format!("{quote}{cell}{quote},b\n")).expect("readable");
        assert_eq!((all[0].2, all[0].3[0].len()), (None, CELL_CAP));
    }
}

#[test]
fn a_nul_byte_is_refused_with_its_line() {
    for text in ["a\nb\0c\n", "a\n\"b\0\"\n"] {
        assert!(read(text).is_err_and(|error| error.starts_with("line 2: there is a NUL")), "{text:?}");
    }
    let late = format!("{}\0", "a,b\n".repeat(BUFFER));
    let line = format!("line {}: there is a NUL", BUFFER + 1);
    assert!(read(&late).is_err_and(|error| error.starts_with(&line)));
}

#[test]
fn lines_before_the_header_are_passed_over() {
    for end in ["\n", "\r\n", "\r"] {
        let text = ["#TYPE \"x", "sep=,", "a,b"].join(end);
        let mut records = Records::new(text.as_bytes(), b',', 2).expect("opens");
        let mut cells = Cells::default();
        assert!(records.read(&mut cells).expect("reads"));
        assert_eq!((cells.line, cells.iter().collect::<Vec<_>>()), (3, vec!["a".into(), "b".into()]));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn a_text_reads_the_same_wherever_the_pieces_of_it_end(text in "([ab,\"\r\n]|\"\"|\"\n|,\"|\",|é|\r\n){0,60}") {
        let whole = read(&text);
        for (size, step) in [(1, 1), (2, 1), (3, 2), (7, 3), (16, 7), (33, 64), (BUFFER, 1), (BUFFER, 7)] {
            prop_assert_eq!(&read_in(text.as_bytes(), size, step), &whole, "a buffer of {}, steps of {}", size, step);
        }
    }
}
