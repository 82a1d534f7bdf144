-- Subjects in one row each, so that of millions only those are touched that change or are due.

-- The layout before was never released; a store of a trial with subjects in it has to be begun anew.
CREATE TABLE guard (
    -- How many there are.
    subjects BIGINT CONSTRAINT this_store_is_of_a_trial_version_begin_with_a_new_one CHECK (subjects = 0)
);
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
    id          BIGINT PRIMARY KEY,
    -- XXH3 of its address, lower case; NULL without one. What is found by it is compared in full.
    address_key BIGINT,
    -- Site code, folded, of a shared mailbox; NULL for everything else.
    mailbox_of  TEXT COLLATE "C",
    -- The civil date on which a run looks at it next, unless something about it changes before.
    wake_on     TEXT COLLATE "C"    NOT NULL,
    -- The last day on which any source spoke of it; NULL while the newest snapshot of one does.
    left_on     TEXT COLLATE "C",
    -- The day it was deleted, told or guessed, while its newest status says so.
    deleted_on  TEXT COLLATE "C",
    -- What every source said, its status over time, its addresses before; see store/sql/body.rs.
    body        BYTEA   NOT NULL
);
CREATE INDEX subject_by_address ON subject (address_key);
CREATE INDEX subject_by_site ON subject (mailbox_of) WHERE mailbox_of IS NOT NULL;
CREATE INDEX subject_by_wake ON subject (wake_on);
CREATE INDEX subject_by_left ON subject (left_on) WHERE left_on IS NOT NULL;

-- Addresses that subjects had before, or have by the word of a source that is not believed, to find them by.
CREATE TABLE former_address (
    -- XXH3 of the address, lower case.
    address_key BIGINT NOT NULL,
    -- Whose it was.
    subject_id  BIGINT NOT NULL,
    PRIMARY KEY (address_key, subject_id)
);
CREATE INDEX former_address_by_subject ON former_address (subject_id);

-- Which source has ever said anything of which field: not every file has every column.
CREATE TABLE said (
    -- Which source.
    source TEXT COLLATE "C" NOT NULL,
    -- Which field.
    field  TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (source, field)
);

-- The roll of each source: whom its newest snapshot lists, and the print of every row; see domain/roll.rs.
CREATE TABLE roll (
    -- Whose.
    source  TEXT COLLATE "C" NOT NULL,
    -- Order of the parts, from 0.
    part    BIGINT  NOT NULL,
    -- 24 bytes an entry, sorted by key; see store/sql/rolls.rs.
    entries BYTEA   NOT NULL,
    PRIMARY KEY (source, part)
);

-- Who may open a shared mailbox, as Exchange has it.
CREATE TABLE member (
    -- The mailbox.
    mailbox  TEXT COLLATE "C" NOT NULL,
    -- Who may open it or send as it.
    member   TEXT COLLATE "C" NOT NULL,
    -- The day that the newest file naming the mailbox describes.
    as_of_on TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (mailbox, member)
);

-- Organisations, as lists of them say.
CREATE TABLE site (
    -- Site code, folded as two spellings of one site are.
    ods_key           TEXT COLLATE "C" PRIMARY KEY,
    -- Site code, upper case.
    ods               TEXT COLLATE "C" NOT NULL,
    -- Its name.
    name              TEXT COLLATE "C",
    -- The town it is in.
    town              TEXT COLLATE "C",
    -- Sector, lower case.
    sector            TEXT COLLATE "C",
    -- The code of the organisation it belongs to.
    parent            TEXT COLLATE "C",
    -- The day it opened.
    opened_on         TEXT COLLATE "C",
    -- The day it closed.
    closed_on         TEXT COLLATE "C",
    -- What its newest self-assessment of data security came to.
    dspt_status       TEXT COLLATE "C",
    -- The day that was published.
    dspt_published_on TEXT COLLATE "C"
);
