-- Upstreams forget packages: which of those that snapshots still list are cached, at risk or lost, and what is fetched before that.

-- Package names that a mirror was asked for, and when last; some minutes late.
CREATE TABLE asked_name (
  mirror_id INTEGER NOT NULL REFERENCES mirror (id) ON DELETE CASCADE,
  name      TEXT    NOT NULL,
  asked_at  INTEGER NOT NULL,
  PRIMARY KEY (mirror_id, name)
) STRICT, WITHOUT ROWID;

-- Up to this snapshot new packages were fetched ahead, under this policy. What is there already is not caught up with.
ALTER TABLE mirror ADD COLUMN prefetched_seq INTEGER;
ALTER TABLE mirror ADD COLUMN prefetch_policy TEXT;
UPDATE mirror SET prefetched_seq = (SELECT max(seq) FROM snapshot s WHERE s.mirror_id = mirror.id);

-- How many of a snapshot's packages are cached, as counted last; null before that.
ALTER TABLE snapshot ADD COLUMN cached INTEGER;
ALTER TABLE snapshot ADD COLUMN cached_bytes INTEGER;

-- Packages that upstream lists no longer and a snapshot may: a row for each row of package that has an end, kept by the triggers. Each file
-- that a mirror lists again is none of them. So small that it costs a sync next to nothing, and counts need no look at the packages.
CREATE TABLE departed (
  mirror_id  INTEGER NOT NULL,
  package_id INTEGER NOT NULL,
  first_seq  INTEGER NOT NULL,
  last_seq   INTEGER NOT NULL,
  -- The first 12 digits of its digest, by which a blob finds it.
  digest_key TEXT    NOT NULL,
  size       INTEGER NOT NULL,
  -- 0: cached. 1: at risk, some source may still have it. 2: lost, every source was asked and has it not.
  state      INTEGER NOT NULL,
  PRIMARY KEY (mirror_id, package_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX departed_digest ON departed (digest_key);

-- How many there are of each state and their bytes, kept by the triggers.
CREATE TABLE departed_total (
  mirror_id INTEGER NOT NULL,
  state     INTEGER NOT NULL,
  count     INTEGER NOT NULL,
  bytes     INTEGER NOT NULL,
  PRIMARY KEY (mirror_id, state)
) STRICT, WITHOUT ROWID;

-- Of those that are lost: when every source was asked last, how often, and what each said.
CREATE TABLE lost_package (
  mirror_id  INTEGER NOT NULL,
  package_id INTEGER NOT NULL,
  asked_at   INTEGER NOT NULL,
  times      INTEGER NOT NULL,
  answers    TEXT    NOT NULL,
  PRIMARY KEY (mirror_id, package_id)
) STRICT, WITHOUT ROWID;

-- None for rows that are added: it would have all of a first snapshot put aside. Who adds rows that have an end notes them here as well.
CREATE TRIGGER package_departed AFTER UPDATE OF first_seq, last_seq ON package BEGIN
  DELETE FROM departed WHERE mirror_id = old.mirror_id AND package_id = old.id;
  INSERT INTO departed SELECT new.mirror_id, new.id, new.first_seq, new.last_seq,
    substr(new.digest, instr(new.digest, ':') + 1, 12), coalesce(new.size, 0),
    NOT EXISTS (SELECT 1 FROM blob b WHERE b.digest = new.digest) WHERE new.last_seq IS NOT NULL;
END;
CREATE TRIGGER package_forgotten AFTER DELETE ON package WHEN old.last_seq IS NOT NULL BEGIN
  DELETE FROM departed WHERE mirror_id = old.mirror_id AND package_id = old.id;
END;

CREATE TRIGGER departed_added AFTER INSERT ON departed BEGIN
  INSERT INTO departed_total VALUES (new.mirror_id, new.state, 1, new.size)
    ON CONFLICT DO UPDATE SET count = count + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER departed_gone AFTER DELETE ON departed BEGIN
  UPDATE departed_total SET count = count - 1, bytes = bytes - old.size
    WHERE mirror_id = old.mirror_id AND state = old.state;
  DELETE FROM lost_package WHERE mirror_id = old.mirror_id AND package_id = old.package_id;
END;
CREATE TRIGGER departed_changed AFTER UPDATE OF state ON departed WHEN old.state <> new.state BEGIN
  UPDATE departed_total SET count = count - 1, bytes = bytes - old.size
    WHERE mirror_id = old.mirror_id AND state = old.state;
  INSERT INTO departed_total VALUES (new.mirror_id, new.state, 1, new.size)
    ON CONFLICT DO UPDATE SET count = count + 1, bytes = bytes + excluded.bytes;
  DELETE FROM lost_package WHERE new.state <> 2 AND mirror_id = old.mirror_id AND package_id = old.package_id;
END;

-- A blob comes, or goes: of a file that rotted, as none of these is evicted.
CREATE TRIGGER blob_saves_departed AFTER INSERT ON blob BEGIN
  UPDATE departed SET state = 0 WHERE digest_key = substr(new.digest, instr(new.digest, ':') + 1, 12) AND state <> 0
    AND new.digest = (SELECT p.digest FROM package p WHERE p.id = departed.package_id);
END;
CREATE TRIGGER blob_leaves_departed AFTER DELETE ON blob BEGIN
  UPDATE departed SET state = 1 WHERE digest_key = substr(old.digest, instr(old.digest, ':') + 1, 12) AND state = 0
    AND old.digest = (SELECT p.digest FROM package p WHERE p.id = departed.package_id);
END;

INSERT INTO departed SELECT mirror_id, id, first_seq, last_seq, substr(digest, instr(digest, ':') + 1, 12),
    coalesce(size, 0), NOT EXISTS (SELECT 1 FROM blob b WHERE b.digest = p.digest)
  FROM package p WHERE last_seq IS NOT NULL AND NOT EXISTS (SELECT 1 FROM package n
    WHERE n.mirror_id = p.mirror_id AND n.href_hash = p.href_hash AND n.href = p.href AND n.digest = p.digest
      AND n.last_seq IS NULL);
