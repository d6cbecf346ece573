-- Sessions are read from a cache from now on, as API keys are, so everything that ends one is announced, also what no route
-- does but a person may do by hand: deleting a live session, an earlier end, another user, a rotation whose successor does
-- not exist. The service itself deletes only sessions that have ended, which needs no announcement.
CREATE OR REPLACE FUNCTION announce_authority() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    raised  bigint;
    concern text;
BEGIN
    -- A refresh: the family lives on in its successor.
    IF TG_TABLE_NAME = 'sessions' AND TG_OP = 'UPDATE' THEN
        IF NEW.rotated_at IS NOT NULL
            AND EXISTS (SELECT FROM sessions WHERE session_id = NEW.successor_id) THEN
            RETURN NULL;
        END IF;
    END IF;
    IF TG_TABLE_NAME = 'api_keys' THEN
        concern := 'key ' || OLD.key_id;
    ELSIF TG_TABLE_NAME = 'sessions' THEN
        concern := 'sessions ' || OLD.user_id;
    ELSE
        concern := 'user ' || OLD.user_id;
    END IF;
    -- An event for a user covers its sessions and keys, which are deleted with it.
    IF current_setting('mdl.announced', true) = concern
        OR current_setting('mdl.announced_user', true) = 'user ' || OLD.user_id THEN
        RETURN NULL;
    END IF;
    PERFORM set_config('mdl.announced', concern, true);
    IF TG_TABLE_NAME = 'users' THEN
        PERFORM set_config('mdl.announced_user', concern, true);
    END IF;
    UPDATE authority_epochs SET epoch = epoch + 1 RETURNING epoch INTO raised;
    PERFORM pg_notify('mdl_authority',
        raised || ' ' || (extract(epoch FROM clock_timestamp()) * 1000)::bigint || ' ' || concern);
    RETURN NULL;
END $$;
DO $do$
BEGIN
    EXECUTE format('ALTER FUNCTION announce_authority() SET search_path = pg_catalog, %I, pg_temp', current_schema());
END $do$;

DROP TRIGGER sessions_authority_ended ON sessions;
CREATE CONSTRAINT TRIGGER sessions_authority_ended AFTER UPDATE ON sessions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((OLD.rotated_at IS NULL AND NEW.rotated_at IS NOT NULL)
        OR (NEW.rotated_at IS NULL
            AND (NEW.expires_at < OLD.expires_at
                OR (OLD.revoked_at, OLD.user_id, OLD.family_id)
                    IS DISTINCT FROM (NEW.revoked_at, NEW.user_id, NEW.family_id))))
    EXECUTE FUNCTION announce_authority();
CREATE CONSTRAINT TRIGGER sessions_authority_deleted AFTER DELETE ON sessions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.rotated_at IS NULL AND OLD.revoked_at IS NULL AND OLD.expires_at > now())
    EXECUTE FUNCTION announce_authority();
