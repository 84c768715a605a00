-- What was said of why a pin or a rollback began a generation: the words outlive the line of the configuration file that had them. Null where nothing was said, and in rows from before it was noted.
ALTER TABLE generation ADD COLUMN why TEXT;
