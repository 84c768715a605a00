-- From where and how the metadata of snapshots were fetched; none of those that were adopted, or made before it was noted.
CREATE TABLE snapshot_fetch (
  snapshot_id INTEGER NOT NULL REFERENCES snapshot (id) ON DELETE CASCADE,
  -- Empty where there is a single repository. What has no row is what it was in the snapshot before.
  arch        TEXT    NOT NULL,
  baseurl     TEXT    NOT NULL,
  -- 1 when a metalink or mirrorlist named it.
  listed      INTEGER NOT NULL,
  duration_ms INTEGER NOT NULL,
  bytes       INTEGER NOT NULL,
  -- How often repomd.xml had become another one by the end, so that it was fetched anew.
  moved       INTEGER NOT NULL,
  PRIMARY KEY (snapshot_id, arch)
) STRICT, WITHOUT ROWID;
