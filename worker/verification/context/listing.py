"""Lists that judges are given beside the code: what a search found, what scouts named, what analyzers hint at.

Nothing in them counts or sums up the whole repository: a small change elsewhere would be another question."""

from collections.abc import Iterable, Sequence

from worker.analyzers.finding import Finding
from worker.verification.constitution.criteria import Criterion
from worker.verification.context.index import size
from worker.verification.context.shown import Spans, merged, within
from worker.verification.context.words import words
from worker.verification.search import Hit
from worker.verification.sighting import Sighting

BYTES_PER_TOKEN = 3
_MAX_FINDINGS = 40


def hits(found: Sequence[Hit], budget: int) -> tuple[list[str], frozenset[Hit]]:
    """The places, a line for each path and one for each file's lines, as many as fit in their order; and which those
    are."""
    entries: dict[tuple[str, bool], list[Hit]] = {}
    for hit in found:
        entries.setdefault((hit.path, hit.line > 0), []).append(hit)
    listed: list[str] = []
    told: set[Hit] = set()
    for (path, in_text), of in entries.items():
        entry = f"{path}:{_ranges([hit.line for hit in of])}" if in_text else path
        cost = size([entry]) // BYTES_PER_TOKEN + 1
        if cost <= budget:
            budget -= cost
            listed.append(entry)
            told.update(of)
    title = "=== Places that a search for these criteria found, each of which may be nothing:"
    return ([title, *sorted(listed)] if listed else []), frozenset(told)


def sightings(
    named: Sequence[Sighting], criteria: Sequence[Criterion], shown: Spans, unread: frozenset[str], budget: int
) -> tuple[list[str], frozenset[Sighting]]:
    """What scouts say of each criterion, as many of the places as fit, those first that are among the `shown` lines;
    and which of these are listed. `unread` are the criteria of whose scope they have not read everything."""
    listed = ["=== Places that scouts named, who looked through what these criteria are about; each may be wrong:"]
    told: set[Sighting] = set()
    seen = {s: within(shown, s.path, s.start) and within(shown, s.path, s.end) for s in named}
    for criterion in criteria:
        own = sorted((s for s in named if s.key == criterion.key), key=lambda s: not seen[s])
        part = " (they did not read all of it)" if criterion.key in unread else ""
        listed.append(f"{criterion.key}: {'these' if own else 'none'}{part}")
        for sighting in own:
            where = str(sighting.start) if sighting.end == sighting.start else f"{sighting.start}-{sighting.end}"
            what = "holds" if sighting.holds else "may break it"
            where += "" if seen[sighting] else " (not shown)"
            entry = f"  {sighting.path}:{where} {what}: {sighting.why}"
            cost = size([entry]) // BYTES_PER_TOKEN + 1
            if cost <= budget:
                budget -= cost
                listed.append(entry)
                if seen[sighting]:
                    told.add(sighting)
    return listed, frozenset(told)


def findings(given: Iterable[Finding], criteria: Sequence[Criterion], shown: Spans) -> list[str]:
    """What analyzers found in what is shown, by rules that share a word with one of the criteria."""
    wanted = {word for criterion in criteria for word in words(criterion.statement)}
    listed = [
        f"{f.path}:{f.start_line} {f.severity.value} {f.rule} {' '.join(f.message.split())[:200]}"
        for f in sorted(given, key=lambda f: (f.severity.rank, f.path, f.start_line, f.rule))
        if within(shown, f.path, f.start_line) and wanted & set(words(f"{f.rule} {f.message}"))
    ]
    return ["=== Hints of static analysis, which are often wrong:", *listed[:_MAX_FINDINGS]] if listed else []


def _ranges(numbers: Sequence[int]) -> str:
    """`3,5-9` for 3, 5, 6, 7, 8, 9."""
    runs = merged((number, number) for number in numbers)
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
