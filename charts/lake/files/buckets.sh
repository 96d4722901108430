#!/bin/sh
# buckets.sh POLICIES DATA [METADATA]: a bucket for each policy. A folder is a bucket; who may do what with it is written where
# versitygw keeps what it knows of a bucket: attributes of the folder, or files below METADATA where the volume has no attributes.
set -eu

put() {
  if [ -n "$metadata" ]; then
    mkdir -p "$metadata/$bucket/meta"
    printf %s "$2" > "$metadata/$bucket/meta/$1"
  else
    setfattr --name "user.$1" --value "$2" "$data/$bucket"
  fi
}

data="$2" metadata="${3:-}"
for policy in "$1"/*.json; do
  bucket="$(basename "$policy" .json)"
  mkdir -p "$data/$bucket"
  put policy "$(cat "$policy")"
  put acl '{"Owner": "nobody"}' # it grants nothing; without one versitygw fails copies, and so every rename, of all but root
done
