//! Subjects: a row each, and what they are found by.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::civil::Date;
use sqlx::AssertSqlSafe;
use xxhash_rust::xxh3::xxh3_64;

use super::{
    Cell, Dialect, Table, Twice,
    body::{self, Days},
    on_numbers, wake,
};
use crate::{
    domain::{
        facts::{Field, Fields},
        newcomer::Newcomer,
        register::{Subject, SubjectId},
        snapshot::Source,
        subject::{Address, Kind},
    },
    store::{Changes, StoreError, rows},
};

/// Subjects that are in no database yet.
const NEW_SUBJECT: Table<7> = Table {
    name: "subject",
    columns: ["id", "address_key", "mailbox_of", "left_on", "deleted_on", "is_waiting", "body"],
    twice: Twice::Fails,
};

const SUBJECT: Table<7> = Table { twice: Twice::Replaces(&["id"]), ..NEW_SUBJECT };

/// Subjects that are in the database, at the address that they have. It is the only column of an index that is large: a
/// database that is told the same number again looks for its place in there all the same.
const STAYING_SUBJECT: Table<6> = Table {
    name: "subject",
    columns: ["id", "mailbox_of", "left_on", "deleted_on", "is_waiting", "body"],
    twice: Twice::Replaces(&["id"]),
};

const FORMER_ADDRESS: Table<2> =
    Table { name: "former_address", columns: ["address_key", "subject_id"], twice: Twice::Stays };

const SAID: Table<2> = Table { name: "said", columns: ["source", "field"], twice: Twice::Stays };

/// What a subject is found by in place of its address.
fn address_key(address: &Address) -> i64 {
    xxh3_64(address.as_str().as_bytes()).cast_signed()
}

fn row(subject: &Subject, days: &Days) -> Result<[Cell<'static>; 7], StoreError> {
    let address = subject.facts.address();
    let is_mailbox = subject.facts.kind() == Kind::Shared;
    let mailbox_of = subject.facts.ods().filter(|_| is_mailbox).map(|ods| ods.key().into_string());
    Ok([
        subject.id.0.into(),
        address.as_ref().map(address_key).into(),
        mailbox_of.into(),
        left_on(subject, days).into(),
        deleted_on(subject).into(),
        (!subject.is_listed()).into(),
        Cell::Bytes(Some(body::write(subject, days)?.into())),
    ])
}

/// The row of somebody of whom nobody knew anything.
fn newcomer_row(newcomer: &Newcomer, days: &Days) -> Result<[Cell<'static>; 7], StoreError> {
    let Newcomer { id, arrival, row } = newcomer;
    let is_mailbox = row.kind == Kind::Shared;
    let mailbox_of = row.ods.as_ref().filter(|_| is_mailbox).map(|ods| ods.key().into_string());
    let is_there = body::is_newest(arrival.source, newcomer.seen_on(), days);
    Ok([
        id.0.into(),
        row.address.as_ref().map(address_key).into(),
        mailbox_of.into(),
        Some(newcomer.seen_on()).filter(|_| !is_there).into(),
        None::<Date>.into(),
        (!newcomer.is_listed()).into(),
        Cell::Bytes(Some(body::write_newcomer(newcomer, days)?.into())),
    ])
}

/// Addresses that a subject had, and those that a source says while another is believed: the one that is overruled
/// today may be believed when its source repeats it.
fn other_addresses(subject: &Subject) -> BTreeSet<Address> {
    let said = subject.facts.rivals(Field::Address).map(|fact| Address::new(&fact.value.to_string()));
    subject.former_addresses.iter().cloned().chain(said).collect()
}

/// The last day on which any source spoke of a subject, unless the newest snapshot of one does.
fn left_on(subject: &Subject, days: &Days) -> Option<Date> {
    let is_there = subject.seen_on.iter().any(|(source, on)| body::is_newest(*source, *on, days));
    subject.seen_on.values().max().copied().filter(|_| !is_there)
}

