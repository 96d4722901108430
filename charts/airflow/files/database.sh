# A database and its user on the lake's server, made once; the password follows the Secret.
set -euo pipefail
export APP_USER="$PGUSER" APP_DATABASE="$PGDATABASE" APP_PASSWORD="$PGPASSWORD"
export PGUSER=postgres PGDATABASE=postgres PGPASSWORD="$POSTGRES_PASSWORD"
until pg_isready -q; do sleep 1; done
exec psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 <<'SQL'
\getenv user APP_USER
\getenv database APP_DATABASE
\getenv password APP_PASSWORD
SELECT format('CREATE ROLE %I LOGIN', :'user') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'user') \gexec
ALTER ROLE :"user" PASSWORD :'password';
SELECT format('CREATE DATABASE %I OWNER %I', :'database', :'user') WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec
REVOKE CONNECT ON DATABASE :"database" FROM PUBLIC;
SQL
