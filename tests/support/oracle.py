"""What the analytics should say, by plain SQL over the runs and what they left, and plain Python over that.

Nothing of the product's own sums, buckets or metrics is used here.
"""

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import dict_row

Run = dict[str, Any]

_RUNS = """
    SELECT r.id, r.repo_full_name AS repo, r.branch, r.verdict, r.score, r.mode, r.tribunal, r.attempt, r.finished_at,
        greatest(extract(epoch FROM coalesce(r.started_at, r.finished_at) - r.created_at), 0) AS queue,
        greatest(extract(epoch FROM r.finished_at - coalesce(r.started_at, r.finished_at)), 0) AS work,
        coalesce(r.files_seen, 0) AS files_seen, coalesce(r.files_total, 0) AS files_total, r.analyzers
    FROM runs r WHERE r.verdict IS NOT NULL AND r.finished_at >= %(start)s AND r.finished_at < %(end)s
        AND (CAST(%(repo)s AS text) IS NULL OR r.repo_full_name = %(repo)s)
    ORDER BY r.finished_at DESC, r.id DESC
"""
_RESULTS = "SELECT run_id, key, outcome, vetoed FROM criterion_results"
_FINDINGS = "SELECT run_id, analyzer || ':' || rule_id AS rule, severity FROM findings"
_OPINIONS = """
    SELECT o.* FROM opinions o WHERE o.round = (
        SELECT max(p.round) FROM opinions p WHERE p.run_id = o.run_id AND p.key = o.key AND p.role = o.role)
"""
_CALLS = "SELECT * FROM llm_calls WHERE state <> 'reserved' AND run_id IS NOT NULL"
_REUSED = "SELECT run_id FROM llm_uses WHERE reused"
_FIXES = (
    "SELECT r.run_id, f.status FROM remediation_runs r LEFT JOIN remediation_fixes f ON f.remediation_run_id = r.id"
)
_REMEDIATIONS = "SELECT run_id FROM remediation_runs"


