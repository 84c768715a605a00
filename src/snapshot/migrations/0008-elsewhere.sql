-- The most directories above the repository's root that a package of the snapshot lies in: its base URL ends in as many segments more.
ALTER TABLE snapshot ADD COLUMN climb INTEGER NOT NULL DEFAULT 0;
-- Where metadata say that packages are elsewhere (xml:base): `rewritten`, or `left` as it is since they are signed; null where none do.
ALTER TABLE snapshot ADD COLUMN xml_base TEXT;
