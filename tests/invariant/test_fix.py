"""`invariant fix` as a person and as CI use it: processes, exit codes, and what it does to the folder."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.invariant.test_command_line import invariant
from tests.support import processes, provider
from tests.support.git import commit, git, repository
from tests.support.processes import TOKEN
from tests.support.remediation import FILES, MENDED, mending, script

RULES = "- Python code MUST NOT have unused imports\n"
SECURITY = "# Rules\n\n- For security, code MUST NOT call `eval(`.\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    repository(folder, {"pkg/a.py": "import os\nimport re\n\nprint(re)\n", "CONSTITUTION.md": RULES})
    return folder


@pytest.fixture
def backend(url: str, tmp_path: Path) -> Iterator[dict[str, str]]:
    with processes.api(url, tmp_path) as (client, _), processes.worker(url, tmp_path):
        yield {**processes.environment(""), "CVA_BACKEND_URL": str(client.base_url), "CVA_API_TOKEN": TOKEN}


def test_the_folder_is_changed_only_when_asked_and_only_by_what_is_proven(
    backend: dict[str, str], project: Path, tmp_path: Path
) -> None:
    patch = tmp_path / "fixes.patch"
    shown = invariant("fix", str(project), "--output", str(patch), env=backend)
    assert shown.returncode == 1, shown.stderr
    assert "-import os" in shown.stdout
    assert "✓ proven" in shown.stdout
    assert "that takes --apply" in shown.stdout
    assert git(project, "status", "--porcelain") == ""
    subprocess.run(["git", "apply", "--check", str(patch)], cwd=project, check=True)
    done = invariant("fix", str(project), "--apply", env=backend)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (project / "pkg/a.py").read_text() == "import re\n\nprint(re)\n"
    assert git(project, "status", "--porcelain") == "M pkg/a.py"


def test_a_folder_that_git_calls_dirty_or_does_not_know_is_left_alone(
    backend: dict[str, str], project: Path, tmp_path: Path
) -> None:
    (project / "note.txt").write_text("mine\n")
    dirty = invariant("fix", str(project), "--apply", env=backend)
    assert (dirty.returncode, "commit or stash" in dirty.stderr) == (3, True)
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "CONSTITUTION.md").write_text(RULES)
    unknown = invariant("fix", str(bare), "--apply", env=backend)
    assert (unknown.returncode, "in no git working tree" in unknown.stderr) == (3, True)


def test_a_folder_within_a_repository_is_fixed_where_it_is(backend: dict[str, str], project: Path) -> None:
    commit(project, {"pkg/CONSTITUTION.md": RULES})
    done = invariant("fix", str(project / "pkg"), "--apply", env=backend)
    assert done.returncode == 0, done.stdout + done.stderr
    assert git(project, "status", "--porcelain") == "M pkg/a.py"


def test_what_needs_an_approval_is_left_where_nobody_can_be_asked(url: str, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    repository(folder, {**FILES, "CONSTITUTION.md": SECURITY})
    with (
        provider.running(script(mending(MENDED))) as given,
        processes.api(url, tmp_path) as (client, _),
        processes.worker(url, tmp_path, **provider.settings(given)),
    ):
        env = {**processes.environment(""), "CVA_BACKEND_URL": str(client.base_url), "CVA_API_TOKEN": TOKEN}
        done = invariant("fix", str(folder), "--apply", env=env)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "nobody was at the terminal" in done.stdout
    assert git(folder, "status", "--porcelain") == ""


def test_nothing_broken_is_nothing_to_fix(backend: dict[str, str], project: Path) -> None:
    commit(project, {"pkg/a.py": "import re\n\nprint(re)\n"})
    done = invariant("fix", str(project), "--apply", env=backend)
    assert done.returncode == 0
    assert "nothing to fix" in done.stdout
