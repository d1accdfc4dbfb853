"""A gateway and a question for it, and what the database says of its calls and their money."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import psycopg
import psycopg.rows
from pydantic import BaseModel, ConfigDict

from invariant.bench.provider import completion
from tests.support import app, provider
from tests.support.provider import Reply, Request
from worker.core.db.database import Database
from worker.core.ids import new_id
from worker.llm.gateway import Ask, Gateway
from worker.llm.ledger import Caller


class Word(BaseModel):
    model_config = ConfigDict(extra="forbid")

    word: str


NOBODY = Caller(None, None)
PRICES = {"only-1": {"input": 10, "output": 50}}


def ask(text: str = "say a word", role: str = "architect", **more: Any) -> Ask[Word]:
    return Ask(role, "judge", ({"role": "user", "content": text},), Word, "1", **more)


def says(word: str = "yes", seconds: float = 0.0, **more: Any) -> Callable[[Request], Reply]:
    return lambda request: Reply(completion(request, json.dumps({"word": word}), **more), seconds=seconds)


def gateway(db: Database, server: provider.Provider, **more: Any) -> Gateway:
    given = {"CVA_LLM_BASE_URL": server.url, "CVA_LLM_MODEL": "only-1", "CVA_LLM_PRICES": PRICES, **more}
    return Gateway(app.settings(**given), db)


def ledger(url: str) -> list[Any]:
    with psycopg.connect(url, row_factory=psycopg.rows.namedtuple_row) as connection:
        return connection.execute("SELECT * FROM llm_calls ORDER BY created_at").fetchall()


def budgets(url: str) -> dict[str, tuple[Decimal, Decimal]]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT scope, spent_usd, reserved_usd FROM llm_budgets").fetchall()
    return {scope.split(":")[0]: (spent, reserved) for scope, spent, reserved in rows}


def running_run(url: str, user: str | None = None) -> Caller:
    """A run that is held, as far as the database knows."""
    run = new_id()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO runs (id, status, source_kind, source, attempt, lease_until, created_by)"
            " VALUES (%s, 'running', 'files', '{}', 1, now() + interval '1 minute', %s)",
            [run, user],
        )
    return Caller(run, 1)
