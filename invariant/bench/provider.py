"""A provider of models that is a program: a real HTTP server that speaks the protocols of OpenAI and Anthropic.

What it answers is decided by a script, a function from the request to a reply, so that benchmarks and tests can
say what each judge does, how long it takes, and in which way it fails.
"""

import argparse
import asyncio
import contextlib
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import uvloop

from invariant import serving

_PLACE = re.compile(r"^(\d+)\| (.*)$")
_CRITERION = re.compile(r"^(\S+) \((\w+), (\w+), (\w+)\): (.*)$", re.MULTILINE)
_SCOUTED = re.compile(r"^(\S+) \((?:forbids|everywhere|somewhere)\): (.*)$", re.MULTILINE)
_KEYS = re.compile(r"in this order: (.+)$", re.MULTILINE)


@dataclass
class Request:
    """One call as it arrived, `at` seconds since the epoch. `role` is a judge's, `extraction`, `scout` or
    `remediation`; `cancelled`: the caller hung up too early."""

    path: str
    body: dict[str, Any]
    raw: str
    number: int
    at: float = field(default_factory=time.time)
    cancelled: bool = False

    @property
    def model(self) -> str:
        return str(self.body.get("model"))

    @cached_property
    def texts(self) -> list[str]:
        """The messages, the system's first."""
        found = [self.body["system"]] if "system" in self.body else []
        found += [message["content"] for message in self.body["messages"]]
        return [
            "\n\n".join(part.get("text", "") for part in content) if isinstance(content, list) else content
            for content in found
        ]

    @cached_property
    def text(self) -> str:
        return "\n\n".join(self.texts)

    @property
    def role(self) -> str:
        text = self.text
        if "You read the constitution" in text:
            return "extraction"
        if "You mend a software repository" in text:
            return "remediation"
        if "You scout a software repository" in text:
            return "scout"
        for mark, role in (("You are the ARCHITECT", "architect"), ("You are the SECURITY", "security")):
            if mark in text:
                return role
        return "user_proxy"

    @property
    def is_repair(self) -> bool:
        return "That answer could not be used" in self.text

    @property
    def is_debate(self) -> bool:
        return "The judges do not agree" in self.text

    @property
    def keys(self) -> list[str]:
        """Keys of the criteria that an opinion is wanted for."""
        found = _KEYS.findall(self.text)
        return [key.strip() for key in found[-1].split(",")] if found else []

    @property
    def statements(self) -> dict[str, str]:
        return {key: statement for key, _, _, _, statement in _CRITERION.findall(self.text)}

    @property
    def criteria(self) -> dict[str, str]:
        """Statements by their keys, as a scout is told them."""
        return dict(_SCOUTED.findall(self.text))

    def lines(self, words: Sequence[str] = ("",)) -> Iterator[tuple[str, int, str]]:
        """(path, number, text) of every line of the repository that is shown and has one of the words."""
        path = ""
        for line in self.text.split("\n"):
            if line.startswith("=== "):
                path = line[4:]
            elif path and any(word in line for word in words) and (found := _PLACE.match(line)):
                yield path, int(found[1]), found[2]


