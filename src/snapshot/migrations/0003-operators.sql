-- What operators need: who changed the index, what is kept and until when, who uses what.

-- Who began a generation: `schedule`, `configuration file`, `socket user NAME`, `token NAME`. Empty for those from before it was noted.
ALTER TABLE generation ADD COLUMN actor TEXT NOT NULL DEFAULT '';

-- A retired snapshot's files and packages are gone. Its row stays: generations go on naming it, and no other may get its name.
ALTER TABLE snapshot ADD COLUMN retired_at INTEGER;
-- When it was adopted from an older server, from which its age counts; null for one that was made here.
ALTER TABLE snapshot ADD COLUMN adopted_at INTEGER;

-- When a mirror went out of the configuration; null while it is in it, enabled or not.
ALTER TABLE mirror ADD COLUMN removed_at INTEGER;
-- What the configuration file says about the pin.
ALTER TABLE mirror ADD COLUMN pin_why TEXT;
-- 1 while there may be package rows that no snapshot lists any more: some were retired, and the rows are deleted after that.
ALTER TABLE mirror ADD COLUMN unswept INTEGER NOT NULL DEFAULT 0;

-- Every blob there is. A row comes and goes in one transaction with the file's name: who holds the database's write lock sees both agree.
CREATE TABLE blob (
  digest  TEXT    NOT NULL PRIMARY KEY,
  size    INTEGER NOT NULL,
  -- When it was last stored, sent, or found needed by a sync. Some tens of seconds late.
  used_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX blob_used ON blob (used_at);

-- One row: how many blobs there are and their bytes, kept by the triggers.
CREATE TABLE blob_total (
  count INTEGER NOT NULL,
  bytes INTEGER NOT NULL
) STRICT;
INSERT INTO blob_total VALUES (0, 0);
CREATE TRIGGER blob_added AFTER INSERT ON blob BEGIN
  UPDATE blob_total SET count = count + 1, bytes = bytes + new.size;
END;
CREATE TRIGGER blob_gone AFTER DELETE ON blob BEGIN
  UPDATE blob_total SET count = count - 1, bytes = bytes - old.size;
END;

-- A generation frozen under a job's name. expires_at is of the farm's clock (see clock), which no change of the system's time moves.
CREATE TABLE view (
  name       TEXT    NOT NULL PRIMARY KEY,
  generation INTEGER NOT NULL REFERENCES generation (number),
  created_at INTEGER NOT NULL,
  -- Who asked first: an address.
  client     TEXT    NOT NULL,
  ttl_ms     INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX view_expiry ON view (expires_at);
CREATE INDEX view_generation ON view (generation);

-- One row once a server has run: what the farm's clock said (milliseconds that never go back) when the machine's uptime clock said that.
CREATE TABLE clock (
  farm_ms      INTEGER NOT NULL,
  boot_id      TEXT    NOT NULL,
  monotonic_ms INTEGER NOT NULL,
  wall_ms      INTEGER NOT NULL
) STRICT;

-- Who uses what. Counted in memory and added here every few seconds. Totals of a mirror are kept beside those of its snapshots, which go
-- some time after a snapshot is retired. Sketches are of client addresses: see model/sketch.ts.
CREATE TABLE mirror_usage (
  mirror_id  INTEGER NOT NULL PRIMARY KEY REFERENCES mirror (id) ON DELETE CASCADE,
  requests   INTEGER NOT NULL,
  bytes      INTEGER NOT NULL,
  first_seen INTEGER NOT NULL,
  last_seen  INTEGER NOT NULL,
  clients    BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE snapshot_usage (
  snapshot_id INTEGER NOT NULL PRIMARY KEY REFERENCES snapshot (id) ON DELETE CASCADE,
  requests    INTEGER NOT NULL,
  bytes       INTEGER NOT NULL,
  first_seen  INTEGER NOT NULL,
  last_seen   INTEGER NOT NULL,
  clients     BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

-- Requests by kind of client: dnf 4, dnf 5, yum 3, zypper … from the closed list of model/agent.ts.
CREATE TABLE mirror_agent_usage (
  mirror_id INTEGER NOT NULL REFERENCES mirror (id) ON DELETE CASCADE,
  agent     TEXT    NOT NULL,
  requests  INTEGER NOT NULL,
  PRIMARY KEY (mirror_id, agent)
) STRICT, WITHOUT ROWID;

CREATE TABLE agent_usage (
  snapshot_id INTEGER NOT NULL REFERENCES snapshot (id) ON DELETE CASCADE,
  agent       TEXT    NOT NULL,
  requests    INTEGER NOT NULL,
  PRIMARY KEY (snapshot_id, agent)
) STRICT, WITHOUT ROWID;

-- The clients of a mirror that were seen last, so many and no more.
CREATE TABLE client_usage (
  mirror_id  INTEGER NOT NULL REFERENCES mirror (id) ON DELETE CASCADE,
  client     TEXT    NOT NULL,
  agent      TEXT    NOT NULL,
  requests   INTEGER NOT NULL,
  bytes      INTEGER NOT NULL,
  first_seen INTEGER NOT NULL,
  last_seen  INTEGER NOT NULL,
  PRIMARY KEY (mirror_id, client, agent)
) STRICT, WITHOUT ROWID;
CREATE INDEX client_usage_age ON client_usage (mirror_id, last_seen);

-- One row: since when use is counted, and the secret that clients' addresses are hashed with for the sketches.
CREATE TABLE usage_counting (
  since INTEGER NOT NULL,
  seed  TEXT    NOT NULL
) STRICT;
INSERT INTO usage_counting VALUES (unixepoch() * 1000, hex(randomblob(16)));
