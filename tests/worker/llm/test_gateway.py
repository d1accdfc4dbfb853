"""The gateway against a provider that misbehaves in every way there is: real HTTP, real litellm, real ledger."""

import asyncio
import time

import psycopg
import psycopg.rows
import pytest

from invariant.bench.provider import completion
from tests.support import app, provider
from tests.support.gateway import NOBODY, Word, ask, budgets, gateway, ledger, running_run, says
from tests.support.provider import Reply, Request
from worker.core.db.database import Database
from worker.llm import errors
from worker.llm.gateway import NONCE, Ask, Gateway
from worker.verification.answer import JudgeAnswer, exactly


async def test_an_answer_is_paid_once(db: Database, url: str) -> None:
    with provider.running(says()) as server:
        door = gateway(db, server)
        first = await door.ask(ask(), NOBODY)
        again = await gateway(db, server).ask(ask(), NOBODY)
        assert first.value == again.value == Word(word="yes")
        assert len(server.requests) == 1
        await door.ask(ask("say another"), NOBODY)
        assert len(server.requests) == 2
    (call, _) = ledger(url)
    assert (call.state, call.outcome, call.model, call.provider) == ("completed", "ok", "only-1", "compatible")
    assert call.prompt_tokens > 0
    assert call.completion_tokens > 0
    assert 0 < call.cost_usd <= call.reserved_usd
    assert budgets(url)["day"] == (sum(c.cost_usd for c in ledger(url)), 0)


async def test_identical_calls_at_once_are_one_in_one_process_and_in_two(db: Database, url: str) -> None:
    with provider.running(says(seconds=0.3)) as server:
        callers = [running_run(url) for _ in range(8)]
        doors = [gateway(db, server), gateway(db, server)]
        found = await asyncio.gather(*(doors[n % 2].ask(ask(), caller) for n, caller in enumerate(callers)))
        assert {answer.value.word for answer in found} == {"yes"}
        assert len(server.requests) == 1
    with psycopg.connect(url) as connection:
        made, reused = connection.execute(
            "SELECT count(*) FILTER (WHERE NOT reused), count(*) FILTER (WHERE reused) FROM llm_uses"
        ).fetchone() or (0, 0)
    assert (made, reused) == (1, 7)


@pytest.mark.parametrize("name", [n for n, (_, code) in provider.FAULTS.items() if not code.startswith("ok")])
async def test_every_fault_is_of_its_class(db: Database, url: str, name: str) -> None:
    reply, code = provider.FAULTS[name]

    def script(request: Request) -> Reply:
        return reply(request)

    question = Ask(
        "architect",
        "judge",
        ({"role": "user", "content": "a-1 (style, low, forbids): Code MUST NOT `x`.\nb-2 (style, low, forbids): No `y`.\nin this order: a-1, b-2"},),
        JudgeAnswer,
        "1",
        check=exactly(["a-1", "b-2"]),
    )  # fmt: skip
    with provider.running(script) as server:
        door = gateway(db, server, CVA_LLM_SECONDS=provider.patience(name))
        with pytest.raises(errors.LlmError) as caught:
            await door.ask(question, NOBODY)
        assert caught.value.code == code
        assert len(server.requests) <= 3 + 5 * (code == "provider_rate_limited")
    calls = ledger(url)
    assert calls
    assert all(call.state != "reserved" for call in calls)
    assert budgets(url)["day"] == (sum(call.cost_usd for call in calls), 0)
    for call in calls:
        assert call.latency_ms is not None or call.state == "failed"
        if name in ("cut", "reset", "hang", "drip", "no choices"):
            # The request went out, and nobody knows what the provider counted.
            assert call.cost_usd == call.reserved_usd > 0
        if name in ("429", "500", "503", "401"):
            assert call.cost_usd == 0
        if code == "answer_unparseable":
            assert call.state == "completed"
            assert call.cost_usd > 0


async def test_a_refused_connection_is_unavailable_and_free(db: Database, url: str) -> None:
    with provider.running(says()) as server:
        pass
    with pytest.raises(errors.Unavailable):
        await gateway(db, server).ask(ask(), NOBODY)
    assert {(call.state, call.cost_usd) for call in ledger(url)} == {("failed", 0)}


async def test_retry_after_is_waited_for_when_it_is_short(db: Database) -> None:
    answers = iter([Reply({"error": {"message": "wait"}}, 429, {"retry-after": "1"})])
    with provider.running(lambda request: next(answers, None) or says()(request)) as server:
        began = time.monotonic()
        assert (await gateway(db, server).ask(ask(), NOBODY)).value.word == "yes"
        assert time.monotonic() - began >= 1


async def test_a_long_retry_after_is_told_and_holds_for_every_worker(db: Database) -> None:
    with provider.running(lambda _: Reply({}, 429, {"retry-after": "77"})) as server:
        with pytest.raises(errors.RateLimited) as caught:
            await gateway(db, server).ask(ask(), NOBODY)
        assert caught.value.seconds == 77
        with pytest.raises(errors.RateLimited) as caught:
            await gateway(db, server).ask(ask("another"), NOBODY)
        assert 60 < caught.value.seconds <= 77
        assert len(server.requests) == 1


