-- Whose part of all views a view counts to (see model/network.ts).
ALTER TABLE view ADD COLUMN holder TEXT NOT NULL DEFAULT '';
UPDATE view SET holder = client;
CREATE INDEX view_holder ON view (holder, expires_at);

-- One row once there was a collection: what the system's clock and the farm's said when the former was believed last, what they said at the
-- last collection, and since when, by the farm's, the former is doubted; null while it is not (see model/wall-trust.ts).
CREATE TABLE wall_trust (
  id            INTEGER PRIMARY KEY CHECK (id = 1),
  wall_ms       INTEGER NOT NULL,
  farm_ms       INTEGER NOT NULL,
  last_wall_ms  INTEGER NOT NULL,
  last_farm_ms  INTEGER NOT NULL,
  since_farm_ms INTEGER
) STRICT;
