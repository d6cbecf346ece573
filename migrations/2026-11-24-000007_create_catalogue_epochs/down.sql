DROP TRIGGER business_domains_epoch ON business_domains;
DROP TRIGGER metrics_epoch ON metrics;
DROP FUNCTION raise_catalogue_epoch();
DROP TABLE catalogue_epochs;
