SET LOCAL lock_timeout = '5s';

DROP TRIGGER metrics_kept_delete ON metrics;
DROP TRIGGER metrics_kept_update ON metrics;
DROP FUNCTION keep_replaced_metrics();
DROP FUNCTION metric_document(metrics);
DROP TABLE metric_snapshots;
ALTER TABLE metric_revisions DROP COLUMN channel;
