"""Commands on other hosts, through the system's ssh."""

import logging
import shlex
import subprocess

from fleetkit.inventory import Host

log = logging.getLogger(__name__)
SSH = ["ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10"]


def run(host: Host, arguments: list[str], timeout: float = 60) -> str:
    """Run a command and answer its output. Never shell=True on our side."""
    log.info("%s: %s", host.name, arguments[0])
    done = subprocess.run(
        [*SSH, host.address, shlex.join(arguments)],
        check=True,
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    return done.stdout


def reachable(host: Host) -> bool:
    done = subprocess.run([*SSH, host.address, "true"], capture_output=True, timeout=15)
    return done.returncode == 0


def newest(host: Host, folder: str, pattern: str) -> str:
    """Answer the name of the newest file in a folder."""
    done = subprocess.run(
        [*SSH, host.address, f"ls -t {folder}/{pattern} | head -n 1"],
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    return done.stdout.strip()


def copy(source: str, host: Host, target: str, limit_kib: int, dry_run: bool) -> None:
    arguments = ["rsync", "-a", f"--bwlimit={limit_kib}", source, f"{host.address}:{target}"]
    if dry_run:
        arguments.insert(1, "--dry-run")
    subprocess.run(arguments, check=True, timeout=3600)