@dataclass
class Reply:
    """`body` a dict is sent as JSON, a str as it is. `fault`: reset, cut (reset mid-body), drip, hang."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    fault: str | None = None


Script = Callable[[Request], Reply]


def completion(
    request: Request, text: str, *, finish: str = "stop", usage: Any = "true", **more: Any
) -> dict[str, Any]:
    """An answer in the protocol that was spoken. `usage` "true" counts honestly; None leaves it out."""
    counted = {"prompt": len(request.raw) // 4 + 1, "completion": len(text) // 4 + 1}
    if request.path.endswith("/messages"):
        return {
            "id": f"msg_{request.number}",
            "type": "message",
            "role": "assistant",
            "model": request.model,
            "content": [{"type": "text", "text": text}],
            "stop_reason": {"stop": "end_turn", "length": "max_tokens"}.get(finish, "refusal"),
            "stop_sequence": None,
            "usage": {"input_tokens": counted["prompt"], "output_tokens": counted["completion"]},
        }
    found: dict[str, Any] = {
        "id": f"chatcmpl-{request.number}",
        "object": "chat.completion",
        "created": 1,
        "model": request.model,
        "choices": [{"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text, **more}}],
    }
    if usage == "true":
        total = counted["prompt"] + counted["completion"]
        usage = {
            "prompt_tokens": counted["prompt"],
            "completion_tokens": counted["completion"],
            "total_tokens": total,
        }
    if usage is not None:
        found["usage"] = usage
    return found


def opinion(
    key: str, vote: str, *, score: int | None = None, confidence: float | None = 0.9, **more: Any
) -> dict[str, Any]:
    """One opinion in the form that judges answer in."""
    decided = vote != "ABSTAIN"
    return {
        "criterion": key,
        "evidence": [],
        "absent": [],
        "rationale": f"This is {vote}.",
        "vote": vote,
        "score": (score if score is not None else 9 if vote == "PASS" else 3) if decided else None,
        "confidence": confidence if decided else None,
        **more,
    }


def honest(request: Request) -> list[dict[str, Any]]:
    """What a judge says who looks for the words in backticks: where one stands the criterion fails."""
    statements = request.statements
    sought = {key: re.findall(r"`([^`]+)`", statements.get(key, "")) for key in request.keys}
    lines = list(request.lines([word for words in sought.values() for word in words]))
    found = []
    for key, words in sought.items():
        places = [(path, number, line) for path, number, line in lines if any(word in line for word in words)]
        if not words:
            found.append(opinion(key, "ABSTAIN"))
        elif places:
            evidence = [
                {"path": path, "start_line": number, "end_line": number, "quote": line}
                for path, number, line in places[:3]
            ]
            found.append(opinion(key, "FAIL", evidence=evidence))
        else:
            found.append(opinion(key, "PASS"))
    return found


def scouted(request: Request) -> list[dict[str, Any]]:
    """What a scout names who looks for the words in backticks: every line in which one stands."""
    sought = {key: re.findall(r"`([^`]+)`", statement) for key, statement in request.criteria.items()}
    words = [word for of in sought.values() for word in of]
    lines = list(request.lines(words)) if words else []
    return [
        {
            "criterion": key,
            "text": int(text),
            "start_line": number,
            "end_line": number,
            "quote": line,
            "shows": "breaks",
            "why": "It stands here.",
        }
        for key, own in sought.items()
        for text, number, line in lines
        if any(word in line for word in own)
    ][:100]


def extracted(request: Request) -> list[dict[str, Any]]:
    """Every list item of the constitution as a criterion."""
    found = []
    for line in request.text.split("\n"):
        item = re.match(r"^\d+\| \s*[-*] (.+)$", line)
        if item:
            severity = "high" if "MUST" in item[1] else "medium" if "SHOULD" in item[1] else "low"
            category = "security" if "secur" in item[1].lower() else "functionality"
            found.append(
                criterion(
                    item[1],
                    category=category,
                    severity=severity,
                    kind="forbids" if " NOT " in item[1] or " free of " in item[1] else "everywhere",
                    patterns=[re.escape(code) for code in re.findall(r"`([^`]+)`", item[1])],
                )
            )
    return found


def criterion(quote: str, **more: Any) -> dict[str, Any]:
    """One criterion in the form that the extraction model answers in."""
    return {
        "quote": quote,
        "statement": quote,
        "category": "functionality",
        "severity": "high",
        "kind": "everywhere",
        "only_in": [],
        "not_in": [],
        "limit_quote": "",
        "condition": "",
        "patterns": [],
        **more,
    }


def answer(request: Request) -> str:
    """The text of an honest answer to any request of the product."""
    if request.role == "extraction":
        return json.dumps({"criteria": extracted(request), "not_read": []})
    if request.role == "scout":
        return json.dumps({"places": scouted(request)})
    return json.dumps({"opinions": honest(request)})


def debated_script(seconds: float) -> Script:
    """Honest judges, but for the first criterion of each call: where its words stand somewhere, they split over whether
    that breaks it, until they debate it."""

    def script(request: Request) -> Reply:
        if request.role in ("extraction", "scout") or request.is_debate or not request.keys:
            return Reply(completion(request, answer(request)), seconds=seconds)
        found = honest(request)
        places = found[0]["evidence"]
        if places and request.role != "user_proxy":
            vote = "ABSTAIN" if request.role == "security" else "PASS"
            found[0] = opinion(request.keys[0], vote, evidence=places)
        return Reply(completion(request, json.dumps({"opinions": found})), seconds=seconds)

    return script


class Provider:
    """The server. `requests` are the calls so far, in the order of their arrival."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.requests: list[Request] = []
        self.url = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while await self._one(reader, writer):
                pass
        writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = head.split(" ", 2)[1]
        length = re.search(r"(?i)content-length: (\d+)", head)
        raw = (await reader.readexactly(int(length[1]) if length else 0)).decode()
        arrived = time.monotonic()
        request = Request(path, json.loads(raw), raw, len(self.requests) + 1)
        self.requests.append(request)
        reply = self.script(request)
        # A call takes as long as it shall, whatever thinking up the answer took of it.
        left = 3600.0 if reply.fault == "hang" else reply.seconds - (time.monotonic() - arrived)
        if left > 0:
            gone = asyncio.ensure_future(reader.read(1))
            done, _ = await asyncio.wait({gone}, timeout=left)
            if done:
                request.cancelled = True
                return False
            gone.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await gone
        if reply.fault == "reset":
            return _abort(writer)
        content = (reply.body if isinstance(reply.body, str) else json.dumps(reply.body)).encode()
        headers = {"content-type": "application/json", "content-length": str(len(content)), **reply.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        writer.write(f"HTTP/1.1 {reply.status} Status\r\n{lines}\r\n".encode())
        if reply.fault == "cut":
            writer.write(content[: len(content) // 2])
            await writer.drain()
            await asyncio.sleep(0.05)
            return _abort(writer)
        if reply.fault == "drip":
            for byte in content:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0.2)
        else:
            writer.write(content)
        await writer.drain()
        return True


def _abort(writer: asyncio.StreamWriter) -> bool:
    transport = writer.transport
    transport.abort()
    return False


@contextlib.contextmanager
def running(script: Script) -> Iterator[Provider]:
    """The server in a thread of its own, for as long as the block lasts."""
    provider = Provider(script)
    with serving.in_thread(provider.handle) as port:
        provider.url = f"http://127.0.0.1:{port}/v1"
        yield provider


def main() -> None:
    """`python -m invariant.bench.provider PORT SECONDS`: judges that take their time, and split at times."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("seconds", type=float)
    given = parser.parse_args()

    async def serve() -> None:
        provider = Provider(debated_script(given.seconds))
        server = await asyncio.start_server(provider.handle, "127.0.0.1", given.port, limit=1 << 26, backlog=1024)
        await server.serve_forever()

    uvloop.run(serve())


if __name__ == "__main__":
    main()
