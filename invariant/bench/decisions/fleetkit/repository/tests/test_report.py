"""The states of the report, and the inventory that ships with the repository."""

from datetime import date
from pathlib import Path

import pytest

from fleetkit import inventory, report

TODAY = date(2025, 5, 10)
HOST = inventory.Host(name="ada", address="ada.fleet.example", backup="daily")


@pytest.mark.parametrize(
    ("newest", "state"),
    [
        ("/vault/ada/2025-05-09.sql.gz", "ok"),
        ("/vault/ada/2025-05-01.sql.gz", "STALE"),
        ("", "MISSING"),
    ],
)
def test_states(newest, state):
    assert report.evaluate(HOST, newest, TODAY) == state


def test_inventory_loads():
    hosts = inventory.load(Path("hosts.yaml"))
    assert inventory.find(hosts, "elm").backup == "none"


def test_bad_inventory(tmp_path):
    path = tmp_path / "hosts.yaml"
    path.write_text("hosts:\n  - colour: green\n", encoding="utf-8")
    with pytest.raises(inventory.BadInventory):
        inventory.load(path)
