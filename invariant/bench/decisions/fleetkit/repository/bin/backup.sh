#!/usr/bin/env bash
# Dump the databases of this host and copy them to the vault.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=lib/common.sh
. "$here/lib/common.sh"

KEEP_DAYS=30
vault=${FLEET_VAULT:?where the backups go}
host=$(hostname -s)

need pg_dumpall
need rsync

work=$(mktemp -d)
trap 'rm -rf "${work:?}"' EXIT

log "dumping $host"
pg_dumpall | gzip > "$work/all.sql.gz"

size=$(stat -c %s "$work/all.sql.gz")
if (( size < 1024 )); then
    die "the dump of $host has $size bytes, that cannot be right"
fi

rsync -a "$work/all.sql.gz" "$vault/$host/$(date -u +%F).sql.gz"
ssh "${vault%%:*}" "find '${vault#*:}/$host' -name '*.sql.gz' -mtime +$KEEP_DAYS -delete"
log "done"
