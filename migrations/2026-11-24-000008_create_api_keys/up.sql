CREATE TABLE api_keys (
    key_id       uuid        PRIMARY KEY,
    user_id      uuid        NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    name         text        NOT NULL CHECK (char_length(name) BETWEEN 1 AND 100),
    description  text        CHECK (char_length(description) BETWEEN 1 AND 500),
    scopes       jsonb       NOT NULL CHECK (jsonb_typeof(scopes) = 'array' AND jsonb_array_length(scopes) > 0),
    key_hash     text        NOT NULL CHECK (key_hash ~ '^[0-9a-f]{64}$'),
    prefix       text        NOT NULL CHECK (char_length(prefix) BETWEEN 1 AND 8),
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz,
    expires_at   timestamptz,
    revoked_at   timestamptz,
    replaces     uuid        REFERENCES api_keys (key_id) ON DELETE SET NULL
);

CREATE UNIQUE INDEX api_keys_key_hash_key ON api_keys (key_hash);
-- A user's keys, newest first.
CREATE INDEX api_keys_user_id_idx ON api_keys (user_id, created_at DESC, key_id DESC);
-- A key is replaced once.
CREATE UNIQUE INDEX api_keys_replaces_key ON api_keys (replaces);

COMMENT ON TABLE api_keys IS 'What programs authenticate with. Revoked and expired keys are kept.';
COMMENT ON COLUMN api_keys.key_id IS 'UUID v7, made by the service.';
COMMENT ON COLUMN api_keys.user_id IS 'The owner; its keys go with it. A key never allows more than its owner''s role does now.';
COMMENT ON COLUMN api_keys.name IS 'What it is for, as its owner says.';
COMMENT ON COLUMN api_keys.description IS 'A little more of it; cleaned HTML.';
COMMENT ON COLUMN api_keys.scopes IS 'JSON array of names such as metrics:read.';
COMMENT ON COLUMN api_keys.key_hash IS 'SHA-256 of the key, hex. The key itself is nowhere.';
COMMENT ON COLUMN api_keys.prefix IS 'The first characters of the key, for its owner to tell it from others.';
COMMENT ON COLUMN api_keys.created_at IS 'When it was made.';
COMMENT ON COLUMN api_keys.last_used_at IS 'When it was last used; written behind the requests, up to ten seconds late.';
COMMENT ON COLUMN api_keys.expires_at IS 'From this moment on it is refused; null if it does not end by itself.';
COMMENT ON COLUMN api_keys.revoked_at IS 'When it was ended; final.';
COMMENT ON COLUMN api_keys.replaces IS 'The key that was rotated into this one.';
