"""The command line as people and CI use it: processes, exit codes, documents."""

import json
import re
import subprocess
import sys
import tarfile
import time
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest

from invariant.constitution import PLACES
from invariant.verify import pack
from tests.support import processes, provider
from tests.support.git import repository
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
    "ERROR": ("The history of a project.\n", 3),
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
            target = tmp_path / "out"
            assert invariant(*call, "--format", "markdown", "--output", str(target), env=env).stdout == ""
            assert target.read_text().startswith("# FAIL")
        names = ("report.md", "v.sarif", "v.json", "v.txt")
        files = [argument for name in names for argument in ("--output", str(tmp_path / name))]
        several = invariant(*call, *files, env=env)
        assert (several.returncode, several.stdout) == (code, "")
        left = {name for name in names if (tmp_path / name).is_file()}
        if verdict == "ERROR":
            assert left == {"v.json", "v.txt"}
            assert "not written: " in several.stderr
        else:
            assert left == set(names)
            assert (tmp_path / "report.md").read_text().startswith(f"# {verdict}")
            assert json.loads((tmp_path / "v.sarif").read_text())["version"] == "2.1.0"
        assert json.loads((tmp_path / "v.json").read_text())["verdict"] == verdict
        assert verdict in (tmp_path / "v.txt").read_text()
        assert f"{verdict}  " in several.stderr


def test_a_local_stack_by_itself(url: str, tmp_path: Path, project: Path) -> None:
    head = repository(project, {".tribunal/constitution.md": RULES["FAIL"][0], "CONSTITUTION.md": RULES["PASS"][0]})
    env = processes.environment(url, CVA_HOME=str(tmp_path / "home"), COLUMNS="80")
    done = invariant("verify", str(project), "--output", "-", "--output", str(tmp_path / "v.json"), env=env)
    assert done.returncode == 1, done.stderr
    assert "app.py:3" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    assert max(len(line) for line in done.stdout.splitlines()) <= 80
    assert "Constitution: .tribunal/constitution.md, found in" in done.stderr
    steps = [line for line in done.stderr.splitlines() if line.startswith("step ")]
    assert steps[0] == "step 1 of 8: taking a snapshot"
    assert steps[-1] == "step 8 of 8: writing the verdict"
    document = json.loads((tmp_path / "v.json").read_text())
    assert (document["snapshot"]["commit"], document["run"]["branch"]) == (head, "main")


def test_an_upload_of_a_clean_work_tree_has_its_commit_as_a_label(url: str, tmp_path: Path, project: Path) -> None:
    head = repository(project, {"CONSTITUTION.md": RULES["PASS"][0]})
    with processes.api(url, tmp_path) as (client, _), processes.worker(url, tmp_path):
        env = {**processes.environment(""), "CVA_BACKEND_URL": str(client.base_url), "CVA_API_TOKEN": TOKEN}
        assert invariant("verify", str(project), env=env).returncode == 0
        (project / "new.py").write_text("X = 1\n")
        assert invariant("verify", str(project), env=env).returncode == 0
        dirty, clean = client.get("/api/runs").json()["items"]
    assert clean["labels"] == {"event": "command-line", "commit": head, "branch": "main"}
    assert dirty["labels"] == {"event": "command-line"}


def test_a_wait_for_a_provider_is_shown_with_its_end(url: str, tmp_path: Path, project: Path) -> None:
    """The provider limits everybody for longer than an attempt waits; later it rejects the key."""
    (project / "CONSTITUTION.md").write_text(RULES["PASS"][0])
    body = {"error": {"message": "as you like it"}}
    began = time.monotonic()

    def script(_: provider.Request) -> provider.Reply:
        seconds = began + 40 - time.monotonic()
        return provider.Reply(body, 429, {"retry-after": "12"}) if seconds > 0 else provider.Reply(body, 401)

    with (
        provider.running(script) as server,
        processes.api(url, tmp_path) as (client, _),
        processes.worker(url, tmp_path, **provider.settings(server)),
    ):
        env = {**processes.environment(""), "CVA_BACKEND_URL": str(client.base_url), "CVA_API_TOKEN": TOKEN}
        done = invariant("verify", str(project), env=env)
        (run,) = client.get("/api/runs").json()["items"]
        events = client.get(f"/api/runs/{run['id']}/events").text
    assert done.returncode == 3
    assert re.search(r"(?m)^waiting for compatible until \d\d:\d\d:\d\d UTC \(rate limited\)$", done.stderr), (
        done.stderr
    )
    assert "provider_rejected" in done.stdout
    data = [json.loads(line[5:]) for line in events.splitlines() if line.startswith("data:")]
    requeued = next(event["data"] for event in data if event["type"] == "requeued")
    assert (requeued["provider"], requeued["reason"]) == ("compatible", "provider_rate_limited")
    assert datetime.fromisoformat(requeued["until"]).utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("nothing",),
        ("verify", "PROJECT"),
        ("verify", "/nonexistent", "--constitution", "x"),
        ("verify", "PROJECT", "--constitution", "/nonexistent"),
        ("verify", "PROJECT", "--constitution", "PROJECT/app.py", "--output", "a.md", "--output", "b"),
        ("verify", "PROJECT", "--constitution", "PROJECT/app.py", "--output", "/nonexistent/a.md"),
        ("demo", "PROJECT"),
        ("demo", "--constitution", "PROJECT/app.py"),
        ("demo", "/nonexistent", "--constitution", "/nonexistent"),
        ("demo", "PROJECT", "--constitution", "/nonexistent"),
    ],
)
def test_a_wrong_call_is_three_and_says_why(arguments: tuple[str, ...], project: Path) -> None:
    done = invariant(*(word.replace("PROJECT", str(project)) for word in arguments), env=processes.environment(""))
    assert done.returncode == 3
    assert len(done.stderr + done.stdout) > 20
    assert "Traceback" not in done.stderr
    if arguments in (("verify", "PROJECT"), ("demo", "PROJECT")):
        assert all(place in done.stderr + done.stdout for place in PLACES)


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
    assert "FAIL" in done.stdout
    assert "shelf/reports.py:15" in done.stdout
    (report,) = (tmp_path / "home" / "reports").glob("*/REPORT.md")
    assert "# FAIL" in report.read_text()
    assert not (tmp_path / "home" / "postgres" / "postmaster.pid").exists()
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(tmp_path) not in running


def test_an_archive_holds_the_projects_own_files(project: Path) -> None:
    (project / ".venv").mkdir()
    (project / ".venv" / "x.py").write_text("x")
    (project / "link").symlink_to("/etc/passwd")
    with tarfile.open(fileobj=BytesIO(pack(project))) as archive:
        assert archive.getnames() == ["app.py"]
