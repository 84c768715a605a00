-- When the configuration was first seen to pin the snapshot that it pins; null where it pins none, and for pins from before it was noted.
ALTER TABLE mirror ADD COLUMN pinned_at INTEGER;
