-- Reads all revisions once, and blocks no writer.
SET LOCAL lock_timeout = '5s';
ALTER TABLE metric_revisions VALIDATE CONSTRAINT metric_revisions_channel_check;
