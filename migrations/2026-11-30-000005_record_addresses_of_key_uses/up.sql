SET LOCAL lock_timeout = '5s';
-- Written with last_used_at, behind the requests. It raises no authority epoch: the trigger of this table names its columns.
ALTER TABLE api_keys ADD COLUMN last_used_ip text CHECK (char_length(last_used_ip) BETWEEN 2 AND 45);

COMMENT ON COLUMN api_keys.last_used_ip IS 'The client IP of the last use; null if it was used by no release that records it.';
