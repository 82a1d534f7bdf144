//! Snapshots, subjects, facts and contacts.

use std::collections::{BTreeSet, HashMap};

use sqlx::AssertSqlSafe;

use super::{Cell, Dialect, Table, Twice};
use crate::{
    domain::{
        facts::{Fact, Facts, SnapshotId},
        history::{StatusHistory, Stretch},
        register::{Deletion, Loaded, Register, Subject, SubjectId},
        snapshot::{ContactRole, ContactRow, Source},
        subject::{Address, OdsCode, Status},
    },
    store::{Changes, SnapshotRow, StoreError, rows},
};

type SnapshotColumns = (i64, String, String, String, String, i64, i64, i64, i64, String);

fn snapshot_of(columns: SnapshotColumns) -> Result<SnapshotRow, StoreError> {
    let (id, source, file_name, sha256, as_of_on, loaded_at, row_count, rejected_count, has_sends, report) = columns;
    Ok(SnapshotRow {
        id: SnapshotId(id),
        source: rows::source(&source)?,
        file_name,
        sha256,
        as_of_on: rows::date(&as_of_on)?,
        loaded_at: rows::instant(loaded_at)?,
        row_count: rows::uncount(row_count),
        rejected_count: rows::uncount(rejected_count),
        has_sends: has_sends == 1,
        report,
    })
}

pub(super) async fn find_snapshot<DB: Dialect>(
    db: &mut DB::Connection,
    sha256: &str,
) -> Result<Option<SnapshotRow>, StoreError> {
    let found = DB::first(
        db,
        "looking for a file that was loaded before",
        "SELECT id, source, file_name, sha256, as_of_on, loaded_at, row_count, rejected_count, has_sends, report
         FROM snapshot WHERE sha256 = $1 AND (source <> 'site_contacts'
             OR id = (SELECT max(id) FROM snapshot WHERE source = 'site_contacts'))",
        &[sha256.into()],
    )
    .await?;
    found.map(snapshot_of).transpose()
}

pub(super) async fn list_snapshots<DB: Dialect>(db: &mut DB::Connection) -> Result<Vec<SnapshotRow>, StoreError> {
    let found: Vec<SnapshotColumns> = DB::all(
        db,
        "listing the loaded files",
        "SELECT id, source, file_name, sha256, as_of_on, loaded_at, row_count, rejected_count, has_sends, report
         FROM snapshot ORDER BY as_of_on, id",
        &[],
    )
    .await?;
    found.into_iter().map(snapshot_of).collect()
}

pub(super) async fn next_snapshot_id<DB: Dialect>(db: &mut DB::Connection) -> Result<SnapshotId, StoreError> {
    let (last,): (i64,) = DB::one(db, "numbering a file", "SELECT coalesce(max(id), 0) FROM snapshot", &[]).await?;
    Ok(SnapshotId(last + 1))
}

pub(super) async fn insert_snapshot<DB: Dialect>(
    db: &mut DB::Connection,
    snapshot: &SnapshotRow,
) -> Result<(), StoreError> {
    DB::execute(
        db,
        "noting a loaded file",
        "INSERT INTO snapshot (id, source, file_name, sha256, as_of_on, loaded_at, row_count, rejected_count,
         has_sends, report) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        &[
            snapshot.id.0.into(),
            snapshot.source.as_str().into(),
            (&snapshot.file_name).into(),
            (&snapshot.sha256).into(),
            snapshot.as_of_on.into(),
            snapshot.loaded_at.into(),
            rows::count(snapshot.row_count).into(),
            rows::count(snapshot.rejected_count).into(),
            snapshot.has_sends.into(),
            (&snapshot.report).into(),
        ],
    )
    .await?;
    Ok(())
}