async def test_the_breaker_opens_for_every_worker_and_closes_after_a_success(db: Database, url: str) -> None:
    healthy = False

    def script(request: Request) -> Reply:
        return says()(request) if healthy else Reply({}, 503)

    with provider.running(script) as server:
        for number in range(2):
            with pytest.raises(errors.Unavailable):
                await gateway(db, server).ask(ask(str(number)), NOBODY)
        sent = len(server.requests)
        assert sent == 5
        with pytest.raises(errors.Unavailable, match="left alone"):
            await gateway(db, server).ask(ask("a third"), NOBODY)
        assert len(server.requests) == sent
        healthy = True
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("UPDATE llm_providers SET open_until = now() - interval '1 second'")
        assert (await gateway(db, server).ask(ask("a fourth"), NOBODY)).value.word == "yes"
        with psycopg.connect(url) as connection:
            row = connection.execute("SELECT failures, open_until FROM llm_providers").fetchone()
        assert row == (0, None)


async def test_the_next_model_answers_and_its_word_stands(db: Database) -> None:
    healthy = False

    def script(request: Request) -> Reply:
        if request.model == "first-1" and not healthy:
            return Reply({}, 500)
        return says(request.model)(request)

    with provider.running(script) as server:
        more = {"CVA_JUDGE_ARCHITECT_MODEL": "first-1,second-1"}
        assert (await gateway(db, server, **more).ask(ask(), NOBODY)).value.word == "second-1"
        sent = len(server.requests)
        healthy = True
        # Repeatable: the fallback's answer is the answer, though the first could be asked by now.
        assert (await gateway(db, server, **more).ask(ask(), NOBODY)).value.word == "second-1"
        assert len(server.requests) == sent


async def test_one_repair_and_both_answers_are_paid_once(db: Database, url: str) -> None:
    def script(request: Request) -> Reply:
        if request.is_repair:
            return says("better")(request)
        return Reply(completion(request, "no JSON at all"))

    with provider.running(script) as server:
        for _ in range(2):
            assert (await gateway(db, server).ask(ask(), NOBODY)).value.word == "better"
            assert len(server.requests) == 2
    assert [call.purpose for call in ledger(url)] == ["judge", "repair"]


async def test_cancelling_hangs_up_and_settles(db: Database, url: str) -> None:
    with provider.running(says(seconds=30)) as server:
        task = asyncio.create_task(gateway(db, server).ask(ask(), NOBODY))
        while not server.requests:
            await asyncio.sleep(0.01)
        began = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        while not server.requests[0].cancelled:
            await asyncio.sleep(0.01)
            assert time.monotonic() - began < 5
        assert time.monotonic() - began < 2
    (call,) = ledger(url)
    assert (call.state, call.outcome) == ("failed", "cancelled")
    # Nobody knows what the provider counted: the whole reservation is.
    assert call.cost_usd == call.reserved_usd
    assert budgets(url)["day"] == (call.cost_usd, 0)


async def test_secrets_of_ours_do_not_go_out_and_the_nonce_is_new(db: Database) -> None:
    with provider.running(says()) as server:
        key = "sk-ours-0123456789abcdef"
        door = gateway(db, server, CVA_LLM_API_KEY=key)
        for text in ("a", "b"):
            await door.ask(ask(f"{text} {key} {NONCE}"), NOBODY)
        texts = [request.text for request in server.requests]
    assert all(key not in text for text in texts)
    assert len({text.split()[-1] for text in texts}) == 2
    assert all(len(text.split()[-1]) == 16 for text in texts)


async def test_tokens_per_minute_are_shared_by_all_workers(db: Database) -> None:
    with provider.running(says()) as server:
        more = {"CVA_LLM_TOKENS_PER_MINUTE": 3000, "CVA_LLM_OUTPUT_TOKENS": 4000}
        assert await gateway(db, server, **more).ask(ask("a" * 3000), NOBODY)
        with pytest.raises(errors.RateLimited) as caught:
            await gateway(db, server, **more).ask(ask("b" * 6000), NOBODY)
        assert 20 < caught.value.seconds <= 60


async def test_the_protocol_of_anthropic(db: Database, url: str) -> None:
    with provider.running(says("claude")) as server:
        given = {"ANTHROPIC_API_KEY": "sk-ant-test-0123456789", "ANTHROPIC_BASE_URL": server.url.removesuffix("/v1")}
        door = Gateway(app.settings(**given), db)
        assert (await door.ask(ask(), NOBODY)).value.word == "claude"
        server.script = lambda _: Reply(
            {"type": "error", "error": {"type": "rate_limit_error", "message": "slow"}}, 429, {"retry-after": "41"}
        )
        with pytest.raises(errors.RateLimited) as caught:
            await door.ask(ask("again"), NOBODY)
        assert caught.value.seconds == 41
        assert server.requests[0].path == "/v1/messages"
    call = ledger(url)[0]
    assert (call.provider, call.model) == ("anthropic", "claude-sonnet-4-6")
    assert call.cost_usd > 0
