SET LOCAL lock_timeout = '5s';
ALTER TABLE metric_revisions DROP CONSTRAINT metric_revisions_channel_check,
    ADD CONSTRAINT metric_revisions_channel_check
        CHECK (channel IN ('api', 'import', 'restore', 'domain_rename', 'command')) NOT VALID;
