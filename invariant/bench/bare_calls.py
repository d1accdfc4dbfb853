"""`python -m invariant.bench.bare_calls URL NUMBER:BYTES …`: calls through litellm and nothing else, in one process.

Wave after wave, each of so many calls at once with prompts of so many bytes; says how many seconds all of it took. What
the product needs beyond this is its own.
"""

import asyncio
import sys
import time
from typing import Any

import uvloop

from worker.llm import client


async def _wave(litellm: Any, url: str, number: int, size: int) -> None:
    async def one(which: int) -> None:
        await litellm.acompletion(
            model="openai/judge-1",
            api_base=url,
            api_key="none",
            num_retries=0,
            max_retries=0,
            timeout=300,
            messages=[{"role": "user", "content": f"{which}\n" + "x = limit * 7\n" * (size // 14)}],
        )

    await asyncio.gather(*(one(which) for which in range(number)))


async def _main(url: str, waves: list[tuple[int, int]]) -> float:
    litellm = client.load()
    await _wave(litellm, url, 1, 100)
    began = time.perf_counter()
    for number, size in waves:
        await _wave(litellm, url, number, size)
    return time.perf_counter() - began


if __name__ == "__main__":
    waves = [(int(number), int(size)) for number, _, size in (wave.partition(":") for wave in sys.argv[2:])]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.stdout.write(f"{runner.run(_main(sys.argv[1], waves))}\n")
