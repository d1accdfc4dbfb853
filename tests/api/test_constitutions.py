"""What a version of a constitution changed, as a diff that `git apply` takes."""

import subprocess
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.constitutions import _diff

texts = st.lists(st.sampled_from(["a", "b", "c", ""]), max_size=12).map("\n".join)


def applied(folder: Path, old: str, diff: str) -> str:
    """The old text with the diff applied by git."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "constitution.md").write_bytes(old.encode())
    named = diff.replace("--- constitution.md (version 1)", "--- a/constitution.md", 1)
    named = named.replace("+++ constitution.md (version 2)", "+++ b/constitution.md", 1)
    subprocess.run(["git", "apply", "--unidiff-zero", "-"], cwd=folder, input=named.encode(), check=True)
    return (folder / "constitution.md").read_bytes().decode()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a\nb\nc\n", "a\nx\nc\n"),
        ("a\nb", "a\nb\n"),
        ("a\r\nb\r\n", "a\r\nc\r\n"),
        ("".join(f"{n}\n" for n in range(600)), "".join(f"x{n}\n" for n in range(700))),
        ("".join(f"{n}\n" for n in range(600)), "".join(f"{n if n % 100 else n + 1}\n" for n in range(600))),
    ],
)
def test_git_applies_it(tmp_path: Path, old: str, new: str) -> None:
    assert applied(tmp_path, old, _diff(old, new, 1, 2)) == new


@given(texts, texts)
def test_old_and_new_stand_in_it(old: str, new: str) -> None:
    diff = _diff(old, new, 1, 2)
    assert (diff == "") == (old == new)
    body = diff.splitlines()[2:]
    assert sum(row.startswith("+") for row in body) - sum(row.startswith("-") for row in body) == _count(new) - _count(
        old
    )


def _count(text: str) -> int:
    return text.count("\n") + bool(text.rpartition("\n")[2])


async def test_versions_are_compared(client: httpx.AsyncClient) -> None:
    repository = (await client.post("/api/repositories", json={"clone_url": "https://github.com/acme/shop"})).json()[
        "id"
    ]
    place = f"/api/repositories/{repository}/constitution"
    for content in ("# Rules\n\n- Be good.\n", "# Rules\n\n- Be better.\n", "# Rules\n"):
        assert (await client.put(place, json={"content": content})).status_code == 201
    first = await client.get(f"{place}/1/diff")
    assert first.headers["content-type"].startswith("text/x-diff")
    assert "--- /dev/null" in first.text and "+- Be good." in first.text
    assert "-- Be good.\n+- Be better.\n" in (await client.get(f"{place}/2/diff")).text
    assert "-- Be good.\n" in (await client.get(f"{place}/3/diff", params={"since": 1})).text
    for missing in ("4", "0", "99999999999999"):
        assert (await client.get(f"{place}/{missing}/diff")).status_code == 404
    assert (await client.get(f"{place}/3/diff", params={"since": 9})).status_code == 404