/// The day on which a subject was deleted whose newest status says that it is.
fn deleted_on(subject: &Subject) -> Option<Date> {
    let deletion = subject.deletion.filter(|_| subject.facts.status().is_some_and(|status| status.is_deleted()))?;
    Some(deletion.anchor().map_or(deletion.first_seen_on, |(day, _)| day))
}

/// Which source has said anything of which field, as far as that is written.
pub(super) type KnownSaid = BTreeMap<Source, Fields>;

/// What some subjects have of it.
pub(super) fn said_of<'a>(subjects: impl IntoIterator<Item = &'a Subject>) -> impl Iterator<Item = (Source, Field)> {
    subjects.into_iter().flat_map(|subject| subject.facts.said()).map(|(field, fact)| (fact.source, field))
}

/// What newcomers have of it.
pub(super) fn said_of_newcomers(newcomers: &[Newcomer]) -> impl Iterator<Item = (Source, Field)> {
    newcomers.iter().flat_map(|newcomer| newcomer.facts().map(|(field, _)| (newcomer.arrival.source, field)))
}

/// What of that is new; it is known from now on.
pub(super) fn news(said: impl Iterator<Item = (Source, Field)>, known: &mut KnownSaid) -> Vec<(Source, Field)> {
    said.filter(|(source, field)| known.entry(*source).or_default().insert(*field)).collect()
}

/// What the database has of subjects, as far as it was asked.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    /// No subject with a higher number is in it.
    pub(super) last: SubjectId,
    /// Where subjects are that were found.
    addresses: HashMap<SubjectId, Option<i64>>,
}

impl Kept {
    /// Nothing is known but the highest number.
    pub(super) fn new(last: SubjectId) -> Self {
        Self { last, addresses: HashMap::new() }
    }

    /// The subjects of rows that were found just now; what was found before is forgotten.
    pub(super) fn note(&mut self, found: Vec<Found>) -> Vec<Subject> {
        self.addresses = found.iter().map(|found| (found.subject.id, found.address_key)).collect();
        found.into_iter().map(|found| found.subject).collect()
    }

    /// What is known, to be taken away; the highest number stays known.
    pub(super) fn take(&mut self) -> Self {
        Self { last: self.last, addresses: std::mem::take(&mut self.addresses) }
    }
}

/// A row of the database.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) subject: Subject,
    /// By what it is found there; what it says may be believed otherwise today.
    address_key: Option<i64>,
}

