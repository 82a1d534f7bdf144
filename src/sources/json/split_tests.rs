//! Splitting, in whatever pieces the bytes arrive.
use std::io;

use proptest::prelude::*;

use super::*;
use crate::sources::table::RECORD_CAP;

/// Gives a few bytes at a time, as many as the sizes say in turn.
struct Dribble<'a> {
    bytes: &'a [u8],
    sizes: &'a [usize],
    turn: usize,
}

impl Read for Dribble<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.sizes[self.turn % self.sizes.len()];
        self.turn += 1;
        let most = size.min(buffer.len());
        self.bytes.read(&mut buffer[..most])
    }
}

/// What a text is cut into, or where it is refused.
fn cut(bytes: &[u8], sizes: &[usize]) -> (Vec<Piece>, Result<Pages, String>) {
    let mut splitter = Splitter::new(Dribble { bytes, sizes, turn: 0 });
    let (mut pieces, mut piece) = (Vec::new(), Piece::new());
    loop {
        match splitter.read(&mut piece) {
            Ok(true) => pieces.push(piece.clone()),
            Ok(false) => return (pieces, Ok(splitter.pages())),
            Err(error) => return (pieces, Err(error.to_string())),
        }
    }
}

/// The texts of the objects, with line and column.
fn objects(text: &str) -> Vec<(u32, u64, String)> {
    let (pieces, end) = cut(text.as_bytes(), &[usize::MAX]);
    assert!(end.is_ok(), "{text}: {end:?}");
    let told = |piece: Piece| (piece.spot.line, piece.spot.column, String::from_utf8_lossy(&piece.text).into_owned());
    pieces.into_iter().map(told).collect()
}

fn texts(text: &str) -> Vec<String> {
    objects(text).into_iter().map(|(_, _, text)| text).collect()
}

fn refusal(text: &str) -> String {
    cut(text.as_bytes(), &[usize::MAX]).1.expect_err("refused")
}

fn pages(text: &str) -> Pages {
    cut(text.as_bytes(), &[usize::MAX]).1.expect("read")
}

const A: &str = r#"{"id":"a","n":[{"value":[1]}]}"#;
const B: &str = r#"{"id":"b"}"#;

