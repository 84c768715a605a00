-- Times are milliseconds since the epoch. Digests are `algorithm:hex`.

CREATE TABLE mirror (
  id           INTEGER PRIMARY KEY,
  name         TEXT    NOT NULL UNIQUE,
  -- 1 while the configuration has it enabled: only then is it in the index.
  listed       INTEGER NOT NULL DEFAULT 0,
  -- The last sync attempt, the last one that succeeded, and why the last one failed (null when it did not).
  checked_at   INTEGER,
  succeeded_at INTEGER,
  error        TEXT,
  -- The repomd.xml upstream showed last, to ask for the next one conditionally.
  repomd_baseurl       TEXT,
  repomd_etag          TEXT,
  repomd_last_modified TEXT,
  repomd_digest        TEXT
) STRICT;

-- seq numbers a mirror's snapshots from 1 without gaps in meaning: a later snapshot has a larger one.
CREATE TABLE snapshot (
  id            INTEGER PRIMARY KEY,
  mirror_id     INTEGER NOT NULL REFERENCES mirror (id) ON DELETE CASCADE,
  seq           INTEGER NOT NULL,
  name          TEXT    NOT NULL,
  created_at    INTEGER NOT NULL,
  -- What makes the content (see repodata/repomd.ts): equal fingerprints need no second snapshot.
  fingerprint   TEXT    NOT NULL,
  revision      TEXT,
  package_count INTEGER NOT NULL,
  package_bytes INTEGER NOT NULL,
  UNIQUE (mirror_id, seq),
  UNIQUE (mirror_id, name)
) STRICT;

-- The pinned repodata files. digest is null for a file that upstream never had right: answered 404 with the reason.
CREATE TABLE repodata_file (
  snapshot_id INTEGER NOT NULL REFERENCES snapshot (id) ON DELETE CASCADE,
  path        TEXT    NOT NULL,
  type        TEXT    NOT NULL,
  digest      TEXT,
  size        INTEGER NOT NULL,
  PRIMARY KEY (snapshot_id, path)
) STRICT, WITHOUT ROWID;

-- Upstream's own mistakes, kept as they are and shown.
CREATE TABLE defect (
  snapshot_id INTEGER NOT NULL REFERENCES snapshot (id) ON DELETE CASCADE,
  path        TEXT    NOT NULL,
  kind        TEXT    NOT NULL,
  message     TEXT    NOT NULL,
  PRIMARY KEY (snapshot_id, path, kind)
) STRICT, WITHOUT ROWID;

-- Packages as a temporal table: a row lives from the snapshot first_seq to last_seq (null: to the newest). A sync writes what changed, not
-- what is. Rows are appended, and their index is by a hash of the href, whose random order leaves room in its pages: so a few
-- changed packages grow the file by their own size instead of splitting a full page each.
CREATE TABLE package (
  id        INTEGER PRIMARY KEY,
  mirror_id INTEGER NOT NULL REFERENCES mirror (id) ON DELETE CASCADE,
  href_hash INTEGER NOT NULL,
  href      TEXT    NOT NULL,
  first_seq INTEGER NOT NULL,
  last_seq  INTEGER,
  digest    TEXT    NOT NULL,
  size      INTEGER,
  name      TEXT    NOT NULL,
  epoch     TEXT    NOT NULL,
  version   TEXT    NOT NULL,
  release   TEXT    NOT NULL,
  arch      TEXT    NOT NULL
) STRICT;
CREATE INDEX package_href ON package (mirror_id, href_hash);

-- A generation is a state of the index. Each mirror's current snapshot is a span of generations, open-ended while it is current.
CREATE TABLE generation (
  number     INTEGER PRIMARY KEY,
  created_at INTEGER NOT NULL,
  cause      TEXT    NOT NULL
) STRICT;

CREATE TABLE current_span (
  mirror_id        INTEGER NOT NULL REFERENCES mirror (id) ON DELETE CASCADE,
  first_generation INTEGER NOT NULL REFERENCES generation (number),
  last_generation  INTEGER,
  snapshot_id      INTEGER NOT NULL REFERENCES snapshot (id),
  PRIMARY KEY (mirror_id, first_generation)
) STRICT, WITHOUT ROWID;
CREATE INDEX current_open ON current_span (mirror_id) WHERE last_generation IS NULL;
