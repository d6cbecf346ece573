CREATE TABLE metric_revisions (
    metric_id       text        NOT NULL,
    revision        integer     NOT NULL CHECK (revision > 0),
    version         text        NOT NULL CHECK (version ~ '^[0-9]+\.[0-9]+\.[0-9]+$'),
    changed_at      timestamptz NOT NULL,
    changed_by      text        NOT NULL,
    change_type     text        NOT NULL CHECK (change_type IN ('create', 'update', 'delete')),
    fields_changed  jsonb       NOT NULL CHECK (jsonb_typeof(fields_changed) = 'array'),
    changes_summary text        NOT NULL,
    PRIMARY KEY (metric_id, revision)
);

COMMENT ON TABLE metric_revisions IS 'Every change of every metric. No foreign key on purpose: the history outlives its metric.';
COMMENT ON COLUMN metric_revisions.metric_id IS 'Which metric.';
COMMENT ON COLUMN metric_revisions.revision IS '1, 2, 3 … without gaps; goes on when a deleted metric is created again.';
COMMENT ON COLUMN metric_revisions.version IS 'The version that the change led to.';
COMMENT ON COLUMN metric_revisions.changed_at IS 'When.';
COMMENT ON COLUMN metric_revisions.changed_by IS 'User name of the author.';
COMMENT ON COLUMN metric_revisions.change_type IS 'create, update or delete.';
COMMENT ON COLUMN metric_revisions.fields_changed IS 'JSON array of the paths of the fields that changed, e.g. definition.formula.';
COMMENT ON COLUMN metric_revisions.changes_summary IS 'One sentence for people.';
