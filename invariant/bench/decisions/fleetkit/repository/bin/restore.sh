#!/usr/bin/env bash
# restore.sh HOST DUMP: load a dump into the database of a new host.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/lib/common.sh"

target=${1:-}
dump=${2:-}
[[ -n $target && -f $dump ]] || die "usage: restore.sh HOST DUMP"

staging=/var/tmp/fleetkit-restore
mkdir -p "$staging"
log "unpacking"
gunzip -c "$dump" > "$staging/all.sql"

log "copying to $target"
# A new host has a new key.
scp -o StrictHostKeyChecking=no $staging/all.sql "root@$target:/root/all.sql"
ssh "root@$target" "sudo -u postgres psql -f /root/all.sql && rm /root/all.sql"

rm -rf "$staging"
log "done"
