"""Every kind of request to every provider, against servers that refuse what the provider does not publish."""

from typing import Any

import psycopg
import pytest

from tests.support import app
from tests.support.providers import PROTOCOLS, Server, running
from tests.support.questions import extraction, judge
from worker.core.db.database import Database
from worker.llm import errors
from worker.llm.gateway import Gateway
from worker.llm.ledger import Caller

NOBODY = Caller(None, None)
# (provider, model, whether it takes the form of an answer)
MODELS = [
    ("openai", "gpt-5.1", True),
    ("openai", "gpt-6-sol", True),
    ("openai", "o3", True),
    ("openai", "gpt-4.1", True),
    ("openai", "gpt-4-turbo", False),
    ("anthropic", "claude-sonnet-4-6", True),
    ("anthropic", "claude-opus-4-7", True),
    ("anthropic", "claude-3-haiku-20240307", False),
    ("gemini", "gemini/gemini-2.5-pro", True),
    ("gemini", "gemini/gemini-3.7-flash", True),
    ("gemini", "gemini/gemini-9-nano", False),
    ("deepseek", "deepseek/deepseek-v4-pro", True),
    ("deepseek", "deepseek/deepseek-chat", False),
]
FIRST = {"openai": "gpt-5.1", "anthropic": "claude-sonnet-4-6", "gemini": "gemini/gemini-2.5-pro"}
FIRST["deepseek"] = "deepseek/deepseek-v4-pro"
KINDS = {
    "judge": judge,
    "debate": lambda: judge(task="On no-eval-1a2b3c4d:\n- security: FAIL, score 2. It calls it."),
    "repair": lambda: judge(code="1| x = 1"),
    "extraction": extraction,
}


def gateway(server: Server, db: Database, model: str, **more: Any) -> Gateway:
    named = {"CVA_JUDGE_ARCHITECT_MODEL": model, "CVA_EXTRACTION_MODEL": model}
    return Gateway(app.settings(**server.settings, **named, **more), db)


def has_form(body: dict[str, Any]) -> bool:
    words = ("response_format", "output_config", "tools", "response_json_schema", "response_schema")
    return any(word in {**body, **body.get("generationConfig", {})} for word in words)


# Those that the library's map does not know, or knows too little of: tried with the form once, and never again.
TRIED = ("claude-3-haiku-20240307", "gemini/gemini-9-nano", "deepseek/deepseek-chat")


@pytest.mark.parametrize(("provider", "model", "structured"), MODELS, ids=str)
async def test_every_kind_of_request_is_accepted(db: Database, provider: str, model: str, structured: bool) -> None:
    with running(PROTOCOLS[provider]) as server:
        honest = server.script
        for kind, question in KINDS.items():
            repair = kind == "repair"
            server.script = lambda request, repair=repair: (
                honest(request) if not repair or request.is_repair else "no JSON at all"
            )
            before = len(server.calls)
            assert (await gateway(server, db, model).ask(question(), NOBODY)).value, kind
            accepted = [call for call in server.calls[before:] if call.accepted]
            assert len(accepted) == (2 if repair else 1), kind
            assert all(has_form(call.body) is structured for call in accepted), kind
            if repair:
                assert [role for role, _ in accepted[1].seen][-2] in ("assistant", "model")
            if not structured:
                # In words then, after what is shared.
                assert all("JSON schema" in call.seen[-1][1] for call in accepted), kind
        refused = [call.number for call in server.calls if not call.accepted]
        assert refused == ([1] if model in TRIED else [])


@pytest.mark.parametrize("provider", PROTOCOLS)
async def test_no_request_holds_words_that_nobody_documents(db: Database, provider: str) -> None:
    with running(PROTOCOLS[provider]) as server:
        await gateway(server, db, FIRST[provider]).ask(judge(), NOBODY)
    (call,) = server.calls
    assert b"no_log" not in call.raw
    assert b"maxLength" not in call.raw
    assert b"json_tool_call" not in call.raw


FAULTS = {
    "rate_limited": "provider_rate_limited",
    "no_credit": "provider_rejected",
    "unauthorized": "provider_rejected",
    "forbidden": "provider_rejected",
    "not_found": "provider_rejected",
    "too_long": "provider_rejected",
    "too_large": "provider_rejected",
    "server_error": "provider_unavailable",
    "overloaded": "provider_unavailable",
}


@pytest.mark.parametrize(
    ("provider", "fault"), [(name, fault) for name, protocol in PROTOCOLS.items() for fault in protocol.faults]
)
async def test_every_error_is_of_its_class_and_costs_nothing(db: Database, url: str, provider: str, fault: str) -> None:
    with running(PROTOCOLS[provider]) as server:
        server.fault = fault
        with pytest.raises(errors.LlmError) as caught:
            await gateway(server, db, FIRST[provider]).ask(judge(), NOBODY)
    assert caught.value.code == FAULTS[fault], str(caught.value)
    if isinstance(caught.value, errors.RateLimited):
        assert caught.value.seconds == 77
    if fault == "too_long":
        assert "too long" in str(caught.value)
    if fault == "no_credit" and provider != "gemini":
        assert "no credit" in str(caught.value)
    assert costs(url) == {0}


@pytest.mark.parametrize(
    ("provider", "ended", "code"),
    [
        *((name, "length", "answer_unparseable") for name in PROTOCOLS),
        *((name, "refusal", "model_refused") for name in PROTOCOLS),
        ("openai", "content_filter", "model_refused"),
        ("anthropic", "model_context_window_exceeded", "answer_unparseable"),
        ("gemini", "blocked", "model_refused"),
        ("gemini", "RECITATION", "model_refused"),
        ("deepseek", "insufficient_system_resource", "provider_unavailable"),
    ],
)
async def test_every_end_is_of_its_class(db: Database, url: str, provider: str, ended: str, code: str) -> None:
    with running(PROTOCOLS[provider]) as server:
        server.ended = ended
        honest = server.script
        server.script = lambda request: honest(request)[: None if code == "model_refused" else 40]
        with pytest.raises(errors.LlmError) as caught:
            await gateway(server, db, FIRST[provider]).ask(judge(), NOBODY)
    assert caught.value.code == code, str(caught.value)
    if code != "provider_unavailable":
        # The library takes this end for an ordinary one, and the answer is asked for once more.
        assert len(server.calls) == 1 + (ended == "model_context_window_exceeded")
        assert min(costs(url)) > 0


def costs(url: str) -> set[Any]:
    with psycopg.connect(url) as connection:
        return {cost for (cost,) in connection.execute("SELECT cost_usd FROM llm_calls")}
