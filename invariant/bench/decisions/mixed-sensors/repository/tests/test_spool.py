"""The spool."""

from pathlib import Path

from collector import spool


def test_a_reading_comes_back(tmp_path: Path) -> None:
    spool.put(tmp_path, {"kind": "light_lux", "value": 3.5})
    taken: list[dict] = []
    assert spool.drain(tmp_path, taken.append) == 1
    assert taken == [{"kind": "light_lux", "value": 3.5}]
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_lost_without_a_database(tmp_path: Path) -> None:
    spool.put(tmp_path, {"kind": "light_lux", "value": 3.5})

    def refuse(reading: dict) -> None:
        raise ConnectionError("down")

    assert spool.drain(tmp_path, refuse) == 0
    assert len(list(tmp_path.glob("*.json"))) == 1
