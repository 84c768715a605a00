-- The most directories above the repository's root that a package of the snapshot lies in: its base URL ends in as many segments more.
ALTER TABLE snapshot ADD COLUMN climb INTEGER NOT NULL DEFAULT 0;
