"""A made-up history of runs, written by COPY: who ran what when, how long it took, and what came of it.

Some repositories run often and most seldom (Zipf), people work by day and on weekdays, durations are log-normal. Each
repository has a constitution of its own, of three criteria out of forty, and one of some sixty static rules that it
breaks now and then. `python -m invariant.bench.history URL RUNS REPOS DAYS PART PARTS` writes one part of it.
"""

import itertools
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg
from psycopg.sql import SQL, Identifier

from worker.core.analytics import measures
from worker.core.vocabulary import JudgeRole

_SEED = 20260101
_PROFILES = 8
_POOL = 1 << 14
_HOURS_AT_ONCE = 24 * 28
_LINES = 500
# Who pushes once pushes again.
_BURST = 5
_TABLES = ("runs", "analytics_run_metrics")
_VERDICTS = ("PASS", "FAIL", "VETO", "PARTIAL", "ERROR")
_OF_VERDICT = (62, 17, 4, 13, 4)
_HOURS = (1, 1, 1, 1, 1, 2, 4, 9, 14, 16, 16, 14, 13, 15, 16, 15, 12, 8, 6, 5, 4, 3, 2, 1)

RUN_COLUMNS = (
    *("id", "repo_full_name", "created_at", "started_at", "finished_at"),
    *("status", "verdict", "score", "tribunal", "source_kind", "source", "branch", "attempt", "files_seen"),
    *("files_total", "analyzers"),
)
METRIC_COLUMNS = (
    *("run_id", "repo_full_name", "created_at", "finished_at", "queue_seconds", "work_seconds", "llm_seconds"),
    *("branch", "event", "mode", "tribunal", "verdict", "score", "attempts", *measures.CALLS, *measures.TOKENS),
    *("cost_usd", *measures.FINDINGS.values(), *measures.CRITERIA, *measures.FILES),
    *(name for name, _ in measures.judge_columns()),
    "rules",
)


@dataclass(frozen=True)
class Size:
    runs: int
    repos: int
    days: int

    def names(self) -> list[str]:
        return [f"org-{number % 25:02}/repo-{number:03}" for number in range(self.repos)]

    def hours(self) -> list[tuple[datetime, int]]:
        """Each hour up to the one before this, and how many runs end in it."""
        now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        hours = [now - timedelta(hours=back) for back in range(self.days * 24, 0, -1)]
        weights = [_HOURS[hour.hour] * (1.0 if hour.weekday() < 5 else 0.25) for hour in hours]
        scale, carried, found = self.runs / sum(weights), 0.0, []
        for hour, weight in zip(hours, weights, strict=True):
            carried += weight * scale
            found.append((hour, int(carried)))
            carried -= int(carried)
        found[-1] = (found[-1][0], found[-1][1] + self.runs - sum(count for _, count in found))
        return found


