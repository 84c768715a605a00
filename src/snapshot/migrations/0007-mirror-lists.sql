-- The last good answer of each URL of a metalink or mirrorlist.
CREATE TABLE mirror_list (
  -- Without credentials.
  url           TEXT    NOT NULL PRIMARY KEY,
  body          BLOB    NOT NULL,
  etag          TEXT,
  last_modified TEXT,
  -- How far in the network it may lead (see model/reach.ts); null for a file of this machine.
  reach         TEXT,
  -- When this answer came, and when it was looked at last.
  fetched_at    INTEGER NOT NULL,
  checked_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
