SET LOCAL lock_timeout = '5s';

DROP TRIGGER business_domain_revisions_ordered ON business_domain_revisions;
DROP TRIGGER metric_revisions_ordered ON metric_revisions;
DROP FUNCTION order_changes();
DROP TABLE catalogue_changes;
ALTER TABLE catalogue_epochs DROP COLUMN changed_at, DROP COLUMN position;
