-- Until now the triggers believed a setting (mdl.audit_purge) that any statement of the service's role could set as well.
-- From now on they look at the call stack: a row is deleted only by a statement of purge_audit_events, and that function
-- writes the row audit.purged itself. Old rows therefore cannot be deleted without a trace.
--
-- The stack has exactly three lines there, whatever the language of the server's messages is: this trigger function, the
-- DELETE, and the function that runs it. Languages differ in what stands before and after the function's signature, so it
-- only must not be the end of a longer name. The last line is always that of the real caller; text that a client puts into
-- its own statement makes further lines. What remains possible to the owner is to replace the functions or to drop the triggers,
-- which is a change of the schema and shows there.
CREATE OR REPLACE FUNCTION protect_audit_events() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    stack  text;
    frames text[];
    signature text;
    place integer;
    before text;
    after text;
BEGIN
    IF TG_OP = 'DELETE' THEN
        GET DIAGNOSTICS stack = PG_CONTEXT;
        frames := string_to_array(stack, E'\n');
        signature := format('%I.purge_audit_events(timestamp with time zone,bigint)', TG_TABLE_SCHEMA);
        place := position(signature IN frames[3]);
        before := substr(' ' || frames[3], place, 1);
        after := substr(frames[3], place + length(signature), 2);
        -- Some languages quote the signature; in a quoted name that contains it, the arguments follow.
        IF array_length(frames, 1) = 3 AND place > 0
            AND (before !~ '[A-Za-z0-9_$."]' OR before = '"' AND after LIKE '"%' AND after <> '"(') THEN
            IF TG_LEVEL = 'STATEMENT' THEN
                RETURN NULL;
            ELSIF OLD.occurred_at < now() - interval '30 days' THEN
                RETURN OLD;
            END IF;
        END IF;
    END IF;
    RAISE EXCEPTION 'audit_events is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;

-- The table's schema is not in the search path, so that the stack names the function with its schema. The DELETE is on one
-- line, because the trigger counts lines. The signature stays: services of the version before this one call it, too.
DO $do$
BEGIN
    EXECUTE format($create$
        CREATE OR REPLACE FUNCTION purge_audit_events(older_than timestamptz, at_most bigint) RETURNS bigint
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            purged bigint;
        BEGIN
            -- Whatever the caller's clock says.
            older_than := least(older_than, now() - interval '30 days');
            DELETE FROM %1$I.audit_events WHERE event_id IN (SELECT event_id FROM %1$I.audit_events WHERE occurred_at < older_than ORDER BY occurred_at, event_id LIMIT at_most);
            GET DIAGNOSTICS purged = ROW_COUNT;
            IF purged > 0 THEN
                INSERT INTO %1$I.audit_events (occurred_at, actor, action, target, channel, details)
                VALUES (now(), 'mdl', 'audit.purged', 'audit_events', 'system', jsonb_build_object(
                    'rows', purged,
                    'older_than', to_char(older_than AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                    'database_role', session_user
                ));
            END IF;
            RETURN purged;
        END $$
    $create$, current_schema());
END $do$;

COMMENT ON FUNCTION protect_audit_events() IS 'Refuses every UPDATE and TRUNCATE of audit_events, and every DELETE but that of purge_audit_events.';
COMMENT ON FUNCTION purge_audit_events(timestamptz, bigint) IS 'Deletes at most so many audit events, the oldest first, that are older than an instant and than 30 days, and records that as audit.purged. Returns how many. To be called at the top level, not by another function.';
