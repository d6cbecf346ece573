-- Business domains get a history and keep the content of their versions, as metrics do. There are few domains, so that the
-- first entry of each is written here; the changes before it are not known.
SET LOCAL lock_timeout = '5s';

CREATE TABLE business_domain_revisions (
    domain_id       text        NOT NULL,
    revision        integer     NOT NULL CHECK (revision > 0),
    version         integer     NOT NULL CHECK (version > 0),
    changed_at      timestamptz NOT NULL,
    changed_by      text        NOT NULL,
    change_type     text        NOT NULL CHECK (change_type IN ('create', 'update', 'delete')),
    fields_changed  jsonb       NOT NULL CHECK (jsonb_typeof(fields_changed) = 'array'),
    changes_summary text        NOT NULL,
    channel         text        CHECK (channel IN ('api', 'import', 'restore', 'domain_rename', 'command')),
    PRIMARY KEY (domain_id, revision)
);

CREATE TABLE business_domain_snapshots (
    domain_id text    NOT NULL,
    version   integer NOT NULL,
    content   jsonb   NOT NULL CHECK (jsonb_typeof(content) = 'object'),
    PRIMARY KEY (domain_id, version)
);

-- The API shows these times without trailing zeros.
CREATE FUNCTION business_domain_instant(instant timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT to_char(instant AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS') || CASE
        WHEN to_char(instant, 'US') = '000000' THEN ''
        WHEN to_char(instant, 'US') LIKE '%000' THEN to_char(instant, '.MS')
        ELSE to_char(instant, '.US')
    END || 'Z'
$$;

CREATE FUNCTION business_domain_document(domain business_domains) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object(
        'domain_id', domain.domain_id,
        'name', domain.name,
        'description', domain.description,
        'owner_team', domain.owner_team,
        'contact_email', domain.contact_email,
        'tier_focus', domain.tier_focus,
        'key_areas', domain.key_areas,
        'color', domain.color,
        'version', domain.version,
        'created_at', business_domain_instant(domain.created_at),
        'updated_at', business_domain_instant(domain.updated_at)
    )
$$;

CREATE FUNCTION keep_replaced_domains() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO business_domain_snapshots (domain_id, version, content)
    SELECT replaced.domain_id, replaced.version, business_domain_document(replaced::business_domains) FROM old_rows AS replaced
    ON CONFLICT (domain_id, version) DO NOTHING;
    RETURN NULL;
END $$;
DO $do$
BEGIN
    EXECUTE format('ALTER FUNCTION keep_replaced_domains() SET search_path = pg_catalog, %I, pg_temp', current_schema());
END $do$;
CREATE TRIGGER business_domains_kept_update AFTER UPDATE ON business_domains
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION keep_replaced_domains();
CREATE TRIGGER business_domains_kept_delete AFTER DELETE ON business_domains
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION keep_replaced_domains();

INSERT INTO business_domain_revisions (domain_id, revision, version, changed_at, changed_by, change_type, fields_changed,
    changes_summary)
SELECT domain_id, 1, version, updated_at, '', CASE version WHEN 1 THEN 'create' ELSE 'update' END, '[]',
    'Changed before versions were recorded'
FROM business_domains;

COMMENT ON TABLE business_domain_revisions IS 'Every change of every business domain. No foreign key on purpose: the history outlives its domain.';
COMMENT ON COLUMN business_domain_revisions.domain_id IS 'Which domain.';
COMMENT ON COLUMN business_domain_revisions.revision IS '1, 2, 3 … without gaps; goes on when a deleted domain is created again.';
COMMENT ON COLUMN business_domain_revisions.version IS 'The version that the change led to; of a deletion the one that it ended.';
COMMENT ON COLUMN business_domain_revisions.changed_at IS 'When.';
COMMENT ON COLUMN business_domain_revisions.changed_by IS 'User name of the author; empty where it is not known.';
COMMENT ON COLUMN business_domain_revisions.change_type IS 'create, update or delete.';
COMMENT ON COLUMN business_domain_revisions.fields_changed IS 'JSON array of the names of the fields that changed.';
COMMENT ON COLUMN business_domain_revisions.changes_summary IS 'One sentence for people.';
COMMENT ON COLUMN business_domain_revisions.channel IS 'How the change was made: api, import, restore or command; null where it is not known.';
COMMENT ON TABLE business_domain_snapshots IS 'The content of each version of a business domain that was replaced or deleted; the present version is the row in business_domains.';
COMMENT ON COLUMN business_domain_snapshots.domain_id IS 'As in business_domain_revisions.';
COMMENT ON COLUMN business_domain_snapshots.version IS 'As in business_domain_revisions; no version is used twice.';
COMMENT ON COLUMN business_domain_snapshots.content IS 'The domain as the API showed it.';
COMMENT ON FUNCTION business_domain_instant(timestamptz) IS 'An instant as the API writes it in business domains.';
COMMENT ON FUNCTION business_domain_document(business_domains) IS 'The content of the version that a row of business_domains is.';
COMMENT ON FUNCTION keep_replaced_domains() IS 'Keeps replaced and deleted rows of business_domains in business_domain_snapshots, once a statement.';
