"""The ledger's money: reserved before each call, settled after it, never held for nobody. Real HTTP, real litellm."""

import asyncio
import time
from dataclasses import replace
from decimal import Decimal
from typing import Any

import psycopg
import psycopg.rows
import pytest

from tests.support import app, provider
from tests.support.gateway import NOBODY, ask, budgets, gateway, ledger, running_run, says
from worker.core.db.database import Database
from worker.core.ids import new_id
from worker.llm import client, errors
from worker.llm.gateway import Ask, Gateway
from worker.llm.ledger import Caller, Entry, Limits, Reserved, Settlement, settle, take
from worker.verification.answer import JudgeAnswer


def waiting_for_locks(looking: psycopg.Connection[Any]) -> int:
    """How many sessions of this database do."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    row = looking.execute(waiting).fetchone()
    assert row is not None
    return int(row[0])


async def test_money_is_reserved_before_and_never_above_the_limit(db: Database, url: str) -> None:
    """Forty calls at once against a budget that holds a few: watched from outside while they run."""
    limit = Decimal("1.0")
    with provider.running(says(seconds=0.05)) as server:
        door = gateway(db, server, CVA_DAILY_BUDGET_USD=float(limit), CVA_LLM_OUTPUT_TOKENS=4000)
        highest = Decimal(0)
        with psycopg.connect(url, autocommit=True) as connection:
            tasks = [asyncio.create_task(door.ask(ask(f"{n} " + "x" * 9000), NOBODY)) for n in range(40)]
            while not all(task.done() for task in tasks):
                row = connection.execute(
                    "SELECT coalesce(max(spent_usd + reserved_usd), 0) FROM llm_budgets"
                ).fetchone()
                highest = max(highest, row[0] if row else Decimal(0))
                await asyncio.sleep(0.005)
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert Decimal("0.3") < highest <= limit
    over = [error for error in ended if isinstance(error, errors.OverBudget)]
    assert over
    assert len(over) < 40
    assert all(not isinstance(error, Exception) or isinstance(error, errors.OverBudget) for error in ended)
    assert "CVA_DAILY_BUDGET_USD" in str(over[0])
    assert budgets(url)["day"][1] == 0


async def test_a_users_day_has_a_limit_of_its_own(db: Database, url: str) -> None:
    """Over all runs of the user's, right while many calls are made at once; another user has the money still."""
    anns = [running_run(url, "ann"), running_run(url, "ann")]
    with provider.running(says(seconds=0.05)) as server:
        door = gateway(db, server, CVA_USER_DAILY_BUDGET_USD=1.0, CVA_LLM_OUTPUT_TOKENS=4000)
        asked = [door.ask(ask(f"{n} " + "x" * 9000), anns[n % 2]) for n in range(40)]
        ended = await asyncio.gather(*asked, return_exceptions=True)
        over = [error for error in ended if isinstance(error, errors.OverBudget)]
        assert 0 < len(over) < 40
        assert "CVA_USER_DAILY_BUDGET_USD" in str(over[0])
        await door.ask(ask("bob's"), running_run(url, "bob"))
        await door.ask(ask("nobody's"), running_run(url))
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT split_part(b.scope, ':', 3), b.spent_usd, b.reserved_usd, (SELECT sum(c.cost_usd) FROM llm_calls c"
            " JOIN runs r ON r.id = c.run_id WHERE r.created_by = split_part(b.scope, ':', 3))"
            " FROM llm_budgets b WHERE b.scope LIKE 'user:%' ORDER BY 1"
        ).fetchall()
    assert [name for name, *_ in rows] == ["ann", "bob"]
    for _, spent, reserved, cost in rows:
        assert (spent, reserved) == (cost, 0)
        assert spent <= 1


@pytest.mark.parametrize("user", [None, "ann"])
async def test_a_settled_call_asks_for_the_runs_budget_before_the_days(
    db: Database, url: str, user: str | None
) -> None:
    """As who reserves does: otherwise each would wait for the other."""
    caller = running_run(url, user)
    entry = Entry("k", "architect", "judge", "p", "m", "1", Decimal("0.1"))
    call = await take(db, entry, caller, call=new_id(), limits=Limits(Decimal(9), Decimal(9), Decimal(9)), cleared=True)
    assert isinstance(call, Reserved)
    with psycopg.connect(url) as holding, psycopg.connect(url, autocommit=True) as looking:
        holding.execute("SELECT FROM llm_budgets WHERE scope = %s FOR UPDATE", [f"run:{caller.run_id}"])
        settling = asyncio.create_task(settle(db, call, Settlement(completed=True, outcome="ok")))
        async with asyncio.timeout(20):
            while not waiting_for_locks(looking):
                await asyncio.sleep(0.01)
        looking.execute("SELECT FROM llm_budgets WHERE scope LIKE 'day:%' FOR UPDATE NOWAIT")
        holding.rollback()
        await settling
        assert looking.execute("SELECT DISTINCT reserved_usd FROM llm_budgets").fetchall() == [(0,)]


