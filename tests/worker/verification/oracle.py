"""The rules of a decision, written down a second time and simply, to hold the code against. Nothing is shared with it:
what was shown and what was found is read from the prompt, as a judge reads it."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

JUDGES = ("architect", "security", "user_proxy")
PASS_SCORE, VETO = 7, 0.8


@dataclass(frozen=True)
class Rule:
    """A criterion: `only` and `never` are folders with a slash at the end."""

    key: str
    statement: str
    kind: str
    patterns: tuple[str, ...]
    only: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    security: bool = False

    def speaks_of(self, path: str) -> bool:
        if any(path.startswith(folder) for folder in self.never):
            return False
        return not self.only or any(f"/{folder}" in f"/{path}" for folder in self.only)


@dataclass
class Shown:
    """What a prompt shows: the text of lines, and the places that a search found."""

    lines: dict[str, dict[int, str]] = field(default_factory=dict)
    told: set[tuple[str, int]] = field(default_factory=set)

    @classmethod
    def of(cls, prompt: str) -> "Shown":
        shown, path, telling = cls(), "", False
        for row in prompt.split("\n"):
            if row.startswith("=== "):
                telling = row.startswith("=== Places that a search")
                path = "" if telling or row.startswith("=== Hints") else row[4:]
            elif row.startswith("DATA "):
                telling, path = False, ""
            elif telling:
                shown._tell(row)
            elif path and (numbered := re.fullmatch(r"(?s)(\d+)\| (.*)", row)):
                shown.lines.setdefault(path, {})[int(numbered[1])] = numbered[2]
        return shown

    def _tell(self, row: str) -> None:
        with_lines = re.fullmatch(r"(.+):([\d,-]+)", row)
        if not with_lines:
            self.told.add((row, 0))
            return
        for part in with_lines[2].split(","):
            first, _, last = part.partition("-")
            self.told |= {(with_lines[1], n) for n in range(int(first), int(last or first) + 1)}


@dataclass
class World:
    files: Mapping[str, str]
    changed: frozenset[str] | None
    shown: Shown

    def rows(self, path: str) -> list[str]:
        rows = re.split(r"\r\n|\r|\n", self.files[path])
        return rows if rows[-1] else rows[:-1]

    def scope(self, rule: Rule) -> list[str]:
        """The files that a rule is verified in."""
        everywhere = self.changed is None or rule.kind == "somewhere"
        return [p for p in self.files if rule.speaks_of(p) and (everywhere or p in (self.changed or ()))]

    def hits(self, rule: Rule) -> set[tuple[str, int]]:
        def found(text: str) -> bool:
            return any(re.search(pattern, text, re.IGNORECASE) for pattern in rule.patterns)

        scope = self.scope(rule)
        return {(p, 0) for p in scope if found(p)} | {
            (p, n) for p in scope for n, row in enumerate(self.rows(p), 1) if found(row)
        }

    def whole(self, rule: Rule) -> bool:
        return all(n in self.shown.lines.get(p, {}) for p in self.scope(rule) for n in range(1, len(self.rows(p)) + 1))

    def place(self, cited: Mapping[str, Any]) -> tuple[str, int, int] | None:
        """Where a citation stands in what was shown, nearest to the line that it names."""
        path = cited["path"].removeprefix("./")
        quoted = cited["quote"].split("\n")
        if all(re.match(r"\s*\d+\| ?", row) for row in quoted if row.strip()):
            quoted = [re.sub(r"^\s*\d+\| ?", "", row) for row in quoted]
        wanted = [row.strip() for row in re.split(r"\r\n|\r|\n", "\n".join(quoted))]
        while wanted and not wanted[0]:
            del wanted[0]
        while wanted and not wanted[-1]:
            del wanted[-1]
        rows = self.shown.lines.get(path)
        if not rows or not wanted or len(wanted) > 40 or trifle(cited["quote"]):
            return None
        starts = [
            start
            for start in rows
            if all(start + n in rows for n in range(len(wanted)))
            and _stand([rows[start + n] for n in range(len(wanted))], wanted)
        ]
        if not starts:
            return None
        best = min(starts, key=lambda start: (abs(start - cited["start_line"]), start))
        return path, best, best + len(wanted) - 1


def trifle(quote: str) -> bool:
    return sum(character.isalnum() for character in re.sub(r"⟪?\s*masked\s*\d*\s*⟫?", "", quote)) < 4


def _stand(rows: Sequence[str], wanted: Sequence[str]) -> bool:
    if len(rows) == 1:
        return wanted[0] in rows[0]
    bare = [row.strip() for row in rows]
    return bare[0].endswith(wanted[0]) and bare[1:-1] == list(wanted[1:-1]) and bare[-1].startswith(wanted[-1])


@dataclass
class _Voice:
    """A judge on a rule: the vote that counts, 0 for none."""

    judge: str
    vote: str
    score: int
    sure: float
    at_hit: bool = False
    cites: bool = False
    by_absence: bool = False


def _bare(term: str) -> str:
    return term.strip().strip("`'\"").lower()


def _heard(
    world: World, given: Mapping[str, Mapping[str, Any]], silent: set[str]
) -> dict[str, tuple[Mapping[str, Any], list[tuple[str, int, int]]]]:
    """The judges who vote and neither contradict themselves nor invent all that they cite; what of it stands."""
    heard = {}
    for judge, said in given.items():
        if judge in silent or said["vote"] == "ABSTAIN" or (said["score"] >= PASS_SCORE) != (said["vote"] == "PASS"):
            continue
        cited = said["evidence"][:10]
        standing = [place for one in cited if (place := world.place(one)) is not None]
        if standing or all(trifle(one["quote"]) for one in cited):
            heard[judge] = (said, standing)
    return heard


def _absent(rule: Rule, world: World, heard: Iterable[Mapping[str, Any]]) -> set[str]:
    """Words of the rule that two judges name and that are nowhere."""
    if rule.kind != "somewhere" or not rule.patterns or world.hits(rule):
        return set()
    named = Counter(term for said in heard if said["vote"] == "FAIL" for term in {_bare(raw) for raw in said["absent"]})
    sought = f"{rule.statement} {' '.join(rule.patterns)}".lower().replace("\\b", " ").replace("\\s", " ")
    own = _telling(sought)
    texts = [text.lower() for pair in world.files.items() for text in pair]
    return {
        term
        for term, count in named.items()
        if count > 1
        and sum(map(str.isalnum, term)) > 2
        and not re.search(r"\s", term)
        and (parts := _telling(term))
        and parts <= own
        and ("_" not in term or term in sought)
        and not any(term in text for text in texts)
    }


def _telling(text: str) -> set[str]:
    return set(re.findall(r"[a-z]{2,}", text.lower())) - {"must", "the", "of", "to", "be"}


def voices(rule: Rule, world: World, given: Mapping[str, Mapping[str, Any]], silent: set[str]) -> list[_Voice]:
    """The votes that count."""
    heard = _heard(world, given, silent)
    absent = _absent(rule, world, [said for said, _ in heard.values()])
    hits = world.hits(rule)
    searched = bool(rule.patterns)
    all_told = searched and hits <= world.shown.told
    whole = world.whole(rule)
    seen = (whole and {h for h in hits if not h[1]} <= world.shown.told) or (all_told and bool(hits))
    counting = []
    for judge, (said, standing) in heard.items():
        vote, score = said["vote"], said["score"]
        scope = set(world.scope(rule))
        inside = [place for place in standing if place[0] in scope]
        guided = searched and (bool(hits) or rule.kind != "everywhere")
        at_hit = [place for place in inside if guided and _near(place, hits)]
        relevant = at_hit if guided else [p for p in inside if _speaks(p, rule, world)]
        by_absence = bool(absent & {_bare(raw) for raw in said["absent"]})
        if vote == "FAIL":
            counts = by_absence if rule.kind == "somewhere" else bool(relevant)
        elif rule.kind == "somewhere":
            counts = bool(relevant)
        else:
            nowhere = rule.kind == "forbids" and searched and not hits
            counts = nowhere or (seen and bool(relevant))
        if counts:
            counting.append(
                _Voice(
                    judge, vote, score, said["confidence"], bool(at_hit), bool(standing), by_absence and vote == "FAIL"
                )
            )
    return counting


def _near(place: tuple[str, int, int], hits: Iterable[tuple[str, int]]) -> bool:
    path, first, last = place
    numbers = {n for p, n in hits if p == path}
    if numbers - {0}:
        return any(first - 1 <= n <= last + 1 for n in numbers - {0})
    return bool(numbers)


def _speaks(place: tuple[str, int, int], rule: Rule, world: World) -> bool:
    """Whether the place shares a telling word with the statement; the words of the tests are plain nouns."""
    path, first, last = place
    text = "\n".join([path, *world.rows(path)[first - 1 : last]]).lower()
    return bool(set(re.findall(r"[a-z]+", text)) & {w for w in rule.statement.lower().split() if w in TELLING})


TELLING = frozenset({"zebra", "walrus", "otter"})


def outcome(rule: Rule, world: World, given: Mapping[str, Mapping[str, Any]], silent: set[str]) -> str:
    scope = world.scope(rule)
    if not scope:
        unchanged = any(rule.speaks_of(path) for path in world.files)
        return "PASS" if unchanged and rule.kind == "forbids" else "UNDECIDED"
    counting = voices(rule, world, given, silent)
    fails = sum(voice.vote == "FAIL" for voice in counting)
    if len(counting) < 2 or (rule.security and all(voice.judge != "security" for voice in counting)):
        return "UNDECIDED"
    if fails / len(counting) > 0.66:
        return "FAIL"
    return "PASS" if (len(counting) - fails) / len(counting) > 0.66 else "UNDECIDED"


def vetoed(rule: Rule, world: World, given: Mapping[str, Mapping[str, Any]], silent: set[str]) -> bool:
    decided = outcome(rule, world, given, silent)
    return decided != "PASS" and any(
        voice.judge == "security"
        and voice.vote == "FAIL"
        and voice.sure >= VETO
        and voice.cites
        and not voice.by_absence
        and (decided == "FAIL" or voice.at_hit)
        for voice in voices(rule, world, given, silent)
    )


def debated(rule: Rule, world: World, given: Mapping[str, Mapping[str, Any]], silent: set[str]) -> bool:
    """Whether the judges split, or the security judge would veto what the others pass."""
    counting = voices(rule, world, given, silent)
    decided = outcome(rule, world, given, silent)
    if decided == "UNDECIDED":
        return len({voice.vote for voice in counting}) > 1
    return decided == "PASS" and any(
        v.judge == "security" and v.vote == "FAIL" and v.sure >= VETO and v.cites for v in counting
    )


def silenced(world: World, said: Iterable[tuple[str, Mapping[str, Any]]]) -> set[str]:
    """Judges most of whose citations, and three at least, stand nowhere."""
    cited: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for judge, one in said:
        places = [(world.place(c), trifle(c["quote"])) for c in one["evidence"][:10]]
        standing = len({p for p, _ in places if p is not None})
        inventions = sum(p is None and not trivial for p, trivial in places)
        cited[judge] += standing + inventions
        wrong[judge] += inventions
    return {judge for judge in cited if wrong[judge] >= 3 and 2 * wrong[judge] > cited[judge]}
