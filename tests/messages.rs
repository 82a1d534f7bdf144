//! Messages as people get them: their words (snapshots), hostile cells, headers, and what `check` finds.
//!
//! `LAPSEWATCH_MESSAGES_DIR=DIR cargo test --test messages` also writes every sample as `.eml`, `.html` and `.txt` into
//! DIR, for `tests/messages/check DIR`.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on says why")]

use std::{collections::BTreeSet, fs, path::Path};

use jiff::Timestamp;
use lapsewatch::{
    config::{Helpdesk, Operator},
    domain::{message::MessageKind, policy::Rule, subject::Address},
    mail::{
        compose::{Envelope, compose},
        render::{Alert, Brief, NoticeBrief, RenderError, Rendered, Renderer, Voice},
    },
};
use mail_parser::{MessageParser, MimeHeaders as _};
use proptest::prelude::*;

fn voice() -> Voice {
    Voice {
        operator: Operator {
            sender: "Anyshire LC NHSmail reminders".to_owned(),
            team: "NHSmail reminders team".to_owned(),
            org: "Anyshire Local Committee".to_owned(),
            phone: Some("01632 960 123".to_owned()),
        },
        from: "reminders@anyshire.example".to_owned(),
        reply: "help@anyshire.example".to_owned(),
        names_in_shared_mailboxes: false,
    }
}

fn renderer() -> Renderer {
    Renderer::new(voice(), None).expect("the built-in content compiles")
}

fn sample(name: &str) -> Brief {
    let samples = renderer().samples(None);
    samples.into_iter().find(|(other, _)| other == name).unwrap_or_else(|| panic!("no sample {name}")).1
}