async def test_a_lost_call_and_its_successor_that_settle_together_hold_no_money(db: Database, url: str) -> None:
    caller = running_run(url, "ann")
    entry = Entry("k", "architect", "judge", "p", "m", "1", Decimal("0.1"))
    limits = Limits(Decimal(9), Decimal(9), Decimal(9))
    lost = await take(db, entry, caller, call=new_id(), limits=limits, cleared=True)
    with psycopg.connect(url) as holding, psycopg.connect(url, autocommit=True) as looking:
        looking.execute("UPDATE runs SET attempt = attempt + 1 WHERE id = %s", [caller.run_id])
        assert caller.attempt is not None
        successor = await take(
            db, entry, replace(caller, attempt=caller.attempt + 1), call=new_id(), limits=limits, cleared=True
        )
        assert isinstance(lost, Reserved)
        assert isinstance(successor, Reserved)
        holding.execute("SELECT FROM llm_budgets WHERE scope = %s FOR UPDATE", [f"run:{caller.run_id}"])
        how = Settlement(completed=True, outcome="ok", response={"text": "x"}, cost=Decimal("0.01"))
        settling = []
        async with asyncio.timeout(20):
            for number, call in enumerate((lost, successor), start=1):
                settling.append(asyncio.create_task(settle(db, call, how)))
                while waiting_for_locks(looking) < number:
                    await asyncio.sleep(0.01)
            holding.rollback()
            await asyncio.gather(*settling)
        states = looking.execute("SELECT state, cost_usd FROM llm_calls ORDER BY created_at").fetchall()
        assert states == [("completed", Decimal("0.01")), ("failed", Decimal("0.01"))]
        sums = looking.execute("SELECT DISTINCT reserved_usd, spent_usd FROM llm_budgets").fetchall()
        assert sums == [(0, Decimal("0.02"))]


async def test_a_call_that_waits_long_for_the_days_budget_is_made_all_the_same(db: Database, url: str) -> None:
    """Longer than a lock is waited for: the database is there, and no attempt is spent on it."""
    with provider.running(says()) as server, psycopg.connect(url) as holding:
        await gateway(db, server).ask(ask("a"), NOBODY)
        holding.execute("SELECT FROM llm_budgets WHERE scope LIKE 'day:%' FOR UPDATE")
        asking = asyncio.create_task(gateway(db, server).ask(ask("b"), NOBODY))
        # It is the wait itself that is the case: lock_timeout is ten seconds.
        await asyncio.sleep(10.5)
        assert not asking.done()
        holding.rollback()
        await asking
        assert len(server.requests) == 2


async def test_an_unknown_price_is_never_zero_and_ones_own_endpoint_is_free(db: Database, url: str) -> None:
    with provider.running(says()) as server:
        await gateway(db, server, CVA_LLM_PRICES={}).ask(ask("a"), NOBODY)
        await gateway(db, server).ask(ask("b"), NOBODY)
        named = {"OPENAI_API_KEY": "sk-test-0123456789", "OPENAI_BASE_URL": server.url}
        unknown = app.settings(**named, CVA_JUDGE_ARCHITECT_MODEL="gpt-4-unheard-of")
        await Gateway(unknown, db).ask(ask("c"), NOBODY)
    free, given, assumed = ledger(url)
    assert free.cost_usd == free.reserved_usd == 0
    assert given.cost_usd > 0
    assert assumed.cost_usd > 0


@pytest.mark.parametrize("usage", ["usage negative", "usage absurd", "usage zero", "usage missing"])
async def test_usage_that_cannot_be_true_is_estimated(db: Database, url: str, usage: str) -> None:
    question = Ask("architect", "judge", ({"role": "user", "content": "word " * 200},), JudgeAnswer, "1")
    with provider.running(provider.FAULTS[usage][0]) as server:
        await gateway(db, server).ask(question, NOBODY)
    (call,) = ledger(url)
    assert 100 < call.prompt_tokens < 2000
    assert 0 < call.cost_usd <= call.reserved_usd


# The library drops a coroutine of its own when it is cancelled at the wrong moment.
@pytest.mark.filterwarnings("ignore:coroutine 'OpenAIChatCompletion.acompletion' was never awaited:RuntimeWarning")
async def test_a_call_that_is_cancelled_while_it_is_reserved_holds_no_money(db: Database, url: str) -> None:
    """The reservation could be written, and nobody knew of it any more: it was counted at its maximum in the end."""
    caller = running_run(url)
    with provider.running(says(seconds=30)) as server:
        asking = gateway(db, server)
        await client.ready()
        whole = 0.0
        for number in range(50):
            before = len(server.requests)
            task = asyncio.create_task(asking.ask(ask(f"word {number}"), caller))
            began = time.monotonic()
            # From the first moment on to when the provider is asked, in steps; how long that takes is seen at the start.
            while len(server.requests) == before and (number < 3 or time.monotonic() - began < whole * number / 50):
                await asyncio.sleep(0.0002)
            whole = whole if number >= 3 else time.monotonic() - began
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        async with asyncio.timeout(30):
            while asking._settling:
                await asyncio.sleep(0.01)
    calls = ledger(url)
    assert not [call for call in calls if call.state == "reserved"]
    assert all(call.cost_usd == 0 for call in calls if call.error == "It was cancelled before it was made.")
    assert budgets(url)["run"] == (sum(call.cost_usd for call in calls), 0)


async def test_a_lost_worker_does_not_hold_a_key_or_money(db: Database, url: str) -> None:
    caller = running_run(url)
    with provider.running(says(seconds=30)) as server:
        task = asyncio.create_task(gateway(db, server).ask(ask(), caller))
        while not server.requests:
            await asyncio.sleep(0.01)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("UPDATE runs SET attempt = 2 WHERE id = %s", [caller.run_id])
        server.script = says("second")
        found = await gateway(db, server).ask(ask(), Caller(caller.run_id, 2))
        assert found.value.word == "second"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    calls = {call.outcome: call for call in ledger(url)}
    assert set(calls) == {"cancelled", "ok"} or set(calls) == {"lost", "ok"}
    assert all(reserved == 0 for _, reserved in budgets(url).values())
