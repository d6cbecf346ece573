-- Every security-relevant action and refusal has a row: by callers that nobody knows, on things that have no UUID.
ALTER TABLE audit_events
    ALTER COLUMN actor_id DROP NOT NULL,
    ALTER COLUMN actor DROP NOT NULL,
    ALTER COLUMN target_id DROP NOT NULL,
    ALTER COLUMN target DROP NOT NULL,
    ADD COLUMN outcome text NOT NULL DEFAULT 'success' CHECK (outcome IN ('success', 'refused')),
    ADD COLUMN reason text CHECK ((reason IS NOT NULL) = (outcome = 'refused')),
    ADD COLUMN occurrences bigint NOT NULL DEFAULT 1 CHECK (occurrences > 0),
    ADD COLUMN channel text NOT NULL DEFAULT 'api' CHECK (channel IN ('api', 'command', 'mail', 'system')),
    ADD COLUMN credential text CHECK (credential IN ('session', 'api_key')),
    ADD COLUMN credential_id uuid CHECK ((credential_id IS NULL) = (credential IS NULL)),
    ADD COLUMN server_request_id uuid,
    ADD COLUMN changes jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(changes) = 'object');

-- Commands had no user: the nil UUID stood for that.
UPDATE audit_events SET actor_id = NULL, channel = 'command' WHERE actor_id = '00000000-0000-0000-0000-000000000000';

CREATE INDEX audit_events_target_idx ON audit_events (lower(target), occurred_at, event_id);

COMMENT ON TABLE audit_events IS 'Who did what, or was refused what, from where and when. An action''s row is written in its own transaction; refusals are counted by the minute. No foreign keys: it outlives what it refers to.';
COMMENT ON COLUMN audit_events.occurred_at IS 'When; of several refusals, the first.';
COMMENT ON COLUMN audit_events.actor_id IS 'The user who did it; null if the caller is unknown or no user.';
COMMENT ON COLUMN audit_events.actor IS 'Its user name then, or the command; null if the caller is unknown.';
COMMENT ON COLUMN audit_events.target_id IS 'The user, session or API key that it was done to; null for what has no UUID.';
COMMENT ON COLUMN audit_events.target IS 'The target''s name or id then; of an unknown account, the start of the SHA-256 of its name.';
COMMENT ON COLUMN audit_events.address IS 'The client''s address (of refusals: IPv6 by /64); null for a command on the database itself.';
COMMENT ON COLUMN audit_events.request_id IS 'X-Request-ID, which may be the client''s own.';
COMMENT ON COLUMN audit_events.outcome IS 'success or refused.';
COMMENT ON COLUMN audit_events.reason IS 'Why it was refused: an error code or the name of a rate limit.';
COMMENT ON COLUMN audit_events.occurrences IS 'How many refusals this row stands for.';
COMMENT ON COLUMN audit_events.channel IS 'api, command, mail (the token of a mail) or system (the service itself).';
COMMENT ON COLUMN audit_events.credential IS 'What the caller came with: session or api_key.';
COMMENT ON COLUMN audit_events.credential_id IS 'The session''s family or the key_id.';
COMMENT ON COLUMN audit_events.server_request_id IS 'The request, by the name that the server gave it.';
COMMENT ON COLUMN audit_events.changes IS 'Changed fields: {"field": {"from": …, "to": …}}. Never a secret.';
