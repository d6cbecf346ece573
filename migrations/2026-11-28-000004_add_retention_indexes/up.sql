-- For the service's hourly deletion of ended rows. Only the head of a family says when it has ended.
SET LOCAL lock_timeout = '5s';
CREATE INDEX sessions_ended_idx ON sessions (least(expires_at, revoked_at)) WHERE rotated_at IS NULL;
CREATE INDEX api_keys_ended_idx ON api_keys (least(expires_at, revoked_at)) WHERE least(expires_at, revoked_at) IS NOT NULL;
CREATE INDEX password_resets_expires_at_idx ON password_resets (expires_at);
