-- The words of a text for full-text search: everything that is not part of a word becomes a space, so that
-- "orders/day", "R&D" or "a<b" are found by their parts. Not citext or pg_trgm: the embedded database has neither.
CREATE FUNCTION metric_search_words(name text, description text, formula text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN to_tsvector('simple'::regconfig,
        regexp_replace(name || ' ' || description || ' ' || formula, '[[:punct:][:space:]]+', ' ', 'g'));

CREATE TABLE metrics (
    metric_id          text        PRIMARY KEY CHECK (metric_id ~ '^[A-Za-z0-9_-]{1,100}$'),
    name               text        NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
    short_name         text        NOT NULL CHECK (char_length(short_name) BETWEEN 1 AND 100),
    description        text        NOT NULL CHECK (char_length(description) BETWEEN 1 AND 2000),
    category           text        NOT NULL CHECK (char_length(category) BETWEEN 1 AND 100),
    tier               text        NOT NULL CHECK (tier IN ('Tier-1', 'Tier-2', 'Tier-3')),
    business_domain    text        NOT NULL,
    metric_type        text        NOT NULL CHECK (metric_type IN ('leading', 'lagging', 'operational')),
    tags               jsonb       NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(tags) = 'array'),
    alignment          jsonb       NOT NULL,
    definition         jsonb       NOT NULL,
    data               jsonb       NOT NULL,
    governance         jsonb       NOT NULL,
    dimensions         jsonb       NOT NULL,
    targets_and_alerts jsonb       NOT NULL,
    visualization      jsonb       NOT NULL,
    relationships      jsonb       NOT NULL,
    operational_usage  jsonb       NOT NULL,
    notes              text,
    example_queries    jsonb       NOT NULL DEFAULT '[]',
    version            text        NOT NULL CHECK (version ~ '^[0-9]+\.[0-9]+\.[0-9]+$'),
    revision           integer     NOT NULL CHECK (revision > 0),
    created_at         timestamptz NOT NULL,
    created_by         text        NOT NULL,
    updated_at         timestamptz NOT NULL,
    updated_by         text        NOT NULL,
    change_history     jsonb       NOT NULL DEFAULT '[]',
    status             text        GENERATED ALWAYS AS (governance ->> 'status') STORED NOT NULL
                                   CHECK (status IN ('active', 'deprecated', 'draft')),
    owner_team         text        GENERATED ALWAYS AS (governance ->> 'owner_team') STORED NOT NULL,
    search             tsvector    GENERATED ALWAYS AS
                                   (metric_search_words(name, description, definition ->> 'formula')) STORED NOT NULL,
    -- A metric always has a domain (so none in use can be deleted), and follows its renaming.
    CONSTRAINT metrics_business_domain_fkey FOREIGN KEY (business_domain)
        REFERENCES business_domains (name) ON UPDATE CASCADE ON DELETE RESTRICT
);

-- One index a sort and direction: ties always go by metric_id, which a backward scan would turn around.
CREATE INDEX metrics_name_idx ON metrics (name, metric_id);
CREATE INDEX metrics_name_desc_idx ON metrics (name DESC, metric_id);
CREATE INDEX metrics_created_at_idx ON metrics (created_at, metric_id);
CREATE INDEX metrics_created_at_desc_idx ON metrics (created_at DESC, metric_id);
CREATE INDEX metrics_updated_at_idx ON metrics (updated_at, metric_id);
CREATE INDEX metrics_updated_at_desc_idx ON metrics (updated_at DESC, metric_id);
CREATE INDEX metrics_tier_idx ON metrics (tier, metric_id);
CREATE INDEX metrics_tier_desc_idx ON metrics (tier DESC, metric_id);
-- One index a filter, in the order of the default sort.
CREATE INDEX metrics_category_idx ON metrics (category, name, metric_id);
CREATE INDEX metrics_business_domain_idx ON metrics (business_domain, name, metric_id);
CREATE INDEX metrics_tier_name_idx ON metrics (tier, name, metric_id);
CREATE INDEX metrics_metric_type_idx ON metrics (metric_type, name, metric_id);
CREATE INDEX metrics_status_idx ON metrics (status, name, metric_id);
CREATE INDEX metrics_owner_team_idx ON metrics (owner_team, name, metric_id);
CREATE INDEX metrics_tags_idx ON metrics USING gin (tags jsonb_path_ops);
CREATE INDEX metrics_search_idx ON metrics USING gin (search);

