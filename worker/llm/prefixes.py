"""Calls that share a prefix: the first goes ahead, so that the others find it in the provider's cache.

A prefix can be read from a cache once the answer to the first prompt that had it has begun (Anthropic says so,
https://platform.claude.com/docs/en/build-with-claude/prompt-caching; the others are silent). Sent all at once, the
judges of a batch would each pay for all of it.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

from worker.core.ids import sha256
from worker.llm.providers import COMPATIBLE, Model
from worker.llm.requests import Prompt

# Reading a prompt takes a provider seconds; nobody waits for all of the first answer to be written.
_SECONDS = 5.0
# No provider caches less than some thousand tokens.
_LEAST_CHARS = 4096
_REMEMBERED = 512


class Prefixes:
    """One per process: which prefixes are on their way, and which have been read."""

    def __init__(self) -> None:
        self._read: dict[str, asyncio.Event] = {}

    @contextlib.asynccontextmanager
    async def turn(self, model: Model, prompt: Prompt) -> AsyncIterator[None]:
        """The time to send `prompt`: at once when it is the first of its prefix, else soon after the first."""
        shared = [dict(message) for message in prompt.messages[: max(prompt.shared, prompt.batch)]]
        if model.provider == COMPATIBLE or sum(len(message["content"]) for message in shared) < _LEAST_CHARS:
            yield
            return
        prefix = sha256(json.dumps([model.litellm_name, model.base_url, shared]).encode())
        first = self._read.get(prefix)
        if first is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(first.wait(), _SECONDS)
            yield
            return
        while len(self._read) >= _REMEMBERED:
            self._read.pop(next(iter(self._read)))
        event = self._read[prefix] = asyncio.Event()
        try:
            yield
        finally:
            event.set()
