"""Running real tools on real files, and tools that misbehave."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.app import settings
from tests.support.processes import eventually
from worker.analyzers import analyze, catalog
from worker.analyzers.analyze import Analysis
from worker.sources.snapshot import Snapshot, SnapshotLimits, scan


def snapshot(tmp_path: Path, files: dict[str, str | bytes]) -> Snapshot:
    root = tmp_path / "attempt" / "snapshot"
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    root.mkdir(parents=True, exist_ok=True)
    return scan(root, SnapshotLimits(1000, 100 << 20, 1 << 20))


async def run(found: Snapshot, extra: dict[str, list[str]] | None = None, **given: Any) -> Analysis:
    config = settings(**given)
    return await analyze.analyze(
        found, catalog.all_analyzers(config.analyzers), settings=config, extra_rules=extra or {}
    )


def rules(analysis: Analysis) -> set[str]:
    return {finding.rule for finding in analysis.findings}


async def test_ruff_and_bandit_find_what_is_there(tmp_path: Path) -> None:
    found = snapshot(tmp_path, {"a.py": "import os\n\n\ndef f(x=[]):\n    return eval(x)\n"})
    analysis = await run(found)
    assert {"ruff:F401", "ruff:B006", "bandit:B307"} <= rules(analysis)
    assert all(finding.verified for finding in analysis.findings)
    eval_found = next(f for f in analysis.findings if f.rule == "bandit:B307")
    assert (eval_found.path, eval_found.start_line, eval_found.quote) == ("a.py", 5, "    return eval(x)")
    assert [tool.complete for tool in analysis.tools] == [True, True]


async def test_the_repository_cannot_silence_a_tool(tmp_path: Path) -> None:
    loud = "import os  # noqa\nx = eval('1')  # nosec # noqa\n"
    found = snapshot(
        tmp_path,
        {
            "a.py": loud,
            "pyproject.toml": "[tool.ruff]\nexclude = ['*.py']\n[tool.bandit]\nskips=['B307']\n",
            "ruff.toml": "exclude = ['*.py']\n",
            ".bandit": "[bandit]\nskips = B307\nexclude = a.py\n",
            ".gitignore": "*.py\n",
            "setup.cfg": "[bandit]\nskips = B307\n",
        },
    )
    assert {"ruff:F401", "bandit:B307"} <= rules(await run(found))


async def test_odd_file_names_are_analysed(tmp_path: Path) -> None:
    names = ["-rf.py", "a b.py", "ünï.py", "dash--/--help.py", "quote'\".py", "@file.py", "x{files}.py"]
    analysis = await run(snapshot(tmp_path, dict.fromkeys(names, "eval(1)\n")))
    assert {f.path for f in analysis.findings if f.rule == "bandit:B307"} == set(names)
    assert all(finding.verified for finding in analysis.findings)


async def test_rules_the_constitution_asks_for_are_added(tmp_path: Path) -> None:
    found = snapshot(tmp_path, {"a.py": "print(1)\n"})
    assert "ruff:T201" not in rules(await run(found))
    assert "ruff:T201" in rules(await run(found, {"ruff": ["T201"]}))


async def test_files_that_cannot_be_read_are_told_of(tmp_path: Path) -> None:
    found = snapshot(tmp_path, {"a.py": "def broken(:\n", "b.py": b"x = '\xff\xfe'\n", "c.py": "x = 1\n"})
    analysis = await run(found)
    for tool in analysis.tools:
        assert tool.covered == {"c.py"}
        assert not tool.complete
    assert sum("could not read 2 file(s)" in note for note in analysis.notes) == 2


async def test_no_files_no_fuss(tmp_path: Path) -> None:
    analysis = await run(snapshot(tmp_path, {"README": "hello"}))
    assert analysis.findings == ()
    assert [tool.wanted for tool in analysis.tools] == [0, 0]


def added(name: str, *command: str) -> list[dict[str, Any]]:
    return [{"name": name, "command": command, "patterns": ["*.txt"]}]


SARIF = json.dumps(
    {
        "runs": [
            {
                "tool": {"driver": {"name": "own", "version": "7"}},
                "results": [
                    {
                        "ruleId": "X1",
                        "level": "error",
                        "message": {"text": "found"},
                        "locations": [
                            {"physicalLocation": {"artifactLocation": {"uri": "n.txt"}, "region": {"startLine": 1}}}
                        ],
                    }
                ],
            }
        ]
    }
)


@pytest.mark.parametrize(
    "program",
    [
        f"print({SARIF!r})",
        f"import sys; open(sys.argv[1], 'w').write({SARIF!r}); print('chatter')",
    ],
    ids=["standard output", "a file"],
)
async def test_an_analyzer_is_added_by_settings(program: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", program, *(["{output}"] if "argv" in program else [])]
    found = snapshot(tmp_path, {"n.txt": "hello\n"})
    analysis = await run(found, CVA_ANALYZERS=added("own", *command))
    (finding,) = analysis.findings
    assert (finding.rule, finding.quote, finding.verified) == ("own:X1", "hello", True)
    tool = analysis.tool("own")
    assert tool is not None
    assert (tool.version, tool.complete) == ("7", True)


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        (("surely-not-installed",), "not installed"),
        ((sys.executable, "-c", "raise SystemExit('broke')"), "not SARIF|not JSON"),
        ((sys.executable, "-c", "import time; time.sleep(60)"), "took longer"),
        ((sys.executable, "-c", "import sys\nwhile True: sys.stdout.write('x' * 65536)"), "wrote more"),
        ((sys.executable, "-c", "x = bytearray(1 << 40)"), "not JSON"),
        ((sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"), "not JSON"),
    ],
    ids=["missing", "failing", "hanging", "flooding", "greedy", "dying"],
)
async def test_a_tool_that_misbehaves_is_told_of(command: tuple[str, ...], problem: str, tmp_path: Path) -> None:
    found = snapshot(tmp_path, {"n.txt": "hello\n", "a.py": "eval(1)\n"})
    analysis = await run(found, CVA_ANALYZERS=added("own", *command), CVA_ANALYZER_SECONDS=5)
    tool = analysis.tool("own")
    assert tool is not None
    assert tool.problem is not None
    import re

    assert re.search(problem, tool.problem)
    assert any(note.startswith("own ") for note in analysis.notes)
    # The others did their work.
    assert "bandit:B307" in rules(analysis)


async def test_a_tool_does_not_see_our_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-for-the-test")
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:p@h/d")
    seen = tmp_path / "seen"
    program = f"import json, os; open({str(seen)!r}, 'w').write(json.dumps(dict(os.environ))); print({SARIF!r})"
    await run(snapshot(tmp_path, {"n.txt": "x"}), CVA_ANALYZERS=added("own", sys.executable, "-c", program))
    environment = json.loads(seen.read_text())
    assert not {"OPENAI_API_KEY", "DATABASE_URL"} & set(environment)


def state_of(pid: int) -> str | None:
    """The letter of proc(5), or None when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return None


