-- What is known: loaded files, subjects, facts, contacts.
--
-- The tables of migrations/sqlite with the same numbers, names and meaning, so that every statement is written once
-- and a store can be copied from one database to the other value by value. For that, civil dates are TEXT `YYYY-MM-DD`
-- in the policy's zone and end in _on, instants are BIGINT milliseconds since 1970-01-01 UTC and end in _at, and flags
-- are 0 or 1, though PostgreSQL has types of its own for them; nothing here reckons with dates in SQL. Text is
-- compared byte by byte (COLLATE "C"), as SQLite does: the order of dates and words never depends on the server.

-- One row per file that was loaded.
CREATE TABLE snapshot (
    -- Number of the file; facts name it.
    id              BIGINT PRIMARY KEY,
    -- Which kind of export: portal_mailbox, graph_users, sends, site_contacts, canonical.
    source          TEXT COLLATE "C" NOT NULL,
    -- Name of the file, without its folder.
    file_name       TEXT COLLATE "C" NOT NULL,
    -- SHA-256 of its bytes, lower-case hexadecimal: the same file twice is a duplicate, but for contacts that
    -- come back after others: each contacts file replaces the one before.
    sha256          TEXT COLLATE "C" NOT NULL,
    -- The day it describes.
    as_of_on        TEXT COLLATE "C" NOT NULL,
    -- When it was loaded.
    loaded_at       BIGINT NOT NULL,
    -- Rows in the file, rejected ones too.
    row_count       BIGINT NOT NULL,
    -- Rows that could not be read.
    rejected_count  BIGINT NOT NULL,
    -- 1 when it tells of sends: since the first of these, silence can be seen.
    has_sends       BIGINT NOT NULL,
    -- The load report as JSON, as it was shown.
    report          TEXT COLLATE "C" NOT NULL
);
CREATE INDEX snapshot_by_source ON snapshot (source, as_of_on);
CREATE UNIQUE INDEX snapshot_by_sha256 ON snapshot (sha256) WHERE source <> 'site_contacts';

-- An account or a shared mailbox; or an address that facts wait for.
CREATE TABLE subject (
    -- Number of the subject.
    id               BIGINT PRIMARY KEY,
    -- First as-of of the run of deleted statuses that the next two belong to; NULL for a subject never seen deleted.
    deleted_seen_on  TEXT COLLATE "C",
    -- The day of deletion as a source told it.
    deleted_told_on  TEXT COLLATE "C",
    -- The guessed day of deletion, fixed when first seen deleted.
    deleted_guess_on TEXT COLLATE "C"
);

-- Its standing with each source.
CREATE TABLE subject_source (
    -- Whose.
    subject_id BIGINT NOT NULL REFERENCES subject (id) ON DELETE CASCADE,
    -- Which source.
    source     TEXT COLLATE "C" NOT NULL,
    -- The source's stable id of it, if it gave one.
    source_id  TEXT COLLATE "C",
    -- Newest as-of at which the source listed it; NULL for a source that only adds facts.
    listed_on  TEXT COLLATE "C",
    PRIMARY KEY (subject_id, source)
);

-- Addresses it had before.
CREATE TABLE former_address (
    -- Whose.
    subject_id BIGINT NOT NULL REFERENCES subject (id) ON DELETE CASCADE,
    -- The address, lower case.
    address    TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (subject_id, address)
);

-- One value about one subject, and where it came from.
CREATE TABLE fact (
    -- About whom.
    subject_id  BIGINT NOT NULL REFERENCES subject (id) ON DELETE CASCADE,
    -- About what: address, status, last_activity_on, …
    field       TEXT COLLATE "C" NOT NULL,
    -- The value as text; dates as YYYY-MM-DD, flags as true or false.
    value       TEXT COLLATE "C" NOT NULL,
    -- The day its snapshot describes.
    as_of_on    TEXT COLLATE "C" NOT NULL,
    -- Who said it.
    source      TEXT COLLATE "C" NOT NULL,
    -- In which file; 0 for what was concluded rather than read.
    snapshot_id BIGINT NOT NULL,
    -- On which line, from 1; 0 for what was concluded.
    line        BIGINT NOT NULL,
    PRIMARY KEY (subject_id, field)
);
CREATE INDEX fact_by_address ON fact (value) WHERE field = 'address';

-- Runs of as-ofs that said the same status.
CREATE TABLE status_stretch (
    -- Whose.
    subject_id        BIGINT NOT NULL REFERENCES subject (id) ON DELETE CASCADE,
    -- Order, from 0, oldest first.
    position          BIGINT NOT NULL,
    -- The word.
    status            TEXT COLLATE "C" NOT NULL,
    -- First as-of that said so.
    first_on          TEXT COLLATE "C" NOT NULL,
    -- Last as-of that said so.
    last_on           TEXT COLLATE "C" NOT NULL,
    -- The as-of before the last.
    before_last_on    TEXT COLLATE "C",
    -- Who said so last.
    source            TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (subject_id, position)
);

-- The site contacts file, whole: a new file replaces it.
CREATE TABLE contact (
    -- Line of the row in its file.
    line              BIGINT NOT NULL,
    -- Order in the file.
    position          BIGINT PRIMARY KEY,
    -- Site code, upper case.
    ods               TEXT COLLATE "C",
    -- Sector, lower case.
    sector            TEXT COLLATE "C",
    -- Name of the site.
    site_name         TEXT COLLATE "C",
    -- Town of the site.
    town              TEXT COLLATE "C",
    -- Its shared mailbox.
    shared_mailbox    TEXT COLLATE "C",
    -- Whom the row is about.
    address           TEXT COLLATE "C" NOT NULL,
    -- owner, member, site or admin.
    role              TEXT COLLATE "C" NOT NULL,
    -- A second address of the same person.
    alternate_address TEXT COLLATE "C",
    -- Who administers the accounts.
    administered_by   TEXT COLLATE "C"
);
