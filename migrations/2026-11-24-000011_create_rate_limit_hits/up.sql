CREATE TABLE rate_limit_hits (
    hit_id     uuid   NOT NULL,
    subject    text   NOT NULL CHECK (char_length(subject) BETWEEN 1 AND 200),
    hit_at     bigint NOT NULL,
    expires_at bigint NOT NULL,
    PRIMARY KEY (subject, hit_at, hit_id)
);

-- What is over is cleared away by those who come later.
CREATE INDEX rate_limit_hits_expires_at_idx ON rate_limit_hits (expires_at);
CREATE INDEX rate_limit_hits_hit_id_idx ON rate_limit_hits (hit_id);

COMMENT ON TABLE rate_limit_hits IS 'What the small limits have counted: failed log-ins, new API keys, requests for password resets. Shared by all processes, and kept over restarts.';
COMMENT ON COLUMN rate_limit_hits.hit_id IS 'Of the request; given back with it.';
COMMENT ON COLUMN rate_limit_hits.subject IS 'Policy, kind and client: an address or the start of an account''s SHA-256.';
COMMENT ON COLUMN rate_limit_hits.hit_at IS 'Milliseconds since 1970.';
COMMENT ON COLUMN rate_limit_hits.expires_at IS 'When it counts no more, milliseconds since 1970.';
