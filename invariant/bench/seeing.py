"""`invariant bench seeing`: whether judges are shown the place that decides.

Over the labelled set of `bench decisions`, with so little room that no repository fits: for each criterion that is
broken, whether its judges are shown a labelled place. A scripted judge that decides only when it has seen the right
place would decide so many; it may ask twice to be shown more. Scouts are scripts that name each labelled line that
they read. Beside it, in the same run, what a search alone would have shown (`CVA_DEPTH=search`).
"""

import argparse
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from invariant.bench import decisions
from invariant.bench.decisions import cases, matching
from invariant.bench.decisions.cases import Case
from worker.analyzers.analyze import Analysis
from worker.core.settings import Settings
from worker.core.vocabulary import Depth, JudgeRole
from worker.sources.snapshot import SnapshotLimits, scan
from worker.verification.constitution import reading
from worker.verification.constitution.criteria import ConstitutionRejected
from worker.verification.context.looking import MAX_LOOKS, Look, What
from worker.verification.context.shown import Spans, within
from worker.verification.examination import Examination, checkable
from worker.verification.scouting.survey import NamedPlace, PieceRead

_LIMITS = SnapshotLimits(100_000, 1 << 30, 1 << 26)
_TOKENS = 1500
_NOT_SHOWN = re.compile(r"^  (\S+):(\d+)(?:-\d+)? \(not shown\) may break it:", re.MULTILINE)
_WANTED = 0.95


@dataclass(frozen=True)
class Seen:
    """Criteria that are broken at a place, and for how many of them judges are shown such a place."""

    criteria: int
    shown: int
    asked: int
    """For how many more, if the judge asks twice for what scouts named and was not shown."""


def command(_: argparse.Namespace) -> int:
    """Measure and print; returns 1 when judges see too little."""
    console = Console()
    loaded = cases.load_all(decisions.BUNDLED)
    table = Table(title=f"broken criteria whose judges are shown the place, in {_TOKENS} tokens")
    for column in ("depth", "criteria", "shown", "asked for", "share"):
        table.add_column(column, justify="left" if column == "depth" else "right")
    shares = {}
    for depth in Depth:
        counted = [_case(case, depth) for case in loaded]
        criteria, shown, asked = (
            sum(getattr(seen, name) for seen in counted) for name in ("criteria", "shown", "asked")
        )
        shares[depth] = (shown + asked) / criteria
        table.add_row(depth.value, str(criteria), str(shown), str(asked), f"{shares[depth]:.1%}")
    console.print(table)
    return int(shares[Depth.FULL] < _WANTED)


def _case(case: Case, depth: Depth) -> Seen:
    settings = Settings.model_construct(context_tokens=_TOKENS, depth=depth)
    try:
        read = reading.read(case.constitution)
    except ConstitutionRejected:
        return Seen(0, 0, 0)
    matched = matching.match(case.constitution, case.labels, read).labels
    criteria = checkable(read)
    places = {
        criterion.key: [place for number in matched[criterion.key] for place in case.labels[number].places]
        for criterion in criteria
    }
    examination = Examination()
    examination.index(scan(case.repository, _LIMITS))
    to_scout = examination.open(criteria, Analysis((), (), ()), case.constitution, settings)
    lines = {key: _lines(case, of) for key, of in places.items()}
    if to_scout.pieces:
        texts = {piece.number: examination.piece(piece.number) for piece in to_scout.pieces}
        examination.scouted([PieceRead(number, tuple(_named(text, lines))) for number, text in texts.items()])
    shown = examination.show(settings)
    contexts = {key: batch.context for batch in shown.batches for key in batch.keys}
    broken = {key: of for key, of in places.items() if of}
    shown_to = sum(_shows(contexts[key].shown, of) for key, of in broken.items())
    asked_to = 0
    for key, of in broken.items():
        if not _shows(contexts[key].shown, of):
            looks = [Look(What.PATH, path, int(line)) for path, line in _NOT_SHOWN.findall(contexts[key].text)]
            seen = [
                examination.look([key], JudgeRole.ARCHITECT, looks[start : start + MAX_LOOKS], settings).spans
                for start in (0, MAX_LOOKS)
            ]
            asked_to += any(_shows(spans, of) for spans in seen)
    return Seen(len(broken), shown_to, asked_to)


def _shows(spans: Spans, places: Sequence[str]) -> bool:
    return any(within(spans, path, int(line)) for path, _, line in (place.rpartition(":") for place in places))


def _lines(case: Case, places: Sequence[str]) -> frozenset[str]:
    """What stands at the places."""
    found = set()
    for place in places:
        path, _, number = place.rpartition(":")
        found.add((case.repository / path).read_text(encoding="utf-8").splitlines()[int(number) - 1].strip())
    return frozenset(found)


def _named(text: str, lines: Mapping[str, frozenset[str]]) -> Iterator[NamedPlace]:
    """What a scout names who knows which lines break which criterion."""
    count = 0
    for row in text.split("\n"):
        if row.startswith("=== "):
            count = int(row[4:])
            continue
        number, _, quote = row.partition("| ")
        for key, own in lines.items():
            if quote.strip() in own:
                yield NamedPlace(count, key, int(number), int(number), quote, holds=False, why="labelled")
