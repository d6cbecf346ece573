-- A service with NOTIFY_ENABLED=false must send no notification, because its database, or what is in front of it, has none. The
-- triggers send them, so each session says whether they do, in mdl.notify: without the setting they do, as before, also for
-- processes of the former release. The epochs are raised in any case.
CREATE FUNCTION announce(channel text, payload text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('mdl.notify', true) = 'off' THEN
        RETURN;
    END IF;
    PERFORM pg_notify(channel, payload);
END $$;
COMMENT ON FUNCTION announce(text, text) IS 'Sends a notification, unless the setting mdl.notify of the session is off.';

CREATE OR REPLACE FUNCTION raise_catalogue_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    most    CONSTANT integer := 20;
    raised  bigint;
    source  text;
    changed bigint;
    items   text;
    earlier text;
BEGIN
    UPDATE catalogue_epochs SET epoch = epoch + 1 RETURNING epoch INTO raised;
    source := CASE TG_OP
        WHEN 'INSERT' THEN '(SELECT %1$I AS id FROM new_rows LIMIT %2$s)'
        WHEN 'DELETE' THEN '(SELECT %1$I AS id FROM old_rows LIMIT %2$s)'
        WHEN 'UPDATE' THEN '(SELECT %1$I AS id FROM new_rows LIMIT %2$s) UNION (SELECT %1$I FROM old_rows LIMIT %2$s)'
    END;
    IF source IS NOT NULL THEN
        -- Ids are at most 100 characters that need no quotes, so that 20 of them fit into a notification.
        EXECUTE format('SELECT count(*), coalesce(string_agg('' '' || %3$L || ''/'' || id, '''' ORDER BY id), '''') FROM ('
            || source || ') AS rows', TG_ARGV[1], most + 1, TG_ARGV[0]) INTO changed, items;
    END IF;
    IF changed <= most THEN
        PERFORM announce('mdl_catalogue_changes', raised || ' items' || items);
    ELSE
        items := NULL;
    END IF;
    PERFORM announce('mdl_catalogue', raised::text);

    earlier := coalesce(current_setting('mdl.catalogue_changes', true), '');
    IF items IS NULL OR earlier LIKE '% all' OR length(earlier) > 4000 THEN
        PERFORM set_config('mdl.catalogue_changes', raised || ' all', true);
    ELSE
        earlier := coalesce(nullif(substr(earlier, strpos(earlier, ' ') + 1), ''), 'items');
        PERFORM set_config('mdl.catalogue_changes', raised || ' ' || earlier || items, true);
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION announce_authority() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    raised  bigint;
    concern text;
BEGIN
    -- A refresh: the family lives on in its successor.
    IF TG_TABLE_NAME = 'sessions' AND TG_OP = 'UPDATE' THEN
        IF NEW.rotated_at IS NOT NULL
            AND EXISTS (SELECT FROM sessions WHERE session_id = NEW.successor_id) THEN
            RETURN NULL;
        END IF;
    END IF;
    IF TG_TABLE_NAME = 'api_keys' THEN
        concern := 'key ' || OLD.key_id;
    ELSIF TG_TABLE_NAME = 'sessions' THEN
        concern := 'sessions ' || OLD.user_id;
    ELSE
        concern := 'user ' || OLD.user_id;
    END IF;
    -- An event for a user covers its sessions and keys, which are deleted with it.
    IF current_setting('mdl.announced', true) = concern
        OR current_setting('mdl.announced_user', true) = 'user ' || OLD.user_id THEN
        RETURN NULL;
    END IF;
    PERFORM set_config('mdl.announced', concern, true);
    IF TG_TABLE_NAME = 'users' THEN
        PERFORM set_config('mdl.announced_user', concern, true);
    END IF;
    UPDATE authority_epochs SET epoch = epoch + 1 RETURNING epoch INTO raised;
    PERFORM announce('mdl_authority',
        raised || ' ' || (extract(epoch FROM clock_timestamp()) * 1000)::bigint || ' ' || concern);
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION announce_authority_of_all() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    raised bigint;
BEGIN
    UPDATE authority_epochs SET epoch = epoch + 1 RETURNING epoch INTO raised;
    PERFORM announce('mdl_authority',
        raised || ' ' || (extract(epoch FROM clock_timestamp()) * 1000)::bigint || ' all');
    RETURN NULL;
END $$;

DO $do$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['raise_catalogue_epoch', 'announce_authority', 'announce_authority_of_all'] LOOP
        EXECUTE format('ALTER FUNCTION %I() SET search_path = pg_catalog, %I, pg_temp', name, current_schema());
    END LOOP;
END $do$;
