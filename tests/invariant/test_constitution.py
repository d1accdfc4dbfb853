"""Which constitution a folder is verified against."""

from pathlib import Path

import pytest

from invariant.constitution import PLACES, NoConstitution, locate, read


def keep(folder: Path, place: str, text: str = "- a MUST b\n") -> Path:
    path = folder / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_the_first_place_that_holds_one_wins(tmp_path: Path) -> None:
    for place in reversed(PLACES):
        kept = keep(tmp_path, place)
        assert locate(tmp_path) == kept


def test_without_one_all_places_are_named(tmp_path: Path) -> None:
    (tmp_path / "CONSTITUTION.md").mkdir()
    with pytest.raises(NoConstitution) as refused:
        locate(tmp_path)
    assert all(place in str(refused.value) for place in PLACES)


def test_a_link_that_leads_out_is_refused_and_one_within_is_followed(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    kept = keep(folder, "docs/rules.md")
    (folder / "CONSTITUTION.md").symlink_to("docs/rules.md")
    assert read(locate(folder)) == kept.read_text()
    (folder / "CONSTITUTION.md").unlink()
    (folder / "CONSTITUTION.md").symlink_to(keep(tmp_path, "secret"))
    with pytest.raises(NoConstitution, match="leads out"):
        locate(folder)


def test_one_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.md"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(NoConstitution, match="cannot be read"):
        read(path)