def _profile(choose: random.Random, criteria: list[str], static: list[str]) -> tuple[str, str]:
    """What a run of a repository says, as the last columns of both tables."""
    (verdict,) = choose.choices(_VERDICTS, _OF_VERDICT)
    is_error = verdict == "ERROR"
    outcomes = (
        {} if is_error else {key: choose.choices(("PASS", "FAIL", "UNDECIDED"), (8, 1, 1))[0] for key in criteria}
    )
    found = {} if is_error or choose.random() < 0.6 else {choose.choice(static): choose.randint(1, 9)}
    analyzers = {} if is_error else {"ruff": True}
    rules = {
        **{f"criterion:{key}": outcome for key, outcome in outcomes.items()},
        **{f"static:{rule}": count for rule, count in found.items()},
        **{f"analyzer:{name}": did for name, did in analyzers.items()},
    }
    score = "\\N" if is_error else f"{choose.uniform(3, 10):.2f}"
    counts = [list(outcomes.values()).count(word) for word in ("PASS", "FAIL", "UNDECIDED")]
    total = choose.randint(20, 900)
    seen = choose.randint(10, total) if not is_error else 0
    judges: dict[str, int] = {}
    for role in JudgeRole:
        opinions = len(outcomes)
        abstained = choose.randint(0, 1) if opinions else 0
        compared = opinions - abstained
        own = dict(
            zip(measures.JUDGE_COUNTS, (opinions, abstained, compared, choose.randint(0, compared), 0, 3), strict=True)
        )
        own |= dict.fromkeys(measures.JUDGE_SUMS, 0)
        own |= {
            "scores": 8 * compared,
            "confidence_micro": 900_000 * compared,
            "latency_ms": choose.randint(900, 30_000),
        }
        own |= {"prompt_tokens": choose.randint(3000, 30_000), "completion_tokens": 900}
        own["cost_nano"] = choose.randint(1_000_000, 90_000_000)
        judges |= {measures.of_judge(role, name): value for name, value in own.items()}
    cost = sum(judges[measures.of_judge(role, "cost_nano")] for role in JudgeRole)
    run = [
        "failed" if is_error else "completed", verdict, score, "llm", "git", "{}", "main", "1", seen, total,
        json.dumps(analyzers),
    ]  # fmt: skip
    metrics = [
        "main", choose.choice(("push", "pull_request", "api")), "full", "llm", verdict, score, 1, 9,
        choose.randint(0, 9), 60_000, 2700, f"{cost / measures.NANO:.9f}",
        0, choose.randint(0, 1), choose.randint(0, 3), choose.randint(0, 9), *counts, seen, total,
        *(judges[name] for name, _ in measures.judge_columns()), json.dumps(rules),
    ]  # fmt: skip
    return "\t".join(map(str, run)), "\t".join(map(str, metrics))


def _profiles(size: Size) -> list[list[tuple[str, str]]]:
    """Some per repository."""
    choose = random.Random(_SEED)
    criteria = [f"criterion-{number:02}" for number in range(40)]
    static = [f"ruff:E{number:03}" for number in range(60)]
    found = []
    for _ in range(size.repos):
        own = choose.sample(criteria, 3)
        found.append([_profile(choose, own, static) for _ in range(_PROFILES)])
    return found


