-- Versions keep their content from now on. The present version of a metric is its row in metrics; a trigger keeps the row as
-- a document at the moment when a change replaces it or a deletion removes it. So nothing has to be filled in: this migration
-- takes the same time for any number of metrics, and what a process of the former release replaces during an upgrade is kept,
-- too. Versions that were replaced before have no row in metric_snapshots: their content was not kept.
SET LOCAL lock_timeout = '5s';

-- Null in older revisions. Validated by the next migration, which does not block writers.
ALTER TABLE metric_revisions ADD COLUMN channel text,
    ADD CONSTRAINT metric_revisions_channel_check
        CHECK (channel IN ('api', 'import', 'restore', 'domain_rename', 'command')) NOT VALID;

CREATE TABLE metric_snapshots (
    metric_id text  NOT NULL,
    version   text  NOT NULL,
    content   jsonb NOT NULL CHECK (jsonb_typeof(content) = 'object'),
    PRIMARY KEY (metric_id, version)
);

-- The history is not part of a version: it would repeat twenty revisions in each, and all of them are in metric_revisions.
CREATE FUNCTION metric_document(metric metrics) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object(
        'metric_id', metric.metric_id,
        'name', metric.name,
        'short_name', metric.short_name,
        'description', metric.description,
        'category', metric.category,
        'tier', metric.tier,
        'business_domain', metric.business_domain,
        'metric_type', metric.metric_type,
        'tags', metric.tags,
        'alignment', metric.alignment,
        'definition', metric.definition,
        'data', metric.data,
        'governance', metric.governance,
        'dimensions', metric.dimensions,
        'targets_and_alerts', metric.targets_and_alerts,
        'visualization', metric.visualization,
        'relationships', metric.relationships,
        'operational_usage', metric.operational_usage,
        'metadata', jsonb_build_object(
            'example_queries', metric.example_queries,
            'version', metric.version,
            'created_at', to_char(metric.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            'created_by', metric.created_by,
            'last_updated', to_char(metric.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            'last_updated_by', metric.updated_by
        ) || CASE WHEN metric.notes IS NULL THEN '{}' ELSE jsonb_build_object('notes', metric.notes) END
    )
$$;

-- A rename of a domain changes its metrics twice, first the domain and then the version: the first of both states is the one
-- that had the version, so a snapshot is never replaced.
CREATE FUNCTION keep_replaced_metrics() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO metric_snapshots (metric_id, version, content)
    SELECT replaced.metric_id, replaced.version, metric_document(replaced::metrics) FROM old_rows AS replaced
    ON CONFLICT (metric_id, version) DO NOTHING;
    RETURN NULL;
END $$;
DO $do$
BEGIN
    EXECUTE format('ALTER FUNCTION keep_replaced_metrics() SET search_path = pg_catalog, %I, pg_temp', current_schema());
END $do$;
CREATE TRIGGER metrics_kept_update AFTER UPDATE ON metrics
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION keep_replaced_metrics();
CREATE TRIGGER metrics_kept_delete AFTER DELETE ON metrics
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION keep_replaced_metrics();

COMMENT ON COLUMN metric_revisions.channel IS 'How the change was made: api, import, restore, domain_rename or command; null in older revisions.';
COMMENT ON TABLE metric_snapshots IS 'The content of each version of a metric that was replaced or deleted; the present version is the row in metrics. A version without either was replaced before contents were kept.';
COMMENT ON COLUMN metric_snapshots.metric_id IS 'As in metric_revisions.';
COMMENT ON COLUMN metric_snapshots.version IS 'As in metric_revisions; no version is used twice.';
COMMENT ON COLUMN metric_snapshots.content IS 'The metric as the API showed it, without metadata.change_history.';
COMMENT ON FUNCTION metric_document(metrics) IS 'The content of the version that a row of metrics is.';
COMMENT ON FUNCTION keep_replaced_metrics() IS 'Keeps replaced and deleted rows of metrics in metric_snapshots, once a statement.';