async def test_children_of_a_tool_end_with_it(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    program = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)'])\n"
        f"open({str(pid_file)!r}, 'w').write(str(child.pid))\n"
        "time.sleep(300)\n"
    )
    await run(
        snapshot(tmp_path, {"n.txt": "x"}),
        CVA_ANALYZERS=added("own", sys.executable, "-c", program),
        CVA_ANALYZER_SECONDS=2,
    )
    # A killed process ends when the kernel gets to it; a zombie waits for its new parent.
    eventually(lambda: state_of(int(pid_file.read_text())) in {None, "Z", "X"}, 10)


async def test_fingerprints_survive_moved_lines_and_tell_equals_apart(tmp_path: Path) -> None:
    before = await run(snapshot(tmp_path / "1", {"a.py": "eval('x')\neval('x')\n"}))
    after = await run(snapshot(tmp_path / "2", {"a.py": "\n\n# moved\n\neval('x')\n\neval('x')\n"}))
    first, second = ({f.fingerprint for f in a.findings if f.rule == "bandit:B307"} for a in (before, after))
    assert first == second
    assert len(first) == 2


@pytest.mark.parametrize("line", ["x" + ".a" * 200_000, "x = 1" + " + 1" * 300_000], ids=["attributes", "sums"])
async def test_a_line_that_breaks_a_tool_hides_nothing_elsewhere(line: str, tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {f"m{number}.py": "import os\n" for number in range(20)}
    analysis = await run(snapshot(tmp_path, {**files, "deep.py": f"{line}\n"}), CVA_MAX_FILE_BYTES=4 << 20)
    ruff = analysis.tool("ruff")
    assert ruff is not None
    assert ruff.covered == set(files)
    assert not ruff.complete
    assert {f.path for f in analysis.findings if f.rule == "ruff:F401"} == set(files)
    assert any(note.startswith("ruff did not finish") and "1 file(s)" in note for note in analysis.notes)


async def test_a_tool_that_always_fails_is_not_tried_for_ever(tmp_path: Path) -> None:
    program = f"open({str(tmp_path / 'tries')!r}, 'a').write('x'); raise SystemExit(1)"
    files: dict[str, str | bytes] = {f"n{number}.txt": "x" for number in range(500)}
    command = (sys.executable, "-S", "-c", program, "{files}")
    analysis = await run(snapshot(tmp_path, files), CVA_ANALYZERS=added("own", *command))
    tool = analysis.tool("own")
    assert tool is not None
    assert tool.problem is not None
    assert tool.covered == frozenset()
    assert len((tmp_path / "tries").read_text()) <= 2 * analyze.MAX_TRIES + 10