/// Writes subjects as they are now, and removes those that were merged into others.
pub(super) async fn write_changes<DB: Dialect>(
    db: &mut DB::Connection,
    changes: &Changes<'_>,
) -> Result<(), StoreError> {
    let gone: Vec<i64> = changes.removed.iter().map(|subject| subject.0).collect();
    delete::<DB>(&mut *db, "merging subjects", "DELETE FROM subject WHERE id IN", &gone).await?;
    let subjects = &changes.subjects;
    if subjects.is_empty() {
        return Ok(());
    }
    DB::fill(&mut *db, "writing subjects", &SUBJECT, subjects.iter().map(|subject| subject_row(subject))).await?;
    let sources = subjects.iter().flat_map(|subject| source_rows(subject));
    DB::fill(&mut *db, "writing the sources of subjects", &SUBJECT_SOURCE, sources).await?;
    let former = subjects.iter().flat_map(|subject| former_rows(subject));
    DB::fill(&mut *db, "writing former addresses", &FORMER_ADDRESS, former).await?;
    let facts = subjects.iter().flat_map(|subject| fact_rows(subject));
    DB::fill(&mut *db, "writing facts", &FACT, facts).await?;
    let told: Vec<i64> = subjects.iter().map(|subject| subject.id.0).collect();
    let what = "writing status histories";
    delete::<DB>(&mut *db, what, "DELETE FROM status_stretch WHERE subject_id IN", &told).await?;
    DB::fill(db, what, &STATUS_STRETCH, subjects.iter().flat_map(|subject| stretch_rows(subject))).await
}

async fn delete<DB: Dialect>(
    db: &mut DB::Connection,
    what: &'static str,
    statement: &str,
    ids: &[i64],
) -> Result<(), StoreError> {
    if !ids.is_empty() {
        DB::execute(db, what, AssertSqlSafe(format!("{statement} {}", DB::LISTED)), &[Cell::Numbers(ids)]).await?;
    }
    Ok(())
}

const SUBJECT: Table<4> = Table {
    name: "subject",
    columns: ["id", "deleted_seen_on", "deleted_told_on", "deleted_guess_on"],
    twice: Twice::Replaces(&["id"]),
};

fn subject_row(subject: &Subject) -> [Cell<'_>; 4] {
    let deletion = subject.deletion.as_ref();
    [
        subject.id.0.into(),
        deletion.map(|deletion| deletion.first_seen_on).into(),
        deletion.and_then(|deletion| deletion.told_on).into(),
        deletion.and_then(|deletion| deletion.guessed_on).into(),
    ]
}

const SUBJECT_SOURCE: Table<4> = Table {
    name: "subject_source",
    columns: ["subject_id", "source", "source_id", "listed_on"],
    twice: Twice::Replaces(&["subject_id", "source"]),
};

fn source_rows(subject: &Subject) -> impl Iterator<Item = [Cell<'_>; 4]> {
    let sources: BTreeSet<Source> = subject.listed_on.keys().chain(subject.source_ids.keys()).copied().collect();
    sources.into_iter().map(|source| {
        let (id, listed_on) = (subject.source_ids.get(&source), subject.listed_on.get(&source).copied());
        [subject.id.0.into(), source.as_str().into(), id.into(), listed_on.into()]
    })
}

const FORMER_ADDRESS: Table<2> =
    Table { name: "former_address", columns: ["subject_id", "address"], twice: Twice::Stays };

fn former_rows(subject: &Subject) -> impl Iterator<Item = [Cell<'_>; 2]> {
    subject.former_addresses.iter().map(|address| [subject.id.0.into(), address.as_str().into()])
}

const FACT: Table<7> = Table {
    name: "fact",
    columns: ["subject_id", "field", "value", "as_of_on", "source", "snapshot_id", "line"],
    twice: Twice::Replaces(&["subject_id", "field"]),
};

fn fact_rows(subject: &Subject) -> impl Iterator<Item = [Cell<'_>; 7]> {
    subject.facts.iter().map(|(field, fact)| {
        [
            subject.id.0.into(),
            field.as_str().into(),
            rows::value_text(&fact.value).into(),
            fact.as_of.into(),
            fact.source.as_str().into(),
            fact.snapshot.0.into(),
            i64::from(fact.line).into(),
        ]
    })
}

const STATUS_STRETCH: Table<7> = Table {
    name: "status_stretch",
    columns: ["subject_id", "position", "status", "first_on", "last_on", "before_last_on", "source"],
    twice: Twice::Fails,
};

