#!/bin/sh
# buckets.sh POLICIES DATA [METADATA]: a bucket for each policy. A folder is a bucket; who may do what with it is written where
# versitygw keeps bucket policies: an attribute of the folder, or a file below METADATA where the volume has no attributes.
set -eu
for policy in "$1"/*.json; do
  bucket="$(basename "$policy" .json)"
  mkdir -p "$2/$bucket"
  if [ -n "${3:-}" ]; then
    mkdir -p "$3/$bucket/meta"
    cp "$policy" "$3/$bucket/meta/policy"
  else
    setfattr --name user.policy --value "$(cat "$policy")" "$2/$bucket"
  fi
done
