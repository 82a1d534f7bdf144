-- Delivery to the end: holds, snoozes, quotas, unreachable addresses, and what the operator was told.

-- Why the run, or a part of it, waits for a person, as JSON; NULL for a run that sent at once (rules 19 and 20).
ALTER TABLE run ADD COLUMN hold TEXT;
-- held, approved or discarded; NULL for a run that sent at once.
ALTER TABLE run ADD COLUMN hold_state TEXT;
-- When a person decided.
ALTER TABLE run ADD COLUMN decided_at INTEGER;
-- Who decided: the name of the account that ran the command.
ALTER TABLE run ADD COLUMN decided_by TEXT;
CREATE INDEX run_by_hold ON run (hold_state) WHERE hold_state IS NOT NULL;

-- The run that told it or passed it over; NULL for runs before this column: what a discarded run undoes.
ALTER TABLE stage_told ADD COLUMN run_id INTEGER;
CREATE INDEX stage_told_by_run ON stage_told (run_id) WHERE run_id IS NOT NULL;

-- The run that opened it; NULL for runs before this column.
ALTER TABLE episode ADD COLUMN run_id INTEGER;

-- 1 when a notice in it may start on a closed day, so that it leaves on any day.
ALTER TABLE message ADD COLUMN any_day INTEGER NOT NULL DEFAULT 0;
-- What the operator is told besides notices, as JSON; NULL for every other message.
ALTER TABLE message ADD COLUMN bulletin TEXT;

-- Attempts by when they ended, and how: the quotas are counted from this index alone.
CREATE INDEX attempt_by_ended ON attempt (ended_at, outcome);

-- The rules whose first plan has gone out or was approved (rule 20).
CREATE TABLE adopted_rule (
    -- The rule.
    rule   TEXT PRIMARY KEY,
    -- Since when.
    on_day TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO adopted_rule (rule, on_day) SELECT rule, min(opened_on) FROM episode GROUP BY rule;

-- Files that look wrong: nothing of them is loaded before a person approves the run that was held for them (rule 19).
CREATE TABLE doubted_file (
    -- SHA-256 of its bytes, lower-case hexadecimal.
    sha256    TEXT    PRIMARY KEY,
    -- Name of the file, without its folder.
    file_name TEXT    NOT NULL,
    -- What looks wrong, in sentences.
    why       TEXT    NOT NULL,
    -- When it was found so.
    found_at  INTEGER NOT NULL,
    -- doubted, believed (approved) or dismissed (discarded).
    state     TEXT    NOT NULL,
    -- The run that was held for it; NULL until the next run.
    run_id    INTEGER
) STRICT, WITHOUT ROWID;

-- What the operator was told on which day besides notices: once a day each.
CREATE TABLE told_alert (
    -- What: stale, coverage, held, ...
    alert  TEXT NOT NULL,
    -- The civil day.
    on_day TEXT NOT NULL,
    PRIMARY KEY (alert, on_day)
) STRICT, WITHOUT ROWID;

-- A rule's notices for one subject, ended until a day (rule 21).
CREATE TABLE snooze (
    -- Number of the snooze.
    id         INTEGER PRIMARY KEY,
    -- Of whom.
    subject_id INTEGER NOT NULL,
    -- Of which rule.
    rule       TEXT    NOT NULL,
    -- The civil day on which notices begin again.
    until_on   TEXT    NOT NULL,
    -- Who asked for it.
    author     TEXT    NOT NULL,
    -- Why.
    reason     TEXT    NOT NULL,
    -- When it was made.
    made_at    INTEGER NOT NULL,
    -- When somebody ended it early; NULL while nobody did.
    ended_at   INTEGER
) STRICT;
CREATE INDEX snooze_by_subject ON snooze (subject_id);

-- Addresses that a mail server refused, until a newer fact says that somebody is there (rule 25).
CREATE TABLE unreachable (
    -- The address, lower case.
    address  TEXT PRIMARY KEY,
    -- The civil day of the refusal.
    since_on TEXT NOT NULL,
    -- The server's words.
    reply    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Why sending has stopped for everybody, while it has: one row, or none.
CREATE TABLE stopped (
    -- Always 1.
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    -- When it stopped.
    stopped_at INTEGER NOT NULL,
    -- The server's words, or ours.
    why        TEXT    NOT NULL
) STRICT;

-- Connections to the mail server that each program holds: the quota is for all of them together (rule 26).
CREATE TABLE connection (
    -- Which program.
    holder   TEXT    PRIMARY KEY,
    -- How many.
    held     INTEGER NOT NULL,
    -- When its right to them ends, unless renewed.
    until_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