#[test]
fn every_shape_gives_the_same_objects() {
    for text in [
        format!("[{A},{B}]"),
        format!("{A}\n{B}\n"),
        format!("{A}{B}"),
        format!(r#"{{"@odata.context":"x","value":[{A},{B}]}}"#),
        format!(r#"{{"VALUE" : [ {A} , {B} ] , "Count" : 2}}"#),
        format!(r#"{{"@odata.context":"x","value":[{A}]}} {{"value":[{B}],"@odata.context":"x"}}"#),
        format!("[{A}]\n\u{FEFF}[{B}]"),
        format!(r#"[{{"@odata.nextLink":"x","value":[{A}]}},{{"value":[{B}]}}]"#),
        format!(r#"{{"a":{{"value":[1]}},"value":[]}}[{A},{B}]"#),
        format!(r#"{{"@odata.context":"x","value":{A}}}{B}"#),
    ] {
        assert_eq!(texts(&text), [A, B], "{text}");
    }
    for text in ["[]", "{\"value\":[]}", "", "\n", "[]\n[]"] {
        assert_eq!(texts(text), [""; 0], "{text}");
    }
}

#[test]
fn a_value_inside_an_object_is_no_list_of_objects() {
    for text in [
        r#"{"id":"a","value":[{"id":"x"}]}"#,
        r#"{"userPrincipalName":"a@nhs.net","value":[]}"#,
        r#"{"value":"\/Date(1)\/","DateTime":"x"}"#,
        r#"{"details":{"value":[{"id":"x"}]}}"#,
        r#"{"x":1,"value":[1,{"id":"x"}]}"#,
    ] {
        for list in [text.to_owned(), format!("[{text}]"), format!(r#"{{"value":[{text}]}}"#)] {
            assert_eq!(texts(&list), [text], "{list}");
        }
    }
    let in_value = r#"{"value":[{"id":"x"}]}"#;
    assert_eq!(texts(&format!(r#"{{"value":[{in_value}]}}"#)), [in_value], "a list has objects, not pages");
}

#[test]
fn objects_know_their_line_and_column_whatever_ends_the_lines() {
    for end in ["\n", "\r\n", "\r"] {
        let text = format!("[{end} {A},{end}{end}  {B}, 7]").replace("\n\n", "\n\n");
        let places: Vec<_> = objects(&text).into_iter().map(|(line, column, _)| (line, column)).collect();
        assert_eq!(places, [(2, 2), (4, 3), (4, 15)], "{end:?}");
    }
}

#[test]
fn between_objects_a_line_that_is_none_is_one_record() {
    for line in ["\"text\"", "7", "null, {\"id\":\"x\"}", "WARNING: {[ \"", "\u{e9}"] {
        for end in ["\n", "\r\n", "\r"] {
            let text = format!("{A}{end}{line}{end}{end}{line}{end}{B}");
            assert_eq!(texts(&text), [A, line, line, B], "{text}");
        }
    }
    assert_eq!(objects(&format!("{A}\n 7"))[1], (2, 2, "7".to_owned()));
}

#[test]
fn a_page_is_missing_when_every_page_names_another() {
    let page = |link: &str| format!(r#"{{"@odata.nextLink":{link},"value":[{A}]}}"#);
    assert!(pages(&page(r#""https://x""#)).is_partial());
    assert!(pages(&format!(r#"{{"value":[{A}],"@Odata.NextLink":"x"}}"#)).is_partial());
    assert!(!pages(&page("null")).is_partial() && !pages(&page(r#""""#)).is_partial());
    let (first, last) = (page(r#""x""#), page("null"));
    assert!(!pages(&format!("{first}\n{last}")).is_partial() && !pages(&format!("[{first},{last}]")).is_partial());
    assert!(pages(&format!("{first}\n{first}")).is_partial());
}

#[test]
fn deleted_items_are_deleted_where_every_page_says_so() {
    let page = |of: &str| format!(r#"{{"@odata.context":"https://x/$metadata#{of}","value":[{A}]}}"#);
    let (deleted, users) = (page("directory/deletedItems/microsoft.graph.user"), page("users"));
    assert!(pages(&deleted).are_deleted() && pages(&format!("{deleted}{deleted}")).are_deleted());
    assert!(!pages(&users).are_deleted());
    for text in
        [format!("{deleted}{users}"), format!("{users}{deleted}"), format!("{deleted}[{A}]"), format!("{deleted}{A}")]
    {
        assert!(!pages(&text).are_deleted(), "{text}");
    }
    assert!(pages(r#"{"@odata.context":"x#directory/deletedItems/$entity","id":"a"}"#).are_deleted());
}

#[test]
fn what_is_broken_around_the_objects_is_refused_where_it_is() {
    for (text, words) in [
        ("[{}", "line 1: the file stops"),
        ("{\"value\":[{}]", "line 1: the file stops"),
        ("{\"value\":[{}]\n,", "line 2: the file stops"),
        ("[{},\n", "line 2: the file stops"),
        ("[{\"a\":\"x", "line 1: the file stops"),
        ("[1", "line 1: the file stops"),
        ("{}\n{} x", "line 2, column 4: the JSON is broken (neither an object"),
        ("[{}]]", "line 1, column 5: the JSON is broken (neither an object"),
        ("{},{}", "line 1, column 3: the JSON is broken (objects with commas"),
        ("{}\n]", "line 2, column 1: the JSON is broken (neither an object"),
        ("[{}]\nx", "line 2, column 1: the JSON is broken (neither an object"),
        ("{}\n,{}", "line 2, column 1: the JSON is broken (objects with commas"),
        ("[{} {}]", "line 1, column 5: the JSON is broken (expected `,` or `]`"),
        ("[{},]", "line 1, column 5: the JSON is broken (expected a value"),
        ("{\"value\":[{}],}", "line 1, column 15: the JSON is broken (expected a key"),
        ("{\"value\":[{}] \"a\":1}", "line 1, column 15: the JSON is broken (expected `,` or `}`"),
        ("{\"value\":[{}],\n\"value\":[{}]}", "line 2, column 1: the JSON is broken (the key \"value\" is there twice"),
        ("[{\"a\":[1}]", "line 1, column 9: the JSON is broken"),
        ("[{\"a\":\"x\n\"}]", "line 1, column 7: the JSON is broken (the quote that opens here"),
        ("[{\"a\n\":1}]", "line 1, column 3: the JSON is broken (the quote that opens here"),
        ("[{},\n\0{}]", "line 2: there is a NUL"),
        ("[{\"a\" 1, \"b\":", "line 1, column 7: the JSON is broken (expected `:`"),
    ] {
        let refusal = refusal(text);
        assert!(refusal.starts_with(words), "{text}\n{refusal}\n{words}");
    }
}

#[test]
fn a_bad_object_between_its_braces_costs_no_other() {
    for bad in
        [r#"{"a" 1}"#, r#"{"a":NaN}"#, r#"{"a":tru}"#, r"{}", r#"{"a":"\ud800"}"#, "17", "null", "[1,[2]]", "\"x\""]
    {
        assert_eq!(texts(&format!("[{A},{bad},{B}]")), [A, bad, B]);
    }
}

#[test]
fn what_is_too_long_or_too_deep_is_dropped_and_marked() {
    let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(RECORD_CAP));
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for (text, fault) in [(long, "longer than 1 MiB"), (deep, "nested deeper than 127")] {
        for text in [format!("[{text},{B}]"), format!(r#"{{"value":[{text},{B}]}}"#)] {
            let (pieces, end) = cut(text.as_bytes(), &[usize::MAX]);
            assert!(end.is_ok() && pieces.len() == 2);
            assert!(pieces[0].fault.is_some_and(|words| words.contains(fault)));
            assert!(pieces[0].text.capacity() <= 2 * RECORD_CAP);
            assert_eq!(pieces[1].text, B.as_bytes());
        }
    }
    assert!(refusal(&"[".repeat(100_000)).contains("the file stops"));
    assert!(refusal(&"{\"value\":[".repeat(100_000)).contains("the file stops"));
    assert!(refusal(&"{\"a\":".repeat(100_000)).contains("the file stops"));
}

#[test]
fn a_long_word_of_a_page_is_not_kept() {
    let text = format!(r#"{{"@odata.nextLink":"{}","value":[{B}]}}"#, "x".repeat(3 * RECORD_CAP));
    let (pieces, end) = cut(text.as_bytes(), &[usize::MAX]);
    assert_eq!(pieces[0].text, B.as_bytes());
    assert!(end.expect("read").is_partial());
}

/// Texts that are nearly JSON.
fn tokens() -> impl Strategy<Value = String> {
    let words = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"value\":[",
        "\"value\"",
        "\"a\\\"b\"",
        "\"é\"",
        "1",
        "-1.5e3",
        "null",
        " ",
        "\n",
        "\r\n",
        "\r",
        "\"@odata.nextLink\":\"x\"",
        "\u{FEFF}",
        "\"",
        "\\",
        "{\"id\":\"a\"}",
        "[{\"id\":\"b\"}]",
        "\0",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..24).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_size_of_the_pieces_in_which_bytes_arrive_changes_nothing(
        text in tokens(),
        sizes in prop::collection::vec(1..9_usize, 1..5),
    ) {
        prop_assert_eq!(cut(text.as_bytes(), &sizes), cut(text.as_bytes(), &[usize::MAX]));
    }

    #[test]
    fn a_text_that_is_read_to_its_end_is_json(text in tokens()) {
        let (pieces, end) = cut(text.as_bytes(), &[usize::MAX]);
        let are_all_good = pieces.iter().all(|piece| serde_json::from_slice::<serde::de::IgnoredAny>(&piece.text).is_ok());
        // Joined files have marks between them, and a CR alone ends a line here.
        if end.is_ok() && are_all_good {
            let plain = text.replace('\u{FEFF}', " ");
            let whole: Result<Vec<serde::de::IgnoredAny>, _> = serde_json::Deserializer::from_str(&plain).into_iter().collect();
            prop_assert!(whole.is_ok(), "{whole:?}");
        }
    }
}
