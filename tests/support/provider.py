"""Judges to order: scripts for the provider of invariant.bench.provider, honest ones and every kind that is not."""

import json
from collections.abc import Callable
from typing import Any

from invariant.bench.provider import Provider, Reply, Request, Script, answer, completion, honest, opinion, running

__all__ = [
    "FAULTS",
    "Provider",
    "Reply",
    "Request",
    "Script",
    "by_role",
    "honest",
    "judging",
    "opinion",
    "patience",
    "running",
]

Judge = Callable[[Request], list[dict[str, Any]]]

CONSTITUTION = """# Rules

- Code MUST NOT call `eval(`.
- Code MUST NOT call `os.system(`.
- Code SHOULD NOT hold `TODO`.
"""
FILES = {
    "app/main.py": "import os\n\n\ndef run(x):\n    return eval(x)\n",
    "app/util.py": "def add(a, b):\n    return a + b\n",
}


def settings(provider: Provider, **more: Any) -> dict[str, Any]:
    """One endpoint, three models: what an operator would set."""
    return {"CVA_LLM_BASE_URL": provider.url, "CVA_LLM_MODEL": "alpha-1,beta-1,gamma-1", **more}


def judging(judge: Judge) -> Script:
    """Honest extraction; opinions as `judge` gives them."""

    def script(request: Request) -> Reply:
        if request.role in ("extraction", "scout"):
            return Reply(completion(request, answer(request)))
        return Reply(completion(request, json.dumps({"opinions": judge(request)})))

    return script


def by_role(**judges: Judge) -> Script:
    """Another judge for some roles; the others are honest."""
    return judging(lambda request: judges.get(request.role, honest)(request))


def _status(status: int, **headers: str) -> Callable[[Request], Reply]:
    return lambda request: Reply({"error": {"message": "as you like it"}}, status, headers)


def _text(text: str | Callable[[Request], str], **more: Any) -> Callable[[Request], Reply]:
    return lambda request: Reply(completion(request, text if isinstance(text, str) else text(request), **more))


def _fault(fault: str) -> Callable[[Request], Reply]:
    return lambda request: Reply(completion(request, answer(request)), fault=fault)


def _opinions(change: Callable[[list[dict[str, Any]]], Any]) -> Callable[[Request], Reply]:
    return _text(lambda request: json.dumps({"opinions": change(honest(request))}))


# Every fault, and the class it is to be handled as: an error's code, or "ok" where the answer can be used.
FAULTS: dict[str, tuple[Callable[[Request], Reply], str]] = {
    "429": (_status(429), "provider_rate_limited"),
    "429 retry-after": (_status(429, **{"retry-after": "30"}), "provider_rate_limited"),
    "429 retry-after a date": (
        _status(429, **{"retry-after": "Wed, 21 Oct 2099 07:28:00 GMT"}),
        "provider_rate_limited",
    ),
    "429 retry-after nonsense": (_status(429, **{"retry-after": "soon"}), "provider_rate_limited"),
    "500": (_status(500), "provider_unavailable"),
    "503": (_status(503), "provider_unavailable"),
    "401": (_status(401), "provider_rejected"),
    "400": (_status(400), "provider_rejected"),
    "404": (_status(404), "provider_rejected"),
    "reset": (_fault("reset"), "provider_unavailable"),
    "cut": (_fault("cut"), "provider_unavailable"),
    "drip": (_fault("drip"), "provider_unavailable"),
    "hang": (_fault("hang"), "provider_unavailable"),
    "html": (lambda request: Reply("<html>busy</html>", 200, {"content-type": "text/html"}), "provider_unavailable"),
    "no choices": (lambda request: Reply({"id": "x", "choices": []}), "provider_unavailable"),
    "length": (_text('{"opinions": [{"crit', finish="length"), "answer_unparseable"),
    "content_filter": (_text("", finish="content_filter"), "model_refused"),
    "refusal": (_text("", refusal="I cannot help with that."), "model_refused"),
    "empty": (_text(""), "answer_unparseable"),
    "prose": (_text("I think it is all fine. PASS!"), "answer_unparseable"),
    "invalid json": (_text('{"opinions": [{"criterion": '), "answer_unparseable"),
    "wrong shape": (_text('{"verdict": "PASS"}'), "answer_unparseable"),
    "a list": (_text("[1, 2]"), "answer_unparseable"),
    "deep": (_text('{"opinions": ' + "[" * 5000 + "]" * 5000 + "}"), "answer_unparseable"),
    "nan": (
        _text(lambda request: json.dumps({"opinions": [{**o, "confidence": float("nan")} for o in honest(request)]})),
        "answer_unparseable",
    ),
    "unknown criterion": (
        _opinions(lambda given: [*given, {**given[0], "criterion": "nobody-asked"}]),
        "answer_unparseable",
    ),
    "doubled criterion": (_opinions(lambda given: [*given, given[0]]), "answer_unparseable"),
    "missing criterion": (_opinions(lambda given: given[1:]), "answer_unparseable"),
    "score 11": (_opinions(lambda given: [{**o, "score": 11} for o in given]), "answer_unparseable"),
    "score 0": (_opinions(lambda given: [{**o, "score": 0} for o in given]), "answer_unparseable"),
    "confidence 7": (_opinions(lambda given: [{**o, "confidence": 7} for o in given]), "answer_unparseable"),
    "no score": (_opinions(lambda given: [{**o, "score": None} for o in given]), "answer_unparseable"),
    "megabytes": (_text("x" * (3 << 20)), "answer_unparseable"),
    "prose around": (
        _text(lambda request: f"Sure! Here it is:\n```json\n{answer(request)}\n```\nAnything else?"),
        "ok",
    ),
    "prose before": (_text(lambda request: f"My {{honest}} view: {answer(request)} That is all."), "ok"),
    "usage negative": (
        _text(answer, usage={"prompt_tokens": -5, "completion_tokens": -1, "total_tokens": -6}),
        "ok",
    ),
    "usage absurd": (
        _text(answer, usage={"prompt_tokens": 10**12, "completion_tokens": 10**12, "total_tokens": 10**12}),
        "ok",
    ),
    "usage zero": (_text(answer, usage={"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}), "ok"),
    "usage missing": (_text(answer, usage=None), "ok"),
}


def patience(name: str) -> float:
    """Seconds to wait for an answer: few where none will come, many where a busy machine may take them."""
    return 1.0 if name in ("hang", "drip") else 30.0
