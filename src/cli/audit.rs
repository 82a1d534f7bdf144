//! `audit export`: the ledger as CSV or JSON lines, page by page, so that years of it need no memory.

use std::{
    borrow::Cow,
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
};

use anyhow::Context;
use jiff::{Timestamp, civil::Date};
use serde::Serialize;

use super::{
    Exit,
    args::{Audit, Export, Format, Record},
    json::line,
    screen::{self, BOLD, hanging, say},
};
use crate::{jobs::Site, store::LedgerLine};

/// Lines of the ledger that are in memory at once.
const LINES_A_PAGE: u32 = 1_000;

/// The columns, as they are called in CSV and in JSON.
const COLUMNS: [&str; 19] = [
    "on",
    "recipient",
    "kind",
    "subject",
    "rule",
    "stage",
    "reason",
    "rung",
    "anchor_on",
    "deadline_on",
    "episode_on",
    "reference",
    "message_id",
    "assigned_id",
    "state",
    "attempts",
    "settled_at",
    "reply",
    "run",
];

/// Writes the record that was asked for.
pub async fn audit(site: &Site, options: &Audit, format: Format) -> anyhow::Result<Exit> {
    let Record::Export(options) = &options.record;
    if let (Some(from), Some(to)) = (options.from, options.to) {
        anyhow::ensure!(from <= to, "--from {from} is after --to {to}");
    }
    let Some(path) = &options.output else {
        export(site, options, &mut Sheet::new(io::stdout(), format)?).await?;
        return Ok(Exit::Done);
    };
    let count =
        export_to(path, site, options, format).await.with_context(|| format!("cannot write {}", path.display()))?;
    let lines = format!("{} to {}", screen::counted(count, "line"), screen::path(path));
    say!("{BOLD}Wrote{BOLD:#} {}", hanging(&lines, 6));
    Ok(Exit::Done)
}

async fn export_to(path: &Path, site: &Site, options: &Export, format: Format) -> anyhow::Result<u64> {
    export(site, options, &mut Sheet::new(File::create(path)?, format)?).await
}

/// Writes the lines of the days asked for, and says how many.
async fn export(site: &Site, options: &Export, sheet: &mut Sheet<impl Write>) -> anyhow::Result<u64> {
    let is_wanted = |told: &&LedgerLine| {
        options.from.is_none_or(|from| told.on_day >= from) && options.to.is_none_or(|to| told.on_day <= to)
    };
    let (mut last, mut count) = (0, 0);
    loop {
        let page = site.store.list_ledger_after(last, LINES_A_PAGE).await?;
        let Some(newest) = page.last() else { break };
        last = newest.number;
        for told in page.iter().filter(is_wanted) {
            sheet.write(told)?;
            count += 1;
        }
    }
    sheet.finish()?;
    Ok(count)
}

/// Where lines go, and how.
enum Sheet<W: Write> {
    Csv(Box<csv::Writer<W>>),
    Json(BufWriter<W>),
}

impl<W: Write> Sheet<W> {
    fn new(out: W, format: Format) -> io::Result<Self> {
        if format == Format::Json {
            return Ok(Self::Json(BufWriter::new(out)));
        }
        let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(out);
        writer.write_record(COLUMNS).map_err(plain)?;
        Ok(Self::Csv(Box::new(writer)))
    }

    fn write(&mut self, told: &LedgerLine) -> io::Result<()> {
        match self {
            Self::Csv(writer) => writer.serialize(Entry::of(told, inert)).map_err(plain),
            Self::Json(out) => line(out, &Entry::of(told, Cow::Borrowed)),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Csv(writer) => writer.flush(),
            Self::Json(out) => out.flush(),
        }
    }
}

/// The error of the system behind one of the CSV writer, which hides that a reader went away.
fn plain(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// A text that no spreadsheet takes for a formula: a quotation mark before the signs that begin one.
fn inert(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}").into() } else { text.into() }
}

/// One notice, in the order of [`COLUMNS`].
#[derive(Debug, Serialize)]
struct Entry<'a> {
    on: Date,
    recipient: Cow<'a, str>,
    kind: &'a str,
    subject: Cow<'a, str>,
    rule: &'static str,
    stage: Cow<'a, str>,
    reason: &'static str,
    rung: &'static str,
    anchor_on: Date,
    deadline_on: Date,
    episode_on: Date,
    reference: &'a str,
    message_id: &'a str,
    assigned_id: Option<Cow<'a, str>>,
    state: &'static str,
    attempts: u32,
    settled_at: Option<Timestamp>,
    reply: Option<Cow<'a, str>>,
    run: i64,
}

