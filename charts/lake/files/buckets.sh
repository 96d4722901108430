#!/bin/sh
# A folder is a bucket. Who may do what with it is written where versitygw keeps bucket policies: an attribute of the folder,
# or a file below METADATA where the volume has no attributes.
set -eu
for policy in /etc/sparkyard/*.json; do
  bucket="$(basename "$policy" .json)"
  mkdir -p "/data/$bucket"
  if [ -n "${METADATA:-}" ]; then
    mkdir -p "$METADATA/$bucket/meta"
    cp "$policy" "$METADATA/$bucket/meta/policy"
  else
    setfattr --name user.policy --value "$(cat "$policy")" "/data/$bucket"
  fi
done