def _lines(size: Size, hours: list[tuple[datetime, int]], choose: random.Random) -> Iterator[tuple[str, str]]:
    """A line of each table per run."""
    names, profiles = size.names(), _profiles(size)
    weights = [1 / (place + 3) ** 0.9 for place in range(size.repos)]
    cumulated = [sum(weights[: place + 1]) for place in range(size.repos)]
    durations = _durations()
    repos, number = range(size.repos), 0
    for hour, count in hours:
        ends = sorted(choose.random() * 3600 for _ in range(count))
        pushed = choose.choices(repos, cum_weights=cumulated, k=count // _BURST + 1)
        milliseconds = int(hour.timestamp() * 1000)
        for place, end in enumerate(ends):
            repo = pushed[place // _BURST]
            queue, work, lead, told = durations[choose.getrandbits(14)]
            run, metrics = profiles[repo][choose.getrandbits(3)]
            finished = hour + timedelta(seconds=end)
            started = finished - work
            number += 1
            at = milliseconds + int(end * 1000) - lead
            # A UUID of version 7: milliseconds, and what makes it the only one.
            run_id = f"{at >> 16:08x}-{at & 0xFFFF:04x}-7{choose.getrandbits(12):03x}-8000-{number:012x}"
            head = f"{run_id}\t{names[repo]}\t{started - queue}"
            yield f"{head}\t{started}\t{finished}\t{run}\n", f"{head}\t{finished}\t{told}\t{metrics}\n"


def _durations() -> list[tuple[timedelta, timedelta, int, str]]:
    """Some thousands of: in the queue, at work, both together in milliseconds, and the three as columns."""
    choose = random.Random(_SEED + 1)
    found = []
    for _ in range(_POOL):
        queue, work = choose.lognormvariate(0.7, 1.1), choose.lognormvariate(3.4, 0.8)
        told = f"{queue:.6f}\t{work:.6f}\t{choose.lognormvariate(2.6, 0.7):.3f}"
        found.append((timedelta(seconds=queue), timedelta(seconds=work), int((queue + work) * 1000), told))
    return found


def write(url: str, size: Size, part: int, parts: int) -> None:
    """COPY one part of the history: every so many hours of it."""
    hours = size.hours()
    slices = [hours[start : start + _HOURS_AT_ONCE] for start in range(0, len(hours), _HOURS_AT_ONCE)][part::parts]
    choose = random.Random(_SEED + 2 + part)
    copies = [
        SQL("COPY {} ({}) FROM STDIN").format(Identifier(table), SQL(", ").join(map(Identifier, columns)))
        for table, columns in zip(_TABLES, (RUN_COLUMNS, METRIC_COLUMNS), strict=True)
    ]
    with psycopg.connect(url, autocommit=True) as one, psycopg.connect(url, autocommit=True) as other:
        for connection in (one, other):
            # No trigger and no foreign key is asked, as in any bulk import that is rolled up afterwards.
            connection.execute("SET session_replication_role = replica")
        for hours_of_slice in slices:
            with one.cursor().copy(copies[0]) as runs, other.cursor().copy(copies[1]) as metrics:
                lines = _lines(size, hours_of_slice, choose)
                while some := list(itertools.islice(lines, _LINES)):
                    runs.write("".join(run for run, _ in some))
                    metrics.write("".join(measured for _, measured in some))


def add(url: str, count: int) -> None:
    """So many runs that have just ended, with their triggers: they leave marks, as runs do."""
    now = datetime.now(UTC)
    hour = now.replace(minute=0, second=0, microsecond=0)
    lines = list(_lines(Size(count, 500, 1), [(hour, count)], random.Random()))
    with psycopg.connect(url) as connection:
        for place, (table, columns) in enumerate(zip(_TABLES, (RUN_COLUMNS, METRIC_COLUMNS), strict=True)):
            statement = SQL("COPY {} ({}) FROM STDIN").format(
                Identifier(table), SQL(", ").join(map(Identifier, columns))
            )
            with connection.cursor().copy(statement) as copy:
                copy.write("".join(line[place] for line in lines))


@contextmanager
def _without_indexes(url: str) -> Iterator[None]:
    """Make the indexes when the rows are there: those of the metrics, and of `runs` those of unfinished ones. What else
    `runs` has is left out: nothing here asks it, and making it would be most of the work.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        definitions = connection.execute(
            "SELECT indexname, indexdef, tablename, EXISTS (SELECT FROM pg_constraint WHERE conname = indexname) AS own"
            " FROM pg_indexes WHERE tablename = ANY(%s)",
            [list(_TABLES)],
        ).fetchall()
        for name, _, _, is_constraint in definitions:
            if not is_constraint:
                connection.execute(SQL("DROP INDEX {}").format(Identifier(name)))
        yield
        for _, definition, table, is_constraint in definitions:
            if not is_constraint and (table != "runs" or "status" in definition):
                connection.execute(definition)


def load(url: str, size: Size, processes: int = 2) -> None:
    """The whole history, in the database `url`."""
    with _without_indexes(url):
        argv = [sys.executable, "-m", "invariant.bench.history", url, *map(str, (size.runs, size.repos, size.days))]
        writers = [subprocess.Popen([*argv, str(part), str(processes)]) for part in range(processes)]
        if any(code != 0 for code in [writer.wait() for writer in writers]):
            raise RuntimeError("the history could not be written")
    with psycopg.connect(url, autocommit=True) as connection:
        for table in _TABLES:
            connection.execute(SQL("ANALYZE {}").format(Identifier(table)))


if __name__ == "__main__":
    _, _url, *_numbers = sys.argv
    _runs, _repos, _days, _part, _parts = map(int, _numbers)
    write(_url, Size(_runs, _repos, _days), _part, _parts)
