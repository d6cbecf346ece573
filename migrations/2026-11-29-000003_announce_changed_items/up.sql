-- Every change of the catalogue made all cached responses stale. From now on the trigger says which items a statement has
-- changed, if they are few, so that responses with other items stay fresh. It tells other processes on a channel of its own,
-- before the epoch, because those of the former release understand only a number on mdl_catalogue; and its own transaction in
-- mdl.catalogue_changes, all items since the transaction began.
SET LOCAL lock_timeout = '5s';

CREATE OR REPLACE FUNCTION raise_catalogue_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    most    CONSTANT integer := 20;
    raised  bigint;
    source  text;
    changed bigint;
    items   text;
    earlier text;
BEGIN
    UPDATE catalogue_epochs SET epoch = epoch + 1 RETURNING epoch INTO raised;
    source := CASE TG_OP
        WHEN 'INSERT' THEN '(SELECT %1$I AS id FROM new_rows LIMIT %2$s)'
        WHEN 'DELETE' THEN '(SELECT %1$I AS id FROM old_rows LIMIT %2$s)'
        WHEN 'UPDATE' THEN '(SELECT %1$I AS id FROM new_rows LIMIT %2$s) UNION (SELECT %1$I FROM old_rows LIMIT %2$s)'
    END;
    IF source IS NOT NULL THEN
        -- Ids are at most 100 characters that need no quotes, so that 20 of them fit into a notification.
        EXECUTE format('SELECT count(*), coalesce(string_agg('' '' || %3$L || ''/'' || id, '''' ORDER BY id), '''') FROM ('
            || source || ') AS rows', TG_ARGV[1], most + 1, TG_ARGV[0]) INTO changed, items;
    END IF;
    IF changed <= most THEN
        PERFORM pg_notify('mdl_catalogue_changes', raised || ' items' || items);
    ELSE
        items := NULL;
    END IF;
    PERFORM pg_notify('mdl_catalogue', raised::text);

    earlier := coalesce(current_setting('mdl.catalogue_changes', true), '');
    IF items IS NULL OR earlier LIKE '% all' OR length(earlier) > 4000 THEN
        PERFORM set_config('mdl.catalogue_changes', raised || ' all', true);
    ELSE
        earlier := coalesce(nullif(substr(earlier, strpos(earlier, ' ') + 1), ''), 'items');
        PERFORM set_config('mdl.catalogue_changes', raised || ' ' || earlier || items, true);
    END IF;
    RETURN NULL;
END $$;
DO $do$
BEGIN
    EXECUTE format('ALTER FUNCTION raise_catalogue_epoch() SET search_path = pg_catalog, %I, pg_temp', current_schema());
END $do$;

DROP TRIGGER metrics_epoch ON metrics;
CREATE TRIGGER metrics_epoch_insert AFTER INSERT ON metrics
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION raise_catalogue_epoch('metrics', 'metric_id');
CREATE TRIGGER metrics_epoch_update AFTER UPDATE ON metrics
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION raise_catalogue_epoch('metrics', 'metric_id');
CREATE TRIGGER metrics_epoch_delete AFTER DELETE ON metrics
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION raise_catalogue_epoch('metrics', 'metric_id');
CREATE TRIGGER metrics_epoch_truncate AFTER TRUNCATE ON metrics
    FOR EACH STATEMENT EXECUTE FUNCTION raise_catalogue_epoch('metrics', 'metric_id');

DROP TRIGGER business_domains_epoch ON business_domains;
CREATE TRIGGER business_domains_epoch_insert AFTER INSERT ON business_domains
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION raise_catalogue_epoch('domains', 'domain_id');
CREATE TRIGGER business_domains_epoch_update AFTER UPDATE ON business_domains
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION raise_catalogue_epoch('domains', 'domain_id');
CREATE TRIGGER business_domains_epoch_delete AFTER DELETE ON business_domains
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION raise_catalogue_epoch('domains', 'domain_id');
CREATE TRIGGER business_domains_epoch_truncate AFTER TRUNCATE ON business_domains
    FOR EACH STATEMENT EXECUTE FUNCTION raise_catalogue_epoch('domains', 'domain_id');

COMMENT ON FUNCTION raise_catalogue_epoch() IS 'Raises catalogue_epochs.epoch; announces it on the channel mdl_catalogue, and before that the changed items, if they are few, on mdl_catalogue_changes and in mdl.catalogue_changes. Arguments: path of the items, column of their id.';
