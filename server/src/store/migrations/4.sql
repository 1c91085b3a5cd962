-- Values of secret variables, sealed with a key that is not here; they go with the end of their job.
CREATE TABLE job_secrets (
    job INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (job, name)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER job_secrets_end AFTER UPDATE OF state ON jobs
WHEN NEW.state NOT IN ('pending', 'running')
BEGIN
    DELETE FROM job_secrets WHERE job = NEW.id;
END;

ALTER TABLE tokens ADD COLUMN expires INTEGER;

CREATE INDEX jobs_by_end ON jobs (finished) WHERE finished IS NOT NULL;
