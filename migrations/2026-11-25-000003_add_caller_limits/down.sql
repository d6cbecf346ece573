DROP TABLE caller_hits;
DROP TRIGGER api_keys_authority_changed ON api_keys;
CREATE CONSTRAINT TRIGGER api_keys_authority_changed AFTER UPDATE ON api_keys
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((OLD.revoked_at, OLD.expires_at, OLD.scopes, OLD.key_hash, OLD.user_id)
        IS DISTINCT FROM (NEW.revoked_at, NEW.expires_at, NEW.scopes, NEW.key_hash, NEW.user_id))
    EXECUTE FUNCTION announce_authority();
ALTER TABLE api_keys DROP COLUMN rate_limit;
