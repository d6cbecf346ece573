-- Every change of the catalogue gets a position in one order, and a time that never runs back against it. Both are given under
-- the lock that puts the writers in line, the row of catalogue_epochs, by a trigger: so it happens with every writer, also with
-- a process of the former release during an upgrade and with a person by hand. The lock is held until the commit, so a reader
-- that has seen a position never finds a smaller one later.
--
-- The changes up to now keep the positions from 1 to their number; the next migration fills them in.
SET LOCAL lock_timeout = '5s';

ALTER TABLE catalogue_epochs
    ADD COLUMN position   bigint      NOT NULL DEFAULT 0 CHECK (position >= 0),
    ADD COLUMN changed_at timestamptz NOT NULL DEFAULT 'epoch';

CREATE TABLE catalogue_changes (
    position   bigint      PRIMARY KEY CHECK (position > 0),
    changed_at timestamptz NOT NULL,
    kind       text        NOT NULL CHECK (kind IN ('metric', 'domain')),
    item_id    text        NOT NULL,
    revision   integer     NOT NULL CHECK (revision > 0),
    UNIQUE (kind, item_id, revision)
);

CREATE FUNCTION order_changes() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    added  bigint;
    latest timestamptz;
    newest bigint;
    moment timestamptz;
BEGIN
    -- Not those that have a position: pg_restore may bring positions before revisions.
    EXECUTE format('SELECT count(*), max(changed_at) FROM new_rows AS new WHERE NOT EXISTS (SELECT FROM catalogue_changes '
        || 'WHERE kind = %L AND item_id = new.%I AND revision = new.revision)', TG_ARGV[0], TG_ARGV[1]) INTO added, latest;
    IF added = 0 THEN
        RETURN NULL;
    END IF;
    UPDATE catalogue_epochs AS epochs
        SET position = epochs.position + added, changed_at = greatest(epochs.changed_at, latest)
        RETURNING epochs.position, epochs.changed_at INTO newest, moment;
    IF newest IS NULL THEN
        -- pg_restore brings the counter and the positions later.
        RETURN NULL;
    END IF;
    EXECUTE format('INSERT INTO catalogue_changes (position, changed_at, kind, item_id, revision) '
        || 'SELECT $1 + row_number() OVER (ORDER BY %1$I, revision), $2, %2$L, %1$I, revision FROM new_rows '
        || 'ON CONFLICT (kind, item_id, revision) DO NOTHING', TG_ARGV[1], TG_ARGV[0]) USING newest - added, moment;
    -- The service takes its time under the lock, so only others are late.
    IF EXISTS (SELECT FROM new_rows WHERE changed_at < moment) THEN
        EXECUTE format('UPDATE %1$I AS late SET changed_at = $1 FROM new_rows AS new '
            || 'WHERE late.%2$I = new.%2$I AND late.revision = new.revision AND late.changed_at < $1',
            TG_TABLE_NAME, TG_ARGV[1]) USING moment;
    END IF;
    RETURN NULL;
END $$;
DO $do$
BEGIN
    EXECUTE format('ALTER FUNCTION order_changes() SET search_path = pg_catalog, %I, pg_temp', current_schema());
END $do$;
CREATE TRIGGER metric_revisions_ordered AFTER INSERT ON metric_revisions
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION order_changes('metric', 'metric_id');
CREATE TRIGGER business_domain_revisions_ordered AFTER INSERT ON business_domain_revisions
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION order_changes('domain', 'domain_id');

UPDATE catalogue_epochs SET
    position = former.number,
    changed_at = greatest(catalogue_epochs.changed_at, former.latest)
FROM (
    SELECT sum(number) AS number, max(latest) AS latest FROM (
        SELECT count(*) AS number, max(changed_at) AS latest FROM metric_revisions
        UNION ALL
        SELECT count(*), max(changed_at) FROM business_domain_revisions
    ) AS parts
) AS former;

COMMENT ON COLUMN catalogue_epochs.position IS 'The last position in catalogue_changes.';
COMMENT ON COLUMN catalogue_epochs.changed_at IS 'The time of the last change; the next one has no earlier time.';
COMMENT ON TABLE catalogue_changes IS 'The order of all changes of metrics and business domains. A position is given under the writers'' lock, so that none becomes visible after a later one.';
COMMENT ON COLUMN catalogue_changes.position IS '1, 2, 3 …';
COMMENT ON COLUMN catalogue_changes.changed_at IS 'When; never earlier than at a smaller position.';
COMMENT ON COLUMN catalogue_changes.kind IS 'metric or domain.';
COMMENT ON COLUMN catalogue_changes.item_id IS 'Which metric or domain.';
COMMENT ON COLUMN catalogue_changes.revision IS 'The row of metric_revisions or business_domain_revisions.';
COMMENT ON FUNCTION order_changes() IS 'Gives revisions their positions in catalogue_changes, once a statement. Arguments: kind of the items, column of their id.';