fn stretch_rows(subject: &Subject) -> impl Iterator<Item = [Cell<'_>; 7]> {
    (0_i64..).zip(subject.history.stretches()).map(|(position, stretch)| {
        [
            subject.id.0.into(),
            position.into(),
            stretch.status.as_str().into(),
            stretch.first_on.into(),
            stretch.last_on.into(),
            stretch.before_last_on.into(),
            stretch.source.as_str().into(),
        ]
    })
}

const CONTACT: Table<11> = Table {
    name: "contact",
    columns: [
        "position",
        "line",
        "ods",
        "sector",
        "site_name",
        "town",
        "shared_mailbox",
        "address",
        "role",
        "alternate_address",
        "administered_by",
    ],
    twice: Twice::Fails,
};

fn contact_row(position: i64, contact: &ContactRow) -> [Cell<'_>; 11] {
    [
        position.into(),
        i64::from(contact.line).into(),
        contact.ods.as_ref().map(OdsCode::as_str).into(),
        contact.sector.as_ref().into(),
        contact.site_name.as_ref().into(),
        contact.town.as_ref().into(),
        contact.shared_mailbox.as_ref().map(Address::as_str).into(),
        contact.address.as_str().into(),
        contact.role.as_str().into(),
        contact.alternate_address.as_ref().map(Address::as_str).into(),
        contact.administered_by.as_ref().into(),
    ]
}

pub(super) async fn replace_contacts<DB: Dialect>(
    db: &mut DB::Connection,
    contacts: &[ContactRow],
) -> Result<(), StoreError> {
    let what = "replacing the contacts";
    DB::execute(&mut *db, what, "DELETE FROM contact", &[]).await?;
    let numbered = (0_i64..).zip(contacts).map(|(position, contact)| contact_row(position, contact));
    DB::fill(db, what, &CONTACT, numbered).await
}

/// Reads everything; in one transaction, or it may be of two moments.
pub(super) async fn load<DB: Dialect>(db: &mut DB::Connection) -> Result<Register, StoreError> {
    let mut subjects = load_subjects::<DB>(&mut *db).await?;
    load_sources::<DB>(&mut *db, &mut subjects).await?;
    load_former_addresses::<DB>(&mut *db, &mut subjects).await?;
    load_facts::<DB>(&mut *db, &mut subjects).await?;
    load_stretches::<DB>(&mut *db, &mut subjects).await?;
    let contacts = load_contacts::<DB>(&mut *db).await?;
    let snapshots = list_snapshots::<DB>(db).await?;
    let snapshots = snapshots.into_iter().map(|snapshot| Loaded {
        source: snapshot.source,
        as_of: snapshot.as_of_on,
        has_sends: snapshot.has_sends,
    });
    Ok(Register::new(subjects.into_values(), contacts, snapshots))
}

type Subjects = HashMap<i64, Subject>;

type SubjectColumns = (i64, Option<String>, Option<String>, Option<String>);

async fn load_subjects<DB: Dialect>(db: &mut DB::Connection) -> Result<Subjects, StoreError> {
    let mut subjects = Subjects::new();
    let all = "SELECT id, deleted_seen_on, deleted_told_on, deleted_guess_on FROM subject";
    DB::each(db, "reading subjects", all, |(id, seen_on, told_on, guess_on): SubjectColumns| {
        let first_seen_on = rows::optional_date(seen_on.as_deref())?;
        let told_on = rows::optional_date(told_on.as_deref())?;
        let guessed_on = rows::optional_date(guess_on.as_deref())?;
        let deletion = first_seen_on.map(|first_seen_on| Deletion { first_seen_on, told_on, guessed_on });
        subjects.insert(id, Subject { deletion, ..Subject::new(SubjectId(id)) });
        Ok(())
    })
    .await?;
    Ok(subjects)
}

type SourceColumns = (i64, String, Option<String>, Option<String>);

async fn load_sources<DB: Dialect>(db: &mut DB::Connection, subjects: &mut Subjects) -> Result<(), StoreError> {
    let all = "SELECT subject_id, source, source_id, listed_on FROM subject_source";
    DB::each(db, "reading the sources of subjects", all, |(id, source, source_id, listed_on): SourceColumns| {
        let Some(subject) = subjects.get_mut(&id) else { return Ok(()) };
        let source = rows::source(&source)?;
        subject.source_ids.extend(source_id.map(|source_id| (source, source_id)));
        subject.listed_on.extend(rows::optional_date(listed_on.as_deref())?.map(|day| (source, day)));
        Ok(())
    })
    .await
}

