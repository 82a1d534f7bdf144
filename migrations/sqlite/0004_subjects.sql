-- Subjects in one row each, so that of millions only those are touched that change or are due.

-- The layout before was never released; a store of a trial with subjects in it has to be begun anew.
CREATE TABLE guard (
    -- How many there are.
    subjects INTEGER CONSTRAINT this_store_is_of_a_trial_version_begin_with_a_new_one CHECK (subjects = 0)
) STRICT;
INSERT INTO guard SELECT count(*) FROM subject;
DROP TABLE guard;

DROP TABLE status_stretch;
DROP TABLE fact;
DROP TABLE former_address;
DROP TABLE subject_source;
DROP TABLE subject;

-- An account or a shared mailbox; or an address that facts wait for.
CREATE TABLE subject (
    -- Number of the subject.
    id          INTEGER PRIMARY KEY,
    -- XXH3 of its address, lower case; NULL without one. What is found by it is compared in full.
    address_key INTEGER,
    -- Site code, folded, of a shared mailbox; NULL for everything else.
    mailbox_of  TEXT,
    -- The civil date on which a run looks at it next, unless something about it changes before.
    wake_on     TEXT    NOT NULL,
    -- The last day on which any source spoke of it; NULL while the newest snapshot of one does.
    left_on     TEXT   ,
    -- The day it was deleted, told or guessed, while its newest status says so.
    deleted_on  TEXT   ,
    -- What every source said, its status over time, its addresses before; see store/sql/body.rs.
    body        BLOB    NOT NULL
) STRICT;
CREATE INDEX subject_by_address ON subject (address_key);
CREATE INDEX subject_by_site ON subject (mailbox_of) WHERE mailbox_of IS NOT NULL;
CREATE INDEX subject_by_wake ON subject (wake_on);
CREATE INDEX subject_by_left ON subject (left_on) WHERE left_on IS NOT NULL;

-- Addresses that subjects had before, or have by the word of a source that is not believed, to find them by.
CREATE TABLE former_address (
    -- XXH3 of the address, lower case.
    address_key INTEGER NOT NULL,
    -- Whose it was.
    subject_id  INTEGER NOT NULL,
    PRIMARY KEY (address_key, subject_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX former_address_by_subject ON former_address (subject_id);

-- Which source has ever said anything of which field: not every file has every column.
CREATE TABLE said (
    -- Which source.
    source TEXT NOT NULL,
    -- Which field.
    field  TEXT NOT NULL,
    PRIMARY KEY (source, field)
) STRICT, WITHOUT ROWID;

-- The roll of each source: whom its newest snapshot lists, and the print of every row; see domain/roll.rs.
CREATE TABLE roll (
    -- Whose.
    source  TEXT    NOT NULL,
    -- Order of the parts, from 0.
    part    INTEGER NOT NULL,
    -- 24 bytes an entry, sorted by key; see store/sql/rolls.rs.
    entries BLOB    NOT NULL,
    PRIMARY KEY (source, part)
) STRICT, WITHOUT ROWID;

-- Who may open a shared mailbox, as Exchange has it.
CREATE TABLE member (
    -- The mailbox.
    mailbox  TEXT NOT NULL,
    -- Who may open it or send as it.
    member   TEXT NOT NULL,
    -- The day that the newest file naming the mailbox describes.
    as_of_on TEXT NOT NULL,
    PRIMARY KEY (mailbox, member)
) STRICT, WITHOUT ROWID;

-- Organisations, as lists of them say.
CREATE TABLE site (
    -- Site code, folded as two spellings of one site are.
    ods_key           TEXT PRIMARY KEY,
    -- Site code, upper case.
    ods               TEXT NOT NULL,
    -- Its name.
    name              TEXT,
    -- The town it is in.
    town              TEXT,
    -- Sector, lower case.
    sector            TEXT,
    -- The code of the organisation it belongs to.
    parent            TEXT,
    -- The day it opened.
    opened_on         TEXT,
    -- The day it closed.
    closed_on         TEXT,
    -- What its newest self-assessment of data security came to.
    dspt_status       TEXT,
    -- The day that was published.
    dspt_published_on TEXT
) STRICT, WITHOUT ROWID;
