-- Of which source package each is, as short as can be: see model/source-package.ts. Null where primary does not say, and in rows from before it was noted.
ALTER TABLE package ADD COLUMN source TEXT;