fn rendered(name: &str) -> Rendered {
    renderer().render(&sample(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn composed(to: &str, to_name: Option<&str>, rendered: &Rendered) -> Vec<u8> {
    let envelope = Envelope {
        from: &"Anyshire LC NHSmail reminders <reminders@anyshire.example>".parse().expect("a mailbox"),
        reply_to: Some(&"help@anyshire.example".parse().expect("a mailbox")),
        to: &Address::new(to),
        to_name,
        message_id: "nr-4k7p-2m.20261120@reminders.anyshire.example",
        date: "2026-11-20T07:05:00Z".parse::<Timestamp>().expect("an instant"),
        reference: "NR-4K7P-2M",
    };
    compose(&envelope, rendered).unwrap_or_else(|error| panic!("{to}: {error}"))
}

/// What the bars of `tests/messages/check` are held against.
#[test]
fn every_sample_is_written_for_the_bars() {
    let Some(folder) = std::env::var_os("LAPSEWATCH_MESSAGES_DIR") else { return };
    let folder = Path::new(&folder);
    fs::create_dir_all(folder).expect("a folder");
    let test = renderer().test_message("lapsewatch1", jiff::civil::date(2026, 11, 21)).expect("the test message");
    write_message(folder, "operator.test", &test, "help@anyshire.example", None);
    for (name, brief) in renderer().samples(None) {
        let message = renderer().render(&brief).unwrap_or_else(|error| panic!("{name}: {error}"));
        write_message(folder, &name, &message, &brief.recipient.address, brief.recipient.name.as_deref());
    }
}

fn write_message(folder: &Path, name: &str, message: &Rendered, to: &str, to_name: Option<&str>) {
    fs::write(folder.join(format!("{name}.html")), &message.html).expect("written");
    fs::write(folder.join(format!("{name}.txt")), &message.text).expect("written");
    fs::write(folder.join(format!("{name}.eml")), composed(to, to_name, message)).expect("written");
}

#[test]
fn every_sample_reads_as_it_did() {
    for (name, brief) in renderer().samples(None) {
        let message = renderer().render(&brief).unwrap_or_else(|error| panic!("{name}: {error}"));
        insta::assert_snapshot!(name, format!("Subject: {}\n\n{}", message.subject, message.text));
    }
    let test = renderer().test_message("lapsewatch1", jiff::civil::date(2026, 11, 21)).expect("the test message");
    insta::assert_snapshot!("operator.test", format!("Subject: {}\n\n{}", test.subject, test.text));
}

#[test]
fn the_html_of_each_shape_is_as_it_was() {
    let letters = ["letter.inactivity.final", "letter.password.urgent"];
    for name in letters.into_iter().chain(["digest.several.owner", "operator.run", "operator.alert.all"]) {
        insta::assert_snapshot!(format!("{name}.html"), rendered(name).html);
    }
}

#[test]
fn the_built_in_content_has_no_problems() {
    assert_eq!(renderer().check(), []);
}

#[test]
fn without_a_number_no_sentence_offers_a_phone_check_and_check_warns() {
    let mut voice = voice();
    voice.operator.phone = None;
    let renderer = Renderer::new(voice, None).expect("content compiles");
    for (name, brief) in renderer.samples(None) {
        let message = renderer.render(&brief).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!message.text.contains("phone us"), "{name}");
        assert!(message.text.contains("NR-4K7P-2M"), "{name}");
    }
    let problems = renderer.check();
    assert!(problems.iter().all(|problem| problem.warning) && problems.len() == 1, "{problems:?}");
}

#[test]
fn every_message_tells_the_age_of_its_data_and_keeps_its_lines_short() {
    for (name, brief) in renderer().samples(None) {
        let message = renderer().render(&brief).unwrap_or_else(|error| panic!("{name}: {error}"));
        let unwrapped = message.text.replace('\n', " ");
        let age = match brief.data_as_of {
            Some(_) => "Our information is from Thursday 19 November 2026.",
            None => "No report has been loaded yet.",
        };
        assert!(unwrapped.contains(age) && message.html.contains(age), "{name}");
        assert!(message.text.lines().all(|line| textwrap::core::display_width(line) <= 76), "{name}");
        assert_subject(&message.subject, &name);
    }
}

/// One line of at most 70 characters, with a date, a name or an address begun within the first 60.
fn assert_subject(subject: &str, name: &str) {
    assert!(subject.chars().count() <= 70 && !subject.chars().any(char::is_control), "{name}: {subject}");
    let begin: String = subject.chars().take(60).collect();
    let dated = ["on ", "by ", "from "].iter().any(|word| {
        begin.match_indices(word).any(|(at, _)| begin[at + word.len()..].starts_with(|c: char| c.is_ascii_digit()))
    });
    let named = ["today", "S.S.", "Sam", "@", "…"].iter().any(|word| begin.contains(word));
    assert!(dated || named || name.starts_with("operator"), "{name}: {subject}");
}

#[test]
fn a_locally_managed_account_never_meets_the_national_helpdesk() {
    let national = ["0333 200 1133", "helpdesk@nhs.net", "the NHSmail helpdesk", "option 1"];
    let mut local = sample("letter.inactivity.warn.local").notices.remove(0).helpdesk;
    local.name = "the Anyshire IT helpdesk".to_owned();
    for (name, mut brief) in renderer().samples(None) {
        brief.notices.iter_mut().for_each(|notice| notice.helpdesk = local.clone());
        let message = renderer().render(&brief).unwrap_or_else(|error| panic!("{name}: {error}"));
        for leak in national {
            let text = message.text.replace('\n', " ");
            assert!(!text.contains(leak) && !message.html.contains(leak), "{name} names {leak}");
        }
    }
}

#[test]
fn an_owner_is_not_told_to_ask_themselves() {
    let mut brief = sample("letter.inactivity.warn");
    brief.notices[0].owner = brief.notices[0].subject.name.clone();
    let text = renderer().render(&brief).expect("rendered").text.replace('\n', " ");
    assert!(text.contains("ask your shared mailbox owner") && !text.contains("ask Sam Sample"), "{text}");
}

#[test]
fn a_digest_with_two_administrators_names_each_sites_own() {
    let text = rendered("digest.helpdesks.owner").text.replace("\n  ", " ");
    assert!(text.contains("- For Example Opticians, phone the NHSmail helpdesk on 0333 200 1133."), "{text}");
    assert!(text.contains("- For Example Eyecare, phone the Anyshire IT helpdesk on 01632 960 555."), "{text}");
}

#[test]
fn a_shared_mailbox_sees_initials_and_no_address_that_tells_the_name() {
    for (name, brief) in renderer().samples(None).into_iter().filter(|(_, brief)| brief.recipient.is_shared_mailbox) {
        let message = renderer().render(&brief).unwrap_or_else(|error| panic!("{name}: {error}"));
        let all = format!("{} {} {}", message.subject, message.text, message.html.replace("<wbr>", "")).to_lowercase();
        for notice in brief.notices.iter().filter(|notice| !notice.subject.shared) {
            let words =
                notice.subject.address.split(['@', '.']).next().into_iter().chain(notice.subject.name.as_deref());
            for word in words.filter(|word| word.len() > 2) {
                let whole = format!(" {} ", word.to_lowercase());
                assert!(!all.contains(&whole) && !all.contains(&notice.subject.address), "{name} tells {word}");
            }
        }
        assert!(message.text.contains("Dear colleagues,"), "{name}");
    }
}

#[test]
fn the_operator_may_allow_names_in_shared_mailboxes() {
    let voice = Voice { names_in_shared_mailboxes: true, ..voice() };
    let renderer = Renderer::new(voice, None).expect("content compiles");
    let message = renderer.render(&sample("digest.several.mailbox")).expect("rendered");
    assert!(message.text.contains("Sam Sample, sam.sample1@nhs.net"), "{}", message.text);
}

#[test]
fn a_file_of_the_folder_replaces_the_built_in_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let content = "---\nsubject: Our own words {{ act_by.by }}\npreheader: Hello\n---\n# Hello\n\nDear {{ dear }},\n";
    fs::write(folder.path().join("user.delete_soon.md"), content).expect("written");
    let renderer = Renderer::new(voice(), Some(folder.path())).expect("content compiles");
    let message = renderer.render(&sample("letter.inactivity.warn")).expect("rendered");
    assert_eq!(message.subject, "Our own words by 4 December 2026");
    assert_eq!(message.text, "Hello\n=====\n\nDear Sam Sample,\n");
    let other = renderer.render(&sample("letter.inactivity.final")).expect("rendered");
    assert_eq!(other.subject, rendered("letter.inactivity.final").subject);
}

#[test]
fn check_names_a_misspelt_field_with_its_file_and_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let page = |body: &str| format!("---\nsubject: A\npreheader: B\n---\n{body}\n");
    let write = |name: &str, body: &str| fs::write(folder.path().join(name), body).expect("written");
    write("user.delete_soon.md", &page("Dear {{ account.nmae }},"));
    write("user.delete_final.md", &page("{% if never_used and 1 == 2 %}\n{{ act_bye }}\n{% endif %}"));
    write("_help.md", "Phone\n{{ helpdesk.fax }}\n");
    write("owner.mailbox_due.md", &page("Read [this](https://x.example) or <b>that</b>."));
    write("user.delete_sone.md", &page("never used"));
    let renderer = Renderer::new(voice(), Some(folder.path())).expect("content compiles");
    let problems: Vec<_> = renderer.check().iter().map(ToString::to_string).collect();
    insta::assert_snapshot!("check.problems", problems.join("\n"));
    let error = renderer.render(&sample("letter.inactivity.warn")).expect_err("a missing field");
    assert!(matches!(error, RenderError::Template(problem) if problem.line == Some(5)));
}

