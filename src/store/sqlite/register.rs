//! Snapshots, subjects, facts and contacts in SQLite.

use std::collections::HashMap;

use sqlx::{QueryBuilder, Sqlite, SqliteConnection, SqlitePool};

use super::{super::rows, ROWS_A_STATEMENT, doing};
use crate::{
    domain::{
        facts::{Fact, Facts, SnapshotId},
        history::{StatusHistory, Stretch},
        register::{Deletion, Loaded, Register, Subject, SubjectId},
        snapshot::{ContactRole, ContactRow},
        subject::{Address, OdsCode, Status},
    },
    store::{Changes, SnapshotRow, StoreError},
};

type SnapshotColumns = (i64, String, String, String, String, i64, i64, i64, i64, String, i64);

const SNAPSHOT_COLUMNS: &str =
    "SELECT id, source, file_name, sha256, as_of_on, loaded_at, row_count, rejected_count, has_sends, report,
     cleared FROM snapshot";

fn snapshot_of(columns: SnapshotColumns) -> Result<SnapshotRow, StoreError> {
    let (id, source, file_name, sha256, as_of_on, loaded_at, row_count, rejected_count, has_sends, report, cleared) =
        columns;
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
        is_cleared: cleared == 1,
    })
}

pub(super) async fn find_snapshot(pool: &SqlitePool, sha256: &str) -> Result<Option<SnapshotRow>, StoreError> {
    let found = QueryBuilder::<Sqlite>::new(SNAPSHOT_COLUMNS)
        .push(" WHERE sha256 = ")
        .push_bind(sha256)
        .push(" AND (source <> 'site_contacts' OR id = (SELECT max(id) FROM snapshot WHERE source = 'site_contacts'))")
        .build_query_as::<SnapshotColumns>()
        .fetch_optional(pool)
        .await
        .map_err(doing("looking for a file that was loaded before"))?;
    found.map(snapshot_of).transpose()
}

pub(super) async fn list_snapshots(pool: &SqlitePool) -> Result<Vec<SnapshotRow>, StoreError> {
    let found = QueryBuilder::<Sqlite>::new(SNAPSHOT_COLUMNS)
        .push(" ORDER BY as_of_on, id")
        .build_query_as::<SnapshotColumns>()
        .fetch_all(pool)
        .await
        .map_err(doing("listing the loaded files"))?;
    found.into_iter().map(snapshot_of).collect()
}

pub(super) async fn next_snapshot_id(pool: &SqlitePool) -> Result<SnapshotId, StoreError> {
    let (last,): (i64,) = sqlx::query_as("SELECT coalesce(max(id), 0) FROM snapshot")
        .fetch_one(pool)
        .await
        .map_err(doing("numbering a file"))?;
    Ok(SnapshotId(last + 1))
}

pub(super) async fn insert_snapshot(db: &mut SqliteConnection, snapshot: &SnapshotRow) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO snapshot (id, source, file_name, sha256, as_of_on, loaded_at, row_count, rejected_count, has_sends,
         report, cleared) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(snapshot.id.0)
    .bind(snapshot.source.as_str())
    .bind(&snapshot.file_name)
    .bind(&snapshot.sha256)
    .bind(snapshot.as_of_on.to_string())
    .bind(snapshot.loaded_at.as_millisecond())
    .bind(rows::count(snapshot.row_count))
    .bind(rows::count(snapshot.rejected_count))
    .bind(i64::from(snapshot.has_sends))
    .bind(&snapshot.report)
    .bind(i64::from(snapshot.is_cleared))
    .execute(db)
    .await
    .map_err(doing("noting a loaded file"))?;
    Ok(())
}

/// Writes subjects as they are now, and removes those that were merged into others.
pub(super) async fn write_changes(db: &mut SqliteConnection, changes: &Changes<'_>) -> Result<(), StoreError> {
    delete_subjects(db, &changes.removed).await?;
    for batch in changes.subjects.chunks(ROWS_A_STATEMENT) {
        write_subjects(db, batch).await?;
        write_sources(db, batch).await?;
        write_former_addresses(db, batch).await?;
        write_facts(db, batch).await?;
        write_stretches(db, batch).await?;
    }
    Ok(())
}

