-- The periods in which versions were the present ones, so that the lists can be shown as of an instant: what is present since
-- before that, and what had its period then. A trigger writes the period of a version when the next revision ends it. Earlier
-- instants than this migration are refused, unless there was nothing before it, because not all contents were kept then.
SET LOCAL lock_timeout = '5s';

ALTER TABLE catalogue_epochs ADD COLUMN versions_since timestamptz;
UPDATE catalogue_epochs SET versions_since = greatest(now(), changed_at)
WHERE EXISTS (SELECT FROM metric_revisions) OR EXISTS (SELECT FROM business_domains)
    OR EXISTS (SELECT FROM business_domain_revisions) OR EXISTS (SELECT FROM deleted_business_domains);

CREATE TABLE metric_periods (
    metric_id   text        NOT NULL,
    version     text        NOT NULL,
    valid_from  timestamptz NOT NULL,
    valid_until timestamptz NOT NULL,
    name        text        NOT NULL,
    PRIMARY KEY (metric_id, version)
);
-- For the default order of the list, and for instants near the beginning or the end.
CREATE INDEX metric_periods_name_idx ON metric_periods (name, metric_id, valid_until, valid_from);
CREATE INDEX metric_periods_valid_until_idx ON metric_periods (valid_until, valid_from);

CREATE TABLE business_domain_periods (
    domain_id   text        NOT NULL,
    version     integer     NOT NULL,
    valid_from  timestamptz NOT NULL,
    valid_until timestamptz NOT NULL,
    name        text        NOT NULL,
    PRIMARY KEY (domain_id, version)
);

-- Its triggers come after those of order_changes() in the order of their names: that may correct the time of a revision.
CREATE FUNCTION end_periods() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('INSERT INTO %1$I (%4$I, version, valid_from, valid_until, name) '
        || 'SELECT kept.%4$I, kept.version, former.changed_at, next.changed_at, kept.content ->> ''name'' '
        || 'FROM new_rows AS new '
        || 'JOIN %3$I AS next ON next.%4$I = new.%4$I AND next.revision = new.revision '
        || 'JOIN %3$I AS former ON former.%4$I = new.%4$I AND former.revision = new.revision - 1 '
        || 'JOIN %2$I AS kept ON kept.%4$I = former.%4$I AND kept.version = former.version '
        || 'WHERE former.change_type <> ''delete'' ON CONFLICT DO NOTHING',
        TG_ARGV[0], TG_ARGV[1], TG_TABLE_NAME, TG_ARGV[2]);
    RETURN NULL;
END $$;
DO $do$
BEGIN
    EXECUTE format('ALTER FUNCTION end_periods() SET search_path = pg_catalog, %I, pg_temp', current_schema());
END $do$;
CREATE TRIGGER metric_revisions_periods AFTER INSERT ON metric_revisions
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION end_periods('metric_periods', 'metric_snapshots', 'metric_id');
CREATE TRIGGER business_domain_revisions_periods AFTER INSERT ON business_domain_revisions
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION end_periods('business_domain_periods', 'business_domain_snapshots', 'domain_id');

COMMENT ON COLUMN catalogue_epochs.versions_since IS 'Lists as of an earlier instant are refused: not all contents were kept then. Null if there was nothing before.';
COMMENT ON TABLE metric_periods IS 'When each kept version of a metric was the present one. The period of the present version has no end, and no row.';
COMMENT ON COLUMN metric_periods.metric_id IS 'As in metric_snapshots.';
COMMENT ON COLUMN metric_periods.version IS 'As in metric_snapshots.';
COMMENT ON COLUMN metric_periods.valid_from IS 'The time of the revision that led to it.';
COMMENT ON COLUMN metric_periods.valid_until IS 'The time of the revision that replaced or deleted it; it was not the present one any more then.';
COMMENT ON COLUMN metric_periods.name IS 'The name of the metric in this version, which lists are sorted by.';
COMMENT ON TABLE business_domain_periods IS 'When each kept version of a business domain was the present one, as in metric_periods.';
COMMENT ON COLUMN business_domain_periods.domain_id IS 'As in business_domain_snapshots.';
COMMENT ON COLUMN business_domain_periods.version IS 'As in business_domain_snapshots.';
COMMENT ON COLUMN business_domain_periods.valid_from IS 'The time of the revision that led to it.';
COMMENT ON COLUMN business_domain_periods.valid_until IS 'The time of the revision that replaced or deleted it.';
COMMENT ON COLUMN business_domain_periods.name IS 'The name of the domain in this version.';
COMMENT ON FUNCTION end_periods() IS 'Writes the period of each version that new revisions end, once a statement. Arguments: table of the periods, table of the contents, column of the id.';
