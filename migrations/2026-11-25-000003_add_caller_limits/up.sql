ALTER TABLE api_keys ADD COLUMN rate_limit integer CHECK (rate_limit BETWEEN 1 AND 100000);
COMMENT ON COLUMN api_keys.rate_limit IS 'Requests per window of a caller; null for the limit of all callers. Without such a limit it has no effect.';

-- A changed rate limit reaches the caches of other processes, as a changed scope does.
DROP TRIGGER api_keys_authority_changed ON api_keys;
CREATE CONSTRAINT TRIGGER api_keys_authority_changed AFTER UPDATE ON api_keys
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((OLD.revoked_at, OLD.expires_at, OLD.scopes, OLD.key_hash, OLD.user_id, OLD.rate_limit)
        IS DISTINCT FROM (NEW.revoked_at, NEW.expires_at, NEW.scopes, NEW.key_hash, NEW.user_id, NEW.rate_limit))
    EXECUTE FUNCTION announce_authority();

CREATE TABLE caller_hits (
    subject    text    NOT NULL CHECK (char_length(subject) BETWEEN 1 AND 64),
    slot_at    bigint  NOT NULL,
    process_id uuid    NOT NULL,
    hits       integer NOT NULL CHECK (hits >= 0),
    expires_at bigint  NOT NULL,
    PRIMARY KEY (subject, slot_at, process_id)
);
CREATE INDEX caller_hits_expires_at_idx ON caller_hits (expires_at);

COMMENT ON TABLE caller_hits IS 'Requests of callers with their own rate limit, as each process has counted them; exchanged once a second.';
COMMENT ON COLUMN caller_hits.subject IS 'The caller: key or user, and its id.';
COMMENT ON COLUMN caller_hits.slot_at IS 'Begin of the slot of time, a sixtieth of the window; milliseconds since 1970.';
COMMENT ON COLUMN caller_hits.process_id IS 'The process that has counted; another one after each start.';
COMMENT ON COLUMN caller_hits.hits IS 'Its requests in this slot so far.';
COMMENT ON COLUMN caller_hits.expires_at IS 'When the row counts no more; milliseconds since 1970.';
