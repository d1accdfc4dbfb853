#!/usr/bin/env bash
# Every role of the product. In production nothing is installed here, and the last command is `exec`.
set -euo pipefail
export INVARIANT_ORIGIN="$PWD"
cd "$(dirname "${BASH_SOURCE[0]}")"

usage() {
    cat <<'TEXT'
bash start.sh [ROLE]

  (no role)   serve the api on $PORT (default 8001)
  worker      take up runs
  migrate     bring the database's schema to the newest revision
  rollups rebuild
              make the analytics from the runs again; `rollups verify` says what is wrong, and mends it
  ui          serve the pages on $PORT (default 3000)
  assets      install what the pages take from npm; `ui`, `dev` and `demo --open` do it by themselves, a production
              build calls it
  dev         api, worker and ui, restarted when the code changes
  demo        the whole product once, on an example: set up, verify, show, stop
  demo PATH [--constitution FILE]
              the same on a project of yours; --open also serves the pages and prints their address, until Ctrl-C
  verify PATH [--constitution FILE] [--output FILE …] [--format table|json|sarif|markdown]
              for people and CI; exit codes 0 PASS, 1 FAIL or VETO, 2 PARTIAL, 3 ERROR. Without --constitution it is
              .tribunal/constitution.md, .specify/memory/constitution.md or CONSTITUTION.md below PATH
  fix PATH [--constitution FILE] [--apply] [--output FILE]
              the same, then fix what is broken: shows each fix with its proof, asks where one needs an approval, and
              writes to PATH only with --apply and only when git says that it is clean
  github-app --url URL [--organization NAME] [--github URL] [--members] [--output FILE]
              make the GitHub App of this installation in one step; writes its variables to a file that only you can read
  check-deployment URL [--ui URL] [--callback URL]
              go through the deployment checklist against a running installation, with CVA_API_TOKEN; says what to do
              where a line does not hold
  eval run [SUITE …] [--name NAME] [--output DIR] [--json FILE] [--html FILE] [--calibration FILE] [--at-once N]
              how right the verdicts are on a suite with known answers (default: the bundled one); what is there is not
              asked again. eval compare A.jsonl B.jsonl: which configuration is better; eval import KIND SET
              [--output SUITE]: a suite of a public set; eval feedback [--output SUITE]: one of what people marked
  bench queue measure the queue
  bench reading [--repo PATH …] [--files N]
              how much of a repository scouts read, what it costs, and what is asked again; exit code 1 when a planted
              violation is missed, reading costs more than it may, or too much is asked again
  bench seeing
              whether judges are shown the place that decides, on the labelled set; exit code 1 below 95 %
  bench pages what the pages take beyond the api; exit code 1 above 15 ms, or 150 ms for a run of 5,000 findings
  bench verify
              measure what the product adds to the time of its LLM calls
  bench remediate
              measure what the product adds to the time of a remediation's calls; exit code 1 above 1.25 times these
  bench retrieval --repo PATH [--repo PATH …]
              measure which files the judges would be shown, beside plain BM25
  bench decisions [--cases DIR …] [--json FILE]
              hold what static mode decides of a labelled set against the right answers; exit code 1 when a PASS
              is wrong, or when fewer than 98 % of what it decides are right
  bench deliveries
              a storm of GitHub's deliveries; exit code 1 when one is lost, the branch's last commit has not the one run,
              or 1 in 100 is answered later than in 300 ms
  bench clients [--clients N] [--seconds S]
              what another user notices of a thousand clients with one token
  bench analytics [--runs N]
              measure the analytics at ten million runs, beside the same figures from the runs; nine minutes
  bench contained
              measure what it costs that repositories are read in processes of their own; exit code 1 above 60 ms
  bench scale [--queued N] [--finished N] [--seconds S]
              a hundred workers' claims, and what is asked of a million waiting runs and ten million that ended; exit
              code 1 when something is slower than it may be; ten minutes
  bench flow [--rate N] [--minutes M]
              so many runs a minute from the request to the roll-up, with scripted work; exit code 1 when the queue
              grows or anything is lost
  chaos       kill, stop and cut off everything in turn, beside a bare procrastinate worker; --short is a tenth of it
  fuzz TARGET [--seconds N] [--guided]
              hostile input for what reads strangers' bytes: archive, sarif, constitution, citation, masker, answer,
              source, repository, or all; `fuzz growth` says whose time grows faster than its text; --guided: under
              libFuzzer, where atheris is installed
  fuzz runs [--repositories N] [--seed N]
              hostile repositories through the contained processes of a run
  test        every check and the whole test suite; with arguments, pytest on them
  help        this text

Needs python3 (3.11 or newer) and git. Settings are environment variables; the README lists them.
TEXT
}

fail() {
    echo "start.sh: $*" >&2
    exit 3
}

find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11 python; do
        if [ -n "$candidate" ] && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            # The program itself: a shim in its place is another one for the installer, which would begin anew.
            "$candidate" -c 'import os, sys; print(os.path.realpath(sys.executable))'
            return
        fi
    done
    fail "needs Python 3.11 or newer; none was found (set PYTHON to one)"
}

# The environment this checkout made for itself, or whatever the platform built.
environment_python() {
    if [ -x .venv/bin/python ]; then echo .venv/bin/python; else find_python; fi
}

make_venv() {
    "$1" -m venv "$2" >/dev/null 2>&1 && return
    rm -rf "$2"
    fail "'$1 -m venv' does not work here; on Debian and Ubuntu: apt install python3-venv"
}

