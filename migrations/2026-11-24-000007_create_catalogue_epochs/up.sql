-- A counter that every change of the catalogue raises in its own transaction. What was read under the present epoch is
-- fresh. A row, not a sequence: a sequence would move before the commit and make old data look fresh. Its lock puts the
-- catalogue's writers in line, on purpose: they are few, its readers many.
CREATE TABLE catalogue_epochs (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    epoch     bigint  NOT NULL CHECK (epoch > 0)
);
INSERT INTO catalogue_epochs (epoch) VALUES (1);

CREATE FUNCTION raise_catalogue_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    raised bigint;
BEGIN
    UPDATE catalogue_epochs SET epoch = epoch + 1 RETURNING epoch INTO raised;
    PERFORM pg_notify('mdl_catalogue', raised::text);
    RETURN NULL;
END $$;
CREATE TRIGGER metrics_epoch AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON metrics
    FOR EACH STATEMENT EXECUTE FUNCTION raise_catalogue_epoch();
CREATE TRIGGER business_domains_epoch AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON business_domains
    FOR EACH STATEMENT EXECUTE FUNCTION raise_catalogue_epoch();

COMMENT ON FUNCTION raise_catalogue_epoch() IS 'Raises catalogue_epochs.epoch and announces it on the channel mdl_catalogue.';
COMMENT ON TABLE catalogue_epochs IS 'One row: how often the catalogue has changed, for memories of it.';
COMMENT ON COLUMN catalogue_epochs.singleton IS 'Always true: there is one row.';
COMMENT ON COLUMN catalogue_epochs.epoch IS 'Raised by each statement that changes metrics or business domains.';
