//! Forgetting one person: whatever names them goes, and the ledger keeps its lines without them.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sqlx::AssertSqlSafe;

use super::{Cell, Dialect, forget, register, settle};
use crate::{
    domain::{scrub::scrub, subject::Address},
    store::{FORGOTTEN, Forgetting, Forgotten, StoreError, rows},
};

const WHAT: &str = "forgetting a person";

/// Messages that may still be sent.
const UNSETTLED: &str = "('pending', 'deferred', 'leased', 'held', 'unknown')";

/// Texts that may quote an address; the column is the second word.
const QUOTING: [(&str, &str); 10] = [
    ("message", "reply"),
    ("message", "bulletin"),
    ("attempt", "reply"),
    ("snapshot", "report"),
    ("run", "report"),
    ("run", "hold"),
    ("doubted_file", "why"),
    ("stopped", "why"),
    ("unreachable", "reply"),
    ("snooze", "reason"),
];

/// Erases whoever has an address, and counts what that was.
pub(super) async fn forget<DB: Dialect>(
    db: &mut DB::Connection,
    whom: &Forgetting<'_>,
) -> Result<Forgotten, StoreError> {
    // A run that is being planned knows them: it ends before us, or writes nothing after us.
    let newest = format!("SELECT id FROM run WHERE id = (SELECT max(id) FROM run) {}", DB::TAKEN);
    let _newest: Option<(i64,)> = DB::first(&mut *db, WHAT, AssertSqlSafe(newest), &[]).await?;
    let subjects = forget::find_subjects::<DB>(&mut *db, whom.address).await?;
    let mut addresses = forget::addresses_of::<DB>(&mut *db, &subjects).await?;
    addresses.insert(whom.address.clone());
    addresses.extend(second_addresses::<DB>(&mut *db, &addresses).await?);
    let names: Vec<&str> = addresses.iter().map(Address::as_str).collect();
    let mut forgotten = Forgotten { subjects: subjects.len() as u64, ..Forgotten::default() };
    forgotten.ledger = reduce_ledger::<DB>(&mut *db, &subjects, &names).await?;
    (forgotten.cancelled, forgotten.under_way) = cancel::<DB>(&mut *db, whom.now).await?;
    unname_messages::<DB>(&mut *db).await?;
    forgotten.decisions = count_snoozes::<DB>(&mut *db, &subjects).await?;
    forgotten.decisions += on_names::<DB>(&mut *db, "DELETE FROM unreachable WHERE address IN", &names).await?;
    forget::erase::<DB>(&mut *db, &subjects, whom.today).await?;
    forgotten.contacts = leave_contacts::<DB>(&mut *db, &names).await?;
    forgotten.quotes = unquote::<DB>(&mut *db, &addresses).await?;
    if !forgotten.is_nothing() {
        note::<DB>(db, whom, &forgotten).await?;
    }
    Ok(Forgotten { addresses, ..forgotten })
}

async fn on_names<DB: Dialect>(db: &mut DB::Connection, statement: &str, names: &[&str]) -> Result<u64, StoreError> {
    DB::execute(db, WHAT, AssertSqlSafe(format!("{statement} {}", DB::LISTED)), &[Cell::Texts(names)]).await
}

async fn on_ids<DB: Dialect>(db: &mut DB::Connection, statement: &str, ids: &[i64]) -> Result<u64, StoreError> {
    DB::execute(db, WHAT, AssertSqlSafe(format!("{statement} {}", DB::LISTED)), &[Cell::Numbers(ids)]).await
}

/// The second addresses that the contacts give these people, but for those that are somebody's first.
async fn second_addresses<DB: Dialect>(
    db: &mut DB::Connection,
    addresses: &BTreeSet<Address>,
) -> Result<Vec<Address>, StoreError> {
    let names: Vec<&str> = addresses.iter().map(Address::as_str).collect();
    let sql = format!(
        "SELECT alternate_address FROM contact WHERE alternate_address IS NOT NULL
         AND alternate_address NOT IN (SELECT address FROM contact) AND address IN {}",
        DB::LISTED
    );
    let found: Vec<(String,)> = DB::all(&mut *db, WHAT, AssertSqlSafe(sql), &[Cell::Texts(&names)]).await?;
    let days = register::days::<DB>(&mut *db).await?;
    let mut second = Vec::new();
    for (address,) in found {
        let address = Address::new(&address);
        if !forget::is_held::<DB>(&mut *db, &address, &days).await? {
            second.push(address);
        }
    }
    Ok(second)
}

