-- The most directories above the repository's root that a package of the snapshot lies in: its base URL ends in as many segments more.
ALTER TABLE snapshot ADD COLUMN climb INTEGER NOT NULL DEFAULT 0;
-- Where metadata say that packages are elsewhere (xml:base): `rewritten`, or `left` as it is since they are signed; null where none do.
ALTER TABLE snapshot ADD COLUMN xml_base TEXT;

-- Files beside the packages whose checksum the metadata tell: delta rpms, and what a .treeinfo lists. Fetched when they are first asked for.
CREATE TABLE extra_file (
  snapshot_id INTEGER NOT NULL REFERENCES snapshot (id) ON DELETE CASCADE,
  path        TEXT    NOT NULL,
  digest      TEXT    NOT NULL,
  size        INTEGER,
  PRIMARY KEY (snapshot_id, path)
) STRICT, WITHOUT ROWID;
