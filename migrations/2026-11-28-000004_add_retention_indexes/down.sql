DROP INDEX password_resets_expires_at_idx;
DROP INDEX api_keys_ended_idx;
DROP INDEX sessions_ended_idx;