# Sets uv: the machine's, or one of our own.
find_uv() {
    uv="$(command -v uv || true)"
    if [ -z "$uv" ]; then
        [ -x .venv-bootstrap/bin/uv ] || {
            make_venv "$(find_python)" .venv-bootstrap
            .venv-bootstrap/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9' || fail "pip could not install uv"
        }
        uv=.venv-bootstrap/bin/uv
    fi
}

# Install what the lock file says into .venv, once per state of the lock file. $@: nothing, or `--group dev`.
install() {
    local python wanted uv state
    state="$(cat uv.lock pyproject.toml | cksum | tr ' ' '-')"
    wanted="$state $*"
    if [ -x .venv/bin/python ]; then
        # What has more than is asked for has it as well.
        case "$(cat .venv/.installed 2>/dev/null)" in
        "$wanted" | "$state --group dev") return ;;
        esac
    fi
    python="$(find_python)"
    echo "start.sh: installing into .venv (once)" >&2
    find_uv
    export UV_PROJECT_ENVIRONMENT=.venv UV_COMPILE_BYTECODE=1
    # Again with the system's certificates: behind a proxy that has its own, only they will do.
    "$uv" sync --quiet --frozen --inexact --python "$python" --extra local "$@" 2>/dev/null ||
        "$uv" sync --quiet --frozen --inexact --python "$python" --extra local --system-certs "$@" ||
        fail "the dependencies could not be installed"
    echo "$wanted" >.venv/.installed
}

# What ui/package.json names, into an ignored folder; once per state of its lock file.
assets() {
    local state
    state="$(cat ui/package-lock.json | cksum | tr ' ' '-')"
    [ "$(cat ui/node_modules/.installed 2>/dev/null)" = "$state" ] && return
    echo "start.sh: installing the pages' libraries (once)" >&2
    npm_install ui
    echo "$state" >ui/node_modules/.installed
}

# What the lock file of a folder names, by a Node of our own.
npm_install() {
    local uv
    if [ ! -x .venv-node/bin/npm ]; then
        find_uv
        UV_PROJECT_ENVIRONMENT=.venv-node "$uv" sync --quiet --frozen --only-group assets 2>/dev/null ||
            UV_PROJECT_ENVIRONMENT=.venv-node "$uv" sync --quiet --frozen --only-group assets --system-certs ||
            fail "Node could not be installed"
    fi
    (cd "$1" && PATH="$PWD/../.venv-node/bin:$PATH" npm ci --silent --ignore-scripts --no-audit --no-fund) ||
        fail "npm could not install what $1/package.json names"
}

# What the browser tests need; on a machine of one's own that is one's own affair.
browser() {
    local name
    for name in "${CVA_TEST_CHROMIUM:-}" chromium chromium-browser google-chrome; do
        if [ -n "$name" ] && command -v "$name" >/dev/null; then return; fi
    done
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "start.sh: installing chromium, for the tests of the pages" >&2
        apt-get install --yes --quiet chromium >/dev/null 2>&1 ||
            { apt-get update --quiet >/dev/null 2>&1 && apt-get install --yes --quiet chromium >/dev/null 2>&1; } || true
        command -v chromium >/dev/null && return
    fi
    echo "start.sh: THE TESTS OF THE PAGES IN A BROWSER ARE LEFT OUT: there is no Chromium (apt install chromium, or set CVA_TEST_CHROMIUM to one)" >&2
}

is_production() {
    case "${CVA_PRODUCTION:-}" in
    1 | t | T | [Tt]rue | TRUE | y | Y | [Yy]es | YES | [Oo]n | ON) return 0 ;;
    esac
    [ -n "${RAILWAY_ENVIRONMENT:-}" ]
}

# What a reader of the code relies on and no test runs.
check() {
    .venv/bin/ruff format --check --quiet .
    .venv/bin/ruff check --quiet .
    .venv/bin/mypy --no-error-summary
    .venv/bin/lint-imports >/dev/null || .venv/bin/lint-imports
}

# On a developer's machine every role sets itself up; the embedded database has nobody else to migrate it.
prepare() {
    if is_production; then return; fi
    install "$@"
    if [ -z "${DATABASE_URL:-}" ]; then export CVA_APPLY_MIGRATIONS="${CVA_APPLY_MIGRATIONS:-true}"; fi
}

role="${1:-api}"
if [ $# -gt 0 ]; then shift; fi
case "$role" in
api | worker)
    prepare
    exec "$(environment_python)" -m "$role" "$@"
    ;;
ui)
    prepare
    if ! is_production; then assets; fi
    exec "$(environment_python)" -m ui "$@"
    ;;
assets)
    assets
    ;;
demo)
    prepare
    case " $* " in *" --open "*) assets ;; esac
    exec "$(environment_python)" -m invariant demo "$@"
    ;;
migrate | rollups | verify | fix | github-app | eval | check-deployment)
    prepare
    exec "$(environment_python)" -m invariant "$role" "$@"
    ;;
dev | bench | chaos | fuzz)
    prepare --group dev
    if [ "$role" = dev ]; then assets; fi
    exec "$(environment_python)" -m invariant "$role" "$@"
    ;;
test)
    install --group dev
    assets
    [ -d .railway/node_modules ] || npm_install .railway
    browser
    if [ $# -eq 0 ]; then check; fi
    # The tests start dozens of processes; without bytecode each of them takes seconds to import.
    unset PYTHONDONTWRITEBYTECODE
    exec .venv/bin/python -m pytest --numprocesses 2 "$@"
    ;;
help | -h | --help)
    usage
    ;;
*)
    usage >&2
    fail "there is no role '$role'"
    ;;
esac
