-- The path of the file that states the checksum of one beside the packages: a list of delta rpms, a .treeinfo, a list of checksums.
ALTER TABLE extra_file ADD COLUMN stated_by TEXT;

-- How far in the network the metalink or mirrorlist may lead that named repomd_baseurl (see model/reach.ts); null when the configuration did.
ALTER TABLE mirror ADD COLUMN repomd_named TEXT;

-- Lists that another process has looked at are found without reading any.
CREATE INDEX mirror_list_checked ON mirror_list (checked_at);
