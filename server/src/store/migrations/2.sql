-- The SHA-256 of the list of files that a job made.
ALTER TABLE jobs ADD COLUMN outputs TEXT;
