-- Which drafts lack fields, for the filter `completeness` of lists. The rule is that of the service: the fields that the schema
-- of a metric calls required. A test compares both for every field of a metric (api::completeness). Whoever adds a required
-- field replaces the function and builds the index again, in one migration.
--
-- No column: adding one would rewrite the table. The index has the incomplete drafts alone, so it is small, and PostgreSQL
-- keeps it for every writer. Writers of the catalogue wait while it is built: each metric is read once, and drafts are looked
-- through.
SET LOCAL lock_timeout = '5s';
SELECT epoch FROM catalogue_epochs FOR UPDATE;

-- `!= null` holds for a field that is there, and for a list with an item. plpgsql, because a function in SQL would be
-- replaced by its body, whose cost the planner takes for little.
CREATE FUNCTION metric_lacks_fields(short_name text, description text, category text, tier text, metric_type text,
    alignment jsonb, definition jsonb, data jsonb, governance jsonb, dimensions jsonb, targets_and_alerts jsonb,
    visualization jsonb, operational_usage jsonb, example_queries jsonb) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 1000 AS $$
BEGIN
    RETURN NOT coalesce(
        short_name <> '' AND description <> '' AND category <> '' AND tier <> '' AND metric_type <> ''
        AND alignment @? '$ ? (@.strategic_pillar != null && @.why_it_matters != null)'
        AND definition @? '$ ? (@.formula != null && @.formula_detail != null && @.numerator.event_name != null
            && @.denominator.event_name != null && @.unit != null && @.expected_direction != null
            && exists(@.example_calculation ? (@ != null)))'
        AND data @? '$ ? (@.primary_sources != null && @.data_freshness != null && @.update_frequency != null
            && @.time_grain != null && @.data_retention != null
            && !exists(@.primary_sources[*] ? (!(@.system != null && @.table_or_stream != null && @.connection_id != null)))
            && !exists(@.secondary_sources[*] ? (!(@.system != null && @.table_or_stream != null
                && @.connection_id != null))))'
        AND governance @? '$ ? (@.data_classification != null && @.pii_involved != null && @.owner_team != null
            && @.technical_owner != null && @.business_owner != null && @.version != null && @.created_at != null
            && @.updated_at != null)'
        AND NOT dimensions @? '$[*] ? (!(@.name != null))'
        AND targets_and_alerts @? '$ ? (@.target_value != null && @.warning_threshold != null
            && @.critical_threshold != null && @.comparison_baseline != null
            && !exists(@.alert_rules[*] ? (!(@.rule_id != null && @.condition != null && @.severity != null
                && @.notify_channels != null && @.evaluation_window != null))))'
        AND visualization @? '$ ? (@.default_chart_type != null && @.default_time_range != null
            && !exists(@.dashboard_locations[*] ? (!(@.tool != null && @.url != null))))'
        AND operational_usage @? '$ ? (@.decision_use_cases != null && @.review_cadence != null
            && !exists(@.linked_playbooks[*] ? (!(@.name != null && @.url != null))))'
        AND NOT example_queries @? '$[*] ? (!(@.language != null && @.query != null))',
        false);
END $$;

CREATE INDEX metrics_incomplete_idx ON metrics (metric_id) WHERE status = 'draft' AND metric_lacks_fields(short_name,
    description, category, tier, metric_type, alignment, definition, data, governance, dimensions, targets_and_alerts,
    visualization, operational_usage, example_queries);

COMMENT ON FUNCTION metric_lacks_fields(text, text, text, text, text, jsonb, jsonb, jsonb, jsonb, jsonb, jsonb, jsonb, jsonb, jsonb)
    IS 'Whether a metric lacks a field that active and deprecated ones need, by the rule of the service.';
COMMENT ON INDEX metrics_incomplete_idx IS 'The drafts that lack fields.';
