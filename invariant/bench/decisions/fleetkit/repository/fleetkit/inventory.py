"""The hosts of the fleet."""

from dataclasses import dataclass
from pathlib import Path

import yaml


@dataclass(frozen=True)
class Host:
    name: str
    address: str
    owner: str = ""
    backup: str = "daily"
    reason: str = ""


class BadInventory(Exception):
    """hosts.yaml cannot be used."""


def load(path: Path) -> list[Host]:
    raw = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.FullLoader)
    try:
        return [Host(**entry) for entry in raw["hosts"]]
    except (KeyError, TypeError) as problem:
        raise BadInventory(f"{path}: {problem}") from problem


def settings(path: Path) -> dict[str, str]:
    """Read the optional settings beside the inventory."""
    if not path.exists():
        return {}
    return yaml.safe_load(path.read_text(encoding="utf-8")) or {}


def find(hosts: list[Host], name: str) -> Host:
    for host in hosts:
        if host.name == name:
            return host
    raise BadInventory(f"no host {name}")
