CREATE OR REPLACE FUNCTION protect_audit_events() RETURNS trigger LANGUAGE plpgsql AS $$
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

DO $do$
BEGIN
    EXECUTE format($create$
        CREATE OR REPLACE FUNCTION purge_audit_events(older_than timestamptz, at_most bigint) RETURNS bigint
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

COMMENT ON FUNCTION protect_audit_events() IS NULL;
COMMENT ON FUNCTION purge_audit_events(timestamptz, bigint) IS 'Deletes at most so many audit events, the oldest first, that are older than an instant and than 30 days. Returns how many.';
