"""Real input over real HTTP: the example, this project, third-party packages, git, zip and tar.gz."""

import importlib.util
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from invariant.verify import pack
from tests.chaos.test_short import until_done
from tests.support import processes
from tests.support.git import repository
from worker.sources.folder import select

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "invariant" / "example"
CONSTITUTION = (EXAMPLE / "CONSTITUTION.md").read_text()


def package(name: str) -> Path:
    found = importlib.util.find_spec(name)
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent


def zipped(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in select(folder).files:
            archive.write(path, path.relative_to(folder))
    return buffer.getvalue()


@pytest.fixture
def client(url: str, tmp_path: Path) -> Iterator[httpx.Client]:
    with processes.api(url, tmp_path) as (found, _), processes.worker(url, tmp_path):
        yield found


def verdict(client: httpx.Client, source: dict[str, Any]) -> dict[str, Any]:
    answer = client.post("/api/runs", json={"source": source, "constitution": CONSTITUTION})
    assert answer.status_code == 202, answer.text
    run = until_done(client, answer.json()["id"], 120)
    assert run["status"] == "completed", run
    found: dict[str, Any] = client.get(f"/api/runs/{run['id']}/verdict").json()
    for name in ("report", "sarif", "criteria"):
        assert client.get(f"/api/runs/{run['id']}/{name}").status_code == 200
    cited = [e for c in found["criteria"] for o in c["opinions"] for e in o["evidence"]]
    assert all(item["verified"] for item in cited)
    return found


def test_folders_archives_and_git(client: httpx.Client, tmp_path: Path) -> None:
    assert verdict(client, {"kind": "path", "path": str(EXAMPLE / "shelf")})["verdict"] == "FAIL"
    for folder in (ROOT / "worker", *map(package, ("httpx", "starlette", "procrastinate"))):
        found = verdict(client, {"kind": "path", "path": str(folder)})
        assert found["counts"]["files_seen"] > 10
    ours = {str(path.relative_to(ROOT)): path.read_text() for path in select(ROOT / "worker").files}
    commit = repository(tmp_path / "ours", ours)
    assert verdict(client, {"kind": "git", "url": str(tmp_path / "ours")})["snapshot"]["commit"] == commit
    digests = set()
    for content in (zipped(package("starlette")), pack(package("starlette"))):
        upload = client.post("/api/uploads", content=content, headers={"Content-Type": "application/zip"}).json()
        found = verdict(client, {"kind": "upload", "upload_id": upload["upload_id"]})
        digests.add(found["snapshot"]["digest"])
    assert digests == {verdict(client, {"kind": "path", "path": str(package("starlette"))})["snapshot"]["digest"]}
