-- Retention: what was settled long ago is found without reading the rest; and that somebody was forgotten.

-- Settled messages by age.
CREATE INDEX message_by_settled ON message (settled_at) WHERE settled_at IS NOT NULL;
-- Messages whose text is still there.
CREATE INDEX message_by_text ON message (id) WHERE bulletin IS NOT NULL;
-- The messages of a run.
CREATE INDEX message_by_run ON message (run_id);
-- The episodes of a subject that was erased, and closed ones by age.
CREATE INDEX episode_by_subject ON episode (subject_id);
CREATE INDEX episode_by_closed ON episode (closed_on) WHERE closed_on IS NOT NULL;

-- That somebody was forgotten; not who.
CREATE TABLE erasure (
    -- Number of the erasure.
    id         INTEGER PRIMARY KEY,
    -- When.
    erased_at  INTEGER NOT NULL,
    -- Who asked for it: the name of the account that ran the command.
    decided_by TEXT    NOT NULL,
    -- What was erased, as JSON: counts.
    report     TEXT    NOT NULL
) STRICT;

-- The newest erasure when the run began: a run that began before one plans nothing after it.
ALTER TABLE run ADD COLUMN erasure_id INTEGER NOT NULL DEFAULT 0;
