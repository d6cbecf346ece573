-- What the older schema cannot say becomes the nil UUID or an empty name.
UPDATE audit_events SET
    actor_id = coalesce(actor_id, '00000000-0000-0000-0000-000000000000'),
    actor = coalesce(actor, ''),
    target_id = coalesce(target_id, '00000000-0000-0000-0000-000000000000'),
    target = coalesce(target, '')
WHERE actor_id IS NULL OR actor IS NULL OR target_id IS NULL OR target IS NULL;

DROP INDEX audit_events_target_idx;

ALTER TABLE audit_events
    DROP COLUMN changes,
    DROP COLUMN server_request_id,
    DROP COLUMN credential_id,
    DROP COLUMN credential,
    DROP COLUMN channel,
    DROP COLUMN occurrences,
    DROP COLUMN reason,
    DROP COLUMN outcome,
    ALTER COLUMN actor_id SET NOT NULL,
    ALTER COLUMN actor SET NOT NULL,
    ALTER COLUMN target_id SET NOT NULL,
    ALTER COLUMN target SET NOT NULL;

COMMENT ON TABLE audit_events IS 'Who did what to whose authority, from where and when; written in the transaction of the deed itself. No foreign keys: it outlives whom it speaks of.';
COMMENT ON COLUMN audit_events.occurred_at IS 'When.';
COMMENT ON COLUMN audit_events.actor_id IS 'The user who did it.';
COMMENT ON COLUMN audit_events.actor IS 'Its user name then.';
COMMENT ON COLUMN audit_events.target_id IS 'The user or API key that it was done to.';
COMMENT ON COLUMN audit_events.target IS 'The target''s name then.';
COMMENT ON COLUMN audit_events.address IS 'The client''s address; null for a command on the database itself.';
COMMENT ON COLUMN audit_events.request_id IS 'X-Request-ID, which is also in the log.';
