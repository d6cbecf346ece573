SET LOCAL lock_timeout = '5s';
ALTER TABLE audit_events DROP COLUMN trace_id;
