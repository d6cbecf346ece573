CREATE TABLE idempotency_keys (
    user_id      uuid        NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    key          text        NOT NULL CHECK (char_length(key) BETWEEN 1 AND 255),
    request_hash text        NOT NULL CHECK (request_hash ~ '^[0-9a-f]{64}$'),
    etag         text        NOT NULL,
    body         text        NOT NULL,
    expires_at   timestamptz NOT NULL,
    PRIMARY KEY (user_id, key)
);
-- For clearing away what has expired.
CREATE INDEX idempotency_keys_expires_at_idx ON idempotency_keys (expires_at);

COMMENT ON TABLE idempotency_keys IS 'Answers to creations with an Idempotency-Key, written in the transaction of the change itself.';
COMMENT ON COLUMN idempotency_keys.user_id IS 'Keys of different users never meet; they go with their user.';
COMMENT ON COLUMN idempotency_keys.key IS 'As the client sent it.';
COMMENT ON COLUMN idempotency_keys.request_hash IS 'SHA-256 of the request body, hex: the same key with another body is an error.';
COMMENT ON COLUMN idempotency_keys.etag IS 'ETag of the answer.';
COMMENT ON COLUMN idempotency_keys.body IS 'Body of the answer.';
COMMENT ON COLUMN idempotency_keys.expires_at IS '24 hours after its first use; from then on it may be used anew.';
