"""What a run pays for its metrics: their part of the transaction that records its verdict, by real attempts.

24 criteria, three judges that are a local program, static analysis, all artifacts. The statement that writes the
metrics has the trigger's mark in it; what is checked at the commit counts as the transaction's.
"""

import asyncio
import json
import statistics
import time
from dataclasses import dataclass, field
from typing import Any

import uvloop
from sqlalchemy import event

from invariant.bench import provider
from worker import isolated
from worker.core.db.database import Database
from worker.core.ids import new_id
from worker.core.runs import submission
from worker.core.settings import Settings
from worker.core.vocabulary import SourceKind
from worker.runtime.resources import Resources
from worker.verification.attempt import verify_run

# The database plans a statement for good when it has seen it ten times on a connection.
_WARM = 14
_RUNS = 20
_CRITERIA = 24
_FILES = 12


@dataclass
class _Clock:
    """Seconds of each recording transaction, and of the metrics' statement in it."""

    pairs: list[tuple[float, float]] = field(default_factory=list)

    def watch(self, db: Database) -> None:
        engine = db.engine.sync_engine

        def begin(connection: Any) -> None:
            connection.info.update(began=time.perf_counter(), metrics=None)

        def before(connection: Any, *_: Any) -> None:
            connection.info["asked"] = time.perf_counter()

        def after(connection: Any, _: Any, statement: str, *__: Any) -> None:
            if "INSERT INTO analytics_run_metrics" in statement:
                connection.info["metrics"] = time.perf_counter() - connection.info["asked"]

        def checkin(_: Any, record: Any) -> None:
            if record.info.get("metrics") is not None:
                self.pairs.append((time.perf_counter() - record.info["began"], record.info["metrics"]))
                record.info["metrics"] = None

        event.listen(engine, "begin", begin)
        event.listen(engine, "before_cursor_execute", before)
        event.listen(engine, "after_cursor_execute", after)
        event.listen(engine, "checkin", checkin)


def measure(url: str) -> tuple[float, float]:
    """(seconds of the transaction, seconds of the metrics in it), medians over some dozens of runs."""
    with (
        provider.running(provider.debated_script(0.0)) as judges,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        settings = Settings.model_validate(
            {
                "CVA_LLM_BASE_URL": judges.url,
                "CVA_LLM_MODEL": "judge-1,judge-2,judge-3",
                "CVA_LLM_PRICES": {"judge-1": {"input": 1, "output": 2}},
                "CVA_FAIL_FAST": False,
            }
        )
        pairs = runner.run(_runs(url, settings))[_WARM:]
    return statistics.median(whole for whole, _ in pairs), statistics.median(part for _, part in pairs)


async def _runs(url: str, settings: Settings) -> list[tuple[float, float]]:
    db = Database(url, application="invariant-bench", pool_size=1)
    clock = _Clock()
    clock.watch(db)
    resources = Resources(settings=settings, db=db, holder="bench", isolation=isolated.isolation())
    for number in range(_WARM + _RUNS):
        ended = await verify_run(await _accept(db, number), resources)
        if ended not in ("PASS", "FAIL", "PARTIAL", "VETO"):
            raise RuntimeError(f"a run ended as: {ended}")
    await db.dispose()
    return clock.pairs


async def _accept(db: Database, number: int) -> Any:
    rules = "\n".join(
        f"- Part {place} of edition {number} MUST NOT call `forbidden_{place}(`." for place in range(_CRITERIA)
    )
    files = {"notes.py": "".join(f"# forbidden_{place}( is told of here\n" for place in range(0, _CRITERIA, 4))}
    files |= {f"part_{place}.py": f"import os\n\n\ndef part(x):\n    return x + {place}\n" for place in range(_FILES)}
    constitution = submission.NewConstitution(rules)
    upload = submission.NewUpload(new_id(), json.dumps(files).encode())
    run = submission.NewRun(
        source_kind=SourceKind.FILES,
        source={"kind": "files"},
        constitution_version_id=constitution.id,
        upload_id=upload.id,
        repo_full_name="org/measured",
    )
    async with db.transaction() as session:
        run_id, _ = await submission.accept(session, run, constitution=constitution, upload=upload)
    return run_id
