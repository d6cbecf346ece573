SET LOCAL lock_timeout = '5s';

DROP TRIGGER business_domain_revisions_periods ON business_domain_revisions;
DROP TRIGGER metric_revisions_periods ON metric_revisions;
DROP FUNCTION end_periods();
DROP TABLE business_domain_periods;
DROP TABLE metric_periods;
ALTER TABLE catalogue_epochs DROP COLUMN versions_since;
