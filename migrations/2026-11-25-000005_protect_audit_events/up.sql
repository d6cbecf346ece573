-- The audit log is append-only, for its owner too: UPDATE and TRUNCATE always fail, DELETE fails outside of
-- purge_audit_events, and no row younger than 30 days is deleted by anybody. What remains possible to the owner is to drop
-- the triggers, which is a change of the schema and shows there.
CREATE FUNCTION protect_audit_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('mdl.audit_purge', true) = 'on' THEN
        IF TG_LEVEL = 'STATEMENT' THEN
            RETURN NULL;
        ELSIF OLD.occurred_at < now() - interval '30 days' THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION 'audit_events is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION protect_audit_events();
CREATE TRIGGER audit_events_kept_30_days BEFORE DELETE ON audit_events
    FOR EACH ROW EXECUTE FUNCTION protect_audit_events();
-- Also where session_replication_role switches ordinary triggers off.
ALTER TABLE audit_events ENABLE ALWAYS TRIGGER audit_events_append_only;
ALTER TABLE audit_events ENABLE ALWAYS TRIGGER audit_events_kept_30_days;

-- The function runs with its owner's rights, so its search path is fixed: to the schema of the table, whatever its name is.
DO $do$
BEGIN
    EXECUTE format($create$
        CREATE FUNCTION purge_audit_events(older_than timestamptz, at_most bigint) RETURNS bigint
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, %1$I, pg_temp AS $$
        DECLARE
            purged bigint;
        BEGIN
            -- Whatever the caller's clock says.
            older_than := least(older_than, now() - interval '30 days');
            PERFORM set_config('mdl.audit_purge', 'on', true);
            DELETE FROM %1$I.audit_events WHERE event_id IN (
                SELECT event_id FROM %1$I.audit_events WHERE occurred_at < older_than
                ORDER BY occurred_at, event_id LIMIT at_most
            );
            GET DIAGNOSTICS purged = ROW_COUNT;
            PERFORM set_config('mdl.audit_purge', 'off', true);
            RETURN purged;
        END $$
    $create$, current_schema());
END $do$;

REVOKE ALL ON FUNCTION purge_audit_events(timestamptz, bigint) FROM PUBLIC;

COMMENT ON FUNCTION purge_audit_events(timestamptz, bigint) IS 'Deletes at most so many audit events, the oldest first, that are older than an instant and than 30 days. Returns how many.';
