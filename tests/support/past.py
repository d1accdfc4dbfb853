"""Runs of the past with all that they left, made up at random, and changed and deleted as life does."""

import json
import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg

from worker.core.ids import new_id

REPOS = ("acme/one", "acme/two", None)
VERDICTS = ("PASS", "FAIL", "VETO", "PARTIAL", "ERROR")
ROLES = ("architect", "security", "user_proxy")
KEYS = ("no-eval", "no-secrets", "tested", "documented")
RULES = (("ruff", "F401"), ("ruff", "E722"), ("bandit", "B307"))
SEVERITIES = ("critical", "high", "medium", "low")


def insert(connection: psycopg.Connection[Any], table: str, rows: Sequence[dict[str, Any]]) -> None:
    for row in rows:
        columns = ", ".join(row)
        values = ", ".join(f"%({name})s" for name in row)
        connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({values})", row)


@dataclass
class Past:
    """Writes to the database `url`, one transaction for each thing that happens."""

    url: str
    choose: random.Random

    def connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.url)

    def happens(self, finished_at: datetime, *, repo: str | None = "") -> uuid.UUID:
        """A run ends, as a worker would not end it: its metrics are still to be made."""
        choose = self.choose
        run_id = new_id()
        verdict = choose.choice(VERDICTS)
        work = timedelta(microseconds=int(choose.lognormvariate(17, 1.5)))
        waited = timedelta(microseconds=choose.choice([0, 1, int(choose.lognormvariate(13, 2))]))
        is_error = verdict == "ERROR"
        run = {
            "id": run_id,
            "source_kind": "git",
            "source": "{}",
            "status": "failed" if is_error else "completed",
            "verdict": verdict,
            "score": None if is_error else round(choose.uniform(1, 10), 2),
            "tribunal": None if is_error else choose.choice(("llm", "static")),
            "repo_full_name": choose.choice(REPOS) if repo == "" else repo,
            "branch": choose.choice(("main", None)),
            "mode": choose.choice(("full", "full", "diff")),
            "labels": json.dumps(choose.choice(({}, {"event": "push"}))),
            "attempt": choose.randint(1, 3),
            "created_at": finished_at - work - waited,
            "started_at": choose.choice((finished_at - work, finished_at - work, None)),
            "finished_at": finished_at,
            "files_seen": None if is_error else choose.randint(0, 9),
            "files_total": None if is_error else 9,
            "analyzers": None if is_error else json.dumps({"ruff": choose.random() < 0.8, "bandit": True}),
        }
        with self.connect() as connection:
            insert(connection, "runs", [run])
            if not is_error:
                self._judged(connection, run_id)
            self._called(connection, run_id)
        return run_id

    def _judged(self, connection: psycopg.Connection[Any], run_id: uuid.UUID) -> None:
        choose = self.choose
        results, opinions = [], []
        for key in choose.sample(KEYS, choose.randint(1, len(KEYS))):
            outcome = choose.choice(("PASS", "FAIL", "UNDECIDED"))
            vetoed = outcome == "FAIL" and choose.random() < 0.3
            common = {"run_id": run_id, "key": key}
            results.append(
                {**common, "id": new_id(), "category": "style", "severity": choose.choice(SEVERITIES), "outcome": outcome,
                 "score": None, "reason": "", "vetoed": vetoed}
            )  # fmt: skip
            for role in ROLES:
                for round_ in range(1, choose.choice((1, 1, 2)) + 1):
                    vote = choose.choice(("PASS", "FAIL", "ABSTAIN"))
                    said = None if vote == "ABSTAIN" else choose.randint(1, 10)
                    opinions.append(
                        {**common, "id": new_id(), "role": role, "round": round_, "model": "m", "vote": vote, "score": said,
                         "confidence": None if said is None else round(choose.random(), 3), "rationale": ""}
                    )  # fmt: skip
        insert(connection, "criterion_results", results)
        insert(connection, "opinions", opinions)
        findings = []
        for analyzer, rule in choose.choices(RULES, k=choose.randint(0, 4)):
            findings.append(
                {"id": new_id(), "run_id": run_id, "analyzer": analyzer, "rule_id": rule, "category": "style",
                 "severity": choose.choice(SEVERITIES), "confidence": 1, "message": "", "path": "a", "start_line": 1,
                 "end_line": 1, "quote": "", "fingerprint": "", "verified": True}
            )  # fmt: skip
        insert(connection, "findings", findings)

    def _called(self, connection: psycopg.Connection[Any], run_id: uuid.UUID) -> None:
        choose = self.choose
        for role in choose.choices((*ROLES, "extraction"), k=choose.randint(0, 5)):
            state = choose.choice(("completed", "completed", "failed"))
            call = {
                "id": new_id(), "key": uuid.uuid4().hex, "run_id": run_id, "state": state, "role": role, "provider": "p",
                "model": choose.choice(("alpha", "beta")), "prompt_version": "1", "reserved_usd": 1,
                "prompt_tokens": choose.randint(0, 5000), "completion_tokens": choose.randint(0, 900),
                "cost_usd": choose.randint(0, 10**9) / 10**9, "latency_ms": choose.randint(1, 90_000),
            }  # fmt: skip
            insert(connection, "llm_calls", [call])
            used = {"run_id": run_id, "call_id": call["id"], "reused": choose.random() < 0.3}
            insert(connection, "llm_uses", [used])

    def corrects(self, run_id: uuid.UUID, moment: datetime) -> None:
        """Something of a run turns out to have been otherwise."""
        change = self.choose.choice(
            (
                ("score = 1.25", "true"),
                ("repo_full_name = 'acme/two'", "true"),
                ("repo_full_name = NULL", "true"),
                ("finished_at = %(moment)s", "created_at < %(moment)s AND coalesce(started_at < %(moment)s, true)"),
                ("verdict = 'PASS'", "status = 'completed'"),
                ("verdict = 'FAIL', branch = 'other'", "status = 'completed'"),
                ('labels = \'{"event": "late"}\'', "true"),
            )
        )
        with self.connect() as connection:
            connection.execute(
                f"UPDATE runs SET {change[0]} WHERE id = %(id)s AND {change[1]}",
                {"id": run_id, "moment": moment},
            )

    def reconsiders(self, run_id: uuid.UUID) -> None:
        """What a run left is changed or taken back."""
        statement = self.choose.choice(
            (
                "UPDATE criterion_results SET outcome = 'FAIL', vetoed = false WHERE run_id = %s AND key = 'tested'",
                "UPDATE opinions SET score = 2, confidence = 0.5, vote = 'FAIL' WHERE run_id = %s AND role = 'architect'",
                "DELETE FROM findings WHERE run_id = %s AND rule_id = 'E722'",
                "DELETE FROM criterion_results WHERE run_id = %s AND key = 'no-eval'",
                "UPDATE llm_uses SET reused = true WHERE run_id = %s",
            )
        )
        with self.connect() as connection:
            if "DELETE FROM criterion" in statement:
                connection.execute("DELETE FROM opinions WHERE run_id = %s AND key = 'no-eval'", [run_id])
            connection.execute(statement, [run_id])

    def settles(self, run_id: uuid.UUID) -> None:
        """A call of the run that was given up costs something after all."""
        with self.connect() as connection:
            connection.execute(
                "UPDATE llm_calls SET cost_usd = cost_usd + 0.123456789, latency_ms = latency_ms + 7"
                " WHERE id = (SELECT id FROM llm_calls WHERE run_id = %s ORDER BY id LIMIT 1)",
                [run_id],
            )

    def remediates(self, run_id: uuid.UUID) -> None:
        """Fixes are made for the run, or change their state."""
        choose = self.choose
        statuses = ("proposed", "applied", "verified", "reverted", "failed")
        with self.connect() as connection:
            if connection.execute("SELECT FROM runs WHERE id = %s", [run_id]).rowcount == 0:
                return
            remediation = new_id()
            insert(connection, "remediation_runs", [{"id": remediation, "run_id": run_id}])
            insert(
                connection,
                "remediation_fixes",
                [
                    {"id": new_id(), "remediation_run_id": remediation, "category": "style", "action": "AUTO",
                     "confidence": 1, "patch": "", "status": choose.choice(statuses)}
                    for _ in range(choose.randint(0, 3))
                ],
            )  # fmt: skip
            connection.execute(
                "UPDATE remediation_fixes SET status = %s WHERE id = (SELECT min(id::text)::uuid FROM remediation_fixes)",
                [choose.choice(statuses)],
            )

    def forgets(self, run_id: uuid.UUID) -> None:
        """The run is deleted, with all that it left."""
        with self.connect() as connection:
            connection.execute("DELETE FROM runs WHERE id = %s", [run_id])
