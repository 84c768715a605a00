-- What the pages about a farm are read from.

-- By how much a snapshot's packages differ from those of the one before it; null where there was none, or it was not counted.
ALTER TABLE snapshot ADD COLUMN added INTEGER;
ALTER TABLE snapshot ADD COLUMN removed INTEGER;
ALTER TABLE snapshot ADD COLUMN upgraded INTEGER;
ALTER TABLE snapshot ADD COLUMN downgraded INTEGER;
ALTER TABLE snapshot ADD COLUMN replaced INTEGER;
-- Few have any: those of a mirror are found without its other snapshots.
CREATE INDEX snapshot_replaced ON snapshot (mirror_id, created_at) WHERE replaced > 0;

-- Looks at upstream and what they came to. Those that follow each other and came to the same are one row.
CREATE TABLE sync_check (
  id          INTEGER PRIMARY KEY,
  mirror_id   INTEGER NOT NULL REFERENCES mirror (id) ON DELETE CASCADE,
  -- When the first and the last of them began, and how many there were.
  first_at    INTEGER NOT NULL,
  last_at     INTEGER NOT NULL,
  times       INTEGER NOT NULL,
  outcome     TEXT    NOT NULL,
  -- Of the last one: how long it took, who asked for it, and the bytes of what it fetched.
  duration_ms INTEGER NOT NULL,
  actor       TEXT    NOT NULL,
  bytes       INTEGER NOT NULL,
  -- Of the snapshot that it published: its name.
  snapshot    TEXT,
  -- Why it failed.
  reason      TEXT
) STRICT;
CREATE INDEX sync_check_mirror ON sync_check (mirror_id, last_at);
CREATE INDEX sync_check_age ON sync_check (last_at);

-- What a generation changed is found without looking at the history of every mirror.
CREATE INDEX current_first ON current_span (first_generation);
CREATE INDEX current_last ON current_span (last_generation) WHERE last_generation IS NOT NULL;
