"""`invariant bench retrieval --repo PATH`: would the context have held the files that a change touched?

For commits with a real message that touch one to five files, the files of the parent commit are ranked by the
message: by the product's index, and by plain BM25 over whole files. Recall at 10 and mean reciprocal rank.
Merges are left out, and so are commits that only touch files the index leaves out.
"""

import argparse
import math
import re
import subprocess
import tempfile
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from worker.sources.snapshot import SnapshotLimits, scan
from worker.verification.context.index import Index

_LIMITS = SnapshotLimits(100_000, 2 << 30, 1 << 20)
_WORD = re.compile(r"\w+")
_TRIVIAL = re.compile(
    r"^(?:merge|revert|bump|release|version|prepare|v?\d+\.|[\w-]+-\d+\.\d+\.\d+$|update changelog|wip\b)",
    re.IGNORECASE | re.MULTILINE,
)
_MIN_WORDS = 4
_MAX_TOUCHED = 5


@dataclass(frozen=True)
class Change:
    """A commit: what its message says, and which files of its parent it touches."""

    commit: str
    parent: str
    message: str
    touched: frozenset[str]


def command(arguments: argparse.Namespace) -> int:
    """Measure each repository and print one table; returns 0, or 2 when none is named."""
    console = Console()
    if not arguments.repo:
        console.print("bench retrieval: name at least one git repository with --repo PATH")
        return 2
    table = Table(title="retrieval")
    columns = ("repository", "commits", "recall@10", "plain", "difference", "MRR", "plain", "difference")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right")
    rows = []
    for repo in arguments.repo:
        found = measure(Path(repo), arguments.commits)
        rows.append(found)
        _row(table, Path(repo).name, found)
    if len(rows) > 1:
        mean = Figures(*(sum(getattr(row, name) for row in rows) / len(rows) for name in Figures.__annotations__))
        _row(table, "average", mean)
    console.print(table)
    return 0


@dataclass(frozen=True)
class Figures:
    """Means over the commits, 0 to 1."""

    commits: float
    recall: float
    plain_recall: float
    rank: float
    plain_rank: float


def _row(table: Table, name: str, found: Figures) -> None:
    table.add_row(
        name,
        f"{found.commits:.0f}",
        *(f"{value:.3f}" for value in (found.recall, found.plain_recall)),
        f"{100 * (found.recall - found.plain_recall):+.1f}",
        *(f"{value:.3f}" for value in (found.rank, found.plain_rank)),
        f"{100 * (found.rank - found.plain_rank):+.1f}",
    )


def _git(repo: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(repo), *arguments], check=True, capture_output=True)
    return done.stdout.decode(errors="replace")


def changes(repo: Path, wanted: int) -> list[Change]:
    """The newest commits that fit, the newest first."""
    found = []
    log = _git(
        repo, "log", "--no-merges", "-n", str(wanted * 12), "--format=%x01%H%x02%P%x02%B%x03", "--name-status", "-M"
    )
    for entry in log.split("\x01")[1:]:
        head, _, names = entry.partition("\x03")
        commit, parents, message = head.split("\x02", 2)
        message = re.sub(r"(?m)^(?:co-authored-by|signed-off-by):.*$", "", message, flags=re.IGNORECASE).strip()
        listed = [line.split("\t") for line in names.strip().splitlines() if line.strip()]
        touched = frozenset(parts[1] for parts in listed if parts[0][0] in "MDR")
        if (
            touched
            and len(listed) <= _MAX_TOUCHED
            and len(_WORD.findall(message)) >= _MIN_WORDS
            and not _TRIVIAL.match(message)
            and len(parents.split()) == 1
        ):
            found.append(Change(commit, parents, message, touched))
        if len(found) == wanted:
            break
    return found


def measure(repo: Path, wanted: int) -> Figures:
    """Both rankings over the same commits."""
    sums: dict[str, float] = defaultdict(float)
    for change in changes(repo, wanted):
        with tempfile.TemporaryDirectory(prefix="invariant-retrieval-") as folder:
            archive = subprocess.run(
                ["git", "-C", str(repo), "archive", change.parent], check=False, capture_output=True
            )
            if archive.returncode:
                # A partial clone does not have every file of every commit.
                continue
            subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
            for path in Path(folder).rglob("*"):
                if path.is_symlink():
                    path.unlink()
            index = Index.of(scan(Path(folder), _LIMITS))
        touched = change.touched & index.files.keys()
        if not touched:
            continue
        sums["commits"] += 1
        texts = {path: "\n".join(file.lines) for path, file in index.files.items()}
        for name, ranked in (
            ("", [path for path, _ in index.rank(change.message)]),
            ("plain_", plain(change.message, texts)),
        ):
            sums[f"{name}recall"] += len(touched & set(ranked[:10])) / min(10, len(touched))
            first = next((place for place, path in enumerate(ranked, start=1) if path in touched), None)
            sums[f"{name}rank"] += 1 / first if first else 0
    count = max(1, sums["commits"])
    return Figures(sums["commits"], *(sums[name] / count for name in ("recall", "plain_recall", "rank", "plain_rank")))


def plain(query: str, texts: dict[str, str], k1: float = 1.2, b: float = 0.75) -> list[str]:
    """Okapi BM25 over whole files, words in lower case, as it is commonly written down."""
    documents = {path: Counter(_WORD.findall(text.lower())) for path, text in texts.items()}
    holding: Counter[str] = Counter(word for counts in documents.values() for word in counts)
    mean = sum(sum(counts.values()) for counts in documents.values()) / max(1, len(documents))
    scores: dict[str, float] = defaultdict(float)
    for word in _WORD.findall(query.lower()):
        rarity = math.log(1 + (len(documents) - holding[word] + 0.5) / (holding[word] + 0.5))
        for path, counts in documents.items():
            if counts[word]:
                length = sum(counts.values()) / mean
                scores[path] += rarity * counts[word] * (k1 + 1) / (counts[word] + k1 * (1 - b + b * length))
    return sorted(scores, key=lambda path: (-scores[path], path))
