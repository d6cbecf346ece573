DROP TRIGGER sessions_authority_deleted ON sessions;
DROP TRIGGER sessions_authority_ended ON sessions;
CREATE CONSTRAINT TRIGGER sessions_authority_ended AFTER UPDATE ON sessions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.revoked_at IS DISTINCT FROM NEW.revoked_at AND NEW.rotated_at IS NULL)
    EXECUTE FUNCTION announce_authority();

CREATE OR REPLACE FUNCTION announce_authority() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    raised  bigint;
    concern text;
BEGIN
    IF TG_TABLE_NAME = 'api_keys' THEN
        concern := 'key ' || OLD.key_id;
    ELSIF TG_TABLE_NAME = 'sessions' THEN
        concern := 'sessions ' || OLD.user_id;
    ELSE
        concern := 'user ' || OLD.user_id;
    END IF;
    IF current_setting('mdl.announced', true) = concern THEN
        RETURN NULL;
    END IF;
    PERFORM set_config('mdl.announced', concern, true);
    UPDATE authority_epochs SET epoch = epoch + 1 RETURNING epoch INTO raised;
    PERFORM pg_notify('mdl_authority',
        raised || ' ' || (extract(epoch FROM clock_timestamp()) * 1000)::bigint || ' ' || concern);
    RETURN NULL;
END $$;
DO $do$
BEGIN
    EXECUTE format('ALTER FUNCTION announce_authority() SET search_path = pg_catalog, %I, pg_temp', current_schema());
END $do$;
