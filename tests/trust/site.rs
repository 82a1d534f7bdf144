//! An invented site of 120 accounts that has run for two weeks, and what people were told there.
//!
//! [`DAY`] is a Friday on which twenty-odd of them are due. A site that loads the good reports alone says what ought to
//! be told; every other site is held against it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
    sync::{Arc, LazyLock},
};

use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, date},
};
use lapsewatch::{
    clock::{Clock, ManualClock},
    config::{self, Config},
    domain::{
        message::{MessageKind, Notice},
        policy::Rule,
        register::SubjectId,
        snapshot::Source,
        subject::Address,
    },
    jobs::{
        Site,
        approve::{approve, discard},
        facts::Facts,
        hold::HoldReasons,
        run::{Finished, run_today},
    },
    mail::{Mailer, memory::MemoryMailer},
    store::{MessageState, RunRow, Store, sqlite::SqliteStore},
};
use tempfile::TempDir;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

/// The Friday of the bad export.
pub const DAY: Date = date(2026, 11, 20);
/// The next open day.
pub const MONDAY: Date = date(2026, 11, 23);
/// The first day of the site.
pub const FIRST: Date = date(2026, 11, 6);
/// How many accounts there are, the owner and the mailbox not counted.
pub const PEOPLE: u32 = 120;

pub const OPERATOR: &str = "operator@anyshire.example";
pub const OWNER: &str = "ada.example@nhs.net";
const MAILBOX: &str = "northtown.tp1a2@nhs.net";

pub const CONTACTS: &str = "\
ods_code,sector,site_name,town,shared_mailbox,address,role,alternate_address,administered_by
TP1A2,Optometry,NORTHTOWN OPTICIANS,Northtown,northtown.tp1a2@nhs.net,ada.example@nhs.net,owner,,NAS
";

/// How a machine writes dates.
pub const DAY_FIRST: &str = "%d/%m/%Y %H:%M";
pub const MONTH_FIRST: &str = "%m/%d/%Y %H:%M";

pub const HEADER: &str =
    "Id,EmailAddress,MailboxType,Status,CreatedOn,LastUpdated,LastLogIn,MarkAsLeaverDate,AUPStatus,ODS Code\n";

/// The address of an account.
pub fn address(person: u32) -> String {
    format!("person{person}.example@nhs.net")
}

/// The day somebody was last there, as a report of a day says it: on [`DAY`], two people for each of the last 60 days.
pub fn used_on(person: u32, as_of: Date) -> Date {
    DAY.saturating_sub(jiff::Span::new().days(i64::from(person % 60))).min(as_of)
}

/// What a Portal report says of one account.
#[derive(Debug, Clone)]
pub struct Row {
    pub id: String,
    pub address: String,
    pub kind: &'static str,
    pub status: &'static str,
    pub updated: Date,
    /// The cell of the last log-in.
    pub used: String,
}

/// The rows of a good report of a day.
pub fn rows(as_of: Date, format: &str) -> Vec<Row> {
    let row = |id: String, address: String, kind, used: Option<Date>| Row {
        id,
        address,
        kind,
        status: "Active",
        updated: as_of,
        used: used.map_or_else(String::new, |day| stamp(day, format)),
    };
    let people =
        (0..PEOPLE).map(|person| row(format!("id-{person}"), address(person), "User", Some(used_on(person, as_of))));
    let owner = row("id-ada".into(), OWNER.into(), "User", Some(as_of));
    let mailbox = row("id-mailbox".into(), MAILBOX.into(), "Shared", None);
    people.chain([owner, mailbox]).collect()
}

pub fn stamp(day: Date, format: &str) -> String {
    day.at(8, 30, 0, 0).strftime(format).to_string()
}

/// A report with these rows.
pub fn write(rows: &[Row], format: &str) -> String {
    let made = stamp(date(2024, 2, 3), format);
    rows.iter().fold(HEADER.to_owned(), |text, row| {
        let Row { id, address, kind, status, updated, used } = row;
        let updated = stamp(*updated, format);
        text + &format!("{id},{address},{kind},{status},{made},{updated},{used},,True,TP1A2\n")
    })
}

/// A good report of a day.
pub fn report(as_of: Date) -> String {
    write(&rows(as_of, DAY_FIRST), DAY_FIRST)
}

/// What Graph says of the passwords of some people: the day each was changed last.
pub fn passwords(changed: &[(u32, Date)]) -> String {
    let user = |(person, changed_on): &(u32, Date)| {
        let name = address(*person);
        format!(
            "{{\"userPrincipalName\":\"{name}\",\"createdDateTime\":\"2026-11-19T08:00:00Z\",\
             \"lastPasswordChangeDateTime\":\"{changed_on}T08:00:00Z\"}}"
        )
    };
    format!("{{\"value\":[{}]}}", changed.iter().map(user).collect::<Vec<_>>().join(",\n"))
}