async fn delete_subjects(db: &mut SqliteConnection, gone: &[SubjectId]) -> Result<(), StoreError> {
    for batch in gone.chunks(ROWS_A_STATEMENT) {
        let mut query = QueryBuilder::<Sqlite>::new("DELETE FROM subject WHERE id IN (");
        let mut ids = query.separated(", ");
        for id in batch {
            ids.push_bind(id.0);
        }
        query.push(")").build().execute(&mut *db).await.map_err(doing("merging subjects"))?;
    }
    Ok(())
}

async fn write_subjects(db: &mut SqliteConnection, batch: &[&Subject]) -> Result<(), StoreError> {
    let mut query =
        QueryBuilder::<Sqlite>::new("INSERT INTO subject (id, deleted_seen_on, deleted_told_on, deleted_guess_on) ");
    query.push_values(batch, |mut row, subject| {
        row.push_bind(subject.id.0)
            .push_bind(subject.deletion.map(|deletion| deletion.first_seen_on.to_string()))
            .push_bind(subject.deletion.and_then(|deletion| deletion.told_on).map(|day| day.to_string()))
            .push_bind(subject.deletion.and_then(|deletion| deletion.guessed_on).map(|day| day.to_string()));
    });
    query.push(
        " ON CONFLICT (id) DO UPDATE SET deleted_seen_on = excluded.deleted_seen_on,
          deleted_told_on = excluded.deleted_told_on, deleted_guess_on = excluded.deleted_guess_on",
    );
    query.build().execute(db).await.map_err(doing("writing subjects"))?;
    Ok(())
}

async fn write_sources(db: &mut SqliteConnection, batch: &[&Subject]) -> Result<(), StoreError> {
    let of = |subject: &Subject| -> Vec<_> {
        let sources = subject.listed_on.keys().chain(subject.source_ids.keys()).copied();
        let sources: std::collections::BTreeSet<_> = sources.collect();
        let row = |source| {
            let listed_on = subject.listed_on.get(&source).map(ToString::to_string);
            (subject.id.0, source.as_str(), subject.source_ids.get(&source).cloned(), listed_on)
        };
        sources.into_iter().map(row).collect()
    };
    let all: Vec<_> = batch.iter().flat_map(|subject| of(subject)).collect();
    for rows in all.chunks(ROWS_A_STATEMENT) {
        let mut query = QueryBuilder::<Sqlite>::new(
            "INSERT OR REPLACE INTO subject_source (subject_id, source, source_id, listed_on) ",
        );
        query.push_values(rows, |mut row, (id, source, source_id, listed_on)| {
            row.push_bind(*id).push_bind(*source).push_bind(source_id).push_bind(listed_on);
        });
        query.build().execute(&mut *db).await.map_err(doing("writing the sources of subjects"))?;
    }
    Ok(())
}

async fn write_former_addresses(db: &mut SqliteConnection, batch: &[&Subject]) -> Result<(), StoreError> {
    let all: Vec<_> = batch
        .iter()
        .flat_map(|subject| subject.former_addresses.iter().map(|address| (subject.id.0, address.as_str())))
        .collect();
    for rows in all.chunks(ROWS_A_STATEMENT) {
        let mut query = QueryBuilder::<Sqlite>::new("INSERT OR IGNORE INTO former_address (subject_id, address) ");
        query.push_values(rows, |mut row, (id, address)| {
            row.push_bind(*id).push_bind(*address);
        });
        query.build().execute(&mut *db).await.map_err(doing("writing former addresses"))?;
    }
    Ok(())
}

async fn write_facts(db: &mut SqliteConnection, batch: &[&Subject]) -> Result<(), StoreError> {
    let all: Vec<_> = batch
        .iter()
        .flat_map(|subject| subject.facts.iter().map(|(field, fact)| (subject.id.0, field, fact)))
        .collect();
    for rows in all.chunks(ROWS_A_STATEMENT) {
        let mut query = QueryBuilder::<Sqlite>::new(
            "INSERT OR REPLACE INTO fact (subject_id, field, value, as_of_on, source, snapshot_id, line) ",
        );
        query.push_values(rows, |mut row, (id, field, fact)| {
            row.push_bind(*id)
                .push_bind(field.as_str())
                .push_bind(rows::value_text(&fact.value))
                .push_bind(fact.as_of.to_string())
                .push_bind(fact.source.as_str())
                .push_bind(fact.snapshot.0)
                .push_bind(i64::from(fact.line));
        });
        query.build().execute(&mut *db).await.map_err(doing("writing facts"))?;
    }
    Ok(())
}

