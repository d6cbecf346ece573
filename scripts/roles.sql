-- Creates three roles for MDL and grants them what they need:
--
--   mdl_owner    owns the schema and runs `mdl migrate`
--   mdl_service  is what the service connects as: it can change rows, not the schema
--   mdl_reader   can read the catalogue and its history: no users, sessions, keys or audit events
--
-- Run it as a superuser in the database of MDL, before the first `mdl migrate` and again after each:
--
--   psql -v ON_ERROR_STOP=1 -f scripts/roles.sql DATABASE
--
-- The roles cannot log in until you give them passwords (ALTER ROLE mdl_service LOGIN PASSWORD '...') or grant them to
-- roles that can. Other names: -v owner=... -v service=... -v reader=...
\if :{?owner} \else \set owner mdl_owner \endif
\if :{?service} \else \set service mdl_service \endif
\if :{?reader} \else \set reader mdl_reader \endif

SELECT format('CREATE ROLE %I', name)
FROM unnest(ARRAY[:'owner', :'service', :'reader']) AS wanted(name)
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec

SELECT format('GRANT CONNECT ON DATABASE %I TO %I, %I, %I', current_database(), :'owner', :'service', :'reader') \gexec
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO :"owner";
GRANT USAGE ON SCHEMA public TO :"service", :"reader";

-- What the owner creates from now on.
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO :"service";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public GRANT USAGE ON SEQUENCES TO :"service";

-- What is there already.
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO :"service";
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO :"service";
SELECT format('REVOKE INSERT, UPDATE, DELETE ON %I FROM %I', name, :'service')
FROM unnest(ARRAY['__diesel_schema_migrations']) AS kept(name) WHERE to_regclass(name) IS NOT NULL \gexec
SELECT format('REVOKE UPDATE, DELETE ON %I FROM %I', name, :'service')
FROM unnest(ARRAY['audit_events']) AS kept(name) WHERE to_regclass(name) IS NOT NULL \gexec
SELECT format('GRANT SELECT ON %I TO %I', name, :'reader')
FROM unnest(ARRAY['business_domains', 'business_domain_revisions', 'business_domain_snapshots',
    'business_domain_periods', 'metrics', 'metric_edges', 'metric_periods',
    'metric_revisions', 'metric_snapshots', 'catalogue_changes', 'catalogue_totals']) AS read(name)
WHERE to_regclass(name) IS NOT NULL \gexec

-- It deletes audit events with the rights of its owner.
SELECT format('REVOKE EXECUTE ON FUNCTION purge_audit_events(timestamptz, bigint) FROM PUBLIC'),
       format('GRANT EXECUTE ON FUNCTION purge_audit_events(timestamptz, bigint) TO %I', :'service')
WHERE to_regprocedure('purge_audit_events(timestamptz, bigint)') IS NOT NULL \gexec
