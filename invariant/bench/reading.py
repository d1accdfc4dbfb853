"""`invariant bench reading`: how much of a repository scouts read, what it costs, and what is asked again.

For each repository, by the functions that a worker calls, with scouts and judges that are scripts: how many of the
lines in scope are read; violations planted in up to 200 files, one each, all of them named; the tokens and the price
of reading, and of judging what was named, beside sending the whole repository once to each judge; the questions that
are new when one file changed, and when every file was moved. Tokens are counted as bytes by four; prices are the
library's, by each provider's way of caching.
"""

import argparse
import random
import resource
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from rich.console import Console
from rich.table import Table

from invariant.bench import verify
from worker.analyzers.analyze import Analysis
from worker.core.settings import Settings
from worker.core.vocabulary import JudgeRole
from worker.llm import prices
from worker.llm.providers import Model
from worker.sources.snapshot import Snapshot, SnapshotLimits, scan
from worker.verification import marks, prompts, texts
from worker.verification.constitution import reading
from worker.verification.constitution.criteria import Criterion
from worker.verification.examination import Examination, Shown, ToScout
from worker.verification.panel import messages
from worker.verification.scouting import scouts
from worker.verification.scouting.survey import NamedPlace, PieceRead

_LIMITS = SnapshotLimits(100_000, 1 << 30, 1 << 26)
_PLANTED = 200
_PLANT = "planted_violation_{}()"
_WORDS = (
    "eval shells passwords tokens threads globals sockets caches retries timeouts cookies headers uploads sessions "
    "queries templates logs signals pickles locks paths parsers encodings"
)
_RULES = "# Rules\n\n- Code MUST NOT contain a planted violation.\n" + "".join(
    f"- Code MUST NOT misuse {word}.\n" for word in _WORDS.split()
)
_ANSWER_TOKENS = 150
_BYTES_PER_TOKEN = 4
# The judges' models and the cheapest that reads for them, of three providers that price their caches.
_FAMILIES = {
    "OpenAI": ("gpt-5.1", "gpt-5-mini"),
    "Anthropic": ("claude-sonnet-4-6", "claude-haiku-4-5"),
    "Google": ("gemini/gemini-2.5-pro", "gemini/gemini-2.5-flash-lite"),
}
_TOKENS_WANTED, _PRICE_WANTED, _REUSED_WANTED = 0.60, 0.50, 0.95
# Of 20,000 files, 4 million lines.
_INDEX_SECONDS, _MEMORY_MIB = 90.0, 1000
# Below this many files a single one is more than a twentieth of all that is asked.
_ENOUGH_FILES = 500


@dataclass(frozen=True)
class Cost:
    """Tokens in; dollars by family."""

    tokens: int
    dollars: Mapping[str, Decimal]


@dataclass(frozen=True)
class Read:
    """What reading a repository came to. Shares are 0 to 1."""

    name: str
    files: int
    lines: int
    read: float
    """Lines that were read or need not be, of those in scope."""
    undecided: int
    """Criteria of whose scope something was not read: undecided, with the share."""
    planted: int
    named: int
    pieces: int
    tokens: float
    """Tokens of scouts and judges, by those of sending everything to each judge."""
    price: Mapping[str, float]
    reused: float
    moved: float

    @property
    def problems(self) -> Iterator[str]:
        """What is not as it should be."""
        if self.read < 1 and not self.undecided:
            yield f"{self.name}: {self.read:.2%} of the lines were read, and no criterion is undecided for it"
        if self.named < self.planted:
            yield f"{self.name}: {self.named} of {self.planted} planted violations were named"
        if self.moved < 1:
            yield f"{self.name}: moved files were asked about again"
        if self.files >= _ENOUGH_FILES:
            if self.tokens > _TOKENS_WANTED:
                yield f"{self.name}: {self.tokens:.0%} of the tokens of sending everything to each judge"
            if max(self.price.values()) > _PRICE_WANTED:
                yield f"{self.name}: {max(self.price.values()):.0%} of the price of sending everything to each judge"
            if self.reused < _REUSED_WANTED:
                yield f"{self.name}: {self.reused:.1%} of the scouts' answers serve again after one file changed"


