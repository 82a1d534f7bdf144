-- Windows: a run looks at the subjects about which something may have to be said, and at no other; see domain/wake.rs.

-- Replaced by the table wake: rows that a load writes need no day.
DROP INDEX subject_by_wake;
ALTER TABLE subject DROP COLUMN wake_on;
-- Facts wait for a source to list it: it is no subject yet.
ALTER TABLE subject ADD COLUMN is_waiting INTEGER NOT NULL DEFAULT 0;
CREATE INDEX subject_by_waiting ON subject (id) WHERE is_waiting = 1;

-- The civil day on which a run looks at a subject next, if nothing happens to it; without a row it never does.
CREATE TABLE wake (
    -- Which subject.
    subject_id INTEGER PRIMARY KEY,
    -- The day.
    wake_on    TEXT NOT NULL
) STRICT;
CREATE INDEX wake_by_day ON wake (wake_on);

-- Subjects to which something happened: the next run looks at them. It removes what it read, not what came after.
CREATE TABLE stirred (
    -- Order in which it happened.
    id         INTEGER PRIMARY KEY,
    -- From this number ...
    first_id   INTEGER NOT NULL,
    -- ... to this one.
    last_id    INTEGER NOT NULL
) STRICT;

-- What the report of a run counts of subjects that it does not look at.
CREATE TABLE mark (
    -- resting, missing, no_date; or load: the next file may change what is believed of it.
    mark       TEXT    NOT NULL,
    -- Which subject.
    subject_id INTEGER NOT NULL,
    -- How many rules it is about.
    rules      INTEGER NOT NULL,
    PRIMARY KEY (mark, subject_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX mark_by_subject ON mark (subject_id);

-- What the last run went by. There is one row, or none before the first.
CREATE TABLE survey (
    -- Always 1.
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    -- How many subjects are listed, as of the newest load.
    subjects INTEGER NOT NULL DEFAULT 0,
    -- A print of the policy, the calendar and the like; another one wakes everybody.
    went_by  TEXT    NOT NULL DEFAULT ''
) STRICT;

-- Rules that have had something to go by.
CREATE TABLE fed (
    -- Which rule.
    rule TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- The deadline of the finding, as of the newest look.
ALTER TABLE episode ADD COLUMN deadline_on TEXT;
-- Nobody but the operator read about it at the newest look.
ALTER TABLE episode ADD COLUMN is_operator_only INTEGER NOT NULL DEFAULT 0;
CREATE INDEX episode_by_deadline ON episode (deadline_on) WHERE closed_on IS NULL;
CREATE INDEX episode_by_operator ON episode (id) WHERE closed_on IS NULL AND is_operator_only = 1;