/// Puts a constant in place of the person wherever the ledger names them, as subject or as recipient; gives how many
/// lines that were.
async fn reduce_ledger<DB: Dialect>(
    db: &mut DB::Connection,
    subjects: &[i64],
    names: &[&str],
) -> Result<u64, StoreError> {
    let (mut lines, mut messages) = (BTreeSet::new(), BTreeSet::new());
    for (condition, cell) in [
        ("notice.subject_id IN", Cell::Numbers(subjects)),
        ("notice.subject IN", Cell::Texts(names)),
        ("message.recipient IN", Cell::Texts(names)),
    ] {
        let sql = format!(
            "SELECT notice.id, notice.message_id FROM notice JOIN message ON message.id = notice.message_id
             WHERE {condition} {}",
            DB::LISTED
        );
        let found: Vec<(i64, i64)> = DB::all(&mut *db, WHAT, AssertSqlSafe(sql), &[cell]).await?;
        messages.extend(found.iter().map(|(_, message)| *message));
        lines.extend(found.into_iter().map(|(id, _)| id));
    }
    // In the order in which those who settle messages take them.
    let messages: Vec<i64> = messages.into_iter().collect();
    let take = format!("SELECT id FROM message WHERE id IN {} ORDER BY id {}", DB::LISTED, DB::TAKEN);
    let _taken: Vec<(i64,)> = DB::all(&mut *db, WHAT, AssertSqlSafe(take), &[Cell::Numbers(&messages)]).await?;
    // What was refused about them climbs no further.
    let nobody = format!("UPDATE notice SET subject = '{FORGOTTEN}', subject_id = 0, climbed = 1 WHERE");
    on_ids::<DB>(&mut *db, &format!("{nobody} subject_id IN"), subjects).await?;
    on_names::<DB>(&mut *db, &format!("{nobody} subject IN"), names).await?;
    on_names::<DB>(db, &format!("UPDATE message SET recipient = '{FORGOTTEN}' WHERE recipient IN"), names).await?;
    Ok(lines.len() as u64)
}

/// Cancels the unsettled messages to a forgotten person, and in those to others what is told about one; gives how many
/// messages that were, and how many of them are under way.
///
/// Nobody else loses a warning by it: what was only told to somebody who is forgotten has not been told.
async fn cancel<DB: Dialect>(db: &mut DB::Connection, now: Timestamp) -> Result<(u64, u64), StoreError> {
    let sql = format!(
        "SELECT id FROM message WHERE state IN {UNSETTLED} AND (recipient = '{FORGOTTEN}' OR EXISTS
         (SELECT 1 FROM notice WHERE notice.message_id = message.id AND notice.subject = '{FORGOTTEN}'))
         ORDER BY id {}",
        DB::TAKEN
    );
    let touched: Vec<(i64,)> = DB::all(&mut *db, WHAT, AssertSqlSafe(sql), &[]).await?;
    let touched: Vec<i64> = touched.into_iter().map(|(id,)| id).collect();
    let sql = format!(
        "SELECT notice.message_id, notice.episode_id, notice.stage FROM notice
         JOIN message ON message.id = notice.message_id
         WHERE notice.cancelled = 0 AND (notice.subject = '{FORGOTTEN}'
          OR (message.recipient = '{FORGOTTEN}' AND message.state <> 'unknown')) AND notice.message_id IN {}
         ORDER BY notice.episode_id, notice.stage, notice.message_id",
        DB::LISTED
    );
    let notices: Vec<(i64, i64, String)> =
        DB::all(&mut *db, WHAT, AssertSqlSafe(sql), &[Cell::Numbers(&touched)]).await?;
    for (message, episode, stage) in notices {
        settle::cancel_stage::<DB>(&mut *db, message, episode, &stage).await?;
    }
    let empty = format!(
        "(recipient = '{FORGOTTEN}' OR (bulletin IS NULL AND NOT EXISTS (SELECT 1 FROM notice
          WHERE notice.message_id = message.id AND notice.cancelled = 0))) AND id IN {}",
        DB::LISTED
    );
    let under_way = AssertSqlSafe(format!("SELECT count(*) FROM message WHERE state = 'leased' AND {empty}"));
    let (under_way,): (i64,) = DB::one(&mut *db, WHAT, under_way, &[Cell::Numbers(&touched)]).await?;
    let cancel = AssertSqlSafe(format!(
        "UPDATE message SET state = 'cancelled', settled_at = $2, reply = '{FORGOTTEN}', lease_token = NULL,
         lease_until_at = NULL WHERE {empty}"
    ));
    let cancelled = DB::execute(db, WHAT, cancel, &[Cell::Numbers(&touched), now.into()]).await?;
    Ok((cancelled, rows::uncount(under_way)))
}

