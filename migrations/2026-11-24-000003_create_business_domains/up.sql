CREATE TABLE business_domains (
    domain_id     text        PRIMARY KEY CHECK (domain_id ~ '^[A-Za-z0-9_-]{1,100}$'),
    name          text        NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
    description   text,
    owner_team    text,
    contact_email text,
    tier_focus    jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(tier_focus) = 'object'),
    key_areas     jsonb       NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(key_areas) = 'array'),
    color         text,
    version       integer     NOT NULL DEFAULT 1 CHECK (version > 0),
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    -- Metrics refer to a domain by its name, as on the wire. The list is sorted by it.
    CONSTRAINT business_domains_name_key UNIQUE (name)
);

COMMENT ON TABLE business_domains IS 'Parts of the business that own metrics.';
COMMENT ON COLUMN business_domains.domain_id IS 'Chosen by the client; never changes.';
COMMENT ON COLUMN business_domains.name IS 'Unique; metrics name their domain by it, and a rename carries them along.';
COMMENT ON COLUMN business_domains.description IS 'Cleaned HTML.';
COMMENT ON COLUMN business_domains.owner_team IS 'The team that answers for the domain.';
COMMENT ON COLUMN business_domains.contact_email IS 'Where to ask.';
COMMENT ON COLUMN business_domains.tier_focus IS 'Free JSON object: what each tier means here.';
COMMENT ON COLUMN business_domains.key_areas IS 'JSON array of texts.';
COMMENT ON COLUMN business_domains.color IS 'For charts, as the client writes it.';
COMMENT ON COLUMN business_domains.version IS 'Raised by each change; the ETag.';
COMMENT ON COLUMN business_domains.created_at IS 'When it was made.';
COMMENT ON COLUMN business_domains.updated_at IS 'When it was last changed.';
