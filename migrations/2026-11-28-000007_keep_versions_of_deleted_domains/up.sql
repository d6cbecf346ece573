-- A domain that was deleted and is created again started at version 1, so that an old ETag matched another content. Metrics
-- find their last version in metric_revisions, which is kept; a domain has no history, so its last version is kept here.
CREATE TABLE deleted_business_domains (
    domain_id  text        PRIMARY KEY,
    version    integer     NOT NULL CHECK (version > 0),
    deleted_at timestamptz NOT NULL
);

COMMENT ON TABLE deleted_business_domains IS 'The last version of each business domain that does not exist any more, so that no ETag is used twice.';
COMMENT ON COLUMN deleted_business_domains.domain_id IS 'As in business_domains. The row is deleted when the domain is created again.';
COMMENT ON COLUMN deleted_business_domains.version IS 'The version that it had; a new domain of this id begins with the next one.';
COMMENT ON COLUMN deleted_business_domains.deleted_at IS 'When it was deleted.';

-- A trigger, so that the version is also kept if a process of the former release deletes the domain during an upgrade.
CREATE FUNCTION keep_version_of_deleted_domain() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO deleted_business_domains AS kept (domain_id, version, deleted_at)
    VALUES (OLD.domain_id, OLD.version, now())
    ON CONFLICT (domain_id) DO UPDATE
        SET version = greatest(kept.version, excluded.version), deleted_at = excluded.deleted_at;
    RETURN NULL;
END $$;
DO $do$
BEGIN
    EXECUTE format('ALTER FUNCTION keep_version_of_deleted_domain() SET search_path = pg_catalog, %I, pg_temp', current_schema());
END $do$;
CREATE TRIGGER business_domains_version_kept AFTER DELETE ON business_domains
    FOR EACH ROW EXECUTE FUNCTION keep_version_of_deleted_domain();

COMMENT ON FUNCTION keep_version_of_deleted_domain() IS 'Keeps the version of a deleted business domain in deleted_business_domains.';
