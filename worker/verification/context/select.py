"""What the judges are shown for a batch of criteria, within a budget of tokens, and a record of it.

A repository that fits is shown whole. Otherwise the pieces that answer each criterion best are taken in turn, by
what stands in them and by what their files are called and define: so no criterion starves another, and neither a
telling name hides the one place that breaks a rule, nor the other way round. They are put in the order of the
repository: the same choice is the same text, however the scores moved a little, and answers to it are found again on
the ledger.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from worker.analyzers.finding import Finding
from worker.verification.context.chunks import Chunk
from worker.verification.context.index import Index
from worker.verification.context.words import words
from worker.verification.criteria import Criterion

_CHARS_PER_TOKEN = 3
_MAX_FINDINGS = 40
_MAX_FOLDERS = 80
_PIECES_PER_CRITERION = 60
_MIN_TERM = 3
_FOUND = 0.25


@dataclass(frozen=True)
class Context:
    """`text` is what is shown. `files` of `of_files` are in it, at least in part; `complete`: all of it is."""

    text: str
    files: tuple[str, ...]
    of_files: int
    complete: bool


def select(
    index: Index,
    criteria: Sequence[Criterion],
    findings: Iterable[Finding],
    *,
    budget: int,
    only: frozenset[str] | None = None,
) -> Context:
    """The context for `criteria`. `only` limits it to some files (`diff` mode)."""
    candidates = {number for number, chunk in enumerate(index.chunks) if only is None or chunk.path in only}
    cost = {number: index.sizes[number] // _CHARS_PER_TOKEN + 1 for number in candidates}
    shown_findings = [f for f in findings if f.verified and (only is None or f.path in only)]
    whole = sum(cost.values()) <= budget
    chosen = candidates if whole else _choose(index, criteria, shown_findings, cost, budget)
    text = _render(index, sorted(chosen), shown_findings)
    files = tuple(sorted({index.chunks[number].path for number in chosen}))
    total = len({index.chunks[number].path for number in candidates})
    return Context(text, files, total, chosen == candidates and not index.left_out and only is None)


def _choose(
    index: Index, criteria: Sequence[Criterion], findings: Sequence[Finding], cost: dict[int, int], budget: int
) -> set[int]:
    """In turn, the best piece of each criterion, in each of the two orders, that is not taken and still fits."""
    at = _places(index, findings)
    queues = []
    for criterion in criteria:
        query = f"{criterion.statement}\n{criterion.section or ''}"
        wanted = set(words(criterion.statement))
        for scores in (index.score_chunks(query), index.place_chunks(query)):
            # Where an analyzer found something that shares words with the criterion the judges should rather look;
            # not so much that it would hide what names the very thing.
            share = _FOUND * max(scores.values(), default=1.0)
            for number, bag in at.items():
                if wanted & bag:
                    scores[number] = scores.get(number, 0.0) + share
            # Coarse, so that a small change elsewhere does not change the order here.
            ranked = sorted(
                (n for n in scores if n in cost), key=lambda n: (-round(scores[n], 1), index.chunks[n].path, n)
            )
            queues.append(iter(ranked[:_PIECES_PER_CRITERION]))
    chosen: set[int] = set()
    left = budget
    while queues:
        for queue in list(queues):
            piece = next((n for n in queue if n not in chosen and cost[n] <= left), None)
            if piece is None:
                queues.remove(queue)
            else:
                chosen.add(piece)
                left -= cost[piece]
    # What is left goes to what the chosen files import: the definitions that their code rests on.
    near = {path for number in chosen for path in index.graph.get(index.chunks[number].path, ())}
    for number in sorted(cost):
        if number not in chosen and index.chunks[number].path in near and cost[number] <= left:
            chosen.add(number)
            left -= cost[number]
    return chosen


def _places(index: Index, findings: Sequence[Finding]) -> dict[int, set[str]]:
    """Number of a chunk → the words of what was found in it."""
    by_path: dict[str, list[Finding]] = {}
    for finding in findings:
        by_path.setdefault(finding.path, []).append(finding)
    found: dict[int, set[str]] = {}
    for number, chunk in enumerate(index.chunks):
        for finding in by_path.get(chunk.path, ()):
            if chunk.start <= finding.start_line <= chunk.end:
                found.setdefault(number, set()).update(words(finding.message))
    return found


def _render(index: Index, chosen: Sequence[int], findings: Sequence[Finding]) -> str:
    folders = sorted({path.rsplit("/", 1)[0] if "/" in path else "." for path in index.files})
    parts = [f"Folders of the repository: {', '.join(folders[:_MAX_FOLDERS])}"]
    shown: dict[str, list[Chunk]] = {}
    for number in chosen:
        shown.setdefault(index.chunks[number].path, []).append(index.chunks[number])
    for path in sorted(shown):
        parts.append(f"=== {path}")
        parts += [index.files[path].numbered(chunk) for chunk in sorted(shown[path], key=lambda c: c.start)]
    listed = [
        f"{f.path}:{f.start_line} {f.severity.value} {f.rule} {' '.join(f.message.split())[:200]}"
        for f in sorted(findings, key=lambda f: (f.severity.rank, f.path, f.start_line, f.rule))
        if any(chunk.start <= f.start_line <= chunk.end for chunk in shown.get(f.path, ()))
    ]
    if listed:
        parts += ["=== Static analysis found in these parts:", *listed[:_MAX_FINDINGS]]
    return "\n".join(parts)


def absent(index: Index, paths: Iterable[str], terms: Sequence[str], criterion: Criterion) -> str | None:
    """What was searched, when none of `terms` is anywhere in the repository; None when that is not so.

    Terms are looked for in every path and every text, in any case. They must be of some length and share a word
    with the criterion: that something unheard of is absent says nothing.
    """
    terms = [term.strip() for term in terms if term.strip()]
    if not terms or any(len(re.sub(r"\W", "", term)) < _MIN_TERM for term in terms):
        return None
    if not set(words(" ".join(terms))) & set(words(criterion.statement)):
        return None
    lowered = [term.lower() for term in terms]
    if any(term in path.lower() for path in paths for term in lowered):
        return None
    for file in index.files.values():
        text = "\n".join(file.lines).lower()
        if any(term in text for term in lowered):
            return None
    listed = ", ".join(f"«{term}»" for term in terms)
    return f"searched all paths and {len(index.files)} text(s) for {listed}: not found"
