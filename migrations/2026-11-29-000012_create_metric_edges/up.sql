-- Which metrics derive from which, as rows that a trigger keeps: the relationships of a metric are JSON, in which the metrics
-- that name another one cannot be found by an index. The rows also have unknown ids, and cycles from before they were refused.
--
-- Writers of the catalogue wait while the rows of the present metrics are inserted: they take this lock first, too.
SET LOCAL lock_timeout = '5s';
SELECT epoch FROM catalogue_epochs FOR UPDATE;

CREATE TABLE metric_edges (
    metric_id   text NOT NULL,
    upstream_id text NOT NULL,
    declared_by text NOT NULL,
    PRIMARY KEY (metric_id, upstream_id, declared_by)
);
CREATE INDEX metric_edges_upstream_id_idx ON metric_edges (upstream_id, metric_id);
CREATE INDEX metric_edges_declared_by_idx ON metric_edges (declared_by);

CREATE FUNCTION metric_edges_of(owner text, relationships jsonb) RETURNS TABLE (metric_id text, upstream_id text)
    LANGUAGE sql IMMUTABLE AS $$
    SELECT owner, named.id FROM jsonb_array_elements_text(CASE jsonb_typeof(relationships -> 'upstream_metric_ids')
        WHEN 'array' THEN relationships -> 'upstream_metric_ids' ELSE '[]' END) AS named (id)
    UNION
    SELECT named.id, owner FROM jsonb_array_elements_text(CASE jsonb_typeof(relationships -> 'downstream_metric_ids')
        WHEN 'array' THEN relationships -> 'downstream_metric_ids' ELSE '[]' END) AS named (id)
$$;

CREATE FUNCTION keep_metric_edges() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        DELETE FROM metric_edges;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO metric_edges (metric_id, upstream_id, declared_by)
        SELECT edge.metric_id, edge.upstream_id, present.metric_id
        FROM new_rows AS present CROSS JOIN LATERAL metric_edges_of(present.metric_id, present.relationships) AS edge
        ON CONFLICT DO NOTHING;
    ELSIF TG_OP = 'DELETE' THEN
        DELETE FROM metric_edges USING old_rows AS former WHERE metric_edges.declared_by = former.metric_id;
    ELSE
        -- Most changes do not touch the relationships.
        DELETE FROM metric_edges USING old_rows AS former LEFT JOIN new_rows AS present ON present.metric_id = former.metric_id
        WHERE metric_edges.declared_by = former.metric_id AND present.relationships IS DISTINCT FROM former.relationships;
        INSERT INTO metric_edges (metric_id, upstream_id, declared_by)
        SELECT edge.metric_id, edge.upstream_id, present.metric_id
        FROM new_rows AS present LEFT JOIN old_rows AS former ON former.metric_id = present.metric_id
            CROSS JOIN LATERAL metric_edges_of(present.metric_id, present.relationships) AS edge
        WHERE present.relationships IS DISTINCT FROM former.relationships
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END $$;
DO $do$
BEGIN
    EXECUTE format('ALTER FUNCTION keep_metric_edges() SET search_path = pg_catalog, %I, pg_temp', current_schema());
END $do$;
CREATE TRIGGER metrics_edges_insert AFTER INSERT ON metrics
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION keep_metric_edges();
CREATE TRIGGER metrics_edges_update AFTER UPDATE ON metrics
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION keep_metric_edges();
CREATE TRIGGER metrics_edges_delete AFTER DELETE ON metrics
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION keep_metric_edges();
CREATE TRIGGER metrics_edges_truncate AFTER TRUNCATE ON metrics
    FOR EACH STATEMENT EXECUTE FUNCTION keep_metric_edges();

INSERT INTO metric_edges (metric_id, upstream_id, declared_by)
SELECT edge.metric_id, edge.upstream_id, metrics.metric_id
FROM metrics CROSS JOIN LATERAL metric_edges_of(metrics.metric_id, metrics.relationships) AS edge;

COMMENT ON TABLE metric_edges IS 'Which metrics derive from which, by their relationships; kept by a trigger. Ids may be unknown: no foreign keys.';
COMMENT ON COLUMN metric_edges.metric_id IS 'The metric that derives from the other one.';
COMMENT ON COLUMN metric_edges.upstream_id IS 'The metric that it derives from.';
COMMENT ON COLUMN metric_edges.declared_by IS 'The metric whose relationships say so: either of the two.';
COMMENT ON FUNCTION metric_edges_of(text, jsonb) IS 'The edges that the relationships of a metric declare.';
COMMENT ON FUNCTION keep_metric_edges() IS 'Keeps metric_edges, once a statement.';
