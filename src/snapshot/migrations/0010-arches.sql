-- Snapshots of several architectures, each below a directory of its name.

-- Their names in order, separated by blanks; null for a snapshot of a single repository.
ALTER TABLE snapshot ADD COLUMN arches TEXT;
-- Of a mirror of several architectures what upstream showed of each last, instead of repomd_*: JSON of baseurl, etag, lastModified and digest by
-- architecture.
ALTER TABLE mirror ADD COLUMN repomd_arches TEXT;

CREATE TABLE snapshot_arch (
  snapshot_id INTEGER NOT NULL REFERENCES snapshot (id) ON DELETE CASCADE,
  arch        TEXT    NOT NULL,
  -- As in snapshot, of this architecture alone.
  fingerprint TEXT    NOT NULL,
  revision    TEXT,
  xml_base    TEXT,
  PRIMARY KEY (snapshot_id, arch)
) STRICT, WITHOUT ROWID;

-- Each architecture has a repomd.xml, and a signature of its own: arch is empty where there is a single repository.
CREATE TABLE arch_signature (
  snapshot_id INTEGER NOT NULL REFERENCES snapshot (id) ON DELETE CASCADE,
  arch        TEXT    NOT NULL DEFAULT '',
  fingerprint TEXT    NOT NULL,
  primary_fingerprint TEXT NOT NULL,
  owner       TEXT    NOT NULL,
  hash        TEXT    NOT NULL,
  signed_at   INTEGER NOT NULL,
  verified_at INTEGER NOT NULL,
  PRIMARY KEY (snapshot_id, arch)
) STRICT, WITHOUT ROWID;
INSERT INTO arch_signature
  SELECT snapshot_id, '', fingerprint, primary_fingerprint, owner, hash, signed_at, verified_at FROM snapshot_signature;
DROP TABLE snapshot_signature;
ALTER TABLE arch_signature RENAME TO snapshot_signature;
