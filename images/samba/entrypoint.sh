#!/bin/sh
# Makes the accounts of /etc/sparkyard/users (lines name:password), runs /etc/sparkyard/prepare, then serves what /etc/sparkyard/smb.conf says.
# A server that ends is started anew, once /srv/down is not there.
set -eu
mkdir -p /run/samba /var/log/samba
while IFS=: read -r name password; do
  useradd --no-create-home --shell /usr/sbin/nologin "$name"
  printf '%s\n%s\n' "$password" "$password" | smbpasswd -a -s "$name"
done < /etc/sparkyard/users
sh -eu /etc/sparkyard/prepare
while true; do
  while [ -e /srv/down ]; do sleep 0.2; done
  smbd --foreground --no-process-group --debug-stdout --configfile=/etc/sparkyard/smb.conf || echo "the server has ended"
done
