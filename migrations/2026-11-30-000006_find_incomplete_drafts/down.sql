SET LOCAL lock_timeout = '5s';
DROP INDEX metrics_incomplete_idx;
DROP FUNCTION metric_lacks_fields(text, text, text, text, text, jsonb, jsonb, jsonb, jsonb, jsonb, jsonb, jsonb, jsonb, jsonb);
