DROP TRIGGER business_domains_version_kept ON business_domains;
DROP FUNCTION keep_version_of_deleted_domain();
DROP TABLE deleted_business_domains;
