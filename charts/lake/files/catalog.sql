-- The catalog `yard`: its database, its roles and the tables of Iceberg's JDBC catalog (schema V1), so that no job needs
-- the right to make any. May run again and again; needs JOBS_PASSWORD, INGEST_PASSWORD and READ_PASSWORD in the environment of psql.
\set ON_ERROR_STOP on
\getenv jobs_password JOBS_PASSWORD
\getenv ingest_password INGEST_PASSWORD
\getenv read_password READ_PASSWORD

SELECT format('CREATE ROLE %I LOGIN', wanted)
FROM unnest(ARRAY['yard_jobs', 'yard_ingest', 'yard_read']) AS wanted
WHERE wanted NOT IN (SELECT rolname FROM pg_roles) \gexec
ALTER ROLE yard_jobs PASSWORD :'jobs_password';
ALTER ROLE yard_ingest PASSWORD :'ingest_password';
ALTER ROLE yard_read PASSWORD :'read_password';

SELECT 'CREATE DATABASE yard' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'yard') \gexec
REVOKE ALL ON DATABASE yard FROM PUBLIC;
GRANT CONNECT ON DATABASE yard TO yard_jobs, yard_ingest, yard_read;

\connect yard
BEGIN;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO yard_jobs, yard_ingest, yard_read;
CREATE TABLE IF NOT EXISTS iceberg_tables (
    catalog_name               varchar(255) NOT NULL,
    table_namespace            varchar(255) NOT NULL,
    table_name                 varchar(255) NOT NULL,
    metadata_location          varchar(1000),
    previous_metadata_location varchar(1000),
    iceberg_type               varchar(5),
    PRIMARY KEY (catalog_name, table_namespace, table_name)
);
CREATE TABLE IF NOT EXISTS iceberg_namespace_properties (
    catalog_name   varchar(255) NOT NULL,
    namespace      varchar(255) NOT NULL,
    property_key   varchar(255),
    property_value varchar(1000),
    PRIMARY KEY (catalog_name, namespace, property_key)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON iceberg_tables, iceberg_namespace_properties TO yard_jobs, yard_ingest;
GRANT SELECT ON iceberg_tables, iceberg_namespace_properties TO yard_read;

-- Everybody reads every row; jobs write every row, ingest those of yard.raw.
SET LOCAL client_min_messages = warning;
ALTER TABLE iceberg_tables ENABLE ROW LEVEL SECURITY;
ALTER TABLE iceberg_namespace_properties ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS reads ON iceberg_tables;
DROP POLICY IF EXISTS jobs ON iceberg_tables;
DROP POLICY IF EXISTS ingest ON iceberg_tables;
DROP POLICY IF EXISTS reads ON iceberg_namespace_properties;
DROP POLICY IF EXISTS jobs ON iceberg_namespace_properties;
DROP POLICY IF EXISTS ingest ON iceberg_namespace_properties;
CREATE POLICY reads ON iceberg_tables FOR SELECT TO yard_ingest, yard_read USING (true);
CREATE POLICY jobs ON iceberg_tables TO yard_jobs USING (true);
CREATE POLICY ingest ON iceberg_tables TO yard_ingest USING (table_namespace = 'raw');
CREATE POLICY reads ON iceberg_namespace_properties FOR SELECT TO yard_ingest, yard_read USING (true);
CREATE POLICY jobs ON iceberg_namespace_properties TO yard_jobs USING (true);
CREATE POLICY ingest ON iceberg_namespace_properties TO yard_ingest USING (namespace = 'raw');
COMMIT;