#[test]
fn broken_syntax_is_named_when_the_renderer_is_made() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("_help.md"), "a\n{% if %}\n").expect("written");
    let error = Renderer::new(voice(), Some(folder.path())).expect_err("broken").to_string();
    assert!(error.starts_with("_help.md:2: "), "{error}");
}

#[test]
fn samples_are_filtered_by_rule_and_stage() {
    let warn = renderer().samples(Some((Rule::Inactivity, Some("warn"))));
    assert!(warn.iter().any(|(name, _)| name == "letter.inactivity.warn"));
    assert!(warn.iter().all(|(_, brief)| brief.notices[0].stage.base() == "warn"));
    assert!(renderer().samples(Some((Rule::Leaver, None))).len() >= 8);
}

#[test]
fn a_message_without_notices_is_an_error() {
    let mut brief = sample("letter.inactivity.warn");
    brief.notices.clear();
    assert!(matches!(renderer().render(&brief), Err(RenderError::NoNotices { .. })));
}

#[test]
fn a_composed_message_carries_its_headers_and_both_parts() {
    let message = rendered("letter.inactivity.final");
    let bytes = composed("sam.sample1@nhs.net", Some("Sam Sample"), &message);
    assert_eq!(bytes, composed("sam.sample1@nhs.net", Some("Sam Sample"), &message), "the same bytes again");
    let mail = MessageParser::default().parse(&bytes).expect("a message");
    let header = |name: &str| mail.header_raw(name).map(|value| value.trim().to_owned()).unwrap_or_default();
    assert_eq!(header("Auto-Submitted"), "auto-generated");
    assert_eq!(header("X-Auto-Response-Suppress"), "OOF, AutoReply");
    assert_eq!(header("Content-Language"), "en-GB");
    assert_eq!(header("Reply-To"), "help@anyshire.example");
    assert_eq!(header("X-Lapsewatch-Reference"), "NR-4K7P-2M");
    assert_eq!(mail.message_id(), Some("nr-4k7p-2m.20261120@reminders.anyshire.example"));
    assert_eq!(mail.date().map(mail_parser::DateTime::to_rfc3339).as_deref(), Some("2026-11-20T07:05:00Z"));
    assert_eq!(mail.subject(), Some(message.subject.as_str()));
    assert_eq!(mail.body_text(0).as_deref().map(unix), Some(message.text));
    assert_eq!(mail.body_html(0).as_deref().map(unix), Some(message.html));
    assert!(mail.attachment(0).is_none());
    assert!(mail.parts.iter().skip(1).all(|part| part.content_type().is_some_and(|kind| kind.ctype() == "text")));
}

