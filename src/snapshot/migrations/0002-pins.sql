-- The snapshot that the configuration pins; null: the newest is current.
ALTER TABLE mirror ADD COLUMN pin_id INTEGER REFERENCES snapshot (id);
