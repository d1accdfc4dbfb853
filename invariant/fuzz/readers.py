"""The readers of strangers' text, each as a function of one text: what is measured, and what is fuzzed."""

import contextlib
import json
import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

from worker.analyzers import finding as findings
from worker.analyzers import sarif, statement
from worker.analyzers.analyze import Analysis
from worker.analyzers.finding import Finding
from worker.core.telemetry import masking
from worker.core.vocabulary import Category, CriterionKind, JudgeRole, Severity
from worker.llm import parsing
from worker.sources.snapshot import Snapshot, SnapshotLimits, scan
from worker.verification import answer, evidence, lines, search
from worker.verification.constitution import reading
from worker.verification.constitution.criteria import ConstitutionRejected, Criterion
from worker.verification.context.index import Index
from worker.verification.opinion import Evidence
from worker.verification.static import decide, topics
from worker.verification.static.topic import Topic
from worker.verification.static.uses import Name

ENDINGS = (
    "py",
    "js",
    "ts",
    "go",
    "java",
    "rs",
    "c",
    "yaml",
    "env",
    "json",
    "md",
    "sh",
    "html",
    "lock",
    "xml",
    "toml",
    "ini",
)
_LIMITS = SnapshotLimits(files=100, total=1 << 30, file=1 << 30)
_RULES = (
    "- Code MUST NOT call `eval()`.\n- Code MUST NOT use `console.log`.\n- No `fmt.Println`.\n- Code MUST NOT use `dbg!`.\n"
    "- No bare except.\n- No star imports.\n- No unused imports.\n- No print statements.\n- No undefined names.\n"
    "- Requests MUST have a timeout.\n- Code MUST NOT use pickle.\n"
)


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="invariant-fuzz-")


def snapshot(files: dict[str, bytes]) -> Snapshot:
    """A snapshot of the files, in a folder that the next one takes the place of."""
    root = Path(_folder().name)
    for old in sorted(root.rglob("*"), reverse=True):
        old.rmdir() if old.is_dir() else old.unlink()
    for path, data in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    return scan(root, _LIMITS)


def _one(text: str, ending: str) -> Snapshot:
    return snapshot({f"src/a.{ending}": text.encode(errors="surrogatepass")})


@cache
def _criteria() -> tuple[Criterion, ...]:
    return reading.read(_RULES).criteria


def index(text: str, ending: str) -> None:
    """What a judge may be shown of a file."""
    Index.of(_one(text, ending))


def searched(text: str) -> None:
    """A search with several patterns at once."""
    patterns = (r"eval\s*\(", r"password\s*=\s*\S+", r"(a|b)*c", r"\bimport\b.*\bas\b")
    one = Criterion("k", Category.STYLE, Severity.LOW, "s", None, 1, kind=CriterionKind.FORBIDS, patterns=patterns)
    search.scoped(search.Texts(_one(text, "py")), [one])


def static(text: str, ending: str) -> None:
    """What is decided without a model, with findings at the file's first line."""
    taken = _one(text, ending)
    names = ("console.log", "eval", "fmt.Println", "dbg", "a", "a.b")
    calls = (Topic(name, words=((name,),), call=Name(name, brackets=True, macro=name == "dbg")) for name in names)
    meanings = [
        *(topics.meaning(criterion, ("ruff", "bandit"), {}) for criterion in _criteria()),
        *(topics.Meaning((topic,)) for topic in calls),
    ]
    criteria = [*_criteria(), *[_criteria()[0]] * len(names)]
    decide.decide_all(taken, Analysis(_findings(taken), (), ()), criteria, meanings)


def _findings(taken: Snapshot) -> tuple[Finding, ...]:
    path = taken.files[0].path
    told = (
        ("ruff", "F401", "`os` imported but unused"), ("ruff", "F821", "Undefined name `a`"), ("ruff", "T201", "`print` found"),
        ("bandit", "B307", "eval"), ("bandit", "B602", "shell"), ("ruff", "E722", "except"), ("ruff", "DTZ005", "now"),
        ("bandit", "B113", "timeout"),
    )  # fmt: skip
    given = (Finding(tool, rule, Category.STYLE, Severity.LOW, 1.0, said, path, 1, 1) for tool, rule, said in told)
    return tuple(findings.resolve(given, taken))


def constitution(text: str) -> None:
    """A constitution, with what its sentences mean."""
    with contextlib.suppress(ConstitutionRejected):
        for criterion in reading.read(text).criteria:
            topics.meaning(criterion, ("ruff", "bandit"), {})
            search.patterns_of(criterion)


def citation(text: str) -> None:
    """A quotation, held against a file that is like it."""
    whole = lines.of(text)
    for quote in (text[:8000], "\n".join(whole[: evidence.MAX_LINES]), "a", text[-200:]):
        for said in (text, f"{text}x"):
            evidence.verify(Evidence("a", 1, 1, quote), {"a": lines.of(said)}.get)


def judge(text: str) -> None:
    """A judge's answer, with prose around it or without."""
    with contextlib.suppress(ValueError):
        for opinion in parsing.parse(text, answer.JudgeAnswer, lambda _: None).opinions:
            answer.opinion(opinion, JudgeRole.SECURITY, "m", round=1)


def judged(text: str) -> None:
    """A judge's answer whose fields hold the text."""
    place = {"path": "a", "start_line": 1, "end_line": 1, "quote": text[:8000]}
    said = {
        "criterion": "k",
        "evidence": [place],
        "absent": [text[:200]],
        "rationale": text[:8000],
        "vote": "FAIL",
        "score": 1,
    }
    judge(json.dumps({"opinions": [{**said, "confidence": 0.5}]}))


def report(text: str) -> None:
    """An analyzer's output."""
    with contextlib.suppress(sarif.NotSarif):
        sarif.read(text.encode(errors="replace"), analyzer="a", root=Path("/snapshot"))


def message(text: str) -> None:
    """A line of a log."""
    masking.mask(text, ("hunter2hunter2", "a" * 20))


def quoted(text: str) -> None:
    """A judge's words."""
    masking.mask_code(text)


def readers() -> dict[str, Callable[[str], object]]:
    """Every reader by its name."""
    return {
        **{f"index .{ending}": partial(index, ending=ending) for ending in ENDINGS},
        **{
            f"static .{ending}": partial(static, ending=ending)
            for ending in ("py", "js", "go", "rs", "c", "java", "html", "ipynb")
        },
        "search": searched,
        "constitution": constitution,
        "citation": citation,
        "judge": judge,
        "judged": judged,
        "report": report,
        "message": message,
        "quoted": quoted,
        "statement": lambda text: statement.end(text.split("\n"), 1),
    }
