-- What is known: loaded files, subjects, facts, contacts.
-- Civil dates are TEXT `YYYY-MM-DD` in the policy's zone and end in _on; instants are INTEGER milliseconds since
-- 1970-01-01 UTC and end in _at.

-- One row per file that was loaded.
CREATE TABLE snapshot (
    -- Number of the file; facts name it.
    id              INTEGER PRIMARY KEY,
    -- Which kind of export: portal_mailbox, graph_users, sends, site_contacts, canonical.
    source          TEXT    NOT NULL,
    -- Name of the file, without its folder.
    file_name       TEXT    NOT NULL,
    -- SHA-256 of its bytes, lower-case hexadecimal: the same file twice is a duplicate, but for contacts that
    -- come back after others: each contacts file replaces the one before.
    sha256          TEXT    NOT NULL,
    -- The day it describes.
    as_of_on        TEXT    NOT NULL,
    -- When it was loaded.
    loaded_at       INTEGER NOT NULL,
    -- Rows in the file, rejected ones too.
    row_count       INTEGER NOT NULL,
    -- Rows that could not be read.
    rejected_count  INTEGER NOT NULL,
    -- 1 when it tells of sends: since the first of these, silence can be seen.
    has_sends       INTEGER NOT NULL,
    -- The load report as JSON, as it was shown.
    report          TEXT    NOT NULL
) STRICT;
CREATE INDEX snapshot_by_source ON snapshot (source, as_of_on);
CREATE UNIQUE INDEX snapshot_by_sha256 ON snapshot (sha256) WHERE source <> 'site_contacts';

-- An account or a shared mailbox; or an address that facts wait for.
CREATE TABLE subject (
    -- Number of the subject.
    id               INTEGER PRIMARY KEY,
    -- First as-of of the run of deleted statuses that the next two belong to; NULL for a subject never seen deleted.
    deleted_seen_on  TEXT,
    -- The day of deletion as a source told it.
    deleted_told_on  TEXT,
    -- The guessed day of deletion, fixed when first seen deleted.
    deleted_guess_on TEXT
) STRICT;

-- Its standing with each source.
CREATE TABLE subject_source (
    -- Whose.
    subject_id INTEGER NOT NULL REFERENCES subject (id) ON DELETE CASCADE,
    -- Which source.
    source     TEXT    NOT NULL,
    -- The source's stable id of it, if it gave one.
    source_id  TEXT,
    -- Newest as-of at which the source listed it; NULL for a source that only adds facts.
    listed_on  TEXT,
    PRIMARY KEY (subject_id, source)
) STRICT, WITHOUT ROWID;

-- Addresses it had before.
CREATE TABLE former_address (
    -- Whose.
    subject_id INTEGER NOT NULL REFERENCES subject (id) ON DELETE CASCADE,
    -- The address, lower case.
    address    TEXT    NOT NULL,
    PRIMARY KEY (subject_id, address)
) STRICT, WITHOUT ROWID;

-- One value about one subject, and where it came from.
CREATE TABLE fact (
    -- About whom.
    subject_id  INTEGER NOT NULL REFERENCES subject (id) ON DELETE CASCADE,
    -- About what: address, status, last_activity_on, …
    field       TEXT    NOT NULL,
    -- The value as text; dates as YYYY-MM-DD, flags as true or false.
    value       TEXT    NOT NULL,
    -- The day its snapshot describes.
    as_of_on    TEXT    NOT NULL,
    -- Who said it.
    source      TEXT    NOT NULL,
    -- In which file; 0 for what was concluded rather than read.
    snapshot_id INTEGER NOT NULL,
    -- On which line, from 1; 0 for what was concluded.
    line        INTEGER NOT NULL,
    PRIMARY KEY (subject_id, field)
) STRICT, WITHOUT ROWID;
CREATE INDEX fact_by_address ON fact (value) WHERE field = 'address';

-- Runs of as-ofs that said the same status.
CREATE TABLE status_stretch (
    -- Whose.
    subject_id        INTEGER NOT NULL REFERENCES subject (id) ON DELETE CASCADE,
    -- Order, from 0, oldest first.
    position          INTEGER NOT NULL,
    -- The word.
    status            TEXT    NOT NULL,
    -- First as-of that said so.
    first_on          TEXT    NOT NULL,
    -- Last as-of that said so.
    last_on           TEXT    NOT NULL,
    -- The as-of before the last.
    before_last_on    TEXT,
    -- Who said so last.
    source            TEXT    NOT NULL,
    PRIMARY KEY (subject_id, position)
) STRICT, WITHOUT ROWID;

-- The site contacts file, whole: a new file replaces it.
CREATE TABLE contact (
    -- Line of the row in its file.
    line              INTEGER NOT NULL,
    -- Order in the file.
    position          INTEGER PRIMARY KEY,
    -- Site code, upper case.
    ods               TEXT,
    -- Sector, lower case.
    sector            TEXT,
    -- Name of the site.
    site_name         TEXT,
    -- Town of the site.
    town              TEXT,
    -- Its shared mailbox.
    shared_mailbox    TEXT,
    -- Whom the row is about.
    address           TEXT    NOT NULL,
    -- owner, member, site or admin.
    role              TEXT    NOT NULL,
    -- A second address of the same person.
    alternate_address TEXT,
    -- Who administers the accounts.
    administered_by   TEXT
) STRICT;
