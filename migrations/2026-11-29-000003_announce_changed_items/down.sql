SET LOCAL lock_timeout = '5s';

DROP TRIGGER metrics_epoch_insert ON metrics;
DROP TRIGGER metrics_epoch_update ON metrics;
DROP TRIGGER metrics_epoch_delete ON metrics;
DROP TRIGGER metrics_epoch_truncate ON metrics;
DROP TRIGGER business_domains_epoch_insert ON business_domains;
DROP TRIGGER business_domains_epoch_update ON business_domains;
DROP TRIGGER business_domains_epoch_delete ON business_domains;
DROP TRIGGER business_domains_epoch_truncate ON business_domains;

CREATE OR REPLACE FUNCTION raise_catalogue_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    raised bigint;
BEGIN
    UPDATE catalogue_epochs SET epoch = epoch + 1 RETURNING epoch INTO raised;
    PERFORM pg_notify('mdl_catalogue', raised::text);
    RETURN NULL;
END $$;
DO $do$
BEGIN
    EXECUTE format('ALTER FUNCTION raise_catalogue_epoch() SET search_path = pg_catalog, %I, pg_temp', current_schema());
END $do$;
CREATE TRIGGER metrics_epoch AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON metrics
    FOR EACH STATEMENT EXECUTE FUNCTION raise_catalogue_epoch();
CREATE TRIGGER business_domains_epoch AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON business_domains
    FOR EACH STATEMENT EXECUTE FUNCTION raise_catalogue_epoch();

COMMENT ON FUNCTION raise_catalogue_epoch() IS 'Raises catalogue_epochs.epoch and announces it on the channel mdl_catalogue.';
