CREATE TABLE audit_events (
    event_id    bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    occurred_at timestamptz NOT NULL,
    actor_id    uuid        NOT NULL,
    actor       text        NOT NULL,
    action      text        NOT NULL CHECK (action ~ '^[a-z_]+\.[a-z_]+$'),
    target_id   uuid        NOT NULL,
    target      text        NOT NULL,
    address     text,
    request_id  text,
    details     jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(details) = 'object')
);

CREATE INDEX audit_events_occurred_at_idx ON audit_events (occurred_at, event_id);
CREATE INDEX audit_events_actor_idx ON audit_events (lower(actor), occurred_at, event_id);
CREATE INDEX audit_events_target_id_idx ON audit_events (target_id, occurred_at, event_id);
CREATE INDEX audit_events_action_idx ON audit_events (action, occurred_at, event_id);

COMMENT ON TABLE audit_events IS 'Who did what to whose authority, from where and when; written in the transaction of the deed itself. No foreign keys: it outlives whom it speaks of.';
COMMENT ON COLUMN audit_events.event_id IS 'In the order of writing.';
COMMENT ON COLUMN audit_events.occurred_at IS 'When.';
COMMENT ON COLUMN audit_events.actor_id IS 'The user who did it.';
COMMENT ON COLUMN audit_events.actor IS 'Its user name then.';
COMMENT ON COLUMN audit_events.action IS 'noun.verb, such as api_key.revoked.';
COMMENT ON COLUMN audit_events.target_id IS 'The user or API key that it was done to.';
COMMENT ON COLUMN audit_events.target IS 'The target''s name then.';
COMMENT ON COLUMN audit_events.address IS 'The client''s address; null for a command on the database itself.';
COMMENT ON COLUMN audit_events.request_id IS 'X-Request-ID, which is also in the log.';
COMMENT ON COLUMN audit_events.details IS 'What else there is to say. Never a secret.';