async fn write_stretches(db: &mut SqliteConnection, batch: &[&Subject]) -> Result<(), StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new("DELETE FROM status_stretch WHERE subject_id IN (");
    let mut ids = query.separated(", ");
    for subject in batch {
        ids.push_bind(subject.id.0);
    }
    query.push(")").build().execute(&mut *db).await.map_err(doing("writing status histories"))?;
    let all: Vec<_> = batch
        .iter()
        .flat_map(|subject| (0_i64..).zip(subject.history.stretches()).map(|(at, stretch)| (subject.id.0, at, stretch)))
        .collect();
    for rows in all.chunks(ROWS_A_STATEMENT) {
        let mut query = QueryBuilder::<Sqlite>::new(
            "INSERT INTO status_stretch (subject_id, position, status, first_on, last_on, before_last_on, source) ",
        );
        query.push_values(rows, |mut row, (id, position, stretch)| {
            row.push_bind(*id)
                .push_bind(*position)
                .push_bind(stretch.status.as_str())
                .push_bind(stretch.first_on.to_string())
                .push_bind(stretch.last_on.to_string())
                .push_bind(stretch.before_last_on.map(|day| day.to_string()))
                .push_bind(stretch.source.as_str());
        });
        query.build().execute(&mut *db).await.map_err(doing("writing status histories"))?;
    }
    Ok(())
}

pub(super) async fn replace_contacts(db: &mut SqliteConnection, rows: &[ContactRow]) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM contact").execute(&mut *db).await.map_err(doing("replacing the contacts"))?;
    let numbered: Vec<_> = (0_i64..).zip(rows).collect();
    for batch in numbered.chunks(ROWS_A_STATEMENT) {
        let mut query = QueryBuilder::<Sqlite>::new(
            "INSERT INTO contact (position, line, ods, sector, site_name, town, shared_mailbox, address, role,
             alternate_address, administered_by) ",
        );
        query.push_values(batch, |mut row, (position, contact)| {
            row.push_bind(*position)
                .push_bind(i64::from(contact.line))
                .push_bind(contact.ods.as_ref().map(OdsCode::as_str))
                .push_bind(&contact.sector)
                .push_bind(&contact.site_name)
                .push_bind(&contact.town)
                .push_bind(contact.shared_mailbox.as_ref().map(Address::as_str))
                .push_bind(contact.address.as_str())
                .push_bind(contact.role.as_str())
                .push_bind(contact.alternate_address.as_ref().map(Address::as_str))
                .push_bind(&contact.administered_by);
        });
        query.build().execute(&mut *db).await.map_err(doing("replacing the contacts"))?;
    }
    Ok(())
}

pub(super) async fn load(pool: &SqlitePool) -> Result<Register, StoreError> {
    let mut subjects = load_subjects(pool).await?;
    load_sources(pool, &mut subjects).await?;
    load_former_addresses(pool, &mut subjects).await?;
    load_facts(pool, &mut subjects).await?;
    load_stretches(pool, &mut subjects).await?;
    let contacts = load_contacts(pool).await?;
    let snapshots = list_snapshots(pool).await?;
    let snapshots = snapshots.into_iter().map(|snapshot| Loaded {
        source: snapshot.source,
        as_of: snapshot.as_of_on,
        has_sends: snapshot.has_sends,
    });
    Ok(Register::new(subjects.into_values(), contacts, snapshots))
}

type Subjects = HashMap<i64, Subject>;

type SubjectColumns = (i64, Option<String>, Option<String>, Option<String>);

