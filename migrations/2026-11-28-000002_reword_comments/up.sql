-- The words of docs/glossary.md.
COMMENT ON TABLE authority_epochs IS 'One row: the number of changes that ended or narrowed what a caller may do. Caches compare it.';
COMMENT ON COLUMN authority_epochs.epoch IS 'Raised once for each user, session or API key that is affected; consecutive rows of one user count once.';
COMMENT ON FUNCTION announce_authority() IS 'Raises authority_epochs.epoch and sends an invalidation event on the channel mdl_authority: epoch, milliseconds since 1970, and what is affected.';
COMMENT ON FUNCTION announce_authority_of_all() IS 'Does the same for a table that was truncated: everything is affected.';
COMMENT ON TABLE catalogue_epochs IS 'One row: the number of changes of the catalogue. Caches compare it.';
COMMENT ON TABLE idempotency_keys IS 'Responses to creations with an Idempotency-Key, stored in the transaction of the creation.';
COMMENT ON COLUMN idempotency_keys.user_id IS 'Keys of different users are independent; they are deleted with their user.';
COMMENT ON COLUMN idempotency_keys.etag IS 'ETag of the response.';
COMMENT ON COLUMN idempotency_keys.body IS 'Body of the response.';
COMMENT ON TABLE caller_hits IS 'Requests of callers with their own rate limit, counted by each process and exchanged once a second.';
COMMENT ON TABLE password_resets IS 'Password resets that were requested. Only the last one of a user is valid.';
