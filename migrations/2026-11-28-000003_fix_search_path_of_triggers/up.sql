-- Trigger functions found their tables by the search path of the session that changes a row. `pg_restore` empties that path,
-- so a restore of data alone failed. From now on the functions have the schema of the migration by name: "$user" in the path
-- of its session would be another schema for another role. The trigger of the audit log and metric_search_words name no table.
DO $do$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['count_metrics', 'raise_catalogue_epoch', 'announce_authority', 'announce_authority_of_all'] LOOP
        EXECUTE format('ALTER FUNCTION %I() SET search_path = pg_catalog, %I, pg_temp', name, current_schema());
    END LOOP;
END $do$;
