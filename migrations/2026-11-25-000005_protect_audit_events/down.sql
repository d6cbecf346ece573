DROP FUNCTION purge_audit_events(timestamptz, bigint);
DROP TRIGGER audit_events_kept_30_days ON audit_events;
DROP TRIGGER audit_events_append_only ON audit_events;
DROP FUNCTION protect_audit_events();
