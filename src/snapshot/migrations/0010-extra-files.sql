-- The path of the file that states the checksum of one beside the packages: a list of delta rpms, a .treeinfo, a list of checksums.
ALTER TABLE extra_file ADD COLUMN stated_by TEXT;