impl<'a> Entry<'a> {
    /// `text` writes what people outside chose: addresses, names of stages, a server's words.
    fn of(told: &'a LedgerLine, text: fn(&'a str) -> Cow<'a, str>) -> Self {
        let notice = &told.notice;
        Self {
            on: told.on_day,
            recipient: text(&told.recipient),
            kind: &told.kind,
            subject: text(notice.subject.as_str()),
            rule: notice.rule.as_str(),
            stage: text(notice.stage.as_str()),
            reason: notice.reason.as_str(),
            rung: notice.rung.as_str(),
            anchor_on: notice.anchor_on,
            deadline_on: notice.deadline_on,
            episode_on: notice.episode_on,
            reference: &told.reference,
            message_id: &told.message_id,
            assigned_id: told.assigned_id.as_deref().map(text),
            state: told.state.as_str(),
            attempts: told.attempts,
            settled_at: told.settled_at,
            reply: told.reply.as_deref().map(text),
            run: told.run.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::{
        domain::{
            message::{Notice, Reason, StageName},
            plan::EpisodeId,
            policy::{Rule, Rung},
            register::SubjectId,
            subject::Address,
        },
        store::{MessageState, RunId},
    };

    fn told(reply: &str) -> LedgerLine {
        LedgerLine {
            number: 1,
            run: RunId(7),
            on_day: date(2026, 11, 20),
            recipient: "=cmd@example.org".into(),
            kind: "letter".into(),
            notice: Notice {
                deadline_on: date(2026, 11, 24),
                subject: Address::new("sam.sample1@nhs.net"),
                rule: Rule::Inactivity,
                stage: StageName::nth("urgent", 1),
                anchor_on: date(2026, 9, 25),
                episode_on: date(2026, 11, 20),
                reason: Reason::Reach,
                rung: Rung::SiteMailbox,
                subject_id: SubjectId(1),
                episode_id: EpisodeId(1),
            },
            reference: "NR-AAAAA-BBBBB".into(),
            message_id: "aaaa@example.org".into(),
            assigned_id: None,
            state: MessageState::Unknown,
            attempts: 2,
            settled_at: None,
            reply: Some(reply.into()),
        }
    }

    fn written(format: Format, reply: &str) -> String {
        let mut out = Vec::new();
        let mut sheet = Sheet::new(&mut out, format).expect("memory");
        sheet.write(&told(reply)).expect("memory");
        sheet.finish().expect("memory");
        drop(sheet);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_line_of_csv_has_the_named_columns_and_no_formula() {
        let table = [
            ("+44 no such number", "'+44 no such number"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("=1+1", "'=1+1"),
            ("\tx", "'\tx"),
            ("550 5.1.1 <a@b>: unknown, \"gone\"\r\nreally", "550 5.1.1 <a@b>: unknown, \"gone\"\r\nreally"),
        ];
        for (reply, expected) in table {
            let text = written(Format::Text, reply);
            let mut reader = csv::Reader::from_reader(text.as_bytes());
            assert_eq!(reader.headers().expect("a header"), COLUMNS.as_slice());
            let row = reader.records().next().expect("a row").expect("valid");
            let cell = |name: &str| {
                let at = COLUMNS.iter().position(|column| *column == name).expect("a column");
                row.get(at).expect("a cell").to_owned()
            };
            assert_eq!(cell("reply"), expected);
            assert_eq!((cell("recipient"), cell("rung")), ("'=cmd@example.org".to_owned(), "site mailbox".to_owned()));
            assert_eq!(
                (cell("assigned_id"), cell("run"), cell("on")),
                (String::new(), "7".into(), "2026-11-20".into())
            );
        }
    }

    #[test]
    fn a_line_of_json_has_the_same_names_in_the_same_order_and_the_words_as_they_are() {
        let text = written(Format::Json, "=1+1");
        let at: Vec<_> = COLUMNS.iter().map(|name| text.find(&format!("\"{name}\":")).expect("a key")).collect();
        assert!(at.is_sorted(), "{text}");
        let object: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(object.as_object().expect("an object").len(), COLUMNS.len());
        assert_eq!((&object["reply"], &object["recipient"]), (&"=1+1".into(), &"=cmd@example.org".into()));
        assert_eq!((&object["assigned_id"], &object["attempts"]), (&serde_json::Value::Null, &2.into()));
    }
}
