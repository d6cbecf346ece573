-- Drafts may lack what other metrics need. A text that is missing is stored as '', which no text may be: the columns stay
-- NOT NULL, so that a process of the former release reads such a row. It answers the empty texts, and cannot change the draft.
-- The constraints are validated by the next migration, which does not block writers.
SET LOCAL lock_timeout = '5s';

ALTER TABLE metrics
    DROP CONSTRAINT metrics_short_name_check,
    ADD CONSTRAINT metrics_short_name_check
        CHECK (char_length(short_name) BETWEEN 1 AND 100 OR (short_name = '' AND status = 'draft')) NOT VALID,
    DROP CONSTRAINT metrics_description_check,
    ADD CONSTRAINT metrics_description_check
        CHECK (char_length(description) BETWEEN 1 AND 2000 OR (description = '' AND status = 'draft')) NOT VALID,
    DROP CONSTRAINT metrics_category_check,
    ADD CONSTRAINT metrics_category_check
        CHECK (char_length(category) BETWEEN 1 AND 100 OR (category = '' AND status = 'draft')) NOT VALID,
    DROP CONSTRAINT metrics_tier_check,
    ADD CONSTRAINT metrics_tier_check
        CHECK (tier IN ('Tier-1', 'Tier-2', 'Tier-3') OR (tier = '' AND status = 'draft')) NOT VALID,
    DROP CONSTRAINT metrics_metric_type_check,
    ADD CONSTRAINT metrics_metric_type_check
        CHECK (metric_type IN ('leading', 'lagging', 'operational') OR (metric_type = '' AND status = 'draft')) NOT VALID,
    ALTER COLUMN owner_team DROP NOT NULL;

-- The words of a draft without a formula are those of its name and description. The words of all others stay the same.
CREATE OR REPLACE FUNCTION metric_search_words(name text, description text, formula text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN to_tsvector('simple'::regconfig,
        regexp_replace(name || ' ' || description || ' ' || coalesce(formula, ''), '[[:punct:][:space:]]+', ' ', 'g'));

-- A version of a draft has no more than the draft had.
CREATE OR REPLACE FUNCTION metric_document(metric metrics) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object(
        'metric_id', metric.metric_id,
        'name', metric.name,
        'business_domain', metric.business_domain,
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
     || CASE WHEN metric.short_name = '' THEN '{}' ELSE jsonb_build_object('short_name', metric.short_name) END
     || CASE WHEN metric.description = '' THEN '{}' ELSE jsonb_build_object('description', metric.description) END
     || CASE WHEN metric.category = '' THEN '{}' ELSE jsonb_build_object('category', metric.category) END
     || CASE WHEN metric.tier = '' THEN '{}' ELSE jsonb_build_object('tier', metric.tier) END
     || CASE WHEN metric.metric_type = '' THEN '{}' ELSE jsonb_build_object('metric_type', metric.metric_type) END
$$;

COMMENT ON COLUMN metrics.short_name IS 'For charts and tables; empty in drafts without one.';
COMMENT ON COLUMN metrics.description IS 'Cleaned HTML; empty in drafts without one.';
COMMENT ON COLUMN metrics.category IS 'Free grouping inside or across domains; empty in drafts without one.';
COMMENT ON COLUMN metrics.tier IS 'Tier-1 (company), Tier-2 (area) or Tier-3 (team); empty in drafts without one.';
COMMENT ON COLUMN metrics.metric_type IS 'leading, lagging or operational; empty in drafts without one.';
COMMENT ON COLUMN metrics.owner_team IS 'governance.owner_team, for filters; null in drafts without one.';
