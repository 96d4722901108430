#!/bin/bash
# Starts PostgreSQL. An empty PGDATA is initialised first, aside, and takes its name only when it is complete:
# a start that was cut short begins anew instead of serving half a database.
#   POSTGRES_PASSWORD_FILE           the password of user postgres
#   /docker-entrypoint-initdb.d/*.sql run once, in order, after the initialisation
set -euo pipefail

initialise() {
  local fresh="$PGDATA.new"
  : "${POSTGRES_PASSWORD_FILE:?must name the file with the password of user postgres}"
  rm -rf "$fresh"
  initdb --pgdata "$fresh" --username postgres --pwfile "$POSTGRES_PASSWORD_FILE" \
    --auth-local peer --auth-host scram-sha-256 --encoding UTF8 --locale C.UTF-8 --data-checksums
  echo "host all all all scram-sha-256" >> "$fresh/pg_hba.conf"
  for script in /docker-entrypoint-initdb.d/*.sql; do
    [ -e "$script" ] || continue
    echo "entrypoint: running $script"
    run_script "$fresh" "$script"
  done
  mv "$fresh" "$PGDATA"
}

# Single server on a socket nobody else can reach, for the length of one script.
run_script() {
  local sockets
  sockets="$(mktemp -d)"
  PGDATA="$1" pg_ctl --wait --silent --options "-c listen_addresses='' -c unix_socket_directories='$sockets'" start > /dev/null
  local code=0
  PGPASSFILE=/dev/null psql --no-psqlrc --set ON_ERROR_STOP=1 --host "$sockets" --username postgres --file "$2" postgres || code=$?
  PGDATA="$1" pg_ctl --wait --silent --mode fast stop
  rmdir "$sockets"
  return "$code"
}

if [ "${1:-postgres}" != postgres ]; then
  exec "$@"
fi
[ -s "$PGDATA/PG_VERSION" ] || initialise
chmod 0700 "$PGDATA"  # a volume plugin that gives the group rights (fsGroup) would keep PostgreSQL from starting
shift || true
exec postgres -c listen_addresses='*' "$@"
