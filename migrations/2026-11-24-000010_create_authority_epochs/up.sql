-- A counter that everything raises, in its own transaction, that ends or shrinks somebody's authority; for memories of who
-- may do what. A row, not a sequence, like catalogue_epochs: its lock makes the order of commits the order of the counter,
-- so that a gap in what is heard tells that something was missed.
CREATE TABLE authority_epochs (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    epoch     bigint  NOT NULL CHECK (epoch > 0)
);
INSERT INTO authority_epochs (epoch) VALUES (1);

-- Row triggers gather who is concerned; the counter is raised last, once for each, at the end of the transaction, so that
-- its lock is held as briefly as can be, and always after the locks of the rows: no two transactions wait for each other.
CREATE FUNCTION announce_authority() RETURNS trigger LANGUAGE plpgsql AS $$
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

CREATE CONSTRAINT TRIGGER api_keys_authority_changed AFTER UPDATE ON api_keys
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((OLD.revoked_at, OLD.expires_at, OLD.scopes, OLD.key_hash, OLD.user_id)
        IS DISTINCT FROM (NEW.revoked_at, NEW.expires_at, NEW.scopes, NEW.key_hash, NEW.user_id))
    EXECUTE FUNCTION announce_authority();
CREATE CONSTRAINT TRIGGER api_keys_authority_ended AFTER DELETE ON api_keys
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION announce_authority();
CREATE CONSTRAINT TRIGGER users_authority_changed AFTER UPDATE ON users
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((OLD.role, OLD.status, OLD.password_hash, OLD.username, OLD.email)
        IS DISTINCT FROM (NEW.role, NEW.status, NEW.password_hash, NEW.username, NEW.email))
    EXECUTE FUNCTION announce_authority();
CREATE CONSTRAINT TRIGGER users_authority_ended AFTER DELETE ON users
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION announce_authority();
CREATE CONSTRAINT TRIGGER sessions_authority_ended AFTER UPDATE ON sessions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.revoked_at IS DISTINCT FROM NEW.revoked_at)
    EXECUTE FUNCTION announce_authority();

-- TRUNCATE fires no row triggers: whoever empties a table by hand ends everybody's authority.
CREATE FUNCTION announce_authority_of_all() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    raised bigint;
BEGIN
    UPDATE authority_epochs SET epoch = epoch + 1 RETURNING epoch INTO raised;
    PERFORM pg_notify('mdl_authority',
        raised || ' ' || (extract(epoch FROM clock_timestamp()) * 1000)::bigint || ' all');
    RETURN NULL;
END $$;
CREATE TRIGGER api_keys_truncated AFTER TRUNCATE ON api_keys
    FOR EACH STATEMENT EXECUTE FUNCTION announce_authority_of_all();
CREATE TRIGGER users_truncated AFTER TRUNCATE ON users
    FOR EACH STATEMENT EXECUTE FUNCTION announce_authority_of_all();
CREATE TRIGGER sessions_truncated AFTER TRUNCATE ON sessions
    FOR EACH STATEMENT EXECUTE FUNCTION announce_authority_of_all();

COMMENT ON FUNCTION announce_authority() IS 'Raises authority_epochs.epoch and announces on the channel mdl_authority: epoch, milliseconds since 1970, and whom it concerns.';
COMMENT ON FUNCTION announce_authority_of_all() IS 'The same for a table that was emptied.';
COMMENT ON TABLE authority_epochs IS 'One row: how often somebody''s authority has ended or changed, for memories of it.';
COMMENT ON COLUMN authority_epochs.singleton IS 'Always true: there is one row.';
COMMENT ON COLUMN authority_epochs.epoch IS 'Raised for each row that is concerned.';