class Oracle:
    """All there is of the runs, read once."""

    def __init__(self, url: str) -> None:
        self._url = url
        with psycopg.connect(url, row_factory=dict_row) as connection:
            parts = {
                "results": _RESULTS, "findings": _FINDINGS, "opinions": _OPINIONS, "calls": _CALLS,
                "reused": _REUSED, "fixes": _FIXES, "remediations": _REMEDIATIONS,
            }  # fmt: skip
            self._of: dict[str, dict[Any, list[Any]]] = {}
            for name, statement in parts.items():
                found: dict[Any, list[Any]] = defaultdict(list)
                for row in connection.execute(statement):
                    found[row["run_id"]].append(row)
                self._of[name] = found

    def runs(self, start: datetime, end: datetime, repo: str | None = None) -> list[Run]:
        """Runs that ended in [start, end), the last first."""
        with psycopg.connect(self._url, row_factory=dict_row) as connection:
            return connection.execute(_RUNS, {"start": start, "end": end, "repo": repo}).fetchall()

    def of(self, runs: Iterable[Run], what: str) -> list[Any]:
        return [row for run in runs for row in self._of[what][run["id"]]]

    def totals(self, runs: Sequence[Run]) -> dict[str, Any]:
        """What an answer says of these runs, wherever it says it."""
        verdicts = Counter(run["verdict"] for run in runs)
        outcomes = Counter(row["outcome"] for row in self.of(runs, "results"))
        calls = self.of(runs, "calls")
        errors = verdicts["ERROR"]
        findings = Counter(row["severity"] for row in self.of(runs, "findings"))
        scores = [run["score"] for run in runs if run["score"] is not None]
        return {
            "runs": len(runs),
            "verdicts": {word: verdicts[word] for word in ("PASS", "FAIL", "VETO", "PARTIAL", "ERROR")},
            "pass_rate": rate(verdicts["PASS"], len(runs) - errors),
            "error_rate": rate(errors, len(runs)),
            "score": {"mean": mean(scores), "of": len(scores)},
            "criteria": {
                "passed": outcomes["PASS"],
                "failed": outcomes["FAIL"],
                "undecided": outcomes["UNDECIDED"],
            },
            "findings": {word: findings[word] for word in ("critical", "high", "medium", "low")},
            "llm": {
                "calls": len(calls),
                "reused": rate(len(self.of(runs, "reused")), len(calls) + len(self.of(runs, "reused"))),
                "prompt_tokens": sum(call["prompt_tokens"] for call in calls),
                "completion_tokens": sum(call["completion_tokens"] for call in calls),
                "cost_usd": float(sum((call["cost_usd"] for call in calls), Decimal())),
                "cost_per_run_usd": float(sum((c["cost_usd"] for c in calls), Decimal()) / len(runs)) if runs else None,
            },
            "attempts": {"mean": mean([run["attempt"] for run in runs]), "of": len(runs)},
            "files_seen": rate(sum(run["files_seen"] for run in runs), sum(run["files_total"] for run in runs)),
            "remediation": self._remediation(runs),
            "queue_seconds": mean([run["queue"] for run in runs]),
            "work_seconds": mean([run["work"] for run in runs]),
            "llm_seconds": sum(call["latency_ms"] for call in calls) / 1000 / len(runs) if runs else None,
        }

    def _remediation(self, runs: Sequence[Run]) -> dict[str, int] | None:
        remediations = len(self.of(runs, "remediations"))
        statuses = Counter(row["status"] for row in self.of(runs, "fixes") if row["status"] is not None)
        if not remediations:
            return None
        return {
            "runs": remediations,
            "fixes": statuses.total(),
            "applied": statuses["applied"] + statuses["verified"],
            "verified": statuses["verified"],
            "reverted": statuses["reverted"],
            "failed": statuses["failed"],
        }

    def durations(self, runs: Sequence[Run], name: str) -> list[float]:
        """In seconds, ascending."""
        if name == "llm":
            return sorted(sum(call["latency_ms"] for call in self.of([run], "calls")) / 1000 for run in runs)
        return sorted(float(run[name]) for run in runs)

    def judge(self, runs: Sequence[Run], role: str) -> dict[str, Any]:
        outcomes = {(row["run_id"], row["key"]): row for row in self.of(runs, "results")}
        spoken = [row for row in self.of(runs, "opinions") if row["role"] == role]
        decided = [row for row in spoken if row["vote"] != "ABSTAIN"]
        compared = [row for row in decided if outcomes[row["run_id"], row["key"]]["outcome"] != "UNDECIDED"]
        agreed = [row for row in compared if outcomes[row["run_id"], row["key"]]["outcome"] == row["vote"]]
        vetoes = [row for row in spoken if role == "security" and outcomes[row["run_id"], row["key"]]["vetoed"]]
        calls = [call for call in self.of(runs, "calls") if call["role"] == role]
        return {
            "opinions": len(spoken),
            "agreement": rate(len(agreed), len(compared)),
            "abstentions": rate(len(spoken) - len(decided), len(spoken)),
            "vetoes": rate(len(vetoes), len(spoken)),
            "score": {"mean": mean([row["score"] for row in decided]), "of": len(decided)},
            "confidence": {"mean": mean([row["confidence"] for row in decided]), "of": len(decided)},
            "calls": len(calls),
            "seconds_per_call": {"mean": mean([call["latency_ms"] / 1000 for call in calls]), "of": len(calls)},
            "prompt_tokens": sum(call["prompt_tokens"] for call in calls),
            "completion_tokens": sum(call["completion_tokens"] for call in calls),
            "cost_usd": float(sum((call["cost_usd"] for call in calls), Decimal())),
        }

    def rules(self, runs: Sequence[Run]) -> dict[tuple[str, str], dict[str, Any]]:
        """(kind, rule) → passed, failed, undecided, findings, broken_by; of the rules that any of the runs speaks of."""
        found: dict[tuple[str, str], dict[str, Any]] = {}
        names = {row["rule"] for row in self.of(runs, "findings")}
        for key in {row["key"] for row in self.of(runs, "results")}:
            own = [row for row in self.of(runs, "results") if row["key"] == key]
            outcomes = Counter(row["outcome"] for row in own)
            broken = [row["run_id"] for row in own if row["outcome"] == "FAIL"]
            found["criterion", key] = {
                "passed": outcomes["PASS"], "failed": outcomes["FAIL"], "undecided": outcomes["UNDECIDED"],
                "findings": 0, "broken_by": broken[:5],
            }  # fmt: skip
        for rule in names:
            broken = list(dict.fromkeys(row["run_id"] for row in self.of(runs, "findings") if row["rule"] == rule))
            others = [
                run for run in runs if run["id"] not in broken and rule.partition(":")[0] in (run["analyzers"] or {})
            ]
            complete = [run["analyzers"][rule.partition(":")[0]] for run in others]
            found["static", rule] = {
                "passed": complete.count(True), "failed": len(broken), "undecided": complete.count(False),
                "findings": sum(row["rule"] == rule for row in self.of(runs, "findings")), "broken_by": broken[:5],
            }  # fmt: skip
        return found


def rate(count: int, of: int) -> dict[str, Any]:
    return {"rate": count / of if of else None, "count": count, "of": of}


def mean(values: Sequence[Any]) -> float | None:
    return statistics.fmean(values) if values else None


def percentile(values: Sequence[float], fraction: float) -> float | None:
    """As PostgreSQL's percentile_cont, of ascending values."""
    if not values:
        return None
    rank = fraction * (len(values) - 1)
    low = int(rank)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (rank - low)


def differences(said: Any, expected: Any, where: str = "") -> list[str]:
    """Where an answer is not what was expected; of the answer only what is expected is looked at."""
    if isinstance(expected, dict):
        if not isinstance(said, dict):
            return [f"{where}: {said} is not {expected}"]
        return [line for name in expected for line in differences(said.get(name), expected[name], f"{where}/{name}")]
    if isinstance(expected, float) and isinstance(said, float | int):
        return [] if abs(said - expected) <= 1e-6 * max(1.0, abs(expected)) else [f"{where}: {said} is not {expected}"]
    return [] if said == expected else [f"{where}: {said} is not {expected}"]