async fn load_subjects(pool: &SqlitePool) -> Result<Subjects, StoreError> {
    let found: Vec<SubjectColumns> =
        sqlx::query_as("SELECT id, deleted_seen_on, deleted_told_on, deleted_guess_on FROM subject")
            .fetch_all(pool)
            .await
            .map_err(doing("reading subjects"))?;
    let mut subjects = Subjects::with_capacity(found.len());
    for (id, seen_on, told_on, guess_on) in found {
        let first_seen_on = rows::optional_date(seen_on.as_deref())?;
        let told_on = rows::optional_date(told_on.as_deref())?;
        let guessed_on = rows::optional_date(guess_on.as_deref())?;
        let deletion = first_seen_on.map(|first_seen_on| Deletion { first_seen_on, told_on, guessed_on });
        subjects.insert(id, Subject { deletion, ..Subject::new(SubjectId(id)) });
    }
    Ok(subjects)
}

async fn load_sources(pool: &SqlitePool, subjects: &mut Subjects) -> Result<(), StoreError> {
    let found: Vec<(i64, String, Option<String>, Option<String>)> =
        sqlx::query_as("SELECT subject_id, source, source_id, listed_on FROM subject_source")
            .fetch_all(pool)
            .await
            .map_err(doing("reading the sources of subjects"))?;
    for (id, source, source_id, listed_on) in found {
        let Some(subject) = subjects.get_mut(&id) else { continue };
        let source = rows::source(&source)?;
        subject.source_ids.extend(source_id.map(|source_id| (source, source_id)));
        subject.listed_on.extend(rows::optional_date(listed_on.as_deref())?.map(|day| (source, day)));
    }
    Ok(())
}

async fn load_former_addresses(pool: &SqlitePool, subjects: &mut Subjects) -> Result<(), StoreError> {
    let found: Vec<(i64, String)> = sqlx::query_as("SELECT subject_id, address FROM former_address")
        .fetch_all(pool)
        .await
        .map_err(doing("reading former addresses"))?;
    for (id, address) in found {
        if let Some(subject) = subjects.get_mut(&id) {
            subject.former_addresses.insert(Address::new(&address));
        }
    }
    Ok(())
}

async fn load_facts(pool: &SqlitePool, subjects: &mut Subjects) -> Result<(), StoreError> {
    let found: Vec<(i64, String, String, String, String, i64, i64)> =
        sqlx::query_as("SELECT subject_id, field, value, as_of_on, source, snapshot_id, line FROM fact")
            .fetch_all(pool)
            .await
            .map_err(doing("reading facts"))?;
    for (id, field, value, as_of_on, source, snapshot, line) in found {
        let Some(subject) = subjects.get_mut(&id) else { continue };
        let field = rows::field(&field)?;
        let fact = Fact {
            value: rows::value(field, &value)?,
            as_of: rows::date(&as_of_on)?,
            source: rows::source(&source)?,
            snapshot: SnapshotId(snapshot),
            line: u32::try_from(line).unwrap_or(0),
        };
        Facts::set(&mut subject.facts, field, fact);
    }
    Ok(())
}

async fn load_stretches(pool: &SqlitePool, subjects: &mut Subjects) -> Result<(), StoreError> {
    let found: Vec<(i64, String, String, String, Option<String>, String)> = sqlx::query_as(
        "SELECT subject_id, status, first_on, last_on, before_last_on, source FROM status_stretch
         ORDER BY subject_id, position",
    )
    .fetch_all(pool)
    .await
    .map_err(doing("reading status histories"))?;
    let mut histories: HashMap<i64, Vec<Stretch>> = HashMap::new();
    for (id, status, first_on, last_on, before_last_on, source) in found {
        let Some(status) = Status::new(&status) else { continue };
        histories.entry(id).or_default().push(Stretch {
            status,
            first_on: rows::date(&first_on)?,
            last_on: rows::date(&last_on)?,
            before_last_on: rows::optional_date(before_last_on.as_deref())?,
            source: rows::source(&source)?,
        });
    }
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

async fn load_contacts(pool: &SqlitePool) -> Result<Vec<ContactRow>, StoreError> {
    let found: Vec<ContactColumns> = sqlx::query_as(
        "SELECT line, ods, sector, site_name, town, shared_mailbox, address, role, alternate_address, administered_by
         FROM contact ORDER BY position",
    )
    .fetch_all(pool)
    .await
    .map_err(doing("reading the contacts"))?;
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
