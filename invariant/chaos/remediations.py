"""Remediations while their workers, and the contained processes of these, are killed: nothing is lost or doubled, each
patch is exactly what was to be mended, and taken back the files are the same bytes."""

import contextlib
import os
import random
import signal
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path

from invariant.bench import fixer
from invariant.chaos import rig as rigs
from invariant.chaos.figures import Figure
from invariant.chaos.rig import Rig
from invariant.waiting import until
from worker.isolation import memory

_PATIENCE = 300.0
# How often the harm strikes; nothing is waited for by it.
_EVERY_SECONDS = 2.0
_CALL_SECONDS = 0.3
_FAST = {
    "CVA_LEASE_SECONDS": "3",
    "CVA_REAP_SECONDS": "0.5",
    "CVA_MAX_ATTEMPTS": "100",
    "CVA_REMEDIATION_FIXES_PER_HOUR": "100000",
    "CVA_REMEDIATION_FIXES_PER_DAY": "100000",
}
_DOUBLED = """
    SELECT count(*) FROM (
        SELECT remediation_run_id FROM remediation_audit_log
        WHERE action = 'completed' GROUP BY remediation_run_id HAVING count(*) <> 1
        UNION ALL
        SELECT remediation_run_id FROM remediation_fixes
        GROUP BY remediation_run_id, iteration, key HAVING count(*) > 1
        UNION ALL
        -- Each run that judges was written down as such, and no other was made.
        SELECT m.id FROM remediation_runs m
        WHERE (SELECT count(*) FROM runs r WHERE r.labels->>'remediation' = m.id::text) <> (
            SELECT count(*) FROM remediation_audit_log a
            WHERE a.remediation_run_id = m.id AND a.action = 'verifying')
    ) AS doubled
"""
_PAID_TWICE = (
    "SELECT count(*) FROM (SELECT key FROM llm_calls WHERE state = 'completed' GROUP BY key HAVING count(*) > 1) AS k"
)


def _files(number: int) -> dict[str, str]:
    return {
        "a.py": f"import os\n\n\ndef work(value):\n    return flaw_{number}(value)\n",
        "b.py": f'"""Part {number}."""\n\nimport re\n\nprint(re)\n',
    }


def _mended(number: int) -> dict[str, str]:
    return {**_files(number), "a.py": "import os\n\n\ndef work(value):\n    return value\n"}


def remediations(scale: float) -> list[Figure]:
    """Several at once, until all have ended, with a process killed every two seconds."""
    number = max(4, round(40 * scale))
    table = {f"    return flaw_{n}(value)": "    return value" for n in range(number)}
    with rigs.idle(_FAST, call_seconds=_CALL_SECONDS) as rig:
        rig.judges.script = fixer.script(fixer.mending(table), seconds=_CALL_SECONDS)
        client = rig.product.client
        runs = []
        for n in range(number):
            rules = f"- Code MUST NOT call `flaw_{n}(`.\n"
            runs.append(client.enqueue({"kind": "files", "files": _files(n)}, rules)["id"])
        until(lambda: _completed(rig, runs) == number, _PATIENCE, lambda: "the runs did not end", every=0.5)
        ids = [client.remediate(run_id)["id"] for run_id in runs]
        killed = _kill_until_all_ended(rig, ids)
        wrong = sum(not _is_right(rig, remediation, n) for n, remediation in enumerate(ids))
        done = [client.remediation(one)["status"] for one in ids].count("completed")
        doubled = rig.product.query(_DOUBLED)[0][0]
        paid = rig.product.query(_PAID_TWICE)[0][0]
    told = f"of {number}, {killed['worker']} workers and {killed['contained']} contained processes killed"
    return [
        Figure(f"remediations lost, {told}", str(number - done), number - done, 0),
        Figure("remediations, fixes and runs that judge doubled", str(doubled), doubled, 0),
        Figure("answers of models paid twice", str(paid), paid, 0),
        Figure("patches that mend something else, or that cannot be taken back", str(wrong), wrong, 0),
    ]


def _completed(rig: Rig, runs: list[str]) -> int:
    rows = rig.product.query("SELECT count(*) FROM runs WHERE id = ANY(%s::uuid[]) AND status = 'completed'", (runs,))
    return int(rows[0][0])


def _kill_until_all_ended(rig: Rig, ids: list[str]) -> Counter[str]:
    killed: Counter[str] = Counter()
    chance = random.Random(13)  # noqa: S311  the same harm each time
    unfinished = "SELECT count(*) FROM remediation_runs WHERE id = ANY(%s::uuid[]) AND patch IS NULL"
    deadline = time.monotonic() + _PATIENCE
    while rig.product.query(unfinished, (ids,))[0][0] and time.monotonic() < deadline:
        time.sleep(_EVERY_SECONDS)
        worker = rig.product.workers.running[0]
        if chance.random() < 0.5:
            rig.product.workers.end(worker, signal.SIGKILL)
            rig.product.workers.start_and_serve()
            killed["worker"] += 1
        elif contained := _started_by(worker.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(chance.choice(contained), signal.SIGKILL)
                killed["contained"] += 1
    return killed


def _started_by(worker: int) -> list[int]:
    """The fork server of a worker, which one of its threads has started, and all that came from it."""
    threads = Path(f"/proc/{worker}/task").glob("*/children")
    own = [int(child) for thread in threads for child in thread.read_text().split()]
    return [process for child in own for process in memory.branch(child)]


def _is_right(rig: Rig, remediation: str, number: int) -> bool:
    patch = rig.product.client.patch(remediation)
    if not patch:
        return False
    with tempfile.TemporaryDirectory(prefix="invariant-chaos-") as name:
        folder = Path(name)
        for path, text in _files(number).items():
            (folder / path).write_text(text)
        there = subprocess.run(["git", "apply", "-"], cwd=folder, input=patch, check=False).returncode == 0
        mended = {path: (folder / path).read_text() for path in _files(number)} == _mended(number)
        back = subprocess.run(["git", "apply", "--reverse", "-"], cwd=folder, input=patch, check=False).returncode == 0
        same = {path: (folder / path).read_text() for path in _files(number)} == _files(number)
    return there and mended and back and same
