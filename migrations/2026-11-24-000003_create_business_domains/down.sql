DROP TABLE business_domains;