async fn load_former_addresses<DB: Dialect>(
    db: &mut DB::Connection,
    subjects: &mut Subjects,
) -> Result<(), StoreError> {
    let all = "SELECT subject_id, address FROM former_address";
    DB::each(db, "reading former addresses", all, |(id, address): (i64, String)| {
        if let Some(subject) = subjects.get_mut(&id) {
            subject.former_addresses.insert(Address::new(&address));
        }
        Ok(())
    })
    .await
}

type FactColumns = (i64, String, String, String, String, i64, i64);

async fn load_facts<DB: Dialect>(db: &mut DB::Connection, subjects: &mut Subjects) -> Result<(), StoreError> {
    let all = "SELECT subject_id, field, value, as_of_on, source, snapshot_id, line FROM fact";
    DB::each(db, "reading facts", all, |row: FactColumns| {
        let (id, field, value, as_of_on, source, snapshot, line) = row;
        let Some(subject) = subjects.get_mut(&id) else { return Ok(()) };
        let field = rows::field(&field)?;
        let fact = Fact {
            value: rows::value(field, &value)?,
            as_of: rows::date(&as_of_on)?,
            source: rows::source(&source)?,
            snapshot: SnapshotId(snapshot),
            line: u32::try_from(line).unwrap_or(0),
        };
        Facts::set(&mut subject.facts, field, fact);
        Ok(())
    })
    .await
}

type StretchColumns = (i64, String, String, String, Option<String>, String);

async fn load_stretches<DB: Dialect>(db: &mut DB::Connection, subjects: &mut Subjects) -> Result<(), StoreError> {
    let mut histories: HashMap<i64, Vec<Stretch>> = HashMap::new();
    let all = "SELECT subject_id, status, first_on, last_on, before_last_on, source FROM status_stretch
               ORDER BY subject_id, position";
    DB::each(db, "reading status histories", all, |row: StretchColumns| {
        let (id, status, first_on, last_on, before_last_on, source) = row;
        let Some(status) = Status::new(&status) else { return Ok(()) };
        histories.entry(id).or_default().push(Stretch {
            status,
            first_on: rows::date(&first_on)?,
            last_on: rows::date(&last_on)?,
            before_last_on: rows::optional_date(before_last_on.as_deref())?,
            source: rows::source(&source)?,
        });
        Ok(())
    })
    .await?;
    for (id, stretches) in histories {
        if let Some(subject) = subjects.get_mut(&id) {
            subject.history = StatusHistory::new(stretches);
        }
    }
    Ok(())
}

#[derive(sqlx::FromRow)]
struct ContactColumns {
    line: i64,
    ods: Option<String>,
    sector: Option<String>,
    site_name: Option<String>,
    town: Option<String>,
    shared_mailbox: Option<String>,
    address: String,
    role: String,
    alternate_address: Option<String>,
    administered_by: Option<String>,
}

async fn load_contacts<DB: Dialect>(db: &mut DB::Connection) -> Result<Vec<ContactRow>, StoreError> {
    let found: Vec<ContactColumns> = DB::all(
        db,
        "reading the contacts",
        "SELECT line, ods, sector, site_name, town, shared_mailbox, address, role, alternate_address, administered_by
         FROM contact ORDER BY position",
        &[],
    )
    .await?;
    let contact = |row: ContactColumns| {
        Some(ContactRow {
            line: u32::try_from(row.line).unwrap_or(0),
            ods: row.ods.as_deref().and_then(OdsCode::new),
            sector: row.sector,
            site_name: row.site_name,
            town: row.town,
            shared_mailbox: row.shared_mailbox.as_deref().map(Address::new),
            address: Address::new(&row.address),
            role: ContactRole::parse(&row.role)?,
            alternate_address: row.alternate_address.as_deref().map(Address::new),
            administered_by: row.administered_by,
        })
    };
    Ok(found.into_iter().filter_map(contact).collect())
}