/// Takes the names from messages that went to a forgotten person or tell of nobody else: they are worked out from
/// addresses, so whoever tries addresses could find the right one. Servers' words to a person go with them.
async fn unname_messages<DB: Dialect>(db: &mut DB::Connection) -> Result<(), StoreError> {
    let unname = format!(
        "UPDATE message SET reference = '{FORGOTTEN}-' || id, message_id = '{FORGOTTEN}-' || id, assigned_id = NULL
         WHERE reference NOT LIKE '{FORGOTTEN}-%' AND (recipient = '{FORGOTTEN}'
          OR id IN (SELECT message_id FROM notice WHERE subject = '{FORGOTTEN}'))
         AND (recipient = '{FORGOTTEN}' OR NOT EXISTS (SELECT 1 FROM notice
          WHERE notice.message_id = message.id AND notice.subject <> '{FORGOTTEN}'))"
    );
    DB::execute(&mut *db, WHAT, AssertSqlSafe(unname), &[]).await?;
    let replies = format!(
        "UPDATE attempt SET reply = NULL
         WHERE reply IS NOT NULL AND message_id IN (SELECT id FROM message WHERE recipient = '{FORGOTTEN}')"
    );
    DB::execute(&mut *db, WHAT, AssertSqlSafe(replies), &[]).await?;
    let reply = format!("UPDATE message SET reply = NULL, bulletin = NULL WHERE recipient = '{FORGOTTEN}'");
    DB::execute(db, WHAT, AssertSqlSafe(reply), &[]).await?;
    Ok(())
}

async fn count_snoozes<DB: Dialect>(db: &mut DB::Connection, subjects: &[i64]) -> Result<u64, StoreError> {
    let sql = AssertSqlSafe(format!("SELECT count(*) FROM snooze WHERE subject_id IN {}", DB::LISTED));
    let (count,): (i64,) = DB::one(db, WHAT, sql, &[Cell::Numbers(subjects)]).await?;
    Ok(rows::uncount(count))
}

/// Rows about the person go; rows about others lose what names them.
async fn leave_contacts<DB: Dialect>(db: &mut DB::Connection, names: &[&str]) -> Result<u64, StoreError> {
    let mut rows = 0;
    for statement in [
        "DELETE FROM contact WHERE address IN",
        "DELETE FROM member WHERE member IN",
        "DELETE FROM member WHERE mailbox IN",
        "UPDATE contact SET alternate_address = NULL WHERE alternate_address IN",
        "UPDATE contact SET shared_mailbox = NULL WHERE shared_mailbox IN",
    ] {
        rows += on_names::<DB>(&mut *db, statement, names).await?;
    }
    Ok(rows)
}

/// Takes the addresses out of every text that quotes them.
async fn unquote<DB: Dialect>(db: &mut DB::Connection, addresses: &BTreeSet<Address>) -> Result<u64, StoreError> {
    let mut quotes = 0;
    for (table, column) in QUOTING {
        let mut texts = BTreeSet::new();
        for address in addresses {
            let quoting = format!("SELECT DISTINCT {column} FROM {table} WHERE lower({column}) LIKE $1 ESCAPE '\\'");
            let found: Vec<(String,)> =
                DB::all(&mut *db, WHAT, AssertSqlSafe(quoting), &[within(address).into()]).await?;
            texts.extend(found.into_iter().map(|(text,)| text));
        }
        for text in texts {
            let Some(scrubbed) = scrub(&text, addresses, FORGOTTEN) else { continue };
            let write = AssertSqlSafe(format!("UPDATE {table} SET {column} = $1 WHERE {column} = $2"));
            quotes += DB::execute(&mut *db, WHAT, write, &[scrubbed.into(), text.into()]).await?;
        }
    }
    Ok(quotes)
}

/// The pattern of texts with an address in them.
fn within(address: &Address) -> String {
    let mut pattern = String::from("%");
    for letter in address.as_str().chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

/// Notes that somebody was forgotten, and not who.
async fn note<DB: Dialect>(
    db: &mut DB::Connection,
    whom: &Forgetting<'_>,
    forgotten: &Forgotten,
) -> Result<(), StoreError> {
    let note = "INSERT INTO erasure (erased_at, decided_by, report) VALUES ($1, $2, $3)";
    let report = serde_json::to_string(forgotten).unwrap_or_default();
    DB::execute(db, WHAT, note, &[whom.now.into(), whom.by.into(), report.into()]).await?;
    Ok(())
}

/// The number of the newest erasure; 0 before the first.
pub(super) async fn newest_erasure<DB: Dialect>(db: &mut DB::Connection) -> Result<i64, StoreError> {
    let newest = "SELECT coalesce(max(id), 0) FROM erasure";
    let (newest,): (i64,) = DB::one(db, "asking whether somebody was forgotten", newest, &[]).await?;
    Ok(newest)
}

/// Fails when somebody was forgotten since a run began: what it planned may tell of them.
pub(super) async fn expect_nobody_forgotten_since<DB: Dialect>(
    db: &mut DB::Connection,
    run: i64,
) -> Result<(), StoreError> {
    let what = "asking whether somebody was forgotten";
    let known = AssertSqlSafe(format!("SELECT erasure_id FROM run WHERE id = $1 {}", DB::TAKEN));
    let known: Option<(i64,)> = DB::first(&mut *db, what, known, &[run.into()]).await?;
    match known {
        Some((known,)) if known < newest_erasure::<DB>(db).await? => Err(StoreError::ForgottenMeanwhile),
        _ => Ok(()),
    }
}