/// What there is to write of some subjects: rows that no longer need them.
#[derive(Debug, Default)]
pub(super) struct Written {
    gone: Vec<i64>,
    new: Vec<[Cell<'static>; 7]>,
    known: Vec<[Cell<'static>; 7]>,
    staying: Vec<[Cell<'static>; 6]>,
    former: Vec<[Cell<'static>; 2]>,
    said: Vec<(Source, Field)>,
}

impl Written {
    /// Subjects as they are when these are the snapshots, without those that were merged into others; `said` is what
    /// is new of it. `is_there` says what the database has.
    pub(super) fn of(
        changes: &Changes<'_>,
        said: Vec<(Source, Field)>,
        is_there: &Kept,
        days: &Days,
    ) -> Result<Self, StoreError> {
        let gone = changes.removed.iter().map(|subject| subject.0).collect();
        let mut written = Self { gone, said, ..Self::default() };
        for subject in &changes.subjects {
            let row = row(subject, days)?;
            if subject.id > is_there.last {
                written.new.push(row);
            } else if is_there.addresses.get(&subject.id) == Some(&subject.facts.address().as_ref().map(address_key)) {
                let [id, _, rest @ ..] = row;
                let [mailbox_of, left_on, deleted_on, is_waiting, body] = rest;
                written.staying.push([id, mailbox_of, left_on, deleted_on, is_waiting, body]);
            } else {
                written.known.push(row);
            }
            let other = other_addresses(subject);
            written.former.extend(other.iter().map(|address| [address_key(address).into(), subject.id.0.into()]));
        }
        Ok(written)
    }

    /// People of whom nobody knew anything.
    pub(super) fn of_newcomers(
        newcomers: &[Newcomer],
        said: Vec<(Source, Field)>,
        days: &Days,
    ) -> Result<Self, StoreError> {
        let new = newcomers.iter().map(|newcomer| newcomer_row(newcomer, days)).collect::<Result<_, _>>()?;
        Ok(Self { new, said, ..Self::default() })
    }

    pub(super) async fn write<DB: Dialect>(self, db: &mut DB::Connection) -> Result<(), StoreError> {
        on_numbers::<DB>(&mut *db, "merging subjects", "DELETE FROM subject WHERE id IN", &self.gone).await?;
        on_numbers::<DB>(&mut *db, "merging subjects", "DELETE FROM former_address WHERE subject_id IN", &self.gone)
            .await?;
        if !self.gone.is_empty() {
            wake::forget::<DB>(&mut *db, &self.gone).await?;
            // Nobody looks at their findings any more.
            let close = "UPDATE episode SET closed_on = (SELECT max(on_day) FROM run) WHERE closed_on IS NULL AND subject_id IN";
            on_numbers::<DB>(&mut *db, "merging subjects", close, &self.gone).await?;
        }
        DB::fill(&mut *db, "writing new subjects", &NEW_SUBJECT, self.new.into_iter()).await?;
        DB::fill(&mut *db, "writing subjects", &SUBJECT, self.known.into_iter()).await?;
        DB::fill(&mut *db, "writing subjects", &STAYING_SUBJECT, self.staying.into_iter()).await?;
        DB::fill(&mut *db, "writing former addresses", &FORMER_ADDRESS, self.former.into_iter()).await?;
        let said = self.said.into_iter().map(|(source, field)| [source.as_str().into(), field.as_str().into()]);
        DB::fill(db, "writing which source has said what", &SAID, said).await
    }
}

/// Writes subjects as they are when these are the snapshots, and removes those that were merged into others.
pub(super) async fn write<DB: Dialect>(
    db: &mut DB::Connection,
    changes: &Changes<'_>,
    days: &Days,
) -> Result<(), StoreError> {
    let said = news(said_of(changes.subjects.iter().copied()), &mut KnownSaid::new());
    Written::of(changes, said, &Kept::new(SubjectId(i64::MAX)), days)?.write::<DB>(db).await
}

/// Takes away the index of addresses, for as long as very many rows are written.
pub(super) async fn drop_index<DB: Dialect>(db: &mut DB::Connection) -> Result<(), StoreError> {
    DB::execute(db, "dropping the index of addresses", "DROP INDEX subject_by_address", &[]).await.map(drop)
}

/// Makes the index of addresses from all rows at once.
pub(super) async fn make_index<DB: Dialect>(db: &mut DB::Connection) -> Result<(), StoreError> {
    let make = "CREATE INDEX subject_by_address ON subject (address_key)";
    DB::execute(db, "making the index of addresses", make, &[]).await.map(drop)
}

/// Counts the subjects that a source lists, for the runs to come.
pub(super) async fn count<DB: Dialect>(db: &mut DB::Connection) -> Result<(), StoreError> {
    let count = "INSERT INTO survey (id, subjects)
         SELECT 1, (SELECT count(*) FROM subject) - (SELECT count(*) FROM subject WHERE is_waiting = 1)
         ON CONFLICT (id) DO UPDATE SET subjects = excluded.subjects";
    DB::execute(db, "counting subjects", count, &[]).await.map(drop)
}

/// The highest number that a subject has or had.
pub(super) async fn last<DB: Dialect>(db: &mut DB::Connection) -> Result<SubjectId, StoreError> {
    // A number that what was told hangs on is nobody else's, though its subject was merged into another.
    let ever = "SELECT CAST(coalesce(max(id), 0) AS BIGINT) FROM (SELECT max(id) AS id FROM subject
         UNION ALL SELECT max(subject_id) FROM episode UNION ALL SELECT max(subject_id) FROM snooze) AS numbers";
    let (last,): (i64,) = DB::one(db, "numbering subjects", ever, &[]).await?;
    Ok(SubjectId(last))
}

/// Subjects with these numbers, and those at one of these addresses, now or before; by number. A source that repeats an
/// address is not written down, and may be believed today: the addresses of before are never left out.
pub(super) async fn find<DB: Dialect>(
    db: &mut DB::Connection,
    ids: &[SubjectId],
    at: &[&Address],
    days: &Days,
) -> Result<Vec<Subject>, StoreError> {
    let found = find_rows::<DB>(db, ids, at, days).await?;
    Ok(found.into_iter().map(|found| found.subject).collect())
}

/// The same, with what the database has of them besides.
pub(super) async fn find_rows<DB: Dialect>(
    db: &mut DB::Connection,
    ids: &[SubjectId],
    at: &[&Address],
    days: &Days,
) -> Result<Vec<Found>, StoreError> {
    let keys: Vec<i64> = at.iter().map(|address| address_key(address)).collect();
    let numbers: Vec<i64> = ids.iter().map(|id| id.0).collect();
    let mut found = BTreeMap::new();
    for (listed, column) in [
        (&numbers, "id IN"),
        (&keys, "address_key IN"),
        (&keys, "id IN (SELECT subject_id FROM former_address WHERE address_key IN"),
    ] {
        if listed.is_empty() {
            continue;
        }
        let end = if column.contains('(') { ")" } else { "" };
        let which = format!("WHERE {column} {}{end}", DB::LISTED);
        let what = "looking for subjects";
        let statement = AssertSqlSafe(format!("SELECT id, address_key, body FROM subject {which}"));
        let rows: Vec<(i64, Option<i64>, Vec<u8>)> =
            DB::all(&mut *db, what, statement, &[Cell::Numbers(listed)]).await?;
        for (id, address_key, bytes) in rows {
            let subject = body::read(SubjectId(id), &bytes, days)?;
            found.insert(id, Found { subject, address_key });
        }
    }
    Ok(found.into_values().collect())
}

/// The shared mailboxes of these sites, whose codes are folded.
pub(super) async fn mailboxes<DB: Dialect>(
    db: &mut DB::Connection,
    sites: &[&str],
    days: &Days,
) -> Result<Vec<Subject>, StoreError> {
    if sites.is_empty() {
        return Ok(Vec::new());
    }
    select::<DB>(db, &format!("WHERE mailbox_of IN {}", DB::LISTED), &[Cell::Texts(sites)], days).await
}

/// The next subjects after a number.
pub(super) async fn next<DB: Dialect>(
    db: &mut DB::Connection,
    after: SubjectId,
    most: u32,
    days: &Days,
) -> Result<Vec<Subject>, StoreError> {
    select::<DB>(db, "WHERE id > $1 ORDER BY id LIMIT $2", &[after.0.into(), i64::from(most).into()], days).await
}

async fn select<DB: Dialect>(
    db: &mut DB::Connection,
    which: &str,
    cells: &[Cell<'_>],
    days: &Days,
) -> Result<Vec<Subject>, StoreError> {
    let statement = AssertSqlSafe(format!("SELECT id, body FROM subject {which}"));
    let rows: Vec<(i64, Vec<u8>)> = DB::all(db, "looking for subjects", statement, cells).await?;
    rows.iter().map(|(id, bytes)| body::read(SubjectId(*id), bytes, days)).collect()
}

/// Every subject there is.
pub(super) async fn all<DB: Dialect>(db: &mut DB::Connection, days: &Days) -> Result<Vec<Subject>, StoreError> {
    let mut subjects = Vec::new();
    DB::each(db, "reading subjects", "SELECT id, body FROM subject", |(id, bytes): (i64, Vec<u8>)| {
        subjects.push(body::read(SubjectId(id), &bytes, days)?);
        Ok(())
    })
    .await?;
    Ok(subjects)
}

/// Which source has ever said anything of which field.
pub(super) async fn said<DB: Dialect>(db: &mut DB::Connection) -> Result<Vec<(Source, Field)>, StoreError> {
    let found: Vec<(String, String)> =
        DB::all(db, "reading which source has said what", "SELECT source, field FROM said", &[]).await?;
    found.into_iter().map(|(source, field)| Ok((rows::source(&source)?, rows::field(&field)?))).collect()
}
