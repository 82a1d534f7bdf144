-- What was decided and told: runs, episodes, notices, messages, attempts.

-- One pass over everything.
CREATE TABLE run (
    -- Number of the run.
    id          INTEGER PRIMARY KEY,
    -- The civil day it was for.
    on_day      TEXT    NOT NULL,
    -- once or daemon.
    kind        TEXT    NOT NULL,
    -- When it began.
    started_at  INTEGER NOT NULL,
    -- When it ended; NULL while it runs, and for ever if it was cut off.
    finished_at INTEGER,
    -- Its report as JSON.
    report      TEXT
) STRICT;

-- The civil days on which the daemon's run was due: one row, one run.
CREATE TABLE due_day (
    -- The civil day, in the policy's zone.
    on_day      TEXT    PRIMARY KEY,
    -- When the run was claimed.
    claimed_at  INTEGER NOT NULL,
    -- When it ended; NULL when it was cut off, and is then claimed again.
    finished_at INTEGER,
    -- baseline (first start), ran, or skipped (a later day came first).
    outcome     TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- One unbroken stretch of a finding.
CREATE TABLE episode (
    -- Number of the episode.
    id               INTEGER PRIMARY KEY,
    -- Of whom.
    subject_id       INTEGER NOT NULL,
    -- Of which rule.
    rule             TEXT    NOT NULL,
    -- The day of the run that opened it.
    opened_on        TEXT    NOT NULL,
    -- The anchor it opened with.
    opened_anchor_on TEXT    NOT NULL,
    -- The day of the run that closed it; NULL while it is open.
    closed_on        TEXT
) STRICT;
CREATE UNIQUE INDEX episode_open ON episode (subject_id, rule) WHERE closed_on IS NULL;

-- The stages that an episode has behind it: told, or passed over. A stage is told once.
CREATE TABLE stage_told (
    -- In which episode.
    episode_id  INTEGER NOT NULL REFERENCES episode (id),
    -- Which stage, with its repeat.
    stage       TEXT    NOT NULL,
    -- On which day.
    on_day      TEXT    NOT NULL,
    -- 1 when a tighter stage was told in its place.
    passed_over INTEGER NOT NULL,
    PRIMARY KEY (episode_id, stage)
) STRICT, WITHOUT ROWID;

-- One email to one recipient: the outbox while it is unsettled, the ledger for ever.
CREATE TABLE message (
    -- Number of the message.
    id             INTEGER PRIMARY KEY,
    -- The run that planned it.
    run_id         INTEGER NOT NULL REFERENCES run (id),
    -- What a reader can quote: NR-XXXXX-XXXXX.
    reference      TEXT    NOT NULL UNIQUE,
    -- Message-ID without the angle brackets, derived from recipient and notices.
    message_id     TEXT    NOT NULL UNIQUE,
    -- The civil day of the run.
    on_day         TEXT    NOT NULL,
    -- Whom it goes to, lower case.
    recipient      TEXT    NOT NULL,
    -- letter, digest or operator.
    kind           TEXT    NOT NULL,
    -- The earliest deadline among its notices: urgent first.
    urgent_on      TEXT    NOT NULL,
    -- hold or resend: what to do when the outcome is unknown.
    on_unknown     TEXT    NOT NULL,
    -- pending, leased, deferred, accepted, rejected, cancelled or unknown.
    state          TEXT    NOT NULL,
    -- Attempts begun so far.
    attempts       INTEGER NOT NULL DEFAULT 0,
    -- Not before this instant.
    next_at        INTEGER NOT NULL,
    -- The right to try, while it is leased.
    lease_token    TEXT,
    -- When that right ends.
    lease_until_at INTEGER,
    -- When it was settled for good.
    settled_at     INTEGER,
    -- The server's last words, or ours.
    reply          TEXT,
    -- The Message-ID the server put in place of ours, if it said so.
    assigned_id    TEXT
) STRICT;
CREATE INDEX message_open ON message (urgent_on, id) WHERE state IN ('pending', 'deferred', 'leased');
CREATE INDEX message_by_state ON message (state, next_at);
CREATE INDEX message_by_recipient ON message (recipient);

-- One finding's stage, as one recipient is told of it. Append-only.
CREATE TABLE notice (
    -- Number of the notice.
    id           INTEGER PRIMARY KEY,
    -- The message that carries it.
    message_id   INTEGER NOT NULL REFERENCES message (id),
    -- About whom, by number.
    subject_id   INTEGER NOT NULL,
    -- About whom, by the address of the day.
    subject      TEXT    NOT NULL,
    -- The concern.
    rule         TEXT    NOT NULL,
    -- The warning, with its repeat.
    stage        TEXT    NOT NULL,
    -- Of which episode.
    episode_id   INTEGER NOT NULL REFERENCES episode (id),
    -- The day that episode opened.
    episode_on   TEXT    NOT NULL,
    -- The day the rule counted from.
    anchor_on    TEXT    NOT NULL,
    -- The day on which the service acts.
    deadline_on  TEXT    NOT NULL,
    -- stage_reached, reach or repeat.
    reason       TEXT    NOT NULL,
    -- The rung through which the recipient hears of it.
    rung         TEXT    NOT NULL,
    -- 1 when it no longer stood at the moment of sending.
    cancelled    INTEGER NOT NULL DEFAULT 0,
    -- 1 when it was refused and the next rung has been told.
    climbed      INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX notice_by_message ON notice (message_id);
CREATE INDEX notice_by_subject ON notice (subject_id);
CREATE INDEX notice_by_stage ON notice (episode_id, stage);

-- One try at delivering a message; recorded before the try.
CREATE TABLE attempt (
    -- Which message.
    message_id INTEGER NOT NULL REFERENCES message (id),
    -- Which try, from 1.
    number     INTEGER NOT NULL,
    -- When it began.
    began_at   INTEGER NOT NULL,
    -- When its outcome was known; NULL when the program was cut off in between.
    ended_at   INTEGER,
    -- accepted, deferred, rejected, cancelled or unknown.
    outcome    TEXT,
    -- The server's words.
    reply      TEXT,
    PRIMARY KEY (message_id, number)
) STRICT, WITHOUT ROWID;
