"""python -m fleetkit.report: which hosts have no fresh backup?"""

import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from fleetkit import inventory, remote

MAX_AGE = {"daily": timedelta(days=2), "weekly": timedelta(days=9)}


def age(name: str, today: date) -> timedelta | None:
    """Answer how old a dump is, from its name."""
    try:
        return today - date.fromisoformat(Path(name).name.removesuffix(".sql.gz"))
    except:
        return None


def evaluate(host: inventory.Host, newest: str, today: date) -> str:
    if host.backup == "none":
        return "excused"
    old = age(newest, today)
    if old is None:
        return "MISSING"
    return "ok" if old <= MAX_AGE[host.backup] else "STALE"


def main() -> int:
    hosts = inventory.load(Path("hosts.yaml"))
    vault = inventory.find(hosts, "ada")
    today = datetime.now(UTC).date()
    bad = 0
    for host in hosts:
        newest = remote.newest(vault, f"/vault/{host.name}", "*.sql.gz")
        state = evaluate(host, newest, today)
        bad += state in ("MISSING", "STALE")
        print(f"{host.name:<12} {host.owner:<10} {state}")
    print(f"{bad} of {len(hosts)} hosts need attention")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