/// Who was told what: recipient, about whom, which stage; and how many messages told it.
pub type ToldTo = BTreeMap<(String, String, Rule, String), usize>;

/// A site with a database of its own, at a moment of its own.
pub struct World {
    folder: TempDir,
    pub clock: Arc<ManualClock>,
    pub config: Arc<Config>,
    pub store: Arc<dyn Store>,
}

impl World {
    /// Knows its contacts and nothing else; `sets` come on top of the settings.
    pub async fn empty(sets: &[&str]) -> Self {
        let world = Self::open(tempfile::tempdir().unwrap(), sets).await;
        world.drop_in("site-contacts.csv", CONTACTS);
        world.at(FIRST);
        world
    }

    async fn open(folder: TempDir, sets: &[&str]) -> Self {
        let path = |name: &str| folder.path().join(name).display().to_string();
        let own = [
            format!("database.url=\"sqlite:{}\"", path("lapsewatch.db")),
            format!("snapshots.inbox=\"{}\"", path("inbox")),
            format!("snapshots.archive=\"{}\"", path("archive")),
            format!("snapshots.quarantine=\"{}\"", path("quarantine")),
            "snapshots.settle_secs=0".to_owned(),
            "mail.from=\"reminders@anyshire.example\"".to_owned(),
            format!("mail.operator=\"{OPERATOR}\""),
        ];
        let sets: Vec<_> = own.into_iter().chain(sets.iter().map(ToString::to_string)).collect();
        let sources = config::Sources { file: None, environment: Vec::new(), overrides: &sets, today: FIRST };
        let config = Arc::new(config::load(&sources).unwrap().config);
        let store = Arc::new(SqliteStore::open(&config.database.url).await.unwrap());
        fs::create_dir(folder.path().join("inbox")).unwrap();
        Self { folder, clock: Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH)), config, store }
    }

    /// Has loaded a report each day since [`FIRST`], its first run approved, and stands on the morning of [`DAY`].
    pub async fn healthy(sets: &[&str]) -> Self {
        static GROWN: OnceCell<Vec<u8>> = OnceCell::const_new();
        let grown = GROWN.get_or_init(Self::grow).await;
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("lapsewatch.db"), grown).unwrap();
        let world = Self::open(folder, sets).await;
        world.at(DAY);
        world
    }

    /// The database of such a site.
    async fn grow() -> Vec<u8> {
        let world = Self::empty(&[]).await;
        let mut day = FIRST;
        while day < DAY {
            world.at(day);
            world.drop_in("report.csv", report(day));
            world.run(&MemoryMailer::new()).await;
            for held in world.held().await {
                world.approve(&held).await;
            }
            world.run(&MemoryMailer::new()).await;
            day = day.tomorrow().unwrap();
        }
        assert_eq!(world.count(MessageState::Accepted).await, world.all().await, "all that was due is told");
        world.store.close().await;
        fs::read(world.folder.path().join("lapsewatch.db")).unwrap()
    }

    pub fn drop_in(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.folder.path().join("inbox").join(name), text).unwrap();
    }

    /// Half past eight in the morning of a day.
    pub fn at(&self, day: Date) {
        self.clock.set(day.at(8, 30, 0, 0).to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp());
    }

    pub fn after(&self, span: SignedDuration) {
        self.clock.set(self.clock.now().checked_add(span).unwrap());
    }

    pub fn site(&self, mailer: &(impl Mailer + Clone + 'static)) -> Site {
        let (config, store) = (Arc::clone(&self.config), Arc::clone(&self.store));
        Site { config, store, clock: self.clock.clone(), mailer: Arc::new(mailer.clone()) }
    }

    /// Today's run, through this mail server.
    pub async fn run(&self, mailer: &(impl Mailer + Clone + 'static)) -> Finished {
        run_today(&self.site(mailer), "once", &|_, _| (), &CancellationToken::new()).await.unwrap()
    }

    /// Drops a file and runs; returns the run and who was written to.
    pub async fn run_with(&self, text: impl AsRef<[u8]>) -> (Finished, Vec<String>) {
        self.drop_in("report.csv", text);
        let mailer = MemoryMailer::new();
        let finished = self.run(&mailer).await;
        (finished, mailer.sent().into_iter().map(|mail| mail.to).collect())
    }

    /// Only sends what is due.
    pub async fn deliver(&self, mailer: &(impl Mailer + Clone + 'static)) {
        let site = self.site(mailer);
        let mut facts = Facts::load(&site).await.unwrap();
        lapsewatch::jobs::deliver::deliver(&site, &mut facts, &CancellationToken::new()).await.unwrap();
    }

    /// The runs that wait for a person, oldest first.
    pub async fn held(&self) -> Vec<RunRow> {
        self.store.list_held_runs().await.unwrap()
    }

    /// Says yes to a held run; returns the files it was held for, and which are in the inbox again.
    pub async fn approve(&self, run: &RunRow) -> Vec<(String, bool)> {
        let decided = approve(&self.site(&MemoryMailer::new()), vec![run.clone()], 1, "tester").await.unwrap();
        assert_eq!(decided.len(), 1);
        decided.into_iter().flat_map(|run| run.files).collect()
    }

    /// Says no to a held run.
    pub async fn discard(&self, run: &RunRow) {
        let decided = discard(&self.site(&MemoryMailer::new()), vec![run.clone()], "tester").await.unwrap();
        assert_eq!(decided.len(), 1);
    }

    /// The names in one of its folders, in order; none when there is no such folder.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path(folder)) else { return Vec::new() };
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The days that the loaded reports describe.
    pub async fn loaded(&self) -> Vec<Date> {
        let snapshots = self.store.list_snapshots().await.unwrap();
        snapshots.iter().filter(|row| row.source == Source::PortalMailbox).map(|row| row.as_of_on).collect()
    }

    pub async fn count(&self, state: MessageState) -> u64 {
        let counts = self.store.count_messages().await.unwrap();
        counts.into_iter().filter(|(found, _)| *found == state).map(|(_, count)| count).sum()
    }

    async fn all(&self) -> u64 {
        self.store.count_messages().await.unwrap().into_iter().map(|(_, count)| count).sum()
    }

    /// Every notice of an accepted message to anybody but the operator.
    pub async fn told(&self) -> ToldTo {
        let mut told = ToldTo::new();
        for message in self.store.list_messages(&[MessageState::Accepted]).await.unwrap() {
            for notice in message.message.notices.iter().filter(|_| message.message.kind != MessageKind::Operator) {
                *told.entry(key(message.message.recipient.as_str(), notice)).or_default() += 1;
            }
        }
        told
    }

    /// The number of an account.
    pub async fn subject(&self, address: &str) -> SubjectId {
        let register = self.store.load_register().await.unwrap();
        register.find_by_address(&Address::new(address)).unwrap().id
    }

    /// The stages of a rule that an account was told or that were passed over in its open episode.
    pub async fn stages(&self, person: &str, rule: Rule) -> Option<Vec<String>> {
        let episodes = self.store.list_episodes(Some(self.subject(person).await)).await.unwrap();
        let open = episodes.into_iter().find(|episode| episode.rule == rule)?;
        Some(open.stages.into_iter().map(|(name, ..)| name).collect())
    }
}

fn key(recipient: &str, notice: &Notice) -> (String, String, Rule, String) {
    (recipient.to_owned(), notice.subject.as_str().to_owned(), notice.rule, notice.stage.as_str().to_owned())
}

/// What was told after a moment: all that is now, less what was then.
pub fn since(now: &ToldTo, before: &ToldTo) -> ToldTo {
    let more = |(key, count): (&_, &usize)| {
        let new = count - before.get(key).copied().unwrap_or_default();
        (new > 0).then(|| (Clone::clone(key), new))
    };
    now.iter().filter_map(more).collect()
}

/// About whom.
pub fn subjects(told: &ToldTo) -> BTreeSet<&str> {
    told.keys().map(|(_, subject, ..)| subject.as_str()).collect()
}

/// The sentences of a held run; none for one that is not held.
pub fn why(finished: &Finished) -> Vec<String> {
    finished.report.hold.as_ref().map(HoldReasons::sentences).unwrap_or_default()
}

/// What the operator reads in mail, each run of blanks as one.
pub fn read_by_operator(mailer: &MemoryMailer) -> String {
    let parser = mail_parser::MessageParser::default();
    let mails = mailer.sent().into_iter().filter(|mail| mail.to == OPERATOR);
    let texts: Vec<_> = mails.map(|mail| parser.parse(&mail.raw).unwrap().body_text(0).unwrap().into_owned()).collect();
    texts.join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Nobody but the operator.
pub fn others(sent: &[String]) -> Vec<&str> {
    sent.iter().map(String::as_str).filter(|to| *to != OPERATOR).collect()
}

/// A day after another.
pub fn plus(day: Date, days: i64) -> Date {
    day.saturating_add(jiff::Span::new().days(days))
}

/// Kept so that every test may ask what a good day tells without walking there again.
pub static GOOD: LazyLock<String> = LazyLock::new(|| report(DAY));
