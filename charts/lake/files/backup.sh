#!/bin/bash
# backup.sh STEP: one step of a backup (dump, copy) or of a restore (check, copy-back, load); the steps run in that order, in images
# that hold what they need. A backup is a folder /backup/<time>: catalog.dump, and files/ as they lie in the store. What one
# backup has in common with the one before it shares its place on the disk.
#   KEEP     how many backups stay
#   BACKUP   which one to restore; empty: the newest
#   REPLACE  "true": restore also over a catalog that holds tables
set -euo pipefail
umask 002 # the steps are different users of one group

list() { find /backup -mindepth 1 -maxdepth 1 -type d -name '2*Z' -printf '%f\n' | sort; }
newest() { list | tail -n 1; }
fail() { echo "backup.sh: $*" >&2; exit 1; }

# The catalog first: every file it names is written before the commit that names it, and no file is ever changed.
dump() {
  until pg_isready -q; do sleep 1; done
  rm -f /backup/catalog.dump
  pg_dump --format custom --file /backup/catalog.dump yard
}

copy() {
  local previous
  previous="$(newest)"
  rm -rf /backup/draft
  mkdir /backup/draft
  if [ -d /data ]; then # 24: a file went while it was copied, such as one of a commit that failed
    rsync -rtpX --exclude .sgwtmp --exclude /lost+found ${previous:+--link-dest "/backup/$previous/files/"} /data/ /backup/draft/files/ || [ $? -eq 24 ]
  fi
  mv /backup/catalog.dump /backup/draft/
  mv /backup/draft "/backup/$(date -u +%Y%m%dT%H%M%SZ)"
  list | head -n "-$KEEP" | while read -r old; do rm -rf "/backup/$old"; done
  echo "backup $(newest), of $(list | wc -l) kept"
}

check() {
  BACKUP="${BACKUP:-$(newest)}"
  [ -f "/backup/${BACKUP:-none}/catalog.dump" ] || fail "no backup '$BACKUP'; there are: $(list | xargs)"
  until pg_isready -q; do sleep 1; done
  local tables
  tables="$(psql --no-psqlrc -qtA -d yard -c 'SELECT count(*) FROM iceberg_tables')"
  [ "$tables" = 0 ] || [ "${REPLACE:-}" = true ] || fail "the catalog holds $tables tables: REPLACE=true puts those of $BACKUP in their place"
}

# A file that is newer than the backup's stays, as do the policies of this installation, and none is deleted.
copy_back() {
  [ ! -d /data ] || rsync -rtpX --update --filter '-x user.policy' "/backup/${BACKUP:-$(newest)}"/files/* /data/
}

load() {
  local dump="/backup/${BACKUP:-$(newest)}/catalog.dump"
  { echo 'TRUNCATE iceberg_tables, iceberg_namespace_properties;'; pg_restore --data-only --file - "$dump"; } |
    psql --no-psqlrc -q --single-transaction -v ON_ERROR_STOP=1 -d yard > /dev/null
  psql --no-psqlrc -qtA -d yard -c "SELECT 'restored: ' || table_namespace || '.' || table_name FROM iceberg_tables ORDER BY 1"
}

case "${1:-}" in
dump | copy | check | load) "$1" ;;
copy-back) copy_back ;;
*) fail "no such step: ${1:-}" ;;
esac
