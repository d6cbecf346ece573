-- What a log-in is shown as, and its absolute end. The default serves processes of the version before this one during an
-- upgrade; this version always says it.
ALTER TABLE sessions
    ADD COLUMN family_started_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN address           text CHECK (char_length(address) <= 100),
    ADD COLUMN user_agent        text CHECK (char_length(user_agent) BETWEEN 1 AND 200);

UPDATE sessions AS session SET family_started_at = family.started_at
    FROM (SELECT family_id, min(created_at) AS started_at FROM sessions GROUP BY family_id) AS family
    WHERE family.family_id = session.family_id;

-- From now on a family has at most two members: its head, and the parent that was exchanged for it.
DELETE FROM sessions AS session
    WHERE session.rotated_at IS NOT NULL
    AND NOT EXISTS (
        SELECT FROM sessions AS head
        WHERE head.session_id = session.successor_id AND head.rotated_at IS NULL AND head.revoked_at IS NULL
    );

COMMENT ON TABLE sessions IS 'Refresh tokens, at most two of a log-in: the head of its family, and its parent, which may be replayed for a moment.';
COMMENT ON COLUMN sessions.successor_id IS 'The session_id it was exchanged for. No foreign key: rotation deletes the grandparent.';
COMMENT ON COLUMN sessions.revoked_at IS 'When the family was ended early (log-out, password change, reuse, suspension); set on its head only.';
COMMENT ON COLUMN sessions.family_started_at IS 'When the user logged in; the same in each member of the family.';
COMMENT ON COLUMN sessions.address IS 'The client IP that the token was issued to.';
COMMENT ON COLUMN sessions.user_agent IS 'The User-Agent that the token was issued to: the first 200 characters, without control characters.';

-- Ending a family changes its head only. Several rows of one user (all of its families; a deleted user with its sessions) are
-- one announcement: the last one of a transaction is kept in a setting that ends with it.
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

DROP TRIGGER sessions_authority_ended ON sessions;
CREATE CONSTRAINT TRIGGER sessions_authority_ended AFTER UPDATE ON sessions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.revoked_at IS DISTINCT FROM NEW.revoked_at AND NEW.rotated_at IS NULL)
    EXECUTE FUNCTION announce_authority();

COMMENT ON COLUMN authority_epochs.epoch IS 'Raised for each row that is concerned; once for rows of the same user that follow each other.';