fn unix(text: &str) -> String {
    text.replace("\r\n", "\n")
}

#[test]
fn a_message_that_cannot_be_sent_is_refused() {
    let from = "reminders@anyshire.example".parse().expect("a mailbox");
    let refused = |to: &str, id: &str| {
        let to = Address::new(to);
        let date = Timestamp::UNIX_EPOCH;
        let envelope =
            Envelope { from: &from, reply_to: None, to: &to, to_name: None, message_id: id, date, reference: "r" };
        compose(&envelope, &rendered("letter.inactivity.warn")).is_err()
    };
    assert!(!refused("sam@nhs.net", "a@b.example"));
    for to in ["sam", "sam@localhost", "josé@nhs.net", "a@b.net\r\nBcc: c@d.net", "a b@nhs.net", ""] {
        assert!(refused(to, "a@b.example"), "{to}");
    }
    for id in ["a", "a b@c", "a@b>\r\nBcc: x@y", "@b", "ü@b"] {
        assert!(refused("sam@nhs.net", id), "{id}");
    }
}

// Hostile cells: every field that comes from somebody else's file, in every message.

const TAGS: [&str; 22] = [
    "html", "head", "meta", "title", "style", "body", "table", "caption", "thead", "tbody", "tr", "th", "td", "h1",
    "h2", "p", "ul", "ol", "li", "strong", "br", "wbr",
];
const ATTRIBUTES: [&str; 15] = [
    "lang",
    "http-equiv",
    "content",
    "name",
    "class",
    "style",
    "role",
    "width",
    "cellpadding",
    "cellspacing",
    "border",
    "align",
    "bgcolor",
    "scope",
    "charset",
];

fn hostile_cells() -> Vec<String> {
    let fixed = [
        "[click](https://evil.example)",
        "![x](https://evil.example/x.png)",
        "<https://evil.example>",
        "<a href=\"https://evil.example\">x</a>",
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "</td></tr></table><form action=x>",
        "Sam\r\nBcc: everyone@example.org",
        "Sam\nSubject: URGENT\n\nhello",
        "\u{202E}elpmaS maS\u{202C}",
        "{{ operator.phone }}{% include '_help.md' %}",
        "a | b |\n|---|---|\n# heading",
        "`code` **bold** _em_ ~~x~~ &lt;b&gt; &#60;i&#62;",
        "www.evil.example",
        "evil.example",
        "\u{0}\u{7}\u{1b}[31m",
        "\u{E05B}x\u{E05D}\u{E028}y\u{E029}",
        "--\n---\nsubject: x\n---\n",
        "\\",
        "    indented\n\n    code",
        "1. one\n2. two",
        "",
    ];
    let long = ["Sam ".repeat(2_500), "x".repeat(10_000), "<b>".repeat(3_000), "@".repeat(10_000), "é.".repeat(5_000)];
    fixed.into_iter().map(str::to_owned).chain(long).collect()
}

/// The brief with `cell` in every field that came from a file.
fn poisoned(mut brief: Brief, cell: &str) -> Brief {
    let cell = || cell.to_owned();
    brief.recipient.name = Some(cell());
    brief.reference = cell();
    for notice in &mut brief.notices {
        poison(notice, &cell);
    }
    for alert in &mut brief.alerts {
        poison_alert(alert, &cell);
    }
    brief
}

fn poison(notice: &mut NoticeBrief, cell: &dyn Fn() -> String) {
    notice.subject.name = Some(cell());
    notice.subject.address = cell();
    notice.owner = Some(cell());
    notice.stage = lapsewatch::domain::message::StageName::nth(&cell(), 1);
    if let Some(site) = &mut notice.site {
        (site.name, site.town, site.ods, site.shared_mailbox) = (cell(), Some(cell()), cell(), Some(cell()));
    }
    notice.helpdesk =
        Helpdesk { name: cell(), phone: cell(), email: cell(), hours: cell(), national: notice.helpdesk.national };
}

