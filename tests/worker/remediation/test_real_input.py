"""Code that others wrote, with planted flaws: every one of them is mended, and nothing else is different afterwards."""

import importlib.util
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support import provider
from tests.support.git import git, repository
from tests.support.remediation import applied, mending, script
from tests.worker.remediation.conftest import Driving
from worker.sources.folder import select

RULES = "# Rules\n\n- Code MUST NOT call `planted_flaw(`.\n"
EXAMPLE = Path(__file__).parents[3] / "invariant" / "example" / "shelf"
_RETURN = re.compile(r"^ +return [a-z][\w.]*$")
_PLANTS = 4


def code(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in select(folder).files}


def package(name: str) -> Path:
    found = importlib.util.find_spec(name)
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent


def planted(files: Mapping[str, bytes]) -> tuple[dict[str, bytes], dict[str, str]]:
    """(the files with flaws in some of them, each flaw's line with what stood there before)."""
    flawed, table = dict(files), {}
    for path in sorted(files):
        if not path.endswith(".py") or len(table) == _PLANTS or "test" in path:
            continue
        lines = files[path].decode().split("\n")
        fits = [line for line in lines if _RETURN.match(line) and lines.count(line) == 1]
        if not fits:
            continue
        flaw = fits[0].replace("return ", f"return planted_flaw('{len(table)}') or ")
        table[flaw] = fits[0]
        flawed[path] = "\n".join(flaw if line == fits[0] else line for line in lines).encode()
    assert table
    return flawed, table


@pytest.mark.parametrize("name", ["shelf", "httpx", "click", "jinja2"])
async def test_files_with_planted_flaws_are_as_they_were_before(driving: Driving, tmp_path: Path, name: str) -> None:
    original = code(EXAMPLE if name == "shelf" else package(name))
    files, table = planted({path: content for path, content in original.items() if _is_text(content)})
    with provider.running(script(mending(table))) as given:
        async with driving(**provider.settings(given)) as driver:
            run_id = await driver.run({path: content.decode() for path, content in files.items()}, RULES)
            remediation = await driver.begin(run_id)
            view = await driver.go_on(remediation)
            assert view["status"] == "completed", (view, await driver.fixes(remediation))
            patch, told = await driver.patch(remediation), await driver.fixes(remediation)
    assert patch.count("diff --git") == len(table), [
        (one["iteration"], one["status"], one["needs"], one["outcome"]) for one in told
    ]
    texts = {path: content.decode() for path, content in files.items()}
    assert applied(patch, texts, tmp_path) == {path: original[path].decode() for path in files}


@pytest.mark.parametrize("name", ["procrastinate", "httpcore", "mako"])
async def test_a_repository_with_planted_flaws_is_as_it_was_before(driving: Driving, tmp_path: Path, name: str) -> None:
    original = code(package(name))
    files, table = planted(original)
    origin = tmp_path / "origin"
    repository(origin, {path: content.decode() for path, content in original.items() if _is_text(content)})
    for path in files:
        (origin / path).parent.mkdir(parents=True, exist_ok=True)
        (origin / path).write_bytes(files[path])
    git(origin, "add", "--all", "--force")
    git(origin, "commit", "-qm", "flaws")
    commit = git(origin, "rev-parse", "HEAD")
    with provider.running(script(mending(table))) as given:
        async with driving(**provider.settings(given)) as driver:
            body = {"source": {"kind": "git", "url": str(origin)}, "constitution": RULES}
            run_id = (await driver.client.post("/api/runs", json=body)).json()["id"]
            await driver.work(run_id)
            # The branch goes on; what was verified is what is mended.
            (origin / "later.txt").write_text("later\n")
            git(origin, "add", "later.txt")
            git(origin, "commit", "-qm", "later")
            remediation = await driver.begin(run_id)
            view = await driver.go_on(remediation)
            assert view["status"] == "completed", (view, await driver.fixes(remediation))
            patch = await driver.patch(remediation)
    git(origin, "checkout", "-q", commit)
    subprocess.run(["git", "apply", "--index"], cwd=origin, input=patch.encode(), check=True)
    assert git(origin, "diff", "--cached", "--stat", f"{commit}~1") == ""


def _is_text(content: bytes) -> bool:
    try:
        return "\0" not in content.decode()
    except UnicodeDecodeError:
        return False
