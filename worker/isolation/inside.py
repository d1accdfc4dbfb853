"""The life of a contained process: take a call, answer it, until the other side closes.

A call names a function, or the method of a class of which the process keeps one object. What it raises of the errors
that its class declares (`told`) goes back by name; of any other only the kind is told, not its words.
"""

import asyncio
import contextlib
import copy
import fcntl
import gc
import inspect
import json
import os
import pickle
import select
import signal
import socket
import traceback
from collections.abc import Callable
from functools import cache
from typing import Any, get_type_hints

from pydantic import TypeAdapter
from pydantic_core import SchemaValidator

from worker.isolation import frames, layers, linux, memory

MAX_WORDS = 2000
_LOOK_MILLISECONDS = 1000
_COLLECTIONS = ("list", "tuple", "set", "frozenset", "dict")


@cache
def adapter(function: Callable[..., Any]) -> TypeAdapter[Any]:
    """Reads and writes what the function returns."""
    return TypeAdapter(get_type_hints(function)["return"])


@cache
def validator(function: Callable[..., Any]) -> SchemaValidator:
    """Reads what the function returns, and stops at the first error of a collection: an answer of as many errors as it
    has bytes would take the reader's memory, and a minute."""
    schema = copy.deepcopy(adapter(function).core_schema)
    nodes: list[Any] = [schema]
    for node in nodes:
        if isinstance(node, dict):
            if node.get("type") in _COLLECTIONS:
                node["fail_fast"] = True
            nodes += node.values()
        elif isinstance(node, list | tuple):
            nodes += node
    return SchemaValidator(schema)


class Inside:
    """Serves one channel, one call at a time."""

    def __init__(self, channel: socket.socket, objects: dict[type, Any] | None = None) -> None:
        self._channel = channel
        self._objects: dict[type, Any] = objects or {}
        self._forks: set[int] = set()

    def serve(self) -> None:
        """Until the channel is closed; what programs leave behind ends before the answer goes out, or soon after."""
        poll = select.poll()
        poll.register(self._channel, select.POLLIN)
        while True:
            while not poll.poll(_LOOK_MILLISECONDS):
                self._tidy()
            message = frames.receive(self._channel)
            if message is None:
                break
            kind, body, descriptors = message
            if kind == frames.FORK:
                self._fork(descriptors)
                continue
            answer = self._answered(body)
            self._tidy()
            self._channel.sendall(frames.answer(answer))
        self._tidy()

    def _tidy(self) -> None:
        """End every child that is no fork of ours, orphans among them, and forget those that have ended."""
        for child in memory.children(os.getpid()):
            if child not in self._forks:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(child, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG)[0]) != 0:
                self._forks.discard(ended)

    def _fork(self, descriptors: list[int]) -> None:
        """Become two: the child has what was read so far and serves a channel of its own."""
        channel, lifeline = descriptors
        gc.freeze()
        if fork := os.fork():
            self._forks.add(fork)
            os.close(channel)
            os.close(lifeline)
            return
        self._channel.close()
        _end_with(lifeline)
        if layers.LINUX:
            # What its programs leave behind is of its run, and counts there.
            linux.adopt_orphans()
            with contextlib.suppress(OSError):
                # It is of one user with the processes of the other runs that share the room.
                linux.scope_signals()
        Inside(socket.socket(fileno=channel), self._objects).serve()
        os._exit(0)

    def _answered(self, body: bytes) -> bytes:
        try:
            function, arguments = pickle.loads(body)  # noqa: S301  from the process that made this one
            value = self._called(function, arguments)
            return b'{"value":' + adapter(function).dump_json(value, warnings="error") + b"}"
        except MemoryError:
            return json.dumps({"error": "MemoryError", "words": ""}).encode()
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            words = (
                str(error)[:MAX_WORDS] if hasattr(error, "code") else f"{where.filename.split('/')[-1]}:{where.lineno}"
            )
            name = f"{type(error).__module__}.{type(error).__qualname__}"
            return json.dumps({"error": name, "words": words}).encode()

    def _called(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        owner = function.__qualname__.rpartition(".")[0]
        if owner:
            kind = vars(inspect.getmodule(function))[owner]
            if kind not in self._objects:
                self._objects[kind] = kind()
            arguments = (self._objects[kind], *arguments)
        value = function(*arguments)
        return asyncio.run(value) if inspect.iscoroutine(value) else value


def _end_with(lifeline: int) -> None:
    """Have the kernel end this process when the other end is closed, whatever it is busy with (fcntl(2), O_ASYNC)."""
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
