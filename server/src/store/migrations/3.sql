-- A run of a plan. Its number is that of its first job, and its state that of its last one.
CREATE TABLE plan_runs (
    id INTEGER PRIMARY KEY,
    -- The plan, or, for a task that runs as a plan of one step, the task.
    name TEXT NOT NULL,
    is_task INTEGER NOT NULL,
    job INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    -- What the run is called on the node that keeps its journal, once it has begun there.
    name_on_node TEXT,
    node INTEGER
) STRICT;
CREATE INDEX plan_runs_by_name ON plan_runs (name, id);
CREATE INDEX plan_runs_by_job ON plan_runs (job);

-- The jobs of a run: the first, and one for each time that it went on.
CREATE TABLE plan_run_jobs (
    job INTEGER PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
    run INTEGER NOT NULL REFERENCES plan_runs (id) ON DELETE CASCADE,
    -- Up to where the events of this attempt of it are in plan_steps.
    events_fence INTEGER NOT NULL DEFAULT 0,
    events_applied INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX plan_run_jobs_by_run ON plan_run_jobs (run, job);

CREATE TABLE plan_steps (
    run INTEGER NOT NULL REFERENCES plan_runs (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    position INTEGER NOT NULL,
    step TEXT NOT NULL,
    task TEXT NOT NULL,
    level INTEGER NOT NULL,
    needs TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'succeeded', 'skipped', 'failed', 'tolerated', 'blocked', 'cancelled', 'not-selected')),
    attempt INTEGER NOT NULL DEFAULT 0,
    started INTEGER,
    finished INTEGER,
    exit_code INTEGER,
    reason TEXT,
    node TEXT,
    reused INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (run, name)
) STRICT, WITHOUT ROWID;

-- Where in the events of a job's attempt a step told something: its log is what it printed between.
CREATE TABLE plan_step_logs (
    run INTEGER NOT NULL REFERENCES plan_runs (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    job INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    fence INTEGER NOT NULL,
    first_byte INTEGER NOT NULL,
    -- NULL as long as the step runs there.
    end_byte INTEGER,
    PRIMARY KEY (run, name, job, fence)
) STRICT, WITHOUT ROWID;
CREATE INDEX plan_steps_by_state ON plan_steps (run, state);
