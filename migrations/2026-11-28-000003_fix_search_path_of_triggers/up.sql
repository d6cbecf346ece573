-- Trigger functions found their tables by the search path of the session that changes a row. `pg_restore` empties that path,
-- so a restore of data alone failed. From now on the functions have the path of the migration. The trigger of the audit
-- log and metric_search_words name no table.
ALTER FUNCTION count_metrics() SET search_path FROM CURRENT;
ALTER FUNCTION raise_catalogue_epoch() SET search_path FROM CURRENT;
ALTER FUNCTION announce_authority() SET search_path FROM CURRENT;
ALTER FUNCTION announce_authority_of_all() SET search_path FROM CURRENT;
