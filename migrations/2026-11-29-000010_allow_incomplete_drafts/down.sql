SET LOCAL lock_timeout = '5s';

-- The former schema has no place for drafts that lack one of its columns. They are deleted; their last version stays readable
-- in metric_snapshots, by the trigger.
WITH deleted AS (
    DELETE FROM metrics
    WHERE short_name = '' OR description = '' OR category = '' OR tier = '' OR metric_type = '' OR owner_team IS NULL
        OR definition ->> 'formula' IS NULL
    RETURNING metric_id, revision, version
)
INSERT INTO metric_revisions (metric_id, revision, version, changed_at, changed_by, change_type, fields_changed,
    changes_summary, channel)
SELECT metric_id, revision + 1, version, now(), 'mdl-cli', 'delete', '[]', 'Deleted: the former schema has no incomplete drafts',
    'command'
FROM deleted;

ALTER TABLE metrics
    DROP CONSTRAINT metrics_short_name_check,
    ADD CONSTRAINT metrics_short_name_check CHECK (char_length(short_name) BETWEEN 1 AND 100),
    DROP CONSTRAINT metrics_description_check,
    ADD CONSTRAINT metrics_description_check CHECK (char_length(description) BETWEEN 1 AND 2000),
    DROP CONSTRAINT metrics_category_check,
    ADD CONSTRAINT metrics_category_check CHECK (char_length(category) BETWEEN 1 AND 100),
    DROP CONSTRAINT metrics_tier_check,
    ADD CONSTRAINT metrics_tier_check CHECK (tier IN ('Tier-1', 'Tier-2', 'Tier-3')),
    DROP CONSTRAINT metrics_metric_type_check,
    ADD CONSTRAINT metrics_metric_type_check CHECK (metric_type IN ('leading', 'lagging', 'operational')),
    ALTER COLUMN owner_team SET NOT NULL;

CREATE OR REPLACE FUNCTION metric_search_words(name text, description text, formula text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN to_tsvector('simple'::regconfig,
        regexp_replace(name || ' ' || description || ' ' || formula, '[[:punct:][:space:]]+', ' ', 'g'));

CREATE OR REPLACE FUNCTION metric_document(metric metrics) RETURNS jsonb LANGUAGE sql STABLE AS $$
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

COMMENT ON COLUMN metrics.short_name IS 'For charts and tables.';
COMMENT ON COLUMN metrics.description IS 'Cleaned HTML.';
COMMENT ON COLUMN metrics.category IS 'Free grouping inside or across domains.';
COMMENT ON COLUMN metrics.tier IS 'Tier-1 (company), Tier-2 (area) or Tier-3 (team).';
COMMENT ON COLUMN metrics.metric_type IS 'leading, lagging or operational.';
COMMENT ON COLUMN metrics.owner_team IS 'governance.owner_team, for filters.';
