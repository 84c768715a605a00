-- By whom the repomd.xml of a snapshot was signed, where its mirror had that verified before it was published.
CREATE TABLE snapshot_signature (
  snapshot_id INTEGER NOT NULL PRIMARY KEY REFERENCES snapshot (id) ON DELETE CASCADE,
  -- Of the key that signed, and of the primary key that it belongs to: itself, unless it is a subkey.
  fingerprint TEXT    NOT NULL,
  primary_fingerprint TEXT NOT NULL,
  owner       TEXT    NOT NULL,
  hash        TEXT    NOT NULL,
  signed_at   INTEGER NOT NULL,
  verified_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What an http or https gpgkey held. The keys that it had when it was fetched first are those that are trusted; later fetches renew them.
CREATE TABLE key_source (
  url        TEXT    NOT NULL PRIMARY KEY,
  keys       BLOB    NOT NULL,
  first_at   INTEGER NOT NULL,
  checked_at INTEGER NOT NULL,
  -- Fingerprints of other keys that it held when it was looked at last, separated by blanks.
  strangers  TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
