CREATE TABLE sessions (
    session_id   uuid        PRIMARY KEY,
    family_id    uuid        NOT NULL,
    user_id      uuid        NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    token_hash   text        NOT NULL CHECK (token_hash ~ '^[0-9a-f]{64}$'),
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL CHECK (expires_at > created_at),
    rotated_at   timestamptz,
    successor_id uuid,
    revoked_at   timestamptz,
    CHECK ((successor_id IS NULL) = (rotated_at IS NULL))
);

CREATE UNIQUE INDEX sessions_token_hash_key ON sessions (token_hash);
CREATE INDEX sessions_user_id_idx ON sessions (user_id);
CREATE INDEX sessions_family_id_idx ON sessions (family_id);
-- One head a family at most: two rotations of one token cannot both win.
CREATE UNIQUE INDEX sessions_family_head_key ON sessions (family_id) WHERE rotated_at IS NULL;

COMMENT ON TABLE sessions IS 'One row a refresh token. A log-in starts a family; each refresh adds its next member.';
COMMENT ON COLUMN sessions.session_id IS 'The jti of the refresh token.';
COMMENT ON COLUMN sessions.family_id IS 'The log-in that this token descends from; the sid of access tokens.';
COMMENT ON COLUMN sessions.user_id IS 'Whose session it is; it goes with its user.';
COMMENT ON COLUMN sessions.token_hash IS 'SHA-256 of the refresh token, hex.';
COMMENT ON COLUMN sessions.created_at IS 'When the token was issued.';
COMMENT ON COLUMN sessions.expires_at IS 'When the token ends by itself.';
COMMENT ON COLUMN sessions.rotated_at IS 'When it was exchanged for its successor; null for the head of the family.';
COMMENT ON COLUMN sessions.successor_id IS 'The session_id it was exchanged for. No foreign key: old members are cleared away singly.';
COMMENT ON COLUMN sessions.revoked_at IS 'When it was ended early: log-out, password change, reuse, suspension.';
