DROP TRIGGER sessions_authority_ended ON sessions;
CREATE CONSTRAINT TRIGGER sessions_authority_ended AFTER UPDATE ON sessions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.revoked_at IS DISTINCT FROM NEW.revoked_at)
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
    UPDATE authority_epochs SET epoch = epoch + 1 RETURNING epoch INTO raised;
    PERFORM pg_notify('mdl_authority',
        raised || ' ' || (extract(epoch FROM clock_timestamp()) * 1000)::bigint || ' ' || concern);
    RETURN NULL;
END $$;

COMMENT ON COLUMN authority_epochs.epoch IS 'Raised for each row that is concerned.';
COMMENT ON COLUMN sessions.revoked_at IS 'When it was ended early: log-out, password change, reuse, suspension.';
COMMENT ON COLUMN sessions.successor_id IS 'The session_id it was exchanged for. No foreign key: old members are cleared away singly.';
COMMENT ON TABLE sessions IS 'One row a refresh token. A log-in starts a family; each refresh adds its next member.';
ALTER TABLE sessions DROP COLUMN user_agent, DROP COLUMN address, DROP COLUMN family_started_at;