fn poison_alert(alert: &mut Alert, cell: &dyn Fn() -> String) {
    match alert {
        Alert::Held { why, .. } => *why = vec![cell(); 40],
        Alert::Stale { sources } => sources.iter_mut().for_each(|source| source.what = cell()),
        Alert::Refused { files } => files.iter_mut().for_each(|file| (file.name, file.why) = (cell(), cell())),
        Alert::Sender { ends } => ends.iter_mut().for_each(|end| end.what = cell()),
        Alert::Coverage { rows, .. } => {
            for row in rows {
                (row.address, row.rule, row.why) = (cell(), cell(), cell());
                (row.name, row.site, row.ods) = (Some(cell()), Some(cell()), Some(cell()));
            }
        }
        Alert::Unknown { .. } => {}
        Alert::Stopped { why, .. } => *why = cell(),
        Alert::Unreachable { addresses } => {
            for refused in addresses.iter_mut() {
                (refused.address, refused.reply) = (cell(), cell());
            }
        }
    }
}

/// Every tag and attribute of a page is one that the writer makes.
fn assert_inert(html: &str, what: &str) {
    let visible = without_comments(html);
    for tag in visible.split('<').skip(1).map(|rest| rest.split('>').next().unwrap_or_default()) {
        let name: String = tag.trim_start_matches(['/', '!']).chars().take_while(char::is_ascii_alphanumeric).collect();
        assert!(TAGS.contains(&name.as_str()) || name == "DOCTYPE", "{what}: <{tag}>");
        for attribute in tag.split('"').step_by(2).filter_map(|part| part.split_whitespace().last()?.strip_suffix('='))
        {
            assert!(ATTRIBUTES.contains(&attribute), "{what}: {attribute} in <{tag}>");
        }
        assert!(!tag.contains("url(") && !tag.contains("javascript") && !tag.contains("refresh"), "{what}: <{tag}>");
    }
    assert!(!html.contains("&amp;lt;") || html.contains("&amp;"), "{what}");
}

fn without_comments(html: &str) -> String {
    let parts = html.split("<!--");
    parts
        .enumerate()
        .map(|(n, part)| if n == 0 { part } else { part.split_once("-->").map_or("", |(_, rest)| rest) })
        .collect()
}

fn assert_harmless(brief: &Brief, renderer: &Renderer, what: &str) {
    let message = renderer.render(brief).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(message.subject.chars().count() <= 70 && !message.subject.chars().any(char::is_control), "{what}");
    assert!(message.text.lines().all(|line| textwrap::core::display_width(line) <= 76), "{what}: {}", message.text);
    assert!(message.text.chars().all(|c| c == '\n' || !c.is_control()), "{what}");
    assert!(!message.text.contains(['\u{202E}', '\u{202C}', '\u{E05B}']), "{what}");
    assert_inert(&message.html, what);
    let bytes = composed("sam.sample1@nhs.net", brief.recipient.name.as_deref(), &message);
    let mail = MessageParser::default().parse(&bytes).expect("a message");
    assert!(mail.header_raw("Bcc").is_none() && mail.to().map(|to| to.iter().count()) == Some(1), "{what}");
    assert_eq!(mail.subject(), Some(message.subject.as_str()), "{what}");
    assert!(bytes.len() <= 60_000, "{what}: {} bytes", bytes.len());
}

#[test]
fn hostile_cells_in_every_field_of_every_message_stay_words() {
    let renderer = renderer();
    for cell in hostile_cells() {
        for (name, brief) in renderer.samples(None) {
            let begin: String = cell.chars().take(30).collect();
            assert_harmless(&poisoned(brief, &cell), &renderer, &format!("{name} with {begin:?}"));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_cell_in_any_message_stays_words(cell in "\\PC{0,80}|[\\x00-\\x7f]{0,80}|.{0,200}", pick in 0_usize..200) {
        let renderer = renderer();
        let samples = renderer.samples(None);
        let (name, brief) = samples[pick % samples.len()].clone();
        assert_harmless(&poisoned(brief, &cell), &renderer, &name);
    }
}

#[test]
fn every_kind_and_rule_has_a_sample() {
    let told: BTreeSet<_> = renderer()
        .samples(None)
        .into_iter()
        .flat_map(|(_, brief)| brief.notices.iter().map(|n| n.rule).collect::<Vec<_>>())
        .collect();
    assert_eq!(told.len(), Rule::ALL.len());
    let kinds: BTreeSet<_> = renderer().samples(None).into_iter().map(|(_, brief)| brief.kind).collect();
    assert_eq!(kinds, BTreeSet::from([MessageKind::Digest, MessageKind::Letter, MessageKind::Operator]));
}
