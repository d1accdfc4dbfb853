"""The command line as people and CI use it: processes, exit codes, documents."""

import json
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from invariant.verify import pack
from tests.support import processes
from tests.support.processes import TOKEN


def invariant(*arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "invariant", *arguments], env=env, capture_output=True, text=True, timeout=120
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "app.py").write_text('"""A module."""\n\nimport os\n\nX = 1\n')
    return folder


RULES = {
    "PASS": ("- Python code MUST NOT call eval()\n", 0),
    "FAIL": ("- Unused imports MUST NOT remain [high]\n", 1),
    "PARTIAL": ("- The service MUST be fast\n", 2),
    "ERROR": ("Nothing to see here.\n", 3),
}


@pytest.mark.parametrize("verdict", RULES)
def test_exit_codes_against_a_backend(verdict: str, url: str, tmp_path: Path, project: Path) -> None:
    text, code = RULES[verdict]
    constitution = tmp_path / "CONSTITUTION.md"
    constitution.write_text(text)
    with processes.api(url, tmp_path) as (client, _), processes.worker(url, tmp_path):
        env = {**processes.environment(""), "CVA_BACKEND_URL": str(client.base_url), "CVA_API_TOKEN": TOKEN}
        call = ("verify", str(project), "--constitution", str(constitution))
        shown = invariant(*call, env=env)
        assert shown.returncode == code, shown.stderr
        assert verdict in shown.stdout
        document = invariant(*call, "--format", "json", env=env)
        assert (document.returncode, json.loads(document.stdout)["verdict"]) == (code, verdict)
        if verdict == "FAIL":
            sarif = json.loads(invariant(*call, "--format", "sarif", env=env).stdout)
            assert sarif["runs"][0]["properties"]["verdict"] == "FAIL"
            target = tmp_path / "out.md"
            assert invariant(*call, "--format", "markdown", "--output", str(target), env=env).stdout == ""
            assert target.read_text().startswith("# FAIL")


def test_a_local_stack_by_itself(url: str, tmp_path: Path, project: Path) -> None:
    constitution = tmp_path / "CONSTITUTION.md"
    constitution.write_text(RULES["FAIL"][0])
    env = processes.environment(url, CVA_HOME=str(tmp_path / "home"))
    done = invariant("verify", str(project), "--constitution", str(constitution), env=env)
    assert done.returncode == 1, done.stderr
    assert "app.py:3" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("nothing",),
        ("verify", "."),
        ("verify", "/nonexistent", "--constitution", "x"),
        ("verify", ".", "--constitution", "/nonexistent"),
        ("demo", "."),
        ("demo", "/nonexistent", "--constitution", "/nonexistent"),
    ],
)
def test_a_wrong_call_is_three_and_says_why(arguments: tuple[str, ...]) -> None:
    done = invariant(*arguments, env=processes.environment(""))
    assert done.returncode == 3
    assert len(done.stderr + done.stdout) > 20
    assert "Traceback" not in done.stderr


def test_a_backend_that_is_not_there_is_three(tmp_path: Path, project: Path) -> None:
    constitution = tmp_path / "c.md"
    constitution.write_text("- a must b")
    env = {**processes.environment(""), "CVA_BACKEND_URL": "http://127.0.0.1:1"}
    done = invariant("verify", str(project), "--constitution", str(constitution), env=env)
    assert (done.returncode, "cannot be reached" in done.stderr) == (3, True)


def test_the_demo_shows_a_verdict_from_real_findings_and_stops_everything(tmp_path: Path) -> None:
    env = processes.environment("", CVA_HOME=str(tmp_path / "home"), COLUMNS="160")
    del env["DATABASE_URL"]
    done = invariant("demo", env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "VETO" in done.stdout
    assert "shelf/reports.py:15" in done.stdout
    (report,) = (tmp_path / "home" / "reports").glob("*/REPORT.md")
    assert "# VETO" in report.read_text()
    assert not (tmp_path / "home" / "postgres" / "postmaster.pid").exists()
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(tmp_path) not in running


def test_an_archive_holds_the_projects_own_files(project: Path) -> None:
    (project / ".venv").mkdir()
    (project / ".venv" / "x.py").write_text("x")
    (project / "link").symlink_to("/etc/passwd")
    with tarfile.open(fileobj=BytesIO(pack(project))) as archive:
        assert archive.getnames() == ["app.py"]
