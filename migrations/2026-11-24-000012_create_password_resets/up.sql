CREATE TABLE password_resets (
    token_hash text        PRIMARY KEY CHECK (token_hash ~ '^[0-9a-f]{64}$'),
    user_id    uuid        NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL CHECK (expires_at > created_at),
    used_at    timestamptz
);

CREATE INDEX password_resets_user_id_idx ON password_resets (user_id);

COMMENT ON TABLE password_resets IS 'Requests to set a new password. A user has one that counts: the last.';
COMMENT ON COLUMN password_resets.token_hash IS 'SHA-256 of the token, hex. The token itself is in the mail only.';
COMMENT ON COLUMN password_resets.user_id IS 'Whose password; the request goes with its user.';
COMMENT ON COLUMN password_resets.created_at IS 'When it was asked for.';
COMMENT ON COLUMN password_resets.expires_at IS 'From this moment on it is refused.';
COMMENT ON COLUMN password_resets.used_at IS 'When it was used, or made void by a later one or another change of the password.';