-- How many metrics there are, so that a page of an unfiltered list need not count them all.
CREATE TABLE catalogue_totals (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    metrics   bigint  NOT NULL CHECK (metrics >= 0)
);
INSERT INTO catalogue_totals (metrics) VALUES (0);

CREATE FUNCTION count_metrics() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        UPDATE catalogue_totals SET metrics = 0;
        RETURN NULL;
    END IF;
    SELECT count(*) INTO n FROM changed;
    IF n > 0 THEN
        UPDATE catalogue_totals SET metrics = metrics + CASE TG_OP WHEN 'INSERT' THEN n ELSE -n END;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER metrics_count_insert AFTER INSERT ON metrics
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_metrics();
CREATE TRIGGER metrics_count_delete AFTER DELETE ON metrics
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_metrics();
CREATE TRIGGER metrics_count_truncate AFTER TRUNCATE ON metrics
    FOR EACH STATEMENT EXECUTE FUNCTION count_metrics();

COMMENT ON FUNCTION metric_search_words(text, text, text) IS 'The full-text words of a metric; the service builds its queries alike.';
COMMENT ON FUNCTION count_metrics() IS 'Keeps catalogue_totals.metrics, once a statement.';
COMMENT ON TABLE metrics IS 'Metric definitions: columns for what the API filters and sorts by, JSON for the sections.';
COMMENT ON COLUMN metrics.metric_id IS 'Chosen by the client; never changes.';
COMMENT ON COLUMN metrics.name IS 'What people call it.';
COMMENT ON COLUMN metrics.short_name IS 'For charts and tables.';
COMMENT ON COLUMN metrics.description IS 'Cleaned HTML.';
COMMENT ON COLUMN metrics.category IS 'Free grouping inside or across domains.';
COMMENT ON COLUMN metrics.tier IS 'Tier-1 (company), Tier-2 (area) or Tier-3 (team).';
COMMENT ON COLUMN metrics.business_domain IS 'The name of its business domain.';
COMMENT ON COLUMN metrics.metric_type IS 'leading, lagging or operational.';
COMMENT ON COLUMN metrics.tags IS 'JSON array of labels; a list filter asks for all of those it names.';
COMMENT ON COLUMN metrics.alignment IS 'Which strategy and objectives it serves.';
COMMENT ON COLUMN metrics.definition IS 'Formula, numerator, denominator, unit; kept byte for byte.';
COMMENT ON COLUMN metrics.data IS 'Where its data comes from and how fresh it is.';
COMMENT ON COLUMN metrics.governance IS 'Owners, classification, status.';
COMMENT ON COLUMN metrics.dimensions IS 'JSON array: what it can be cut by.';
COMMENT ON COLUMN metrics.targets_and_alerts IS 'Target, thresholds and alert rules.';
COMMENT ON COLUMN metrics.visualization IS 'How and where it is shown.';
COMMENT ON COLUMN metrics.relationships IS 'Upstream and downstream metrics, trade-offs.';
COMMENT ON COLUMN metrics.operational_usage IS 'Which decisions it serves.';
COMMENT ON COLUMN metrics.notes IS 'metadata.notes: cleaned HTML.';
COMMENT ON COLUMN metrics.example_queries IS 'metadata.example_queries: JSON array of {language, query}.';
COMMENT ON COLUMN metrics.version IS 'major.minor.patch, raised by each change; the ETag.';
COMMENT ON COLUMN metrics.revision IS 'Number of its last row in metric_revisions.';
COMMENT ON COLUMN metrics.created_at IS 'When it was first stored (governance.created_at is the client''s own).';
COMMENT ON COLUMN metrics.created_by IS 'User name of its first author.';
COMMENT ON COLUMN metrics.updated_at IS 'When it was last changed.';
COMMENT ON COLUMN metrics.updated_by IS 'User name of the author of the last change.';
COMMENT ON COLUMN metrics.change_history IS 'The newest twenty revisions, newest first; all of them are in metric_revisions.';
COMMENT ON COLUMN metrics.status IS 'governance.status, for filters.';
COMMENT ON COLUMN metrics.owner_team IS 'governance.owner_team, for filters.';
COMMENT ON COLUMN metrics.search IS 'The words of name, description and formula.';
COMMENT ON TABLE catalogue_totals IS 'One row of counters that triggers keep.';
COMMENT ON COLUMN catalogue_totals.singleton IS 'Always true: there is one row.';
COMMENT ON COLUMN catalogue_totals.metrics IS 'Number of rows in metrics.';
