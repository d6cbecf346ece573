SET LOCAL lock_timeout = '5s';

DROP TRIGGER business_domains_kept_delete ON business_domains;
DROP TRIGGER business_domains_kept_update ON business_domains;
DROP FUNCTION keep_replaced_domains();
DROP FUNCTION business_domain_document(business_domains);
DROP FUNCTION business_domain_instant(timestamptz);
DROP TABLE business_domain_snapshots;
DROP TABLE business_domain_revisions;