def command(arguments: argparse.Namespace) -> int:
    """Measure the repositories, or a generated one of 500 files; returns 1 when a figure is not what it should be."""
    console = Console(width=150)
    if arguments.files:
        return _large(arguments.files, console)
    table = Table(title="reading: 24 criteria; planted violations, one in each of up to 200 files")
    for column in (
        "repository",
        "files",
        "lines",
        "read",
        "planted",
        "named",
        "pieces",
        "tokens",
        *_FAMILIES,
        "reused",
        "moved",
    ):
        table.add_column(column, justify="left" if column == "repository" else "right")
    wrong: list[str] = []
    with _repositories(arguments.repo) as folders:
        for name, folder in folders:
            found = measure(name, folder)
            wrong += found.problems
            share = f"{found.read:.2%}" if found.read < 1 else "all"
            table.add_row(
                name, str(found.files), f"{found.lines:,}", share, str(found.planted), str(found.named),
                str(found.pieces), f"{found.tokens:.0%}", *(f"{found.price[family]:.0%}" for family in _FAMILIES),
                f"{found.reused:.1%}", f"{found.moved:.0%}",
            )  # fmt: skip
    console.print(table)
    console.print("tokens, prices: scouts and judges, by sending the whole repository once to each judge")
    for sentence in wrong:
        console.print(sentence, markup=False, soft_wrap=True)
    return int(bool(wrong))


def _large(files: int, console: Console) -> int:
    """How long a repository of so many files of 200 lines takes until scouts can begin, and how much memory."""
    criteria = reading.read(_RULES).criteria
    with tempfile.TemporaryDirectory(prefix="invariant-reading-") as work:
        for number in range(files):
            path = Path(work, f"part{number % 200}", f"module_{number}.py")
            path.parent.mkdir(exist_ok=True)
            functions = (
                f"def f_{number}_{n}(request, limit={n}):\n"
                f"    value_{n} = limit * {number} if limit > {n} else request\n"
                f"    return value_{n}\n\n"
                for n in range(50)
            )
            path.write_text("".join(functions), encoding="utf-8")
        began = time.perf_counter()
        _, to_scout, snapshot = _opened(Path(work), criteria, Settings.model_construct())
        seconds = time.perf_counter() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    console.print(
        f"{files:,} files, {files * 200:,} lines, {snapshot.total >> 20} MiB: {len(to_scout.pieces):,} pieces after "
        f"{seconds:.1f} s (wanted {_INDEX_SECONDS:.0f}), {memory} MiB of memory (wanted {_MEMORY_MIB})"
    )
    return int(seconds > _INDEX_SECONDS or memory > _MEMORY_MIB)


@contextmanager
def _repositories(given: list[str]) -> Iterator[list[tuple[str, Path]]]:
    with tempfile.TemporaryDirectory(prefix="invariant-reading-") as work:
        made = []
        for number, repo in enumerate(given):
            folder = Path(work, str(number))
            folder.mkdir()
            archive = subprocess.run(["git", "-C", repo, "archive", "HEAD"], check=True, capture_output=True)
            subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
            for path in folder.rglob("*"):
                if path.is_symlink():
                    path.unlink()
            place = Path(repo)
            made.append((place.parent.name if place.name in ("repo", ".git") else place.name, folder))
        if not given:
            folder = Path(work, "generated")
            verify.generate(folder)
            made.append(("generated", folder))
        yield made


def measure(name: str, folder: Path) -> Read:
    """All figures of one repository. The folder is changed: violations are planted in it, files are moved."""
    criteria = reading.read(_RULES).criteria
    planted = _plant(folder)
    settings = Settings.model_construct()
    examination, to_scout, snapshot = _opened(folder, criteria, settings)
    asked = {piece.number: examination.piece(piece.number) for piece in to_scout.pieces}
    examination.scouted([_scout(number, text, criteria) for number, text in asked.items()])
    shown = examination.show(settings)
    (result, *others) = examination.hear((), settings).results
    coverage = result.coverage
    ours, theirs = _costs(asked.values(), criteria, shown, snapshot, settings)
    changed = next((p for p in sorted(folder.rglob("*.*")) if p.is_file() and _text(p)), None)
    if changed is not None:
        changed.write_text(f"one more line\n{_text(changed)}", encoding="utf-8")
    after = _questions(folder, criteria, settings)
    before = set(asked.values())
    _move(folder)
    moved = _questions(folder, criteria, settings)
    return Read(
        name=name,
        files=len(snapshot.files),
        lines=coverage.lines,
        read=min(1.0, (coverage.read_lines + coverage.spared_lines) / max(1, coverage.lines)),
        undecided=sum(not each.coverage.read for each in (result, *others)),
        planted=planted,
        named=coverage.places,
        pieces=len(asked),
        tokens=ours.tokens / theirs.tokens,
        price={family: float(ours.dollars[family] / theirs.dollars[family]) for family in _FAMILIES},
        reused=len(before & after) / max(1, len(after)),
        moved=len(after & moved) / max(1, len(moved)),
    )


def _opened(folder: Path, criteria: Sequence[Criterion], settings: Settings) -> tuple[Examination, ToScout, Snapshot]:
    snapshot = scan(folder, _LIMITS)
    examination = Examination()
    examination.index(snapshot)
    return examination, examination.open(criteria, Analysis((), (), ()), _RULES, settings), snapshot


