# Sourced by the scripts in bin/.
# The callers say set -euo pipefail; nothing is set here.

log() {
    printf '%s %s\n' "$(date -u +%FT%TZ)" "$*" >&2
}

die() {
    log "$*"
    exit 1
}

need() {
    command -v "$1" >/dev/null || die "$1 is not installed"
}
