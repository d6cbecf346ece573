SET LOCAL lock_timeout = '5s';
-- The trace that a request belongs to, if its client sent one (traceparent). A nullable column without default is added at once,
-- however many rows there are.
ALTER TABLE audit_events ADD COLUMN trace_id uuid;

COMMENT ON COLUMN audit_events.trace_id IS 'The trace-id of the request''s traceparent, in its 128 bits; null if it had none.';