def _questions(folder: Path, criteria: Sequence[Criterion], settings: Settings) -> set[str]:
    examination, to_scout, _ = _opened(folder, criteria, settings)
    return {examination.piece(piece.number) for piece in to_scout.pieces}


def _text(path: Path) -> str | None:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None
    return text if "\0" not in text and text.strip() else None


def _plant(folder: Path) -> int:
    """Plant one violation in each of as many files as there are, up to 200, at a line drawn by lot."""
    choose = random.Random(1)  # noqa: S311  the same each time
    examination, to_scout, _ = _opened(folder, reading.read(_RULES).criteria, Settings.model_construct())
    readable = sorted({span for piece in to_scout.pieces for span in examination.paths_of(piece.number)})
    chosen = choose.sample(readable, min(_PLANTED, len(readable)))
    for number, path in enumerate(sorted(chosen)):
        data = (folder / path).read_bytes()
        lines = data.split(b"\n")
        lines.insert(choose.randint(0, len(lines) - 1), _PLANT.format(number).encode())
        (folder / path).write_bytes(b"\n".join(lines))
    return len(chosen)


def _scout(number: int, text: str, criteria: Sequence[Criterion]) -> PieceRead:
    """A scout that names each planted line that it sees."""
    places = []
    count = 0
    for row in text.split("\n"):
        if row.startswith("=== "):
            count = int(row[4:])
        elif "planted_violation_" in row:
            line, _, quote = row.partition("| ")
            places.append(NamedPlace(count, criteria[0].key, int(line), int(line), quote, holds=False, why="planted"))
    return PieceRead(number, tuple(places))


def _move(folder: Path) -> None:
    """Every file to another folder, where what is vendored or a lock file stays it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != ".gitattributes")
    for number, path in enumerate(files):
        place = path.parent / f"moved{number % 7}"
        place.mkdir(exist_ok=True)
        path.rename(place / path.name)


def _costs(
    pieces: Iterable[str], criteria: Sequence[Criterion], shown: Shown, snapshot: Snapshot, settings: Settings
) -> tuple[Cost, Cost]:
    """Ours, and that of each judge being sent everything once."""
    by_key = {criterion.key: criterion for criterion in criteria}
    batches = [(tuple(by_key[key] for key in batch.keys), batch.context) for batch in shown.batches]
    whole = sum(
        (snapshot.root / file.path).stat().st_size for file in snapshot.files if _would_be_sent(snapshot, file.path)
    )
    prefix = scouts.prefix_bytes(criteria)
    read = [len(piece.encode()) for piece in pieces]
    judged = [
        [len(message["content"].encode()) for message in messages(shown.overview, context, of, role, keys, task="")]
        for of, context in batches
        for role in JudgeRole
        for keys in [[criterion.key for criterion in of]]
    ]
    rules = len(prompts.text("rules").encode())
    ours_tokens = (sum(read) + prefix * len(read) + sum(map(sum, judged))) // _BYTES_PER_TOKEN
    theirs_tokens = len(JudgeRole) * (whole + rules) // _BYTES_PER_TOKEN
    ours: dict[str, Decimal] = {}
    theirs: dict[str, Decimal] = {}
    for family, (judge, scout) in _FAMILIES.items():
        cheap, dear = prices.of(_model(scout), settings), prices.of(_model(judge), settings)
        reading_ = (
            _price(prefix, max(cheap.input, cheap.cache_write))
            + _price(prefix * max(0, len(read) - 1), cheap.cache_read)
            + _price(sum(read), cheap.input)
            + _price(_ANSWER_TOKENS * _BYTES_PER_TOKEN * len(read), cheap.output)
        )
        # A batch's judges of one family read what they share from the cache, but for the first of them.
        first = sum(size for number, size in enumerate(map(sum, judged)) if number % len(JudgeRole) == 0)
        judging = _price(first, dear.input) + _price(sum(map(sum, judged)) - first, dear.cache_read)
        ours[family] = reading_ + judging
        # Written to the cache for the first judge, and read from there by the others.
        theirs[family] = _price(whole + rules, max(dear.input, dear.cache_write)) + _price(
            (whole + rules) * (len(JudgeRole) - 1), dear.cache_read
        )
    return Cost(ours_tokens, ours), Cost(theirs_tokens, theirs)


def _would_be_sent(snapshot: Snapshot, path: str) -> bool:
    """Whether somebody would send the file to a judge who sent everything: no lock file, nothing that others wrote."""
    return not texts.is_lock(path) and marks.by_path(path) is None and _text(snapshot.root / path) is not None


def _model(name: str) -> Model:
    provider = "gemini" if name.startswith("gemini/") else "anthropic" if name.startswith("claude") else "openai"
    return Model(name, provider, name if "/" in name else f"{provider}/{name}")


def _price(size: int, per_million: Decimal) -> Decimal:
    return Decimal(size) / _BYTES_PER_TOKEN * per_million / 1_000_000
